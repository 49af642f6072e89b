import { isJsonObject, stringifyJson, type Json } from '../../json.js'
import type { Mark } from './manifest-view.js'

/** An object that was written anew has too many to be worth showing. */
const MAX_PLACES = 200
const MAX_VALUE = 60

/** Where an object differs from what it was before, with the old value where that is short. */
export function changedPlaces(before: Json, after: Json): readonly Mark[] {
  const marks: Mark[] = []
  compare(before, after, '', marks)
  return marks
}

function compare(before: Json | undefined, after: Json, path: string, marks: Mark[]): void {
  if (marks.length >= MAX_PLACES) return
  if (before !== undefined && isJsonObject(before) && isJsonObject(after)) {
    for (const [key, value] of Object.entries(after)) {
      compare(before[key], value, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, marks)
    }
  } else if (Array.isArray(before) && Array.isArray(after)) {
    for (const [index, value] of after.entries()) compare(before[index], value, `${path}/${index}`, marks)
  } else if (before === undefined) {
    marks.push({ path, kind: 'changed', text: 'new' })
  } else {
    const old = stringifyJson(before)
    if (old !== stringifyJson(after)) {
      marks.push({ path, kind: 'changed', text: old.length > MAX_VALUE ? 'changed' : `was ${old}` })
    }
  }
}
