import { emptyObject, isJsonObject, parseJson, type Json, type JsonObject } from './json.js'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** What somebody applied before, as a tree of member names; `true`: the member as a whole. */
type Applied = ReadonlyMap<string, Applied> | true

/**
 * The object that admission will see when a manifest is applied over the live object: the manifest, and what the live object has
 * beyond it that nobody applied: what the server, controllers and other writers put there (the revision of a Deployment,
 * the replicas an autoscaler set). What was applied before and is not in the manifest any more goes.
 *
 * Lists are the manifest's. Where the live object does not tell what was applied, the manifest alone is the answer: to take
 * a member for another writer's would hide that it goes.
 */
export function appliedObject(manifest: JsonObject, live: JsonObject): JsonObject {
  const applied = appliedMembers(live)
  if (applied === null) return manifest
  const object = merge(manifest, live, applied)
  const { metadata } = object
  if (!isJsonObject(metadata)) return object
  // Bookkeeping that the server writes anew with every change.
  delete metadata.managedFields
  if (isJsonObject(metadata.annotations) && metadata.annotations[LAST_APPLIED] !== undefined) {
    const others = Object.entries(metadata.annotations).filter(([key]) => key !== LAST_APPLIED)
    metadata.annotations = Object.assign(emptyObject(), Object.fromEntries(others))
  }
  return object
}

function merge(manifest: JsonObject, live: JsonObject, applied: Applied | undefined): JsonObject {
  const merged = Object.assign(emptyObject(), manifest)
  for (const [key, value] of Object.entries(live)) {
    const own = merged[key]
    const before = applied === true ? true : applied?.get(key)
    if (own === undefined) {
      const kept = unapplied(value, before)
      if (kept !== undefined) merged[key] = kept
    } else if (isJsonObject(own) && isJsonObject(value)) {
      merged[key] = merge(own, value, before)
    }
  }
  return merged
}

/** What is left of a live value without what was applied; undefined: nothing. */
function unapplied(value: Json, applied: Applied | undefined): Json | undefined {
  if (applied === undefined) return value
  if (applied === true || !isJsonObject(value)) return undefined
  const left = emptyObject()
  for (const [key, member] of Object.entries(value)) {
    const kept = unapplied(member, applied.get(key))
    if (kept !== undefined) left[key] = kept
  }
  return Object.keys(left).length === 0 ? undefined : left
}

/** Client-side apply leaves its manifest in an annotation, server-side apply its members in managedFields. */
function appliedMembers(live: JsonObject): Applied | null {
  const { annotations, managedFields } = isJsonObject(live.metadata) ? live.metadata : {}
  const trees: Applied[] = []
  const text = isJsonObject(annotations) ? annotations[LAST_APPLIED] : undefined
  if (typeof text === 'string') {
    const manifest = parsed(text)
    if (manifest === null) return null
    trees.push(membersOf(manifest))
  }
  for (const entry of Array.isArray(managedFields) ? managedFields : []) {
    if (!isJsonObject(entry) || entry.operation !== 'Apply' || !isJsonObject(entry.fieldsV1)) continue
    trees.push(fieldsOf(entry.fieldsV1))
  }
  const [first, ...others] = trees
  return first === undefined ? null : others.reduce(joined, first)
}

function parsed(text: string): JsonObject | null {
  try {
    const value = parseJson(text)
    return isJsonObject(value) ? value : null
  } catch {
    // An annotation that nobody can read says nothing.
    return null
  }
}

function membersOf(object: JsonObject): Applied {
  return new Map(
    Object.entries(object).map(([key, value]) => [
      key,
      isJsonObject(value) && Object.keys(value).length > 0 ? membersOf(value) : true,
    ]),
  )
}

/** @see Kubernetes API, FieldsV1: `f:<name>` is a member; items of lists (`k:`, `v:`, `i:`) belong to the list as a whole */
function fieldsOf(fields: JsonObject): Applied {
  const members = Object.entries(fields).filter(([key]) => key.startsWith('f:'))
  if (members.length === 0) return true
  return new Map(members.map(([key, value]) => [key.slice(2), isJsonObject(value) ? fieldsOf(value) : true] as const))
}

function joined(a: Applied, b: Applied): Applied {
  if (a === true || b === true) return true
  const all = new Map(a)
  for (const [key, value] of b) {
    const known = all.get(key)
    all.set(key, known === undefined ? value : joined(known, value))
  }
  return all
}
