/**
 * A count-min sketch with conservative update: three rows of cells, each key has one cell in each, and its count is the smallest
 * of them. Strangers in the same cells can only make a count larger, so that what was seen never looks new, and what is new
 * looks known with the cube of the share of used cells: of the widest table 1 % at half a million keys, 6 % at a million.
 * A cluster repeats itself: 11,000 objects of 70 projects have 50,000 keys.
 */
export const SKETCH_ROWS = 3
/** 6 MiB of one-byte cells in all. */
export const MAX_WIDTH_BITS = 21
/** A smaller sketch would save nothing. */
export const MIN_WIDTH_BITS = 10

/** Two different questions about one text. */
export type SketchSpace = 'count' | 'distinct'
const SEEDS: Readonly<Record<SketchSpace, number>> = { count: 0x2545f491, distinct: 0x5851f42d }

/** The cells of a key, one a row, in a table of rows one after the other. */
export function sketchCells(space: SketchSpace, key: string, widthBits: number): readonly [number, number, number] {
  let low = SEEDS[space]
  let high = low ^ 0x9e3779b9
  for (let at = 0; at < key.length; at += 1) {
    const code = key.charCodeAt(at)
    low = Math.imul(low ^ code, 0x85ebca6b)
    high = Math.imul(high ^ code, 0xc2b2ae35)
    low = (low << 13) | (low >>> 19)
    high = (high << 15) | (high >>> 17)
  }
  low = mixed(low ^ (high >>> 7))
  high = mixed(high ^ low) | 1
  const width = 1 << widthBits
  // The low bits, so that folding a table in halves moves a key to where the smaller table has it.
  const cell = (row: number): number => row * width + ((low + Math.imul(row, high)) & (width - 1))
  return [cell(0), cell(1), cell(2)]
}

function mixed(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x7feb352d)
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b)
  return bits ^ (bits >>> 16)
}

/** Counts keys, in constant memory. */
export class Sketch {
  readonly #widthBits: number
  readonly #cells: Float32Array

  constructor(widthBits = MAX_WIDTH_BITS) {
    this.#widthBits = widthBits
    this.#cells = new Float32Array(SKETCH_ROWS << widthBits)
  }

  count(space: SketchSpace, key: string): number {
    return this.#smallest(sketchCells(space, key, this.#widthBits))
  }

  /** @returns the count before */
  add(space: SketchSpace, key: string, weight: number): number {
    const cells = sketchCells(space, key, this.#widthBits)
    const before = this.#smallest(cells)
    for (const cell of cells) this.#cells[cell] = Math.max(this.#cells[cell] ?? 0, before + weight)
    return before
  }

  /** The cells of the narrowest table of which no row is used by more than this share. */
  narrowest(maxUsed: number): { readonly widthBits: number; readonly cells: Float32Array } {
    let [widthBits, cells] = [this.#widthBits, this.#cells]
    while (widthBits > MIN_WIDTH_BITS) {
      const half = halved(cells, widthBits)
      if (used(half) > maxUsed * half.length) break
      cells = half
      widthBits -= 1
    }
    return { widthBits, cells }
  }

  #smallest([first, second, third]: readonly [number, number, number]): number {
    return Math.min(this.#cells[first] ?? 0, this.#cells[second] ?? 0, this.#cells[third] ?? 0)
  }
}

/** The larger of two cells is still no smaller than the count of any key of either. */
function halved(cells: Float32Array, widthBits: number): Float32Array<ArrayBuffer> {
  const half = 1 << (widthBits - 1)
  const result = new Float32Array(SKETCH_ROWS * half)
  for (let row = 0; row < SKETCH_ROWS; row += 1) {
    for (let at = 0; at < half; at += 1) {
      const [a, b] = [cells[row * 2 * half + at] ?? 0, cells[(row * 2 + 1) * half + at] ?? 0]
      result[row * half + at] = Math.max(a, b)
    }
  }
  return result
}

function used(cells: Float32Array): number {
  let count = 0
  for (const cell of cells) if (cell > 0) count += 1
  return count
}
