import { isJsonObject, type JsonObject, parseJson, stringifyJson } from '../../src/json.js'
import { type ClusterClient, ClusterError, type Collection } from '../../src/io/cluster/cluster-client.js'

/** Which bundle the Applications were told of, and how far that has come. */
export interface Announcement {
  /** Digest of the bundle. */
  readonly bundle: string
  /** Every Application was asked. */
  readonly isComplete: boolean
  /** The keys of those that were asked already; empty once it is complete. */
  readonly asked: readonly string[]
}

/** Keeps the announcement in a ConfigMap of the controller's namespace, for the next leader. A lost one costs one more round. */
export function createAnnouncements(
  client: Pick<ClusterClient, 'find' | 'create' | 'replace'>,
  { namespace, name = 'lockkeeper-freshness' }: { readonly namespace: string; readonly name?: string },
) {
  const collection: Collection = { group: '', version: 'v1', resource: 'configmaps', namespace }
  return {
    /**
     * null: nothing was announced, as far as is known
     *
     * @throws ClusterError: not knowing is no reason to ask everybody again
     */
    async load(signal: AbortSignal): Promise<Announcement | null> {
      const found = await client.find(collection, name, { signal })
      const text = isJsonObject(found?.data) ? found.data.announcement : undefined
      return typeof text === 'string' ? announcementIn(text) : null
    },
    /** @throws ClusterError */
    async save(announcement: Announcement, signal: AbortSignal): Promise<void> {
      const { bundle, isComplete, asked } = announcement
      const object: JsonObject = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'lockkeeper' } },
        data: { announcement: stringifyJson({ bundle, isComplete, asked: [...asked] }) },
      }
      try {
        // Without a resourceVersion the last one counts, and only the leader writes.
        await client.replace(collection, name, object, { signal })
      } catch (thrown) {
        if (!(thrown instanceof ClusterError) || thrown.status !== 404) throw thrown
        await client.create(collection, object, { signal })
      }
    },
  }
}

function announcementIn(text: string): Announcement | null {
  let value
  try {
    value = parseJson(text)
  } catch {
    // Written by somebody else: as if it were lost.
    return null
  }
  if (!isJsonObject(value) || typeof value.bundle !== 'string') return null
  const { bundle, isComplete, asked } = value
  const keys = Array.isArray(asked) ? asked.filter(each => typeof each === 'string') : []
  return { bundle, isComplete: isComplete === true, asked: keys }
}
