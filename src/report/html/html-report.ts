import { actionAt } from '../../actions.js'
import type { Decision, GateName, SetDecision, SetError, SetViolation } from '../../decision-types.js'
import { isSaidOnce, placeText, resourceText } from '../text.js'
import { Html, markup } from './escape.js'
import { objectSection, VERDICTS, type JudgedObject } from './object-section.js'
import { STYLE } from './style.js'

/** The worst objects are shown whole; a page of more is no longer read. */
const MAX_SECTIONS = 300
/** Errors and violations of the set. */
const MAX_LISTED = 500

/** A report as one page that needs nothing else: no script, no font, no picture from elsewhere. */
export interface HtmlReport {
  add(decision: Decision, judged: JudgedObject): void
  /** @param skipped how many files held no Kubernetes objects */
  page(set: Omit<SetDecision, 'decisions'>, skipped: number): string
}

export interface HtmlReportOptions {
  readonly gate: GateName
  /** What was judged, as the page's title says. */
  readonly title: string
  /** What people call the bundle. */
  readonly bundleName: string
  /** The version of lockkeeper. */
  readonly version: string
  /** RFC 3339 */
  readonly now: string
}

interface Entry {
  readonly decision: Decision
  readonly judged: JudgedObject
}

/** Collects what is worth showing: what was found something in, and what scores above its threshold; the worst first. */
export function createHtmlReport(options: HtmlReportOptions): HtmlReport {
  let entries: Entry[] = []
  let dropped = 0
  const keepWorst = (): void => {
    entries = entries.sort(worseFirst)
    dropped += entries.splice(MAX_SECTIONS).length
  }
  return {
    add(decision, judged) {
      if (!isWorthShowing(decision)) return
      entries.push({ decision, judged })
      if (entries.length >= MAX_SECTIONS * 2) keepWorst()
    },
    page(set, skipped) {
      keepWorst()
      return pageOf(options, set, entries, dropped, skipped).text
    },
  }
}

function isWorthShowing({ action, violations, holds, degraded, risk }: Decision): boolean {
  const isFound = action !== 'allow' || violations.length > 0 || holds.length > 0
  return isFound || degraded.some(each => !isSaidOnce(each)) || (risk !== null && risk.band !== 'low')
}

const ACTIONS = { deny: 0, warn: 1, allow: 2 } as const

function worseFirst({ decision: a }: Entry, { decision: b }: Entry): number {
  return ACTIONS[a.action] - ACTIONS[b.action] || (b.risk?.score ?? 0) - (a.risk?.score ?? 0)
}

function pageOf(
  { title, bundleName, version, now, gate }: HtmlReportOptions,
  set: Omit<SetDecision, 'decisions'>,
  entries: readonly Entry[],
  dropped: number,
  skipped: number,
): Html {
  const { summary, bundle } = set
  const left = summary.judged - entries.length - dropped
  const verdict = summary.errors > 0 ? 'COULD NOT JUDGE EVERYTHING' : VERDICTS[set.action]
  const kind = summary.errors > 0 ? 'deny' : set.action
  return markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>lockkeeper: ${title}</title>
        <style>
          ${Html.written(STYLE)}
        </style>
      </head>
      <body>
        <h1><span class="${kind}">${verdict}</span></h1>
        <p>${title}</p>
        <p class="dim">
          judged ${now} with ${bundleName},
          <code>${bundle.digest}</code>${bundle.revision === '' ? '' : `, revision ${bundle.revision}`} · lockkeeper
          ${version}
        </p>
        <div class="totals">
          ${total('judged', summary.judged, '')}${total('denied', summary.denied, 'deny')}${total('with warnings', summary.warned, 'warn')}${total('allowed', summary.allowed, 'allow')}${total('errors', summary.errors, summary.errors > 0 ? 'deny' : '')}
        </div>
        ${errorList(set.errors)} ${setViolationList(set.violations, gate)}
        ${entries.map(({ decision, judged }) => objectSection(decision, judged))}
        <p class="dim">${endText(left, dropped, skipped)}</p>
      </body>
    </html> `
}

function total(name: string, count: number, kind: string): Html {
  return markup`<div class="${kind}"><b>${count}</b>${name}</div>`
}

function errorList(errors: readonly SetError[]): Html {
  if (errors.length === 0) return markup``
  const rows = errors.slice(0, MAX_LISTED)
  return markup`<section class="deny">
    <header><h2>what could not be judged</h2></header>
    <table>
      ${rows.map(
        error =>
          markup`<tr>
            <td>${error.code}</td>
            <td>${placeText(error)}</td>
            <td>${error.message}</td>
          </tr>`,
      )}
    </table>
    ${more(errors.length - rows.length)}
  </section>`
}

function setViolationList(violations: readonly SetViolation[], gate: GateName): Html {
  if (violations.length === 0) return markup``
  const rows = violations.slice(0, MAX_LISTED)
  return markup`<section class="${violations.some(each => actionAt(each, gate) === 'deny') ? 'deny' : 'warn'}">
    <header><h2>the change as a whole</h2></header>
    <ul class="violations">
      ${rows.map(each => {
        const action = actionAt(each, gate)
        return markup`<li>
          <b class="${action}">${each.policy}</b><span class="severity ${action}">${each.severity}</span>${each.message}
          <div class="dim">
            ${each.objects.slice(0, 20).map(resourceText).join(', ')}${each.objects.length > 20 ? ` and ${each.objects.length - 20} more` : ''}
          </div>
        </li>`
      })}
    </ul>
    ${more(violations.length - rows.length)}
  </section>`
}

function more(count: number): Html {
  return count > 0 ? markup`<p class="dim">and ${count} more</p>` : markup``
}

function endText(left: number, dropped: number, skipped: number): string {
  const texts = [
    left > 0 ? `Nothing was found in ${left} other ${left === 1 ? 'object' : 'objects'}.` : '',
    dropped > 0 ? `${dropped} objects with less to say are left out.` : '',
    skipped > 0 ? `${skipped} files without Kubernetes objects were skipped.` : '',
  ]
  return texts.filter(text => text !== '').join(' ')
}
