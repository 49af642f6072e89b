/** How often things were seen: what surprise is measured against. Counts are of objects, and may be fractions. */
export interface RarityCounts {
  /** Objects with this place, or with this item in this place (by `tokenKey`). */
  count(key: string): number
  /** Different items that were seen in this place. */
  distinct(context: string): number
}

const LEVELS_PER_OCTAVE = 12
/** The largest level; it stands for about 2.4 million. */
const MAX_LEVEL = 255

/** A count as one byte: logarithmic, within 3 % of the count, and exact for 0. */
export function countLevel(count: number): number {
  if (!(count > 0)) return 0
  return Math.min(MAX_LEVEL, Math.max(1, Math.round(LEVELS_PER_OCTAVE * Math.log2(1 + count))))
}

/** The count that a level stands for. */
export function levelCount(level: number): number {
  return 2 ** (level / LEVELS_PER_OCTAVE) - 1
}
