import type { Risk } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import { calibrate, type Calibrated } from './calibration.js'
import { createExplain } from './explanation.js'
import type { Feature, FeatureVector } from './features.js'
import { inModel, type ModelFile, type ScoringFile } from './model-file.js'
import { checkGolden, type Golden } from './models.js'
import type { OpenSession, Session } from './running.js'
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
  estimate(values: Float32Array, kind: string): Promise<Calibrated>
  score(scored: Scored): Promise<Omit<Risk, 'kind' | 'model' | 'object'>>
}

/**
 * Opens a model: what it gave in training it has to give here, by the runtime and by its explanation.
 *
 * @throws GateError (rejects with) BUNDLE_MODEL_INVALID
 */
export async function openScoringModel(
  file: ScoringFile,
  features: readonly Feature[],
  golden: readonly Golden[],
  openSession: OpenSession,
): Promise<ScoringModel> {
  const session = await openChecked(file, features.length, golden, openSession)
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

  async function estimate(values: Float32Array, kind: string): Promise<Calibrated> {
    return calibrate(await session.run(values), file.calibrationOf(kind))
  }

  return {
    estimate,
    async score({ vector, kind, object, oldObject }) {
      const { score, threshold, band, pValue } = await estimate(vector.values, kind)
      const { slope } = file.calibrationOf(kind)
      explainer.contributions(vector.values, contributions)
      for (const [column, each] of contributions.entries()) contributions[column] = each * slope
      return { score, threshold, band, pValue, contributions: explain({ vector, contributions, object, oldObject }) }
    },
  }
}

/** A session that gives what its model gave in training. @throws GateError (rejects with) BUNDLE_MODEL_INVALID */
export async function openChecked(
  file: ModelFile,
  columns: number,
  golden: readonly Golden[],
  openSession: OpenSession,
): Promise<Session> {
  const session = await openSession(file, columns)
  for (const [index, { row, result }] of golden.entries()) {
    const found = await session.run(row)
    inModel(file.path, () => {
      checkGolden(`golden row ${index}`, found, result)
    })
  }
  return session
}
