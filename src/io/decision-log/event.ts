import type { AdmissionRecord, RequestFacts } from '../../admission-record.js'
import type { Decision, Violation } from '../../decision-types.js'
import { ERROR_CODES } from '../../errors.js'
import type { JsonObject } from '../../json.js'
import { erase, parseMasks, type Mask } from './mask.js'

/** One event in the shape of OPA's decision log, so that its receivers can be used. */
export interface DecisionLogEvent {
  /** Which instance answered: `id`, `version`, … */
  readonly labels: Readonly<Record<string, string>>
  /** The Decision's id, which equal changes share; `input.request.uid` is the request's own. The uid where there is no Decision. */
  readonly decision_id: string
  readonly trace_id?: string
  readonly span_id?: string
  readonly bundles: Readonly<Record<string, { readonly revision: string }>>
  readonly path: string
  readonly input: JsonObject
  readonly result: JsonObject
  readonly error?: { readonly code: string; readonly message: string }
  readonly requested_by: string
  /** RFC 3339 */
  readonly timestamp: string
  readonly metrics: Readonly<Record<string, number>>
  /** JSON pointers of what was in the event and is not any more. */
  readonly erased?: readonly string[]
}

/** What an event says beyond the record and the Decision. */
export interface EventFacts {
  readonly labels: Readonly<Record<string, string>>
  readonly now: Date
  /** The address of the caller: an API server. */
  readonly requestedBy: string
  readonly durationMs: number
  readonly queuedMs: number
  readonly trace: { readonly traceId: string; readonly spanId: string } | null
  /** Beyond what is always erased. */
  readonly masks: readonly Mask[]
}

/** OPA names policies by path; every Decision is the answer of the same one. */
const PATH = 'lockkeeper/review'
const BUNDLE = 'lockkeeper'

/** One object with hundreds of containers must not make an event that nobody takes. */
const MAX_VIOLATIONS = 100
const MAX_GROUPS = 100

/** Kinds whose very point is a credential: of them not even a policy's own words are kept. */
const SECRET_KINDS: readonly string[] = ['Secret', 'TokenRequest', 'TokenReview']

/** Policies put pieces of objects here. */
const ALWAYS = parseMasks([
  '/result/violations/*/details',
  '/result/violations/*/remedy/patch/*/value',
  // The text of an error may quote what could not be read.
  '/result/degraded/*/text',
])
const OF_SECRETS = parseMasks([
  '/result/violations/*/message',
  '/result/violations/*/remedy/text',
  '/result/risk/contributions/*/text',
])

/**
 * The decision log's event about one answer.
 *
 * Kept: the request without its objects, the user name and groups, the features and the Decision (policies, messages,
 * pointers, severities, controls). Never in it: the objects, the user's `extra`, details of violations, values of
 * patches, texts of errors; for Secrets and tokens no text of a policy either.
 *
 * @param decision null where there was none
 */
export function decisionLogEvent(
  record: AdmissionRecord,
  decision: Decision | null,
  facts: EventFacts,
): DecisionLogEvent {
  const content: { input: JsonObject; result: JsonObject } = {
    input: inputOf(record.request, decision, facts.now),
    result: decision === null ? withoutDecision(record) : resultOf(decision),
  }
  const erased = erase(content, [...ALWAYS, ...masksOf(record, decision), ...facts.masks])
  return {
    labels: facts.labels,
    decision_id: record.decisionId ?? record.request?.uid ?? '',
    ...(facts.trace === null ? {} : { trace_id: facts.trace.traceId, span_id: facts.trace.spanId }),
    bundles: decision === null ? {} : { [BUNDLE]: { revision: decision.bundle.revision } },
    path: PATH,
    ...content,
    // The message of an error quotes the request; what its code means does not.
    ...(record.error === null
      ? {}
      : { error: { code: record.error.code, message: ERROR_CODES[record.error.code].meaning } }),
    requested_by: facts.requestedBy,
    timestamp: facts.now.toISOString(),
    metrics: {
      timer_server_handler_ns: Math.round(facts.durationMs * 1e6),
      timer_lockkeeper_queue_ns: Math.round(facts.queuedMs * 1e6),
      counter_lockkeeper_cache_hits: record.cache.hits,
      counter_lockkeeper_cache_misses: record.cache.misses,
    },
    ...(erased.length === 0 ? {} : { erased }),
  }
}

