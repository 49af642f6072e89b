import { stringifyJson } from '../../src/json.js'
import type { NamespaceInfo } from '../../src/decision-types.js'
import { type ClusterClient, type ClusterObject } from '../../src/io/cluster/cluster-client.js'
import { createWatchCache } from '../../src/io/cluster/watch-cache.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { Logger } from '../../src/io/log.js'
import { namespaceInfo } from '../../src/policy/bundle.js'

const NAMESPACES = { group: '', version: 'v1', resource: 'namespaces' }

/** The labels and annotations of every namespace, which decide what policies apply to what is in it. */
export interface Namespaces {
  readonly synced: Promise<void>
  /** null: there is no such namespace, so there is nothing in it either. */
  find(name: string): Promise<NamespaceInfo | null>
}

/** @param onRelabelled called when other policies may apply to what is in a namespace */
export function watchNamespaces(
  client: Pick<ClusterClient, 'list' | 'watch' | 'find'>,
  options: {
    readonly onRelabelled: (name: string) => void
    readonly signal: AbortSignal
    readonly log: Logger
    readonly clock: Clock
  },
): Namespaces {
  const { onRelabelled, signal, log, clock } = options
  const labels = new Map<string, string>()
  const cache = createWatchCache(client, NAMESPACES, {
    transform: infoOf,
    onChange: ({ type, name, object }) => {
      const text = stringifyJson(object.labels)
      const before = labels.get(name)
      if (type === 'DELETED') labels.delete(name)
      else labels.set(name, text)
      if (type === 'MODIFIED' && before !== text) onRelabelled(name)
    },
    signal,
    log,
    clock,
  })
  return {
    synced: cache.synced,
    find: async name => {
      const known = cache.get('', name)
      if (known !== undefined) return known
      // An object may be seen before its namespace is.
      const namespace = await client.find(NAMESPACES, name, { signal })
      return namespace === null ? null : infoOf(namespace)
    },
  }
}

function infoOf({ metadata }: ClusterObject): NamespaceInfo {
  return namespaceInfo(metadata)
}
