import { Buffer } from 'node:buffer'
import { equalJson } from './canonical/drop.js'
import { CANONICAL_RULES, type CanonicalRule } from './canonical/rules.js'
import { DEFAULTS } from './canonical/defaults.js'
import { emptyObject, isJsonObject, NumberText, type Json, type JsonObject } from './json.js'
import { canonicalDuration, canonicalIntOrString, canonicalQuantity } from './canonical/quantity.js'

/** What the API server fills in and owns; the readable source is `policies/data/defaults.json`, which explains the members. */
export interface DefaultsTable {
  /** `<apiVersion>/<kind>` to the name of its type. */
  readonly kinds: Readonly<Record<string, string>>
  readonly types: Readonly<Record<string, TypeDefaults>>
}

interface TypeDefaults {
  readonly extends?: string
  readonly custom?: boolean
  readonly server?: readonly string[]
  readonly defaults?: Readonly<Record<string, Json>>
  readonly zero?: readonly string[]
  readonly members?: Readonly<Record<string, string>>
  readonly rules?: readonly string[]
}

/**
 * The canonical form of an object: without what the API server owns or fills in, with one spelling for equal quantities, int-or-strings
 * and durations. Two manifests with the same form are the same to the API server. A member is dropped only when its value is the
 * default or when the server owns it; kinds that are not in the table lose server-owned members only.
 * The result shares unchanged parts with `object`, which is never changed; the order of keys is left to canonicalJson.
 */
export function canonicalObject(object: JsonObject): JsonObject {
  const { apiVersion, kind } = object
  const type =
    typeof apiVersion === 'string' && typeof kind === 'string' ? kindType(`${apiVersion}/${kind}`) : UNKNOWN_KIND
  return convertObject(type, object)
}

/** The canonical forms of what a request brings: made once, for all who read them. */
export interface CanonicalObjects {
  readonly object: JsonObject | null
  readonly oldObject: JsonObject | null
}

export function canonicalObjects({ object, oldObject }: CanonicalObjects): CanonicalObjects {
  return {
    object: object === null ? null : canonicalObject(object),
    oldObject: oldObject === null ? null : canonicalObject(oldObject),
  }
}

/**
 * The JSON text of a value as RFC 8785 has it: no white space, keys in the order of their UTF-16 code units, a NumberText as it was written.
 * Texts are joined by hand: a sorted object given to JSON.stringify would get integer-like keys in numeric order.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (value instanceof NumberText) return value.text
  if (Array.isArray(value)) {
    let items = ''
    for (const item of value) items += (items === '' ? '' : ',') + canonicalJson(item)
    return `[${items}]`
  }
  let members = ''
  for (const key of sortedKeys(value)) {
    const member = value[key]
    if (member !== undefined) members += (members === '' ? '' : ',') + quotedKey(key) + canonicalJson(member)
  }
  return `{${members}}`
}

/** By UTF-16 code units. Most objects are small and nearly sorted, for which inserting is several times faster than sort(). */
function sortedKeys(object: JsonObject): string[] {
  const keys = Object.keys(object)
  if (keys.length > 24) return keys.sort()
  for (let i = 1; i < keys.length; i += 1) {
    const key = keys[i] as string
    let at = i
    while (at > 0 && (keys[at - 1] as string) > key) {
      keys[at] = keys[at - 1] as string
      at -= 1
    }
    keys[at] = key
  }
  return keys
}

// eslint-disable-next-line no-control-regex -- JSON escapes just these
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/

