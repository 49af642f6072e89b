import type { Clock } from '../cluster/clock.js'
import type { ClusterClient } from '../cluster/cluster-client.js'
import { createWatchCache } from '../cluster/watch-cache.js'
import type { Logger } from '../log.js'

/** The Secret to watch; by its name alone, so that a Role for this one Secret suffices. */
export interface SecretWatchOptions {
  readonly client: Pick<ClusterClient, 'list' | 'watch'>
  readonly namespace: string
  readonly name: string
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Makes the `watchSecret` of `createCertificates`: it tells that something changed, and keeps nothing of the Secret. */
export function createSecretWatch(options: SecretWatchOptions): (onChange: () => void) => () => void {
  const { client, namespace, name, clock, log, signal } = options
  return onChange => {
    const cache = createWatchCache(
      client,
      { group: '', version: 'v1', resource: 'secrets', namespace },
      { fieldSelector: `metadata.name=${name}`, transform: () => null, onChange, signal, log, clock },
    )
    return () => {
      cache.close()
    }
  }
}
