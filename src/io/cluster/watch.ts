import type { IncomingMessage } from 'node:http'
import { isJsonObject, type JsonObject } from '../../json.js'
import { parseObject, statusError } from './answers.js'
import { ClusterError, type WatchEvent } from './cluster-client.js'

/** An object is at most 1.5 MiB in etcd, and may grow on its way into another version. */
export const MAX_EVENT_BYTES = 16 * 1024 * 1024

/** The API server sends a bookmark every minute to who asks for them; after three without one the connection is dead. */
const BOOKMARK_SILENCE_MS = 3 * 60_000

const TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

/**
 * Reads the events of a watch, one a line. It ends with the stream; an ERROR event rejects with its status.
 *
 * @param limitMs so long the stream may be silent: what was asked for as timeoutSeconds, and something more
 */
export async function* readWatch(
  response: IncomingMessage,
  what: string,
  limitMs: number,
  maxEventBytes = MAX_EVENT_BYTES,
): AsyncGenerator<WatchEvent, void> {
  let silenceMs = limitMs
  for await (const line of readLines(response, what, () => silenceMs, maxEventBytes)) {
    const event = parseObject(line, 200, `an event of ${what}`)
    const { type, object } = event
    if (type === 'ERROR') {
      const code = isJsonObject(object) && typeof object.code === 'number' ? object.code : 500
      throw statusError(object, `${what}: `, code)
    }
    if (!isEventType(type) || !isJsonObject(object))
      throw new ClusterError(`${what}: an event of no known type`, BROKEN)
    // A server that sends bookmarks goes on with it, so silence means something from now on.
    if (type === 'BOOKMARK') silenceMs = Math.min(limitMs, BOOKMARK_SILENCE_MS)
    yield { type, object }
  }
}

const BROKEN = { status: 200, reason: 'InvalidAnswer' }

function isEventType(type: JsonObject[string] | undefined): type is WatchEvent['type'] {
  return typeof type === 'string' && TYPES.has(type)
}

async function* readLines(
  response: IncomingMessage,
  what: string,
  silenceMs: () => number,
  maxLineBytes: number,
): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let length = 0
  const take = (part: Buffer) => {
    length += part.length
    if (length > maxLineBytes) throw new ClusterError(`${what}: an event is longer than ${maxLineBytes} bytes`, BROKEN)
    parts.push(part)
  }
  for await (const chunk of untilSilent(response, what, silenceMs)) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      take(chunk.subarray(start, end))
      const line = Buffer.concat(parts)
      parts = []
      length = 0
      start = end + 1
      if (line.length > 0) yield line
    }
    if (start < chunk.length) take(chunk.subarray(start))
  }
  if (length > 0) throw new ClusterError(`${what}: the connection ended within an event`, { status: 0 })
}

/** The chunks of a stream, ended with an error when the next one takes too long; a slow reader of them does not count. */
async function* untilSilent(
  response: IncomingMessage,
  what: string,
  silenceMs: () => number,
): AsyncGenerator<Buffer, void> {
  const chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  const next = async () => {
    const limitMs = silenceMs()
    const timer = setTimeout(() => {
      response.destroy(new ClusterError(`${what}: nothing came for ${Math.round(limitMs / 1000)} s`, { status: 0 }))
    }, limitMs)
    try {
      return await chunks.next()
    } finally {
      clearTimeout(timer)
    }
  }
  try {
    for (let chunk = await next(); chunk.done !== true; chunk = await next()) yield chunk.value
  } finally {
    response.destroy()
  }
}
