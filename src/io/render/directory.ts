import type { Stats } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { GateError, toGateError } from '../../errors.js'
import { parseJson } from '../../json.js'
import { decodeUtf8, readManifests } from '../../manifest.js'
import { readFileBytes, unreadable } from '../files.js'
import { compileGlob } from './glob.js'
import type { Rendered, Rendering } from './rendering.js'
import type { DirectorySource } from './source.js'
import { isInside, readDirectory } from './tree.js'

/** Files with this text in them are not for the cluster. */
const SKIP_MARKER = '+argocd:skip-file-rendering'
const MAX_ENTRIES = 1_000_000

/**
 * The manifests of a directory's files, in the order in which Argo CD walks them. A YAML file that holds nothing of
 * Kubernetes is left out; one that looks like manifests has to be readable.
 *
 * @throws GateError RENDER_FAILED (a link out of the tree, Jsonnet, a JSON file with several values), MANIFEST_TOO_LARGE,
 *   or what is wrong with a file
 */
export async function renderDirectory(source: DirectorySource, rendering: Rendering): Promise<readonly Rendered[]> {
  const { place } = rendering
  const include = source.include === '' ? null : compileGlob(source.include)
  const exclude = source.exclude === '' ? null : compileGlob(source.exclude)
  const rendered: Rendered[] = []
  let left = rendering.maxBytes
  for await (const path of candidates(place.directory, source.recurse)) {
    rendering.options.signal?.throwIfAborted()
    rendering.checkTime()
    const file = relative(place.directory, path)
    const found = await regularFile(path, file, place.root)
    if (found === null || exclude?.(file) === true || include?.(file) === false) continue
    left -= found.size
    if (left < 0) throw tooLarge(file, found.size > rendering.maxBytes, rendering.maxBytes)
    const text = decodeUtf8(await readFileBytes(path, rendering.maxBytes).catch(renamed(path, file)), file)
    if (text.includes(SKIP_MARKER)) continue
    if (file.endsWith('.jsonnet')) {
      const message = `${file}: Jsonnet is not evaluated here; leave it out with exclude, or render it by a command of the configuration`
      throw new GateError('RENDER_FAILED', message, { position: { file } })
    }
    if (file.endsWith('.json') ? isManifest(text, file) : hasManifests(text, file)) rendered.push({ file, text })
  }
  return rendered
}

/** Files whose names say that they are manifests, links among them; sub-directories stand among the files, by name. */
async function* candidates(directory: string, recurse: boolean, budget = { entries: 0 }): AsyncGenerator<string> {
  for (const entry of await readDirectory(directory)) {
    if (++budget.entries > MAX_ENTRIES) {
      throw new GateError('RENDER_FAILED', `more than ${MAX_ENTRIES} files are below one directory`)
    }
    const path = join(directory, entry.name)
    if (entry.isDirectory()) {
      if (recurse) yield* candidates(path, recurse, budget)
    } else if (/\.(?:yaml|yml|json|jsonnet)$/.test(entry.name)) yield path
  }
}

/** @returns null for what is no file, such as a pipe, and for a link that leads nowhere */
async function regularFile(path: string, file: string, root: string): Promise<Stats | null> {
  try {
    if (isInside(root, await realpath(path))) {
      const found = await stat(path)
      return found.isFile() ? found : null
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw unreadable(file, error)
  }
  throw new GateError('RENDER_FAILED', `${file}: is a symbolic link out of the tree`, { position: { file } })
}

/** A JSON file holds exactly one object. */
function isManifest(text: string, file: string): boolean {
  try {
    parseJson(text)
  } catch (error) {
    const { code, message } = toGateError(error, 'MANIFEST_SYNTAX')
    throw new GateError(code, `${file}: ${message} (a .json file has to be one JSON value)`, { position: { file } })
  }
  for (const manifest of readManifests(text, file)) if (manifest instanceof GateError) throw manifest
  return true
}

/** Whether there is something of Kubernetes in a YAML file; what looks like it and cannot be read is an error. */
function hasManifests(text: string, file: string): boolean {
  let count = 0
  for (const manifest of readManifests(text, file)) {
    if (!(manifest instanceof GateError)) count++
    else if (count > 0 || looksLikeManifest(text)) throw manifest
    else return false
  }
  return count > 0
}

function looksLikeManifest(text: string): boolean {
  if (/^["']?kind["']?\s*:/m.test(text)) return true
  return ['apiVersion', 'kind', 'metadata'].every(key => new RegExp(`${key}["']?\\s*:`).test(text))
}

function tooLarge(file: string, isByItself: boolean, maxBytes: number): GateError {
  const mebibytes = Math.round(maxBytes / 1024 / 1024)
  const problem = isByItself
    ? `is larger than ${mebibytes} MiB`
    : `the files up to here have more than ${mebibytes} MiB together`
  return new GateError('MANIFEST_TOO_LARGE', `${file}: ${problem}`, { position: { file } })
}

/** An error about a path as one about the file, as it is named below the directory. */
function renamed(path: string, file: string): (error: unknown) => never {
  return error => {
    const { code, message } = toGateError(error, 'FILE_UNREADABLE')
    throw new GateError(code, message.replace(path, file), { cause: error, position: { file } })
  }
}
