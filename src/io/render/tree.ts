import { lstatSync, type Dirent } from 'node:fs'
import { readdir, readlink, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { GateError } from '../../errors.js'
import { MAX_FILE_BYTES, unreadable } from '../files.js'

/** Where a source is: a copy of the repository's tree, and the directory in it. */
export interface RenderPlace {
  /** Nothing above it may be read. */
  readonly root: string
  readonly directory: string
}

/** Enough for any repository. */
const MAX_ENTRIES = 1_000_000

/** The order of Go's directory walks: by the bytes of the names. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Whether a path is the root or below it, by its text. */
export function isInside(root: string, path: string): boolean {
  const from = relative(root, path)
  return from === '' || (from !== '..' && !from.startsWith(`..${sep}`) && !isAbsolute(from))
}

/** A path as messages show it: relative to the root of the tree. */
export function shownPath(root: string, path: string): string {
  return relative(root, path) || '.'
}

/** The entries of a directory, by name. @throws GateError FILE_UNREADABLE */
export async function readDirectory(path: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries.sort((a, b) => compareBytes(a.name, b.name))
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** The place with all links of its two paths followed. @throws GateError FILE_UNREADABLE, RENDER_FAILED */
export async function resolvePlace({ root, directory }: RenderPlace): Promise<RenderPlace> {
  try {
    const place = { root: await realpath(root), directory: await realpath(directory) }
    if (isInside(place.root, place.directory)) return place
  } catch (error) {
    throw unreadable(directory, error)
  }
  throw new GateError('RENDER_FAILED', `${directory}: is outside of the tree that may be read`)
}

/**
 * Makes sure that a tree can be given to a tool that follows links and reads files whole: no symbolic link is absolute or
 * leads out of the root, as Argo CD demands it, and no file of the directory is over the size limit.
 *
 * @throws GateError RENDER_FAILED, MANIFEST_TOO_LARGE, FILE_UNREADABLE
 */
export async function checkTree({ root, directory }: RenderPlace, maxBytes = MAX_FILE_BYTES): Promise<void> {
  const waiting = [root]
  let entries = 0
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const entry of await readDirectory(path)) {
      const child = join(path, entry.name)
      if (++entries > MAX_ENTRIES) {
        throw new GateError('RENDER_FAILED', `more than ${MAX_ENTRIES} files and directories are in the tree`)
      }
      if (entry.isDirectory()) {
        if (child !== join(root, '.git')) waiting.push(child)
      } else if (entry.isSymbolicLink()) await checkLink(root, child)
      else if (entry.isFile() && isInside(directory, child)) checkSize(root, child, maxBytes)
    }
  }
}

async function checkLink(root: string, path: string): Promise<void> {
  const target = await readlink(path).catch((error: unknown) => {
    throw unreadable(shownPath(root, path), error)
  })
  if (!leavesTree(root, path, target)) return
  const shown = shownPath(root, path)
  throw new GateError('RENDER_FAILED', `${shown}: is a symbolic link out of the tree`, { position: { file: shown } })
}

/**
 * Whether a symbolic link is absolute or leads out of the root. One that comes back into the tree has left it, too; and each
 * of its steps is looked at by itself when its turn comes.
 */
export function leavesTree(root: string, path: string, target: string): boolean {
  let at = dirname(path)
  let isOut = isAbsolute(target)
  for (const step of target.split(sep)) {
    at = resolve(at, step === '' ? '.' : step)
    isOut ||= !isInside(root, at)
  }
  return isOut
}

/** At once: to hand the question to another thread takes ten times as long as the answer, and a tree has many files. */
function checkSize(root: string, path: string, maxBytes: number): void {
  const size = sizeOf(root, path)
  if (size <= maxBytes) return
  const shown = shownPath(root, path)
  const message = `${shown}: is larger than ${Math.round(maxBytes / 1024 / 1024)} MiB`
  throw new GateError('MANIFEST_TOO_LARGE', message, { position: { file: shown } })
}

function sizeOf(root: string, path: string): number {
  try {
    return lstatSync(path).size
  } catch (error) {
    throw unreadable(shownPath(root, path), error)
  }
}
