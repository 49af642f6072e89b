import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { GateError, thrownText } from '../../errors.js'
import { MAX_FILE_BYTES } from '../files.js'
import { leavesTree } from '../render/tree.js'
import { unreadableBase, type Repository } from './repository.js'

/** One file or symbolic link of a commit's tree. */
interface Entry {
  readonly isLink: boolean
  readonly object: string
  readonly size: number
  readonly path: string
}

/** A commit's tree as files. */
export interface BaseTree {
  readonly directory: string
  /** Links that lead out of the tree: they are left out. */
  readonly refusedLinks: readonly string[]
}

const MAX_ENTRIES = 300_000
const MAX_TREE_BYTES = 1024 * 1024 * 1024
/** What is held in memory at once. */
const BATCH_BYTES = 32 * 1024 * 1024
const BATCH_ENTRIES = 2_000
const WRITES_AT_ONCE = 64

/**
 * Gives a commit's tree as files below a temporary directory, for as long as somebody uses it.
 *
 * The objects are taken as they are stored: neither the attributes of the tree nor the filters of the settings have a say
 * in it, so nothing is run and nothing is left out. Submodules are not part of it, nor are files over the size limit of
 * manifests.
 *
 * @throws GateError BASE_UNREADABLE; what `use` throws
 */
export async function withBaseTree<T>(
  repository: Repository,
  commit: string,
  use: (tree: BaseTree) => Promise<T>,
): Promise<T> {
  const entries = entriesOf(await repository.run(['ls-tree', '-r', '-z', '--long', '--full-tree', commit]))
  const temporary = await mkdtemp(join(tmpdir(), 'lockkeeper-base-'))
  try {
    const refusedLinks = await takeOut(repository, entries, temporary).catch((error: unknown) => {
      if (error instanceof GateError) throw error
      throw unreadableBase(`the tree of ${commit} could not be written as files: ${thrownText(error)}`, error)
    })
    return await use({ directory: temporary, refusedLinks })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** @returns the links that are not made */
async function takeOut(
  repository: Repository,
  entries: readonly Entry[],
  directory: string,
): Promise<readonly string[]> {
  // Files before links: whatever the tree says, nothing is written through a link.
  for (const batch of batchesOf(entries.filter(each => !each.isLink))) {
    await writeFiles(directory, batch, await contentsOf(repository, batch))
  }
  return makeLinks(
    directory,
    repository,
    entries.filter(each => each.isLink),
  )
}

/** Reads `<mode> <type> <object> <size>\t<path>\0`. */
function entriesOf(output: Uint8Array): readonly Entry[] {
  const entries: Entry[] = []
  let left = MAX_TREE_BYTES
  for (const record of Buffer.from(output).toString('utf8').split('\0')) {
    const [, mode = '', type = '', object = '', digits = '', path = ''] =
      /^(\d+) (\w+) ([0-9a-f]+) +(\S+)\t([^]+)$/.exec(record) ?? []
    if (type !== 'blob') continue
    const size = /^\d+$/.test(digits) ? Number(digits) : null
    if (size === null) throw lacksContent(path)
    if (size > MAX_FILE_BYTES) continue
    if (path.split('/').some(step => ['', '.', '..'].includes(step) || step.toLowerCase() === '.git')) {
      throw unreadableBase(`the tree has a path that Git itself would refuse: ${JSON.stringify(path)}`)
    }
    entries.push({ isLink: mode === '120000', object, size, path })
    left -= size
    if (entries.length > MAX_ENTRIES) throw unreadableBase(`the tree has more than ${MAX_ENTRIES} files`)
    if (left < 0) throw unreadableBase(`the tree has more than ${MAX_TREE_BYTES / 1024 / 1024} MiB of files`)
  }
  return entries
}

function lacksContent(path: string): GateError {
  return unreadableBase(`${path}: the repository does not have its content: fetch it with git fetch`)
}

function* batchesOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let batch: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    if (batch.length > 0 && (bytes + entry.size > BATCH_BYTES || batch.length >= BATCH_ENTRIES)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(entry)
    bytes += entry.size
  }
  if (batch.length > 0) yield batch
}

/** Reads `<object> blob <size>\n<content>\n` for each entry. */
async function contentsOf(repository: Repository, entries: readonly Entry[]): Promise<readonly Uint8Array[]> {
  const output = await repository.run(['cat-file', '--batch'], entries.map(({ object }) => `${object}\n`).join(''))
  let at = 0
  return entries.map(({ object, size, path }) => {
    const start = output.indexOf(0x0a, at) + 1
    const head = Buffer.from(output.subarray(at, Math.max(start - 1, at))).toString('utf8')
    if (head !== `${object} blob ${size}`) {
      throw lacksContent(path)
    }
    at = start + size + 1
    return output.subarray(start, start + size)
  })
}

async function writeFiles(
  directory: string,
  entries: readonly Entry[],
  contents: readonly Uint8Array[],
): Promise<void> {
  for (let start = 0; start < entries.length; start += WRITES_AT_ONCE) {
    await Promise.all(
      entries.slice(start, start + WRITES_AT_ONCE).map(async ({ path }, index) => {
        const place = join(directory, path)
        await mkdir(dirname(place), { recursive: true, mode: 0o700 })
        await writeFile(place, contents[start + index] ?? '', { mode: 0o600, flag: 'wx' })
      }),
    )
  }
}

async function makeLinks(
  directory: string,
  repository: Repository,
  links: readonly Entry[],
): Promise<readonly string[]> {
  const refused: string[] = []
  for (const batch of batchesOf(links)) {
    const targets = await contentsOf(repository, batch)
    for (const [index, { path }] of batch.entries()) {
      const place = join(directory, path)
      const target = Buffer.from(targets[index] ?? []).toString('utf8')
      if (leavesTree(directory, place, target)) {
        refused.push(path)
        continue
      }
      await mkdir(dirname(place), { recursive: true, mode: 0o700 })
      await symlink(target, place)
    }
  }
  return refused
}
