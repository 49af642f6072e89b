import { canonicalObject } from '../src/canonical.js'
import { GateError, toGateError } from '../src/errors.js'
import { readLines } from '../src/io/lines.js'
import { isJsonObject, parseJson, type Json, type JsonObject } from '../src/json.js'
import { decodeUtf8 } from '../src/manifest.js'

/** One record of a corpus: an object, or a change where there is an old one; both are canonical. */
export interface CorpusRecord {
  readonly id: string
  readonly source: string
  /** The file of the repository that the object is from. */
  readonly path: string
  readonly object: JsonObject
  readonly old: JsonObject | null
  /** When a change was made, in seconds since 1970; null where it is not from a history. */
  readonly committed: number | null
  /** What it is about, as the record has it: only a metric and the training read it. */
  readonly truth: RecordTruth
  readonly line: number
}

/** What is known of a record, and never used to judge it. */
export interface RecordTruth {
  readonly label: string
  readonly severity: string | null
  /** The family of an attack, or the operator that made a change. */
  readonly family: string | null
}

/**
 * Reads the records of a corpus file one by one.
 *
 * @throws GateError FILE_UNREADABLE, MANIFEST_SYNTAX or MANIFEST_INVALID, with the line: a record left out would change every figure
 */
export async function* readCorpus(file: string): AsyncGenerator<CorpusRecord> {
  for await (const line of readLines(file)) {
    if ('error' in line) throw line.error
    yield readRecord(line.text, file, line.number)
  }
}

/** Reads one line of a corpus file. */
export function readRecord(text: Uint8Array, file: string, line: number): CorpusRecord {
  const place = `${file}:${line}`
  let value: Json
  try {
    value = parseJson(decodeUtf8(text, place))
  } catch (error) {
    const { code, message } = toGateError(error, 'MANIFEST_SYNTAX')
    throw new GateError(code, `${place}: ${message.replace(/^line 1: /, '')}`, { cause: error })
  }
  if (!isJsonObject(value)) throw invalid(place, 'is not a record')
  const { id, source_repo: source, path } = value
  if (typeof id !== 'string' || typeof source !== 'string') throw invalid(place, 'has no id or no source_repo')
  const object = isJsonObject(value.new) ? value.new : value.manifest
  if (!isJsonObject(object)) throw invalid(place, 'has neither a manifest nor an old and a new object')
  return {
    id,
    source,
    path: textOf(path) ?? '',
    object: canonicalObject(object),
    old: isJsonObject(value.old) ? canonicalObject(value.old) : null,
    committed: typeof value.committed === 'number' ? value.committed : null,
    truth: {
      label: textOf(value.label) ?? '',
      severity: textOf(value.severity),
      family: textOf(value.family) ?? textOf(value.mutation),
    },
    line,
  }
}

function invalid(place: string, problem: string): GateError {
  return new GateError('MANIFEST_INVALID', `${place}: ${problem}`)
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
