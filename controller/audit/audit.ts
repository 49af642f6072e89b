import { configuredCard } from '../../src/config.js'
import { thrownText } from '../../src/errors.js'
import { stringifyJson } from '../../src/json.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient } from '../../src/io/cluster/cluster-client.js'
import { type Discovery, discover } from '../../src/io/cluster/discovery.js'
import type { EventRecorder } from '../../src/io/cluster/event-recorder.js'
import type { Logger } from '../../src/io/log.js'
import type { Pool } from '../../src/io/pool.js'
import { groupOf, WORKLOADS } from '../../src/workload.js'
import type { Metrics } from '../metrics.js'
import { auditedKinds, kindKey } from './audited-kinds.js'
import { createCheckpoint, type Progress } from './checkpoint.js'
import { CollectionAudit } from './collection-audit.js'
import { FindingsCount } from './findings-count.js'
import { type AuditJob, createJudge } from './judge.js'
import { JudgingQueue } from '../../src/io/judging-queue.js'
import { watchNamespaces } from './namespaces.js'
import { REPORT_APIS, type ReportApi } from './report-object.js'
import { openReportStore, type ReportStore } from './report-store.js'

export interface AuditParts {
  readonly client: ClusterClient
  readonly pool: Pick<Pool, 'review' | 'bundle' | 'workers'>
  readonly events: Pick<EventRecorder, 'record'>
  readonly metrics: Metrics
  readonly reports: ReportApi | 'none'
  /** Where the progress is kept. */
  readonly namespace: string
  readonly auditIntervalMs: number
  readonly exemptNamespaces: readonly string[]
  readonly log: Logger
  readonly clock: Clock
}

/** Listing waits when so many objects wait to be judged: some tens of MiB at worst. */
const MAX_QUEUE = 500
/** New kinds are noticed within this time. */
const DISCOVERY_MS = 300_000
const CHECKPOINT_MS = 60_000
/** When nothing at all could be read, as while the API server is away. */
const RETRY_MS = 30_000
/** How often is looked whether something is due. */
const TICK_MS = 1000

/**
 * Judges everything that the policies speak of, then what changes, and everything anew at every interval, until the signal
 * is aborted. Only the leader may run it.
 */
export async function runAudit(parts: AuditParts, signal: AbortSignal): Promise<void> {
  await new Audit(parts, signal).run()
}

class Audit {
  readonly #parts: AuditParts
  readonly #signal: AbortSignal
  readonly #queue = new JudgingQueue<AuditJob>(MAX_QUEUE)
  readonly #collections = new Map<string, CollectionAudit>()
  readonly #running = new Set<Promise<void>>()
  readonly #relabelled = new Set<string>()
  readonly #count = new FindingsCount()
  /** Kinds that were not read to their end in this round. */
  readonly #unread = new Set<string>()
  #reports: { readonly api: ReportApi; readonly store: ReportStore } | null = null
  #turn: Promise<unknown> = Promise.resolve()
  #progress: Progress | null = null
  #completedMs = 0
  #lacksReports = false

  constructor(parts: AuditParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
  }

