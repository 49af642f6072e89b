import { request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { Server } from './api-connection.js'
import { type ApiObject, member } from './api-objects.js'
import type { User } from './users.js'

/** One event of a watch; a bookmark only tells how far it has come. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: ApiObject
}

export interface WatchOptions {
  /** What happened after this. */
  readonly resourceVersion: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
  /** Ends the watch without an error. */
  readonly signal: AbortSignal
}

/** No event is read beyond this. */
const MAX_EVENT_BYTES = 8 * 1024 * 1024

/**
 * Watches a collection until the server or the signal ends it.
 *
 * @throws Error when the server refuses, when the connection breaks, and when the resourceVersion is too old: list again then
 */
export async function* watchObjects(
  server: Server,
  user: User,
  path: string,
  { signal, ...options }: WatchOptions,
): AsyncGenerator<WatchEvent, void> {
  const url = new URL(path, server.url)
  for (const [key, value] of Object.entries({ watch: 'true', allowWatchBookmarks: 'true', ...options })) {
    url.searchParams.set(key, value)
  }
  try {
    const response = await open(url, server, user, signal)
    let rest = ''
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > MAX_EVENT_BYTES) throw new Error(`${path}: an event is longer than ${MAX_EVENT_BYTES} bytes`)
      for (const line of lines) yield parseEvent(path, line)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function open(url: URL, server: Server, user: User, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, {
      // A connection of its own: it ends with the watch.
      agent: false,
      ca: server.ca,
      signal,
      ...user.certificate,
      headers: {
        accept: 'application/json',
        ...(user.token !== undefined && { authorization: `Bearer ${user.token}` }),
      },
    })
    request.once('error', reject)
    request.once('response', response => {
      if (response.statusCode === 200) {
        resolve(response)
        return
      }
      response.destroy()
      reject(new Error(`the watch of ${url.pathname} was refused: HTTP ${response.statusCode ?? 0}`))
    })
    request.end()
  })
}

function parseEvent(path: string, line: string): WatchEvent {
  const event = JSON.parse(line) as WatchEvent | { readonly type: 'ERROR'; readonly object: unknown }
  if (event.type === 'ERROR') throw new Error(`the watch of ${path}: ${String(member(event.object, 'message'))}`)
  return event
}