// One call of JSON.stringify for each text was a third of the time.
function quoted(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`
}

/** Most keys are the API's own names: their texts are kept, up to a number that no stranger's labels can raise. */
const MAX_KEYS = 2048
const quotedKeys = new Map<string, string>()

function quotedKey(key: string): string {
  let text = quotedKeys.get(key)
  if (text === undefined) {
    text = `${quoted(key)}:`
    if (quotedKeys.size < MAX_KEYS) quotedKeys.set(key, text)
  }
  return text
}

type Convert = (value: Json) => Json

interface Member {
  /** Dropped whatever it holds. */
  server: boolean
  /** The zero value is the same as an absent member. */
  zero: boolean
  /** A null is the same as an absent member, an empty list is not. */
  raw: boolean
  quantity: boolean
  default: Json | undefined
  convert: Convert | null
}

interface ObjectType {
  readonly custom: boolean
  readonly members: ReadonlyMap<string, Member>
  readonly rules: readonly CanonicalRule[]
}

const KEEP: Convert = value => value

const SCALARS: Readonly<Record<string, Convert>> = {
  Quantity: value => canonicalQuantity(value),
  ResourceList: value => mapValues(value, each => canonicalQuantity(each ?? '0', true)),
  IntOrString: canonicalIntOrString,
  Duration: canonicalDuration,
  Bytes: canonicalBytes,
  Raw: KEEP,
  // A null in a map of strings is read as an empty string.
  string: value => value ?? '',
}

const objectTypes = new Map<string, ObjectType>()

function objectType(name: string): ObjectType {
  let type = objectTypes.get(name)
  if (type === undefined) objectTypes.set(name, (type = compileType(name)))
  return type
}

function compileType(name: string): ObjectType {
  const defaults = DEFAULTS.types[name]
  if (defaults === undefined) throw new Error(`the table of defaults has no type ${name}`)
  const base = defaults.extends === undefined ? null : objectType(defaults.extends)
  const members = new Map<string, Member>(base?.members)
  const member = (key: string): Member => {
    const known = members.get(key) ?? {
      server: false,
      zero: false,
      raw: false,
      quantity: false,
      default: undefined,
      convert: null,
    }
    const own = { ...known }
    members.set(key, own)
    return own
  }
  for (const key of defaults.zero ?? []) member(key).zero = true
  for (const [key, value] of Object.entries(defaults.defaults ?? {})) member(key).default = value
  for (const key of defaults.server ?? []) member(key).server = true
  for (const [key, type] of Object.entries(defaults.members ?? {})) {
    Object.assign(member(key), { convert: converter(type), raw: type === 'Raw', quantity: type === 'Quantity' })
  }
  for (const each of members.values()) {
    // The table has what the API server prints, to be compared with what is already in canonical form.
    if (each.default !== undefined && each.convert !== null) each.default = each.convert(each.default)
  }
  const rules = (defaults.rules ?? []).map(rule => {
    const found = CANONICAL_RULES[rule]
    if (found === undefined) throw new Error(`the table of defaults names the unknown rule ${rule}`)
    return found
  })
  return { custom: defaults.custom === true, members, rules: [...(base?.rules ?? []), ...rules] }
}

/** `[]T` is a list of T, `{}T` a map to T; the types of objects are looked up late, for some contain themselves. */
function converter(type: string): Convert {
  if (type.startsWith('[]')) {
    const item = converter(type.slice(2))
    return value => (Array.isArray(value) ? value.map(item) : value)
  }
  if (type.startsWith('{}')) {
    const item = converter(type.slice(2))
    return value => mapValues(value, item)
  }
  const scalar = SCALARS[type]
  if (scalar !== undefined) return scalar
  let compiled: ObjectType | null = null
  const convert: Convert = value => {
    if (isJsonObject(value)) return convertObject((compiled ??= objectType(type)), value)
    // In a CRD's schema some members hold a schema or a list of schemas.
    return Array.isArray(value) ? value.map(convert) : value
  }
  return convert
}

function mapValues(value: Json, convert: Convert): Json {
  if (!isJsonObject(value)) return value
  const result = emptyObject()
  for (const [key, each] of Object.entries(value)) result[key] = convert(each)
  return result
}

/** Base64 as the API server prints it; line breaks are allowed when it reads. */
function canonicalBytes(value: Json): Json {
  if (typeof value !== 'string') return value ?? ''
  const text = value.replace(/[\r\n]/g, '')
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return value
  return text.endsWith('=') ? Buffer.from(text, 'base64').toString('base64') : text
}

function convertObject(type: ObjectType, value: JsonObject): JsonObject {
  const result = emptyObject()
  for (const key of Object.keys(value)) {
    const member = type.members.get(key)
    let each = value[key]
    if (each === undefined || member?.server === true) continue
    if (each !== null && member !== undefined && member.convert !== null) each = member.convert(each)
    if (each === null || (Array.isArray(each) && each.length === 0 && member?.raw !== true)) {
      if (!type.custom || member?.zero === true) continue
    } else if (member !== undefined) {
      if (member.zero && isZero(each, member)) continue
      if (member.default !== undefined && equalJson(each, member.default)) continue
    }
    result[key] = each
  }
  if (type.rules.length > 0) applyRules(type, result, value)
  return result
}

function applyRules(type: ObjectType, result: JsonObject, value: JsonObject): void {
  for (const rule of type.rules) rule(result, value)
  // A rule may have emptied a member that is nothing when empty.
  for (const key in result) {
    const each = result[key]
    if (isJsonObject(each) && isEmpty(each) && type.members.get(key)?.zero === true) Reflect.deleteProperty(result, key)
  }
}

function isZero(value: Json, member: Member): boolean {
  if (member.raw) return false
  if (value === false || value === 0 || value === '') return true
  if (value === '0') return member.quantity
  return isJsonObject(value) && isEmpty(value)
}

function isEmpty(value: JsonObject): boolean {
  for (const key in value) if (value[key] !== undefined) return false
  return true
}

const METADATA: Member = {
  server: false,
  zero: true,
  raw: false,
  quantity: false,
  default: undefined,
  convert: converter('metadata'),
}
const STATUS: Member = { ...METADATA, server: true, convert: null }

const UNKNOWN_KIND: ObjectType = {
  custom: true,
  members: new Map([
    ['metadata', METADATA],
    ['status', STATUS],
  ]),
  rules: [],
}

const kindTypes = new Map<string, ObjectType>()

function kindType(name: string): ObjectType {
  const typeName = Object.hasOwn(DEFAULTS.kinds, name) ? DEFAULTS.kinds[name] : undefined
  if (typeName === undefined) return UNKNOWN_KIND
  let type = kindTypes.get(name)
  if (type === undefined) {
    const { custom, members, rules } = objectType(typeName)
    type = { custom, members: new Map([...members, ...UNKNOWN_KIND.members]), rules }
    kindTypes.set(name, type)
  }
  return type
}
