import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { GateError } from '../errors.js'
import { unreadable } from './files.js'

/** The API server takes no object near this size; a longer line is skipped with an error. */
const MAX_LINE_BYTES = 8 * 1024 * 1024

/** One line of a JSON Lines file, counted from 1; a line over the limit is an error and the next one is read. */
export type Line =
  { readonly number: number; readonly text: Uint8Array } | { readonly number: number; readonly error: GateError }

/**
 * Reads a file line by line, unpacked where its name ends in `.gz`, in constant memory. Empty lines are left out.
 *
 * @throws GateError FILE_UNREADABLE where the file or its compression is broken
 */
export async function* readLines(path: string, maxLineBytes = MAX_LINE_BYTES): AsyncGenerator<Line> {
  const file = createReadStream(path)
  const stream = path.endsWith('.gz') ? file.pipe(createGunzip()) : file
  // pipe() forwards no errors: an unreadable file would leave the unpacked side waiting for ever.
  if (stream !== file) file.on('error', error => stream.destroy(error))
  try {
    yield* splitLines(stream, path, maxLineBytes)
  } catch (error) {
    throw unreadable(path, error)
  } finally {
    file.destroy()
  }
}

async function* splitLines(stream: AsyncIterable<unknown>, path: string, maxLineBytes: number): AsyncGenerator<Line> {
  let number = 1
  let parts: Uint8Array[] = []
  let length = 0
  const take = (part: Uint8Array): void => {
    length += part.length
    // What is over the limit is only counted.
    if (length <= maxLineBytes) parts.push(part)
  }
  const finish = (): Line | undefined => {
    const [text, size] = [Buffer.concat(parts), length]
    const line = { number }
    parts = []
    length = 0
    number += 1
    if (size > maxLineBytes) return { ...line, error: lineTooLong(path, line.number, maxLineBytes) }
    return text.every(byte => byte === 0x20 || byte === 0x09 || byte === 0x0d) ? undefined : { ...line, text }
  }
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      take(chunk.subarray(start, end))
      start = end + 1
      const line = finish()
      if (line !== undefined) yield line
    }
    take(chunk.subarray(start))
  }
  const last = length > 0 ? finish() : undefined
  if (last !== undefined) yield last
}

function lineTooLong(file: string, line: number, maxLineBytes: number): GateError {
  const message = `${file}:${line}: the line is longer than ${Math.round(maxLineBytes / 1024 / 1024)} MiB`
  return new GateError('MANIFEST_TOO_LARGE', message, { position: { file, line } })
}
