import { loadAll, YAMLException, type LoadOptions } from 'js-yaml'
import { emptyObject, type Json, type JsonObject } from '../json.js'
import { countLineBreaks, quoted, TextFault } from '../text-fault.js'
import { type LoaderState, MERGE_TAG, Node, NODE_SCHEMA, NodeBuilder } from './nodes.js'
import { applyRepairs, emptyElementRepairs, escapeRepairs, type Repair } from './repairs.js'
import { resolveScalar, ScalarFault, scalarToJson, scalarToKey, type YamlScalarValue } from './scalars.js'

export interface YamlLimits {
  /** How many sequences and mappings may be inside each other, aliases written out. */
  readonly maxDepth: number
  /** How many nodes aliases and merge keys may add. */
  readonly maxExpandedNodes: number
  /** How many characters of text aliases and merge keys may add. */
  readonly maxExpandedCharacters: number
}

/** A document as plain JSON, and the lines of the mappings that are elements of a sequence. */
export interface YamlValue {
  readonly value: Json
  readonly elementLines: ReadonlyMap<JsonObject, number>
}

/** Makes plain JSON of nodes: aliases written out, merge keys applied, everything counted. */
class Composer {
  readonly elementLines = new Map<JsonObject, number>()
  readonly #nodes: readonly Node[]
  readonly #limits: YamlLimits
  #aliases = 0
  #expandedNodes = 0
  #expandedCharacters = 0

  constructor(nodes: readonly Node[], limits: YamlLimits) {
    this.#nodes = nodes
    this.#limits = limits
  }

  value(raw: unknown, line: number, depth: number): Json {
    if (raw === null || raw === undefined) return null
    // A pair inside of a flow sequence, [a: b], is a mapping that the listener has not seen.
    if (!(raw instanceof Node)) return this.#mapping(emptyObject(), raw, line, depth + 1)
    switch (raw.kind) {
      case 'alias':
        return this.#expand(() => this.value(raw.content, raw.line, depth))
      case 'scalar':
        return atLine(raw.line, () => scalarToJson(this.#scalar(raw)))
      case 'sequence':
        this.#enter(raw, depth + 1)
        return (raw.content as unknown[]).map(element => {
          const value = this.value(element, raw.line, depth + 1)
          if (element instanceof Node && element.kind === 'mapping')
            this.elementLines.set(value as JsonObject, element.line)
          return value
        })
      case 'mapping':
        this.#enter(raw, depth + 1)
        return this.#mapping(emptyObject(), raw.content as object, raw.line, depth + 1)
    }
  }

  #expand<T>(compose: () => T): T {
    this.#aliases++
    const value = compose()
    this.#aliases--
    return value
  }

  #enter(node: Node, depth: number): void {
    this.#charge(node)
    if (depth <= this.#limits.maxDepth) return
    throw new TextFault(
      'MANIFEST_TOO_DEEP',
      `sequences and mappings are nested deeper than ${this.#limits.maxDepth}`,
      node.line,
    )
  }

  #charge(node: Node): void {
    if (this.#aliases === 0) return
    this.#expandedNodes++
    this.#expandedCharacters += node.text.length
    const { maxExpandedNodes, maxExpandedCharacters } = this.#limits
    if (this.#expandedNodes <= maxExpandedNodes && this.#expandedCharacters <= maxExpandedCharacters) return
    const problem = `aliases and merge keys expand to more than ${maxExpandedNodes} nodes or ${maxExpandedCharacters} characters`
    throw new TextFault('MANIFEST_EXPANSION', problem, node.line)
  }

  #scalar(node: Node): YamlScalarValue {
    this.#charge(node)
    return resolveScalar(node.tag, node.text)
  }

  /** Fills `object` from the pairs in their order; what a merge key has put there before may be replaced. */
  #mapping(object: JsonObject, pairs: object, line: number, depth: number): JsonObject {
    const written = new Map<string, number>()
    for (const [id, raw] of Object.entries(pairs)) {
      const keyNode = id.startsWith('#') ? this.#nodes[Number(id.slice(1))] : undefined
      if (keyNode === undefined)
        throw new TextFault('MANIFEST_SYNTAX', 'a key is empty or null; put it in quotes', line)
      if (isMerge(keyNode)) {
        this.#merge(object, raw, keyNode.line, depth)
        continue
      }
      const key = this.#key(keyNode)
      const before = written.get(key)
      if (before !== undefined) {
        const problem = `the key ${quoted(key)} appears twice in one mapping (first on line ${before})`
        throw new TextFault('MANIFEST_DUPLICATE_KEY', problem, keyNode.line)
      }
      written.set(key, keyNode.line)
      object[key] = this.value(raw, keyNode.line, depth)
    }
    return object
  }

