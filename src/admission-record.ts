import type { AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation } from './admission.js'
import type { Action, Decision } from './decision-types.js'
import { actionAt, strongest, toAction } from './actions.js'
import type { GateErrorCode } from './errors.js'
import { requestName } from './exceptions.js'

/** Who asked for what: a request without what is in its objects. */
export interface RequestFacts {
  readonly uid: string
  readonly operation: Operation
  readonly kind: GroupVersionKind
  readonly resource: GroupVersionResource
  /** '' for the object itself */
  readonly subResource: string
  /** '' for cluster-scoped objects */
  readonly namespace: string
  readonly name: string
  readonly dryRun: boolean
  readonly username: string
  readonly groups: readonly string[]
}

/** What was answered to one AdmissionReview, for logs, metrics, traces and the decision log. */
export interface AdmissionRecord {
  /** null: the review was so malformed that not even this could be read. */
  readonly request: RequestFacts | null
  readonly allowed: boolean
  readonly action: Action
  /** Ids of the policies with violations, each once, and what they asked for at this gate. */
  readonly policies: readonly { readonly policy: string; readonly action: Action }[]
  readonly decisionId: string | null
  readonly provenance: string | null
  readonly unchanged: boolean
  /** Why it could not be judged; null when it was. */
  readonly error: { readonly code: GateErrorCode; readonly message: string } | null
  /** How many results of policies were taken from the cache, and how many were made. */
  readonly cache: { readonly hits: number; readonly misses: number }
}

export function requestFacts(request: AdmissionRequest): RequestFacts {
  return {
    uid: request.uid,
    operation: request.operation,
    kind: request.kind,
    resource: request.resource,
    subResource: request.subResource ?? '',
    namespace: request.namespace ?? '',
    name: requestName(request),
    dryRun: request.dryRun ?? false,
    username: request.userInfo.username,
    groups: request.userInfo.groups ?? [],
  }
}

/** The record of a request that was judged. */
export function decisionRecord(
  request: AdmissionRequest,
  decision: Decision,
  cache: AdmissionRecord['cache'],
): AdmissionRecord {
  const policies = new Map<string, Action>()
  for (const violation of decision.violations) {
    const action = toAction(actionAt(violation, decision.gate))
    policies.set(violation.policy, strongest([policies.get(violation.policy) ?? 'allow', action]))
  }
  return {
    request: requestFacts(request),
    allowed: decision.allowed,
    action: decision.action,
    policies: [...policies].map(([policy, action]) => ({ policy, action })),
    decisionId: decision.id,
    provenance: decision.provenance.class,
    unchanged: decision.unchanged,
    error: null,
    cache,
  }
}
