import type { Clock } from '../src/io/cluster/clock.js'
import type { ClusterClient } from '../src/io/cluster/cluster-client.js'
import type { Logger } from '../src/io/log.js'
import { runFreshness } from './freshness/freshness.js'
import type { Metrics } from './metrics.js'
import type { ControllerOptions } from './options.js'
import { runReceiptKeys } from './receipt-keys/receipt-keys.js'

const DAY_MS = 86_400_000
/** A mounted ConfigMap gets to every node in about a minute and a half; a webhook that is away for a while comes back meanwhile. */
const PUBLISH_KEYS_MS = 600_000

/** What the leader does for Argo CD, as far as it was asked to. */
export function argoCdWorks(
  { argocd, namespace }: Pick<ControllerOptions, 'argocd' | 'namespace'>,
  parts: {
    readonly client: ClusterClient
    readonly metrics: Metrics
    readonly clock: Clock
    readonly loggerOf: (component: string) => Logger
    /** Digest of the bundle in force. */
    readonly bundle: () => string
  },
): readonly ((signal: AbortSignal) => Promise<void>)[] {
  if (argocd === undefined) return []
  const { client, metrics, clock, loggerOf, bundle } = parts
  const works: ((signal: AbortSignal) => Promise<void>)[] = []
  if (argocd.refreshApplications) {
    const { applicationNamespaces, pluginName, refreshesPerSecond, refreshDelaySeconds } = argocd
    const delayMs = refreshDelaySeconds * 1000
    const same = { client, metrics, clock, bundle, namespace, log: loggerOf('freshness') }
    works.push(signal =>
      runFreshness({ ...same, applicationNamespaces, pluginName, refreshesPerSecond, delayMs }, signal),
    )
  }
  if (argocd.receiptKeys) {
    const times = {
      rotateAfterMs: argocd.rotateKeysAfterDays * DAY_MS,
      overlapMs: argocd.trustOldKeysDays * DAY_MS,
      publishMs: PUBLISH_KEYS_MS,
    }
    const same = { client, metrics, clock, namespace, log: loggerOf('receipt-keys') }
    works.push(signal => runReceiptKeys({ ...same, secretNamespace: argocd.namespace, times }, signal))
  }
  return works
}
