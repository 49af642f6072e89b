import type { Operation } from '../src/admission.js'
import type { Discovery, ServedResource, ServedSubresource } from '../src/io/cluster/discovery.js'
import { matchesRules, type Rule, type RuleRequest } from '../webhook/registration/rules.js'

/** A request that the API server takes, in every version that it takes it in. */
export interface ServedRequest extends Omit<RuleRequest, 'version' | 'operation'> {
  readonly operation: Operation
  readonly versions: readonly string[]
  readonly namespaced: boolean
}

/** Reaching into something that runs: discovery tells such a subresource by its verbs like any other. */
const CONNECTED: readonly string[] = ['exec', 'attach', 'portforward', 'proxy']

/** Every way to write that is served: one request for each operation on a resource or subresource. */
export function servedRequests({ resources }: Discovery): readonly ServedRequest[] {
  const found = new Map<string, ServedRequest>()
  for (const each of resources) {
    for (const { subResource, operations } of waysToWrite(each)) {
      for (const operation of operations) {
        const { group, resource, version, namespaced } = each
        const key = JSON.stringify([group, resource, subResource, operation])
        const versions = [...(found.get(key)?.versions ?? []), version]
        found.set(key, { group, resource, subResource, operation, versions, namespaced })
      }
    }
  }
  return [...found.values()]
}

function waysToWrite(resource: ServedResource): readonly { subResource: string; operations: readonly Operation[] }[] {
  return [
    { subResource: '', operations: operationsOf(resource.verbs) },
    ...resource.subresources.map(each => ({
      subResource: each.name,
      operations: subresourceOperations(resource, each),
    })),
  ]
}

function subresourceOperations({ group }: ServedResource, { name, verbs }: ServedSubresource): readonly Operation[] {
  return group === '' && CONNECTED.includes(name) ? ['CONNECT'] : operationsOf(verbs)
}

/** The verbs that lead to each operation; a patch may create by server-side apply, but only where `create` is served as well. */
const VERBS: readonly (readonly [Operation, readonly string[]])[] = [
  ['CREATE', ['create']],
  ['UPDATE', ['update', 'patch']],
  ['DELETE', ['delete', 'deletecollection']],
]

function operationsOf(verbs: readonly string[]): readonly Operation[] {
  return VERBS.flatMap(([operation, its]) => (its.some(each => verbs.includes(each)) ? [operation] : []))
}

/** As rules say it; Namespaces count as cluster-scoped. */
export function scopeOf({ namespaced }: ServedRequest): 'Namespaced' | 'Cluster' {
  return namespaced ? 'Namespaced' : 'Cluster'
}

/** Rules as a live entry has them. */
export interface LiveRules {
  readonly rules: readonly (Rule & { readonly scope: string })[]
  readonly matchPolicy: string
}

/** Whether an entry is asked about the request in every version that it may come in. */
export function isAsked({ rules, matchPolicy }: LiveRules, request: ServedRequest): boolean {
  const scope = scopeOf(request)
  const fitting = rules.filter(each => each.scope === '*' || each.scope === scope)
  const matches = (version: string) => matchesRules(fitting, { ...request, version })
  // Equivalent: a request in a version that no rule names is sent in one that a rule names.
  return matchPolicy === 'Equivalent' ? request.versions.some(matches) : request.versions.every(matches)
}

/** `pods/exec`, `deployments.apps` */
export function requestText({ group, resource, subResource }: ServedRequest): string {
  return `${resource}${group === '' ? '' : `.${group}`}${subResource === '' ? '' : `/${subResource}`}`
}
