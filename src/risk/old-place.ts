import { equalJson } from '../canonical/drop.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'

/** What stands at a place, given by the segments of a JSON pointer; undefined where nothing is. */
export function valueAt(object: JsonObject, segments: readonly string[]): Json | undefined {
  let value: Json | undefined = object
  for (const segment of segments) value = memberOf(value, segment)
  return value
}

function memberOf(value: Json | undefined, segment: string): Json | undefined {
  if (Array.isArray(value)) return /^(?:0|[1-9]\d*)$/.test(segment) ? value[Number(segment)] : undefined
  return isJsonObject(value) && Object.hasOwn(value, segment) ? value[segment] : undefined
}

/**
 * Where in the old object that is, or would be, which stands at a place of the new one; null when it is part of a list
 * element that the old object did not have. Elements are the same by their name, or else by all that is in them; what
 * is left over in both lists at one index was changed.
 */
export function oldPlace(oldObject: JsonObject, object: JsonObject, segments: readonly string[]): string[] | null {
  const place: string[] = []
  let [before, now]: [Json | undefined, Json | undefined] = [oldObject, object]
  for (const segment of segments) {
    let at = segment
    if (Array.isArray(now)) {
      const index = oldIndex(Array.isArray(before) ? before : [], now, Number(segment))
      if (index === -1) return null
      at = String(index)
    }
    place.push(at)
    ;[before, now] = [memberOf(before, at), memberOf(now, segment)]
  }
  return place
}

function oldIndex(before: readonly Json[], now: readonly Json[], index: number): number {
  const element = now[index]
  if (element === undefined) return -1
  const known = before.findIndex(each => isSame(each, element))
  if (known !== -1) return known
  // A text in a list is all that there is: another text is another element.
  const candidate = before[index]
  return isJsonObject(element) && isJsonObject(candidate) && !now.some(each => isSame(candidate, each)) ? index : -1
}

function isSame(a: Json, b: Json): boolean {
  const [nameA, nameB] = [a, b].map(each => (isJsonObject(each) ? each.name : undefined))
  return typeof nameA === 'string' || typeof nameB === 'string' ? nameA === nameB : equalJson(a, b)
}
