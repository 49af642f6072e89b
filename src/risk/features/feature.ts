/** What a feature is: how its value comes about, and how people are told of it. */
export interface FeatureSpec {
  /** What the value counts: `flag` is 0 or 1, `grade` an order of danger from 0, `count` a number of places, `log2` a logarithm. */
  readonly unit: 'flag' | 'grade' | 'count' | 'log2'
  /** Log-odds by which people would weigh one unit: what the prior adds up. 0 for what only describes. */
  readonly weight: number
  /** Said of an object that has it: `runs privileged`. */
  readonly text: string
  /** 1: more is never safer, which the model has to keep; 0: it only describes. */
  readonly direction?: 0 | 1
}

/** Takes note of a feature in one place: counts add up, of flags and grades the largest holds. */
export type Note<Name extends string> = (name: Name, value: number, path: string) => void

/** Values are multiples of this, so that they are the same in 32-bit and 64-bit numbers, here and in training. */
export const GRID = 1 / 64

/** Counts end here: what ten privileged containers do, a thousand do not do more. */
export const MAX_COUNT = 16

/** The nearest value of the grid. */
export function onGrid(value: number): number {
  return Math.round(value / GRID) * GRID
}
