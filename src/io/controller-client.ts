import type { Agent } from 'node:https'
import { GateError, thrownText } from '../errors.js'
import { isJsonObject, type Json, parseJson } from '../json.js'
import type { LiveAnswer } from '../live-objects.js'
import { type LiveQuery, parseLiveAnswer } from '../live-query.js'
import { readFileBytes, readStream } from './files.js'

/** What a gate before the sync asks of the controller. Everything that fails rejects with a ControllerError. */
export interface ControllerClient {
  live(query: LiveQuery, signal?: AbortSignal): Promise<LiveAnswer>
  /** Returns when the controller has the records on its disk; records are JSON lines without the line break. */
  send(records: readonly string[], signal?: AbortSignal): Promise<void>
  /** Closes what is open. */
  close(): void
}

export interface ControllerClientOptions {
  /** `https://lockkeeper-controller.lockkeeper-system.svc:8443` */
  readonly url: URL
  /** PEM of the authority of its certificate. */
  readonly caFile: string
  /** The projected token, for the audience `lockkeeper-controller`. */
  readonly tokenFile: string
  /** For a whole call. */
  readonly timeoutMs?: number
}

/** The controller refused, or did not answer: then `status` is 0. */
export class ControllerError extends GateError {
  readonly status: number

  constructor(status: number, message: string, options: { readonly cause?: unknown } = {}) {
    super(status === 0 ? 'CONTROLLER_UNREACHABLE' : 'CONTROLLER_REFUSED', message, options)
    this.status = status
  }

  /** Whether the same call may succeed later: it was not the content that was refused. */
  get isPassing(): boolean {
    return this.status < 400 || this.status >= 500 || [401, 403, 404, 429].includes(this.status)
  }
}

const TIMEOUT_MS = 10_000
/** More than the controller ever answers. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
/** Behind a Service every try may reach another replica, and only the one that leads keeps records. */
const MAX_SENDS = 4
const MAX_FILE_BYTES = 1024 * 1024

/** A client over kept connections. CA and token are read for each call, since both are replaced while a program runs. */
export function createControllerClient(options: ControllerClientOptions): ControllerClient {
  const { url, caFile, tokenFile, timeoutMs = TIMEOUT_MS } = options
  let agent: Agent | undefined

  const exchange = async (
    path: string,
    body: string,
    contentType: string,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string }> => {
    // With the first call: loading it is a good part of what a render that asks nobody would load.
    const https = await import('node:https')
    const [ca, token] = await Promise.all([textIn(caFile), textIn(tokenFile)])
    const kept = (agent ??= new https.Agent({ keepAlive: true, maxSockets: 4, timeout: 30_000 }))
    return new Promise((resolve, reject) => {
      const request = https.request(
        new URL(path, url),
        {
          method: 'POST',
          agent: kept,
          ca,
          signal,
          headers: {
            authorization: `Bearer ${token.trim()}`,
            'content-type': contentType,
            'content-length': Buffer.byteLength(body),
          },
        },
        response => {
          readStream(response, 'the answer of the controller', MAX_ANSWER_BYTES).then(bytes => {
            resolve({ status: response.statusCode ?? 0, text: Buffer.from(bytes).toString('utf8') })
          }, reject)
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  }

  const post = async (path: string, body: string, contentType: string, given?: AbortSignal): Promise<string> => {
    const ending = new AbortController()
    const timer = setTimeout(() => {
      ending.abort()
    }, timeoutMs)
    const signal = given === undefined ? ending.signal : AbortSignal.any([given, ending.signal])
    const call = async () => {
      try {
        return await exchange(path, body, contentType, signal)
      } catch (thrown) {
        const reason = ending.signal.aborted
          ? `no answer within ${timeoutMs / 1000} s`
          : given?.aborted === true
            ? 'it was given up'
            : thrownText(thrown)
        throw new ControllerError(0, `the controller at ${url.origin}: ${reason}`, { cause: thrown })
      } finally {
        clearTimeout(timer)
      }
    }
    const { status, text } = await call()
    if (status === 200) return text
    throw new ControllerError(status, `the controller refused (HTTP ${status}): ${messageIn(text)}`)
  }

  return {
    live: async (query, signal) =>
      parseLiveAnswer(await post('/v1/live', JSON.stringify(query), 'application/json', signal)),
    send: async (records, signal) => {
      const body = records.map(each => `${each}\n`).join('')
      for (let tries = 1; ; tries += 1) {
        try {
          await post('/v1/records', body, 'application/x-ndjson', signal)
          return
        } catch (thrown) {
          const isElsewhere = thrown instanceof ControllerError && thrown.status === 503
          if (!isElsewhere || tries === MAX_SENDS) throw thrown
        }
      }
    },
    close: () => {
      agent?.destroy()
    },
  }
}

async function textIn(file: string): Promise<string> {
  return Buffer.from(await readFileBytes(file, MAX_FILE_BYTES)).toString('utf8')
}

/** The message of a refusal; what somebody in between says is not shown. */
function messageIn(text: string): string {
  let value: Json = null
  try {
    value = parseJson(text)
  } catch (thrown) {
    if (!(thrown instanceof GateError)) throw thrown
  }
  const error = isJsonObject(value) && isJsonObject(value.error) ? value.error.message : null
  return typeof error === 'string' ? error.slice(0, 1024) : 'it gives no reason'
}
