import type { Decision, SetDecision } from '../decision-types.js'
import { stringifyJson, type Json } from '../json.js'

/**
 * Writes one SetDecision piece by piece, a Decision a line, so that a large scan needs no more memory than a small one.
 * The pieces together are one JSON value.
 */
export class SetDecisionJson {
  #decisions = 0

  /** The text to write for the next Decision; the first one opens the document. */
  decision(decision: Decision): string {
    this.#decisions += 1
    return `${this.#decisions === 1 ? OPENING : ','}\n${jsonText(decision)}`
  }

  /** The rest of the document. */
  end(set: Omit<SetDecision, 'decisions'>): string {
    const opening = this.#decisions === 0 ? `${OPENING}]` : '\n]'
    const members = Object.entries(set).map(([key, value]) => `,\n${JSON.stringify(key)}:${jsonText(value)}`)
    return `${opening}${members.join('')}}\n`
  }
}

const OPENING = '{"decisions":['

/** A contract's value as JSON text; our types have no index signature, which is all that keeps them from being Json. */
export function jsonText(value: unknown): string {
  return stringifyJson(value as Json)
}
