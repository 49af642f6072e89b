import { hash } from 'node:crypto'
import { isJsonObject, NumberText, stringifyJson, type Json, type JsonObject } from '../json.js'
import { pathKey, segmentsOf, withoutMembers, type InputPath } from './input-path.js'

/** Longer texts are known by their digests. */
const MAX_TEXT = 64
/** Above this depth (the object under review is at 2) a value's text is made of its members' texts, which others need, too. */
const COMPOSED_DEPTH = 3

/** A path with what is needed to follow it again and again. */
export interface PreparedPath {
  readonly key: string
  readonly segments: readonly string[]
  readonly without: readonly string[]
}

export function preparePath(path: InputPath): PreparedPath {
  return { key: pathKey(path), segments: segmentsOf(path.pointer), without: path.without }
}

/** The parts of one input as short texts: equal texts are equal parts. Each part is looked at once. */
export interface InputParts {
  readonly textOf: (path: PreparedPath) => string
  /** An input in which only what these paths lead to differs. */
  readonly changed: (input: JsonObject, isChanged: (path: PreparedPath) => boolean) => InputParts
}

/** The texts of values that were looked at before, in this input or in one that shares parts with it. */
export type KnownTexts = WeakMap<JsonObject | Json[], string>

export function createInputParts(input: JsonObject, known: KnownTexts): InputParts {
  const texts = new Map<string, string>()

  /** Nothing here begins like the text of another kind: values are JSON, digests begin with # and missing ones with !. */
  function valueText(value: Json, depth: number): string {
    if (depth >= COMPOSED_DEPTH || !isJsonObject(value)) {
      if (!isJsonObject(value) && !Array.isArray(value)) return short(stringifyJson(value))
      let text = known.get(value)
      if (text === undefined) known.set(value, (text = short(stringifyJson(value))))
      return text
    }
    const members = Object.keys(value).filter(key => value[key] !== undefined)
    const lines = members.map(key => `${JSON.stringify(key)}:${valueText(value[key] as Json, depth + 1)}`)
    return short(`{${lines.join(',')}}`)
  }

  /**
   * What stands at a path. Where nothing does, the text says how far the path leads and what is there: a policy may have
   * seen that on its way.
   */
  function partText({ segments, without }: PreparedPath): string {
    let value: Json = input
    for (const [depth, key] of segments.entries()) {
      const member: Json | undefined = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
      if (member === undefined) return `!${depth} ${typeName(value)}`
      value = member
    }
    const part = without.length > 0 && isJsonObject(value) ? withoutMembers(value, without) : value
    return valueText(part, segments.length)
  }

  const parts: InputParts = {
    textOf: path => {
      let text = texts.get(path.key)
      if (text === undefined) texts.set(path.key, (text = partText(path)))
      return text
    },
    changed: (other, isChanged) => sharedParts(parts, other, known, isChanged),
  }
  return parts
}

function sharedParts(
  before: InputParts,
  input: JsonObject,
  known: KnownTexts,
  isChanged: (path: PreparedPath) => boolean,
): InputParts {
  const own = createInputParts(input, known)
  const parts: InputParts = {
    textOf: path => (isChanged(path) ? own : before).textOf(path),
    changed: (next, isChangedNext) => sharedParts(parts, next, known, isChangedNext),
  }
  return parts
}

function short(text: string): string {
  return text.length <= MAX_TEXT ? text : `#${hash('sha256', text, 'base64')}`
}

function typeName(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return value instanceof NumberText ? 'number' : typeof value
}
