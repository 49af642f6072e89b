import type { JsonObject } from '../json.js'
import { CHANGE_FEATURES, changeFeatures, OBJECT_FEATURES, type Feature, type FeatureVector } from './features.js'
import type { RarityCounts } from './rarity/counts.js'
import { RARITY_FEATURES, rarityFeatures } from './rarity/surprise.js'

/** The input of the change model: what changes, then how unusual that is. */
export const CHANGE_COLUMNS: readonly Feature[] = [...CHANGE_FEATURES, ...RARITY_FEATURES]

/**
 * The change model's input for canonical objects, its part about rarity alone, and the object model's input for the new
 * object, with which it begins.
 *
 * @param counts null: nothing is known of what is usual
 */
export function changeInput(
  oldObject: JsonObject,
  object: JsonObject,
  counts: RarityCounts | null,
): { readonly vector: FeatureVector; readonly rarity: FeatureVector; readonly object: Float32Array } {
  const change = changeFeatures(oldObject, object)
  const rarity = rarityFeatures(oldObject, object, counts)
  const width = CHANGE_FEATURES.length
  const values = new Float32Array(CHANGE_COLUMNS.length)
  values.set(change.values)
  values.set(rarity.values, width)
  const paths = (column: number): readonly string[] =>
    column < width ? change.paths(column) : rarity.paths(column - width)
  return { vector: { values, paths }, rarity, object: values.subarray(0, OBJECT_FEATURES.length) }
}
