import { GateError } from '../errors.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'
import { sigmoid } from './calibration.js'
import { CHANGE_COLUMNS } from './change-input.js'
import { evaluate } from './ensemble.js'
import { OBJECT_FEATURES } from './features.js'
import {
  goldenRow,
  inModel,
  numberOf,
  parsePlainJson,
  readIsolationFile,
  readScoringFile,
  type ModelFile,
  type ScoringFile,
} from './model-file.js'

/** One row with what the model has to give for it. */
export interface Golden {
  readonly row: Float32Array
  readonly result: number
}

/** The models of a bundle, read and checked. */
export interface Models {
  readonly object: ScoringFile
  readonly change: ScoringFile
  readonly isolation: ModelFile & { readonly sampleSize: number }
  readonly golden: {
    readonly object: readonly Golden[]
    readonly change: readonly Golden[]
    readonly isolation: readonly Golden[]
  }
}

const FOLDER = 'model/'
const GOLDEN = `${FOLDER}golden.json`
/** How far a result may be off: sums of 32-bit numbers in another order. */
const TOLERANCE = 1e-5
const MIN_GOLDEN = 8

/**
 * The models of a bundle's files. All of them or none: half a model is a mistake.
 *
 * @throws GateError BUNDLE_MODEL_INVALID when one is missing, is for other features, or gives other results than in training
 */
export function readModels(files: ReadonlyMap<string, Uint8Array>): Models {
  const bytes = (path: string): Uint8Array => {
    const found = files.get(path)
    if (found === undefined) throw new GateError('BUNDLE_MODEL_INVALID', `the bundle has a risk model but no ${path}`)
    return found
  }
  const objectColumns = OBJECT_FEATURES.map(({ name }) => name)
  const changeColumns = CHANGE_COLUMNS.map(({ name }) => name)
  const named = (name: string): readonly [string, Uint8Array] => [`${FOLDER}${name}`, bytes(`${FOLDER}${name}`)]
  const object = readScoringFile(...named('objects.onnx'), 'object', objectColumns)
  const change = readScoringFile(...named('changes.onnx'), 'change', changeColumns)
  const isolation = readIsolationFile(...named('isolation.onnx'), objectColumns)
  const golden = inModel(GOLDEN, () => {
    const value = parsePlainJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes(GOLDEN)))
    if (!isJsonObject(value)) throw new Error('must hold a JSON object')
    return {
      object: goldenRows(value, 'objects', 'logit', object, objectColumns),
      change: goldenRows(value, 'changes', 'logit', change, changeColumns),
      isolation: goldenRows(value, 'isolation', 'depth', isolation, objectColumns),
    }
  })
  return { object, change, isolation, golden }
}

function goldenRows(
  all: JsonObject,
  key: string,
  result: string,
  file: ModelFile | ScoringFile,
  columns: readonly string[],
): readonly Golden[] {
  const list = all[key]
  if (!Array.isArray(list) || list.length < MIN_GOLDEN) throw new Error(`must have ${MIN_GOLDEN} ${key} or more`)
  return list.map((each, index) => {
    const place = `${key}[${index}]`
    const wanted = isJsonObject(each) ? numberOf(each[result] ?? null) : undefined
    if (!isJsonObject(each) || wanted === undefined) throw new Error(`${place} has no ${result}`)
    const row = goldenRow(each.values, columns)
    checkGolden(place, evaluate(file.ensemble, row), wanted)
    if ('calibrationOf' in file) checkScore(place, each, wanted, file)
    return { row, result: wanted }
  })
}

function checkScore(place: string, golden: JsonObject, logit: number, { calibrationOf }: ScoringFile): void {
  const { kind = '', score = null }: Record<string, Json> = golden
  const { slope, intercept } = calibrationOf(typeof kind === 'string' ? kind : '')
  checkGolden(`the score of ${place}`, sigmoid(slope * logit + intercept), numberOf(score) ?? Number.NaN)
}

/** @throws Error when a result is not what it was in training */
export function checkGolden(place: string, found: number, wanted: number): void {
  if (!(Math.abs(found - wanted) <= TOLERANCE))
    throw new Error(`${place} gives ${found}, and gave ${wanted} in training`)
}
