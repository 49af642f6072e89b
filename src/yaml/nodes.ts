import { Schema, Type, type EventType } from 'js-yaml'
import { quoted, TextFault } from '../text-fault.js'
import type { Span } from './repairs.js'

/**
 * A node as it was written. js-yaml builds values right away: it makes keys text, lets the last duplicate win and shares what
 * aliases name. So its listener puts these nodes in the place of its values, and the values are made here, as Go makes them.
 */
export class Node {
  /** js-yaml keys its objects with String(key): with this, each key keeps its node, its place and its line. */
  readonly [Symbol.toStringTag] = 'Node'
  readonly id: number
  readonly kind: 'scalar' | 'sequence' | 'mapping' | 'alias'
  readonly line: number
  /** Scalars: the text. */
  readonly text: string = ''
  /** Scalars: null when quoted, '' when plain. */
  tag: string | null = null
  /** Sequences and mappings: what js-yaml made, with nodes inside; null is an empty node. */
  readonly content: unknown = null

  constructor(id: number, kind: Node['kind'], line: number, content: unknown) {
    this.id = id
    this.kind = kind
    this.line = line
    if (kind === 'scalar') this.text = content as string
    else this.content = content
  }

  toString(): string {
    return `#${this.id}`
  }
}

/** What js-yaml 4 hands to its listener; its type definitions leave out half of it. */
export interface LoaderState {
  readonly input: string
  readonly position: number
  readonly line: number
  readonly kind: string | null
  tag: string | null
  readonly anchor: string | null
  readonly anchorMap: Record<string, unknown>
  result: unknown
}

// Every tag is taken as it is; what it means is decided in scalars.ts.
const ANY_TAG = (['scalar', 'sequence', 'mapping'] as const).map(kind => new Type('', { kind, multi: true }))
export const NODE_SCHEMA = new Schema(ANY_TAG)

export const MERGE_TAG = 'tag:yaml.org,2002:merge'

/** Escapes in double quotes that js-yaml reads and Go refuses, or, an escaped line break before an empty line, reads otherwise. */
const FOREIGN_ESCAPE = /\\(?:U|u[dD][89a-fA-F]|\/|(?:\r\n|\n|\r(?!\n))[ \t]*[\r\n])/
const ESCAPE = /\\(?:U([0-9a-fA-F]{8})|u([0-9a-fA-F]{4})|((?:\r\n|\n|\r(?!\n))[ \t]*[\r\n])|[^])/g

