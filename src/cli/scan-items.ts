import { dirname, join } from 'node:path'
import { GateError, toGateError } from '../errors.js'
import { MAX_FILE_BYTES, readFileBytes, readStream } from '../io/files.js'
import type { Input } from '../io/inputs.js'
import { readLines, type Line } from '../io/lines.js'
import type { ToolPlaces } from '../io/render/find-tool.js'
import { render } from '../io/render/render.js'
import type { ToolLimits } from '../io/render/tool-process.js'
import { isJsonObject, parseJson, stringifyJson } from '../json.js'
import { decodeUtf8, readManifests, type Manifest } from '../manifest.js'
import { ManifestSet } from '../manifest-set.js'
import { isLocalConfiguration } from '../resources.js'
import type { Place } from '../review-set.js'

/** Up to this much text, manifests are kept between the two passes instead of being read twice. */
const MAX_HELD_LENGTH = 8 * 1024 * 1024

/** One step of a scan, in the order of the input. */
export type Item =
  | {
      readonly kind: 'object'
      readonly manifest: Manifest
      /** What it was read from. */
      readonly input: Input
      readonly set: ManifestSet
      /** What the user can open: for rendered objects it is not where `manifest.source` points. */
      readonly place: Place
      /** Whether the lines of `manifest.text` are lines of the file. */
      readonly hasLines: boolean
    }
  | { readonly kind: 'error'; readonly error: GateError }
  /** Every manifest of the set was given. */
  | { readonly kind: 'end'; readonly set: ManifestSet }
  /** One of the inputs was read. */
  | { readonly kind: 'read' }

/** What reading needs beside the inputs. */
export interface ReadOptions {
  readonly stdin: AsyncIterable<unknown>
  readonly defaultNamespace: string
  readonly render: ToolPlaces & ToolLimits
}

type Read = Manifest | GateError
type RenderedInput = Extract<Input, { readonly directory: string }>

/**
 * Reads all manifests of a scan. Files and stdin are one set, which is read twice: what its manifests say about each other
 * is known before the first one is judged. Each rendered directory and each line of a JSON Lines file is a set of its own.
 */
export class ScanItems {
  /** Files of a directory that hold no Kubernetes objects; complete once the first item came. */
  readonly skipped = new Set<string>()
  readonly #inputs: readonly Input[]
  readonly #options: ReadOptions
  readonly #held = new Map<Input, readonly Read[]>()
  #heldLength = 0

  constructor(inputs: readonly Input[], options: ReadOptions) {
    this.#inputs = inputs
    this.#options = options
  }

  async *items(): AsyncGenerator<Item> {
    const files = new ManifestSet(this.#options.defaultNamespace)
    for (const input of this.#inputs) {
      this.#options.render.signal?.throwIfAborted()
      await this.#survey(input, files)
    }
    for (const input of this.#inputs) {
      if (input.kind === 'lines') yield* this.#lines(input)
      else if (input.kind === 'kustomize' || input.kind === 'helm') yield* this.#rendered(input)
      else if (!this.skipped.has(input.path)) yield* this.#file(input, files)
      yield { kind: 'read' }
    }
    yield { kind: 'end', set: files }
  }

  /** The first pass over files and stdin: objects go into the set, and small files are kept. */
  async #survey(input: Input, set: ManifestSet): Promise<void> {
    if (input.kind !== 'file' && input.kind !== 'stdin') return
    let text: string
    try {
      const bytes = await (input.kind === 'stdin'
        ? readStream(this.#options.stdin, input.path, MAX_FILE_BYTES)
        : readFileBytes(input.path))
      text = decodeUtf8(bytes, input.path)
    } catch (error) {
      this.#held.set(input, [toGateError(error, 'FILE_UNREADABLE', input.path)])
      return
    }
    // What came by stdin cannot be read again.
    const isHeld = input.kind === 'stdin' || this.#heldLength + text.length <= MAX_HELD_LENGTH
    const held: Read[] = []
    const isFound = input.kind === 'file' && !input.named
    let isForeign = isFound
    let isLocal = isFound
    for (const read of readManifests(text, input.path)) {
      if (isHeld) held.push(read)
      isForeign &&= read instanceof GateError && read.code === 'MANIFEST_INVALID'
      isLocal &&= !(read instanceof GateError) && isLocalConfiguration(read.object.apiVersion, read.object.kind)
      if (!(read instanceof GateError) && !isLocal) set.add(read)
    }
    if (isLocal || (isForeign && !mentionsKind(text))) {
      if (text.trim() !== '') this.skipped.add(input.path)
    } else if (isHeld) {
      this.#heldLength += text.length
      this.#held.set(input, held)
    }
  }

  async *#file(input: Input, set: ManifestSet): AsyncGenerator<Item> {
    const held = this.#held.get(input)
    this.#held.delete(input)
    let reads: Iterable<Read>
    try {
      reads = held ?? readManifests(decodeUtf8(await readFileBytes(input.path), input.path), input.path)
    } catch (error) {
      yield { kind: 'error', error: toGateError(error, 'FILE_UNREADABLE', input.path) }
      return
    }
    for (const read of reads) {
      if (read instanceof GateError) yield { kind: 'error', error: read }
      else if (!set.isReplaced(read))
        yield { kind: 'object', manifest: read, input, set, place: placeOf(read), hasLines: true }
    }
  }

