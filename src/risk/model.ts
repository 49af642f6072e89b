import type { AdmissionRequest } from '../admission.js'
import type { Context, DegradedCode, Risk } from '../decision-types.js'
import type { ByteCache } from '../policy/byte-cache.js'

/**
 * A risk model as the engine uses it: an estimate for one request, or a throw when it has none.
 *
 * It reads the canonical objects, what else is in the subject (kind, namespace, name, operation), and the rarity snapshot,
 * nothing else: neither who asks nor when. Equal subjects with equal snapshots get one score, which is kept.
 */
export interface RiskModel {
  score(request: AdmissionRequest, context: Context): Promise<Risk> | Risk
}

/** A score, or why there is none. */
export interface RiskScore {
  readonly risk: Risk | null
  readonly riskProblem: Extract<DegradedCode, 'MODEL_MISSING' | 'SCORE_INVALID'> | null
}

/** False for a score that must not be shown or compared: NaN, infinite, or outside 0 to 1. */
function isUsableRisk(risk: Risk): boolean {
  return [risk.score, risk.pValue, risk.threshold].every(each => Number.isFinite(each) && each >= 0 && each <= 1)
}

/** Asks a model, and keeps its usable scores. */
export function createRiskScorer(
  model: RiskModel | undefined,
  cache: ByteCache | null,
): (request: AdmissionRequest, context: Context, subject: string) => Promise<RiskScore> {
  return async (request, context, subject) => {
    if (model === undefined) return { risk: null, riskProblem: 'MODEL_MISSING' }
    const key = `risk\n${subject}\n${context.rarity?.digest ?? ''}`
    const known = cache?.use(key)?.texts[0]
    // A fresh object for each Decision, as a model would give.
    if (known !== undefined) return { risk: JSON.parse(known) as Risk, riskProblem: null }
    try {
      const risk = await model.score(request, context)
      if (!isUsableRisk(risk)) return { risk: null, riskProblem: 'SCORE_INVALID' }
      cache?.add(key, 0, JSON.stringify(risk))
      return { risk, riskProblem: null }
    } catch {
      // The table's row for an unusable score: policies decide, and `degraded` with `risk.onDegraded` say and weigh it.
      return { risk: null, riskProblem: 'SCORE_INVALID' }
    }
  }
}
