import { copyFile, link, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GateError } from '../../../src/errors.js'
import { readDirectory, shownPath } from '../../../src/io/render/tree.js'

const MAX_ENTRIES = 100_000

/**
 * Gives a copy of a tree to `use` and removes it afterwards. Its files may be the same as those of the tree: who changes one
 * has to put another one in its place.
 *
 * @throws GateError FILE_UNREADABLE, RENDER_FAILED for what is neither a file nor a directory, and what `use` throws
 */
export async function withWorkingCopy<T>(root: string, use: (copy: string) => Promise<T>): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), 'lockkeeper-flux-'))
  try {
    await copyTree(root, copy)
    return await use(copy)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

async function copyTree(root: string, copy: string): Promise<void> {
  const waiting = ['']
  let entries = 0
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const entry of await readDirectory(join(root, path))) {
      if (++entries > MAX_ENTRIES)
        throw new GateError('RENDER_FAILED', `more than ${MAX_ENTRIES} files are in the tree`)
      const child = join(path, entry.name)
      if (entry.isDirectory()) {
        await mkdir(join(copy, child))
        waiting.push(child)
      } else if (entry.isFile()) await copyOne(join(root, child), join(copy, child))
      else {
        const shown = shownPath(root, join(root, child))
        throw new GateError('RENDER_FAILED', `${shown}: is neither a file nor a directory`, {
          position: { file: shown },
        })
      }
    }
  }
}

async function copyOne(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch {
    // On another file system, most often.
    await copyFile(from, to)
  }
}
