import { GateError } from '../../errors.js'
import { isJsonObject, type Json, type JsonObject, parseJson } from '../../json.js'
import { ClusterError } from './cluster-client.js'
import type { HttpAnswer } from './transport.js'

/** What the API server itself takes is far below; a custom resource may be deeper than a manifest is allowed to be. */
const MAX_DEPTH = 3000
const MAX_MESSAGE_LENGTH = 1024

/** The object in a successful answer. @throws ClusterError when it is none */
export function objectIn(answer: HttpAnswer, what: string): JsonObject {
  return parseObject(answer.body, answer.status, `the answer to ${what}`)
}

/** @param what completes the sentence "… is not …" */
export function parseObject(bytes: Buffer, status: number, what: string): JsonObject {
  let value: Json
  try {
    value = parseJson(bytes.toString('utf8'), { maxDepth: MAX_DEPTH })
  } catch (thrown) {
    // Its message may quote the object, which may be a Secret.
    const code = thrown instanceof GateError ? thrown.code : 'INTERNAL'
    throw new ClusterError(`${what} is not JSON that can be read (${code})`, { status, reason: 'InvalidAnswer' })
  }
  if (isJsonObject(value)) return value
  throw new ClusterError(`${what} is not an object`, { status, reason: 'InvalidAnswer' })
}

/** The error in an answer that is not successful. */
export function errorIn(answer: HttpAnswer, what: string): ClusterError {
  let status: JsonObject | null = null
  try {
    status = objectIn(answer, what)
  } catch {
    // A proxy between us and the API server says what it likes.
  }
  return statusError(status, `${what}: `, answer.status, retryAfterSeconds(answer.headers['retry-after']))
}

/** The error that a Status object tells of. */
export function statusError(
  object: Json | undefined | null,
  before: string,
  httpStatus: number,
  retryAfter: number | null = null,
): ClusterError {
  const status = isJsonObject(object) && object.kind === 'Status' ? object : null
  const reason = typeof status?.reason === 'string' ? status.reason : ''
  const text = typeof status?.message === 'string' ? printable(status.message) : 'it gives no reason'
  const details = isJsonObject(status?.details) ? status.details.retryAfterSeconds : undefined
  const token = isJsonObject(status?.metadata) ? status.metadata.continue : undefined
  return new ClusterError(`${before}HTTP ${httpStatus}${reason === '' ? '' : ` ${reason}`}: ${text}`, {
    status: httpStatus,
    reason,
    continueToken: typeof token === 'string' && token !== '' ? token : null,
    retryAfterSeconds: retryAfter ?? (typeof details === 'number' && details > 0 ? details : null),
  })
}

function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- a message may quote anything that somebody put into an object
  const clean = text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
  return clean.length > MAX_MESSAGE_LENGTH ? `${clean.slice(0, MAX_MESSAGE_LENGTH)}…` : clean
}

function retryAfterSeconds(header: string | undefined): number | null {
  // Kubernetes sends seconds, never a date.
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : null
}
