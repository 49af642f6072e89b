/** What a label says instead of a value beyond its bound. */
export const OTHER = 'other'

/**
 * Keeps the number of series bounded whatever clusters and bundles bring: the first `max` values stand for themselves,
 * every later one is counted as `other`.
 */
export class LabelValues {
  readonly #seen = new Set<string>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  of(value: string): string {
    if (this.#seen.has(value)) return value
    if (this.#seen.size >= this.#max) return OTHER
    this.#seen.add(value)
    return value
  }
}
