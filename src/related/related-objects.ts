import { createHash } from 'node:crypto'
import { canonicalJson, canonicalObject } from '../canonical.js'
import type { Context } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import { referenceKey, referenceOf, runsAs, type Binding, type Inventory, type Reference } from './inventory.js'

/** What one object is shown of the others of its change. */
const MAX_OBJECTS = 100
const MAX_CHARACTERS = 256 * 1024

/** The kinds that mean something only together with others. */
const KINDS = new Set(['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding', 'ServiceAccount'])

/**
 * What a role, a binding or a ServiceAccount is related to among the objects of its change: the roles, the bindings, the accounts and
 * the workloads that run as them. Null where that is nothing, and for other kinds: what is said of a workload stays what
 * admission says, where nothing is known of the others.
 *
 * It is never complete: before the sync nobody knows what else is in the cluster.
 */
export function relateTo(object: JsonObject, inventory: Inventory): Context['related'] {
  const reference = referenceOf(object)
  if (reference === null || !KINDS.has(reference.kind)) return null
  const found = new Map<string, JsonObject>()
  for (const binding of inventory.bindings) {
    if (!touches(binding, reference)) continue
    for (const each of around(binding, inventory)) addTo(found, each)
  }
  if (reference.kind === 'ServiceAccount') {
    for (const each of inventory.workloads) if (runsAs(each, reference)) addTo(found, each.object)
  }
  found.delete(referenceKey(reference))
  return found.size === 0 ? null : relatedOf([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function touches({ reference, role, subjects }: Binding, other: Reference): boolean {
  const key = referenceKey(other)
  return [reference, role, ...subjects].some(each => referenceKey(each) === key)
}

function around({ object, role, subjects }: Binding, { roles, accounts, workloads }: Inventory): readonly JsonObject[] {
  const named = [roles.get(referenceKey(role)), ...subjects.map(each => accounts.get(referenceKey(each)))]
  const running = workloads.filter(each => subjects.some(subject => runsAs(each, subject)))
  return [object, ...named.filter(each => each !== undefined), ...running.map(each => each.object)]
}

function addTo(found: Map<string, JsonObject>, object: JsonObject): void {
  const reference = referenceOf(object)
  if (reference !== null) found.set(referenceKey(reference), object)
}

/** In the order of their keys, up to the bounds; the digest is of the canonical objects. */
function relatedOf(found: readonly (readonly [string, JsonObject])[]): NonNullable<Context['related']> {
  const hash = createHash('sha256')
  const objects: JsonObject[] = []
  let characters = 0
  for (const [, object] of found.slice(0, MAX_OBJECTS)) {
    const text = canonicalJson(canonicalObject(object))
    characters += text.length
    if (characters > MAX_CHARACTERS) break
    hash.update(`${text}\n`)
    objects.push(object)
  }
  return { objects, digest: `sha256:${hash.digest('hex')}`, complete: false }
}
