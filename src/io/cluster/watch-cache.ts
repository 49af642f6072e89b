import { thrownText } from '../../errors.js'
import type { Logger } from '../log.js'
import { backoffMs, type Clock, SYSTEM_CLOCK } from './clock.js'
import {
  type ClusterClient,
  ClusterError,
  type ClusterObject,
  type Collection,
  type WatchEvent,
} from './cluster-client.js'
import { listPages } from './list-pages.js'
import { namesOf } from './object-names.js'

/** What happened to an object; for DELETED, `object` is what it was last. */
export interface CacheEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly namespace: string
  readonly name: string
  readonly object: T
}

export interface WatchCacheOptions<T> {
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Called in order; also with what changed while nothing was heard of the API server. */
  readonly onChange?: (event: CacheEvent<T>) => void
  /** What is kept of an object, so that memory is bounded by what is needed. */
  readonly transform: (object: ClusterObject) => T
  readonly signal: AbortSignal
  readonly log: Logger
  readonly clock?: Clock
  readonly pageSize?: number
}

/** The objects of a collection as they are now; they stay readable, if old, while the API server is away. */
export interface WatchCache<T> {
  /** When all objects have been read once. Never rejects; stays pending when the cache is closed before. */
  readonly synced: Promise<void>
  readonly isSynced: boolean
  /** When the API server was heard last (milliseconds since the epoch; 0: never). A quiet collection is heard about once a minute. */
  readonly lastContactMs: number
  readonly size: number
  /** @param namespace '' for a cluster-scoped object */
  get(namespace: string, name: string): T | undefined
  values(): IterableIterator<T>
  close(): void
}

interface Entry<T> {
  readonly uid: string
  readonly resourceVersion: string
  readonly namespace: string
  readonly name: string
  readonly object: T
}

const MAX_WAIT_MS = 30_000
/** A watch that ends at once would otherwise be asked for again without end. */
const SHORTEST_WATCH_MS = 1000

/** Lists a collection, watches it, and lists it again whenever the server has forgotten where the watch was. */
export function createWatchCache<T>(
  client: Pick<ClusterClient, 'list' | 'watch'>,
  collection: Collection,
  options: WatchCacheOptions<T>,
): WatchCache<T> {
  const { log, clock = SYSTEM_CLOCK, labelSelector, fieldSelector } = options
  const selectors = { ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) }
  const fields = { group: collection.group, kind: collection.resource }
  const entries = new Map<string, Entry<T>>()
  const closing = new AbortController()
  const close = () => {
    options.signal.removeEventListener('abort', close)
    closing.abort()
  }
  options.signal.addEventListener('abort', close)
  if (options.signal.aborted) close()
  const { signal } = closing
  const isOver = () => signal.aborted
  let resourceVersion = ''
  let lastContactMs = 0
  let isSynced = false
  let markSynced: () => void
  const synced = new Promise<void>(resolve => (markSynced = resolve))

  const emit = (type: CacheEvent<T>['type'], { namespace, name, object }: Entry<T>) => {
    try {
      options.onChange?.({ type, namespace, name, object })
    } catch (thrown) {
      log.error('a change could not be handled', { ...fields, namespace, name, error: thrownText(thrown) })
    }
  }
  const remove = (key: string) => {
    const entry = entries.get(key)
    if (entry !== undefined && entries.delete(key)) emit('DELETED', entry)
  }
  const put = (object: ClusterObject): string => {
    const names = namesOf(object)
    const key = keyOf(names.namespace, names.name)
    const known = entries.get(key)
    if (known?.uid === names.uid && known.resourceVersion === names.resourceVersion) return key
    // Deleted and made anew while nobody listened.
    if (known !== undefined && known.uid !== names.uid) remove(key)
    const entry = { ...names, object: options.transform(object) }
    entries.set(key, entry)
    emit(known?.uid === names.uid ? 'MODIFIED' : 'ADDED', entry)
    return key
  }

  const list = async () => {
    const seen = new Set<string>()
    let listed = ''
    for await (const page of listPages(client, collection, { ...selectors, limit: options.pageSize ?? 500, signal })) {
      lastContactMs = clock.date().getTime()
      for (const object of page.items) seen.add(put(object))
      listed = page.resourceVersion
    }
    for (const key of [...entries.keys()]) if (!seen.has(key)) remove(key)
    resourceVersion = listed
    isSynced = true
    markSynced()
  }
  const take = ({ type, object }: WatchEvent) => {
    lastContactMs = clock.date().getTime()
    const names = namesOf(object)
    if (type === 'DELETED') remove(keyOf(names.namespace, names.name))
    else if (type !== 'BOOKMARK') put(object)
    if (names.resourceVersion !== '') resourceVersion = names.resourceVersion
  }

  const run = async () => {
    let failures = 0
    while (!isOver()) {
      const beganMs = clock.monotonicMs()
      let waitMs = 0
      try {
        if (resourceVersion === '') await list()
        for await (const event of client.watch(collection, { ...selectors, resourceVersion, signal })) {
          take(event)
          failures = 0
        }
        const isShort = clock.monotonicMs() - beganMs < SHORTEST_WATCH_MS
        failures = isShort ? failures + 1 : 0
        if (isShort) waitMs = backoffMs(failures, clock, MAX_WAIT_MS)
      } catch (thrown) {
        if (isOver()) return
        failures += 1
        const error = thrown instanceof ClusterError ? thrown : null
        if (error?.status === 410) resourceVersion = ''
        // Once is usual: nothing changed in the collection for longer than the server remembers.
        waitMs = error?.status === 410 && failures === 1 ? 0 : backoffMs(failures, clock, MAX_WAIT_MS)
        waitMs = Math.max(waitMs, (error?.retryAfterSeconds ?? 0) * 1000)
        const level = error?.status === 410 ? 'debug' : 'warn'
        log[level]('the watch is interrupted', { ...fields, error: thrownText(thrown), durationMs: Math.round(waitMs) })
      }
      if (waitMs > 0) await clock.wait(waitMs, signal)
    }
  }
  run().catch((thrown: unknown) => {
    log.error('the watch ended', { ...fields, error: thrownText(thrown) })
  })

  return {
    synced,
    get isSynced() {
      return isSynced
    },
    get lastContactMs() {
      return lastContactMs
    },
    get size() {
      return entries.size
    },
    get: (namespace, name) => entries.get(keyOf(namespace, name))?.object,
    values: function* () {
      for (const { object } of entries.values()) yield object
    },
    close,
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`
}
