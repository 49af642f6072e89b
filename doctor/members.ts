import { isJsonObject, type Json, type JsonObject } from '../src/json.js'

/** A member by its path; undefined where the path ends early. */
export function member(object: Json | undefined, ...path: readonly string[]): Json | undefined {
  let found = object
  for (const key of path) {
    if (!isJsonObject(found)) return undefined
    found = found[key]
  }
  return found
}

export function memberText(object: Json | undefined, ...path: readonly string[]): string {
  const found = member(object, ...path)
  return typeof found === 'string' ? found : ''
}

export function memberObjects(object: Json | undefined, ...path: readonly string[]): readonly JsonObject[] {
  const found = member(object, ...path)
  return Array.isArray(found) ? found.filter(isJsonObject) : []
}

export function memberTexts(object: Json | undefined, ...path: readonly string[]): readonly string[] {
  const found = member(object, ...path)
  return Array.isArray(found) ? found.filter(each => typeof each === 'string') : []
}

export function nameOf(object: JsonObject): string {
  return memberText(object, 'metadata', 'name')
}
