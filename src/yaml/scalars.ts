import { Buffer, isUtf8 } from 'node:buffer'
import type { Json } from '../json.js'
import { readNumber } from '../json/number-text.js'

const TAG_PREFIX = 'tag:yaml.org,2002:'

/** A number as YAML wrote it; `text` is its exact decimal value in the syntax of JSON, or Go's name of a special value. */
export interface YamlNumber {
  /** `uint` is an integer beyond int64. */
  readonly type: 'int' | 'uint' | 'float' | 'special'
  readonly text: string
}

export type YamlScalarValue = null | boolean | string | YamlNumber

/** A scalar that cannot be read; the caller knows where it is. */
export class ScalarFault extends Error {
  readonly code: 'MANIFEST_SYNTAX' | 'MANIFEST_NUMBER' | 'MANIFEST_ENCODING'
  constructor(code: ScalarFault['code'], problem: string) {
    super(problem)
    this.code = code
  }
}

const WORDS: ReadonlyMap<string, YamlScalarValue> = new Map<string, YamlScalarValue>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map(word => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(word => [word, false] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map(word => [word, null] as const),
  ...['.nan', '.NaN', '.NAN'].map(word => [word, { type: 'special', text: '.nan' }] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map(w => [w, { type: 'special', text: '.inf' }] as const),
  ...['-.inf', '-.Inf', '-.INF'].map(word => [word, { type: 'special', text: '-.inf' }] as const),
])

const INT64_MAX = 2n ** 63n - 1n
const UINT64_MAX = 2n ** 64n - 1n

const INTEGER = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/
/** `0b` and a number with its own sign: an accident of the decoder, kept because the API server has it, too. */
const SIGNED_BINARY = /^0b([+-])([01]+)$/
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const POINT_FLOAT = /^\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?$/

function integer(plain: string): YamlNumber | undefined {
  const [, sign = '', hex, binary, octal, digits] = INTEGER.exec(plain) ?? []
  const signed = SIGNED_BINARY.exec(plain)
  let value: bigint
  if (signed !== null) value = BigInt(`0b${signed[2] ?? ''}`) * (signed[1] === '-' ? -1n : 1n)
  // 400 digits are far beyond 64 bits; BigInt needs quadratic time.
  else if (plain.length > 400) return undefined
  else if (hex !== undefined) value = BigInt(`0x${hex}`)
  else if (binary !== undefined) value = BigInt(`0b${binary}`)
  else if (octal !== undefined) value = BigInt(`0o${octal}`)
  else if (digits !== undefined) value = BigInt(digits)
  else return undefined
  if (sign === '-') value = -value
  if (value >= -INT64_MAX - 1n && value <= INT64_MAX) return { type: 'int', text: String(value) }
  return value > 0n && value <= UINT64_MAX && sign === '' && signed?.[1] !== '+'
    ? { type: 'uint', text: String(value) }
    : undefined
}

/** Spells a YAML float as JSON has it: no plus sign, no leading zeros, digits on both sides of the point. */
function float(text: string): YamlNumber | undefined {
  if (!Number.isFinite(Number(text))) return undefined
  const sign = text.startsWith('-') ? '-' : ''
  const [mantissa = '', exponent] = text.replace(/^[-+]/, '').toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = whole.replace(/^0+/, '') || '0'
  const point = fraction === '' ? '' : `.${fraction}`
  return { type: 'float', text: `${sign}${digits}${point}${exponent === undefined ? '' : `e${exponent}`}` }
}

/** What a plain scalar means to Kubernetes' decoder: YAML 1.1 as Go reads it. */
function plainValue(text: string): YamlScalarValue {
  const word = WORDS.get(text)
  if (word !== undefined) return word
  if (text.startsWith('.')) {
    return POINT_FLOAT.test(text) ? (float(text.replaceAll('_', '')) ?? text) : text
  }
  if (!/^[-+0-9]/.test(text)) return text
  const plain = text.replaceAll('_', '')
  const whole = integer(plain)
  if (whole !== undefined) return whole
  // Out of range, as 1e400 is, it stays the text that it is.
  return FLOAT.test(plain) ? (float(plain) ?? text) : text
}

const TIMESTAMP =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)| (\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?)?$/

