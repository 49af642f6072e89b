import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml'

/** Above this length a document is not parsed again for line numbers: it costs more than the answer is worth. */
const MAX_TEXT_LENGTH = 4 * 1024 * 1024

/** How many merges (`<<`) are followed for one field: a mapping can merge itself. */
const MAX_MERGES = 32

/** Finds the line of a JSON pointer; a missing field has the line of its nearest parent that exists. */
export type Locator = (pointer: string) => number | undefined

/** The members of a JSON pointer (RFC 6901), unescaped. */
export function pointerSegments(pointer: string): string[] {
  if (pointer === '') return []
  return pointer
    .split('/')
    .slice(1)
    .map(segment => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/**
 * Reads one YAML or JSON document for the positions of its fields.
 *
 * @param firstLine the line of the file on which `text` begins, counting from 1
 */
export function createLocator(text: string, firstLine: number): Locator {
  if (text.length > MAX_TEXT_LENGTH) return () => undefined
  const lineCounter = new LineCounter()
  const document = parseDocument(text, {
    lineCounter,
    strict: false,
    uniqueKeys: false,
    merge: true,
    logLevel: 'silent',
  })
  const root = document.contents
  if (root === null) return () => undefined
  const lineOf = (node: unknown): number | undefined => {
    const start = (node as Node | null)?.range?.[0]
    return start === undefined ? undefined : firstLine + lineCounter.linePos(start).line - 1
  }
  return pointer => {
    let line = lineOf(root)
    let node: unknown = root
    for (const segment of pointerSegments(pointer)) {
      const next = child(document, node, segment, MAX_MERGES)
      if (next === undefined) break
      line = lineOf(next.place) ?? line
      node = next.value
    }
    return line
  }
}

/**
 * The lines of JSON pointers in one document's text; a pointer to a missing field has the line of its nearest parent.
 *
 * @param firstLine the line of the file on which `text` begins, counting from 1
 */
export function locateLines(text: string, firstLine: number, pointers: readonly string[]): Map<string, number> {
  const locate = createLocator(text, firstLine)
  const lines = new Map<string, number>()
  for (const pointer of pointers) {
    const line = locate(pointer)
    if (line !== undefined) lines.set(pointer, line)
  }
  return lines
}

/** `place` is what a reader looks for: the key of a field, the item of a list. */
interface Child {
  readonly place: unknown
  readonly value: unknown
}

function child(document: Document.Parsed, node: unknown, segment: string, mergesLeft: number): Child | undefined {
  const target = isAlias(node) ? node.resolve(document) : node
  if (isSeq(target)) {
    const item = /^(0|[1-9]\d*)$/.test(segment) ? target.items[Number(segment)] : undefined
    return item === undefined ? undefined : { place: item, value: item }
  }
  if (!isMap(target)) return undefined
  let merged: unknown
  for (const pair of target.items) {
    const key = isScalar(pair.key) ? String(pair.key.source ?? pair.key.value) : undefined
    if (key === segment) return { place: pair.key, value: pair.value }
    if (key === '<<') merged = pair.value
  }
  if (merged === undefined || mergesLeft === 0) return undefined
  // The merged mapping is where the field was written; of a list of mappings the first that has it wins.
  for (const source of isSeq(merged) ? merged.items : [merged]) {
    const found = child(document, source, segment, mergesLeft - 1)
    if (found !== undefined) return found
  }
  return undefined
}
