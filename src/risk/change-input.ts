import type { JsonObject } from '../json.js'
import { CHANGE_FEATURES, changeFeatures, type Feature, type FeatureVector } from './features.js'
import type { RarityCounts } from './rarity/counts.js'
import { RARITY_FEATURES, rarityFeatures } from './rarity/surprise.js'

/** The input of the change model: what changes, then how unusual that is. */
export const CHANGE_COLUMNS: readonly Feature[] = [...CHANGE_FEATURES, ...RARITY_FEATURES]

/**
 * The change model's input for canonical objects, and its part about rarity alone.
 *
 * @param counts null: nothing is known of what is usual
 */
export function changeInput(
  oldObject: JsonObject,
  object: JsonObject,
  counts: RarityCounts | null,
): { readonly vector: FeatureVector; readonly rarity: FeatureVector } {
  const change = changeFeatures(oldObject, object)
  const rarity = rarityFeatures(oldObject, object, counts)
  const width = CHANGE_FEATURES.length
  const values = new Float32Array(CHANGE_COLUMNS.length)
  values.set(change.values)
  values.set(rarity.values, width)
  const paths = (column: number): readonly string[] =>
    column < width ? change.paths(column) : rarity.paths(column - width)
  return { vector: { values, paths }, rarity }
}
