import { thrownText } from '../../errors.js'
import type { JsonObject } from '../../json.js'
import { keepNewest } from '../keep-newest.js'
import type { Logger } from '../log.js'
import { type Clock, microTime, SYSTEM_CLOCK } from './clock.js'
import { type ClusterClient, ClusterError, type Collection } from './cluster-client.js'

/** The object an Event is about. */
export interface EventSubject {
  readonly apiVersion: string
  readonly kind: string
  /** '' for a cluster-scoped object; its Events are in the namespace default. */
  readonly namespace: string
  readonly name: string
  readonly uid?: string
}

/** What happened, in the words of events.k8s.io/v1. */
export interface EventFacts {
  readonly regarding: EventSubject
  readonly type: 'Normal' | 'Warning'
  /** UpperCamelCase, for machines: `PolicyViolation`. */
  readonly reason: string
  /** UpperCamelCase: what was done, `Audit`. */
  readonly action: string
  /** For people; cut to 1024 bytes. Never the value of a Secret. */
  readonly note: string
}

export interface EventRecorderOptions {
  /** `lockkeeper.dev/webhook` */
  readonly reportingController: string
  /** The replica. */
  readonly reportingInstance: string
  readonly log: Logger
  readonly clock?: Clock
  readonly maxQueue?: number
}

/** Writes Events in the background. */
export interface EventRecorder {
  /** Returns at once and never throws: an Event is worth less than what it is about. */
  record(facts: EventFacts): void
  /** Events that were not written: too many of one object, too many at once, or refused. */
  readonly dropped: number
  /** Writes what is queued, for a few seconds at most. */
  close(): Promise<void>
}

/** The limits of client-go's spam filter: so many writes about one object at once, then one every five minutes. */
const BURST = 25
const REFILL_MS = 300_000
/** As in client-go, what comes again within six minutes belongs to the same series. */
const SERIES_MS = 360_000
const MAX_OBJECTS = 4096
const MAX_NOTE_BYTES = 1024
const MAX_WORD_LENGTH = 128
const CLOSE_MS = 5000

interface Series {
  readonly facts: EventFacts
  readonly namespace: string
  readonly name: string
  readonly began: Date
  last: Date
  lastMs: number
  count: number
  isWritten: boolean
  isQueued: boolean
}

interface Bucket {
  tokens: number
  atMs: number
}

export function createEventRecorder(
  client: Pick<ClusterClient, 'create' | 'patch'>,
  { reportingController, reportingInstance, log, clock = SYSTEM_CLOCK, maxQueue = 1000 }: EventRecorderOptions,
): EventRecorder {
  const series = new Map<string, Series>()
  const buckets = new Map<string, Bucket>()
  const queue: Series[] = []
  const stopping = new AbortController()
  let dropped = 0
  let isClosed = false
  let writing: Promise<void> | null = null
  /** Makes names unique that were given within a microsecond. */
  let serial = 0

  const take = (regarding: EventSubject): boolean => {
    const key = [regarding.kind, regarding.namespace, regarding.name, regarding.uid].join('/')
    const nowMs = clock.monotonicMs()
    const bucket = buckets.get(key) ?? { tokens: BURST, atMs: nowMs }
    const tokens = Math.min(BURST, bucket.tokens + (nowMs - bucket.atMs) / REFILL_MS)
    keepNewest(buckets, key, { tokens: tokens < 1 ? tokens : tokens - 1, atMs: nowMs }, MAX_OBJECTS)
    return tokens >= 1
  }
  const enqueue = (each: Series): void => {
    if (each.isQueued) return
    if (queue.length >= maxQueue || !take(each.facts.regarding)) {
      dropped += 1
      return
    }
    each.isQueued = true
    queue.push(each)
    writing ??= write().finally(() => (writing = null))
  }
  const begin = (facts: EventFacts): Series => {
    const began = clock.date()
    serial = (serial + 1) % 4096
    const suffix = `${began.getTime().toString(16)}${serial.toString(16).padStart(3, '0')}`
    return {
      facts,
      namespace: facts.regarding.namespace === '' ? 'default' : facts.regarding.namespace,
      name: `${facts.regarding.name.replaceAll(/[^a-z0-9.-]+/g, '-').slice(0, 200)}.${suffix}`,
      began,
      last: began,
      lastMs: clock.monotonicMs(),
      count: 1,
      isWritten: false,
      isQueued: false,
    }
  }
  const eventOf = ({ facts, namespace, name, began, last, count }: Series): JsonObject => ({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(began),
    reportingController,
    reportingInstance: reportingInstance.slice(0, MAX_WORD_LENGTH),
    type: facts.type,
    reason: facts.reason.slice(0, MAX_WORD_LENGTH),
    action: facts.action.slice(0, MAX_WORD_LENGTH),
    note: cut(facts.note),
    regarding: Object.fromEntries(
      Object.entries(facts.regarding).filter(([, value]) => value !== '' && value !== undefined),
    ),
    ...(count > 1 && { series: { count, lastObservedTime: microTime(last) } }),
  })
  const writeOne = async (each: Series) => {
    const collection: Collection = {
      group: 'events.k8s.io',
      version: 'v1',
      resource: 'events',
      namespace: each.namespace,
    }
    const { signal } = stopping
    const patch = { series: { count: each.count, lastObservedTime: microTime(each.last) } }
    try {
      if (!each.isWritten) await client.create(collection, eventOf(each), { signal })
      else await client.patch(collection, each.name, patch, { type: 'merge', signal })
    } catch (thrown) {
      const isGone = each.isWritten && thrown instanceof ClusterError && thrown.status === 404
      if (!isGone) throw thrown
      // The API server forgets Events after an hour.
      await client.create(collection, eventOf(each), { signal })
    }
    each.isWritten = true
  }
  const write = async () => {
    for (let each = queue.shift(); each !== undefined; each = queue.shift()) {
      each.isQueued = false
      try {
        await writeOne(each)
      } catch (thrown) {
        dropped += 1
        const { kind, namespace, name } = each.facts.regarding
        log.debug('an Event could not be written', { kind, namespace, name, error: thrownText(thrown) })
      }
    }
  }

  return {
    record: facts => {
      if (isClosed) {
        dropped += 1
        return
      }
      const { regarding, type, reason, action } = facts
      const { kind, namespace, name, uid = '' } = regarding
      const key = JSON.stringify([kind, namespace, name, uid, type, reason, action])
      const known = series.get(key)
      const nowMs = clock.monotonicMs()
      if (known !== undefined && nowMs - known.lastMs < SERIES_MS) {
        known.count += 1
        known.last = clock.date()
        known.lastMs = nowMs
        enqueue(known)
        return
      }
      const fresh = begin(facts)
      keepNewest(series, key, fresh, MAX_OBJECTS)
      enqueue(fresh)
    },
    get dropped() {
      return dropped
    },
    close: async () => {
      isClosed = true
      if (writing === null) return
      const ended = new AbortController()
      const limit = clock.wait(CLOSE_MS, ended.signal).then(() => {
        dropped += queue.splice(0).length
        stopping.abort()
      })
      await Promise.race([writing, limit])
      ended.abort()
    },
  }
}

/** At most 1024 bytes of UTF-8, ended between two characters. */
function cut(note: string): string {
  const bytes = Buffer.from(note, 'utf8')
  if (bytes.length <= MAX_NOTE_BYTES) return note
  const text = new TextDecoder('utf-8').decode(bytes.subarray(0, MAX_NOTE_BYTES - 3), { stream: true })
  return `${text}…`
}
