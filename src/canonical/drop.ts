import { emptyObject, isJsonObject, NumberText, type Json, type JsonObject } from '../json.js'

/** True when two values are the same JSON, whatever the order of their keys. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof NumberText) return b instanceof NumberText && a.text === b.text
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equalJson(item, b[index]))
  }
  if (!isJsonObject(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => Object.hasOwn(b, key) && equalJson(a[key], b[key]))
}

/** Drops a member that holds this value; an absent value matches nothing. */
export function dropIfEqual(object: JsonObject, key: string, value: Json | undefined): void {
  if (value !== undefined && equalJson(object[key], value)) Reflect.deleteProperty(object, key)
}

/** Drops the keys of a map member that `drop` names, and the member when nothing is left. */
export function dropKeys(object: JsonObject, member: string, drop: (key: string, value: Json) => boolean): void {
  const map = object[member]
  if (!isJsonObject(map)) return
  const kept = Object.entries(map).filter(([key, value]) => !drop(key, value))
  if (kept.length === Object.keys(map).length) return
  const result = emptyObject()
  for (const [key, value] of kept) result[key] = value
  if (kept.length === 0) Reflect.deleteProperty(object, member)
  else object[member] = result
}

/** The objects of a list; anything else is skipped. */
export function objects(list: Json | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}

/** The object itself, or an empty one in place of anything else. */
export function objectOr(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}
