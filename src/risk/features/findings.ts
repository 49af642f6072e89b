import { MAX_COUNT, onGrid, type FeatureSpec } from './feature.js'

/** A place is only told to people: so many are enough. */
const MAX_PATHS = 8

interface Finding {
  value: number
  readonly paths: string[]
}

/** Collects what was found in one object, feature by feature. */
export class Findings<Name extends string> {
  readonly #specs: Readonly<Record<Name, FeatureSpec>>
  readonly #found = new Map<Name, Finding>()

  constructor(specs: Readonly<Record<Name, FeatureSpec>>) {
    this.#specs = specs
  }

  readonly note = (name: Name, value: number, path: string): void => {
    // A grade of 0 is nothing found.
    if (!(value > 0)) return
    const isCount = this.#specs[name].unit === 'count'
    const known = this.#found.get(name)
    if (known === undefined) {
      this.#found.set(name, { value: isCount ? Math.min(value, MAX_COUNT) : value, paths: [path] })
      return
    }
    known.value = isCount ? Math.min(known.value + value, MAX_COUNT) : Math.max(known.value, value)
    if (known.paths.length < MAX_PATHS && !known.paths.includes(path)) known.paths.push(path)
  }

  value(name: Name): number {
    const known = this.#found.get(name)
    return known === undefined ? 0 : onGrid(known.value)
  }

  /** The JSON pointers that gave the value. */
  paths(name: Name): readonly string[] {
    return this.#found.get(name)?.paths ?? []
  }

  /** The features that were found. */
  names(): Iterable<Name> {
    return this.#found.keys()
  }
}
