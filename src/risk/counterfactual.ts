import type { Contribution, PatchOperation } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import { applyPatch, pointerSegments } from '../remedy/patch.js'
import { benignEdit } from './benign-edit.js'
import { joinedPatch } from './joined-patch.js'
import { valueAt } from './old-place.js'

/** What would have to be different for a score under the threshold. */
export interface Counterfactual {
  readonly patch: readonly PatchOperation[]
  /** The score of the patched object. */
  readonly score: number
  readonly threshold: number
}

/** What is to become harmless. */
export interface RiskyObject {
  readonly object: JsonObject
  /** null when the score is not that of a change. */
  readonly oldObject: JsonObject | null
  /** The strongest first. */
  readonly contributions: readonly Pick<Contribution, 'contribution' | 'paths'>[]
  readonly threshold: number
  /** Judges a patched object as the object was judged. */
  readonly score: (object: JsonObject) => number
}

/** A score costs about a millisecond. */
const MAX_SCORES = 64
/** Places that are looked at; a set of them is a number with a bit for each. */
const MAX_PLACES = 24
/** What is tried alone, and of these, the best ones, what is tried in twos and threes. */
const MAX_ALONE = 14
const MAX_TOGETHER = 6

/**
 * Looks for the fewest places of an object whose harmless value brings its score under the threshold. Each set that is
 * tried is applied and scored. Alone, in twos and in threes, the strongest candidates are all tried; larger sets are
 * built up by the strongest next one. A place without which the rest is enough is left out.
 *
 * @returns null when no set that was tried is enough
 */
export function findCounterfactual(risky: RiskyObject): Counterfactual | null {
  const { places, candidates } = candidatesOf(risky)
  const trials = new Trials(risky, places)
  const ranked = candidates
    .map(set => ({ set, score: trials.score(set) }))
    .sort((a, b) => a.score - b.score)
    .map(({ set }) => set)
  const together = ranked.slice(0, MAX_TOGETHER)
  for (const size of [2, 3]) {
    // Larger sets cannot be smaller than what was found.
    if (trials.best !== null && sizeOf(trials.best) <= size - 1) break
    for (const set of unions(together, size)) trials.score(set)
  }
  if (trials.best === null) buildUp(trials, ranked)
  if (trials.best !== null) leaveOut(trials, trials.best)
  return trials.result()
}

interface Candidates {
  /** What each place would take to be harmless. */
  readonly places: readonly (readonly PatchOperation[])[]
  /** Sets of places: all of one feature, and each alone. */
  readonly candidates: readonly number[]
}

function candidatesOf({ object, oldObject, contributions }: RiskyObject): Candidates {
  const places = new Map<string, { readonly bit: number; readonly edit: readonly PatchOperation[] }>()
  const groups = new Set<number>()
  for (const { contribution, paths } of contributions) {
    if (contribution <= 0) continue
    let group = 0
    for (const path of paths) {
      const edit = benignEdit(object, oldObject, path)
      if (edit === null) continue
      const key = JSON.stringify(edit.map(operation => operation.path))
      const known = places.get(key)
      if (known === undefined && places.size === MAX_PLACES) continue
      const place = known ?? { bit: 1 << places.size, edit }
      places.set(key, place)
      group |= place.bit
    }
    if (group !== 0) groups.add(group)
  }
  const alone = [...places.values()].map(({ bit }) => bit)
  return {
    places: [...places.values()].map(({ edit }) => edit),
    candidates: [...new Set([...groups, ...alone])].slice(0, MAX_ALONE),
  }
}

/** The sets that were tried, and the best of those that are enough. */
class Trials {
  readonly #risky: RiskyObject
  readonly #places: readonly (readonly PatchOperation[])[]
  readonly #scores = new Map<number, number>()
  #left = MAX_SCORES
  best: number | null = null

  constructor(risky: RiskyObject, places: readonly (readonly PatchOperation[])[]) {
    this.#risky = risky
    this.#places = places
  }

  /** Infinity for a set that cannot be applied, and for all once enough were tried. */
  score(set: number): number {
    const known = this.#scores.get(set)
    if (known !== undefined) return known
    if (this.#left === 0) return Infinity
    const patched = patchedWith(this.#risky.object, this.#patchOf(set))
    if (patched !== null) this.#left -= 1
    const score = patched === null ? Infinity : this.#risky.score(patched)
    this.#scores.set(set, score)
    if (score < this.#risky.threshold && (this.best === null || this.#isBetter(set, this.best))) this.best = set
    return score
  }

  isEnough(set: number): boolean {
    return this.score(set) < this.#risky.threshold
  }

  /** The set with the lowest score of all that were tried. */
  lowest(): number {
    let [lowest, lowestScore] = [0, Infinity]
    for (const [set, score] of this.#scores) if (score < lowestScore) [lowest, lowestScore] = [set, score]
    return lowest
  }

  result(): Counterfactual | null {
    if (this.best === null) return null
    return { patch: this.#patchOf(this.best), score: this.score(this.best), threshold: this.#risky.threshold }
  }

  #isBetter(set: number, other: number): boolean {
    return sizeOf(set) < sizeOf(other) || (sizeOf(set) === sizeOf(other) && this.score(set) < this.score(other))
  }

  #patchOf(set: number): PatchOperation[] {
    return joinedPatch(this.#places.filter((_, index) => (set & (1 << index)) !== 0))
  }
}

/** Adds to the best set what makes its score lower, until it is enough. */
function buildUp(trials: Trials, ranked: readonly number[]): void {
  let set = trials.lowest()
  for (const candidate of ranked) {
    if (trials.best !== null) return
    const larger = set | candidate
    if (larger !== set && trials.score(larger) < trials.score(set)) set = larger
  }
}

/** Takes out of a set that is enough each place that is not needed, the weakest first. */
function leaveOut(trials: Trials, enough: number): void {
  let set = enough
  for (let bit = 1 << (MAX_PLACES - 1); bit > 0; bit >>= 1) {
    const smaller = set & ~bit
    if (smaller !== set && smaller !== 0 && trials.isEnough(smaller)) set = smaller
  }
}

function unions(sets: readonly number[], size: number): number[] {
  if (size === 1) return [...sets]
  return sets.flatMap((set, index) => unions(sets.slice(index + 1), size - 1).map(others => set | others))
}

function sizeOf(set: number): number {
  return set.toString(2).replaceAll('0', '').length
}

/** null when the patch does not fit, or takes away all that the object runs. */
function patchedWith(object: JsonObject, patch: readonly PatchOperation[]): JsonObject | null {
  const patched = applyPatch(object, patch)
  if (patched === null) return null
  const isEmptied = patch.some(({ op, path }) => {
    const list = pointerSegments(path).slice(0, -1)
    if (op !== 'remove' || list.at(-1) !== 'containers') return false
    const left = valueAt(patched, list)
    return Array.isArray(left) && left.length === 0
  })
  return isEmptied ? null : patched
}
