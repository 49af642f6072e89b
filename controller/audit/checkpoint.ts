import { thrownText } from '../../src/errors.js'
import { isJsonObject, type JsonObject, parseJson, stringifyJson } from '../../src/json.js'
import { type ClusterClient, ClusterError, type Collection } from '../../src/io/cluster/cluster-client.js'
import type { Logger } from '../../src/io/log.js'

/** How far the audit has come: what the next leader, or this one after a restart, goes on from. */
export interface Progress {
  /** What the results depend on (bundle, kind of reports, …); when it is another, everything is judged anew. */
  readonly settings: string
  /** When the last complete audit ended; milliseconds since the epoch. */
  readonly completedMs: number
  /** By kind: everything until this resourceVersion has been judged. */
  readonly resourceVersions: Readonly<Record<string, string>>
}

/** Keeps the progress in a ConfigMap of the controller's namespace. A lost one costs a complete audit, nothing more. */
export function createCheckpoint(
  client: Pick<ClusterClient, 'find' | 'create' | 'replace'>,
  options: { readonly namespace: string; readonly name?: string; readonly log: Logger },
) {
  const { namespace, name = 'lockkeeper-audit', log } = options
  const collection: Collection = { group: '', version: 'v1', resource: 'configmaps', namespace }
  return {
    /** null: nothing to go on from. */
    async load(signal: AbortSignal): Promise<Progress | null> {
      try {
        const found = await client.find(collection, name, { signal })
        const text = isJsonObject(found?.data) ? found.data.progress : undefined
        return typeof text === 'string' ? progressIn(text) : null
      } catch (thrown) {
        log.warn('the progress of the audit cannot be read: everything is judged anew', fieldsOf(thrown))
        return null
      }
    },
    async save(progress: Progress, signal: AbortSignal): Promise<void> {
      const object: JsonObject = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'lockkeeper' } },
        data: { progress: stringifyJson({ ...progress, resourceVersions: { ...progress.resourceVersions } }) },
      }
      try {
        // Without a resourceVersion the last one counts, and only the leader writes.
        await client.replace(collection, name, object, { signal })
      } catch (thrown) {
        if (thrown instanceof ClusterError && thrown.status === 404) await create(object, signal)
        else log.warn('the progress of the audit cannot be kept', fieldsOf(thrown))
      }
    },
  }

  async function create(object: JsonObject, signal: AbortSignal): Promise<void> {
    try {
      await client.create(collection, object, { signal })
    } catch (thrown) {
      log.warn('the progress of the audit cannot be kept', fieldsOf(thrown))
    }
  }

  function fieldsOf(thrown: unknown) {
    return { namespace, name, error: thrownText(thrown) }
  }
}

function progressIn(text: string): Progress | null {
  const value = parseJson(text)
  if (!isJsonObject(value) || typeof value.settings !== 'string' || typeof value.completedMs !== 'number') return null
  const versions = isJsonObject(value.resourceVersions) ? value.resourceVersions : {}
  const { settings, completedMs } = value
  const entries = Object.entries(versions).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return { settings, completedMs, resourceVersions: Object.fromEntries(entries) }
}