  #key(node: Node): string {
    if (node.kind === 'alias') return this.#expand(() => this.#key(node.content as Node))
    if (node.kind !== 'scalar')
      throw new TextFault('MANIFEST_SYNTAX', 'a key has to be a text, not a sequence or a mapping', node.line)
    return atLine(node.line, () => scalarToKey(this.#scalar(node)))
  }

  /** Go assigns in the order of the text, so a merge key below a key of its own mapping wins over it. */
  #merge(object: JsonObject, raw: unknown, line: number, depth: number): void {
    const sources = raw instanceof Node && raw.kind === 'sequence' ? [...(raw.content as unknown[])].reverse() : [raw]
    for (const each of sources) {
      const source = each instanceof Node && each.kind === 'alias' ? each.content : each
      // An object that is no node is a single pair, [a: b].
      const pairs = source instanceof Node && source.kind === 'mapping' ? source.content : source
      if (typeof pairs !== 'object' || pairs === null || pairs instanceof Node) {
        throw new TextFault('MANIFEST_SYNTAX', 'the merge key "<<" needs a mapping or a sequence of mappings', line)
      }
      const fill = (): void => {
        if (source instanceof Node) this.#enter(source, depth)
        this.#mapping(object, pairs, line, depth)
      }
      if (source === each) fill()
      else this.#expand(fill)
    }
  }
}

function isMerge(key: Node): boolean {
  return key.kind === 'scalar' && key.text === '<<' && ['', '!', MERGE_TAG].includes(key.tag ?? 'quoted')
}

function atLine<T>(line: number, make: () => T): T {
  try {
    return make()
  } catch (thrown) {
    if (thrown instanceof ScalarFault) throw new TextFault(thrown.code, thrown.message, line)
    throw thrown
  }
}

/** What Go's reader takes as characters, without the line breaks of YAML 1.1 that js-yaml takes as text. */
const NOT_A_CHARACTER = /[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

function checkCharacters(text: string, line: number): void {
  const match = NOT_A_CHARACTER.exec(text)
  if (match === null) return
  const at = line + countLineBreaks(text, 0, match.index)
  const code = match[0].codePointAt(0) ?? 0
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  if (code >= 0xd800 && code <= 0xdfff) {
    throw new TextFault('MANIFEST_ENCODING', `${name} is half of a surrogate pair, which is not a character`, at)
  }
  const escape = 'write it as an escape in double quotes'
  const problem = [0x85, 0x2028, 0x2029].includes(code)
    ? `${name} ends a line for Kubernetes, though editors do not show it; ${escape}`
    : `the control character ${name} is not allowed in YAML; ${escape}`
  throw new TextFault('MANIFEST_SYNTAX', problem, at)
}

// @types/js-yaml has the mark always there; an error without a place has none.
const markOf = (error: YAMLException): YAMLException['mark'] | undefined => error.mark

function syntaxFault(error: YAMLException, text: string, line: number, maxDepth: number): TextFault {
  const marked = markOf(error)?.line ?? 0
  // What is missing at the end is shown on the last line that has something.
  const at = line + Math.min(marked, countLineBreaks(text, 0, text.trimEnd().length))
  if (error.reason.startsWith('nesting exceeded')) {
    return new TextFault('MANIFEST_TOO_DEEP', `sequences and mappings are nested deeper than ${maxDepth}`, at)
  }
  const hint = text.includes('{{') ? ' (a template? render the chart first)' : ''
  return new TextFault('MANIFEST_SYNTAX', `this is not YAML: ${error.reason}${hint}`, at)
}

/** How often one document may be put in another way for js-yaml: each time it is read again. */
const MAX_REPAIRS = 50

/** js-yaml's nodes of one document. */
function loadNodes(text: string, line: number, maxDepth: number): { root: unknown; nodes: readonly Node[] } {
  let repaired = text
  for (let attempt = 0; ; attempt++) {
    const builder = new NodeBuilder(repaired, line)
    const options: LoadOptions & { maxDepth: number } = {
      schema: NODE_SCHEMA,
      json: true,
      // A little more than our own depth, which is the exact one: js-yaml counts a few nodes twice.
      maxDepth: maxDepth + 3,
      listener: (event, state) => {
        builder.listen(event, state as unknown as LoaderState)
      },
    }
    let root: unknown
    let repairs: readonly Repair[] = []
    let failure: YAMLException | null = null
    try {
      root = loadAll(repaired, null, options)[0]
    } catch (thrown) {
      if (!(thrown instanceof YAMLException)) throw thrown
      failure = thrown
      repairs = escapeRepairs(thrown.reason, markOf(thrown)?.position ?? 0, repaired)
    }
    if (repairs.length === 0 && (failure !== null || builder.hasEmptyElements)) {
      const end = failure === null ? repaired.length : (builder.scalars.at(-1)?.end ?? 0)
      repairs = emptyElementRepairs(repaired, builder.scalars, end)
    }
    if (repairs.length > 0 && attempt < MAX_REPAIRS) repaired = applyRepairs(repaired, repairs)
    else if (failure !== null) throw syntaxFault(failure, text, line, maxDepth)
    else return { root, nodes: builder.nodes }
  }
}

/**
 * Reads one YAML document as Kubernetes' own decoder reads it. The result shares nothing and has no aliases.
 *
 * @param text the document with its directives and `---`; no other document behind it
 * @param line the line that `text` begins on in the file
 * @throws TextFault, with lines of the file
 */
export function readYaml(text: string, line: number, limits: YamlLimits): YamlValue {
  checkCharacters(text, line)
  try {
    const { root, nodes } = loadNodes(text, line, limits.maxDepth)
    const composer = new Composer(nodes, limits)
    return { value: composer.value(root, line, 0), elementLines: composer.elementLines }
  } catch (thrown) {
    // A caller may allow more depth than the stack has.
    if (thrown instanceof RangeError) {
      throw new TextFault('MANIFEST_TOO_DEEP', 'sequences and mappings are nested deeper than the stack allows', line)
    }
    throw thrown
  }
}
