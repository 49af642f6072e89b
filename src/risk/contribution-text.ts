import type { Feature } from './features.js'
import { fieldOf, type FieldPlaces } from './field-text.js'

/** What is known of a feature that moved a score. */
export interface TextSource extends FieldPlaces {
  readonly feature: Pick<Feature, 'group' | 'text' | 'unit'>
  readonly value: number
  /** How much more it is than in the old object; 0 where nothing is compared. */
  readonly delta: number
  /** In log-odds: below 0 the feature makes the score lower. */
  readonly contribution: number
}

/** As many places as features keep: there may be more. */
const MANY_PLACES = 8

/**
 * One sentence for people about a feature that moved a score: `hostPID false → true`, or `takes an image whose content
 * may change: image is "nginx"`. Values of secrets, and texts of more than one word, are not shown.
 *
 * @param said fields that were told already: a field alone is enough only once
 */
export function contributionText(source: TextSource, said: Set<string>): string {
  const little = littleText(source)
  if (little !== null) return `lowers the risk: ${little}`
  const phrase = phraseOf(source)
  const field = source.value === 0 && source.delta === 0 ? null : fieldOf(source)
  const places = source.value === 0 ? '' : placesText(source.paths.length)
  const isEnough = field !== null && field.isPlain && isCounted(source.feature) && !said.has(field.text)
  if (field !== null) said.add(field.text)
  const text = field === null ? phrase : isEnough ? field.text : `${phrase}: ${field.text}`
  return `${source.contribution < 0 ? 'lowers the risk: ' : ''}${text}${places}`
}

/** What lowers a score where dangers are added up: their sum is small. */
function littleText({ feature: { group }, value, contribution }: TextSource): string | null {
  if (contribution >= 0) return null
  if (group === 'prior') return `${value === 0 ? 'nothing' : 'little'} here is known as dangerous`
  if (group === 'added') return `adds ${value === 0 ? 'nothing' : 'little'} that is known as dangerous`
  return null
}

/** A switch in the object says itself what a flag is about, but not what a grade or a sum is. */
function isCounted({ unit }: TextSource['feature']): boolean {
  return unit === 'flag' || unit === 'count'
}

function placesText(count: number): string {
  if (count < 2) return ''
  return count < MANY_PLACES ? ` (in ${count} places)` : ` (in ${MANY_PLACES} or more places)`
}

function phraseOf({ feature: { text }, value, delta }: TextSource): string {
  if (value !== 0) return delta < 0 ? `${text}, less than before` : text
  // `may run as root: nothing says that it does not` goes without its reason.
  const [fact = text] = text.split(': ')
  if (delta < 0) return `no longer ${fact}`
  const [, verb, rest] = /^(is|may) (.*)$/s.exec(fact) ?? []
  return verb === undefined || rest === undefined ? `nothing here ${fact}` : `${verb} not ${rest}`
}
