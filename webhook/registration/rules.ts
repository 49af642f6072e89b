import type { Operation } from '../../src/admission.js'

/** Where a rule applies; Namespace objects count as cluster-scoped. */
export type RuleScope = 'Cluster' | 'Namespaced' | '*'

/** What is sent to the gate: operations on one resource of one group; a subresource is written `pods/exec`. */
export interface Asked {
  /** '' for the core group, `*` for every group */
  readonly group: string
  /** `pods`, `pods/exec`; `*` every resource but no subresource; `* /scale` (without the space), `pods/*`, and everything: `*` on both sides */
  readonly resource: string
  readonly operations: readonly Operation[]
}

/** A rule of a webhook (RuleWithOperations), but for its scope. */
export interface Rule {
  readonly apiGroups: readonly string[]
  readonly apiVersions: readonly string[]
  readonly operations: readonly string[]
  readonly resources: readonly string[]
}

/** A request as rules see it. */
export interface RuleRequest {
  readonly operation: string
  readonly group: string
  readonly version: string
  readonly resource: string
  /** '' for the object itself */
  readonly subResource: string
}

const OPERATION_ORDER: readonly string[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']

/**
 * The fewest rules that match exactly what is asked, in an order that depends on nothing else: the same policies give the same
 * rules, byte for byte.
 */
export function buildRules(asked: readonly Asked[]): readonly Rule[] {
  const wanted = new Map<string, { readonly group: string; readonly resource: string; operations: Set<string> }>()
  for (const { group, resource, operations } of asked) {
    const key = `${group}|${resource}`
    const entry = wanted.get(key) ?? { group, resource, operations: new Set<string>() }
    for (const operation of operations) entry.operations.add(operation)
    wanted.set(key, entry)
  }
  const entries = [...wanted.values()]
  const needed = entries.flatMap(entry => {
    const wider = entries.filter(each => each !== entry && covers(each, entry))
    const operations = OPERATION_ORDER.filter(
      operation => entry.operations.has(operation) && !wider.some(each => each.operations.has(operation)),
    )
    return operations.length === 0 ? [] : [{ ...entry, operations }]
  })
  return merge(needed)
}

/** One rule for the resources of a group that are asked for alike, and for the groups whose resources are. */
function merge(
  needed: readonly { readonly group: string; readonly resource: string; readonly operations: readonly string[] }[],
): readonly Rule[] {
  const byGroup = groupBy(needed, ({ group, operations }) => JSON.stringify([group, operations]))
  const groups = byGroup.map(entries => ({
    group: entries[0]?.group ?? '',
    operations: entries[0]?.operations ?? [],
    resources: entries.map(each => each.resource).sort(),
  }))
  return groupBy(groups, ({ operations, resources }) => JSON.stringify([operations, resources])).map(entries => ({
    apiGroups: entries.map(each => each.group).sort(),
    apiVersions: ['*'],
    operations: entries[0]?.operations ?? [],
    resources: entries[0]?.resources ?? [],
  }))
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>()
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value])
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, members]) => members)
}

interface Pattern {
  readonly group: string
  readonly resource: string
}

/** True when whatever the second matches is matched by the first. */
function covers(wider: Pattern, narrower: Pattern): boolean {
  return (wider.group === '*' || wider.group === narrower.group) && resourceCovers(wider.resource, narrower.resource)
}

/**
 * How resources of rules are read: `*` is no subresource, and `*` on both sides of the slash is everything.
 *
 * @see k8s.io/apiserver, pkg/admission/plugin/webhook/predicates/rules
 */
export function resourceCovers(wider: string, narrower: string): boolean {
  if (wider === narrower || wider === '*/*') return true
  const [resource, subResource] = wider.split('/')
  const [otherResource, otherSubResource] = narrower.split('/')
  if (subResource === undefined || otherSubResource === undefined) {
    return subResource === undefined && otherSubResource === undefined && resource === '*'
  }
  return (resource === '*' || resource === otherResource) && (subResource === '*' || subResource === otherSubResource)
}

/** Whether one of the rules matches a request, whatever their scope. */
export function matchesRules(rules: readonly Rule[], request: RuleRequest): boolean {
  const resource = request.subResource === '' ? request.resource : `${request.resource}/${request.subResource}`
  const has = (values: readonly string[], value: string) => values.includes('*') || values.includes(value)
  return rules.some(
    rule =>
      has(rule.apiGroups, request.group) &&
      has(rule.apiVersions, request.version) &&
      has(rule.operations, request.operation) &&
      rule.resources.some(each => resourceCovers(each, resource)),
  )
}
