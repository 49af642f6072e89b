import type { NamespaceInfo } from '../src/decision-types.js'
import { thrownText } from '../src/errors.js'
import type { ClusterClient } from '../src/io/cluster/cluster-client.js'
import { createWatchCache } from '../src/io/cluster/watch-cache.js'
import type { Logger } from '../src/io/log.js'
import type { NamespaceDirectory } from '../src/io/pool.js'
import type { NamespaceAnswer, NamespaceChange } from '../src/io/pool-messages.js'
import type { JsonObject } from '../src/json.js'
import { namespaceInfo } from '../src/policy/bundle.js'

const NAMESPACES = { group: '', version: 'v1', resource: 'namespaces' } as const
/** A review waits for it: most of its time must be left. */
const LOOK_UP_TIMEOUT_MS = 1_500

/** The namespaces of the cluster, watched. */
export interface WatchedNamespaces extends NamespaceDirectory {
  /** When all have been read once. */
  readonly synced: Promise<void>
}

/** Watches the labels and annotations of all namespaces; they stay known while the API server is away. */
export function watchNamespaces(
  client: ClusterClient,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): WatchedNamespaces {
  const listeners = new Set<(changes: readonly NamespaceChange[]) => void>()
  const names = new Map<string, NamespaceInfo>()
  const asked = new Map<string, Promise<NamespaceAnswer>>()
  const cache = createWatchCache<NamespaceInfo>(client, NAMESPACES, {
    transform: infoOf,
    onChange: ({ type, name, object }) => {
      const info = type === 'DELETED' ? null : object
      if (info === null) names.delete(name)
      else names.set(name, info)
      for (const each of listeners) each([[name, info]])
    },
    signal,
    log,
  })

  async function ask(name: string): Promise<NamespaceAnswer> {
    try {
      const found = await client.find(NAMESPACES, name, { signal: AbortSignal.timeout(LOOK_UP_TIMEOUT_MS) })
      return found === null ? { problem: 'there is no such namespace' } : { info: infoOf(found) }
    } catch (error) {
      return { problem: thrownText(error) }
    }
  }

  return {
    synced: cache.synced,
    known: () => [...names],
    onChange: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    lookUp: name => {
      const known = names.get(name)
      if (known !== undefined) return Promise.resolve({ info: known })
      // Many requests about a new namespace come at once: one question answers them all.
      const answer = asked.get(name) ?? ask(name).finally(() => asked.delete(name))
      asked.set(name, answer)
      return answer
    },
  }
}

function infoOf({ metadata }: JsonObject): NamespaceInfo {
  return namespaceInfo(metadata)
}
