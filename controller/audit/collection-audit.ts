import { thrownText } from '../../src/errors.js'
import { backoffMs, type Clock } from '../../src/io/cluster/clock.js'
import { type ClusterClient, ClusterError, type ClusterObject } from '../../src/io/cluster/cluster-client.js'
import { listPages } from '../../src/io/cluster/list-pages.js'
import { namesOf, type ObjectNames } from '../../src/io/cluster/object-names.js'
import type { Logger } from '../../src/io/log.js'
import type { AuditedKind } from './audited-kinds.js'
import type { AuditJob } from './judge.js'

export interface CollectionParts {
  readonly client: Pick<ClusterClient, 'list' | 'watch'>
  /** Waits while there is too much to judge. */
  readonly put: (key: string, job: AuditJob) => Promise<void>
  /** Runs one list at a time, whatever asks for it. */
  readonly inTurn: <T>(run: () => Promise<T>) => Promise<T>
  readonly log: Logger
  readonly clock: Clock
}

/** Small enough that a page of large objects does not matter to anybody. */
const PAGE_SIZE = 250
/** So long the API server has for others after each page: ten pages a second at most. */
const AFTER_PAGE_MS = 100
const MAX_WAIT_MS = 30_000
/** A kind that we may not read is not asked for all the time. */
const REFUSED_WAIT_MS = 300_000
const SHORTEST_WATCH_MS = 1000

/**
 * The objects of one kind: listed when nothing is known of them or when everything is judged anew, watched otherwise.
 * The watch goes on from where the list was made, so nothing is judged twice and nothing is missed. Where the server has
 * forgotten that point, as after its restart, a list tells what has another resourceVersion than it had.
 */
export class CollectionAudit {
  readonly kind: AuditedKind
  readonly #parts: CollectionParts
  #resourceVersion: string
  /** The resourceVersion of each object that was handed on: some 100 bytes an object. */
  #handedOn = new Map<string, string>()
  /** Those who wait for a complete list. */
  #wanted: ((isComplete: boolean) => void)[] = []
  #interrupt = new AbortController()
  readonly #stopping = new AbortController()

  /** @param resourceVersion where an earlier audit came to; '' begins with a list */
  constructor(kind: AuditedKind, parts: CollectionParts, resourceVersion: string) {
    this.kind = kind
    this.#parts = parts
    this.#resourceVersion = resourceVersion
  }

  /** Everything until here has been handed on to be judged; '' before the first list. */
  get resourceVersion(): string {
    return this.#resourceVersion
  }

  /** Ends it for good: the kind is no longer served, or nobody speaks of it. */
  stop(): void {
    this.#stopping.abort()
    this.#interrupt.abort()
  }

  /** Hands on every object. @returns whether all of them could be read */
  audit(): Promise<boolean> {
    return new Promise(resolve => {
      this.#wanted.push(resolve)
      this.#interrupt.abort()
    })
  }

  /** Hands on every object of one namespace; the watch goes on meanwhile. */
  async auditNamespace(namespace: string, signal: AbortSignal): Promise<void> {
    if (this.kind.namespaced) await this.#listInTurn({ namespace }, signal)
  }

