import fc from 'fast-check'
import { canonicalJson } from '../../src/canonical.js'
import type { JsonObject } from '../../src/json.js'
import {
  CHANGE_FEATURES,
  changeFeatures,
  OBJECT_FEATURES,
  objectFeatures,
  type Feature,
} from '../../src/risk/features.js'
import { RARITY_FEATURES, rarityFeatures } from '../../src/risk/rarity/surprise.js'
import { anyManifest, canonical, DANGERS, DISGUISES, edited } from './manifest-edits.js'

/** What says how dangerous an object or a change is in numbers, none of which may fall when danger is added. */
export interface Judge {
  readonly about: 'object' | 'change'
  /** What the numbers are called; null for one that may fall. */
  readonly names: readonly (string | null)[]
  /** Whether it looks at what is added only. */
  readonly onlyAdded?: boolean
  readonly of: (old: JsonObject, object: JsonObject) => ArrayLike<number>
}

const directed = (features: readonly Feature[]): readonly (string | null)[] =>
  features.map(({ name, direction }) => (direction === 1 ? name : null))

/** A cluster that has each place and none of the items: all that is added surprises alike. */
const COUNTS = { count: (key: string) => (key.includes('\n') ? 0 : 400), distinct: () => 4 }

/** All features that have a direction. */
export const FEATURE_JUDGES: readonly Judge[] = [
  { about: 'object', names: directed(OBJECT_FEATURES), of: (_old, object) => objectFeatures(object).values },
  { about: 'change', names: directed(CHANGE_FEATURES), of: (old, object) => changeFeatures(old, object).values },
  {
    about: 'change',
    names: directed(RARITY_FEATURES),
    onlyAdded: true,
    of: (old, object) => rarityFeatures(old, object, COUNTS).values,
  },
]

/** Edits that make an object more dangerous by what they take away. */
const TAKES_AWAY: ReadonlySet<string> = new Set(['no protection'])

function fallen({ about, names, of }: Judge, old: JsonObject, before: JsonObject, after: JsonObject): string[] {
  const [first, second] = [of(old, before), of(old, after)]
  return names.flatMap((name, column) =>
    name !== null && (second[column] ?? 0) < (first[column] ?? 0)
      ? [`${name} of the ${about} fell from ${first[column]} to ${second[column]}`]
      : [],
  )
}

/**
 * Adds danger to random objects and changes: no number of any judge falls.
 *
 * @returns how many cases there were
 */
export function dangerIsNotHiddenByDanger(judges: readonly Judge[], numRuns: number): number {
  let cases = 0
  fc.assert(
    fc.property(
      anyManifest,
      anyManifest,
      fc.constantFrom(...Object.entries(DANGERS)),
      (manifest, old, [name, edit]) => {
        cases += 1
        const [base, before, after] = [canonical(old), canonical(manifest), edited(manifest, edit)]
        // Where the old object has it already, it is no news in the new one.
        const isNews = canonicalJson(base) !== canonicalJson(edited(old, edit))
        const asked = judges.filter(
          ({ about, onlyAdded = false }) => about === 'object' || (isNews && !(onlyAdded && TAKES_AWAY.has(name))),
        )
        const found = asked.flatMap(judge => fallen(judge, base, before, after))
        if (found.length > 0) throw new Error(`${name}: ${found.join(', ')}`)
      },
    ),
    { numRuns },
  )
  return cases
}

/**
 * Disguises random dangerous objects and changes: no number of any judge falls.
 *
 * @returns how many cases there were
 */
export function dangerIsNotHiddenByDisguise(judges: readonly Judge[], numRuns: number): number {
  let cases = 0
  const [dangers, disguises] = [Object.entries(DANGERS), Object.entries(DISGUISES)]
  fc.assert(
    fc.property(
      anyManifest,
      fc.constantFrom(...dangers),
      fc.constantFrom(...disguises),
      (manifest, [danger, harm], [disguise, hide]) => {
        cases += 1
        const base = canonical(manifest)
        const before = edited(manifest, harm)
        const after = edited(manifest, object => {
          harm(object)
          hide(object)
        })
        const found = judges.flatMap(judge => fallen(judge, base, before, after))
        if (found.length > 0) throw new Error(`${danger} behind ${disguise}: ${found.join(', ')}`)
      },
    ),
    { numRuns },
  )
  return cases
}
