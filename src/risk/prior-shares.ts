import type { Feature } from './features.js'
import type { Setting } from './features/familiar.js'
import { amountOf } from './features/prior.js'

/** Columns that add up the weights of others, and those others. */
interface Sum {
  readonly sums: readonly number[]
  readonly parts: readonly Part[]
  readonly setting: Setting
}

interface Part {
  readonly column: number
  /** Without the side: the name by which it is weighed. */
  readonly name: string
  readonly feature: Feature
}

/** Hands contributions on, in place; their total stays. */
export type ShareOut = (values: Float32Array, contributions: Float64Array) => void

/**
 * "Has several dangers" tells people nothing. What raises a score because of the prior is handed to the features that the
 * prior was made of, each by its weight there. What lowers it stays: no feature is to be named for a danger that is small.
 */
export function createShareOut(features: readonly Feature[]): ShareOut {
  const sums = sumsOf(features)
  return (values, contributions) => {
    for (const { sums: columns, parts, setting } of sums) {
      const total = columns.reduce((sum, column) => sum + (contributions[column] ?? 0), 0)
      const amounts = parts.map(({ column, name, feature }) =>
        amountOf({ name, value: values[column] ?? 0, spec: feature }, setting),
      )
      const whole = amounts.reduce((sum, each) => sum + each, 0)
      for (const column of columns) contributions[column] = 0
      if (total > 0 && whole > 0) {
        for (const [index, { column }] of parts.entries()) {
          contributions[column] = (contributions[column] ?? 0) + (total * (amounts[index] ?? 0)) / whole
        }
      } else if (columns[0] !== undefined) {
        contributions[columns[0]] = total
      }
    }
  }
}

function sumsOf(features: readonly Feature[]): readonly Sum[] {
  const sides = new Map<string, { readonly sums: number[]; readonly parts: Part[] }>()
  const added: number[] = []
  for (const [column, feature] of features.entries()) {
    const side = /^(?:new|delta)\./.exec(feature.name)?.[0] ?? ''
    const name = feature.name.slice(side.length)
    const ofSide = sides.get(side) ?? { sums: [], parts: [] }
    sides.set(side, ofSide)
    if (feature.group === 'prior') ofSide.sums.push(column)
    else if (feature.group === 'added') added.push(column)
    else if (feature.weight !== 0) ofSide.parts.push({ column, name, feature })
  }
  const ofChange = ['delta.', ''].flatMap(side => sides.get(side)?.parts ?? [])
  return [
    ...[...sides.values()].map(each => ({ ...each, setting: 'object' as const })),
    { sums: added, parts: ofChange, setting: 'change' as const },
  ].filter(({ sums }) => sums.length > 0)
}