  /** Lists and watches until the signal is aborted. Never rejects for what the API server does. */
  async run(signal: AbortSignal): Promise<void> {
    const isOver = () => signal.aborted || this.#stopping.signal.aborted
    let failures = 0
    while (!isOver()) {
      this.#interrupt = new AbortController()
      const interrupt = () => {
        this.#interrupt.abort()
      }
      signal.addEventListener('abort', interrupt)
      const beganMs = this.#parts.clock.monotonicMs()
      let waitMs = 0
      try {
        if (this.#resourceVersion === '' || this.#wanted.length > 0) await this.#list(signal)
        const sawAny = await this.#watch(this.#interrupt.signal)
        const isShort = !sawAny && this.#parts.clock.monotonicMs() - beganMs < SHORTEST_WATCH_MS
        failures = isShort ? failures + 1 : 0
        if (isShort) waitMs = backoffMs(failures, this.#parts.clock, MAX_WAIT_MS)
      } catch (thrown) {
        if (isOver()) break
        failures += 1
        waitMs = this.#failed(thrown, failures)
      }
      // Somebody who wants a list does not wait for it longer than a failure takes.
      if (waitMs > 0 && this.#wanted.length === 0) await this.#parts.clock.wait(waitMs, this.#interrupt.signal)
      signal.removeEventListener('abort', interrupt)
    }
    this.#settle(false)
  }

  /** @returns how long to wait */
  #failed(thrown: unknown, failures: number): number {
    const error = thrown instanceof ClusterError ? thrown : null
    if (error?.status === 410) this.#resourceVersion = ''
    // A list that somebody waited for failed with it.
    else this.#settle(false)
    if (error?.status === 410 && failures === 1) return 0
    const isRefused = error?.status === 403 || error?.status === 404 || error?.status === 405
    const backoff = isRefused ? REFUSED_WAIT_MS : backoffMs(failures, this.#parts.clock, MAX_WAIT_MS)
    const waitMs = Math.max(backoff, (error?.retryAfterSeconds ?? 0) * 1000)
    const { group, resource } = this.kind
    const fields = { group, kind: resource, error: thrownText(thrown), durationMs: Math.round(waitMs) }
    this.#parts.log.warn('objects of a kind cannot be read; they are not audited until they can', fields)
    return waitMs
  }

  async #list(signal: AbortSignal): Promise<void> {
    let wanted: ((isComplete: boolean) => void)[] = []
    let isComplete = false
    try {
      const seen = new Map<string, string>()
      const isKnown = ({ namespace, name, resourceVersion }: ObjectNames) => {
        const key = `${namespace}/${name}`
        seen.set(key, resourceVersion)
        return wanted.length === 0 && this.#handedOn.get(key) === resourceVersion
      }
      const begin = () => {
        // Who asks while the list is being made gets the next one.
        wanted = this.#wanted.splice(0)
      }
      this.#resourceVersion = await this.#listInTurn({ isKnown, begin }, signal)
      this.#handedOn = seen
      isComplete = !signal.aborted
    } finally {
      for (const resolve of wanted) resolve(isComplete)
    }
  }

  /** @returns the resourceVersion of the list */
  #listInTurn(
    options: {
      readonly namespace?: string
      readonly begin?: () => void
      readonly isKnown?: (names: ObjectNames) => boolean
    },
    signal: AbortSignal,
  ): Promise<string> {
    const { namespace, begin, isKnown } = options
    return this.#parts.inTurn(async () => {
      begin?.()
      const collection = { ...this.kind, ...(namespace !== undefined && { namespace }) }
      let resourceVersion = ''
      // Judging many objects may take longer than the server remembers; from the beginning again would never end.
      const paging = { limit: PAGE_SIZE, whenForgotten: 'go on', signal } as const
      for await (const page of listPages(this.#parts.client, collection, paging)) {
        for (const object of page.items) if (isKnown?.(namesOf(object)) !== true) await this.#put(object, false)
        resourceVersion = page.resourceVersion
        await this.#parts.clock.wait(AFTER_PAGE_MS, signal)
      }
      return resourceVersion
    })
  }

  /** @returns whether anything came */
  async #watch(signal: AbortSignal): Promise<boolean> {
    let sawAny = false
    const watching = this.#parts.client.watch(this.kind, { resourceVersion: this.#resourceVersion, signal })
    for await (const { type, object } of watching) {
      sawAny = true
      const { namespace, name, resourceVersion } = namesOf(object)
      if (type !== 'BOOKMARK') await this.#put(object, type === 'DELETED')
      if (type === 'DELETED') this.#handedOn.delete(`${namespace}/${name}`)
      else if (type !== 'BOOKMARK') this.#handedOn.set(`${namespace}/${name}`, resourceVersion)
      if (resourceVersion !== '') this.#resourceVersion = resourceVersion
    }
    return sawAny
  }

  #put(object: ClusterObject, isDeleted: boolean): Promise<void> {
    const { namespace, name } = namesOf(object)
    const { group, resource } = this.kind
    return this.#parts.put(`${group}/${resource}/${namespace}/${name}`, { kind: this.kind, object, isDeleted })
  }

  #settle(isComplete: boolean): void {
    for (const resolve of this.#wanted.splice(0)) resolve(isComplete)
  }
}
