import type { AdmissionRequest } from './admission.js'
import type { Context } from './decision-types.js'
import { isJsonObject, stringMembers, type JsonObject } from './json.js'
import type { LabelSelector, Match } from './policy/policy-types.js'
import { isWorkload, type WorkloadEntry } from './workload.js'

/** `assumed`: it matched only because the labels of the namespace are not known. */
export type MatchResult = 'no' | 'yes' | 'assumed'

/** Says whether a policy may apply to requests with this operation, kind and subresource; then the selectors decide. */
export function matchesType(
  match: Match,
  request: Pick<AdmissionRequest, 'operation' | 'kind' | 'subResource'>,
  workloads: readonly WorkloadEntry[],
): boolean {
  if (!matchesOperation(match, request.operation) || !matchesKind(match, request.kind, workloads)) return false
  return matchesSubResource(match, request)
}

/** Says whether a policy that may apply to requests like this one does: Gatekeeper's match words, with Kubernetes' meaning of the selectors. */
export function matchSelectors(match: Match, request: AdmissionRequest, namespace: Context['namespace']): MatchResult {
  if (!matchesNamespace(match, request) || !matchesLabels(match.labelSelector, request)) return 'no'
  return matchesNamespaceSelector(match.namespaceSelector, request, namespace)
}

/** Says whether a policy may apply to requests with this operation. */
export function matchesOperation(match: Match, operation: AdmissionRequest['operation']): boolean {
  return (match.operations ?? ['CREATE', 'UPDATE']).some(each => each === '*' || each === operation)
}

/** Says whether a policy may apply to objects of this kind. */
export function matchesKind(
  match: Match,
  { group, kind }: { readonly group: string; readonly kind: string },
  workloads: readonly WorkloadEntry[],
): boolean {
  if (match.workloads === true && isWorkload(group, kind, workloads)) return true
  if (match.kinds === undefined) return match.workloads !== true
  return match.kinds.some(
    ({ apiGroups, kinds }) =>
      (apiGroups.includes('*') || apiGroups.includes(group)) && (kinds.includes('*') || kinds.includes(kind)),
  )
}

function matchesSubResource(match: Match, request: Pick<AdmissionRequest, 'subResource'>): boolean {
  const subResource = request.subResource ?? ''
  if (match.subResources !== undefined) return match.subResources.some(each => each === '*' || each === subResource)
  return subResource === '' || (match.workloads === true && subResource === 'ephemeralcontainers')
}

function matchesNamespace(match: Match, request: AdmissionRequest): boolean {
  const namespace = request.namespace ?? ''
  const isNamespace = request.kind.group === '' && request.kind.kind === 'Namespace'
  if (match.scope === 'Namespaced' && (namespace === '' || isNamespace)) return false
  if (match.scope === 'Cluster' && namespace !== '' && !isNamespace) return false
  if (match.namespaces !== undefined && !matchesName(namespace, match.namespaces)) return false
  return namespace === '' || !matchesName(namespace, match.excludedNamespaces ?? [])
}

/** Names are literal, or have one `*` at an end: `team-*`, `*-prod`, `*`. */
export function matchesName(name: string, patterns: readonly string[]): boolean {
  return patterns.some(pattern => {
    if (pattern === '*') return true
    if (pattern.endsWith('*')) return name.startsWith(pattern.slice(0, -1))
    return pattern.startsWith('*') ? name.endsWith(pattern.slice(1)) : name === pattern
  })
}

function matchesLabels(selector: LabelSelector | undefined, request: AdmissionRequest): boolean {
  if (selector === undefined) return true
  // Old or new: taking a label off must not take the policy off in the same request.
  return [request.object, request.oldObject].some(object => object !== null && selects(selector, labelsOf(object)))
}

function matchesNamespaceSelector(
  selector: LabelSelector | undefined,
  request: AdmissionRequest,
  namespace: Context['namespace'],
): MatchResult {
  if (selector === undefined) return 'yes'
  if (request.kind.group === '' && request.kind.kind === 'Namespace') {
    return matchesLabels(selector, request) ? 'yes' : 'no'
  }
  if (namespace === 'unknown') return 'assumed'
  // As for webhooks: an object outside every namespace is never skipped by a namespaceSelector.
  return namespace === null || selects(selector, namespace.labels) ? 'yes' : 'no'
}

/** Evaluates a label selector; an empty one selects everything. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const has = (key: string) => Object.hasOwn(labels, key)
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => has(key) && labels[key] === value)
  return (
    equal &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      switch (operator) {
        case 'In':
          return has(key) && values.includes(labels[key] ?? '')
        case 'NotIn':
          return !has(key) || !values.includes(labels[key] ?? '')
        case 'Exists':
          return has(key)
        case 'DoesNotExist':
          return !has(key)
      }
    })
  )
}

function labelsOf(object: JsonObject): Record<string, string> {
  return isJsonObject(object.metadata) ? stringMembers(object.metadata.labels) : {}
}
