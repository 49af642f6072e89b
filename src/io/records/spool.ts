import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GateError, thrownText } from '../../errors.js'
import { readFileBytes } from '../files.js'

export interface SpoolOptions {
  readonly directory: string
  /** The oldest batches are dropped beyond it; 16 MiB when not said. */
  readonly maxBytes?: number
  /** Milliseconds of the epoch: batches are in the order of time. */
  readonly now: () => number
}

/** Some records that were put there at once. */
export interface Batch {
  readonly name: string
  readonly count: number
  readonly bytes: number
}

/** Records that wait on the disk until a controller takes them. Several processes may share a directory. */
export interface Spool {
  /**
   * Puts records there, at once or not at all.
   *
   * @returns how many older records were dropped to make room
   * @throws GateError FILE_UNWRITABLE
   */
  put(lines: readonly string[]): Promise<number>
  /** What waits, the oldest first. */
  batches(): Promise<readonly Batch[]>
  /** The lines of a batch; null where somebody else has taken it meanwhile. */
  read(batch: Batch): Promise<readonly string[] | null>
  remove(batch: Batch): Promise<void>
}

const MAX_BYTES = 16 * 1024 * 1024
/** Below what the controller takes at once. */
const MAX_BATCH_BYTES = 512 * 1024
const MAX_BATCH_RECORDS = 1000
const MODE = 0o600
/** `<milliseconds>-<random>-<count>.jsonl`: the order and the count are known without reading. */
const NAME = /^\d{15}-\d{4}-[0-9a-f]{16}-(\d{1,4})\.jsonl$/
const PARTIAL = /^(\d{15})-.*\.partial$/
/** No write takes so long: the process that began it is gone. */
const PARTIAL_MS = 600_000

/** A spool in a directory, which is made when it is needed. */
export function createSpool({ directory, maxBytes = MAX_BYTES, now }: SpoolOptions): Spool {
  let sequence = 0

  const write = async (lines: readonly string[]): Promise<void> => {
    // Two batches of one millisecond keep their order.
    sequence = (sequence + 1) % 10_000
    const order = `${pad(now(), 15)}-${pad(sequence, 4)}`
    const name = `${order}-${randomBytes(8).toString('hex')}-${lines.length}`
    const partial = join(directory, `${name}.partial`)
    const file = await open(partial, 'wx', MODE)
    try {
      await file.writeFile(lines.map(line => `${line}\n`).join(''))
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(partial, join(directory, `${name}.jsonl`))
  }

  const batches = async (): Promise<readonly Batch[]> => {
    const names = (await entries(directory)).filter(name => NAME.test(name)).sort()
    const found: Batch[] = []
    for (const name of names) {
      const bytes = await sizeOf(join(directory, name))
      if (bytes !== null) found.push({ name, bytes, count: Number(NAME.exec(name)?.[1] ?? 0) })
    }
    return found
  }

  const remove = (name: string) => rm(join(directory, name), { force: true })

  const bound = async (): Promise<number> => {
    for (const name of await entries(directory)) {
      const begun = PARTIAL.exec(name)?.[1]
      if (begun !== undefined && now() - Number(begun) > PARTIAL_MS) await remove(name)
    }
    const waiting = await batches()
    let bytes = waiting.reduce((sum, each) => sum + each.bytes, 0)
    let dropped = 0
    for (const batch of waiting) {
      if (bytes <= maxBytes) break
      await remove(batch.name)
      bytes -= batch.bytes
      dropped += batch.count
    }
    return dropped
  }

  return {
    put: async lines => {
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        for (const part of parts(lines)) await write(part)
        return await bound()
      } catch (error) {
        throw new GateError('FILE_UNWRITABLE', `${directory}: records cannot be put there: ${thrownText(error)}`, {
          cause: error,
        })
      }
    },
    batches,
    read: async ({ name }) => {
      try {
        const text = Buffer.from(await readFileBytes(join(directory, name))).toString('utf8')
        return text.split('\n').filter(line => line !== '')
      } catch (error) {
        if ((await sizeOf(join(directory, name))) === null) return null
        throw error
      }
    },
    remove: ({ name }) => remove(name),
  }
}

function pad(value: number, digits: number): string {
  return String(Math.max(0, Math.trunc(value))).padStart(digits, '0')
}

/** Parts that the controller takes at once. */
function* parts(lines: readonly string[]): Generator<readonly string[]> {
  let part: string[] = []
  let bytes = 0
  for (const line of lines) {
    const size = Buffer.byteLength(line) + 1
    if (part.length > 0 && (bytes + size > MAX_BATCH_BYTES || part.length === MAX_BATCH_RECORDS)) {
      yield part
      part = []
      bytes = 0
    }
    part.push(line)
    bytes += size
  }
  if (part.length > 0) yield part
}

/** Empty where there is no directory yet. */
async function entries(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
