import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Parser, type ReadEntry } from 'tar'
import { GateError, thrownText } from '../../../src/errors.js'

/** What an artifact may hold at most. */
export interface UnpackLimits {
  /** Of the archive as it is, compressed. */
  readonly maxArchiveBytes: number
  /** Of all files together, unpacked. */
  readonly maxBytes: number
  readonly maxFileBytes: number
  /** Files and directories together. */
  readonly maxEntries: number
}

/** Enough for any repository of manifests, and little enough for a volume and for memory. */
export const UNPACK_LIMITS: UnpackLimits = {
  maxArchiveBytes: 128 * 1024 * 1024,
  maxBytes: 512 * 1024 * 1024,
  maxFileBytes: 64 * 1024 * 1024,
  maxEntries: 100_000,
}

const MAX_DEPTH = 64
const MAX_NAME_LENGTH = 4_096
const MAX_LISTED_LENGTH = 200

/** What the file system says of an entry that stands in the place of another one. */
const IN_THE_WAY = new Set(['EEXIST', 'ENOTDIR', 'EISDIR'])

/**
 * Unpacks an artifact (a tar, compressed or not) into an empty directory: regular files and directories, nothing else. An
 * archive that holds a link, a device, a name that leads out of the directory, one name twice, or more than the limits allow
 * is refused as a whole; what was unpacked until then stays, for the caller to remove.
 *
 * @throws GateError ARTIFACT_INVALID, FILE_UNWRITABLE; what `archive` itself fails with is thrown as it is
 */
export async function unpackArtifact(
  archive: AsyncIterable<Uint8Array>,
  directory: string,
  limits: UnpackLimits = UNPACK_LIMITS,
): Promise<void> {
  const tree = new Tree(directory, limits)
  let failure = null as GateError | null
  const fail = (error: unknown): void => {
    failure ??= error instanceof GateError ? error : refused(`it is not a whole tar archive (${thrownText(error)})`)
  }
  const parser = new Parser({
    strict: true,
    onReadEntry: entry => {
      try {
        tree.take(entry, fail)
      } catch (error) {
        fail(error)
        entry.resume()
      }
    },
  })
  const ended = new Promise<void>(resolve => {
    parser.on('end', resolve)
    parser.on('error', error => {
      fail(error)
      // It does not end then.
      resolve()
    })
  })
  try {
    let size = 0
    for await (const chunk of archive) {
      size += chunk.length
      if (size > limits.maxArchiveBytes) throw refused(`it is larger than ${mebibytes(limits.maxArchiveBytes)}`)
      // What it decompresses to is counted as it comes: an archive bomb ends at the limit.
      parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
      if (failure !== null) throw failure
      await tree.written()
    }
    if (size === 0) throw refused('it is empty')
    parser.end()
    if (failure === null) await ended
    if (failure !== null) throw failure
  } finally {
    // Nothing is written any more once this has ended, well or not.
    await tree.written()
  }
}

/** The directory on its way. */
class Tree {
  readonly #directory: string
  readonly #limits: UnpackLimits
  readonly #files = new Set<string>()
  readonly #directories = new Set<string>()
  readonly #writes: Promise<void>[] = []
  #bytes = 0
  #entries = 0

  constructor(directory: string, limits: UnpackLimits) {
    this.#directory = directory
    this.#limits = limits
  }

  /** @throws GateError ARTIFACT_INVALID for an entry that may not be there */
  take(entry: ReadEntry, fail: (error: unknown) => void): void {
    if (++this.#entries > this.#limits.maxEntries) throw refused(`it has more than ${this.#limits.maxEntries} entries`)
    const shown = JSON.stringify(entry.path.slice(0, MAX_LISTED_LENGTH))
    if (entry.type === 'Directory' || entry.type === 'GNUDumpDir') {
      const name = entryName(entry.path.replace(/\/+$/, ''), true)
      if (entry.type === 'GNUDumpDir' || name === null) throw refused(`${shown} is not a name inside of it`)
      if (this.#files.has(name)) throw refused(`${shown} is there twice`)
      this.#directories.add(name)
      if (name !== '')
        this.#writes.push(this.#write(() => mkdir(join(this.#directory, name), { recursive: true }), shown))
      entry.resume()
      return
    }
    if (entry.type !== 'File' && entry.type !== 'OldFile' && entry.type !== 'ContiguousFile') {
      throw refused(`${shown} is a ${entry.type}; only files and directories may be in it`)
    }
    const name = entryName(entry.path, false)
    if (name === null) throw refused(`${shown} is not a name inside of it`)
    if (this.#files.has(name) || this.#directories.has(name)) throw refused(`${shown} is there twice`)
    this.#files.add(name)
    this.#collect(entry, name, shown, fail)
  }

  /** Waits until what has been taken so far is on disk. @throws GateError for the first that could not be written */
  async written(): Promise<void> {
    const results = await Promise.allSettled(this.#writes.splice(0))
    const failed = results.find(each => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #collect(entry: ReadEntry, name: string, shown: string, fail: (error: unknown) => void): void {
    const chunks: Buffer[] = []
    let size = 0
    let isRefused = false
    entry.on('data', chunk => {
      size += chunk.length
      this.#bytes += chunk.length
      const { maxBytes, maxFileBytes } = this.#limits
      if (isRefused || (size <= maxFileBytes && this.#bytes <= maxBytes)) {
        if (!isRefused) chunks.push(chunk)
        return
      }
      isRefused = true
      chunks.length = 0
      fail(
        refused(
          size > maxFileBytes
            ? `${shown} is larger than ${mebibytes(maxFileBytes)}`
            : `its files are larger than ${mebibytes(maxBytes)} together`,
        ),
      )
    })
    entry.on('end', () => {
      if (isRefused) return
      const path = join(this.#directory, name)
      const content = Buffer.concat(chunks)
      this.#writes.push(
        this.#write(async () => {
          await mkdir(dirname(path), { recursive: true })
          await writeFile(path, content, { flag: 'wx', mode: 0o644 })
        }, shown),
      )
    })
  }

  async #write(write: () => Promise<unknown>, shown: string): Promise<void> {
    try {
      await write()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      if (IN_THE_WAY.has(code)) throw refused(`${shown} is in the place of another entry`)
      throw new GateError('FILE_UNWRITABLE', `${shown} of the artifact cannot be written: ${thrownText(error)}`, {
        cause: error,
      })
    }
  }
}

/** A name below the directory without `./` before it, '' for the directory itself; null: no such name. */
function entryName(path: string, isDirectory: boolean): string | null {
  if (path.length > MAX_NAME_LENGTH || /[\0\uFFFD]/.test(path)) return null
  const name = path.replace(/^(?:\.\/+)+/, '')
  if (isDirectory && (name === '' || name === '.')) return path === '' ? null : ''
  const parts = name.split('/')
  if (parts.length > MAX_DEPTH || parts.some(part => part === '' || part === '.' || part === '..')) return null
  return name
}

function refused(problem: string): GateError {
  return new GateError('ARTIFACT_INVALID', `the artifact cannot be used: ${problem}`)
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}
