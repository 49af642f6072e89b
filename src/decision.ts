import { createHash } from 'node:crypto'
import { actionAt, strongest, toAction, weaker } from './actions.js'
import type { AdmissionRequest } from './admission.js'
import { canonicalJson, canonicalObjects, type CanonicalObjects } from './canonical.js'
import type { Config } from './config.js'
import {
  DEGRADED_CODES,
  GATES,
  SEVERITIES,
  type Action,
  type Anomaly,
  type BundleReference,
  type Context,
  type Decision,
  type Degraded,
  type DegradedCode,
  type EnforcementAction,
  type GateName,
  type Remedy,
  type ResourceReference,
  type Risk,
  type Standing,
  type Violation,
} from './decision-types.js'
import { exceptionsFor, requestName, type Exception } from './exceptions.js'
import { stringifyJson, type Json, type JsonObject } from './json.js'
import { matchesName } from './match.js'
import type { Outcome } from './policy/evaluate.js'
import type { PolicyCard } from './policy/policy-types.js'
import type { RiskScore } from './risk/model.js'

/** Part of every id: raised whenever the same inputs may give another Decision. */
const SCHEMA_VERSION = 1

/** What was found out about one request; `decide` makes the Decision of it. */
export interface Judgement {
  readonly request: AdmissionRequest
  readonly context: Context
  readonly subject: string
  readonly unchanged: boolean
  readonly outcomes: readonly Outcome[]
  /** The keys (see `outcomeKey`) of what the old object violates; null while nobody needed to know. */
  readonly existing: ReadonlySet<string> | null
  /** By outcome: what is offered after re-judging. */
  readonly remedies: ReadonlyMap<Outcome, Remedy>
  /** Some policy matched only because the namespace's labels are not known. */
  readonly assumed: boolean
  /** Some policy that found something may have looked at the related objects. */
  readonly relatedUsed: boolean
  readonly risk: Risk | null
  readonly anomaly: Anomaly | null
  readonly riskProblem: RiskScore['riskProblem']
}

/** What the bundle says about deciding. */
export interface Rules {
  readonly config: Config
  readonly exceptions: readonly Exception[]
  readonly bundle: BundleReference
}

/** Subresources that write the status, which the canonical form leaves out: there it is the change. */
const STATUS_SUBRESOURCES: readonly string[] = ['approval', 'status']

/** What a request is about, and whether it changes anything that counts; both need the canonical objects. */
export interface Identity {
  /** What two gates share when nothing changed between them: sha256 over the canonical request. */
  readonly subject: string
  /** Nothing that counts differs (managedFields, status, spelling): policies and model have judged this object before. */
  readonly unchanged: boolean
  readonly canonical: CanonicalObjects
}

export function identityOf(request: AdmissionRequest): Identity {
  const canonical = canonicalObjects(request)
  const isOfStatus = STATUS_SUBRESOURCES.includes(request.subResource ?? '')
  const object = canonicalText(canonical.object, isOfStatus ? request.object : null)
  const oldObject = canonicalText(canonical.oldObject, isOfStatus ? request.oldObject : null)
  const { group, kind } = request.kind
  const operation =
    request.subResource === undefined ? request.operation : `${request.operation}/${request.subResource}`
  // The canonical JSON of these members: their keys stand in its order.
  const head = canonicalJson({ group, kind, name: requestName(request), namespace: request.namespace ?? '' })
  const subject = `${head.slice(0, -1)},"object":${object},"oldObject":${oldObject},"operation":${canonicalJson(operation)}}`
  const unchanged =
    request.operation === 'UPDATE' && request.object !== null && request.oldObject !== null && object === oldObject
  return { subject: sha256(subject), unchanged, canonical }
}

/** @param whole the object that a status is taken from, where it counts */
function canonicalText(canonical: JsonObject | null, whole: JsonObject | null): string {
  return canonicalJson(
    canonical === null || whole?.status === undefined ? canonical : { ...canonical, status: whole.status },
  )
}

