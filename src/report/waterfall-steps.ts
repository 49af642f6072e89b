import type { Risk } from '../decision-types.js'

/** One step of how a score comes about, in log-odds. */
export interface WaterfallStep {
  readonly label: string
  readonly from: number
  readonly to: number
  readonly isTotal: boolean
}

/** What moves a score by a smaller share of what the strongest does is not worth a line. */
const LEAST_SHARE = 0.05

/**
 * How a score comes about: what everything else gives, then each contribution where the one before has ended, and the sum.
 * Log-odds are what contributions add up in.
 */
export function waterfallSteps({ score, contributions }: Pick<Risk, 'score' | 'contributions'>): WaterfallStep[] {
  const total = logit(score)
  const least = LEAST_SHARE * Math.max(...contributions.map(each => Math.abs(each.contribution)))
  const shown = contributions.filter(each => Math.abs(each.contribution) >= least)
  const rest = total - shown.reduce((sum, each) => sum + each.contribution, 0)
  let at = rest
  const steps = [{ label: 'everything else', from: 0, to: rest, isTotal: false }]
  for (const { text, contribution } of shown) {
    steps.push({ label: text, from: at, to: at + contribution, isTotal: false })
    at += contribution
  }
  steps.push({ label: `score ${score.toFixed(3)}`, from: 0, to: total, isTotal: true })
  return steps
}

/** How much a step gives, with its sign: `+2.50`. */
export function stepAmount({ from, to }: WaterfallStep): string {
  return `${to >= from ? '+' : '−'}${Math.abs(to - from).toFixed(2)}`
}

/** How many harmless ones score as high, in words for people who know no p-values. */
export function benignShare(pValue: number): string {
  const percent = pValue * 100
  return percent < 0.1 ? 'fewer than 0.1 %' : `${percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`
}

/** Finite for scores at the ends, too. */
function logit(score: number): number {
  const inside = Math.min(1 - 1e-9, Math.max(1e-9, score))
  return Math.log(inside / (1 - inside))
}
