import { emptyObject } from './empty-object.js'
import type { Json, JsonObject } from '../json.js'
import { type NumberText, readNumber } from './number-text.js'
import { countLineBreaks, quoted, TextFault } from '../text-fault.js'

/** What a reader of JSON refuses. */
export interface JsonLimits {
  /** How many arrays and objects may be inside each other. */
  readonly maxDepth: number
}

export const DEFAULT_MAX_DEPTH = 500

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

// String.isWellFormed is in every Node this project runs on, but not yet in TypeScript's ES2023 library.
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed: () => boolean }).isWellFormed()
}

/** What is in no string that is as it is written: an escape, what has to be one, and what may be half of a character. */
const NOT_PLAIN = /[^ !#-[\]-\ud7ff\ue000-\uffff]/

const isDigit = (code: number): boolean => code >= 48 && code <= 57

/**
 * Reads one JSON value after another from a text (RFC 8259; white space or nothing between them).
 * After a fault other than MANIFEST_SYNTAX the reader stands behind the value that had it, so reading can go on.
 */
export class JsonReader {
  /** The offset of the value read last. */
  start = 0
  /** Where the objects that are elements of an array begin in the value read last; empty unless asked for. */
  elementOffsets = new Map<JsonObject, number>()
  readonly #keepsOffsets: boolean
  readonly #text: string
  readonly #maxDepth: number
  #at = 0
  #line = 1
  #counted = 0

  constructor(text: string, limits: Partial<JsonLimits> = {}, options: { elementOffsets?: boolean } = {}) {
    this.#text = text
    this.#maxDepth = limits.maxDepth ?? DEFAULT_MAX_DEPTH
    this.#keepsOffsets = options.elementOffsets ?? false
  }

  /** The offset behind the value read last. */
  get end(): number {
    return this.#at
  }

  /** @returns the next value, or `undefined` at the end of the text; @throws TextFault */
  next(): Json | undefined {
    this.#skipSpace()
    if (this.#at >= this.#text.length) return undefined
    this.start = this.#at
    if (this.#keepsOffsets) this.elementOffsets = new Map()
    try {
      return this.#value(0)
    } catch (thrown) {
      const fault = thrown instanceof RangeError ? this.#tooDeep() : thrown
      if (fault instanceof TextFault && fault.code !== 'MANIFEST_SYNTAX') this.#at = this.#skipValue()
      throw fault
    }
  }

  fault(code: TextFault['code'], problem: string, at = this.#at): TextFault {
    // Counted on from the value before: a stream of faulty values would need quadratic time otherwise.
    this.#line += countLineBreaks(this.#text, this.#counted, this.start)
    this.#counted = this.start
    return new TextFault(code, problem, this.#line + countLineBreaks(this.#text, this.start, at))
  }

  unexpected(wanted: string): TextFault {
    const found = this.#text.codePointAt(this.#at)
    const what = found === undefined ? 'the text ends' : `there is ${quoted(String.fromCodePoint(found))}`
    return this.fault('MANIFEST_SYNTAX', `${what} where JSON needs ${wanted}`)
  }

  #tooDeep(): TextFault {
    return this.fault('MANIFEST_TOO_DEEP', `arrays and objects are nested deeper than ${this.#maxDepth}`)
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return
      this.#at++
    }
  }

  #value(depth: number): Json {
    switch (this.#text.charCodeAt(this.#at)) {
      case 123:
        return this.#object(depth + 1)
      case 91:
        return this.#array(depth + 1)
      case 34:
        return this.#string()
      case 116:
        return this.#word('true', true)
      case 102:
        return this.#word('false', false)
      case 110:
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #word(word: string, value: Json): Json {
    if (!this.#text.startsWith(word, this.#at)) throw this.unexpected('a value')
    this.#at += word.length
    return value
  }

  #object(depth: number): JsonObject {
    if (depth > this.#maxDepth) throw this.#tooDeep()
    const object = emptyObject()
    this.#at++
    this.#skipSpace()
    if (this.#text.charCodeAt(this.#at) === 125) {
      this.#at++
      return object
    }
    for (;;) {
      const keyAt = this.#at
      if (this.#text.charCodeAt(keyAt) !== 34) throw this.unexpected('a key in double quotes')
      const key = this.#string()
      if (object[key] !== undefined) {
        throw this.fault('MANIFEST_DUPLICATE_KEY', `the key ${quoted(key)} appears twice in one object`, keyAt)
      }
      this.#skipSpace()
      if (this.#text.charCodeAt(this.#at) !== 58) throw this.unexpected('":" after a key')
      this.#at++
      this.#skipSpace()
      object[key] = this.#value(depth)
      this.#skipSpace()
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 44 && code !== 125) throw this.unexpected('"," or "}"')
      this.#at++
      if (code === 125) return object
      this.#skipSpace()
    }
  }

  #array(depth: number): Json[] {
    if (depth > this.#maxDepth) throw this.#tooDeep()
    const array: Json[] = []
    this.#at++
    this.#skipSpace()
    if (this.#text.charCodeAt(this.#at) === 93) {
      this.#at++
      return array
    }
    for (;;) {
      const elementAt = this.#at
      const element = this.#value(depth)
      array.push(element)
      if (this.#keepsOffsets && this.#text.charCodeAt(elementAt) === 123) {
        this.elementOffsets.set(element as JsonObject, elementAt)
      }
      this.#skipSpace()
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 44 && code !== 93) throw this.unexpected('"," or "]"')
      this.#at++
      if (code === 93) return array
      this.#skipSpace()
    }
  }

  #string(): string {
    const text = this.#text
    const opened = this.#at++
    // Most strings are as they are written; the platform finds their end much faster than a loop here does.
    const end = text.indexOf('"', this.#at)
    const plain = text.slice(this.#at, end)
    if (end !== -1 && !NOT_PLAIN.test(plain)) {
      this.#at = end + 1
      return plain
    }
    let value = ''
    let from = this.#at
    let surrogates = false
    for (;;) {
      const code = text.charCodeAt(this.#at)
      if (code === 34) break
      if (code === 92) {
        value += text.slice(from, this.#at)
        value += this.#escape()
        from = this.#at
        surrogates = true
      } else if (code < 32) {
        throw this.unexpected('an escape such as \\n, since line breaks and control characters cannot be in a string')
      } else {
        // NaN, behind the end, is none of the above.
        if (Number.isNaN(code)) throw this.unexpected('the closing quote of a string')
        if (code >= 0xd800 && code <= 0xdfff) surrogates = true
        this.#at++
      }
    }
    value = from === opened + 1 ? text.slice(from, this.#at) : value + text.slice(from, this.#at)
    this.#at++
    if (surrogates && !isWellFormed(value)) {
      throw this.fault('MANIFEST_ENCODING', 'a string has half of a surrogate pair, which is not a character', opened)
    }
    return value
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? ''
    if (letter === 'u') {
      const hex = this.#text.slice(this.#at + 2, this.#at + 6)
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw this.unexpected('four hexadecimal digits after \\u')
      this.#at += 6
      return String.fromCharCode(Number.parseInt(hex, 16))
    }
    const character = ESCAPES[letter]
    if (character === undefined) throw this.unexpected('an escape of JSON: \\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX')
    this.#at += 2
    return character
  }

  #digits(): void {
    if (!isDigit(this.#text.charCodeAt(this.#at))) throw this.unexpected('a digit')
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++
  }

  #number(): number | NumberText {
    const text = this.#text
    const start = this.#at
    const negative = text.charCodeAt(start) === 45
    if (!negative && !isDigit(text.charCodeAt(start))) throw this.unexpected('a value')
    if (negative) this.#at++
    if (text.charCodeAt(this.#at) === 48) this.#at++
    else this.#digits()
    if (text.charCodeAt(this.#at) === 46) {
      this.#at++
      this.#digits()
    }
    const exponent = text.charCodeAt(this.#at)
    if (exponent === 101 || exponent === 69) {
      this.#at++
      const sign = text.charCodeAt(this.#at)
      if (sign === 43 || sign === 45) this.#at++
      this.#digits()
    }
    const written = text.slice(start, this.#at)
    const number = readNumber(written)
    if (number === undefined) {
      throw this.fault('MANIFEST_NUMBER', `the number ${quoted(written)} is out of range; write it as a string`, start)
    }
    return number
  }

  /** The offset behind the faulty value, found by its brackets: no recursion, so any depth will do. */
  #skipValue(): number {
    const text = this.#text
    let depth = 0
    let inString = false
    let at = this.start
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === 92 && inString) at++
      else if (code === 34) inString = !inString
      else if (!inString && (code === 123 || code === 91)) depth++
      else if (!inString && (code === 125 || code === 93)) depth--
      if (depth === 0 && !inString && /[\s"{}[\],]/.test(text[at + 1] ?? ' ')) return at + 1
    }
    return at
  }
}
