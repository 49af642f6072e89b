import { actionAt } from '../actions.js'
import type { Decision, GateName, ResourceReference, SetViolation, Violation } from '../decision-types.js'

/** One finding, in the words that OpenReports and the policy working group's reports share. */
export interface ReportResult {
  readonly policy: string
  readonly result: 'fail' | 'warn' | 'error'
  readonly severity?: string
  readonly scored: boolean
  readonly message: string
  readonly timestamp: { readonly seconds: number; readonly nanos: number }
  readonly resources?: readonly object[]
  readonly properties?: Readonly<Record<string, string>>
}

/** Which object's reports are ours. */
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'lockkeeper' } as const

/** The annotation with the Decision's id. */
export const DECISION_ANNOTATION = 'lockkeeper.dev/decision'

/** @param now RFC 3339 */
export function reportTimestamp(now: string): ReportResult['timestamp'] {
  return { seconds: Math.floor(Date.parse(now) / 1000), nanos: 0 }
}

/** The results of one Decision, in its order: worst first. */
export function decisionResults(
  { violations, degraded, risk }: Pick<Decision, 'violations' | 'degraded' | 'risk'>,
  gate: GateName,
  timestamp: ReportResult['timestamp'],
): readonly ReportResult[] {
  const failed = new Set(degraded.flatMap(each => each.policy ?? []))
  const score = risk === null ? {} : { riskScore: risk.score.toFixed(3), riskBand: risk.band }
  return violations.map(each => violationResult(each, { gate, timestamp, isFailed: failed.has(each.policy), score }))
}

/** A violation as a result; `error` where the policy could not be evaluated. */
export function violationResult(
  violation: Violation | SetViolation,
  options: {
    readonly gate: GateName
    readonly timestamp: ReportResult['timestamp']
    readonly isFailed: boolean
    readonly score?: Readonly<Record<string, string>>
  },
): ReportResult {
  const { gate, timestamp, isFailed, score = {} } = options
  const action = actionAt(violation, gate)
  return {
    policy: violation.policy,
    result: isFailed ? 'error' : action === 'deny' ? 'fail' : 'warn',
    severity: violation.severity,
    scored: action === 'deny',
    message: violation.message,
    timestamp,
    ...('objects' in violation && { resources: violation.objects.map(objectReference) }),
    properties: { ...propertiesOf(violation, action), ...score },
  }
}

/** The counts that `kubectl get` shows. */
export function reportSummary(results: readonly ReportResult[]): object {
  const count = (result: ReportResult['result']) => results.filter(each => each.result === result).length
  return { pass: 0, fail: count('fail'), warn: count('warn'), error: count('error'), skip: 0 }
}

/** An ObjectReference, without the place in a file. */
export function objectReference({ apiVersion, kind, namespace, name }: ResourceReference): object {
  return { apiVersion, kind, ...(namespace !== undefined && { namespace }), name }
}

function propertiesOf(violation: Violation | SetViolation, action: string): Readonly<Record<string, string>> {
  const { path, controls, docs } = violation
  const remedy = 'remedy' in violation ? violation.remedy : undefined
  return {
    enforcementAction: action,
    ...(path !== '' && { path }),
    ...(controls.length > 0 && { controls: controls.join(', ') }),
    ...(docs !== '' && { docs }),
    ...(remedy !== undefined && { fix: remedy.text }),
    ...('existing' in violation && violation.existing && { existing: 'true' }),
  }
}
