import type { Contribution } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import { contributionText } from './contribution-text.js'
import type { Feature, FeatureVector } from './features.js'
import { createShareOut } from './prior-shares.js'

/** A score that is to be explained. */
export interface ExplainedScore {
  readonly vector: FeatureVector
  /** By column, in log-odds of the calibrated score. */
  readonly contributions: Float64Array
  /** The canonical object, and the one before for the score of a change. */
  readonly object: JsonObject
  readonly oldObject: JsonObject | null
}

/** Names the features that moved a score most, the strongest first. */
export type Explain = (score: ExplainedScore, most?: number) => readonly Contribution[]

/** So many are read; further ones are mostly small. */
const MOST = 5
/** A contribution is told to six digits, so that the last bits of a sum are nobody's business. */
const DIGITS = 1e6

/** The columns of one feature: people do not tell apart that something is there and that it came with this change. */
interface FeatureColumns {
  readonly name: string
  readonly feature: Feature
  readonly columns: readonly number[]
  readonly valueColumn: number
  /** How much more there is of it than before; -1 where no column says so. */
  readonly deltaColumn: number
}

/**
 * Prepares explanations for a model with these columns.
 *
 * The contributions of `new.x` and `delta.x` are one contribution of `x`, and those of the prior are its features'. What kind
 * an object is of is no reason, and part of what is not named. Equal ones keep the order of the columns.
 */
export function createExplain(features: readonly Feature[]): Explain {
  const known = columnsByFeature(features).filter(({ feature }) => feature.group !== 'kind')
  const shareOut = createShareOut(features)
  return ({ vector, contributions, object, oldObject }, most = MOST) => {
    const shared = contributions.slice()
    shareOut(vector.values, shared)
    const sums = Float64Array.from(known, ({ columns }) => roundedSum(columns, shared))
    const strength = (index: number): number => Math.abs(sums[index] ?? 0)
    const said = new Set<string>()
    return Array.from(known.keys())
      .filter(index => strength(index) > 0)
      .sort((a, b) => strength(b) - strength(a))
      .slice(0, most)
      .flatMap(index => {
        const columns = known[index]
        if (columns === undefined) return []
        const { name, feature, valueColumn, deltaColumn } = columns
        const contribution = sums[index] ?? 0
        const value = vector.values[valueColumn] ?? 0
        const delta = vector.values[deltaColumn] ?? 0
        // What came with the change is told before what was there.
        const fresh = delta > 0 ? vector.paths(deltaColumn) : []
        const paths = fresh.length > 0 ? fresh : vector.paths(valueColumn)
        const text = contributionText({ feature, value, delta, contribution, paths, object, oldObject }, said)
        return { feature: name, value, contribution, paths, text }
      })
  }
}

function columnsByFeature(features: readonly Feature[]): readonly FeatureColumns[] {
  const groups = new Map<string, { feature: Feature; columns: number[]; valueColumn: number; deltaColumn: number }>()
  features.forEach((feature, column) => {
    const name = feature.name.replace(/^(?:new|delta)\./, '')
    const group = groups.get(name)
    if (group === undefined) {
      groups.set(name, { feature, columns: [column], valueColumn: column, deltaColumn: -1 })
    } else {
      // The table has `delta.x` after `new.x`.
      group.columns.push(column)
      group.deltaColumn = column
    }
  })
  return [...groups].map(([name, group]) => ({ name, ...group }))
}

function roundedSum(columns: readonly number[], contributions: Float64Array): number {
  let sum = 0
  for (const column of columns) sum += contributions[column] ?? 0
  return Math.round(sum * DIGITS) / DIGITS
}
