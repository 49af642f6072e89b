import { VARYING } from './kept.js'
import { type ServedKind, type ServedTypes, type Shape, structOf } from './openapi.js'
import type { Json, JsonObject } from '../../../src/json.js'

/** A place in the objects of a kind where a type stands. */
export interface Occurrence {
  readonly kind: ServedKind
  /** The place it is a part of; null for the object itself. */
  readonly parent: Occurrence | null
  readonly type: string
  /** Members with their wrappers, `spec`, `template`, `spec`, `containers[]`; empty for the object itself. */
  readonly path: readonly string[]
}

/** Members of an object that are no part of what a user asks for, or are the same for all kinds. */
const ENVELOPE = new Set(['apiVersion', 'kind', 'metadata', 'status'])

/** What the server keeps beside a spec. */
export const STATUS = 'status'

/** The members of a type that are tried: all but the envelope of an object. */
export function triedMembers(served: ServedTypes, occurrence: Occurrence): [string, Shape][] {
  const members = [...(served.types.get(occurrence.type) ?? [])].filter(
    ([name]) => !Object.hasOwn(VARYING, `${occurrence.type}.${name}`),
  )
  if (occurrence.parent === null) return members.filter(([name]) => !ENVELOPE.has(name))
  return hasStatus(served, occurrence) ? members.filter(([name]) => name !== STATUS) : members
}

/** Whether a whole object with a status stands inside another one, as a claim does in a StatefulSet. */
export function hasStatus(served: ServedTypes, { type, parent }: Occurrence): boolean {
  const members = served.types.get(type)
  return parent !== null && members?.has('spec') === true && members.has(STATUS)
}

/** Every place in the objects of a kind where a type stands; one that contains itself is not entered again. */
export function occurrencesOf(served: ServedTypes, kind: ServedKind): Occurrence[] {
  const found: Occurrence[] = []
  const visit = (occurrence: Occurrence, above: readonly string[]): void => {
    found.push(occurrence)
    for (const [name, shape] of triedMembers(served, occurrence)) {
      const type = structOf(shape)
      if (type === null || above.includes(type)) continue
      visit({ kind, parent: occurrence, type, path: [...occurrence.path, name + wrappersOf(shape)] }, [...above, type])
    }
  }
  visit({ kind, parent: null, type: kind.type, path: [] }, [kind.type])
  return found
}

/** `[]` for a list, `{}` for a map, in order. */
export function wrappersOf(shape: Shape): string {
  if (shape.form === 'list') return `[]${wrappersOf(shape.of)}`
  return shape.form === 'map' ? `{}${wrappersOf(shape.of)}` : ''
}

/** What must stand beside a member for the server to keep it, by type and member. */
const CONTEXTS: Readonly<Record<string, Readonly<Record<string, JsonObject>>>> = {
  'io.k8s.api.core.v1.ServiceSpec': { sessionAffinityConfig: { sessionAffinity: 'ClientIP' } },
}

/** The key of the one entry that maps get. */
const KEY = 'k'

/** An object in which the given values stand at their places, and nothing else does but what these places need. */
export function objectWith(values: readonly { occurrence: Occurrence; value: JsonObject }[]): JsonObject {
  const root: JsonObject = {}
  for (const { occurrence, value } of values) {
    Object.assign(placeOf(root, occurrence), value)
    for (let each = occurrence; each.parent !== null; each = each.parent) {
      Object.assign(placeOf(root, each.parent), CONTEXTS[each.parent.type]?.[nameOf(each.path.at(-1) ?? '')])
    }
  }
  return root
}

/** What stands at a place; null when nothing does. */
export function valueAt(object: JsonObject, { path }: Occurrence): JsonObject | null {
  let found: Json | undefined = object
  for (const step of path.flatMap(splitStep)) {
    if (typeof found !== 'object' || found === null) return null
    found = (found as JsonObject)[step]
  }
  return (found ?? null) as JsonObject | null
}

/** `containers[]` is the member and the first item. */
function splitStep(step: string): string[] {
  const name = nameOf(step)
  const wrappers = step.slice(name.length).match(/\[\]|\{\}/g) ?? []
  return [name, ...wrappers.map(each => (each === '[]' ? '0' : KEY))]
}

function nameOf(step: string): string {
  return step.replaceAll(/\[\]|\{\}/g, '')
}

/** The object at a place, made with all above it where it is missing. */
function placeOf(root: JsonObject, { path }: Occurrence): JsonObject {
  const steps = path.flatMap(splitStep)
  let place = root
  for (const [index, step] of steps.entries()) {
    place[step] ??= steps[index + 1] === '0' ? [] : {}
    place = place[step] as JsonObject
  }
  return place
}
