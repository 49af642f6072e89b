import { canonicalJson } from '../../src/canonical.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient, ClusterObject, Collection } from '../../src/io/cluster/cluster-client.js'
import { namesOf } from '../../src/io/cluster/object-names.js'
import { createWatchCache, type WatchCache } from '../../src/io/cluster/watch-cache.js'
import type { Logger } from '../../src/io/log.js'
import { isJsonObject, stringMembers } from '../../src/json.js'
import type { GateName } from './artifact/store.js'
import { ARTIFACT_GATES, type ArtifactGate, member, parseArtifactGate } from './gate/artifact-gate.js'
import { EXTERNAL_ARTIFACTS } from './gate/external-artifact.js'
import { KUSTOMIZATIONS, variablesCollection } from './gate/read-inputs.js'
import type { VariablesReference } from './judgement/tree-judgement.js'

export interface WatchesOptions {
  readonly client: Pick<ClusterClient, 'list' | 'watch'>
  /** Something that the gate depends on changed. */
  readonly onChange: (gate: GateName) => void
  readonly signal: AbortSignal
  readonly log: Logger
  readonly clock: Clock
}

/** Hears of everything that a gate depends on; keeps names and versions of it, no objects. */
export interface Watches {
  /** When all gates and Kustomizations are known. */
  readonly synced: Promise<void>
  gates(): readonly GateName[]
  takersOf(gate: GateName): readonly GateName[]
  /** Watches the objects that a gate takes variables from, and nothing else of their kinds. */
  watchVariables(gate: GateName, variables: readonly VariablesReference[]): void
}

/** What is kept of an object: only a change of it counts. */
interface Heard {
  readonly signature: string
}

interface HeardGate extends Heard {
  readonly gate: ArtifactGate
}

interface HeardKustomization extends Heard {
  /** The ExternalArtifact that it takes; null: something else. */
  readonly taken: GateName | null
}

interface HeardVariables {
  readonly gates: Map<string, GateName>
  readonly ending: AbortController
}

export function createWatches({ client, onChange, signal, log, clock }: WatchesOptions): Watches {
  const sources = new Map<string, WatchCache<Heard>>()
  const variables = new Map<string, HeardVariables>()

  /** Tells of what changed, also of what was there before; `signature` leaves out what is of no interest. */
  const watch = <T extends Heard>(
    collection: Collection,
    transform: (object: ClusterObject) => T,
    changed: (name: GateName, object: T, before: T | null) => void,
    more: { readonly fieldSelector?: string; readonly signal?: AbortSignal } = {},
  ): WatchCache<T> => {
    const last = new Map<string, T>()
    return createWatchCache(client, collection, {
      signal,
      ...more,
      log,
      clock,
      transform,
      onChange: ({ type, namespace, name, object }) => {
        const key = `${namespace}/${name}`
        const before = last.get(key) ?? null
        if (type === 'DELETED') last.delete(key)
        else last.set(key, object)
        if (type === 'MODIFIED' && before?.signature === object.signature) return
        changed({ namespace, name }, object, before)
      },
    })
  }

  const kustomizations = watch(KUSTOMIZATIONS, heardKustomization, (name, object, before) => {
    for (const taken of [object.taken, before?.taken ?? null]) if (taken !== null) onChange(taken)
    for (const { gate } of gates.values()) if (gate.kustomizations.some(each => isSame(each, name))) onChange(gate)
  })
  const sourceChanged = (resource: string) => (name: GateName) => {
    for (const { gate } of gates.values()) {
      if (gate.source?.collection.resource === resource && isSame(gate.source, name)) onChange(gate)
    }
    // What somebody else writes into the ExternalArtifact of a gate is put right.
    if (resource === EXTERNAL_ARTIFACTS.resource && gates.get(name.namespace, name.name) !== undefined) onChange(name)
  }
  const watchSources = ({ group, version, resource }: Collection) => {
    const key = `${version}/${resource}`
    if (!sources.has(key)) {
      sources.set(key, watch({ group, version, resource }, heardSource, sourceChanged(resource)))
    }
  }
  const gates: WatchCache<HeardGate> = watch(ARTIFACT_GATES, heardGate, (name, { gate }) => {
    // Only kinds that a gate names: the others need not be installed.
    if (gate.source !== null) watchSources(gate.source.collection)
    onChange(name)
  })
  watchSources(EXTERNAL_ARTIFACTS)

  return {
    synced: Promise.all([gates.synced, kustomizations.synced]).then(() => undefined),
    gates: () => [...gates.values()].map(({ gate: { namespace, name } }) => ({ namespace, name })),
    takersOf: gate =>
      [...kustomizations.values()].flatMap(({ taken, name }) => (taken !== null && isSame(taken, gate) ? [name] : [])),
    watchVariables: (gate, wanted) => {
      const keys = new Map(wanted.map(each => [`${each.kind}/${each.namespace}/${each.name}`, each]))
      const gateKey = `${gate.namespace}/${gate.name}`
      for (const [key, reference] of keys) {
        const known = variables.get(key)
        if (known !== undefined) {
          known.gates.set(gateKey, gate)
          continue
        }
        const heard: HeardVariables = { gates: new Map([[gateKey, gate]]), ending: new AbortController() }
        variables.set(key, heard)
        watch(
          variablesCollection(reference),
          heardVersion,
          ({ name }) => {
            if (name === reference.name) for (const each of heard.gates.values()) onChange(each)
          },
          {
            fieldSelector: `metadata.name=${reference.name}`,
            signal: AbortSignal.any([signal, heard.ending.signal]),
          },
        )
      }
      for (const [key, { gates: of, ending }] of variables) {
        if (keys.has(key) || !of.delete(gateKey) || of.size > 0) continue
        ending.abort()
        variables.delete(key)
      }
    },
  }
}

function heardGate(object: ClusterObject): HeardGate {
  const gate = parseArtifactGate(object)
  return { gate, signature: `${gate.uid}/${gate.generation}/${gate.requestedAt}` }
}

function heardKustomization(object: ClusterObject): HeardKustomization & { readonly name: GateName } {
  const { namespace, name, uid } = namesOf(object)
  const { sourceRef } = member(object, 'spec')
  const { generation } = member(object, 'metadata')
  const { kind, name: source = '', namespace: within = namespace } = stringMembers(sourceRef)
  return {
    name: { namespace, name },
    taken: kind === 'ExternalArtifact' ? { namespace: within, name: source } : null,
    signature: `${uid}/${typeof generation === 'number' ? generation : 0}`,
  }
}

/** A source by its artifact; of an ExternalArtifact everything may be somebody else's writing. */
function heardSource(object: ClusterObject): Heard {
  const { artifact, conditions } = member(object, 'status')
  const { ownerReferences } = member(object, 'metadata')
  const isOurs = object.kind === 'ExternalArtifact'
  const parts = isJsonObject(artifact) ? artifact : null
  return {
    signature: canonicalJson(
      isOurs ? [parts, conditions ?? null, object.spec ?? null, ownerReferences ?? null] : [parts],
    ),
  }
}

function heardVersion(object: ClusterObject): Heard {
  const { uid, resourceVersion } = namesOf(object)
  return { signature: `${uid}/${resourceVersion}` }
}

function isSame(a: GateName, b: GateName): boolean {
  return a.namespace === b.namespace && a.name === b.name
}
