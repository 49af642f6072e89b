import pRetry from 'p-retry'
import { thrownText } from '../../errors.js'
import { emptyObject, isJsonObject, type Json, stringifyJson } from '../../json.js'
import { errorIn, objectIn } from './answers.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import {
  type ClusterClient,
  ClusterError,
  type ClusterObject,
  type Collection,
  type ListPage,
  type PatchType,
  type RequestOptions,
  type WatchEvent,
  type WatchOptions,
} from './cluster-client.js'
import type { ClusterConnection } from './credentials.js'
import { listQuery, pathOf, queryOf } from './paths.js'
import { callText, createTransport, type HttpAnswer, type HttpCall, readAnswer, type Transport } from './transport.js'
import { readWatch } from './watch.js'

/** How a client calls. */
export interface ClusterClientOptions {
  /** Shown in the API server's audit log. */
  readonly userAgent: string
  /** For a whole call, what is waited for between attempts included; 30 s when not said. */
  readonly timeoutMs?: number
  /** Closes the client. */
  readonly signal?: AbortSignal
  readonly clock?: Clock
  readonly maxBodyBytes?: number
}

/** 500 objects, even of 100 KiB each. */
const MAX_BODY_BYTES = 64 * 1024 * 1024
/** Of a refusal. */
const MAX_STATUS_BYTES = 1024 * 1024
const MAX_RETRIES = 4
/** A server that asks for more is not waited for within a call. */
const MAX_RETRY_AFTER_SECONDS = 10
/** As client-go has it: from five to ten minutes, so that not all watches end at once. */
const WATCH_SECONDS = 300
const WATCH_MARGIN_MS = 60_000

const CONTENT_TYPES: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

/** A ClusterClient over HTTPS with kept connections. Numbers are read and written as they are. */
export function createClusterClient(connection: ClusterConnection, options: ClusterClientOptions): ClusterClient {
  const { userAgent, timeoutMs = 30_000, signal, clock = SYSTEM_CLOCK } = options
  const transport = createTransport(connection, options.maxBodyBytes ?? MAX_BODY_BYTES)
  const headers = { 'user-agent': userAgent, accept: 'application/json' }
  const close = () => {
    signal?.removeEventListener('abort', close)
    transport.close()
  }
  if (signal?.aborted === true) transport.close()
  else signal?.addEventListener('abort', close)

  const call = async (request: Omit<HttpCall, 'timeoutMs' | 'headers'> & { contentType?: string; accept?: string }) => {
    const { contentType = 'application/json', accept = headers.accept, ...rest } = request
    const type = rest.body === undefined ? {} : { 'content-type': contentType }
    return exchange(transport, clock, { ...rest, timeoutMs, headers: { ...headers, accept, ...type } })
  }

  const write = async (
    method: HttpCall['method'],
    path: string,
    body: Json,
    { dryRun, fieldManager, signal }: RequestOptions,
    more: { contentType?: string; force?: boolean } = {},
  ): Promise<ClusterObject> => {
    const query = queryOf({ dryRun: dryRun === true ? 'All' : undefined, fieldManager, force: more.force })
    const { contentType } = more
    const request = { method, path, query, body: stringifyJson(body), ...given({ signal, contentType }) }
    return objectIn(await call(request), callText(request))
  }

  const get = async (collection: Collection, name: string, options: RequestOptions = {}): Promise<ClusterObject> => {
    const request = { method: 'GET' as const, path: pathOf(collection, name, options.subresource) }
    return objectIn(await call({ ...request, ...given({ signal: options.signal }) }), `GET ${request.path}`)
  }

  return {
    get,
    find: async (collection, name, options) => {
      try {
        return await get(collection, name, options)
      } catch (thrown) {
        if (thrown instanceof ClusterError && thrown.status === 404) return null
        throw thrown
      }
    },
    list: async (collection, options = {}) => {
      const path = pathOf(collection)
      const answer = await call({
        method: 'GET',
        path,
        query: listQuery(options),
        ...given({ signal: options.signal }),
      })
      return pageOf(objectIn(answer, `GET ${path}`), path)
    },
    create: async (collection, object, options = {}) =>
      write('POST', pathOf(collection, options.name, options.subresource), object, options),
    replace: async (collection, name, object, options = {}) =>
      write('PUT', pathOf(collection, name, options.subresource), object, options),
    patch: async (collection, name, patch, options) =>
      write('PATCH', pathOf(collection, name, options.subresource), patch, options, {
        contentType: CONTENT_TYPES[options.type],
        ...given({ force: options.force }),
      }),
    delete: async (collection, name, options = {}) => {
      const { dryRun, resourceVersion, signal, subresource } = options
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { resourceVersion: resourceVersion ?? '' },
      }
      await call({
        method: 'DELETE',
        path: pathOf(collection, name, subresource),
        query: queryOf({ dryRun: dryRun === true ? 'All' : undefined }),
        ...(resourceVersion !== undefined && { body: JSON.stringify(body) }),
        ...given({ signal }),
      })
    },
    watch: (collection, options) => watch(transport, collection, options, { headers, timeoutMs, clock }),
    getText: async (path, { accept, signal } = {}) =>
      (await call({ method: 'GET', path, ...given({ accept, signal }) })).body.toString('utf8'),
    close,
  }
}

