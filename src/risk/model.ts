import type { AdmissionRequest } from '../admission.js'
import type { CanonicalObjects } from '../canonical.js'
import type { Anomaly, Context, DegradedCode, Risk } from '../decision-types.js'
import type { ByteCache } from '../policy/byte-cache.js'

/** What a model says of one request. */
export interface Assessment {
  /** null: there is nothing to score, as in a deletion. */
  readonly risk: Risk | null
  readonly anomaly: Anomaly | null
  /** It would say how unusual the change is, and knows nothing yet of what is usual here. */
  readonly isCold: boolean
}

/**
 * A risk model as the engine uses it: an estimate for one request, or a throw when it has none.
 *
 * It reads the canonical objects, what else is in the subject (kind, namespace, name, operation), and the rarity snapshot,
 * nothing else: neither who asks nor when. Equal subjects with equal snapshots get one score, which is kept.
 */
export interface RiskModel {
  /** @param canonical the canonical objects of the request, where they are at hand */
  assess(request: AdmissionRequest, context: Context, canonical?: CanonicalObjects): Promise<Assessment> | Assessment
}

/** A score, or why there is none. */
export interface RiskScore extends Omit<Assessment, 'isCold'> {
  readonly riskProblem: Extract<DegradedCode, 'MODEL_MISSING' | 'SCORE_INVALID' | 'RARITY_COLD'> | null
}

/** False for a score that must not be shown or compared: NaN, infinite, or outside 0 to 1. */
function isUsable({ risk, anomaly }: Assessment): boolean {
  const shares = [...(risk === null ? [] : [risk.score, risk.pValue, risk.threshold]), anomaly?.score ?? 0]
  return shares.every(isShare) && (risk?.contributions ?? []).every(each => Number.isFinite(each.contribution))
}

function isShare(value: number): boolean {
  return Number.isFinite(value) && value >= 0 && value <= 1
}

/** What a score is of, and kept by. */
interface ScoredIdentity {
  readonly subject: string
  readonly canonical: CanonicalObjects
}

/** Asks a model, and keeps its usable scores. */
export function createRiskScorer(
  model: RiskModel | undefined,
  cache: ByteCache | null,
): (request: AdmissionRequest, context: Context, identity: ScoredIdentity) => Promise<RiskScore> {
  return async (request, context, { subject, canonical }) => {
    if (model === undefined) return { risk: null, anomaly: null, riskProblem: 'MODEL_MISSING' }
    const key = `risk\n${subject}\n${context.rarity?.digest ?? ''}`
    const known = cache?.use(key)?.texts[0]
    // A fresh object for each Decision, as a model would give.
    if (known !== undefined) return scoreOf(JSON.parse(known) as Assessment)
    try {
      const assessment = await model.assess(request, context, canonical)
      if (!isUsable(assessment)) return INVALID
      cache?.add(key, 0, JSON.stringify(assessment))
      return scoreOf(assessment)
    } catch {
      // The table's row for an unusable score: policies decide, and `degraded` with `risk.onDegraded` say and weigh it.
      return INVALID
    }
  }
}

const INVALID: RiskScore = { risk: null, anomaly: null, riskProblem: 'SCORE_INVALID' }

function scoreOf({ risk, anomaly, isCold }: Assessment): RiskScore {
  return { risk, anomaly, riskProblem: isCold ? 'RARITY_COLD' : null }
}
