import { hideSecrets } from '../../hide-secrets.js'
import type { JsonObject } from '../../json.js'
import { createLocator } from '../../remedy/locate.js'
import { yamlText } from '../../remedy/yaml-text.js'
import { markup, type Html } from './escape.js'

/** What is said of a place in a manifest; the worst of a line gives its colour. */
export interface Mark {
  /** A JSON pointer into the object. */
  readonly path: string
  readonly kind: 'deny' | 'warn' | 'dryrun' | 'risk' | 'changed'
  readonly text: string
}

/** How many lines are shown around a marked one. */
const CONTEXT = 2
/** Where nothing is marked, so many of the first lines are shown. */
const UNMARKED_LINES = 12
const KINDS: readonly Mark['kind'][] = ['deny', 'warn', 'risk', 'changed', 'dryrun']

/** The manifest with the marked lines and what leads to them; secrets are hidden, and what is between is counted. */
export function manifestView(object: JsonObject, marks: readonly Mark[]): Html {
  const text = yamlText(hideSecrets(object))
  const lines = text.replace(/\n$/, '').split('\n')
  const byLine = marksByLine(text, marks)
  const shown = shownLines(lines, byLine)
  const rows: Html[] = []
  let last = -1
  for (const index of [...shown].sort((a, b) => a - b)) {
    if (index > last + 1) rows.push(gap(index - last - 1))
    rows.push(row(lines[index] ?? '', index + 1, byLine.get(index) ?? []))
    last = index
  }
  if (last < lines.length - 1) rows.push(gap(lines.length - 1 - last))
  return markup`<pre class="manifest" role="region" aria-label="manifest">${rows}</pre>`
}

function marksByLine(text: string, marks: readonly Mark[]): ReadonlyMap<number, readonly Mark[]> {
  const locate = createLocator(text, 0)
  const byLine = new Map<number, Mark[]>()
  for (const mark of marks) {
    const line = mark.path === '' ? undefined : locate(mark.path)
    if (line !== undefined) byLine.set(line, [...(byLine.get(line) ?? []), mark])
  }
  return byLine
}

function shownLines(lines: readonly string[], marked: ReadonlyMap<number, unknown>): ReadonlySet<number> {
  const shown = new Set<number>()
  const show = (from: number, to: number): void => {
    for (let index = Math.max(0, from); index <= Math.min(lines.length - 1, to); index += 1) shown.add(index)
  }
  if (marked.size === 0) show(0, UNMARKED_LINES - 1)
  for (const index of marked.keys()) {
    show(index - CONTEXT, index + CONTEXT)
    // The keys that lead here, up to the top.
    let indent = indentOf(lines[index])
    for (let above = index - 1; above >= 0 && indent > 0; above -= 1) {
      const line = lines[above] ?? ''
      if (line.trim() === '' || indentOf(line) >= indent) continue
      shown.add(above)
      indent = indentOf(line)
    }
  }
  return shown
}

function indentOf(line = ''): number {
  return line.length - line.trimStart().length
}

function gap(count: number): Html {
  return markup`<span class="gap">⋯ ${count} ${count === 1 ? 'line' : 'lines'}</span>`
}

function row(line: string, number: number, marks: readonly Mark[]): Html {
  const kind = KINDS.find(each => marks.some(mark => mark.kind === each)) ?? ''
  const notes = [...new Set(marks.map(mark => mark.text))].filter(text => text !== '')
  const note = notes.length === 0 ? markup`` : markup` <i>← ${notes.join(' · ')}</i>`
  return markup`<span class="line ${kind}"><b>${number}</b>${line}${note}</span>`
}