function isTimestamp(text: string): boolean {
  const match = TIMESTAMP.exec(text)
  if (match === null) return false
  const [year = 0, month = 0, day = 0, ...clock] = match.slice(1).map(part => Number(part))
  const [hour = 0, minute = 0, second = 0] = clock.filter(part => !Number.isNaN(part))
  const date = new Date(Date.UTC(2000, month - 1, day))
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
}

function binary(text: string): string {
  const base64 = text.replace(/[\r\n]/g, '')
  // Buffer skips what is not base64; Go refuses it.
  if (base64.length % 4 !== 0 || /[^A-Za-z0-9+/]/.test(base64.replace(/={1,2}$/, ''))) {
    throw new ScalarFault('MANIFEST_SYNTAX', 'the value tagged !!binary is not base64')
  }
  const bytes = Buffer.from(base64, 'base64')
  if (!isUtf8(bytes)) {
    throw new ScalarFault('MANIFEST_ENCODING', 'the value tagged !!binary is not UTF-8 text; JSON cannot hold it')
  }
  return bytes.toString('utf8')
}

/** The value under an explicit tag; a tag of nobody's makes a string. */
function taggedValue(tag: string, text: string): YamlScalarValue {
  const name = tag.startsWith(TAG_PREFIX) ? tag.slice(TAG_PREFIX.length) : ''
  const value = plainValue(text)
  const number = typeof value === 'object' && value !== null ? value : undefined
  switch (name) {
    case 'binary':
      return binary(text)
    case 'null':
      if (value === null) return null
      break
    case 'bool':
      if (typeof value === 'boolean') return value
      break
    case 'int':
      if (number?.type === 'int' || number?.type === 'uint') return number
      break
    case 'float':
      if (number !== undefined && number.type !== 'uint')
        return { ...number, type: number.type === 'int' ? 'float' : number.type }
      break
    case 'timestamp':
      if (isTimestamp(text)) return text
      break
    default:
      return text
  }
  throw new ScalarFault('MANIFEST_SYNTAX', `the value ${JSON.stringify(text.slice(0, 80))} is not a !!${name}`)
}

/**
 * Resolves a scalar as `sigs.k8s.io/yaml` does for every Kubernetes client and server.
 *
 * @param tag null: a quoted or block scalar; '': a plain one; else its tag in the long form
 * @see go.yaml.in/yaml/v2 v2.4.2, resolve.go
 */
export function resolveScalar(tag: string | null, text: string): YamlScalarValue {
  if (tag === null) return text
  return tag === '' ? plainValue(text) : taggedValue(tag, text)
}

/** @throws ScalarFault MANIFEST_NUMBER where JSON, or a double, has no place for the number */
export function scalarToJson(value: YamlScalarValue): Json {
  if (typeof value !== 'object' || value === null) return value
  const number = value.type === 'special' ? undefined : readNumber(value.text)
  if (number !== undefined) return number
  throw new ScalarFault(
    'MANIFEST_NUMBER',
    `the number ${value.text.slice(0, 80)} cannot be held by JSON; if it is meant as text, put it in quotes`,
  )
}

/** A float as Go prints it for a key: shortest digits of a 32-bit float, exponent form from 1e6 on and below 1e-4. */
function float32Text(value: number): string {
  const single = Math.fround(value)
  if (!Number.isFinite(single)) return single > 0 ? '.inf' : '-.inf'
  if (single === 0) return Object.is(single, -0) ? '-0' : '0'
  let shortest = ''
  for (let digits = 1; digits <= 9; digits++) {
    shortest = single.toExponential(digits - 1)
    if (Math.fround(Number(shortest)) === single) break
  }
  const [mantissa = '', power = '0'] = shortest.split('e')
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 6) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  return Number(shortest).toFixed(Math.max(0, mantissa.replace(/[-.]/g, '').length - 1 - exponent))
}

/** The text of a key: Kubernetes makes strings of numbers and booleans, and refuses null. */
export function scalarToKey(value: YamlScalarValue): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (value === null) throw new ScalarFault('MANIFEST_SYNTAX', 'a key is empty or null; put it in quotes')
  if (value.type === 'uint') {
    throw new ScalarFault('MANIFEST_SYNTAX', `the key ${value.text} is beyond 64 bits with a sign; put it in quotes`)
  }
  return value.type === 'float' ? float32Text(Number(value.text)) : value.text
}
