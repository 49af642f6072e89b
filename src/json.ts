import { GateError } from './errors.js'
import { type JsonLimits, JsonReader } from './json/reader.js'
import { NumberText } from './json/number-text.js'
import { TextFault } from './text-fault.js'

export { emptyObject } from './json/empty-object.js'
export { NumberText }

/** Any JSON value as this project reads it; objects made by parsing have no prototype, so every key is a plain key. */
export type Json = null | boolean | number | string | NumberText | Json[] | JsonObject

export interface JsonObject {
  [key: string]: Json
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText)
}

/** The members that are texts, as labels and annotations have to be; nothing where there is no object. */
export function stringMembers(value: Json | undefined): Record<string, string> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/**
 * Reads a text that is exactly one JSON value (RFC 8259). Objects have no prototype; numbers keep their value.
 *
 * @throws GateError MANIFEST_SYNTAX, MANIFEST_DUPLICATE_KEY, MANIFEST_NUMBER (1e400), MANIFEST_TOO_DEEP, or
 *   MANIFEST_ENCODING for half of a surrogate pair, which Kubernetes would silently replace
 */
export function parseJson(text: string, limits: Partial<JsonLimits> = {}): Json {
  const reader = new JsonReader(text, limits)
  try {
    const value = reader.next()
    if (value === undefined) throw reader.unexpected('a value')
    if (reader.next() !== undefined) {
      throw reader.fault('MANIFEST_SYNTAX', 'there is more behind the JSON value', reader.start)
    }
    return value
  } catch (thrown) {
    if (!(thrown instanceof TextFault)) throw thrown
    throw new GateError(thrown.code, `line ${thrown.line}: ${thrown.message}`, { position: { line: thrown.line } })
  }
}

/** True when the platform's own JSON.stringify writes this value as we do: no NumberText inside, and not deep. */
function isPlain(root: Json): boolean {
  let level: Json[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > 500) return false
    const below: Json[] = []
    for (const value of level) {
      if (typeof value === 'number' && !Number.isFinite(value)) return false
      if (typeof value !== 'object' || value === null) continue
      if (value instanceof NumberText) return false
      if (Array.isArray(value)) for (const element of value) below.push(element)
      else for (const key of Object.keys(value)) below.push(value[key] as Json)
    }
    level = below
  }
  return true
}

function scalarText(value: Json): string {
  if (value instanceof NumberText) return value.text
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new GateError('MANIFEST_NUMBER', `JSON has no way to write the number ${value}`)
  }
  return JSON.stringify(value)
}

interface Frame {
  readonly container: Json[] | JsonObject
  /** null: an array. */
  readonly keys: readonly string[] | null
  readonly length: number
  next: number
}

function frame(container: Json[] | JsonObject): Frame {
  if (Array.isArray(container)) return { container, keys: null, length: container.length, next: 0 }
  // A member that is undefined is left out, as JSON.stringify does.
  const keys = Object.keys(container).filter(key => container[key] !== undefined)
  return { container, keys, length: keys.length, next: 0 }
}

function writeJson(root: Json, indent: number): string {
  const colon = indent === 0 ? ':' : ': '
  const stack: Frame[] = []
  const line = (): string => (indent === 0 ? '' : `\n${' '.repeat(indent * stack.length)}`)
  let out = ''
  const open = (value: Json): void => {
    if (typeof value !== 'object' || value === null || value instanceof NumberText) {
      out += scalarText(value)
      return
    }
    stack.push(frame(value))
    out += Array.isArray(value) ? '[' : '{'
  }
  open(root)
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { container, keys, length } = top
    if (top.next === length) {
      stack.pop()
      if (length > 0) out += line()
      out += keys === null ? ']' : '}'
      continue
    }
    out += (top.next === 0 ? '' : ',') + line()
    const index = top.next++
    if (Array.isArray(container)) {
      open(container[index] ?? null)
    } else {
      const key = keys?.[index] ?? ''
      out += JSON.stringify(key) + colon
      open(container[key] as Json)
    }
  }
  return out
}

/**
 * Writes JSON with the text of every NumberText as it is, at any depth; keys stand in the order the object has them.
 *
 * @param indent spaces a level; 0 writes one line
 * @throws GateError MANIFEST_NUMBER for NaN and the infinities, which JSON.stringify would turn into null
 */
export function stringifyJson(value: Json, indent = 0): string {
  return isPlain(value) ? JSON.stringify(value, null, indent) : writeJson(value, indent)
}
