import type { Risk } from '../decision-types.js'

const TOP_FACTORS = 3

/**
 * The risk in one line of a denial: the score and what raised it most. null where it is low: beside a denial that would be
 * read as a reason.
 *
 * @param of what was scored, where that is not plain
 */
export function riskLine({ score, band, threshold, contributions }: Risk, of = ''): string | null {
  if (band === 'low') return null
  const factors = contributions.filter(({ contribution }) => contribution > 0).slice(0, TOP_FACTORS)
  const why = factors.length === 0 ? '' : `: ${factors.map(({ text }) => text).join('; ')}`
  return `risk ${score.toFixed(2)} ${band} (threshold ${threshold.toFixed(2)}${of === '' ? '' : `, ${of}`})${why}`
}
