import { canonicalObject } from '../canonical.js'
import type { Contribution } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import { calibrate } from './calibration.js'
import { evaluate } from './ensemble.js'
import { createExplain } from './explanation.js'
import { OBJECT_FEATURES, objectFeatures } from './features.js'
import type { Models } from './models.js'
import { createExplainer } from './tree-shap.js'

/** The object model outside of a gate: for trying what would lower a score. */
export interface Estimate {
  score(object: JsonObject): number
  /** More of what moved the score than a Decision tells, the strongest first; in log-odds before calibration. */
  reasons(object: JsonObject): readonly Contribution[]
}

/** So many features at most; a counterfactual looks at no more places. */
const MOST = 24

export function createEstimate({ object: { ensemble, calibrationOf } }: Pick<Models, 'object'>): Estimate {
  const explainer = createExplainer(ensemble)
  const explain = createExplain(OBJECT_FEATURES)
  return {
    score: object => {
      const { kind } = object
      const { values } = objectFeatures(canonicalObject(object))
      return calibrate(evaluate(ensemble, values), calibrationOf(typeof kind === 'string' ? kind : '')).score
    },
    reasons: object => {
      const canonical = canonicalObject(object)
      const vector = objectFeatures(canonical)
      const contributions = new Float64Array(OBJECT_FEATURES.length)
      explainer.contributions(vector.values, contributions)
      return explain({ vector, contributions, object: canonical, oldObject: null }, MOST)
    },
  }
}
