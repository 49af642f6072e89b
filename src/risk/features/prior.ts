import type { FeatureSpec } from './feature.js'
import type { Findings } from './findings.js'

/** What people would say before any training: the log-odds of the table's weights. Families without examples show here. */
export const PRIOR_FEATURES = {
  'prior.sum': { unit: 'grade', weight: 0, text: 'has several things that are known as dangerous' },
  'prior.max': { unit: 'grade', weight: 0, text: 'has something that is known as dangerous' },
  'prior.groups': { unit: 'grade', weight: 0, text: 'is dangerous in several ways' },
} as const satisfies Record<string, FeatureSpec>

/** Of a count only so much adds up: the third privileged container is no news. */
const MAX_REPEATS = 2
const MAX_SUM = 32
/** What is below this is no way of its own. */
const MIN_WAY = 1

/** Adds up the weights of what was found. */
export function notePrior<Name extends string>(
  findings: Findings<Name | keyof typeof PRIOR_FEATURES>,
  specs: Readonly<Record<Name | keyof typeof PRIOR_FEATURES, FeatureSpec>>,
): void {
  let [sum, max, maxPath] = [0, 0, '']
  const groups = new Map<string, number>()
  for (const name of findings.names()) {
    const { weight } = specs[name]
    if (weight === 0) continue
    const amount = weight * Math.min(findings.value(name), specs[name].unit === 'count' ? MAX_REPEATS : 4)
    sum += amount
    const [group = ''] = name.split('.')
    groups.set(group, (groups.get(group) ?? 0) + amount)
    const once = weight * Math.min(findings.value(name), specs[name].unit === 'count' ? 1 : 4)
    if (once > max) [max, maxPath] = [once, findings.paths(name)[0] ?? '']
  }
  const ways = [...groups.values()].filter(each => each >= MIN_WAY).length
  findings.note('prior.sum', Math.min(sum, MAX_SUM), '')
  findings.note('prior.max', max, maxPath)
  findings.note('prior.groups', ways, '')
}
