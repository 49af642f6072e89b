import { isUtf8 } from 'node:buffer'
import { GateError } from './errors.js'
import { countLineBreaks } from './text-fault.js'

/** One document of a YAML stream, as a part of its text. */
export interface YamlDocument {
  /** Counts from 1; empty documents between two `---` count, too. */
  readonly number: number
  /** The whole part with directives and the `---` line (added where there is none), and the line it begins on. */
  readonly text: string
  readonly line: number
  /** Where the document proper begins in `text`: behind the marker. */
  readonly bodyStart: number
  /** Where its first content is in `text` (not a comment), and the line of that in the stream. */
  readonly contentStart: number
  readonly contentLine: number
}

const MARKER = /^(?:---|\.\.\.)(?![^ \t\r\n])/gm

/** The offset of the first line that is content, from `start` on: not blank, not a comment, not a directive. */
function findContent(text: string, start: number, end: number, directives: boolean): number | null {
  const line = /[^\r\n]*(?:\r\n|\n|\r|$)/y
  for (let at = start; at < end; at = line.lastIndex) {
    line.lastIndex = at
    const part = line.exec(text)?.[0] ?? ''
    const indent = part.search(/[^ \t\r\n]/)
    if (indent === -1 || part[indent] === '#' || (directives && part.startsWith('%'))) continue
    return at + indent
  }
  return null
}

/**
 * Splits a YAML stream at its markers: `---` and `...` at the beginning of a line, with white space or nothing behind.
 * No scalar may hold such a line, so what is broken in one document cannot swallow the next. Documents without content are left out.
 */
export function* splitDocuments(stream: string): Generator<YamlDocument> {
  const text = stream.startsWith('\uFEFF') ? stream.slice(1) : stream
  let number = 0
  let start = 0
  let bodyStart = 0
  let explicit = false
  let line = 1
  const part = (end: number): YamlDocument | null => {
    const content = findContent(text, bodyStart, end, !explicit)
    if (explicit || content !== null) number++
    if (content === null) return null
    // Every document gets its marker: without one, js-yaml takes "---a" at the beginning for a marker, too.
    const added = explicit ? '' : '---\n'
    return {
      number,
      text: added + text.slice(start, end),
      line: explicit ? line : line - 1,
      bodyStart: bodyStart - start + added.length,
      contentStart: content - start + added.length,
      contentLine: line + countLineBreaks(text, start, content),
    }
  }
  for (const { 0: marker, index } of text.matchAll(MARKER)) {
    const document = part(index)
    if (document !== null) yield document
    // What stands before the first marker may be directives of the document that begins here.
    if (document !== null || explicit || marker === '...') {
      line += countLineBreaks(text, start, index)
      start = index
    }
    bodyStart = index + 3
    explicit = marker === '---'
    if (!explicit) start = bodyStart
  }
  const document = part(text.length)
  if (document !== null) yield document
}

/**
 * Decodes the bytes of a file that has to be text; a byte order mark is dropped.
 *
 * @throws GateError MANIFEST_ENCODING for UTF-16, NUL bytes (a binary file) and bytes that are not UTF-8, with the line
 */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  const refuse = (line: number, problem: string): GateError =>
    new GateError('MANIFEST_ENCODING', `${file}:${line}: ${problem}`, { position: { file, line } })
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw refuse(1, 'the file is UTF-16; save it as UTF-8')
  }
  if (bytes.includes(0)) throw refuse(1, 'the file has NUL bytes: it is binary (or UTF-16), not a text in UTF-8')
  if (!isUtf8(bytes))
    throw refuse(firstBrokenLine(bytes), 'the bytes of this line are not UTF-8; save the file as UTF-8')
  return new TextDecoder().decode(bytes)
}

/** A line feed is never part of a longer character in UTF-8, so the lines can be looked at one by one. */
function firstBrokenLine(bytes: Uint8Array): number {
  let line = 1
  for (let start = 0; start < bytes.length; line++) {
    const feed = bytes.indexOf(10, start)
    const end = feed === -1 ? bytes.length : feed + 1
    if (!isUtf8(bytes.subarray(start, end))) return line
    start = end
  }
  return line
}
