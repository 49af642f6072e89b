import type { Decision, SetDecision, Violation } from '../decision-types.js'
import { safeText } from './safe-text.js'

/** The lines of a file that violations stand on, by the violation's JSON pointer. */
export type ViolationLines = ReadonlyMap<string, number>

/** A report as it is written, piece by piece: the texts together are the document, so a large scan needs little memory. */
export interface Report {
  /** @param lines asked for only where the report shows lines */
  decision(decision: Decision, lines: () => ViolationLines): string
  /** @param skipped how many files held no Kubernetes objects */
  end(set: Omit<SetDecision, 'decisions'>, skipped: number): string
}

/** A violation in one sentence, for readers that show plain text: what is wrong, and what would mend it. */
export function violationSentence({ message, remedy }: Pick<Violation, 'message' | 'remedy'>): string {
  return safeText(remedy === undefined ? message : `${message} (fix: ${remedy.text})`)
}
