import { familiarity, type Setting } from './familiar.js'
import type { FeatureSpec } from './feature.js'

/** What people would say before any training. Families without examples show here. */
export const PRIOR_FEATURES = {
  'prior.sum': { unit: 'grade', weight: 0, text: 'has several things that are known as dangerous' },
  'prior.max': { unit: 'grade', weight: 0, text: 'has something that is known as dangerous' },
  'prior.groups': { unit: 'grade', weight: 0, text: 'is dangerous in several ways' },
} as const satisfies Record<string, FeatureSpec>

/** The same of what a change adds. */
export const ADDED_FEATURES = {
  'added.sum': { unit: 'grade', weight: 0, text: 'adds several things that are known as dangerous' },
  'added.max': { unit: 'grade', weight: 0, text: 'adds something that is known as dangerous' },
  'added.groups': { unit: 'grade', weight: 0, text: 'becomes dangerous in several ways' },
} as const satisfies Record<string, FeatureSpec>

/** The third privileged container is no news, the second hardly any. */
const REPEAT_SHARE = 0.25
/** Several dangers of one group often are one danger told several times: each counts half of the one before. */
const NEXT_SHARE = 0.5
const MAX_GRADE = 4
const MAX_SUM = 32
/** What is below this is no way of its own. */
const MIN_WAY = 1

/** One thing that was found. */
export interface Evidence {
  readonly name: string
  readonly value: number
  readonly spec: Pick<FeatureSpec, 'unit' | 'weight'>
}

/** Log-odds of danger. */
export interface Prior {
  readonly sum: number
  readonly max: number
  readonly groups: number
  /** What `max` is about. */
  readonly strongest: string | null
}

/**
 * Adds up the weights of what was found. What benign objects often have weighs less, what none of them has more.
 * More evidence never gives less.
 */
export function weigh(evidence: Iterable<Evidence>, setting: Setting): Prior {
  const byGroup = new Map<string, number[]>()
  let [max, strongest]: [number, string | null] = [0, null]
  for (const each of evidence) {
    const { name } = each
    const amount = amountOf(each, setting)
    if (amount === 0) continue
    if (amount > max) [max, strongest] = [amount, name]
    const [group = ''] = name.split('.')
    const known = byGroup.get(group)
    if (known === undefined) byGroup.set(group, [amount])
    else known.push(amount)
  }
  let [sum, groups] = [0, 0]
  for (const amounts of byGroup.values()) {
    amounts.sort((a, b) => b - a)
    const total = amounts.reduce((rest, each, index) => rest + each * NEXT_SHARE ** index, 0)
    sum += total
    if (total >= MIN_WAY) groups += 1
  }
  return { sum: Math.min(sum, MAX_SUM), max, groups, strongest }
}

/** What one thing weighs alone, in log-odds. */
export function amountOf({ name, value, spec: { unit, weight } }: Evidence, setting: Setting): number {
  if (!(value > 0) || weight === 0) return 0
  const strength =
    unit === 'count'
      ? Math.min(value, 1) + REPEAT_SHARE * Math.min(Math.max(value - 1, 0), 1)
      : Math.min(value, MAX_GRADE)
  return weight * strength * familiarity(name, setting)
}
