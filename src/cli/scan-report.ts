import type { Decision, DegradedCode } from '../decision-types.js'
import type { Manifest } from '../manifest.js'
import { createLocator, type Locator } from '../remedy/locate.js'
import type { PolicyCard } from '../policy/policy-types.js'
import { SetDecisionJson } from '../report/json.js'
import type { Paint } from '../report/paint.js'
import type { ScanFormat } from './scan-formats.js'
import type { Report, ViolationLines } from '../report/report.js'
import { decisionText, isSaidOnce, setViolationText, summaryText } from '../report/text.js'

/** What the reports need to know beside the Decisions. */
export interface ScanReportOptions {
  readonly paint: Paint
  /** Also the objects that nothing was found in. */
  readonly verbose: boolean
  readonly quiet: boolean
  /** What people call the bundle. */
  readonly bundleName: string
  readonly cards: readonly PolicyCard[]
  /** The version of lockkeeper. */
  readonly version: string
  /** RFC 3339 */
  readonly now: string
}

/** The report in the format that was asked for; all but the text say the same however much is asked for. */
export async function createScanReport(format: ScanFormat, options: ScanReportOptions): Promise<Report> {
  const { cards, version, now } = options
  switch (format) {
    case 'text':
      return createTextReport(options)
    case 'json':
      return createJsonReport()
    case 'sarif':
      return (await import('../report/sarif.js')).createSarifReport({ cards, version, gate: 'cli' })
    case 'junit':
      return (await import('../report/junit.js')).createJunitReport('cli')
    case 'github':
      return (await import('../report/github.js')).createGithubReport('cli')
    case 'openreports':
      return (await import('../report/openreports.js')).createOpenReports({ gate: 'cli', now })
  }
}

/** One SetDecision. */
function createJsonReport(): Report {
  const json = new SetDecisionJson()
  return {
    decision: decision => json.decision(decision),
    end: set => json.end(set),
  }
}

/** For people: a block for each object with findings, what is true of the whole set, and the totals. */
function createTextReport({ paint, verbose, quiet, bundleName }: ScanReportOptions): Report {
  const degraded = new Map<DegradedCode, number>()
  return {
    decision(decision, lines) {
      for (const each of decision.degraded.filter(isSaidOnce))
        degraded.set(each.code, (degraded.get(each.code) ?? 0) + 1)
      if (quiet || !(verbose || hasFindings(decision))) return ''
      return `${decisionText(decision, paint, lines())}\n`
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

/** Where violations stand in their manifests. Objects of one List share their text: it is read for positions once. */
export class ViolationLocator {
  #text: string | null = null
  #locate: Locator = () => undefined

  lines({ text, item, source }: Manifest, { violations }: Decision): ViolationLines {
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
