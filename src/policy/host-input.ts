import { stringifyJson, type Json, type JsonObject } from '../json.js'
import type { PolicyHost } from './host.js'

/** The input of one request in a host. */
export interface HostInput {
  /** Brings the host's input up to date; called before a result is made, as often none has to be. */
  ready(): void
  setViolations(violations: Json): void
  /** Of an object that shares parts with the one before only the rest is read again. */
  setObject(object: JsonObject): void
}

const encoder = new TextEncoder()
const NO_VIOLATIONS: Json = []

/**
 * @param text the whole input as JSON; its `violations` are an empty list
 * @param object what stands at `review.object` in it
 */
export function createHostInput(host: PolicyHost, text: () => string, object: JsonObject | null): HostInput {
  const pending = new Map<string, { readonly path: readonly string[]; readonly value: Json }>()
  let current = object
  let violations = NO_VIOLATIONS
  let begun = false

  function set(path: readonly string[], value: Json): void {
    pending.set(path.join('/'), { path, value })
  }

  function setViolations(found: Json): void {
    if (found === violations) return
    violations = found
    set(['violations'], found)
  }

  return {
    ready() {
      if (!begun) host.begin(encoder.encode(text()))
      begun = true
      for (const { path, value } of pending.values()) host.amend(path, encoder.encode(stringifyJson(value)))
      pending.clear()
    },
    setViolations,
    setObject(next) {
      setViolations(NO_VIOLATIONS)
      const differing = current === null ? null : differingMembers(current, next)
      if (differing === null) {
        for (const key of pending.keys()) if (key.startsWith('review/object/')) pending.delete(key)
        set(['review', 'object'], next)
      } else {
        for (const member of differing) set(['review', 'object', member], next[member] ?? null)
      }
      current = next
    },
  }
}

/** null: one has members that the other lacks, which cannot be taken away from a value that is read already. */
function differingMembers(before: JsonObject, after: JsonObject): readonly string[] | null {
  const members = Object.keys(after)
  if (members.length !== Object.keys(before).length || !members.every(each => Object.hasOwn(before, each))) return null
  return members.filter(each => before[each] !== after[each])
}
