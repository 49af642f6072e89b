import type { Operation } from '../../src/admission.js'
import type { Match, PolicyCard } from '../../src/policy/policy-types.js'
import { resourceOf } from '../../src/resources.js'
import type { WorkloadEntry } from '../../src/workload.js'
import type { Asked } from './rules.js'

const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']

/** Kinds that are sent to a subresource, and where: the request names this kind, not the kind of the object it is about. */
const SUBRESOURCE_KINDS: readonly {
  readonly group: string
  readonly kind: string
  readonly resourceGroup: string
  readonly resource: string
}[] = [
  { group: '', kind: 'PodExecOptions', resourceGroup: '', resource: 'pods/exec' },
  { group: '', kind: 'PodAttachOptions', resourceGroup: '', resource: 'pods/attach' },
  { group: '', kind: 'PodPortForwardOptions', resourceGroup: '', resource: 'pods/portforward' },
  { group: '', kind: 'PodProxyOptions', resourceGroup: '', resource: 'pods/proxy' },
  { group: '', kind: 'ServiceProxyOptions', resourceGroup: '', resource: 'services/proxy' },
  { group: '', kind: 'NodeProxyOptions', resourceGroup: '', resource: 'nodes/proxy' },
  { group: '', kind: 'Binding', resourceGroup: '', resource: 'pods/binding' },
  { group: 'policy', kind: 'Eviction', resourceGroup: '', resource: 'pods/eviction' },
  { group: 'authentication.k8s.io', kind: 'TokenRequest', resourceGroup: '', resource: 'serviceaccounts/token' },
  { group: 'autoscaling', kind: 'Scale', resourceGroup: '*', resource: '*/scale' },
]

/**
 * What is asked for whatever the policies say: all that changes what runs, or who may do what, without changing an object.
 * So it stands in the records, and a policy that is added finds it here.
 */
const ALWAYS: readonly Asked[] = [
  ...['pods/exec', 'pods/attach', 'pods/portforward', 'pods/proxy', 'services/proxy', 'nodes/proxy'].map(resource =>
    ask('', resource, ['CONNECT']),
  ),
  ...['pods/binding', 'bindings', 'pods/eviction', 'serviceaccounts/token'].map(resource =>
    ask('', resource, ['CREATE']),
  ),
  ...['pods/ephemeralcontainers', 'pods/resize', 'namespaces/finalize'].map(resource => ask('', resource, ['UPDATE'])),
  ask('*', '*/scale', ['UPDATE']),
  ask('certificates.k8s.io', 'certificatesigningrequests/approval', ['UPDATE']),
  // An artifact that is put into a status is applied: the status is what counts there.
  ask('source.toolkit.fluxcd.io', '*/status', ['CREATE', 'UPDATE']),
]

function ask(group: string, resource: string, operations: readonly Operation[]): Asked {
  return { group, resource, operations }
}

/** All that the gate has to see: what the cards of its policies match, and what is always asked for. */
export function askedByPolicies(cards: readonly PolicyCard[], workloads: readonly WorkloadEntry[]): readonly Asked[] {
  // Policies about a set of changes judge what is about to be synced; at admission there is one request.
  const judged = cards.filter(card => card.scope === 'object')
  return [...ALWAYS, ...judged.flatMap(card => askedByMatch(card.match, workloads))]
}

/** What one `match` needs: never less than it matches, and more where a kind's resource is not known. */
function askedByMatch(match: Match, workloads: readonly WorkloadEntry[]): readonly Asked[] {
  const named = match.operations ?? ['CREATE', 'UPDATE']
  const operations = OPERATIONS.filter(each => named.includes('*') || named.includes(each))
  const asked = kindsOf(match, workloads).flatMap(({ group, kind }) =>
    (match.subResources ?? ['']).flatMap(subResource => resourcesOf(group, kind, subResource)),
  )
  const more =
    match.workloads === true && match.subResources === undefined
      ? [{ group: '', resource: 'pods/ephemeralcontainers' }]
      : []
  return [...asked, ...more].map(each => ({ ...each, operations }))
}

function kindsOf(match: Match, workloads: readonly WorkloadEntry[]): readonly { group: string; kind: string }[] {
  const everything = match.kinds === undefined && match.workloads !== true
  const named = (match.kinds ?? []).flatMap(({ apiGroups, kinds }) =>
    apiGroups.flatMap(group => kinds.map(kind => ({ group, kind }))),
  )
  return [
    ...(everything ? [{ group: '*', kind: '*' }] : []),
    ...named,
    ...(match.workloads === true ? workloads.map(({ group, kind }) => ({ group, kind })) : []),
  ]
}

/** The resources whose requests have this kind and subresource; a subresource `*` includes the object itself. */
function resourcesOf(group: string, kind: string, subResource: string): readonly Omit<Asked, 'operations'>[] {
  const special = SUBRESOURCE_KINDS.filter(
    each => (group === '*' || each.group === group) && (kind === '*' || each.kind === kind),
  )
  const isSpecial = special.length > 0 && kind !== '*'
  const own = isSpecial ? null : plainResource(group, kind)
  if (subResource === '') {
    if (own !== null) return [own]
    return kind === 'Binding' ? [{ group: '', resource: 'bindings' }] : []
  }
  const wanted = special
    .filter(each => subResource === '*' || each.resource.endsWith(`/${subResource}`))
    .map(each => ({ group: each.resourceGroup, resource: each.resource }))
  if (own === null) {
    return subResource === '*' && kind === 'Binding' ? [...wanted, { group: '', resource: 'bindings' }] : wanted
  }
  const all = subResource === '*' ? [own, ...wanted] : wanted
  // A kind that is sent to a subresource need not be of the group of the resource: what is not known may be anywhere.
  return own.resource === '*'
    ? [...all, { group: '*', resource: `*/${subResource}` }]
    : [...all, { group: own.group, resource: `${own.resource}/${subResource}` }]
}

/** A plural that is only guessed may be wrong, and then nothing would be asked: every resource of the group is. */
function plainResource(group: string, kind: string): { readonly group: string; readonly resource: string } {
  if (group === '*' || kind === '*') return { group, resource: '*' }
  const { resource, scope } = resourceOf(group, kind)
  return { group, resource: scope === 'unknown' ? '*' : resource }
}
