import { actionAt } from './actions.js'
import type { Decision, Degraded, EnforcementAction, Violation } from './decision-types.js'
import { ERROR_CODES, type GateError } from './errors.js'
import { riskLine } from './report/risk-line.js'
import { safeText } from './report/safe-text.js'

/** The answer to one AdmissionReview, `admission.k8s.io/v1`. */
export interface AdmissionReviewResponse {
  readonly apiVersion: 'admission.k8s.io/v1'
  readonly kind: 'AdmissionReview'
  readonly response: {
    readonly uid: string
    readonly allowed: boolean
    readonly status?: { readonly code: number; readonly reason: string; readonly message: string }
    readonly warnings?: readonly string[]
    /** The API server puts the name of the webhook before each key. */
    readonly auditAnnotations?: Readonly<Record<string, string>>
  }
}

/**
 * What the API server lets through of the warnings of one request, in runes: above the total it cuts each at the length of one.
 *
 * @see k8s.io/apiserver, endpoints/filters/warning.go
 */
const MAX_RUNES = 4096
const MAX_WARNING_RUNES = 256

/** Kubernetes' own words for the status codes of the error table. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  403: 'Forbidden',
  404: 'NotFound',
  413: 'RequestEntityTooLarge',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
}

/** A Decision as the API server and kubectl show it: why it was denied, and what would have been only a warning. */
export function buildAdmissionResponse(decision: Decision, uid: string): AdmissionReviewResponse {
  const warnings = fitWarnings(warningTexts(decision))
  return review({
    uid,
    allowed: decision.allowed,
    ...(decision.allowed ? {} : { status: { code: 403, reason: 'Forbidden', message: denialMessage(decision) } }),
    ...(warnings.length === 0 ? {} : { warnings }),
    auditAnnotations: auditAnnotations(decision),
  })
}

function auditAnnotations({ id, bundle, action, provenance, degraded }: Decision): Readonly<Record<string, string>> {
  return {
    'decision-id': id,
    'bundle-digest': bundle.digest,
    action,
    provenance: provenance.class,
    ...(degraded.length === 0 ? {} : { degraded: [...new Set(degraded.map(each => each.code))].join(',') }),
  }
}

/** The answer to a request that could not be judged: never allowed, with the status of the error's code. */
export function buildErrorResponse(error: GateError, uid: string): AdmissionReviewResponse {
  const code = ERROR_CODES[error.code].httpStatus
  const message = cut(`[${error.code}] ${oneLine(error.message)}`, MAX_RUNES)
  return review({ uid, allowed: false, status: { code, reason: REASONS[code] ?? 'InternalError', message } })
}

function review(response: AdmissionReviewResponse['response']): AdmissionReviewResponse {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }
}

/** One line a violation that denies, then the risk line where the score is not low; what does not fit is counted. */
function denialMessage(decision: Decision): string {
  const { degraded, risk } = decision
  const denying = violationTexts(decision, 'deny')
  // Nothing was violated, yet it is denied: a degraded judgement that the bundle answers with deny.
  const lines = denying.length === 0 ? degraded.map(degradedText) : denying
  const line = risk === null ? null : riskLine(risk)
  const end = line === null ? [] : [cut(oneLine(line), MAX_RUNES / 4)]
  const budget = MAX_RUNES - end.reduce((sum, line) => sum + runes(line) + 1, 0)
  return [
    ...fitLines(
      lines.map(line => cut(line, budget / 2)),
      budget,
    ),
    ...end,
  ].join('\n')
}

function warningTexts(decision: Decision): readonly string[] {
  const violations = violationTexts(decision, 'warn')
  // A bundle without a model says nothing about this request: people read it only where nothing else explains the warning.
  const isExplained = decision.action === 'allow' || violations.length > 0 || !decision.allowed
  // That nobody has counted yet what is usual is for those who run the gate: the audit annotations say it.
  const degraded = decision.degraded.filter(
    ({ code }) => code !== 'RARITY_COLD' && (code !== 'MODEL_MISSING' || !isExplained),
  )
  return [...new Set([...violations, ...degraded.map(degradedText)])]
}

/** The violations that have this action at the gate that answers. */
function violationTexts({ violations, gate }: Decision, action: EnforcementAction): readonly string[] {
  return violations.filter(each => actionAt(each, gate) === action).map(violationText)
}

function violationText({ policy, message, remedy }: Violation): string {
  return `[${policy}] ${oneLine(message)}${remedy === undefined ? '' : ` (fix: ${oneLine(remedy.text)})`}`
}

function degradedText({ code, policy, text }: Degraded): string {
  return `[${policy ?? code}] ${oneLine(text)}`
}

function fitWarnings(texts: readonly string[]): readonly string[] {
  return fitLines(
    texts.map(text => cut(text, MAX_WARNING_RUNES)),
    MAX_RUNES,
  )
}

/** As many lines as fit the budget; the last one says how many were left out. */
function fitLines(lines: readonly string[], budget: number): readonly string[] {
  const total = lines.reduce((sum, line) => sum + runes(line) + 1, 0)
  if (total <= budget) return lines
  const left = (count: number): string => `… and ${count} more`
  let used = runes(left(lines.length)) + 1
  const kept: string[] = []
  for (const line of lines) {
    used += runes(line) + 1
    if (used > budget) break
    kept.push(line)
  }
  return [...kept, left(lines.length - kept.length)]
}

/** At most so many runes, cut between two words where there is a space in the last third. */
function cut(text: string, max: number): string {
  if (runes(text) <= max) return text
  const start = Array.from(text.slice(0, max * 2))
    .slice(0, Math.floor(max) - 1)
    .join('')
  const space = start.lastIndexOf(' ')
  return `${space > (start.length * 2) / 3 ? start.slice(0, space) : start}…`
}

/** Runes are code points: what Go counts. */
function runes(text: string): number {
  return text.length - (text.match(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g)?.length ?? 0)
}

/** The API server refuses warnings with control characters, and a terminal obeys them. */
function oneLine(text: string): string {
  return safeText(text.replace(/\s+/g, ' ').trim())
}