  async *#rendered(input: RenderedInput): AsyncGenerator<Item> {
    const { kind: tool, directory, path } = input
    const set = new ManifestSet(this.#options.defaultNamespace)
    let reads: readonly Read[]
    try {
      const name = `${path} (rendered)`
      reads = [...readManifests(decodeUtf8(await render(tool, directory, this.#options.render), name), name)]
    } catch (error) {
      this.#options.render.signal?.throwIfAborted()
      yield { kind: 'error', error: toGateError(error, 'RENDER_FAILED', path) }
      return
    }
    for (const read of reads) if (!(read instanceof GateError)) set.add(read)
    for (const read of reads) {
      if (read instanceof GateError) yield { kind: 'error', error: read }
      else if (!set.isReplaced(read)) {
        const place = { file: tool === 'helm' ? (templateOf(read.text, directory) ?? path) : path }
        yield { kind: 'object', manifest: read, input, set, place, hasLines: false }
      }
    }
    yield { kind: 'end', set }
  }

  async *#lines(input: Input): AsyncGenerator<Item> {
    const { path } = input
    try {
      for await (const line of readLines(path)) {
        const set = new ManifestSet(this.#options.defaultNamespace)
        const reads = readLine(line, path)
        for (const read of reads) if (!(read instanceof GateError)) set.add(read)
        for (const read of reads) {
          if (read instanceof GateError) yield { kind: 'error', error: read }
          else
            yield {
              kind: 'object',
              manifest: read,
              input,
              set,
              place: { file: path, line: line.number },
              hasLines: false,
            }
        }
        yield { kind: 'end', set }
      }
    } catch (error) {
      yield { kind: 'error', error: toGateError(error, 'FILE_UNREADABLE', path) }
    }
  }
}

/** A file without either key at the top of any document is something else: values of a chart, settings of a tool. */
function mentionsKind(text: string): boolean {
  if (/^\s*[{[]/.test(text)) {
    try {
      const value = parseJson(text)
      const values = Array.isArray(value) ? value : [value]
      return values.some(each => isJsonObject(each) && ('apiVersion' in each || 'kind' in each))
    } catch {
      return true
    }
  }
  return /^["']?(apiVersion|kind)["']?\s*:/m.test(text)
}

function placeOf({ source }: Manifest): Place {
  return { file: source.file, line: source.line }
}

/** Helm says above each document which template it is from: `# Source: <chart>/templates/service.yaml`. */
function templateOf(text: string, directory: string): string | undefined {
  const source = /^# Source: [^/\s]+\/(\S+)$/m.exec(text)?.[1]
  return source === undefined ? undefined : join(dirname(join(directory, 'Chart.yaml')), source)
}

function readLine(line: Line, path: string): readonly Read[] {
  if ('error' in line) return [line.error]
  const position = { file: path, line: line.number }
  const place = `${path}:${line.number}`
  try {
    const text = manifestText(decodeUtf8(line.text, place))
    return [...readManifests(text, place)].map(read =>
      read instanceof GateError
        ? // The line within the line says nothing.
          new GateError(read.code, read.message.replace(`${place}:1:`, `${place}:`), { cause: read, position })
        : { ...read, source: { ...position, document: line.number } },
    )
  } catch (error) {
    const { code, message } = toGateError(error, 'MANIFEST_SYNTAX')
    const problem = message.replace(/^line 1: /, '')
    return [
      new GateError(code, message.startsWith(place) ? message : `${place}: ${problem}`, { cause: error, position }),
    ]
  }
}

/** A line is an object, or a record that has one in its `manifest` member. */
function manifestText(text: string): string {
  const value = parseJson(text)
  if (!isJsonObject(value) || isJsonObject(value.metadata)) return text
  return isJsonObject(value.manifest) ? stringifyJson(value.manifest) : text
}
