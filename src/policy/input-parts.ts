import { hash } from 'node:crypto'
import { isJsonObject, NumberText, stringifyJson, type Json, type JsonObject } from '../json.js'
import { pathKey, segmentsOf, withoutMembers, type InputPath } from './input-path.js'

/** Longer texts are known by their digests. */
const MAX_TEXT = 64

/** The parts of one input as short texts: equal texts are equal parts. Each part is looked at once. */
export interface InputParts {
  textOf(path: InputPath): string
  /** The same input with another value of one of its members. */
  withMember(name: string, value: Json): InputParts
}

export function createInputParts(input: JsonObject, known: ReadonlyMap<string, string> = new Map()): InputParts {
  const texts = new Map(known)
  return {
    textOf(path) {
      const key = pathKey(path)
      let text = texts.get(key)
      if (text === undefined) texts.set(key, (text = short(partText(input, path))))
      return text
    },
    withMember(name, value) {
      const others = [...texts].filter(([key]) => key.split(/[/ ]/, 2)[1] !== name)
      return createInputParts({ ...input, [name]: value }, new Map(others))
    },
  }
}

function short(text: string): string {
  return text.length <= MAX_TEXT ? text : `#${hash('sha256', text, 'base64')}`
}

/**
 * What stands at a path, as JSON. Where nothing does, the text says how far the path leads and what is there: a policy may
 * have seen that on its way. No JSON begins like that.
 */
function partText(input: JsonObject, { pointer, without }: InputPath): string {
  let value: Json = input
  for (const [depth, key] of segmentsOf(pointer).entries()) {
    const member: Json | undefined = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
    if (member === undefined) return `!${depth} ${typeName(value)}`
    value = member
  }
  return stringifyJson(without.length > 0 && isJsonObject(value) ? withoutMembers(value, without) : value)
}

function typeName(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return value instanceof NumberText ? 'number' : typeof value
}
