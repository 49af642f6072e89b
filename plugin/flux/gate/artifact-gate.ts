import { namesOf } from '../../../src/io/cluster/object-names.js'
import type { Collection } from '../../../src/io/cluster/cluster-client.js'
import { isJsonObject, type Json, type JsonObject, stringMembers } from '../../../src/json.js'
import type { GateName } from '../artifact/store.js'

/** Where ArtifactGates are. */
export const ARTIFACT_GATES: Collection = { group: 'lockkeeper.dev', version: 'v1alpha1', resource: 'artifactgates' }

/** Flux asks for a look by it. */
const REQUESTED_AT = 'reconcile.fluxcd.io/requestedAt'
const DEFAULT_INTERVAL_MS = 600_000
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const SOURCES = 'source.toolkit.fluxcd.io'

/** The sources that Flux has, and other ExternalArtifacts. */
const SOURCE_RESOURCES: Readonly<Record<string, string>> = {
  GitRepository: 'gitrepositories',
  OCIRepository: 'ocirepositories',
  Bucket: 'buckets',
  ExternalArtifact: 'externalartifacts',
}

/** A source, by what the API server knows it by. */
export interface SourceReference {
  readonly kind: string
  readonly collection: Collection
  readonly namespace: string
  readonly name: string
}

/** An ArtifactGate as it is read: what the API server has let in, and its defaults. */
export interface ArtifactGate extends GateName {
  readonly uid: string
  readonly generation: number
  /** null: a kind that is no source. */
  readonly source: SourceReference | null
  readonly paths: readonly string[]
  readonly kustomizations: readonly GateName[]
  readonly isSuspended: boolean
  readonly intervalMs: number
  /** '' where nobody asked. */
  readonly requestedAt: string
  /** What was asked for last and has been done. */
  readonly handledAt: string
}

/** Reads an ArtifactGate. */
export function parseArtifactGate(object: JsonObject): ArtifactGate {
  const { namespace, name, uid } = namesOf(object)
  const spec = member(object, 'spec')
  const metadata = member(object, 'metadata')
  const { [REQUESTED_AT]: requestedAt = '' } = stringMembers(metadata.annotations)
  const { lastHandledReconcileAt: handledAt = '' } = stringMembers(object.status)
  const { interval } = stringMembers(spec)
  return {
    namespace,
    name,
    uid,
    generation: typeof metadata.generation === 'number' ? metadata.generation : 0,
    source: sourceOf(spec.sourceRef, namespace),
    paths: Array.isArray(spec.paths) ? spec.paths.filter(each => typeof each === 'string') : [],
    kustomizations: (Array.isArray(spec.kustomizations) ? spec.kustomizations : []).flatMap(each => {
      const { name: of, namespace: within = namespace } = stringMembers(each)
      return of === undefined ? [] : [{ namespace: within, name: of }]
    }),
    isSuspended: spec.suspend === true,
    intervalMs: durationMs(interval ?? '') ?? DEFAULT_INTERVAL_MS,
    requestedAt,
    handledAt,
  }
}

/** A member that is an object; an empty one where it is none. */
export function member(object: JsonObject, key: string): JsonObject {
  const value = object[key]
  return isJsonObject(value) ? value : {}
}

function sourceOf(value: Json | undefined, own: string): SourceReference | null {
  const { apiVersion = `${SOURCES}/v1`, kind = '', name = '', namespace = own } = stringMembers(value)
  const [group = '', version = ''] = apiVersion.split('/')
  const resource = Object.hasOwn(SOURCE_RESOURCES, kind) ? SOURCE_RESOURCES[kind] : undefined
  if (group !== SOURCES || version === '' || name === '' || resource === undefined) return null
  return { kind, collection: { group, version, resource, namespace }, namespace, name }
}

/** A duration of Go such as `1h30m`; null for what is none. */
function durationMs(text: string): number | null {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return null
  let sum = 0
  for (const [, figure = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    sum += Number(figure) * (UNITS_MS[unit] ?? 0)
  }
  return sum
}
