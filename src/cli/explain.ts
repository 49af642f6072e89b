import type { Decision } from '../decision-types.js'
import { GateError } from '../errors.js'
import { readFileBytes, readStream } from '../io/files.js'
import { isJsonObject, parseJson, type Json } from '../json.js'
import { decodeUtf8 } from '../manifest.js'
import { explainText } from '../report/explain.js'
import { jsonText } from '../report/json.js'
import { resourceText } from '../report/text.js'
import { paintFor } from './colors.js'
import { write, type CliEnvironment } from './environment.js'

/** A stored SetDecision of 50,000 objects fits. */
const MAX_STORED_BYTES = 256 * 1024 * 1024

/** An abbreviated id or subject has at least this many characters. */
const MIN_PREFIX = 8

/** `lockkeeper explain` as it was asked for. */
export interface ExplainOptions {
  /** A file, or `-` for stdin. */
  readonly from: string
  readonly format: 'text' | 'json'
  readonly color?: boolean
}

/**
 * Prints one stored Decision.
 *
 * @param wanted an id, a subject (both may be cut to 8 characters or more), `Kind/namespace/name` or `Kind/name`
 * @throws GateError DECISION_NOT_FOUND; USAGE when several Decisions are meant
 */
export async function explain(wanted: string, options: ExplainOptions, environment: CliEnvironment): Promise<void> {
  const { stdin, stdout } = environment
  const name = options.from === '-' ? 'stdin' : options.from
  const bytes = await (options.from === '-'
    ? readStream(stdin, name, MAX_STORED_BYTES)
    : readFileBytes(name, MAX_STORED_BYTES))
  const decisions = storedDecisions(decodeUtf8(bytes, name), name)
  const found = new Map(
    decisions.filter(decision => isMeant(decision, wanted)).map(decision => [decision.id, decision]),
  )
  const [decision, ...others] = found.values()
  if (decision === undefined) {
    throw new GateError('DECISION_NOT_FOUND', `${name} has no Decision for ${wanted} among its ${decisions.length}`)
  }
  if (others.length > 0) {
    const list = [decision, ...others].map(each => `${each.id} ${resourceText(each.resource)}`)
    throw new GateError(
      'USAGE',
      `${wanted} means ${list.length} Decisions in ${name}; ask for one id:\n${list.join('\n')}`,
    )
  }
  const text =
    options.format === 'json'
      ? `${jsonText(decision)}\n`
      : explainText(decision, paintFor(stdout, options.color, environment))
  await write(stdout, text)
}

function isMeant({ id, subject, resource }: Decision, wanted: string): boolean {
  const { kind, namespace, name } = resource
  const reference = [kind, ...(namespace === undefined ? [] : [namespace]), name].join('/')
  if (reference.toLowerCase() === wanted.toLowerCase()) return true
  const digest = wanted.replace(/^sha256:/, '')
  return digest.length >= MIN_PREFIX && [id, subject].some(each => each.replace(/^sha256:/, '').startsWith(digest))
}

/** A file holds one SetDecision or Decision, a list of them, or one a line. */
function storedDecisions(text: string, name: string): Decision[] {
  const found = storedValues(text, name).flatMap(decisionsIn)
  if (found.length > 0) return found
  throw new GateError('DECISION_NOT_FOUND', `${name} holds no Decision; make one with: lockkeeper scan --format json`)
}

function storedValues(text: string, name: string): Json[] {
  if (text.trim() === '') return []
  try {
    return [parseJson(text)]
  } catch (whole) {
    const lines = text.split('\n').filter(line => line.trim() !== '')
    try {
      return lines.map(line => parseJson(line))
    } catch {
      throw new GateError('DECISION_NOT_FOUND', `${name} is neither JSON nor JSON lines`, {
        cause: whole,
        position: { file: name },
      })
    }
  }
}

function decisionsIn(value: Json): Decision[] {
  if (Array.isArray(value)) return value.flatMap(decisionsIn)
  if (!isJsonObject(value)) return []
  if (Array.isArray(value.decisions)) return value.decisions.flatMap(decisionsIn)
  return isDecision(value) ? [value as unknown as Decision] : []
}

const LISTS = ['violations', 'degraded', 'exceptions', 'approvals', 'holds'] as const

function isDecision(value: Record<string, Json>): boolean {
  const isText = [value.id, value.subject, value.gate, value.action].every(each => typeof each === 'string')
  const areObjects = [value.resource, value.provenance, value.bundle, value.actions].every(isJsonObject)
  return (
    isText &&
    areObjects &&
    LISTS.every(list => Array.isArray(value[list])) &&
    value.risk !== undefined &&
    value.anomaly !== undefined
  )
}
