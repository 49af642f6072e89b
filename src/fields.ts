import { isJsonObject, NumberText, type Json, type JsonObject } from './json.js'

/** One mistake in a configuration, with the path of the value it is about. */
export interface Problem {
  readonly path: string
  readonly message: string
}

/**
 * Reads one mapping of a configuration member by member and collects every mistake instead of stopping at the first.
 * A value that cannot be read is a problem and reads as undefined, never as a default.
 */
export class Fields {
  readonly #value: JsonObject
  readonly #path: string
  readonly #problems: Problem[]
  readonly #read = new Set<string>()

  constructor(value: Json | undefined, path: string, problems: Problem[]) {
    this.#path = path
    this.#problems = problems
    if (isJsonObject(value)) {
      this.#value = value
    } else {
      this.#value = {}
      problems.push({ path: path === '' ? '.' : path, message: `must be a mapping, is ${describe(value)}` })
    }
  }

  /** The path of a member, as people write it: `policies.image_tag.gates`. */
  pathOf(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`
  }

  problem(key: string, message: string): void {
    this.#problems.push({ path: this.pathOf(key), message })
  }

  raw(key: string): Json | undefined {
    this.#read.add(key)
    return Object.hasOwn(this.#value, key) ? this.#value[key] : undefined
  }

  string(key: string): string | undefined {
    return this.optionalString(key) ?? this.#missing(key)
  }

  optionalString(key: string): string | undefined {
    const value = this.raw(key)
    if (value === undefined) return undefined
    if (typeof value === 'string') return value
    return this.#refuse(key, `must be a string, is ${describe(value)}`)
  }

  /** A member that must hold one certain text, such as `kind`. */
  literal(key: string, wanted: string): void {
    const value = this.raw(key)
    if (value !== wanted) this.problem(key, `must be ${wanted}, is ${describe(value)}`)
  }

  optionalBoolean(key: string): boolean | undefined {
    const value = this.raw(key)
    if (value === undefined || typeof value === 'boolean') return value
    return this.#refuse(key, `must be true or false, is ${describe(value)}`)
  }

  optionalOneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const value = this.raw(key)
    if (value === undefined) return undefined
    const found = allowed.find(each => each === value)
    return found ?? this.#refuse(key, `must be ${allowed.join(', ')}, is ${describe(value)}`)
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    return this.optionalOneOf(key, allowed) ?? this.#missing(key)
  }

  optionalStrings(key: string): readonly string[] | undefined {
    return this.optionalList(key, (value, path) => {
      if (typeof value === 'string') return value
      this.#problems.push({ path, message: `must be a string, is ${describe(value)}` })
      return undefined
    })
  }

  strings(key: string): readonly string[] | undefined {
    return this.optionalStrings(key) ?? this.#missing(key)
  }

  /** Reads every item with `read`; items that read as undefined are left out (their problem is already known). */
  optionalList<T>(key: string, read: (value: Json, path: string) => T | undefined): readonly T[] | undefined {
    const value = this.raw(key)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) return this.#refuse(key, `must be a list, is ${describe(value)}`)
    return value.flatMap((item, index) => read(item, `${this.pathOf(key)}[${index}]`) ?? [])
  }

  optionalObject(key: string): JsonObject | undefined {
    const value = this.raw(key)
    if (value === undefined || isJsonObject(value)) return value
    return this.#refuse(key, `must be a mapping, is ${describe(value)}`)
  }

  optionalFields(key: string): Fields | undefined {
    const value = this.raw(key)
    return value === undefined ? undefined : new Fields(value, this.pathOf(key), this.#problems)
  }

  keys(): readonly string[] {
    return Object.keys(this.#value)
  }

  /** Call after reading: a member nobody asked for is a mistake, most often a misspelling. */
  refuseUnknown(): void {
    for (const key of this.keys()) if (!this.#read.has(key)) this.problem(key, 'is not known here')
  }

  /** For a member that was read as undefined: a problem only if it is not there at all. */
  #missing(key: string): undefined {
    return Object.hasOwn(this.#value, key) ? undefined : this.#refuse(key, 'is required')
  }

  #refuse(key: string, message: string): undefined {
    this.problem(key, message)
    return undefined
  }
}

function describe(value: Json | undefined): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return `"${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`
  if (value instanceof NumberText) return value.text
  return typeof value === 'object' ? 'a mapping' : String(value)
}

/** All problems as one text for people, one a line. */
export function problemsText(problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join('\n')
}
