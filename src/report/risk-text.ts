import { actionAt } from '../actions.js'
import type { Decision, Risk } from '../decision-types.js'
import type { Paint } from './paint.js'
import { safeText } from './safe-text.js'
import { benignShare, stepAmount, waterfallSteps } from './waterfall-steps.js'

/** The policy that turns scores into verdicts, in the built-in bundle and where a team has taken it over. */
const RISK_POLICY = 'risk_threshold'
const BAR_WIDTH = 24
const LABEL_WIDTH = 56

/**
 * The risk of a judged object on one line, with how it comes about below it where it is not low.
 *
 * @param isWhole also for a low score
 */
export function riskLines(decision: Decision, paint: Paint, isWhole = false): string[] {
  const { risk } = decision
  if (risk === null) return []
  const notes = isShadow(decision) ? `${risk.band}; shadow: not enforced` : risk.band
  const head = `    risk ${risk.score.toFixed(2)} (${notes})`
  if (risk.contributions.length === 0) return [head]
  if (risk.band === 'low' && !isWhole) {
    const why = risk.contributions.slice(0, 3).map(({ text }) => safeText(text))
    return [`${head}: ${why.join('; ')}`]
  }
  return [
    `${head}: of harmless ones of this kind, ${benignShare(risk.pValue)} score as high`,
    ...waterfallLines(risk, paint),
  ]
}

/** How a score comes about, one line a step: what it gives, a bar from where the one before has ended, and what it is. */
export function waterfallLines(risk: Risk, paint: Paint): string[] {
  const steps = waterfallSteps(risk)
  const ends = steps.flatMap(({ from, to }) => [from, to])
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)]
  const place = (value: number): number => Math.round(((value - low) / (high - low || 1)) * BAR_WIDTH)
  return steps.map(step => {
    const { label, from, to, isTotal } = step
    const [left, right] = [place(Math.min(from, to)), place(Math.max(from, to))]
    // What gives next to nothing is still to be seen.
    const start = Math.min(left, BAR_WIDTH - 1)
    const bar = (isTotal ? '█' : '▒').repeat(Math.max(1, right - start))
    const color = isTotal ? paint.bold : to > from ? paint.red : paint.green
    const after = ' '.repeat(Math.max(0, BAR_WIDTH - start - bar.length))
    return `      ${stepAmount(step).padStart(6)}  ${' '.repeat(start)}${color(bar)}${after}  ${cut(safeText(label))}`
  })
}

/** Some policy of the risk has something to say, and is only watched so far. */
function isShadow({ violations, gate }: Decision): boolean {
  const found = violations.filter(({ policy }) => policy === RISK_POLICY)
  return found.length > 0 && found.every(each => actionAt(each, gate) === 'dryrun')
}

function cut(text: string): string {
  return text.length > LABEL_WIDTH ? `${text.slice(0, LABEL_WIDTH - 1)}…` : text
}
