import type { Risk } from '../../decision-types.js'
import { markup, type Html } from './escape.js'

const [WIDTH, LABEL, ROW] = [720, 400, 26] as const

interface Step {
  readonly label: string
  readonly from: number
  readonly to: number
  readonly isTotal: boolean
}

/**
 * How a score comes about, as a picture: what everything else gives, then each contribution where the one before has ended,
 * and the sum. Lengths are log-odds, in which contributions add up.
 */
export function waterfall({ score, contributions }: Risk): Html {
  const total = logit(score)
  const rest = total - contributions.reduce((sum, each) => sum + each.contribution, 0)
  let at = rest
  const steps: Step[] = [{ label: 'everything else', from: 0, to: rest, isTotal: false }]
  for (const { text, contribution } of contributions) {
    steps.push({ label: text, from: at, to: at + contribution, isTotal: false })
    at += contribution
  }
  steps.push({ label: `score ${score.toFixed(3)}`, from: 0, to: total, isTotal: true })
  const ends = steps.flatMap(({ from, to }) => [from, to])
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)]
  const scale = (value: number): number => LABEL + ((value - low) / (high - low || 1)) * (WIDTH - LABEL - 60)
  const height = steps.length * ROW + 4
  return markup`<svg class="waterfall" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="how the score comes about">
    <line x1="${fixed(scale(0))}" x2="${fixed(scale(0))}" y1="0" y2="${height}" class="axis" />
    ${steps.map((step, index) => bar(step, index * ROW, scale))}
  </svg>`
}

function bar({ label, from, to, isTotal }: Step, y: number, scale: (value: number) => number): Html {
  const [left, right] = [scale(Math.min(from, to)), scale(Math.max(from, to))]
  const kind = isTotal ? 'total' : to >= from ? 'up' : 'down'
  const amount = `${to >= from ? '+' : '−'}${Math.abs(to - from).toFixed(2)}`
  return markup`<g><title>${label}: ${amount}</title>
    <text x="${LABEL - 8}" y="${y + 17}" text-anchor="end">${cut(label, 60)}</text>
    <rect x="${fixed(left)}" y="${y + 5}" width="${fixed(Math.max(2, right - left))}" height="${ROW - 10}" class="${kind}" />
    <text x="${fixed(right + 6)}" y="${y + 17}" class="amount">${isTotal ? '' : amount}</text></g>`
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

function fixed(value: number): string {
  return value.toFixed(1)
}

/** Finite for scores at the ends, too. */
function logit(score: number): number {
  const inside = Math.min(1 - 1e-9, Math.max(1e-9, score))
  return Math.log(inside / (1 - inside))
}
