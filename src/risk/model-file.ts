import { GateError, thrownText } from '../errors.js'
import { Fields, problemsText, type Problem } from '../fields.js'
import { isJsonObject, type Json } from '../json.js'
import type { Calibration } from './calibration.js'
import { readEnsemble, type Ensemble } from './ensemble.js'
import { FEATURE_VERSION } from './features.js'
import { readOnnx, type OnnxModel } from './onnx.js'

/** A model file as it was trained: what it computes, and what its numbers mean. */
export interface ModelFile {
  /** In the bundle. */
  readonly path: string
  readonly bytes: Uint8Array
  readonly version: string
  readonly ensemble: Ensemble
  /** The names of its tensors. */
  readonly input: string
  readonly output: string
}

/** A model whose logit becomes a score. */
export interface ScoringFile extends ModelFile {
  /** The name of the group that a kind is in. */
  readonly groupOf: (kind: string) => string
  readonly calibrationOf: (kind: string) => Calibration
}

/** Where the metadata of training stands in the file. */
const METADATA = 'lockkeeper'
const GRID = 0.015625

/** Reads a model that gives log-odds. @throws GateError BUNDLE_MODEL_INVALID */
export function readScoringFile(
  path: string,
  bytes: Uint8Array,
  kind: 'object' | 'change',
  columns: readonly string[],
): ScoringFile {
  return inModel(path, () => {
    const { file, metadata, problems } = open(path, bytes, kind, columns)
    const groups = new Map<string, { readonly kinds: readonly string[]; readonly calibration: Calibration }>()
    const listed = metadata.optionalFields('groups')
    for (const name of listed?.keys() ?? []) {
      const group = listed?.optionalFields(name)
      if (group !== undefined) groups.set(name, readGroup(group))
    }
    const otherGroup = metadata.string('otherGroup') ?? ''
    const other = groups.get(otherGroup)?.calibration
    if (other === undefined) problems.push({ path: 'otherGroup', message: 'must name one of the groups' })
    if (problems.length > 0 || other === undefined) throw new Error(problemsText(problems))
    const byKind = new Map([...groups].flatMap(([name, { kinds }]) => kinds.map(kind => [kind, name] as const)))
    const groupOf = (kind: string): string => byKind.get(kind) ?? otherGroup
    return { ...file, groupOf, calibrationOf: kind => groups.get(groupOf(kind))?.calibration ?? other }
  })
}

/** Reads the isolation forest, whose sum is the mean depth at which a row is alone. @throws GateError BUNDLE_MODEL_INVALID */
export function readIsolationFile(
  path: string,
  bytes: Uint8Array,
  columns: readonly string[],
): ModelFile & { readonly sampleSize: number } {
  return inModel(path, () => {
    const { file, metadata, problems } = open(path, bytes, 'isolation', columns)
    const sampleSize = number(metadata, 'sampleSize', each => Number.isInteger(each) && each >= 2) ?? 0
    if (problems.length > 0) throw new Error(problemsText(problems))
    return { ...file, sampleSize }
  })
}

/** @throws GateError BUNDLE_MODEL_INVALID for whatever goes wrong in `read` */
export function inModel<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new GateError('BUNDLE_MODEL_INVALID', `${path} of the bundle cannot be used: ${thrownText(error)}`, {
      cause: error,
    })
  }
}

function open(path: string, bytes: Uint8Array, kind: string, columns: readonly string[]) {
  const model = readOnnx(bytes)
  const problems: Problem[] = []
  const metadata = metadataOf(model, problems)
  if (number(metadata, 'schema', each => each === 1) === undefined) throw new Error(problemsText(problems))
  metadata.literal('kind', kind)
  const featureVersion = number(metadata, 'featureVersion', () => true)
  if (featureVersion !== undefined && featureVersion !== FEATURE_VERSION)
    metadata.problem('featureVersion', `must be ${FEATURE_VERSION}, as the features of this version are`)
  number(metadata, 'grid', each => each === GRID)
  const named = metadata.strings('columns') ?? []
  const wrong = named.findIndex((name, index) => name !== columns[index])
  if (named.length !== columns.length || wrong >= 0)
    metadata.problem('columns', `must be the ${columns.length} features of this version, in their order`)
  const version = metadata.string('version') ?? ''
  if (problems.length > 0) throw new Error(problemsText(problems))
  const ensemble = readEnsemble(model, columns.length)
  const [input, output] = [model.inputs[0]?.name ?? '', model.outputs[0]?.name ?? '']
  return { file: { path, bytes, version, ensemble, input, output }, metadata, problems }
}

function metadataOf({ metadata }: OnnxModel, problems: Problem[]): Fields {
  const text = metadata.get(METADATA)
  if (text === undefined) throw new Error(`has no metadata named ${METADATA}`)
  return new Fields(parsePlainJson(text), '', problems)
}

function readGroup(group: Fields): { readonly kinds: readonly string[]; readonly calibration: Calibration } {
  const benign = group.optionalList('benign', value => numberOf(value)) ?? []
  if (benign.length === 0 || benign.some((each, index) => each < (benign[index - 1] ?? each)))
    group.problem('benign', 'must be numbers that rise')
  const finite = (key: string, fits: (value: number) => boolean = () => true): number => number(group, key, fits) ?? 0
  const calibration = {
    slope: finite('slope', each => each > 0),
    intercept: finite('intercept'),
    benign,
    benignCount: finite('benignCount', each => Number.isInteger(each) && each >= benign.length),
    warn: finite('warn'),
    deny: finite('deny'),
  }
  if (calibration.warn > calibration.deny) group.problem('warn', 'must not be above deny')
  return { kinds: group.strings('kinds') ?? [], calibration }
}

function number(fields: Fields, key: string, fits: (value: number) => boolean): number | undefined {
  const value = numberOf(fields.raw(key) ?? null)
  if (value !== undefined && fits(value)) return value
  fields.problem(key, value === undefined ? 'must be a number' : `must not be ${value}`)
  return undefined
}

/** JSON that training wrote, thousands of numbers: as quick as can be, and nothing in it is a number that could be rounded. */
export function parsePlainJson(text: string): Json {
  return JSON.parse(text) as Json
}

/** The number a JSON value is; undefined for others. */
export function numberOf(value: Json): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** A list of named values of `golden.json`, for a model of these columns. */
export function goldenRow(values: Json | undefined, columns: readonly string[]): Float32Array {
  const row = new Float32Array(columns.length)
  if (!isJsonObject(values)) throw new Error('values must be a mapping')
  for (const [name, value] of Object.entries(values)) {
    const [column, found] = [columns.indexOf(name), numberOf(value)]
    if (column < 0 || found === undefined) throw new Error(`${name} is no column, or its value no number`)
    row[column] = found
  }
  return row
}
