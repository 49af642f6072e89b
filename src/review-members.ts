import type { Problem } from './fields.js'
import { isJsonObject, NumberText, type JsonObject } from './json.js'

/**
 * Reads the members of one object of an AdmissionReview and notes every mistake with its path. As in Go, null is the same as absent.
 * What could not be read has a harmless value; the caller throws when there are problems.
 */
export class Members {
  readonly #value: JsonObject | null
  readonly #path: string
  readonly #problems: Problem[]

  constructor(value: unknown, path: string, problems: Problem[]) {
    this.#path = path
    this.#problems = problems
    this.#value = isJsonObject(value) ? value : null
    if (this.#value === null)
      problems.push({ path: path === '' ? 'the body' : path, message: wanted('an object', value) })
  }

  has(key: string): boolean {
    return this.#read(key) !== undefined
  }

  problem(key: string, message: string): undefined {
    // An object that is missing altogether is one mistake, not one for each of its members.
    if (this.#value !== null) this.#problems.push({ path: this.#pathOf(key), message })
    return undefined
  }

  /** An object that must be there. */
  member(key: string): Members {
    if (this.#value === null) return new Members(undefined, '', [])
    return new Members(this.#read(key), this.#pathOf(key), this.#problems)
  }

  optionalObject(key: string): JsonObject | null {
    const value = this.#read(key)
    if (value === undefined || isJsonObject(value)) return value ?? null
    this.problem(key, wanted('an object', value))
    return null
  }

  /** A string that must be there and may be empty. */
  text(key: string): string {
    const value = this.#read(key)
    if (typeof value === 'string') return value
    this.problem(key, wanted('a string', value))
    return ''
  }

  /** A string that must be there and not be empty. */
  string(key: string): string {
    const value = this.#read(key)
    if (typeof value === 'string' && value !== '') return value
    this.problem(key, value === '' ? 'must not be empty' : wanted('a string', value))
    return ''
  }

  exactly(key: string, expected: string): void {
    if (this.#read(key) !== expected) this.problem(key, `must be "${expected}"`)
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const value = this.#read(key)
    return allowed.find(each => each === value) ?? this.problem(key, `must be one of ${allowed.join(', ')}`)
  }

  optionalString(key: string): string | undefined {
    const value = this.#read(key)
    if (value === undefined || typeof value === 'string') return value
    return this.problem(key, wanted('a string', value))
  }

  optionalBoolean(key: string): boolean | undefined {
    const value = this.#read(key)
    if (value === undefined || typeof value === 'boolean') return value
    return this.problem(key, wanted('true or false', value))
  }

  optionalStrings(key: string): readonly string[] | undefined {
    const value = this.#read(key)
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.every((each): each is string => typeof each === 'string')) return value
    return this.problem(key, Array.isArray(value) ? 'must hold strings only' : wanted('a list of strings', value))
  }

  #read(key: string): unknown {
    if (this.#value === null || !Object.hasOwn(this.#value, key)) return undefined
    return this.#value[key] ?? undefined
  }

  #pathOf(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`
  }
}

/** Says the type that was found and never the value, which may be a secret. */
function wanted(what: string, value: unknown): string {
  if (value === undefined || value === null) return `must be ${what}, is missing`
  if (Array.isArray(value)) return `must be ${what}, is a list`
  if (value instanceof NumberText) return `must be ${what}, is a number`
  return `must be ${what}, is ${typeof value === 'object' ? 'an object' : `a ${typeof value}`}`
}
