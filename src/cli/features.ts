import { mkdir } from 'node:fs/promises'
import { canonicalObject } from '../canonical.js'
import { GateError, thrownText, toGateError } from '../errors.js'
import { findInputs, type Input } from '../io/inputs.js'
import { readLines, type Line } from '../io/lines.js'
import { isJsonObject, parseJson, type JsonObject } from '../json.js'
import { decodeUtf8 } from '../manifest.js'
import { CHANGE_FEATURES, changeFeatures, OBJECT_FEATURES, objectFeatures } from '../risk/features.js'
import { setError } from '../set-decision.js'
import { write, type CliEnvironment } from './environment.js'
import { FeatureMatrix, type MatrixRow } from '../io/feature-matrix.js'
import { nothingFound, renderOptions, writeError } from './judging.js'
import { ScanItems } from './scan-items.js'

/** `lockkeeper features` as it was asked for. */
export interface FeaturesOptions {
  readonly paths: readonly string[]
  /** A directory; it is made. */
  readonly out: string
  readonly kustomize?: string
  readonly helm?: string
}

/**
 * Writes the inputs of the risk model for everything in the paths: `objects` for manifests, `changes` for records of an old
 * and a new object. What cannot be read is said on stderr, and the others are still written.
 *
 * @returns the exit code: 2 when something could not be read
 * @throws GateError FILE_UNWRITABLE or MANIFEST_NONE
 */
export async function writeFeatures(options: FeaturesOptions, environment: CliEnvironment): Promise<number> {
  const { paths, out } = options
  try {
    await mkdir(out, { recursive: true })
  } catch (error) {
    throw new GateError('FILE_UNWRITABLE', `${out}: cannot be made: ${thrownText(error)}`, { cause: error })
  }
  const objects = await FeatureMatrix.create(out, 'objects', OBJECT_FEATURES)
  const changes = await FeatureMatrix.create(out, 'changes', CHANGE_FEATURES)
  const { inputs, errors } = await findInputs(paths)
  let failed = 0
  const fail = async (error: GateError): Promise<void> => {
    failed += 1
    await writeError(environment, setError(error))
  }
  for (const error of errors) await fail(error)
  for (const input of inputs) {
    for await (const record of input.kind === 'lines'
      ? lineRecords(input.path)
      : manifestRecords(input, options, environment)) {
      environment.signal.throwIfAborted()
      if (record instanceof GateError) await fail(record)
      else if (record.old === null) await objects.add(objectFeatures(canonicalObject(record.object)).values, record.row)
      else {
        const { values } = changeFeatures(canonicalObject(record.old), canonicalObject(record.object))
        await changes.add(values, record.row)
      }
    }
  }
  const [objectCount, changeCount] = [await objects.finish(), await changes.finish()]
  if (objectCount + changeCount === 0 && failed === 0) throw nothingFound(paths, 0)
  await write(environment.stdout, `${objectCount} objects and ${changeCount} changes written to ${out}\n`)
  return failed === 0 ? 0 : 2
}

interface FeatureRecord {
  readonly object: JsonObject
  readonly old: JsonObject | null
  readonly row: MatrixRow
}

/** Each line is an object, or a record with a `manifest`, or with an `old` and a `new` object. */
async function* lineRecords(path: string): AsyncGenerator<FeatureRecord | GateError> {
  try {
    for await (const line of readLines(path)) yield lineRecord(line, path)
  } catch (error) {
    yield toGateError(error, 'FILE_UNREADABLE', path)
  }
}

function lineRecord(line: Line, file: string): FeatureRecord | GateError {
  if ('error' in line) return line.error
  const place = `${file}:${line.number}`
  try {
    const value = parseJson(decodeUtf8(line.text, place))
    const row = { file, line: line.number }
    if (isJsonObject(value)) {
      const id = typeof value.id === 'string' ? value.id : null
      if (isJsonObject(value.old) && isJsonObject(value.new)) return featureRecord(value.new, value.old, { ...row, id })
      if (isJsonObject(value.manifest)) return featureRecord(value.manifest, null, { ...row, id })
      if (isJsonObject(value.metadata)) return featureRecord(value, null, { ...row, id: null })
    }
    const message = `${place}: is neither an object nor a record with a manifest or with an old and a new object`
    return new GateError('MANIFEST_INVALID', message, { position: row })
  } catch (error) {
    const { code, message } = toGateError(error, 'MANIFEST_SYNTAX')
    // The line within the line says nothing.
    const text = message.startsWith(place) ? message : `${place}: ${message.replace(/^line 1: /, '')}`
    return new GateError(code, text, { cause: error, position: { file, line: line.number } })
  }
}

/** The manifests of files, stdin and rendered directories, as `scan` reads them. */
async function* manifestRecords(
  input: Input,
  options: FeaturesOptions,
  environment: CliEnvironment,
): AsyncGenerator<FeatureRecord | GateError> {
  const { stdin } = environment
  const render = renderOptions(options, environment)
  for await (const item of new ScanItems([input], { stdin, defaultNamespace: 'default', render }).items()) {
    if (item.kind === 'error') yield item.error
    if (item.kind !== 'object') continue
    const { file, line = null } = item.place
    yield featureRecord(item.manifest.object, null, { id: null, file, line })
  }
}

function featureRecord(
  object: JsonObject,
  old: JsonObject | null,
  place: Pick<MatrixRow, 'id' | 'file' | 'line'>,
): FeatureRecord {
  const metadata = isJsonObject(object.metadata) ? object.metadata : {}
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
  const { apiVersion, kind } = object
  const reference = {
    apiVersion: text(apiVersion),
    kind: text(kind),
    namespace: text(metadata.namespace),
    name: text(metadata.name),
  }
  return { object, old, row: { ...place, ...reference } }
}
