import { thrownText } from '../../src/errors.js'
import { isJsonObject } from '../../src/json.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import { type ClusterClient, ClusterError, type ClusterObject } from '../../src/io/cluster/cluster-client.js'
import { namesOf } from '../../src/io/cluster/object-names.js'
import { createWatchCache, type WatchCache } from '../../src/io/cluster/watch-cache.js'
import type { Logger } from '../../src/io/log.js'
import type { Metrics } from '../metrics.js'
import { type ReportApi, REPORT_LABELS, reportCollection, reportDigest, reportName } from './report-object.js'

/** What is kept of a report that is there. */
interface Known {
  readonly namespace: string
  readonly name: string
  readonly resourceVersion: string
  readonly digest: string
  readonly apiVersion: string
  readonly kind: string
}

/** The reports in the cluster, written only where they change. */
export interface ReportStore {
  readonly synced: Promise<void>
  /** @returns whether it said something new; a failure is logged and counted, and the next audit tries again */
  write(report: ClusterObject): Promise<boolean>
  /** Removes the report of an object that is clean or gone, if there is one. */
  remove(namespace: string, uid: string): Promise<void>
  /** Begins a complete audit. */
  beginRound(): void
  /** Ends it: reports that nothing was found for are removed, unless `isUnsure` of what they are about. */
  endRound(isUnsure: (subject: { apiVersion: string; kind: string }) => boolean): Promise<void>
}

export function openReportStore(
  client: ClusterClient,
  api: ReportApi,
  options: { readonly metrics: Metrics; readonly signal: AbortSignal; readonly log: Logger; readonly clock: Clock },
): ReportStore {
  const { metrics, signal, log, clock } = options
  const labelSelector = Object.entries(REPORT_LABELS)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const watch = (namespace: '' | undefined) =>
    createWatchCache(client, reportCollection(api, namespace), {
      labelSelector,
      transform: knownOf,
      // Each may be a mebibyte.
      pageSize: 50,
      signal,
      log,
      clock,
    })
  const [namespaced, cluster] = [watch(undefined), watch('')]
  const cacheOf = (namespace: string): WatchCache<Known> => (namespace === '' ? cluster : namespaced)
  const keyOf = (namespace: string, name: string) => `${namespace}/${name}`
  /** Reports that were found right since the round began. */
  const confirmed = new Set<string>()

  const failed = (what: string, namespace: string, name: string, thrown: unknown) => {
    if (signal.aborted) return
    metrics.reports.inc({ operation: 'failed' })
    log.warn(`a report could not be ${what}`, { namespace, name, error: thrownText(thrown) })
  }
  const put = async (report: ClusterObject, resourceVersion: string | undefined): Promise<void> => {
    const { namespace, name } = namesOf(report)
    const collection = reportCollection(api, namespace)
    if (resourceVersion === undefined) {
      await client.create(collection, report, { signal })
      return
    }
    const metadata = isJsonObject(report.metadata) ? report.metadata : {}
    await client.replace(collection, name, { ...report, metadata: { ...metadata, resourceVersion } }, { signal })
  }
  const removeKnown = async ({ namespace, name }: Pick<Known, 'namespace' | 'name'>): Promise<void> => {
    confirmed.delete(keyOf(namespace, name))
    try {
      await client.delete(reportCollection(api, namespace), name, { signal })
      metrics.reports.inc({ operation: 'deleted' })
    } catch (thrown) {
      // The garbage collector was there first.
      if (!(thrown instanceof ClusterError) || thrown.status !== 404) failed('deleted', namespace, name, thrown)
    }
  }

  return {
    synced: Promise.all([namespaced.synced, cluster.synced]).then(() => undefined),
    write: async report => {
      const { namespace, name } = namesOf(report)
      confirmed.add(keyOf(namespace, name))
      const known = cacheOf(namespace).get(namespace, name)
      if (known?.digest === reportDigest(report)) return false
      try {
        try {
          await put(report, known?.resourceVersion)
        } catch (thrown) {
          const status = thrown instanceof ClusterError ? thrown.status : 0
          if (status !== 409 && !(status === 404 && known !== undefined)) throw thrown
          // The cache was behind: of what we wrote just now, or of what somebody else did.
          const found = await client.find(reportCollection(api, namespace), name, { signal })
          if (found !== null && reportDigest(found) === reportDigest(report)) return false
          await put(report, found === null ? undefined : namesOf(found).resourceVersion)
        }
        metrics.reports.inc({ operation: 'written' })
      } catch (thrown) {
        failed('written', namespace, name, thrown)
      }
      return true
    },
    remove: async (namespace, uid) => {
      const name = reportName(uid)
      const isKnown = cacheOf(namespace).get(namespace, name) !== undefined
      // Written just now, and not seen by the cache yet.
      if (isKnown || confirmed.has(keyOf(namespace, name))) await removeKnown({ namespace, name })
    },
    beginRound: () => {
      confirmed.clear()
    },
    endRound: async isUnsure => {
      for (const known of [...namespaced.values(), ...cluster.values()]) {
        if (signal.aborted) return
        if (!confirmed.has(keyOf(known.namespace, known.name)) && !isUnsure(known)) await removeKnown(known)
      }
    },
  }
}

function knownOf(report: ClusterObject): Known {
  const { namespace, name, resourceVersion } = namesOf(report)
  const { apiVersion, kind } = isJsonObject(report.scope) ? report.scope : {}
  return {
    namespace,
    name,
    resourceVersion,
    digest: reportDigest(report),
    apiVersion: typeof apiVersion === 'string' ? apiVersion : '',
    kind: typeof kind === 'string' ? kind : '',
  }
}
