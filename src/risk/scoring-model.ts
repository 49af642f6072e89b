import type { Risk } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import { calibrate, type Calibrated } from './calibration.js'
import { createExplain } from './explanation.js'
import type { Feature, FeatureVector } from './features.js'
import { evaluate } from './ensemble.js'
import { inModel, type ScoringFile } from './model-file.js'
import { checkGolden, type Golden } from './models.js'
import { createExplainer } from './tree-shap.js'

/** What is to be scored, with what its features were read from. */
export interface Scored {
  readonly vector: FeatureVector
  /** The kind of the object: its group says what a logit means. */
  readonly kind: string
  readonly object: JsonObject
  readonly oldObject: JsonObject | null
}

/** A model that scores and says why. */
export interface ScoringModel {
  /** A score without its reasons, which cost more than the score. */
  estimate(values: Float32Array, kind: string): Calibrated
  /** @param most how many reasons are named; not given: as many as a Decision has */
  score(scored: Scored, most?: number): Omit<Risk, 'kind' | 'model' | 'object'>
}

/**
 * Makes a model that was read ready to score: its explanations have to add up to what it gave in training.
 *
 * @throws GateError BUNDLE_MODEL_INVALID
 */
export function openScoringModel(
  file: ScoringFile,
  features: readonly Feature[],
  golden: readonly Golden[],
): ScoringModel {
  const explainer = createExplainer(file.ensemble)
  const explain = createExplain(features)
  const contributions = new Float64Array(features.length)
  for (const [index, { row, result }] of golden.entries()) {
    explainer.contributions(row, contributions)
    const sum = contributions.reduce((total, each) => total + each, explainer.expected)
    inModel(file.path, () => {
      checkGolden(`the explanation of golden row ${index}`, sum, result)
    })
  }

  function estimate(values: Float32Array, kind: string): Calibrated {
    return calibrate(evaluate(file.ensemble, values), file.calibrationOf(kind))
  }

  return {
    estimate,
    score({ vector, kind, object, oldObject }, most) {
      const { score, threshold, band, pValue } = estimate(vector.values, kind)
      const { slope } = file.calibrationOf(kind)
      explainer.contributions(vector.values, contributions)
      for (const [column, each] of contributions.entries()) contributions[column] = each * slope
      const reasons = explain({ vector, contributions, object, oldObject }, most)
      return { score, threshold, band, pValue, contributions: reasons }
    },
  }
}
