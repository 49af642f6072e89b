import type { Json, JsonObject } from '../../../src/json.js'

/** What a member may hold: values, or functions that draw one. */
export type Choice = Json | ((draw: Draw) => Json)

/** Members and what they may hold; the value the API server would fill in stands first where there is one. */
export type Choices = Readonly<Record<string, readonly Choice[]>>

/** How much of what is optional an object has; each object draws its own. */
const DENSITIES = [0, 0.08, 0.2, 0.45, 0.8]

/**
 * Reproducible choices: the same seed gives the same choices on every machine.
 * The numbers are those of mulberry32, 32 bits of state with a good spread.
 */
export class Draw {
  readonly density: number
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
    this.density = this.pick(DENSITIES)
  }

  /** 0 to `below` - 1. */
  number(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  chance(probability: number): boolean {
    return this.number(1_000_000) < probability * 1_000_000
  }

  /** Whether something optional is there, as often as this object has optional things. */
  optional(): boolean {
    return this.chance(this.density)
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[this.number(choices.length)]
    if (chosen === undefined) throw new Error('there is nothing to choose from')
    return chosen
  }

  /** Some of the choices, in their order; sometimes none, sometimes all. */
  some<T>(choices: readonly T[]): T[] {
    const share = this.pick([0, 0.2, 0.5, 1])
    return choices.filter(() => this.chance(share))
  }

  /** As `some`, but at least one. */
  oneOrMore<T>(choices: readonly T[]): T[] {
    const some = this.some(choices)
    return some.length > 0 ? some : [this.pick(choices)]
  }

  value(choices: readonly Choice[]): Json {
    const chosen = choices[this.number(choices.length)]
    if (chosen === undefined) throw new Error('there is nothing to choose from')
    return typeof chosen === 'function' ? chosen(this) : structuredClone(chosen)
  }

  /** An object with the members that must be there, and any of the others. */
  members(required: JsonObject, optional: Choices = {}): JsonObject {
    const result: JsonObject = { ...required }
    for (const [key, choices] of Object.entries(optional)) {
      if (this.optional()) result[key] = this.value(choices)
    }
    return result
  }
}
