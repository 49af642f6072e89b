import { MAX_COUNT, onGrid, type FeatureSpec } from './feature.js'

/** A place is only told to people: so many are enough. */
const MAX_PATHS = 8

/** Collects what was found in one object, feature by feature. */
export class Findings<Name extends string> {
  readonly #specs: Readonly<Record<Name, FeatureSpec>>
  readonly #values = new Map<Name, number>()
  readonly #paths = new Map<Name, string[]>()

  constructor(specs: Readonly<Record<Name, FeatureSpec>>) {
    this.#specs = specs
  }

  readonly note = (name: Name, value: number, path: string): void => {
    // A grade of 0 is nothing found.
    if (!(value > 0)) return
    const known = this.#values.get(name) ?? 0
    const { unit } = this.#specs[name]
    this.#values.set(name, unit === 'count' ? Math.min(known + value, MAX_COUNT) : Math.max(known, value))
    const paths = this.#paths.get(name)
    if (paths === undefined) this.#paths.set(name, [path])
    else if (paths.length < MAX_PATHS && !paths.includes(path)) paths.push(path)
  }

  value(name: Name): number {
    return onGrid(this.#values.get(name) ?? 0)
  }

  /** The JSON pointers that gave the value. */
  paths(name: Name): readonly string[] {
    return this.#paths.get(name) ?? []
  }

  /** The features that were found. */
  names(): Iterable<Name> {
    return this.#values.keys()
  }
}