/** Without what is undefined. */
function given<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

/** Sends a call, and again where the server says when; a POST or a JSON patch said twice could be done twice. */
async function exchange(transport: Transport, clock: Clock, call: HttpCall): Promise<HttpAnswer> {
  const endMs = clock.monotonicMs() + call.timeoutMs
  const isRepeatable = call.method !== 'POST' && call.headers['content-type'] !== CONTENT_TYPES.json
  const attempt = async (): Promise<HttpAnswer> => {
    const leftMs = Math.max(1, Math.round(endMs - clock.monotonicMs()))
    const answer = await transport.exchange({ ...call, timeoutMs: leftMs })
    if (answer.status >= 200 && answer.status < 300) return answer
    throw errorIn(answer, callText(call))
  }
  return pRetry(attempt, {
    retries: MAX_RETRIES,
    // The server's own time is waited for below.
    minTimeout: 0,
    onFailedAttempt: async ({ error, retriesLeft }) => {
      const afterMs = retryAfterMs(error, clock)
      const isTooLate = afterMs !== null && clock.monotonicMs() + afterMs >= endMs
      if (!isRepeatable || afterMs === null || isTooLate || retriesLeft === 0) throw error
      await clock.wait(afterMs, call.signal)
    },
  })
}

function retryAfterMs(error: Error, clock: Clock): number | null {
  if (!(error instanceof ClusterError) || error.retryAfterSeconds === null) return null
  if (error.status !== 429 && error.status !== 503) return null
  if (error.retryAfterSeconds > MAX_RETRY_AFTER_SECONDS) return null
  return error.retryAfterSeconds * 1000 + 1000 * clock.random()
}

/** The items of a list come without apiVersion and kind. */
function pageOf(list: ClusterObject, path: string): ListPage {
  const { kind, apiVersion, items } = list
  const metadata = isJsonObject(list.metadata) ? list.metadata : {}
  // An empty list of Go may be written as null.
  const elements = items === null ? [] : items
  if (typeof kind !== 'string' || !Array.isArray(elements) || !elements.every(isJsonObject)) {
    throw new ClusterError(`the answer to GET ${path} is not a list`, { status: 200, reason: 'InvalidAnswer' })
  }
  const type = { apiVersion: apiVersion ?? '', kind: kind.replace(/List$/, '') }
  const { resourceVersion, continue: token, remainingItemCount } = metadata
  return {
    items: elements.map(item => Object.assign(emptyObject(), type, item)),
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
    continueToken: typeof token === 'string' ? token : '',
    remainingItemCount: typeof remainingItemCount === 'number' ? remainingItemCount : null,
  }
}

async function* watch(
  transport: Transport,
  collection: Collection,
  { signal, ...options }: WatchOptions,
  { headers, timeoutMs, clock }: { headers: Record<string, string>; timeoutMs: number; clock: Clock },
): AsyncGenerator<WatchEvent, void> {
  const path = pathOf(collection)
  const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + clock.random()))
  const query = queryOf({ watch: true, allowWatchBookmarks: true, timeoutSeconds, ...options })
  try {
    const response = await transport.stream({ method: 'GET', path, query, headers, timeoutMs, signal })
    const abort = () => response.destroy()
    signal.addEventListener('abort', abort)
    try {
      if (signal.aborted) return
      if (response.statusCode !== 200)
        throw errorIn(await readAnswer(response, MAX_STATUS_BYTES, `GET ${path}`), `GET ${path}`)
      yield* readWatch(response, `watch of ${path}`, timeoutSeconds * 1000 + WATCH_MARGIN_MS)
    } finally {
      signal.removeEventListener('abort', abort)
      response.destroy()
    }
  } catch (thrown) {
    if (signal.aborted) return
    if (thrown instanceof ClusterError) throw thrown
    throw new ClusterError(`watch of ${path}: the connection broke: ${thrownText(thrown)}`, {
      status: 0,
      cause: thrown,
    })
  }
}
