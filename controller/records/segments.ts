import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Nobody but the controller reads what its gates have left. */
const MODE = 0o600
const NAME = /^records-(\d{8})\.jsonl$/
/** A line is read in steps of this size; most fit into one. */
const READ_BYTES = 16 * 1024

/** Where a line is. */
export interface Position {
  readonly segment: number
  readonly offset: number
}

/** The numbers of the segments in a directory, the oldest first. */
export async function segmentsIn(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory)
  return names
    .map(name => NAME.exec(name)?.[1])
    .filter(each => each !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
}

export async function segmentSize(directory: string, segment: number): Promise<number> {
  return (await stat(segmentPath(directory, segment))).size
}

export function segmentPath(directory: string, segment: number): string {
  return join(directory, `records-${String(segment).padStart(8, '0')}.jsonl`)
}

export async function removeSegment(directory: string, segment: number): Promise<void> {
  await rm(segmentPath(directory, segment), { force: true })
}

/** A segment that is appended to. */
export interface OpenSegment {
  readonly size: number
  /** Returns when the bytes are on the disk; after an error nothing of them is kept. */
  append(bytes: Buffer): Promise<void>
  close(): Promise<void>
}

/** Opens a segment behind its last whole line: what a crash left half written was never answered for, and goes. */
export async function openSegment(directory: string, segment: number): Promise<OpenSegment> {
  const path = segmentPath(directory, segment)
  const handle = await open(path, 'a+', MODE)
  let size = 0
  try {
    size = await wholeLines(handle)
    await handle.truncate(size)
    await handle.sync()
    // The name of a new file is as much a part of it as its bytes.
    await syncDirectory(directory)
  } catch (error) {
    await handle.close()
    throw error
  }
  return {
    get size() {
      return size
    },
    append: async bytes => {
      try {
        await handle.appendFile(bytes)
        await handle.datasync()
        size += bytes.length
      } catch (error) {
        await handle.truncate(size)
        throw error
      }
    },
    close: () => handle.close(),
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The length of the file up to its last line break. */
async function wholeLines(handle: FileHandle): Promise<number> {
  const buffer = Buffer.alloc(READ_BYTES)
  let end = (await handle.stat()).size
  while (end > 0) {
    const start = Math.max(0, end - READ_BYTES)
    const { bytesRead } = await handle.read(buffer, 0, end - start, start)
    const at = buffer.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (at >= 0) return start + at + 1
    end = start
  }
  return 0
}

/** Reads the line at a position; null where the segment is gone. */
export async function readLine(
  directory: string,
  { segment, offset }: Position,
  maxBytes: number,
): Promise<string | null> {
  let handle: FileHandle
  try {
    handle = await open(segmentPath(directory, segment), 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  try {
    const chunks: Buffer[] = []
    for (let read = 0; read < maxBytes;) {
      const buffer = Buffer.alloc(Math.min(READ_BYTES, maxBytes - read))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset + read)
      const end = buffer.subarray(0, bytesRead).indexOf(0x0a)
      chunks.push(buffer.subarray(0, end < 0 ? bytesRead : end))
      read += bytesRead
      if (end >= 0 || bytesRead === 0) break
    }
    return Buffer.concat(chunks).toString('utf8')
  } finally {
    await handle.close()
  }
}