  async run(): Promise<void> {
    const { client, pool, events, metrics, exemptNamespaces, log, clock } = this.#parts
    const signal = this.#signal
    const checkpoint = createCheckpoint(client, { namespace: this.#parts.namespace, log })
    const namespaces = watchNamespaces(client, {
      onRelabelled: name => this.#relabelled.add(name),
      signal,
      log,
      clock,
    })
    const judge = createJudge({
      pool,
      namespaces,
      reports: () => this.#reports,
      events,
      metrics,
      exemptNamespaces,
      log,
      clock,
      onFindings: violations => {
        this.#count.add(violations)
      },
    })
    metrics.readings.queueLength = () => this.#queue.length
    await untilAborted(namespaces.synced, signal)
    this.#resume(await checkpoint.load(signal))
    const judging = Array.from({ length: pool.workers }, async () => {
      while (!signal.aborted) await this.#queue.take(judge, signal)
    })
    try {
      await Promise.all([this.#keepTime(checkpoint), ...judging])
    } finally {
      this.#queue.clear()
      for (const collection of this.#collections.values()) collection.stop()
      await Promise.allSettled([...this.#running])
    }
  }

  /** Goes on from an earlier audit with the same bundle and options. */
  #resume(progress: Progress | null): void {
    const { reports, clock, log } = this.#parts
    if (progress?.settings !== this.#settings(reports)) return
    // A clock that was set back does not tell when everything is due.
    if (progress.completedMs > clock.date().getTime()) return
    this.#progress = progress
    this.#completedMs = progress.completedMs
    log.info('the audit goes on from where it was', { count: Object.keys(progress.resourceVersions).length })
  }

  async #keepTime(checkpoint: ReturnType<typeof createCheckpoint>): Promise<void> {
    const { clock, auditIntervalMs } = this.#parts
    const signal = this.#signal
    let discoverAtMs = 0
    let roundAtMs = 0
    let checkpointAtMs = clock.monotonicMs() + CHECKPOINT_MS
    while (!signal.aborted) {
      const isOld = clock.date().getTime() - this.#completedMs >= auditIntervalMs
      const isDue = isOld && clock.monotonicMs() >= roundAtMs
      if (isDue || clock.monotonicMs() >= discoverAtMs) {
        const added = await this.#findKinds()
        discoverAtMs = clock.monotonicMs() + (added === null ? 10 * TICK_MS : DISCOVERY_MS)
        // Before the new ones begin, so that their first list is the one of this round.
        const round = isDue && added !== null ? this.#round() : null
        for (const each of added ?? []) this.#start(each)
        await round
        if (isDue) roundAtMs = clock.monotonicMs() + RETRY_MS
      }
      for (const name of this.#relabelled) await this.#auditNamespace(name)
      if ((isDue || clock.monotonicMs() >= checkpointAtMs) && this.#completedMs > 0) {
        await this.#save(checkpoint)
        checkpointAtMs = clock.monotonicMs() + CHECKPOINT_MS
      }
      await clock.wait(TICK_MS, signal)
    }
  }

  /** Ends kinds that are no more. @returns those that are new, not begun yet; null when the server could not be asked */
  async #findKinds(): Promise<readonly CollectionAudit[] | null> {
    const { client, pool, log } = this.#parts
    let discovery: Discovery
    try {
      discovery = await discover(client, this.#signal)
    } catch (thrown) {
      if (!this.#signal.aborted) log.warn('what the API server serves is not known', { error: thrownText(thrown) })
      return null
    }
    for (const { groupVersion, error } of discovery.failures) {
      log.warn('a group of the API cannot be asked for its kinds', { group: groupVersion, error })
    }
    await this.#openReports(discovery)
    const { cards, config } = pool.bundle
    const configured = cards.map(card => configuredCard(card, config))
    const kinds = auditedKinds(configured, [...WORKLOADS, ...config.workloads], discovery)
    const keys = new Set(kinds.map(kindKey))
    // Their servers may only be away for a moment.
    const away = new Set(discovery.failures.map(({ groupVersion }) => groupOf(groupVersion)))
    for (const [key, collection] of this.#collections) {
      if (keys.has(key) || away.has(collection.kind.group)) continue
      collection.stop()
      this.#collections.delete(key)
    }
    const added: CollectionAudit[] = []
    for (const kind of kinds) {
      const key = kindKey(kind)
      const known = this.#collections.get(key)
      if (known?.kind.version === kind.version) continue
      known?.stop()
      const audit = new CollectionAudit(
        kind,
        {
          ...this.#parts,
          put: (name, job) => this.#queue.put(name, job, this.#signal),
          inTurn: run => this.#inTurn(run),
        },
        this.#progress?.resourceVersions[key] ?? '',
      )
      this.#collections.set(key, audit)
      added.push(audit)
    }
    this.#progress = null
    return added
  }

  #start(collection: CollectionAudit): void {
    const running = collection.run(this.#signal).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #openReports({ resources }: Discovery): Promise<void> {
    const { client, reports: api, log } = this.#parts
    if (api === 'none' || this.#reports !== null) return
    const { group, version, namespaced, cluster } = REPORT_APIS[api]
    const isServed = (name: string) =>
      resources.some(each => each.group === group && each.version === version && each.resource === name)
    if (!isServed(namespaced.resource) || !isServed(cluster.resource)) {
      const reason = `the cluster has no ${group}/${version} ${namespaced.kind} and ${cluster.kind}: install their definitions`
      log.error('reports cannot be written', { reason })
      this.#lacksReports = true
      return
    }
    const store = openReportStore(client, api, { ...this.#parts, signal: this.#signal })
    await untilAborted(store.synced, this.#signal)
    this.#reports = { api, store }
    // What was found before can be said only now.
    if (this.#lacksReports) this.#completedMs = 0
    this.#lacksReports = false
  }

  /** What the results depend on, beside the objects. */
  #settings(reports: ReportApi | 'none'): string {
    const { pool, exemptNamespaces } = this.#parts
    return stringifyJson([pool.bundle.reference.digest, reports, ...exemptNamespaces])
  }

  /** Judges everything. */
  async #round(): Promise<void> {
    const { metrics, log, clock } = this.#parts
    const beganMs = clock.monotonicMs()
    this.#unread.clear()
    this.#count.begin()
    this.#reports?.store.beginRound()
    // All ask at once, and each gets its turn.
    await Promise.all(
      [...this.#collections].map(async ([key, collection]) => {
        if (!(await collection.audit())) this.#unread.add(key)
      }),
    )
    await this.#queue.idle(this.#signal)
    if (this.#signal.aborted) return
    if (this.#unread.size === this.#collections.size) {
      log.warn('nothing could be audited', { count: this.#unread.size })
      return
    }
    const unread = [...this.#unread].map(key => this.#collections.get(key)?.kind)
    await this.#reports?.store.endRound(({ apiVersion, kind }) =>
      unread.some(each => each?.group === groupOf(apiVersion) && each.kind === kind),
    )
    this.#count.show(metrics)
    this.#completedMs = clock.date().getTime()
    const seconds = (clock.monotonicMs() - beganMs) / 1000
    metrics.duration.set(seconds)
    metrics.lastComplete.set(this.#completedMs / 1000)
    metrics.unreadable.set(this.#unread.size)
    log.info('everything was audited', { count: this.#collections.size, durationMs: Math.round(seconds * 1000) })
  }

  /** Other policies may apply to what is in a namespace with other labels. */
  async #auditNamespace(name: string): Promise<void> {
    this.#relabelled.delete(name)
    for (const collection of [...this.#collections.values()]) {
      try {
        await collection.auditNamespace(name, this.#signal)
      } catch (thrown) {
        if (this.#signal.aborted) return
        const fields = { namespace: name, kind: collection.kind.kind, error: thrownText(thrown) }
        this.#parts.log.warn('a namespace with new labels could not be audited before the next interval', fields)
      }
    }
  }

  async #save(checkpoint: ReturnType<typeof createCheckpoint>): Promise<void> {
    const resourceVersions = Object.fromEntries(
      [...this.#collections]
        .map(([key, collection]) => [key, collection.resourceVersion])
        .filter(([, version]) => version !== ''),
    ) as Record<string, string>
    // What has been handed on until now has to be judged before it may be said so.
    await this.#queue.idle(this.#signal)
    if (this.#signal.aborted) return
    const settings = this.#settings(this.#reports?.api ?? 'none')
    await checkpoint.save({ settings, completedMs: this.#completedMs, resourceVersions }, this.#signal)
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined)
    return result
  }
}

async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([
    promise,
    new Promise<void>(resolve => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => {
        resolve()
      })
    }),
  ])
}
