import { isJsonObject, NumberText, type Json } from '../../src/json.js'

/** A place in which two values differ; undefined where one of them has nothing. */
export interface Difference {
  /** JSON pointer. */
  readonly path: string
  readonly left: Json | undefined
  readonly right: Json | undefined
}

/** The smallest differences of two values; lists of different lengths are compared item by item as well. */
export function differences(left: Json | undefined, right: Json | undefined, path = ''): readonly Difference[] {
  if (Array.isArray(left) && Array.isArray(right)) {
    const length = Math.max(left.length, right.length)
    return Array.from({ length }, (_, index) => differences(left[index], right[index], `${path}/${index}`)).flat()
  }
  if (isJsonObject(left) && isJsonObject(right)) {
    const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])]
    return keys.flatMap(key =>
      differences(left[key], right[key], `${path}/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`),
    )
  }
  return textOf(left) === textOf(right) ? [] : [{ path, left, right }]
}

function textOf(value: Json | undefined): string | undefined {
  return value instanceof NumberText ? value.text : JSON.stringify(value)
}
