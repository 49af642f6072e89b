import { readlink, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { GateError } from '../../errors.js'
import { unreadable } from '../files.js'
import { compileGlob } from './glob.js'
import { isInside, readDirectory, shownPath, type RenderPlace } from './tree.js'

/** As many links in a row are followed. */
const MAX_LINKS = 10
const MAX_GLOB_ENTRIES = 100_000

/** What is to be done with the files that are not there or too large. */
export interface ValueFileRules {
  readonly ignoreMissing: boolean
  readonly maxBytes: number
}

/**
 * The paths of values files in the order in which helm merges them: relative ones below the directory, absolute ones below
 * the root; globs give their files in order, but for those that are also named by themselves. A file that is missing is left
 * to helm, which says so, unless it is ignored.
 *
 * @throws GateError RENDER_FAILED for a URL, a path out of the tree and a glob without a file; MANIFEST_TOO_LARGE
 */
export async function resolveValueFiles(
  names: readonly string[],
  place: RenderPlace,
  rules: ValueFileRules,
): Promise<readonly string[]> {
  const resolved: { readonly name: string; readonly path: string }[] = []
  for (const name of names) resolved.push({ name, path: await resolveFile(name, place) })
  const named = new Set(resolved.filter(({ name }) => !isGlob(name)).map(({ path }) => path))
  const found = new Set<string>()
  for (const { name, path } of resolved) {
    if (isGlob(name)) {
      const matches = await globFiles(path, place.root)
      if (matches.length === 0 && !rules.ignoreMissing) {
        throw new GateError('RENDER_FAILED', `the pattern ${name} of values files has no file`)
      }
      for (const match of matches) if (!named.has(match)) found.add(match)
    } else if (!rules.ignoreMissing || (await sizeOf(path)) !== null) found.add(path)
  }
  for (const path of found) await checkFile(path, place.root, rules.maxBytes)
  return [...found]
}

/**
 * The path of a file that a source names, inside of the root.
 *
 * @throws GateError RENDER_FAILED for a URL and for a path out of the tree
 */
export async function resolveFile(name: string, { root, directory }: RenderPlace): Promise<string> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(name)?.[1]
  if (scheme !== undefined) {
    throw new GateError('RENDER_FAILED', `${name}: files are taken from the repository only, not from ${scheme}: URLs`)
  }
  let path = isAbsolute(name) ? join(root, name) : join(directory, name)
  for (let links = 0; ; links++) {
    const target = await readlink(path).catch(() => null)
    if (target === null) break
    if (links === MAX_LINKS) throw new GateError('RENDER_FAILED', `${name}: its symbolic links never end`)
    path = resolve(dirname(path), target)
  }
  if (path === root || !isInside(root, path)) {
    throw new GateError('RENDER_FAILED', `${name}: is outside of the repository`)
  }
  return path
}

function isGlob(name: string): boolean {
  return /[*?[]/.test(name)
}

/** Files of a directory before those of its sub-directories, each by name: the order in which Argo CD finds them. */
async function globFiles(pattern: string, root: string): Promise<readonly string[]> {
  const segments = pattern
    .slice(root.length)
    .split('/')
    .filter(segment => segment !== '')
  const budget = { entries: 0 }
  let paths = [root]
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    const next: string[] = []
    for (const path of paths) {
      if (segment === '**') next.push(path, ...(await entriesBelow(path, isLast, budget)))
      else next.push(...(await entriesOf(path, segment, isLast, budget)))
    }
    paths = next
  }
  return paths
}

interface Budget {
  entries: number
}

async function entriesOf(path: string, segment: string, isLast: boolean, budget: Budget): Promise<string[]> {
  const matches = compileGlob(segment, '!^')
  const found: string[] = []
  for (const entry of await children(path, budget)) {
    if (matches(entry.name) && (isLast || entry.isDirectory)) found.push(entry.path)
  }
  return found
}

async function entriesBelow(path: string, withFiles: boolean, budget: Budget): Promise<string[]> {
  const found: string[] = []
  for (const entry of await children(path, budget)) {
    if (entry.isDirectory) found.push(entry.path, ...(await entriesBelow(entry.path, withFiles, budget)))
    else if (withFiles) found.push(entry.path)
  }
  return found
}

/** Links to directories are followed, so that the number of entries is bounded and not their depth. */
async function children(
  path: string,
  budget: Budget,
): Promise<{ readonly name: string; readonly path: string; readonly isDirectory: boolean }[]> {
  const entries = await readDirectory(path)
  budget.entries += entries.length
  if (budget.entries > MAX_GLOB_ENTRIES) {
    throw new GateError('RENDER_FAILED', `a pattern of values files goes over more than ${MAX_GLOB_ENTRIES} files`)
  }
  const found = []
  for (const entry of entries) {
    const child = join(path, entry.name)
    const followed = entry.isSymbolicLink() ? await stat(child).catch(() => entry) : entry
    found.push({ name: entry.name, path: child, isDirectory: followed.isDirectory() })
  }
  return found
}

/** helm reads a values file whole, wherever its links lead. */
async function checkFile(path: string, root: string, maxBytes: number): Promise<void> {
  const size = await sizeOf(path)
  if (size === null) return
  const real = await realpath(path).catch((error: unknown) => {
    throw unreadable(shownPath(root, path), error)
  })
  const shown = shownPath(root, path)
  if (!isInside(root, real)) throw new GateError('RENDER_FAILED', `${shown}: is a symbolic link out of the tree`)
  if (size > maxBytes) {
    const message = `${shown}: is larger than ${Math.round(maxBytes / 1024 / 1024)} MiB`
    throw new GateError('MANIFEST_TOO_LARGE', message, { position: { file: shown } })
  }
}

/** @returns null when there is no such file */
async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    found => found.size,
    () => null,
  )
}
