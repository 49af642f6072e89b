import { NumberText, type Json } from '../json.js'

/** Longer texts are not taken for quantities or durations: no real one is, and the arithmetic stays cheap. */
const MAX_TEXT = 64
const MAX_EXPONENT = 30
const NANO = 1_000_000_000n
/** The API server caps a quantity here. */
const MAX_QUANTITY = ((1n << 63n) - 1n) * NANO

const QUANTITY = /^([+-]?)(\d*)(?:\.(\d*))?([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/

/** Powers of ten, or of two where the suffix ends in `i`. */
const DECIMAL_SUFFIXES: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
}
const BINARY_SUFFIXES: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n }

/**
 * Reads a resource quantity ("500m", "1.5Gi", "1e3", 2).
 *
 * @returns the value in billionths, rounded away from zero and capped at 2^63-1 units as the API server does;
 *   null for what is not a quantity
 * @see Kubernetes API conventions, "resource quantities"
 */
export function parseQuantity(value: Json): bigint | null {
  const text = numberText(value)
  if (text === null || text.length > MAX_TEXT) return null
  const match = QUANTITY.exec(text)
  if (match === null) return null
  const [, sign, whole = '', fraction = '', suffix = ''] = match
  if (whole === '' && fraction === '') return null
  const power = BINARY_SUFFIXES[suffix]
  const exponent = power === undefined ? decimalExponent(suffix) : 0
  if (Math.abs(exponent) > MAX_EXPONENT) return null
  const digits = BigInt(whole + fraction) * (power === undefined ? 1n : 1n << power)
  const shift = exponent - fraction.length + 9
  const nanos = shift >= 0 ? digits * 10n ** BigInt(shift) : divideUp(digits, 10n ** BigInt(-shift))
  if (sign === '-') return -nanos
  return nanos > MAX_QUANTITY ? MAX_QUANTITY : nanos
}

function numberText(value: Json): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return value instanceof NumberText ? value.text : null
}

function decimalExponent(suffix: string): number {
  return suffix.length > 1 ? Number(suffix.slice(1)) : (DECIMAL_SUFFIXES[suffix] ?? 0)
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor
}

/**
 * One spelling for equal quantities: plain digits for whole units ("1Gi" is "1073741824"), else the largest of m, u and n that fits.
 * What is not a quantity stays as it is: the API server refuses it.
 *
 * @param milli round up to thousandths, as the API server does in resource lists
 */
export function canonicalQuantity(value: Json, milli = false): Json {
  if (typeof value !== 'string') return spelledQuantity(value, milli)
  const spellings = milli ? milliSpellings : exactSpellings
  let spelling = spellings.get(value)
  if (spelling === undefined) {
    spelling = spelledQuantity(value, milli)
    if (spellings.size < MAX_SPELLINGS && value.length <= MAX_TEXT) spellings.set(value, spelling)
  }
  return spelling
}

/** Few quantities are used again and again; the arithmetic is done once for each, up to a number that bounds memory. */
const MAX_SPELLINGS = 1024
const milliSpellings = new Map<string, Json>()
const exactSpellings = new Map<string, Json>()

function spelledQuantity(value: Json, milli: boolean): Json {
  const exact = parseQuantity(value)
  if (exact === null) return value
  const nanos = milli ? roundToMilli(exact) : exact
  if (nanos % NANO === 0n) return String(nanos / NANO)
  if (nanos % 1_000_000n === 0n) return `${nanos / 1_000_000n}m`
  if (nanos % 1_000n === 0n) return `${nanos / 1_000n}u`
  return `${nanos}n`
}

function roundToMilli(nanos: bigint): bigint {
  return nanos < 0n ? -divideUp(-nanos, 1_000_000n) * 1_000_000n : divideUp(nanos, 1_000_000n) * 1_000_000n
}

/**
 * One spelling for an int-or-string: a percentage loses its leading zeros. "80" and 80 stay two values: the first is the name of a port
 * or a mistake, the second a number.
 */
export function canonicalIntOrString(value: Json): Json {
  if (typeof value !== 'string') return value
  const digits = /^0+(\d+%)$/.exec(value)?.[1]
  return digits ?? value
}

const DURATION_PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y
const NANOS_BY_UNIT: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: NANO,
  m: 60n * NANO,
  h: 3600n * NANO,
}

/**
 * One spelling for a duration as Go reads it: hours, minutes and seconds as Go prints them ("90m" is "1h30m0s").
 * What is not a duration stays as it is.
 */
export function canonicalDuration(value: Json): Json {
  if (typeof value !== 'string' || value.length > MAX_TEXT) return value
  const negative = value.startsWith('-')
  const text = /^[+-]/.test(value) ? value.slice(1) : value
  const nanos = text === '0' ? 0n : durationNanos(text)
  if (nanos === null) return value
  return (negative && nanos > 0n ? '-' : '') + durationText(nanos)
}

function durationNanos(text: string): bigint | null {
  let nanos = 0n
  DURATION_PART.lastIndex = 0
  let end = 0
  while (end < text.length) {
    const match = DURATION_PART.exec(text)
    if (match === null) return null
    const [, whole = '', fraction = '', unit = ''] = match
    if (whole === '' && fraction === '') return null
    nanos += (BigInt(whole + fraction) * (NANOS_BY_UNIT[unit] ?? 0n)) / 10n ** BigInt(fraction.length)
    end = DURATION_PART.lastIndex
  }
  return end === 0 ? null : nanos
}

function durationText(nanos: bigint): string {
  if (nanos === 0n) return '0s'
  if (nanos < 1_000n) return `${nanos}ns`
  if (nanos < 1_000_000n) return `${decimal(nanos, 3)}µs`
  if (nanos < NANO) return `${decimal(nanos, 6)}ms`
  const minutes = nanos / (60n * NANO)
  const seconds = `${decimal(nanos % (60n * NANO), 9)}s`
  if (minutes === 0n) return seconds
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`
}

function decimal(value: bigint, places: number): string {
  const digits = value.toString().padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  return digits.slice(0, -places) + (fraction === '' ? '' : `.${fraction}`)
}