/** What makes two violations the same one, in the old and the new object. */
export function outcomeKey({ card, finding }: Outcome): string {
  return `${card.id}\0${finding.path}\0${canonicalJson(finding.details)}`
}

/** True when some gate would deny: the moment at which the old object has to be judged, too. */
export function wouldDeny(judgement: Judgement, rules: Rules): boolean {
  const { violations } = violationsOf(judgement, rules)
  return GATES.some(gate => violations.some(each => actionAt(each, gate) === 'deny'))
}

/** Joins policies, risk, ratchet, exceptions, approvals and holds to the one Decision. Pure: equal input, equal bytes. */
export function decide(judgement: Judgement, rules: Rules): Decision {
  const { request, context, subject, risk } = judgement
  const { violations, exceptions, approvals } = violationsOf(judgement, rules)
  const holds = context.holds.filter(each => stands(each, subject, context.now))
  const all = [...violations, ...holds.map(holdViolation)].sort(bySeverity)
  // That nothing is known yet of what is usual is no reason to stop anybody.
  const isScored = judgement.riskProblem === null || judgement.riskProblem === 'RARITY_COLD'
  const floor = isScored ? 'allow' : rules.config.risk.onDegraded
  const actions = Object.fromEntries(
    GATES.map(gate => [gate, strongest([floor, ...all.map(each => toAction(actionAt(each, gate)))])]),
  ) as Record<GateName, Action>
  const inputs = { related: context.related?.digest ?? null, rarity: context.rarity?.digest ?? null }
  const inForce = exceptions.filter(each => each.state === 'applied')
  const id = sha256(
    canonicalJson([
      SCHEMA_VERSION,
      subject,
      rules.bundle.digest,
      inputs,
      { namespace: context.namespace, class: context.provenance.class, holds, approvals, exceptions: inForce },
    ] as unknown as Json),
  )
  return {
    id,
    subject,
    gate: context.gate,
    allowed: actions[context.gate] !== 'deny',
    action: actions[context.gate],
    actions,
    violations: all,
    risk,
    anomaly: judgement.anomaly,
    provenance: context.provenance,
    degraded: degradedOf(judgement),
    exceptions,
    approvals,
    holds,
    unchanged: judgement.unchanged,
    bundle: rules.bundle,
    inputs,
    resource: resourceOf(request),
  }
}

function violationsOf({ request, context, subject, outcomes, existing, remedies }: Judgement, rules: Rules) {
  const scoped = exceptionsFor(rules.exceptions, request, context.now)
  const approvals = context.approvals.filter(each => stands(each, subject, context.now))
  const touched = new Set<(typeof scoped)[number]>()
  const used = { approval: false }

  const violations = outcomes.map((outcome): Violation => {
    const { card, finding, failure } = outcome
    const isExisting = failure === null && existing?.has(outcomeKey(outcome)) === true
    const excepted = scoped.filter(each => each.policies.includes(card.id))
    for (const each of excepted) touched.add(each)
    const lower = (action: EnforcementAction): EnforcementAction => {
      if (excepted.some(each => each.inForce)) return 'dryrun'
      const atMostWarn =
        (isExisting && card.ratchet) ||
        outcome.assumed ||
        (context.base === 'unknown' && card.ratchet && failure === null)
      const lowered = atMostWarn ? weaker(action, 'warn') : action
      if (lowered !== 'deny' || approvals.length === 0 || !card.approvable) return lowered
      used.approval = true
      return 'warn'
    }
    const general = generalAction(outcome, request, rules.config)
    const gates = Object.entries(rules.config.policies[card.id]?.gates ?? {}).map(([gate, action]) => [
      gate,
      lower(action),
    ])
    const remedy = remedies.get(outcome)
    return {
      policy: card.id,
      message: finding.message,
      enforcementAction: lower(general),
      ...(gates.length > 0 ? { gates: Object.fromEntries(gates) as Violation['gates'] & object } : {}),
      severity: card.severity,
      path: finding.path,
      details: finding.details,
      controls: card.controls,
      existing: isExisting,
      ...(remedy ? { remedy } : {}),
      docs: card.docs,
    }
  })
  const exceptions = scoped.filter(each => touched.has(each)).map(({ inForce: _, ...use }) => use)
  return { violations: unique(violations), exceptions, approvals: used.approval ? approvals : [] }
}

