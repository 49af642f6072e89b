import { emptyObject, isJsonObject, parseJson, type Json, type JsonObject } from './json.js'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Names of members with what is known below them; `true`: the member as a whole. */
type Tree = ReadonlyMap<string, Tree> | true

/** What was applied before. */
interface Applied {
  /** By client-side apply, which takes away a member that is gone from the manifest as a whole. */
  readonly onClient: Tree | undefined
  /** By server-side apply, which leaves below such a member what others own. */
  readonly onServer: Tree | undefined
}

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
  const object = merge(applied.onClient === undefined ? manifest : withAnnotations(manifest), live, applied)
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

/** Client-side apply puts an annotation into every manifest: the member is always there, and never goes as a whole. */
function withAnnotations(manifest: JsonObject): JsonObject {
  const metadata = isJsonObject(manifest.metadata) ? manifest.metadata : emptyObject()
  if (isJsonObject(metadata.annotations)) return manifest
  const annotated = Object.assign(emptyObject(), metadata, { annotations: emptyObject() })
  return Object.assign(emptyObject(), manifest, { metadata: annotated })
}

function merge(manifest: JsonObject, live: JsonObject, applied: Applied): JsonObject {
  const merged = Object.assign(emptyObject(), manifest)
  for (const [key, value] of Object.entries(live)) {
    const own = merged[key]
    const before = { onClient: below(applied.onClient, key), onServer: below(applied.onServer, key) }
    if (own === undefined) {
      const kept = before.onClient === undefined ? unowned(value, before.onServer) : undefined
      if (kept !== undefined) merged[key] = kept
    } else if (isJsonObject(own) && isJsonObject(value)) {
      merged[key] = merge(own, value, before)
    }
  }
  return merged
}

function below(tree: Tree | undefined, key: string): Tree | undefined {
  return tree === true ? true : tree?.get(key)
}

/** What is left of a live value without what was applied; undefined: nothing. */
function unowned(value: Json, applied: Tree | undefined): Json | undefined {
  if (applied === undefined) return value
  if (applied === true || !isJsonObject(value)) return undefined
  const left = emptyObject()
  for (const [key, member] of Object.entries(value)) {
    const kept = unowned(member, applied.get(key))
    if (kept !== undefined) left[key] = kept
  }
  return Object.keys(left).length === 0 ? undefined : left
}

/** Client-side apply leaves its manifest in an annotation, server-side apply its members in managedFields. */
function appliedMembers(live: JsonObject): Applied | null {
  const { annotations, managedFields } = isJsonObject(live.metadata) ? live.metadata : {}
  const text = isJsonObject(annotations) ? annotations[LAST_APPLIED] : undefined
  const manifest = typeof text === 'string' ? parsed(text) : undefined
  const entries = (Array.isArray(managedFields) ? managedFields : []).filter(isJsonObject)
  const fields = entries.flatMap(({ operation, fieldsV1 }) =>
    operation === 'Apply' && isJsonObject(fieldsV1) ? [new Map(fieldsOf(fieldsV1))] : [],
  )
  if (manifest === null || (manifest === undefined && fields.length === 0)) return null
  return {
    onClient: manifest && membersOf(manifest),
    onServer: fields.reduce<Tree | undefined>((all, each) => (all === undefined ? each : joined(all, each)), undefined),
  }
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

function membersOf(object: JsonObject): Tree {
  return new Map(Object.entries(object).map(([key, value]) => [key, isJsonObject(value) ? membersOf(value) : true]))
}

/** @see Kubernetes API, FieldsV1: `f:<name>` is a member, `.` the object itself; items of lists (`k:`, `v:`, `i:`) are the list's */
function fieldsOf(fields: JsonObject): readonly (readonly [string, Tree])[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    if (!key.startsWith('f:')) return []
    const isWhole = !isJsonObject(value) || !Object.keys(value).some(each => each === '.' || each.startsWith('f:'))
    return [[key.slice(2), isWhole ? true : new Map(fieldsOf(value))] as const]
  })
}

function joined(a: Tree, b: Tree): Tree {
  if (a === true || b === true) return true
  const all = new Map(a)
  for (const [key, value] of b) {
    const known = all.get(key)
    all.set(key, known === undefined ? value : joined(known, value))
  }
  return all
}
