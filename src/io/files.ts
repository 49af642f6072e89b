import { createReadStream, type Dirent, type Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { GateError, thrownText } from '../errors.js'

/** A file is read whole up to this size; no manifest that the API server would take comes near it. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024

const MIN_PIECE_BYTES = 64 * 1024
const MAX_PIECE_BYTES = 1024 * 1024

/** Enough for any repository; a walk that finds more was started in the wrong place. */
const MAX_WALKED_FILES = 1_000_000

/**
 * Reads all of a stream.
 *
 * @param name what the stream is, for the message
 * @throws GateError MANIFEST_TOO_LARGE beyond `maxBytes`; what the stream itself fails with is thrown as it is
 */
export async function readStream(stream: AsyncIterable<unknown>, name: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array)
    size += bytes.length
    if (size > maxBytes) throw tooLarge(name, maxBytes)
    chunks.push(bytes)
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}

/**
 * Reads a file whole: a regular file, or a pipe such as `<(command)`.
 *
 * @throws GateError FILE_UNREADABLE or MANIFEST_TOO_LARGE
 */
export async function readFileBytes(path: string, maxBytes = MAX_FILE_BYTES): Promise<Uint8Array> {
  try {
    const found = await stat(path)
    if (found.isFile() && found.size > maxBytes) throw tooLarge(path, maxBytes)
    // In few pieces: a bundle's module has a megabyte.
    const highWaterMark = Math.min(Math.max(found.size, MIN_PIECE_BYTES), MAX_PIECE_BYTES)
    return await readStream(createReadStream(path, { highWaterMark }), path, maxBytes)
  } catch (error) {
    throw unreadable(path, error)
  }
}

function tooLarge(name: string, maxBytes: number): GateError {
  const message = `${name}: is larger than ${Math.round(maxBytes / 1024 / 1024)} MiB`
  return new GateError('MANIFEST_TOO_LARGE', message, { position: { file: name } })
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'its symbolic links never end',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
}

/** What the file system refused, as a FILE_UNREADABLE with a reason for people; a GateError stays what it is. */
export function unreadable(path: string, error: unknown): GateError {
  if (error instanceof GateError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = `${path}: cannot be read: ${REASONS[code] ?? thrownText(error)}`
  return new GateError('FILE_UNREADABLE', message, { cause: error, position: { file: path } })
}

/** A directory of a walk with those of its files that are wanted, sorted by name. */
export interface WalkedDirectory {
  readonly path: string
  readonly files: readonly string[]
}

/** What a walk leaves to its caller. */
export interface WalkOptions {
  /** Whether a file of this name counts. */
  readonly wanted: (name: string) => boolean
  /** Whether the sub-directories are walked, too. */
  readonly descend: (directory: WalkedDirectory) => boolean
  readonly onError: (error: GateError) => void
}

/**
 * Walks a directory, parents first and sorted, without dot-directories and node_modules. Symbolic links are followed
 * inside the root only, and nothing is visited twice, so that a loop ends and no object is judged twice.
 */
export async function* walk(root: string, options: WalkOptions): AsyncGenerator<WalkedDirectory> {
  let realRoot: string
  try {
    realRoot = await realpath(root)
  } catch (error) {
    options.onError(unreadable(root, error))
    return
  }
  yield* walkDirectory(root, realRoot, { ...options, realRoot, seen: new Set([realRoot]) })
}

interface Walker extends WalkOptions {
  readonly realRoot: string
  /** The real paths of the directories and wanted files so far. */
  readonly seen: Set<string>
}

async function* walkDirectory(path: string, realDirectory: string, walker: Walker): AsyncGenerator<WalkedDirectory> {
  let entries: Dirent[]
  try {
    entries = await readdir(path, { withFileTypes: true })
  } catch (error) {
    walker.onError(unreadable(path, error))
    return
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  const files: string[] = []
  const directories: { path: string; real: string }[] = []
  for (const entry of entries) {
    const child = join(path, entry.name)
    const { kind, real } = entry.isSymbolicLink()
      ? await followLink(child, walker.realRoot)
      : { kind: kindOf(entry), real: join(realDirectory, entry.name) }
    const counts = kind === 'directory' ? isWalked(entry.name) : kind === 'file' && walker.wanted(entry.name)
    if (!counts || walker.seen.has(real)) continue
    walker.seen.add(real)
    if (kind === 'file') files.push(child)
    else directories.push({ path: child, real })
  }
  if (walker.seen.size > MAX_WALKED_FILES) {
    throw new GateError('FILE_UNREADABLE', `${path}: more than ${MAX_WALKED_FILES} files below one directory`)
  }
  const directory = { path, files }
  yield directory
  if (!walker.descend(directory)) return
  for (const child of directories) yield* walkDirectory(child.path, child.real, walker)
}

type Kind = 'file' | 'directory' | 'other'

function kindOf(entry: Dirent | Stats): Kind {
  if (entry.isDirectory()) return 'directory'
  return entry.isFile() ? 'file' : 'other'
}

function isWalked(name: string): boolean {
  return !name.startsWith('.') && name !== 'node_modules'
}

/** A link that leads nowhere counts as a file, so that reading it says why it cannot be read. */
async function followLink(path: string, realRoot: string): Promise<{ readonly kind: Kind; readonly real: string }> {
  try {
    const real = await realpath(path)
    const isInside = real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep)
    return { kind: isInside ? kindOf(await stat(real)) : 'other', real }
  } catch {
    return { kind: 'file', real: path }
  }
}