// Later wins: rule name < METADATA < config of the policy < config of the policy in this namespace.
function generalAction({ card, rule }: Outcome, request: AdmissionRequest, config: Config): EnforcementAction {
  const settings = config.policies[card.id]
  const inNamespace = settings?.namespaces?.findLast(({ names }) => matchesName(request.namespace ?? '', names))
  return inNamespace?.enforcementAction ?? settings?.enforcementAction ?? cardAction(card, rule)
}

/** What a policy asks for before any configuration. */
export function cardAction(card: PolicyCard, rule: string): EnforcementAction {
  return card.enforcementAction ?? (rule === 'warn' ? 'warn' : 'deny')
}

/** A standing word (approval, hold) counts while its time runs, for the subject it names. */
function stands({ target, notAfter }: Standing, subject: string, now: string): boolean {
  return target === subject && Date.parse(notAfter) > Date.parse(now)
}

function holdViolation({ name, by, reason }: Standing): Violation {
  return {
    policy: 'hold',
    message: `held by ${by}: ${reason}`,
    enforcementAction: 'deny',
    severity: 'high',
    path: '',
    details: { hold: name },
    controls: [],
    existing: false,
    docs: '',
  }
}

function degradedOf({ context, outcomes, assumed, relatedUsed, riskProblem }: Judgement): readonly Degraded[] {
  const say = (code: DegradedCode): Degraded => ({ code, text: DEGRADED_CODES[code] })
  const found: Degraded[] = []
  if (riskProblem !== null) found.push(say(riskProblem))
  if (assumed) found.push(say('NAMESPACE_UNKNOWN'))
  if (context.base === 'unknown') found.push(say('BASE_UNKNOWN'))
  if (relatedUsed && context.related?.complete === false) found.push(say('INVENTORY_PARTIAL'))
  for (const { card, failure, finding } of outcomes) {
    if (failure !== null) found.push({ code: failure, policy: card.id, text: finding.message })
  }
  return found.sort((a, b) => compare(a.code, b.code) || compare(a.policy ?? '', b.policy ?? ''))
}

function resourceOf(request: AdmissionRequest): ResourceReference {
  const { group, version, kind } = request.kind
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    ...(request.namespace === undefined || request.namespace === '' ? {} : { namespace: request.namespace }),
    name: requestName(request),
  }
}

/** The order of violations in every report: worst first, then by policy, path and message. */
export function bySeverity(
  a: Pick<Violation, 'severity' | 'policy' | 'path' | 'message' | 'details'>,
  b: Pick<Violation, 'severity' | 'policy' | 'path' | 'message' | 'details'>,
): number {
  return (
    SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) ||
    compare(a.policy, b.policy) ||
    compare(a.path, b.path) ||
    compare(a.message, b.message) ||
    compare(stringifyJson(a.details), stringifyJson(b.details))
  )
}

// A policy whose deny and warn rules say the same thing says it once, with the stronger action.
function unique(violations: readonly Violation[]): readonly Violation[] {
  const byText = new Map<string, Violation>()
  for (const each of violations) {
    const key = stringifyJson([each.policy, each.path, each.message, each.details])
    const known = byText.get(key)
    if (known === undefined || weaker(known.enforcementAction, each.enforcementAction) !== each.enforcementAction)
      byText.set(key, each)
  }
  return [...byText.values()]
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
