import { matchesKind, matchesOperation } from '../../src/match.js'
import type { PolicyCard } from '../../src/policy/policy-types.js'
import type { WorkloadEntry } from '../../src/workload.js'
import type { Discovery, ServedResource } from '../../src/io/cluster/discovery.js'

/** A kind whose objects are listed, watched and judged. */
export interface AuditedKind {
  /** '' for the core group */
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly kind: string
  readonly namespaced: boolean
}

/**
 * Kinds that change all the time and that nobody applies: a policy for all kinds does not mean them, only one that names them.
 * Reports are what the audit itself writes.
 */
const NAMED_ONLY: readonly (readonly [group: string, kinds: readonly string[]])[] = [
  ['', ['Event', 'Endpoints', 'ComponentStatus']],
  ['events.k8s.io', ['Event']],
  ['coordination.k8s.io', ['Lease', 'LeaseCandidate']],
  ['discovery.k8s.io', ['EndpointSlice']],
  ['openreports.io', ['Report', 'ClusterReport']],
  ['wgpolicyk8s.io', ['PolicyReport', 'ClusterPolicyReport']],
]

/**
 * What the policies speak of and the server serves, each kind once: in its group's preferred version that has it, and only
 * where it can be listed and watched. Sorted by group and resource.
 *
 * @param cards with the configuration applied
 */
export function auditedKinds(
  cards: readonly PolicyCard[],
  workloads: readonly WorkloadEntry[],
  { groups, resources }: Pick<Discovery, 'groups' | 'resources'>,
): readonly AuditedKind[] {
  const policies = cards.filter(each => each.scope === 'object' && speaksOfObjects(each))
  const versions = new Map(
    groups.map(({ group, preferredVersion, versions }) => [group, [preferredVersion, ...versions]]),
  )
  const rank = ({ group, version }: ServedResource) => {
    const index = (versions.get(group) ?? []).indexOf(version)
    return index < 0 ? Number.MAX_SAFE_INTEGER : index
  }
  const best = new Map<string, ServedResource>()
  for (const each of resources) {
    if (!each.verbs.includes('list') || !each.verbs.includes('watch')) continue
    if (!policies.some(card => isMeant(card, each, workloads))) continue
    const key = kindKey(each)
    const known = best.get(key)
    if (known === undefined || rank(each) < rank(known)) best.set(key, each)
  }
  return [...best]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { group, version, resource, kind, namespaced }]) => ({ group, version, resource, kind, namespaced }))
}

/** `apps/deployments`; the core group has no name: `/pods`. */
export function kindKey({ group, resource }: Pick<AuditedKind, 'group' | 'resource'>): string {
  return `${group}/${resource}`
}

/** A live object is judged as if it were created now: what is only about changes, deletions or subresources has no say. */
function speaksOfObjects({ match }: PolicyCard): boolean {
  if (!matchesOperation(match, 'CREATE')) return false
  return match.subResources === undefined || match.subResources.some(each => each === '' || each === '*')
}

function isMeant({ match }: PolicyCard, resource: ServedResource, workloads: readonly WorkloadEntry[]): boolean {
  if (!matchesKind(match, resource, workloads)) return false
  if (match.scope === 'Namespaced' && !resource.namespaced) return false
  if (match.scope === 'Cluster' && resource.namespaced) return false
  const isNamedOnly = NAMED_ONLY.some(([group, kinds]) => group === resource.group && kinds.includes(resource.kind))
  return !isNamedOnly || (match.kinds ?? []).some(({ kinds }) => kinds.includes(resource.kind))
}
