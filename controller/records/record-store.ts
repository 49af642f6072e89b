import { createReadStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { GateError, thrownText } from '../../src/errors.js'
import type { Logger } from '../../src/io/log.js'
import { type GateRecord, MAX_RECORD_LENGTH, parseRecord, recordLine } from '../../src/provenance/record.js'
import { createRecordIndex, type Indexed } from './record-index.js'
import {
  openSegment,
  type OpenSegment,
  type Position,
  readLine,
  removeSegment,
  segmentPath,
  segmentSize,
  segmentsIn,
} from './segments.js'

export interface RecordStoreOptions {
  readonly directory: string
  /** A segment is closed before it gets larger. */
  readonly maxSegmentBytes?: number
  /** Of all segments: the oldest go. */
  readonly maxTotalBytes?: number
  readonly log: Logger
}

/** What became of records that were given to a store. */
export interface Appended {
  readonly appended: number
  /** Those that were there already. */
  readonly known: number
}

/** Records on a disk. */
export interface RecordStore {
  readonly count: number
  readonly bytes: number
  /** Returns when the records are on the disk: all of them, or with an error none. @throws GateError FILE_UNWRITABLE */
  append(records: readonly GateRecord[]): Promise<Appended>
  /** The newest first. */
  find(by: 'digest' | 'subject', value: string, limit: number): Promise<readonly GateRecord[]>
  close(): Promise<void>
}

const MAX_SEGMENT_BYTES = 4 * 1024 * 1024
/** About a hundred thousand records, whose index fits into the memory of the controller. */
const MAX_TOTAL_BYTES = 64 * 1024 * 1024
/** In UTF-8 a character of a JavaScript string has three bytes at most. */
const MAX_LINE_BYTES = 3 * MAX_RECORD_LENGTH

/**
 * Opens a directory of JSON lines. What a crash left half written at the end is cut off: it was never answered for, and who
 * sent it will send it again.
 *
 * @throws GateError FILE_UNWRITABLE when the directory cannot be used
 */
export async function openRecordStore(options: RecordStoreOptions): Promise<RecordStore> {
  const { directory, maxSegmentBytes = MAX_SEGMENT_BYTES, maxTotalBytes = MAX_TOTAL_BYTES, log } = options
  const index = createRecordIndex()
  /** The size of each segment, the oldest first. */
  const sizes = new Map<number, number>()
  let open: OpenSegment
  let present: number
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const segments = await segmentsIn(directory)
    present = segments.at(-1) ?? 1
    // First, since it cuts off half a line.
    open = await openSegment(directory, present)
    for (const segment of segments) await load(segment)
    sizes.set(present, open.size)
  } catch (error) {
    throw unwritable(directory, error)
  }
  log.info('records are kept', { file: directory, count: index.size })

  async function load(segment: number): Promise<void> {
    let unreadable = 0
    for await (const { text, offset } of linesOf(segmentPath(directory, segment))) {
      const record = indexedIn(text)
      if (record === null) unreadable += 1
      else if (!index.has(record.id)) index.add(record, { segment, offset })
    }
    sizes.set(segment, await segmentSize(directory, segment))
    if (unreadable > 0) {
      log.warn('records could not be read', { file: segmentPath(directory, segment), count: unreadable })
    }
  }

  const totalBytes = () => [...sizes.values()].reduce((sum, size) => sum + size, 0)

  /** Makes room for so many bytes. */
  async function rotate(bytes: number): Promise<void> {
    if (open.size > 0 && open.size + bytes > maxSegmentBytes) {
      const next = await openSegment(directory, present + 1)
      await open.close()
      open = next
      present += 1
      sizes.set(present, 0)
    }
    for (const segment of sizes.keys()) {
      if (segment === present || totalBytes() + bytes <= maxTotalBytes) break
      await removeSegment(directory, segment)
      sizes.delete(segment)
      const before = index.size
      index.drop(segment)
      log.info('the oldest records were removed', { count: before - index.size })
    }
  }

  async function write(records: readonly GateRecord[]): Promise<Appended> {
    const fresh = new Map<string, GateRecord>()
    for (const record of records) if (!index.has(record.id)) fresh.set(record.id, record)
    if (fresh.size > 0) {
      const lines = [...fresh.values()].map(record => ({ record, bytes: Buffer.from(`${recordLine(record)}\n`) }))
      const all = Buffer.concat(lines.map(({ bytes }) => bytes))
      try {
        await rotate(all.length)
        let offset = open.size
        await open.append(all)
        for (const { record, bytes } of lines) {
          index.add(record, { segment: present, offset })
          offset += bytes.length
        }
        sizes.set(present, open.size)
      } catch (error) {
        throw unwritable(directory, error)
      }
    }
    return { appended: fresh.size, known: records.length - fresh.size }
  }

  /** One after the other: offsets are counted. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const next = last.then(run)
    last = next.catch(() => undefined)
    return next
  }

  return {
    get count() {
      return index.size
    },
    get bytes() {
      return totalBytes()
    },
    append: records => inTurn(() => write(records)),
    find: async (by, value, limit) => {
      const found: GateRecord[] = []
      for (const position of newestFirst(index.find(by, value), limit)) {
        const line = await readLine(directory, position, MAX_LINE_BYTES)
        const record = line === null ? null : parseRecord(line)
        if (record !== null && typeof record !== 'string') found.push(record)
      }
      return found
    },
    close: () => inTurn(() => open.close()),
  }
}

/** Only what the index needs, since a start waits for it; who finds the record reads the whole of it. */
function indexedIn(line: string): Indexed | null {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { id, digest = null, subject = null } = value as Record<string, unknown>
  const isKey = (each: unknown) => each === null || typeof each === 'string'
  return typeof id === 'string' && isKey(digest) && isKey(subject) ? { id, digest, subject } : null
}

function newestFirst(positions: readonly Position[], limit: number): readonly Position[] {
  return positions.slice(-limit).reverse()
}

/** The lines of a file with where they begin; a line that is too long to be a record is passed over. */
async function* linesOf(path: string): AsyncGenerator<{ readonly text: string; readonly offset: number }> {
  let rest = Buffer.alloc(0)
  let offset = 0
  let isTooLong = false
  for await (const chunk of createReadStream(path)) {
    let bytes = Buffer.concat([rest, chunk as Buffer])
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
      if (!isTooLong) yield { text: bytes.toString('utf8', 0, end), offset }
      isTooLong = false
      offset += end + 1
      bytes = bytes.subarray(end + 1)
    }
    if (bytes.length > MAX_LINE_BYTES) {
      isTooLong = true
      offset += bytes.length
      bytes = Buffer.alloc(0)
    }
    rest = bytes
  }
}

function unwritable(directory: string, error: unknown): GateError {
  if (error instanceof GateError) return error
  return new GateError('FILE_UNWRITABLE', `${directory}: records cannot be kept: ${thrownText(error)}`, {
    cause: error,
    position: { file: directory },
  })
}