function inputOf(request: RequestFacts | null, decision: Decision | null, now: Date): JsonObject {
  if (request === null) return {}
  const { uid, operation, kind, resource, subResource, namespace, name, dryRun, username, groups } = request
  return {
    request: { uid, operation, kind: { ...kind }, resource: { ...resource }, subResource, namespace, name, dryRun },
    actor: {
      user: username,
      groups: groups.slice(0, MAX_GROUPS),
      verb: operation.toLowerCase(),
      subresource: subResource,
      hourOfWeek: hourOfWeek(now),
    },
    features: featuresOf(decision),
  }
}

/** 0 is Monday from 00:00 to 00:59, UTC: habits show in it, and nobody is traced by it. */
function hourOfWeek(now: Date): number {
  return ((now.getUTCDay() + 6) % 7) * 24 + now.getUTCHours()
}

/** What the model looked at, by feature; null where there was no model. */
function featuresOf(decision: Decision | null): JsonObject | null {
  const risk = decision?.risk ?? null
  if (risk === null) return null
  return Object.fromEntries(risk.contributions.map(({ feature, value }) => [feature, value]))
}

function withoutDecision({ allowed, action, policies }: AdmissionRecord): JsonObject {
  return { allowed, action, policies: policies.map(each => ({ ...each })) }
}

/** Member by member, so that what a Decision gains later is not logged before somebody has thought about it. */
function resultOf(decision: Decision): JsonObject {
  const { id, subject, gate, allowed, action, actions, violations, risk, anomaly, provenance } = decision
  const { degraded, exceptions, approvals, holds, unchanged, bundle, inputs, resource } = decision
  const omitted = violations.length - MAX_VIOLATIONS
  const result = {
    ...{ id, subject, gate, allowed, action, actions, anomaly, provenance, unchanged, bundle, inputs, resource },
    violations: violations.slice(0, MAX_VIOLATIONS).map(violationOf),
    ...(omitted > 0 ? { omittedViolations: omitted } : {}),
    risk: risk === null ? null : { ...risk, contributions: risk.contributions.map(each => ({ ...each })) },
    degraded: degraded.map(each => ({ ...each })),
    ...{ exceptions, approvals, holds },
  }
  return result as unknown as JsonObject
}

/** A copy that can be erased from; the Decision itself is the caller's. */
function violationOf({ details, remedy, ...rest }: Violation): JsonObject {
  const { policy, message, enforcementAction, gates, severity, path, controls, existing, docs } = rest
  const violation = {
    ...{ policy, message, enforcementAction, severity, path, controls, existing, docs },
    ...(gates === undefined ? {} : { gates }),
    ...(details === null ? {} : { details }),
    ...(remedy === undefined
      ? {}
      : {
          remedy: {
            text: remedy.text,
            ...(remedy.patch === undefined ? {} : { patch: remedy.patch.map(each => ({ ...each })) }),
          },
        }),
  }
  return violation as unknown as JsonObject
}

/** What has to go because of what the request is about, or because a policy failed and says why. */
function masksOf({ request }: AdmissionRecord, decision: Decision | null): readonly Mask[] {
  if (decision === null) return []
  if (SECRET_KINDS.includes(request?.kind.kind ?? '')) return OF_SECRETS
  const failed = new Set(decision.degraded.map(({ policy }) => policy))
  return decision.violations.flatMap(({ policy }, index) =>
    failed.has(policy) ? [['result', 'violations', String(index), 'message']] : [],
  )
}
