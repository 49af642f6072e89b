import { open } from 'node:fs/promises'
import { GateError, thrownText } from '../errors.js'
import { feedbackRecord, type FeedbackLabel } from '../feedback.js'
import { readLines } from '../io/lines.js'
import { isJsonObject, parseJson, stringifyJson, type JsonObject } from '../json.js'
import { write, type CliEnvironment } from './environment.js'

/** An abbreviated id has at least this many characters. */
const MIN_PREFIX = 8
const MAX_REASON = 4096

/** `lockkeeper feedback` as it was asked for. */
export interface FeedbackOptions {
  readonly label: FeedbackLabel
  readonly reason: string
  /** A decision log: what it says of the Decision goes with the record. */
  readonly from?: string
  readonly out: string
  readonly by?: string
}

/**
 * Appends what a person says of a Decision to a file.
 *
 * @param wanted an id as `sha256:<hex>`; with a decision log to find it in it may be cut to 8 digits or more
 * @throws GateError USAGE, DECISION_NOT_FOUND, FILE_UNREADABLE or FILE_UNWRITABLE; then nothing was written
 */
export async function giveFeedback(
  wanted: string,
  options: FeedbackOptions,
  environment: CliEnvironment,
): Promise<void> {
  const { label, from, out } = options
  const reason = options.reason.trim()
  if (reason === '') throw new GateError('USAGE', '--reason must say why')
  if (reason.length > MAX_REASON) throw new GateError('USAGE', `--reason must have at most ${MAX_REASON} characters`)
  const by = options.by ?? environment.env.USER ?? environment.env.LOGNAME ?? ''
  if (by.trim() === '') throw new GateError('USAGE', 'say who you are with --by <name>')
  const event = from === undefined ? null : await findEvent(wanted, from)
  const decisionId = event?.id ?? wholeId(wanted)
  const time = environment.now.toISOString()
  await append(out, `${stringifyJson(feedbackRecord({ time, decisionId, label, reason, by }, event?.value ?? null))}\n`)
  await write(environment.stdout, `${decisionId} is ${label}: recorded in ${out}\n`)
}

/** Without a log there is nothing that could complete an id. */
function wholeId(wanted: string): string {
  const digits = digest(wanted)
  if (/^[0-9a-f]{64}$/.test(digits)) return `sha256:${digits}`
  throw new GateError('USAGE', `${wanted} is no whole id (sha256:<64 digits>); an abbreviated one needs --from <file>`)
}

function digest(id: string): string {
  return id.replace(/^sha256:/, '')
}

/** One line of a decision log. */
interface LoggedEvent {
  readonly id: string
  readonly value: JsonObject
}

/** The last event about the Decision: equal changes share an id, and the last one is what people have seen. */
async function findEvent(wanted: string, path: string): Promise<LoggedEvent> {
  const found = new Map<string, LoggedEvent>()
  let [events, unreadable] = [0, 0]
  for await (const line of readLines(path)) {
    const event = 'text' in line ? parseEvent(line.text) : null
    if (event === null) {
      unreadable += 1
      continue
    }
    events += 1
    if (isMeant(event.id, wanted)) found.set(event.id, event)
  }
  const [event, ...others] = found.values()
  if (event === undefined) {
    const broken = unreadable === 0 ? '' : `; ${unreadable} of its lines are no events`
    throw new GateError('DECISION_NOT_FOUND', `${path} has no Decision ${wanted} among its ${events}${broken}`)
  }
  if (others.length > 0) {
    const list = [...found.keys()].join('\n')
    throw new GateError('USAGE', `${wanted} means ${found.size} Decisions in ${path}; name one:\n${list}`)
  }
  return event
}

function isMeant(id: string, wanted: string): boolean {
  const digits = digest(wanted)
  return id === wanted || (digits.length >= MIN_PREFIX && digest(id).startsWith(digits))
}

/** A log may end in half a line, so one that cannot be read is no reason to stop. */
function parseEvent(text: Uint8Array): LoggedEvent | null {
  try {
    const value = parseJson(Buffer.from(text).toString('utf8'))
    const id = isJsonObject(value) ? value.decision_id : undefined
    return isJsonObject(value) && typeof id === 'string' ? { id, value } : null
  } catch {
    return null
  }
}

/** One write to the end of the file: records of several people do not mix. */
async function append(path: string, line: string): Promise<void> {
  try {
    const handle = await open(path, 'a', 0o600)
    try {
      const bytes = Buffer.from(line)
      const { bytesWritten } = await handle.write(bytes)
      if (bytesWritten < bytes.length) throw new Error('the disk is full')
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw new GateError('FILE_UNWRITABLE', `${path}: cannot be written: ${thrownText(error)}`, { cause: error })
  }
}
