import type { AdmissionRequest } from '../admission.js'
import type { Context, Risk } from '../decision-types.js'

/** A risk model as the engine uses it: an estimate for one request, or a throw when it has none. */
export interface RiskModel {
  score(request: AdmissionRequest, context: Context): Promise<Risk> | Risk
}

/** False for a score that must not be shown or compared: NaN, infinite, or outside 0 to 1. */
export function isUsableRisk(risk: Risk): boolean {
  return [risk.score, risk.pValue, risk.threshold].every(each => Number.isFinite(each) && each >= 0 && each <= 1)
}
