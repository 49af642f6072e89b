import type { JsonObject } from '../../json.js'
import { onGrid } from '../features/feature.js'
import type { Feature, FeatureVector } from '../features.js'
import type { RarityCounts } from './counts.js'
import { addedTokens, tokenKey, type Token } from './tokens.js'

/** A place that fewer objects have tells nothing: there, everything would be new. */
const MIN_SEEN = 16
/** Objects that are taken for granted beside those that were seen, so that one more of them is no news. */
const PRIOR_OBJECTS = 4
const TOP = 5

/**
 * How unusual an item is in its place, in bits: the logarithm of how many objects have the place for one that has the item.
 * Where new items are the rule, one more surprises nobody. An item seen once is nearly as surprising as one never seen.
 */
export function surprise(token: Pick<Token, 'context' | 'item'>, counts: RarityCounts): number {
  const total = counts.count(token.context)
  if (total < MIN_SEEN) return 0
  const seen = counts.count(tokenKey(token))
  const distinct = counts.distinct(token.context)
  // Cubed as a rate: a few different items are no sign that there will be more.
  const usualNews = distinct ** 3 / total ** 2
  const known = Math.max(seen ** 3 / (seen ** 2 + 2), usualNews)
  return Math.max(0, Math.log2((total + PRIOR_OBJECTS) / (known + PRIOR_OBJECTS)))
}

interface Surprise {
  readonly token: Token
  readonly bits: number
}

const COLUMNS: Readonly<
  Record<string, { readonly text: string; readonly of: (all: readonly Surprise[]) => readonly Surprise[] }>
> = {
  'rarity.path': {
    text: 'sets a field that objects like it do not set here',
    of: all => top(all, 1, each => each.kind === 'path'),
  },
  'rarity.value': { text: 'has a value that is unusual here', of: all => top(all, 1, each => each.kind === 'value') },
  'rarity.right': {
    text: 'gives a right that roles here do not give',
    of: all => top(all, 1, each => each.kind === 'right'),
  },
  'rarity.image': {
    text: 'takes an image from where none is taken here',
    of: all => top(all, 1, each => each.kind === 'image'),
  },
  'rarity.reference': {
    text: 'names an account, role or group that is unknown here',
    of: all => top(all, 1, each => each.kind === 'reference'),
  },
  'rarity.guarded': {
    text: 'does something unusual here where security is decided',
    of: all => top(all, 1, each => each.sensitive && each.kind !== 'reference'),
  },
  'rarity.guarded_sum': {
    text: 'does several unusual things here where security is decided',
    of: all => top(all, TOP, each => each.sensitive && each.kind !== 'reference'),
  },
  'rarity.sum': { text: 'does several things that are unusual here', of: all => top(all, TOP, () => true) },
}

function top(all: readonly Surprise[], count: number, wanted: (token: Token) => boolean): readonly Surprise[] {
  return all.filter(({ token }) => wanted(token)).slice(0, count)
}

/** What the change model sees of rarity, behind the features of the change; the unit is bits. */
export const RARITY_FEATURES: readonly Feature[] = Object.entries(COLUMNS).map(([name, { text }]) => ({
  name,
  group: 'rarity',
  unit: 'log2' as const,
  direction: 1 as const,
  weight: 0,
  text,
}))
const COLUMN_VALUES = Object.values(COLUMNS)

/**
 * How unusual what an object adds is, where it is. Without an old object all of it is new.
 *
 * @param counts null: nothing is known, and nothing surprises
 */
export function rarityFeatures(
  oldObject: JsonObject | null,
  object: JsonObject,
  counts: RarityCounts | null,
): FeatureVector {
  if (counts === null) return { values: new Float32Array(RARITY_FEATURES.length), paths: () => [] }
  const all = addedTokens(oldObject, object)
    .map(token => ({ token, bits: surprise(token, counts) }))
    .filter(({ bits }) => bits > 0)
    .sort((a, b) => b.bits - a.bits || (tokenKey(a.token) < tokenKey(b.token) ? -1 : 1))
  const columns = COLUMN_VALUES.map(({ of }) => of(all))
  return {
    values: Float32Array.from(columns, each => onGrid(each.reduce((sum, { bits }) => sum + bits, 0))),
    paths: column => [...new Set((columns[column] ?? []).map(({ token }) => token.path))],
  }
}

/**
 * How unusual a change is, from 0 to 1, by the most unusual thing that it adds: four bits are one half, and every four more
 * take a half of what is left.
 */
export function rarityScore({ values }: Pick<FeatureVector, 'values'>): number {
  return 1 - 2 ** (-Math.max(...values.subarray(0, SINGLE_COLUMNS)) / 4)
}

/** The columns before the sums. */
const SINGLE_COLUMNS = COLUMN_VALUES.length - 2
