import { createReadStream } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReadEntry } from 'tar'
import { GateError, thrownText } from '../errors.js'
import type { BundleFiles } from '../policy/bundle.js'
import { readFileBytes, unreadable } from './files.js'
import { findOwnPackage } from './own-package.js'

/** Bounds of one bundle, unpacked. */
const MAX_BUNDLE_BYTES = 256 * 1024 * 1024
const MAX_BUNDLE_FILES = 10_000

/**
 * Reads the files of a bundle: a directory, or a `.tar.gz` as OPA builds it.
 *
 * @throws GateError BUNDLE_UNREADABLE
 */
export async function loadBundleFiles(path: string): Promise<BundleFiles> {
  try {
    const found = await stat(path)
    return found.isDirectory() ? await readDirectory(path) : await readArchive(path)
  } catch (error) {
    const cause = unreadable(path, error)
    throw new GateError('BUNDLE_UNREADABLE', `the bundle cannot be read: ${cause.message}`, { cause: error })
  }
}

/** The directory of the bundle that comes with the program. */
export async function builtInBundlePath(): Promise<string> {
  return join((await findOwnPackage()).directory, 'policies', 'bundle')
}

/** Collects files within the bundle's bounds. */
class Collected {
  readonly files = new Map<string, Uint8Array>()
  #bytes = 0

  add(path: string, bytes: Uint8Array): void {
    if (this.files.has(path)) throw new Error(`${path} is in it twice`)
    this.files.set(path, bytes)
    if (this.files.size > MAX_BUNDLE_FILES) throw new Error(`it has more than ${MAX_BUNDLE_FILES} files`)
  }

  reserve(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > MAX_BUNDLE_BYTES) throw new Error(`it is larger than ${MAX_BUNDLE_BYTES / 1024 / 1024} MiB`)
  }
}

async function readDirectory(root: string): Promise<BundleFiles> {
  const collected = new Collected()
  const read = async (folder: string, prefix: string, parents: readonly string[]): Promise<void> => {
    // A mounted ConfigMap is made of links, so they are followed; one that leads back to a parent would never end.
    const real = await realpath(folder)
    if (parents.includes(real)) return
    for (const name of (await readdir(folder)).sort()) {
      // `..data` and its dated neighbours are how the kubelet swaps a mounted ConfigMap.
      if (name.startsWith('..')) continue
      const path = join(folder, name)
      const found = await stat(path)
      if (found.isDirectory()) await read(path, `${prefix}${name}/`, [...parents, real])
      if (!found.isFile()) continue
      collected.reserve(found.size)
      collected.add(prefix + name, await readFileBytes(path, MAX_BUNDLE_BYTES))
    }
  }
  await read(root, '', [])
  return collected.files
}

async function readArchive(path: string): Promise<BundleFiles> {
  // Most bundles are directories, and a render in a process of its own pays for each import.
  const { Parser } = await import('tar')
  const collected = new Collected()
  await new Promise<void>((resolve, reject) => {
    const file = createReadStream(path)
    const fail = (error: unknown): void => {
      file.destroy()
      reject(error instanceof Error ? error : new Error(thrownText(error)))
    }
    const parser = new Parser({
      strict: true,
      onReadEntry: entry => {
        readEntry(entry, collected, fail)
      },
    })
    parser.on('error', fail)
    parser.on('end', resolve)
    file.on('error', fail)
    // Not pipe(): the parser is no Node stream by its types.
    file.on('data', chunk => {
      parser.write(chunk)
    })
    file.on('end', () => {
      parser.end()
    })
  })
  return collected.files
}

function readEntry(entry: ReadEntry, collected: Collected, fail: (error: unknown) => void): void {
  const name = entry.path.replace(/^(\.?\/)+/, '')
  if (entry.type !== 'File' && entry.type !== 'OldFile') {
    entry.resume()
    if (entry.type !== 'Directory') fail(new Error(`${name} is a ${entry.type}, and a bundle holds plain files only`))
    return
  }
  if (name === '' || name.split('/').includes('..')) {
    fail(new Error(`${entry.path} is not a path inside the bundle`))
    return
  }
  const chunks: Buffer[] = []
  entry.on('data', chunk => {
    chunks.push(chunk)
    try {
      collected.reserve(chunk.length)
    } catch (error) {
      fail(error)
    }
  })
  entry.on('end', () => {
    try {
      collected.add(name, Buffer.concat(chunks))
    } catch (error) {
      fail(error)
    }
  })
}
