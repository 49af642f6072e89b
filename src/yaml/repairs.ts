/** A part of a text. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A change of a text that leaves its meaning, for what js-yaml refuses or reads in another way than Go. */
export interface Repair extends Span {
  readonly insert: string
}

/** js-yaml does not know Go's escape \' in double quotes; the quote alone means the same. */
export function escapeRepairs(reason: string, position: number, text: string): readonly Repair[] {
  const found = reason === 'unknown escape sequence' && text[position] === "'"
  return found ? [{ start: position - 1, end: position, insert: '' }] : []
}

const LINE = /[^\r\n]+/g
/** A line of nothing but dashes: what stands before the last one is captured. */
const EMPTY_ELEMENT = /^([ \t]*(?:-[ \t]+)*)-[ \t]*(?:#.*)?$/

/**
 * Behind an element without a value, js-yaml goes on with the sequence even where the next dash belongs to an outer one.
 * A written null in the place of nothing has the same meaning and is read right.
 *
 * @param scalars where the text of scalars is, in order
 * @param end how far js-yaml got: what is behind may be text, too
 */
export function emptyElementRepairs(text: string, scalars: readonly Span[], end: number): readonly Repair[] {
  const repairs: Repair[] = []
  let empty: { readonly dash: number; readonly column: number } | null = null
  for (const { 0: line, index } of text.matchAll(LINE)) {
    if (/^[ \t]*(?:#|$)/.test(line)) continue
    const indent = /^( *)-(?:[ \t]|$)/.exec(line)?.[1]
    const nested = empty !== null && indent !== undefined && indent.length < empty.column
    if (empty !== null && nested && empty.dash < end && !isInside(empty.dash, scalars)) {
      repairs.push({ start: empty.dash + 1, end: empty.dash + 1, insert: ' ~' })
    }
    const before = EMPTY_ELEMENT.exec(line)?.[1]
    empty = before === undefined ? null : { dash: index + before.length, column: before.length }
  }
  return repairs
}

function isInside(offset: number, spans: readonly Span[]): boolean {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((spans[middle]?.start ?? 0) <= offset) low = middle + 1
    else high = middle
  }
  return (spans[low - 1]?.end ?? 0) > offset
}

/** The text with the repairs, which are in order, made. */
export function applyRepairs(text: string, repairs: readonly Repair[]): string {
  let repaired = ''
  let from = 0
  for (const { start, end, insert } of repairs) {
    repaired += text.slice(from, start) + insert
    from = end
  }
  return repaired + text.slice(from)
}
