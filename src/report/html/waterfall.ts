import type { Risk } from '../../decision-types.js'
import { stepAmount, waterfallSteps, type WaterfallStep } from '../waterfall-steps.js'
import { markup, type Html } from './escape.js'

const [WIDTH, LABEL, ROW] = [720, 400, 26] as const

/**
 * How a score comes about, as a picture: what everything else gives, then each contribution where the one before has ended,
 * and the sum. Lengths are log-odds, in which contributions add up.
 */
export function waterfall(risk: Risk): Html {
  const steps = waterfallSteps(risk)
  const ends = steps.flatMap(({ from, to }) => [from, to])
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)]
  const scale = (value: number): number => LABEL + ((value - low) / (high - low || 1)) * (WIDTH - LABEL - 60)
  const height = steps.length * ROW + 4
  return markup`<svg class="waterfall" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="how the score comes about">
    <line x1="${fixed(scale(0))}" x2="${fixed(scale(0))}" y1="0" y2="${height}" class="axis" />
    ${steps.map((step, index) => bar(step, index * ROW, scale))}
  </svg>`
}

function bar(step: WaterfallStep, y: number, scale: (value: number) => number): Html {
  const { label, from, to, isTotal } = step
  const [left, right] = [scale(Math.min(from, to)), scale(Math.max(from, to))]
  const kind = isTotal ? 'total' : to >= from ? 'up' : 'down'
  const amount = stepAmount(step)
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
