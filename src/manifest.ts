import { Buffer } from 'node:buffer'
import type { Source } from './decision-types.js'
import { splitDocuments, type YamlDocument } from './document.js'
import { GateError, type GateErrorCode } from './errors.js'
import { DEFAULT_MAX_DEPTH, JsonReader } from './json/reader.js'
import { emptyObject, isJsonObject, type Json, type JsonObject } from './json.js'
import { countLineBreaks, TextFault } from './text-fault.js'
import { readYaml, type YamlLimits } from './yaml/yaml.js'

export { decodeUtf8 } from './document.js'

/** An object as Kubernetes' API has them. */
export type KubeObject = JsonObject & { apiVersion: string; kind: string; metadata: JsonObject }

/** One object out of a file, and where it was found. */
export interface Manifest {
  readonly object: KubeObject
  readonly source: Source
  /** The text of the document, as it stands between its markers; a List's items share it. */
  readonly text: string
  /** The index in the `items` of a List; null: the document itself is the object. */
  readonly item: number | null
}

export interface ManifestLimits extends YamlLimits {
  /** The size of one document in UTF-8. */
  readonly maxDocumentBytes: number
}

const DEFAULT_LIMITS: ManifestLimits = {
  maxDocumentBytes: 16 * 1024 * 1024,
  maxDepth: DEFAULT_MAX_DEPTH,
  maxExpandedNodes: 400_000,
  maxExpandedCharacters: 16 * 1024 * 1024,
}

/** A value out of a document, before it is known to be an object of Kubernetes. */
interface Found {
  readonly value: Json
  readonly text: string
  readonly line: number
  readonly document: number
  readonly elementLines: ReadonlyMap<JsonObject, number>
}

/** An error of one document, with its place in the message and as data. */
function errorAt(file: string, code: GateErrorCode, problem: string, line: number, document: number): GateError {
  return new GateError(code, `${file}:${line}: ${problem}`, { position: { file, line, document } })
}

/**
 * Reads every object of a YAML stream or of JSON values in a row; Lists give their items, empty documents nothing.
 * A document that cannot be read gives its GateError, with the position, and reading goes on behind it: this never throws.
 */
export function* readManifests(
  text: string,
  file: string,
  limits: Partial<ManifestLimits> = {},
): Generator<Manifest | GateError, void> {
  const bounds = { ...DEFAULT_LIMITS, ...limits }
  // JSON values that stand in one document of the stream are documents of their own to their reader.
  let further = 0
  for (const document of splitDocuments(text)) {
    const number = document.number + further
    let last = number
    for (const found of readDocument(document, number, file, bounds)) {
      if (found instanceof GateError) yield found
      else yield* toManifests(found, file)
      last = (found instanceof GateError ? found.position.document : found.document) ?? last
    }
    further += last - number
  }
}

