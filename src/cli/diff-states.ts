import { lstat } from 'node:fs/promises'
import { dirname, join, normalize, relative } from 'node:path'
import type { StateObject } from '../applications.js'
import type { SetViolation } from '../decision-types.js'
import { GateError } from '../errors.js'
import { findInputs } from '../io/inputs.js'
import { isInside } from '../io/render/tree.js'
import { ScanItems, type Item, type ReadOptions } from './scan-items.js'

/** What is to be applied, as one state of the repository has it. */
export interface State {
  readonly objects: readonly StateObject[]
  readonly errors: readonly GateError[]
  /** Objects that are defined more than once. */
  readonly duplicates: readonly SetViolation[]
  /** Files of directories that hold no Kubernetes objects. */
  readonly skipped: number
  /** Which of the given paths are there. */
  readonly found: readonly string[]
  /** Whether the lines of a manifest's text are lines of its file. */
  hasLines(object: StateObject['manifest']): boolean
}

/** A path as the user names it, and where it is in this state. */
export interface StatePath {
  readonly shown: string
  readonly path: string
}

/**
 * Reads all manifests of one state. Its objects and errors name files as the user does, wherever the state is.
 *
 * @throws what an abort gives
 */
export async function readState(paths: readonly StatePath[], options: Omit<ReadOptions, 'stdin'>): Promise<State> {
  const there = await Promise.all(paths.map(({ path }) => exists(path)))
  const given = paths.filter((_, index) => there[index])
  const { inputs, errors: unread } = await findInputs(given.map(({ path }) => path))
  const shown = (file: string): string => {
    const of = given.find(({ path }) => isInside(path, file))
    return of === undefined ? file : join(of.shown, relative(of.path, file))
  }
  const objects: StateObject[] = []
  const errors = [...unread]
  const duplicates: SetViolation[] = []
  const linked = new Set<StateObject['manifest']>()
  const reader = new ScanItems(inputs, { ...options, stdin: NO_STDIN })
  for await (const item of reader.items()) {
    options.render.signal?.throwIfAborted()
    if (item.kind === 'error') errors.push(item.error)
    if (item.kind === 'end') duplicates.push(...item.set.duplicates())
    if (item.kind !== 'object') continue
    const object = stateObject(item, shown)
    objects.push(object)
    if (item.hasLines) linked.add(object.manifest)
  }
  return {
    objects,
    errors: errors.map(error => shownError(error, given, shown)),
    duplicates,
    skipped: reader.skipped.size,
    found: given.map(each => each.shown),
    hasLines: manifest => linked.has(manifest),
  }
}

/** Files that could not be read tell nothing of the objects in them, so nobody knows whether those are gone. */
export function isReadable(object: StateObject, { errors }: Pick<State, 'errors'>): boolean {
  const files = [object.place.file, object.directory, object.manifest.source.file]
  return !errors.some(({ position: { file } }) => file !== undefined && files.some(each => isInside(file, each)))
}

const NO_STDIN: AsyncIterable<unknown> = { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(END) }) }
const END = { done: true, value: undefined } as const

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

function stateObject(
  { manifest, input, place }: Extract<Item, { kind: 'object' }>,
  shown: (file: string) => string,
): StateObject {
  const { source } = manifest
  const moved = { ...manifest, source: { ...source, file: shown(source.file) } }
  const isRendered = input.kind === 'kustomize' || input.kind === 'helm'
  const directory = shown(isRendered ? input.directory : input.kind === 'lines' ? input.path : dirname(input.path))
  return {
    manifest: source.file === moved.source.file ? manifest : moved,
    place: { ...place, file: shown(place.file) },
    application: isRendered ? directory : input.kind === 'lines' ? `${directory}:${place.line ?? 0}` : '',
    directory: normalize(directory),
  }
}

function shownError(error: GateError, paths: readonly StatePath[], shown: (file: string) => string): GateError {
  const { file } = error.position
  let { message } = error
  for (const each of paths) message = message.replaceAll(each.path, each.shown)
  const position = { ...error.position, ...(file === undefined ? {} : { file: shown(file) }) }
  if (message === error.message && position.file === file) return error
  return new GateError(error.code, message, { cause: error, position })
}
