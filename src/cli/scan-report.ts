import type { Decision, DegradedCode, SetDecision } from '../decision-types.js'
import type { Manifest } from '../manifest.js'
import { createLocator, type Locator } from '../remedy/locate.js'
import { SetDecisionJson } from '../report/json.js'
import type { Paint } from '../report/paint.js'
import { decisionText, isSaidOnce, setViolationText, summaryText } from '../report/text.js'

/** A report as it is written: each call gives the text for stdout. */
export interface ScanReport {
  decision(decision: Decision, manifest: Manifest | null): string
  end(set: Omit<SetDecision, 'decisions'>, skipped: number): string
}

/** One SetDecision. */
export function createJsonReport(): ScanReport {
  const json = new SetDecisionJson()
  return {
    decision: decision => json.decision(decision),
    end: set => json.end(set),
  }
}

/** What the text report leaves to its caller. */
export interface TextOptions {
  readonly paint: Paint
  /** Also the objects that nothing was found in. */
  readonly verbose: boolean
  readonly quiet: boolean
  /** What people call the bundle. */
  readonly bundleName: string
}

/** For people: a block for each object with findings, what is true of the whole set, and the totals. */
export function createTextReport({ paint, verbose, quiet, bundleName }: TextOptions): ScanReport {
  const degraded = new Map<DegradedCode, number>()
  const locators = new LastLocator()
  return {
    decision(decision, manifest) {
      for (const each of decision.degraded.filter(isSaidOnce))
        degraded.set(each.code, (degraded.get(each.code) ?? 0) + 1)
      if (quiet || !(verbose || hasFindings(decision))) return ''
      const lines = manifest === null ? undefined : locators.lines(manifest, decision)
      return `${decisionText(decision, paint, lines)}\n`
    },
    end(set, skipped) {
      if (quiet) return ''
      const violations = set.violations.map(violation => `${setViolationText(violation, 'cli', paint)}\n`).join('')
      const { digest, revision } = set.bundle
      const bundle = `${bundleName}, ${digest.slice(0, 'sha256:'.length + 12)}, revision ${revision === '' ? 'none' : revision}`
      // Nothing was judged: stdout stays empty, and the errors on stderr say why.
      if (set.summary.judged === 0 && set.summary.errors > 0) return violations
      return violations + summaryText({ summary: set.summary, bundle, skipped, degraded }, paint)
    },
  }
}

function hasFindings({ action, violations, degraded, holds }: Decision): boolean {
  return action === 'deny' || violations.length > 0 || holds.length > 0 || degraded.some(each => !isSaidOnce(each))
}

/** Objects of one List share their text: it is read for positions once. */
class LastLocator {
  #text: string | null = null
  #locate: Locator = () => undefined

  lines({ text, item, source }: Manifest, { violations }: Decision): ReadonlyMap<string, number> {
    if (this.#text !== text) {
      this.#text = text
      this.#locate = createLocator(text, 1)
    }
    const root = item === null ? '' : `/items/${item}`
    // The text may begin above the object; where the object begins is known in both counts.
    const shift = source.line - (this.#locate(root) ?? Number.NaN)
    const lines = new Map<string, number>()
    for (const { path } of violations) {
      const line = path === '' ? undefined : this.#locate(root + path)
      if (line !== undefined && !Number.isNaN(shift)) lines.set(path, line + shift)
    }
    return lines
  }
}
