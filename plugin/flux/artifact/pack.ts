import { createReadStream, createWriteStream } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { Header, Pax } from 'tar'
import { GateError } from '../../../src/errors.js'

const BLOCK = 512
const EPOCH = new Date(0)

interface Entry {
  /** Relative, with slashes. */
  readonly path: string
  readonly size: number
  readonly mode: number
  readonly isDirectory: boolean
}

/**
 * Packs a directory as `.tar.gz`: in the order of names, without owners and times, so that the same tree gives the same bytes.
 *
 * @param file is made; it must not be there
 * @throws GateError ARTIFACT_INVALID for what is neither a file nor a directory
 */
export async function packTree(directory: string, file: string): Promise<void> {
  const entries = await entriesOf(directory, '')
  await pipeline(Readable.from(blocks(directory, entries)), createGzip(), createWriteStream(file, { flags: 'wx' }))
}

async function entriesOf(directory: string, below: string): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  const names = (await readdir(join(directory, below))).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  for (const name of names) {
    const path = below === '' ? name : `${below}/${name}`
    const found = await lstat(join(directory, path))
    if (found.isDirectory()) {
      entries.push({ path, size: 0, mode: 0o755, isDirectory: true }, ...(await entriesOf(directory, path)))
    } else if (found.isFile()) {
      const mode = (found.mode & 0o111) === 0 ? 0o644 : 0o755
      entries.push({ path, size: found.size, mode, isDirectory: false })
    } else {
      throw new GateError('ARTIFACT_INVALID', `${path} is neither a file nor a directory`)
    }
  }
  return entries
}

async function* blocks(directory: string, entries: readonly Entry[]): AsyncGenerator<Buffer> {
  for (const { path, size, mode, isDirectory } of entries) {
    yield headerOf({ path, size, mode, isDirectory })
    if (isDirectory) continue
    let bytes = 0
    for await (const chunk of createReadStream(join(directory, path)) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      yield chunk
    }
    if (bytes !== size) throw new GateError('ARTIFACT_INVALID', `${path} changed while it was read`)
    yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
  }
  yield Buffer.alloc(2 * BLOCK)
}

function headerOf({ path, size, mode, isDirectory }: Entry): Buffer {
  const name = isDirectory ? `${path}/` : path
  const type = isDirectory ? 'Directory' : 'File'
  const block = Buffer.alloc(BLOCK)
  const isTooLong = new Header({ path: name, size, mode, mtime: EPOCH, type, uid: 0, gid: 0 }).encode(block)
  return isTooLong ? Buffer.concat([new Pax({ path: name, mtime: EPOCH, uid: 0, gid: 0 }).encode(), block]) : block
}
