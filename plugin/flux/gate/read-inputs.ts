import type { ClusterClient, Collection } from '../../../src/io/cluster/cluster-client.js'
import { namesOf } from '../../../src/io/cluster/object-names.js'
import type { JsonObject } from '../../../src/json.js'
import type { GateName } from '../artifact/store.js'
import type { VariablesReference } from '../judgement/tree-judgement.js'
import type { ArtifactGate } from './artifact-gate.js'
import { type Inputs, variablesOf, type VariablesVersion } from './inputs.js'
import type { Problem } from './plan.js'
import { sourceArtifact } from './source-artifact.js'

/** Where Kustomizations are. */
export const KUSTOMIZATIONS: Collection = {
  group: 'kustomize.toolkit.fluxcd.io',
  version: 'v1',
  resource: 'kustomizations',
}

export interface InputsReader {
  readonly client: Pick<ClusterClient, 'find'>
  /** The Kustomizations that take the gate's ExternalArtifact, as far as they were heard of. */
  readonly takersOf: (gate: GateName) => readonly GateName[]
  /** The digest of the bundle in force. */
  readonly bundle: () => string
}

/**
 * Reads what the judgement of a gate depends on from the API server itself: what a watch has heard may be old.
 *
 * @throws ClusterError
 */
export async function readInputs(
  gate: ArtifactGate,
  { client, takersOf, bundle }: InputsReader,
  signal: AbortSignal,
): Promise<Inputs | Problem> {
  const { source } = gate
  if (source === null) return { reason: 'SourceInvalid', message: 'spec.sourceRef names no kind of source' }
  const shown = `${source.kind} ${source.namespace}/${source.name}`
  const found = await client.find(source.collection, source.name, { signal })
  if (found === null) return { reason: 'SourceNotFound', message: `there is no ${shown}` }
  const artifact = sourceArtifact(found)
  if (artifact === null) return { reason: 'SourceNotReady', message: `${shown} has no artifact yet` }

  const kustomizations: JsonObject[] = []
  for (const { namespace, name } of inOrder([...gate.kustomizations, ...takersOf(gate)])) {
    const kustomization = await client.find({ ...KUSTOMIZATIONS, namespace }, name, { signal })
    if (kustomization !== null) kustomizations.push(kustomization)
    else if (gate.kustomizations.some(each => each.namespace === namespace && each.name === name)) {
      return { reason: 'KustomizationNotFound', message: `there is no Kustomization ${namespace}/${name}` }
    }
  }
  if (kustomizations.length === 0) {
    return {
      reason: 'NoKustomization',
      message: 'no Kustomization takes the artifact, and spec.kustomizations names none',
    }
  }
  const variables: VariablesVersion[] = []
  for (const reference of kustomizations.flatMap(variablesOf)) {
    const object = await client.find(variablesCollection(reference), reference.name, { signal })
    const { uid, resourceVersion } = namesOf(object ?? {})
    variables.push({ ...reference, version: object === null ? '' : `${uid}/${resourceVersion}` })
  }
  return { gate, artifact, kustomizations, variables, bundle: bundle() }
}

/** Where a substituteFrom object is. */
export function variablesCollection({ kind, namespace }: Pick<VariablesReference, 'kind' | 'namespace'>): Collection {
  return { group: '', version: 'v1', resource: kind === 'Secret' ? 'secrets' : 'configmaps', namespace }
}

function inOrder(names: readonly GateName[]): readonly GateName[] {
  const byKey = new Map(names.map(({ namespace, name }) => [`${namespace}/${name}`, { namespace, name }]))
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each)
}
