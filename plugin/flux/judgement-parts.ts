import { Buffer } from 'node:buffer'
import type { ClusterClient } from '../../src/io/cluster/cluster-client.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import { createLiveReading } from '../../src/io/cluster/live/live-reading.js'
import { GateError, thrownText } from '../../src/errors.js'
import type { Logger } from '../../src/io/log.js'
import { type Json, type JsonObject, stringMembers } from '../../src/json.js'
import type { LiveReference } from '../../src/live-query.js'
import { member } from './gate/artifact-gate.js'
import { variablesCollection } from './gate/read-inputs.js'
import type { TreeParts } from './judgement/tree-judgement.js'

/** What a judgement asks of the cluster: variables, and live objects. */
export function createClusterParts(
  client: ClusterClient,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): (signal: AbortSignal) => Pick<TreeParts, 'variables' | 'live'> {
  const read = createLiveReading(client, { clock })
  return signal => ({
    variables: async reference => {
      const object = await client.find(variablesCollection(reference), reference.name, { signal })
      return object === null ? null : dataOf(object, reference.kind)
    },
    live: async (kustomization, targets) => {
      const spec = member(kustomization, 'spec')
      const objects = targets.flatMap(({ group, version, kind, namespace, name }) =>
        name === undefined ? [] : [{ group, version, kind, name, ...(namespace !== undefined && { namespace }) }],
      )
      const { namespace = '', name = '' } = stringMembers(kustomization.metadata)
      const { targetNamespace = namespace } = stringMembers(spec)
      // Whether it is really pruned, the judgement sees.
      const applied = spec.prune === true ? inventoryOf(kustomization) : []
      try {
        return await read({ objects, applied, destinationNamespace: targetNamespace, isPrunable: () => true }, signal)
      } catch (thrown) {
        if (!(thrown instanceof GateError)) throw thrown
        signal.throwIfAborted()
        log.warn('judged without the live objects', { namespace, name, error: thrownText(thrown) })
        return 'unknown'
      }
    },
  })
}

/** What a Kustomization has applied: entries such as `shop_web_apps_Deployment`; no name of Kubernetes has an underscore but RBAC's. */
export function inventoryOf(kustomization: JsonObject): readonly LiveReference[] {
  const { entries } = member(member(kustomization, 'status'), 'inventory')
  return (Array.isArray(entries) ? entries : []).flatMap(each => referenceIn(each) ?? [])
}

function referenceIn(entry: Json): LiveReference | null {
  const { id = '', v: version = '' } = stringMembers(entry)
  const parts = id.split('_')
  const [namespace = ''] = parts
  const [group, kind] = parts.slice(-2)
  // A colon in a name, as RBAC's have, is written as two underscores.
  const name = parts.slice(1, -2).join('_').replaceAll('__', ':')
  if (parts.length < 4 || group === undefined || kind === undefined || name === '' || version === '') return null
  return { group, version, kind, name, ...(namespace !== '' && { namespace }) }
}

function dataOf(object: JsonObject, kind: 'ConfigMap' | 'Secret'): ReadonlyMap<string, string> {
  const decode = (value: string) => (kind === 'Secret' ? Buffer.from(value, 'base64').toString('utf8') : value)
  return new Map(Object.entries(stringMembers(object.data)).map(([key, value]) => [key, decode(value)]))
}
