import { GateError } from '../../errors.js'
import { NumberText } from '../../json/number-text.js'
import { compareNumberText } from './number-order.js'
import { quote } from './quote.js'

/** A Rego set as Wasm gave it: its elements in no particular order. */
export class RegoSet {
  readonly elements: readonly RegoValue[]
  constructor(elements: readonly RegoValue[]) {
    this.elements = elements
  }
}

/** A Rego object as Wasm gave it: its keys may be any values, in no particular order. */
export class RegoObject {
  readonly entries: readonly (readonly [RegoValue, RegoValue])[]
  constructor(entries: readonly (readonly [RegoValue, RegoValue])[]) {
    this.entries = entries
  }
}

/** A value of Rego; numbers keep the text they were written with. */
export type RegoValue = null | boolean | string | NumberText | RegoValue[] | RegoSet | RegoObject

/**
 * Reads Rego's notation of a value: JSON, with sets in braces (`set()` for the empty one) and any values as keys.
 *
 * @throws GateError INTERNAL when the text is something else; OPA's opa_value_dump never writes such a text
 */
export function parseRegoValue(text: string): RegoValue {
  return new RegoReader(text).readWhole()
}

const BACKSLASH = 0x5c

class RegoReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  readWhole(): RegoValue {
    const value = this.#read()
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  #read(): RegoValue {
    this.#skipSpace()
    switch (this.#text.charAt(this.#at)) {
      case '"':
        return this.#string()
      case '[': {
        this.#at++
        return this.#list(']')
      }
      case '{':
        return this.#braces()
      case 'n':
        return this.#word('null', null)
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 's':
        return this.#word('set()', new RegoSet([]))
      default:
        return this.#number()
    }
  }

  #word<T extends RegoValue>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected()
    this.#at += word.length
    return value
  }

  #string(): string {
    const start = this.#at
    let end = start
    do {
      end = this.#text.indexOf('"', end + 1)
      if (end < 0) throw this.#unexpected()
    } while (this.#isEscaped(end))
    this.#at = end + 1
    const inside = this.#text.slice(start + 1, end)
    return inside.includes('\\') ? (JSON.parse(this.#text.slice(start, this.#at)) as string) : inside
  }

  /** An odd number of backslashes stands before it. */
  #isEscaped(at: number): boolean {
    let before = at
    while (this.#text.charCodeAt(before - 1) === BACKSLASH) before -= 1
    return (at - before) % 2 === 1
  }

  #number(): NumberText {
    const number = /[-+.0-9eE]+/y
    number.lastIndex = this.#at
    const [text] = number.exec(this.#text) ?? []
    if (text === undefined) throw this.#unexpected()
    this.#at += text.length
    return new NumberText(text)
  }

  /** The values up to the closing bracket. */
  #list(close: string): RegoValue[] {
    const values: RegoValue[] = []
    if (this.#skips(close)) return values
    do values.push(this.#read())
    while (this.#skips(','))
    if (!this.#skips(close)) throw this.#unexpected()
    return values
  }

  #braces(): RegoValue {
    this.#at++
    if (this.#skips('}')) return new RegoObject([])
    const first = this.#read()
    if (!this.#skips(':')) {
      const others = this.#skips(',') ? this.#list('}') : this.#end([])
      return new RegoSet([first, ...others])
    }
    const entries: [RegoValue, RegoValue][] = [[first, this.#read()]]
    while (this.#skips(',')) {
      const key = this.#read()
      if (!this.#skips(':')) throw this.#unexpected()
      entries.push([key, this.#read()])
    }
    return new RegoObject(this.#end(entries))
  }

  #end<T>(values: T): T {
    if (!this.#skips('}')) throw this.#unexpected()
    return values
  }

  #skips(character: string): boolean {
    this.#skipSpace()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    while (this.#text[this.#at] === ' ') this.#at++
  }

  #unexpected(): GateError {
    return new GateError('INTERNAL', `the Rego value ends or goes on unexpectedly at character ${this.#at}`)
  }
}

/** Writes a value as OPA does when it puts one into text: strings quoted, keys and elements of sets in Rego's order. */
export function regoText(value: RegoValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return quote(value)
  if (value instanceof NumberText) return value.text
  if (Array.isArray(value)) return `[${value.map(regoText).join(', ')}]`
  if (value instanceof RegoSet) {
    if (value.elements.length === 0) return 'set()'
    return `{${value.elements.toSorted(compareRegoValues).map(regoText).join(', ')}}`
  }
  return `{${sortedEntries(value)
    .map(([key, member]) => `${regoText(key)}: ${regoText(member)}`)
    .join(', ')}}`
}

function sortedEntries(object: RegoObject): (readonly [RegoValue, RegoValue])[] {
  return object.entries.toSorted(([a], [b]) => compareRegoValues(a, b))
}

/** The order of types in Rego. */
function typeOrder(value: RegoValue): number {
  if (value === null) return 0
  if (typeof value === 'boolean') return 1
  if (value instanceof NumberText) return 2
  if (typeof value === 'string') return 3
  if (Array.isArray(value)) return 4
  return value instanceof RegoObject ? 5 : 6
}

/** Rego's order of all values: negative, 0 or positive. */
export function compareRegoValues(a: RegoValue, b: RegoValue): number {
  const types = typeOrder(a) - typeOrder(b)
  if (types !== 0) return types
  if (typeof a === 'boolean') return Number(a) - Number(b)
  if (a instanceof NumberText) return compareNumberText(a.text, (b as NumberText).text)
  if (typeof a === 'string') return compareText(a, b as string)
  if (Array.isArray(a)) return compareLists(a, b as RegoValue[])
  if (a instanceof RegoObject) return compareLists(sortedEntries(a).flat(), sortedEntries(b as RegoObject).flat())
  if (a instanceof RegoSet) {
    return compareLists(a.elements.toSorted(compareRegoValues), (b as RegoSet).elements.toSorted(compareRegoValues))
  }
  return 0
}

function compareLists(a: readonly RegoValue[], b: readonly RegoValue[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareRegoValues(a[i] as RegoValue, b[i] as RegoValue)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** By code points, as Go compares UTF-8; JavaScript's own order puts U+E000 to U+FFFF behind everything above them. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return codePointOrder(left) - codePointOrder(right)
  }
  return a.length - b.length
}

/** Moves surrogates behind the other code units. */
function codePointOrder(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
