import { createHash } from 'node:crypto'
import { canonicalJson } from '../canonical.js'
import { type Action, type Decision, ENFORCEMENT_ACTIONS, type EnforcementAction } from '../decision-types.js'
import { GateError } from '../errors.js'
import { isJsonObject, type Json, type JsonObject, parseJson } from '../json.js'

/** What was rendered, and for whom. */
export interface RecordFacts {
  /** RFC 3339 */
  readonly at: string
  readonly application: string
  readonly project: string
  readonly revision: string
}

/** The object a record is about, by name only. */
export interface RecordResource {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** What a record keeps of a Decision: which policies, never their words, which may quote the object. */
export interface RecordDecision {
  readonly allowed: boolean
  readonly action: Action
  readonly policies: readonly { readonly policy: string; readonly enforcementAction: EnforcementAction }[]
  readonly riskScore: number | null
  readonly bundle: { readonly digest: string; readonly revision: string }
}

/**
 * One line that a gate leaves with the controller: a `decision` about an object, or a `render`, the receipt that was given to one.
 * Of a Secret there is not even a hash, from which a short value could be guessed.
 */
export interface GateRecord extends RecordFacts {
  /** Of everything but `at`: said twice, it is one record. */
  readonly id: string
  readonly kind: 'decision' | 'render'
  /** The id of the Decision, and its subject; null in a render, and for a Secret. */
  readonly decisionId: string | null
  readonly subject: string | null
  /** As in the receipt; null where there is none, and for a Secret. */
  readonly digest: string | null
  readonly resource: RecordResource
  /** null in a render */
  readonly decision: RecordDecision | null
}

/** A record with a hundred policies is far below. */
export const MAX_RECORD_LENGTH = 64 * 1024
const MAX_TEXT_LENGTH = 4096
const ACTIONS: readonly string[] = ['allow', 'warn', 'deny']
const RFC_3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/

/** The record of one Decision. @param digest of the receipt, where the object got one */
export function decisionRecord(facts: RecordFacts, decision: Decision, digest: string | null): GateRecord {
  const { id, subject, allowed, action, violations, risk, bundle } = decision
  return recordOf(facts, {
    kind: 'decision',
    decisionId: id,
    subject,
    digest,
    resource: resourceOf(decision.resource),
    decision: {
      allowed,
      action,
      policies: violations.map(({ policy, enforcementAction }) => ({ policy, enforcementAction })),
      riskScore: risk?.score ?? null,
      bundle: { digest: bundle.digest, revision: bundle.revision },
    },
  })
}

/** The record of a receipt that was given. */
export function renderRecord(facts: RecordFacts, resource: Decision['resource'], digest: string): GateRecord {
  return recordOf(facts, {
    kind: 'render',
    decisionId: null,
    subject: null,
    digest,
    resource: resourceOf(resource),
    decision: null,
  })
}

/** A record as one JSON line, without the line break. */
export function recordLine(record: GateRecord): string {
  return JSON.stringify(record)
}

/** Reads a record: only the members that one has, so that nothing else is kept. What is none gives the reason, without values. */
export function parseRecord(line: string): GateRecord | string {
  if (line.length > MAX_RECORD_LENGTH) return `it is longer than ${MAX_RECORD_LENGTH} characters`
  let value: Json
  try {
    value = parseJson(line)
  } catch (thrown) {
    return `it is not JSON (${thrown instanceof GateError ? thrown.code : 'INTERNAL'})`
  }
  if (!isJsonObject(value)) return 'it is not an object'
  const { id, kind, at, application, project, revision, decisionId, subject, digest } = value
  if (kind !== 'decision' && kind !== 'render') return 'kind: must be decision or render'
  if (typeof at !== 'string' || !RFC_3339_UTC.test(at)) return 'at: must be a time such as 2026-01-31T12:00:00Z'
  if (!isText(application) || !isText(project) || !isText(revision)) {
    return 'application, project, revision: must be texts'
  }
  if (!isTextOrNull(decisionId) || !isTextOrNull(subject) || !isTextOrNull(digest)) {
    return 'decisionId, subject, digest: must be texts or null'
  }
  const resource = resourceIn(value.resource)
  if (resource === null) return 'resource: must have the texts apiVersion, kind, namespace and name'
  const decision = kind === 'render' ? null : decisionIn(value.decision)
  if (decision === undefined) return 'decision: is none'
  const record = recordOf(
    { at, application, project, revision },
    { kind, decisionId, subject, digest, resource, decision },
  )
  return record.id === id ? record : 'id: is not that of the record'
}

function recordOf({ at, ...facts }: RecordFacts, content: Omit<GateRecord, 'id' | keyof RecordFacts>): GateRecord {
  const isSecret = content.resource.kind === 'Secret'
  const kept = { ...facts, ...content, ...(isSecret && { decisionId: null, subject: null, digest: null }) }
  // Without members that are undefined; the types have none.
  const id = createHash('sha256')
    .update(canonicalJson(kept as unknown as JsonObject))
    .digest('hex')
  return { id, at, ...kept }
}

function resourceOf({ apiVersion, kind, namespace = '', name }: Decision['resource']): RecordResource {
  return { apiVersion, kind, namespace, name }
}

function resourceIn(value: Json | undefined): RecordResource | null {
  if (!isJsonObject(value)) return null
  const { apiVersion, kind, namespace, name } = value
  if (!isText(apiVersion) || !isText(kind) || !isText(namespace) || !isText(name)) return null
  return { apiVersion, kind, namespace, name }
}

/** undefined: it is none */
function decisionIn(value: Json | undefined): RecordDecision | undefined {
  if (!isJsonObject(value)) return undefined
  const { allowed, action, policies, riskScore, bundle } = value
  if (typeof allowed !== 'boolean' || typeof action !== 'string' || !ACTIONS.includes(action)) return undefined
  if (riskScore !== null && typeof riskScore !== 'number') return undefined
  if (!isJsonObject(bundle) || !isText(bundle.digest) || !isText(bundle.revision)) return undefined
  const kept = Array.isArray(policies) ? policies.map(policyIn) : [null]
  if (!kept.every(each => each !== null)) return undefined
  const { digest, revision } = bundle
  return { allowed, action: action as Action, policies: kept, riskScore, bundle: { digest, revision } }
}

function policyIn(value: Json): RecordDecision['policies'][number] | null {
  if (!isJsonObject(value) || !isText(value.policy)) return null
  const enforcementAction = ENFORCEMENT_ACTIONS.find(each => each === value.enforcementAction)
  return enforcementAction === undefined ? null : { policy: value.policy, enforcementAction }
}

function isText(value: Json | undefined): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT_LENGTH
}

function isTextOrNull(value: Json | undefined): value is string | null {
  return value === null || isText(value)
}