/** What may stand before a scalar in its source: tags, anchors, comments. */
const PROPERTIES = /^\s*(?:[&!]\S*\s+|#[^\r\n]*[\r\n]\s*)*/

/** Comments and white space before a tag or an anchor. */
const BEFORE_PROPERTY = /\s*(?:#[^\r\n]*[\r\n]\s*)*[&!]/y

/** The sign that a scalar begins with: a quote, or "|" and ">" of the block scalars; no plain one begins so. */
function styleOf(source: string): string {
  return source[PROPERTIES.exec(source)?.[0].length ?? 0] ?? ''
}

/** Before a block scalar on the next line, js-yaml forgets the tag and the anchor. */
function refuseLostProperty(input: string, start: number, line: number): void {
  BEFORE_PROPERTY.lastIndex = start
  if (!BEFORE_PROPERTY.test(input)) return
  const problem = 'the tag and the anchor of a block scalar have to be on the line of its "|" or ">"'
  throw new TextFault('MANIFEST_SYNTAX', problem, line)
}

function isForeignEscape([text, long, short, breaks]: RegExpExecArray): boolean {
  const code = Number.parseInt(long ?? short ?? '0', 16)
  return text === '\\/' || breaks !== undefined || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)
}

/** A node that js-yaml is reading: where it began to look for it. */
interface Opened {
  readonly line: number
  readonly position: number
  style?: string
}

/** Makes the nodes of one document while js-yaml reads it. */
export class NodeBuilder {
  readonly nodes: Node[] = []
  /** Where the text of scalars is, in order: what looks like YAML in there is none. */
  readonly scalars: Span[] = []
  hasEmptyElements = false
  readonly #anchors = new Map<string, { readonly start: number; readonly node: unknown }>()
  readonly #opened: Opened[] = []
  readonly #firstLine: number
  readonly #checkEscapes: boolean
  readonly #unended: boolean
  readonly #lastLine: string

  /** @param line the line that `text` begins on in the file */
  constructor(text: string, line: number) {
    this.#firstLine = line
    this.#checkEscapes = FOREIGN_ESCAPE.test(text)
    this.#unended = !/[\r\n]$/.test(text)
    this.#lastLine = text.slice(Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1)
  }

  listen(event: EventType, state: LoaderState): void {
    if (event === 'open') {
      this.#opened.push({ line: state.line, position: state.position })
      return
    }
    const opened = this.#opened.pop() ?? { line: 0, position: 0 }
    state.result = this.#close(state, opened)
    if (state.anchor !== null) this.#anchor(state, state.anchor, opened.position)
    // js-yaml would merge on its own, into what it thinks is a value.
    if (state.tag === MERGE_TAG) state.tag = '?'
  }

  /** The anchor that begins last counts, even inside of another of its name; js-yaml lets the one that ends last count. */
  #anchor({ anchorMap, result }: LoaderState, name: string, start: number): void {
    const before = this.#anchors.get(name)
    if (before === undefined || before.start <= start) this.#anchors.set(name, { start, node: result })
    anchorMap[name] = this.#anchors.get(name)?.node
  }

  #close(state: LoaderState, opened: Opened): unknown {
    const { result, kind, tag, anchor } = state
    const line = opened.line + this.#firstLine
    if (anchor !== null && !/^[0-9A-Za-z_-]+$/.test(anchor)) {
      throw new TextFault(
        'MANIFEST_SYNTAX',
        `the anchor ${quoted(anchor)} needs a name of letters, digits, "_" and "-"`,
        line,
      )
    }
    if (result instanceof Node) return this.#reclose(state, result, line)
    if (result === null || result === undefined) {
      if (tag === null && anchor === null) return null
      // js-yaml takes the properties of the next key for those of a value that is empty.
      if (/[\r\n]/.test(state.input.slice(opened.position, state.position).trim())) {
        throw new TextFault('MANIFEST_SYNTAX', 'the tag and the anchor of an empty value have to be on one line', line)
      }
      return this.#scalar('', tag ?? '', line)
    }
    if (typeof result === 'string') {
      // What js-yaml has read once more counts as it was read last.
      while ((this.scalars.at(-1)?.start ?? -1) >= opened.position) this.scalars.pop()
      this.scalars.push({ start: opened.position, end: state.position })
      if (this.#checkEscapes) this.#refuseForeignEscapes(state, opened.position, line)
      if (tag === null && anchor === null) refuseLostProperty(state.input, opened.position, line)
      this.#refuseForeignFlow(state, result, opened.position, line)
      return this.#scalar(this.#withoutAddedBreak(result, state, opened.position), tag, line)
    }
    if (kind !== 'sequence' && kind !== 'mapping') {
      throw new TextFault('MANIFEST_EXPANSION', 'an anchor is used inside of what it names', line)
    }
    if (Array.isArray(result) && result.includes(null)) this.hasEmptyElements = true
    return this.#add(new Node(this.nodes.length, kind, line, result))
  }

  /** A node that an inner call has closed already: an alias, or a node whose properties stand on the line before. */
  #reclose({ kind, tag, anchor }: LoaderState, node: Node, line: number): Node {
    const named = tag !== null || anchor !== null
    if (kind === null && node.kind !== 'alias' && !named)
      return this.#add(new Node(this.nodes.length, 'alias', line, node))
    if (named && (node.kind === 'alias' || (tag !== null && node.tag !== null && node.tag !== ''))) {
      throw new TextFault('MANIFEST_SYNTAX', 'a tag or an anchor cannot stand before an alias or another tag', line)
    }
    if (tag !== null && tag !== '?' && node.kind === 'scalar') node.tag = tag
    return node
  }

  #scalar(text: string, tag: string | null, line: number): Node {
    const node = new Node(this.nodes.length, 'scalar', line, text)
    node.tag = tag === '?' ? '' : tag
    return this.#add(node)
  }

  /** In flow, Go takes the colon of `a:,` into the text, and a leading question mark for the sign of a key. */
  #refuseForeignFlow({ input, position }: LoaderState, text: string, start: number, line: number): void {
    const colon = input[position] === ':' && /[,[\]{}]/.test(input[position + 1] ?? '')
    if ((!colon && !text.startsWith('?')) || /["'|>]/.test(styleOf(input.slice(start, position)))) return
    // Kept, since a long comment may stand at the beginning of what is open.
    const inFlow = this.#opened.some(each =>
      /[[{]/.test((each.style ??= styleOf(input.slice(each.position, position)))),
    )
    if (!inFlow) return
    const problem = colon ? 'a colon needs a space behind it' : 'a text that begins with "?" needs quotes'
    throw new TextFault('MANIFEST_SYNTAX', `inside of [] and {} ${problem}`, line)
  }

  /** js-yaml ends a text that has no line break at its end with one; in a block scalar it would be read as content. */
  #withoutAddedBreak(value: string, { input, position }: LoaderState, start: number): string {
    if (!this.#unended || !value.endsWith('\n') || position < input.length - 1) return value
    const source = input.slice(start, position)
    const header = /[|>][-+0-9]*/y
    header.lastIndex = PROPERTIES.exec(source)?.[0].length ?? 0
    const style = header.exec(source)?.[0] ?? ''
    return style.includes('+') || (style !== '' && this.#endsInText(value)) ? value.slice(0, -1) : value
  }

  /** True when the last line of the document, which has no break, adds to this value of a block scalar. */
  #endsInText(value: string): boolean {
    if (this.#lastLine.trim() !== '') return true
    // Spaces are text where they go beyond the indentation.
    const spaces = /(?:^|\n)([ \t]+)\n$/.exec(value)?.[1]
    return spaces !== undefined && spaces.length < this.#lastLine.length
  }

  #add(node: Node): Node {
    this.nodes.push(node)
    return node
  }

  #refuseForeignEscapes({ input, position }: LoaderState, start: number, line: number): void {
    const source = input.slice(start, position)
    if (styleOf(source) !== '"') return
    for (const escape of source.matchAll(ESCAPE)) {
      if (!isForeignEscape(escape)) continue
      const problem =
        escape[3] === undefined
          ? `Kubernetes refuses the escape ${escape[0]} in YAML; write the character itself`
          : 'an escaped line break cannot stand before an empty line; write \\n for the empty line'
      throw new TextFault('MANIFEST_SYNTAX', problem, line)
    }
  }
}