function* readDocument(
  document: YamlDocument,
  number: number,
  file: string,
  limits: ManifestLimits,
): Generator<Found | GateError, void> {
  const { text, bodyStart, contentStart, contentLine } = document
  const body = text.slice(bodyStart)
  if (body.length > limits.maxDocumentBytes || Buffer.byteLength(body) > limits.maxDocumentBytes) {
    const mebibytes = (limits.maxDocumentBytes / 1024 / 1024).toFixed(1)
    yield errorAt(
      file,
      'MANIFEST_TOO_LARGE',
      `the document is larger than ${mebibytes} MiB; split it`,
      contentLine,
      number,
    )
    return
  }
  const json = /[{[]/.test(text[contentStart] ?? '') ? readJsonValues(document, number, file, limits) : null
  if (json !== null && json.syntaxFault === null) {
    yield* json.values
    return
  }
  try {
    const { value, elementLines } = readYaml(text, document.line, limits)
    const own = body.replace(/^[ \t]*(?:\r\n|\n|\r)/, '')
    if (value !== null) yield { value, text: own, line: contentLine, document: number, elementLines }
  } catch (thrown) {
    if (!(thrown instanceof TextFault)) throw thrown
    // Neither JSON nor YAML: the file's name says what it was meant to be.
    const meantAsJson = json !== null && (json.values.length > 0 || file.endsWith('.json'))
    if (meantAsJson) yield* json.values
    if (meantAsJson && json.syntaxFault !== null) yield json.syntaxFault
    else yield errorAt(file, thrown.code, thrown.message, Math.max(thrown.line, contentLine), number)
  }
}

interface JsonValues {
  readonly values: readonly (Found | GateError)[]
  /** Where the text stopped being JSON: then all of it may still be YAML. */
  readonly syntaxFault: GateError | null
}

/** Kubernetes reads `{…}{…}` and one value a line as a stream. */
function readJsonValues(document: YamlDocument, number: number, file: string, limits: ManifestLimits): JsonValues {
  const text = document.text.slice(document.contentStart)
  const reader = new JsonReader(text, limits, { elementOffsets: true })
  const values: (Found | GateError)[] = []
  let seen = 0
  let seenLine = document.contentLine
  const lineAt = (offset: number): number => {
    seenLine += countLineBreaks(text, seen, offset)
    seen = offset
    return seenLine
  }
  for (let count = number; ; count++) {
    try {
      const value = reader.next()
      if (value === undefined) return { values, syntaxFault: null }
      if (value === null) continue
      const line = lineAt(reader.start)
      const elementLines = new Map<JsonObject, number>()
      // Inner elements are known before outer ones, and lines are counted forwards.
      const elements = [...reader.elementOffsets].sort(([, a], [, b]) => a - b)
      for (const [element, offset] of elements) elementLines.set(element, lineAt(offset))
      values.push({ value, text: text.slice(reader.start, reader.end), line, document: count, elementLines })
    } catch (thrown) {
      if (!(thrown instanceof TextFault)) throw thrown
      const error = errorAt(file, thrown.code, thrown.message, document.contentLine + thrown.line - 1, count)
      if (thrown.code === 'MANIFEST_SYNTAX') return { values, syntaxFault: error }
      values.push(error)
    }
  }
}

/** @param what says in a message which part of the document is meant: '' or `item 3 of the List ` */
function* toManifests(found: Found, file: string, what = '', depth = 0): Generator<Manifest | GateError, void> {
  const { text, line, document, elementLines } = found
  const invalid = (problem: string): GateError => errorAt(file, 'MANIFEST_INVALID', problem, line, document)
  const object = toKubeObject(found.value, what || 'the document ')
  if (typeof object === 'string') {
    yield invalid(object)
    return
  }
  const items = listItems(object)
  if (items === null) {
    yield { object, source: { file: file, line, document }, text, item: null }
  } else if (items === undefined) {
    yield invalid(`${what}${object.kind} has items that are no sequence of objects`)
  } else if (depth === MAX_LIST_DEPTH) {
    yield errorAt(file, 'MANIFEST_TOO_DEEP', `${what}is a List inside of ${depth} others`, line, document)
  } else {
    for (const [index, item] of items.entries()) {
      const itemLine = (isJsonObject(item) ? elementLines.get(item) : undefined) ?? line
      const inner = { ...found, value: withListType(item, object), line: itemLine }
      for (const each of toManifests(inner, file, `item ${index} of the ${object.kind} `, depth + 1)) {
        yield each instanceof GateError || each.item !== null ? each : { ...each, item: index }
      }
    }
  }
}

/** Nobody nests Lists; a bound keeps a file from nesting them for us. */
const MAX_LIST_DEPTH = 8

function nameOf(value: Json): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a sequence'
  if (isJsonObject(value)) return 'a mapping'
  return typeof value === 'object' ? 'a number' : `a ${typeof value}`
}

/** @returns the object, with empty metadata where it has none; or what is wrong */
function toKubeObject(value: Json, what: string): KubeObject | string {
  const needed = 'a Kubernetes object is a mapping with apiVersion, kind and metadata'
  if (!isJsonObject(value)) return `${what}is ${nameOf(value)}; ${needed}`
  const { apiVersion, kind, metadata } = value
  const missing = (['apiVersion', 'kind'] as const).filter(key => value[key] === undefined || value[key] === null)
  if (missing.length > 0) return `${what}has no ${missing.join(' and no ')}; ${needed}`
  if (typeof apiVersion !== 'string' || apiVersion === '')
    return `${what}has an apiVersion that is not a text, such as "apps/v1"`
  if (typeof kind !== 'string' || kind === '') return `${what}has a kind that is not a text, such as "Deployment"`
  if (metadata !== undefined && metadata !== null && !isJsonObject(metadata)) {
    return `${what}(${kind}) has metadata that is ${nameOf(metadata)}, not a mapping with name, namespace, labels and so on`
  }
  value.metadata = metadata ?? emptyObject()
  return value as KubeObject
}

/** @returns null: not a List; undefined: a List without a sequence of items */
function listItems(object: KubeObject): readonly Json[] | null | undefined {
  const { apiVersion, kind } = object
  const items: Json | undefined = object.items
  if (apiVersion === 'v1' && kind === 'List') return Array.isArray(items) ? items : items === null ? [] : undefined
  if (!kind.endsWith('List')) return null
  // A ConfigMapList, or the list of any other type; a kind that only happens to end like one has no items of objects.
  if (Array.isArray(items)) return items.every(isJsonObject) ? items : null
  return items === null && object.spec === undefined && object.status === undefined ? [] : null
}

/** The items of a typed list may leave out their type, as the API server's own answers do. */
function withListType(item: Json, { apiVersion, kind }: KubeObject): Json {
  if (!isJsonObject(item) || kind === 'List' || item.apiVersion !== undefined || item.kind !== undefined) return item
  return Object.assign(emptyObject(), { apiVersion, kind: kind.slice(0, -'List'.length) }, item)
}
