import type { Anomaly, BundleReference, ResourceReference, Risk, SetError } from '../decision-types.js'
import type { Counterfactual } from '../risk/counterfactual.js'
import { jsonText } from './json.js'
import type { Paint } from './paint.js'
import { waterfallLines } from './risk-text.js'
import { operationText, placeText, plural, resourceText } from './text.js'

/** What the model says of one object. */
export interface ScoredObject {
  readonly resource: ResourceReference
  readonly risk: Risk | null
  readonly anomaly: Anomaly | null
  /** The fewest places whose harmless value makes the score low; null where it is low, or none were found. */
  readonly counterfactual: Counterfactual | null
  /** Why there is no score where there should be one. */
  readonly problem: string | null
}

/** All that was scored, the highest score first. */
export interface Scores {
  readonly ranked: readonly ScoredObject[]
  readonly errors: readonly SetError[]
  readonly bundle: BundleReference
}

const BANDS = ['high', 'elevated', 'low'] as const

/** One JSON value, an object a line. */
export function scoresJson({ ranked, errors, bundle }: Scores): string {
  const scores = ranked.length === 0 ? '[]' : `[\n${ranked.map(jsonText).join(',\n')}\n]`
  return `{"scores":${scores},\n"errors":${jsonText(errors)},\n"bundle":${jsonText(bundle)}}\n`
}

/**
 * A ranking for people, with how each score comes about that is not low.
 *
 * @param isVerbose also for low ones
 */
export function scoresText({ ranked, errors }: Scores, paint: Paint, isVerbose: boolean): string {
  if (ranked.length === 0 && errors.length > 0) return ''
  const lines = ranked.flatMap(({ resource, risk, counterfactual, problem }) => {
    const name = `${paint.bold(resourceText(resource))}  ${paint.dim(placeText(resource))}`.trimEnd()
    if (risk === null) return [`    —  no score  ${name}${problem === null ? '' : `  ${problem}`}`]
    const head = `${risk.score.toFixed(3)}  ${bandText(risk.band, paint)}  ${name}`
    const isDrawn = risk.contributions.length > 0 && (risk.band !== 'low' || isVerbose)
    const drawn = isDrawn ? waterfallLines(risk, paint) : []
    return [head, ...drawn, ...(counterfactual === null ? [] : [harmlessLine(counterfactual)])]
  })
  return [...lines, summary(ranked)].map(line => `${line}\n`).join('')
}

function harmlessLine({ patch, score, threshold }: Counterfactual): string {
  const changes = patch.map(operationText).join('; ')
  return `       would be low (${score.toFixed(3)}, under ${threshold.toFixed(3)}) with: ${changes}`
}

function bandText(band: Risk['band'], paint: Paint): string {
  const text = band.padEnd('elevated'.length)
  if (band === 'high') return paint.red(text)
  return band === 'elevated' ? paint.yellow(text) : paint.dim(text)
}

function summary(ranked: readonly ScoredObject[]): string {
  const counts = BANDS.map(band => [band, ranked.filter(({ risk }) => risk?.band === band).length] as const)
  const without = ranked.filter(({ risk }) => risk === null).length
  const parts = [
    ...counts.flatMap(([band, count]) => (count === 0 ? [] : [`${count} ${band}`])),
    ...(without === 0 ? [] : [`${without} without a score`]),
  ]
  const { version } = ranked.find(({ risk }) => risk !== null)?.risk?.model ?? { version: null }
  return `${plural(ranked.length, 'object')} scored: ${parts.join(', ')}${version === null ? '' : ` (model ${version})`}`
}
