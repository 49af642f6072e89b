import { canonicalObject } from '../canonical.js'
import type { Contribution } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import { OBJECT_FEATURES, objectFeatures } from './features.js'
import type { Models } from './models.js'
import { openScoringModel } from './scoring-model.js'

/** The object model outside of a gate: for trying what would lower a score. */
export interface Estimate {
  score(object: JsonObject): number
  /** More of what moved the score than a Decision tells, the strongest first. */
  reasons(object: JsonObject): readonly Contribution[]
}

/** So many features at most; a counterfactual looks at no more places. */
const MOST = 24

/** @throws GateError BUNDLE_MODEL_INVALID */
export function createEstimate({ object: file, golden }: Pick<Models, 'object' | 'golden'>): Estimate {
  const model = openScoringModel(file, OBJECT_FEATURES, golden.object)
  const scored = (value: JsonObject) => {
    const object = canonicalObject(value)
    const kind = typeof object.kind === 'string' ? object.kind : ''
    return { vector: objectFeatures(object), kind, object, oldObject: null }
  }
  return {
    score: object => {
      const { vector, kind } = scored(object)
      return model.estimate(vector.values, kind).score
    },
    reasons: object => model.score(scored(object), MOST).contributions,
  }
}
