import { FAMILIAR_RATES } from './familiar-rates.js'

/** What is familiar in an object is another thing than what is familiar as an edit. */
export type Setting = 'object' | 'change'

/** How much more than its weight weighs what no benign object has. */
const UNKNOWN = 2
const PER_DOUBLING = 0.3
const LEAST = 0.1

const FACTORS = {
  object: factorsOf(FAMILIAR_RATES.object),
  change: factorsOf(FAMILIAR_RATES.change),
} as const satisfies Record<Setting, ReadonlyMap<string, number>>

function factorsOf(rates: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  return new Map(
    Object.entries(rates).map(([name, rate]) => [name, Math.max(LEAST, UNKNOWN - PER_DOUBLING * Math.log2(1 + rate))]),
  )
}

/** By what the weight of a feature is multiplied: below 1 for what benign objects often have, above for what they never have. */
export function familiarity(name: string, setting: Setting): number {
  return FACTORS[setting].get(name) ?? UNKNOWN
}
