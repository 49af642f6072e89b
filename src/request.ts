import { createHash } from 'node:crypto'
import type { AdmissionRequest, Operation, UserInfo } from './admission.js'
import { canonicalJson } from './canonical.js'
import { GateError } from './errors.js'
import { emptyObject, isJsonObject, type Json, type JsonObject } from './json.js'
import { resourceOf } from './resources.js'

export interface RequestSource {
  /** The manifest as rendered; for DELETE the object that goes, unless `base` is given. */
  readonly object: JsonObject
  /** The live object, what admission will see as `oldObject`; null when there is none. */
  readonly base: JsonObject | null
  readonly userInfo: UserInfo
  /** Where objects of namespaced kinds go that name no namespace. */
  readonly namespace: string
  /** Default: UPDATE with a base, else CREATE. */
  readonly operation?: Exclude<Operation, 'CONNECT'>
}

const OPTIONS_KINDS = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' } as const

/**
 * The AdmissionRequest that the API server would send for a manifest, but for what only the server knows (metadata it sets, defaults).
 *
 * - `uid` is derived from the content: the same manifest gives the same request.
 * - A namespaced object gets the default namespace, in the object as well; a cluster-scoped one loses a namespace it names.
 *   The request of a Namespace has its own name as `namespace`. A kind of unknown scope is what its manifest says, or where the
 *   live object is.
 * - With `generateName` the server has made up a name by then; its suffix cannot be predicted, so `name` is absent.
 *
 * @throws GateError MANIFEST_INVALID for an object without apiVersion, kind or name, or whose metadata is no mapping
 */
export function buildRequest(source: RequestSource): AdmissionRequest {
  const { base, userInfo } = source
  const {
    group,
    version,
    kind: kindName,
    resource: plural,
    namespace: objectNamespace,
    name,
  } = targetOf(source.object, source.namespace, base)
  const kind = { group, version, kind: kindName }
  const resource = { group, version, resource: plural }
  const operation = source.operation ?? (base === null ? 'CREATE' : 'UPDATE')
  const metadata = metadataOf(source.object)
  const object = withNamespace(source.object, metadata, objectNamespace)
  if (name === undefined && text(metadata.generateName) === undefined) {
    throw new GateError(
      'MANIFEST_INVALID',
      `the ${kind.kind} has neither metadata.name nor metadata.generateName: the API server would refuse it`,
    )
  }
  const isNamespace = kind.group === '' && kind.kind === 'Namespace'
  const namespace = isNamespace ? name : objectNamespace
  const request = {
    kind,
    resource,
    requestKind: kind,
    requestResource: resource,
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    operation,
    userInfo,
    object: operation === 'DELETE' ? null : object,
    oldObject: operation === 'DELETE' ? (base ?? object) : operation === 'CREATE' ? null : base,
    dryRun: false,
    options: { kind: OPTIONS_KINDS[operation], apiVersion: 'meta.k8s.io/v1' },
  }
  return { uid: contentUid(request as unknown as Json), ...request }
}

/** Where an object is to be found in a cluster. */
export interface Target {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** The plural of REST paths. */
  readonly resource: string
  readonly namespace?: string
  /** Absent where the server makes one up. */
  readonly name?: string
}

/**
 * Where a manifest's object goes.
 *
 * @param namespace for objects of namespaced kinds that name none
 * @param base the live object: where it is, one of a kind of unknown scope goes
 * @throws GateError MANIFEST_INVALID for an object without apiVersion or kind, or whose metadata is no mapping
 */
export function targetOf(object: JsonObject, namespace: string, base: JsonObject | null = null): Target {
  const { group, version, kind } = groupVersionKind(object)
  const { resource, scope } = resourceOf(group, kind)
  const metadata = metadataOf(object)
  const name = text(metadata.name)
  const ownNamespace = text(metadata.namespace)
  const found = {
    Namespaced: ownNamespace ?? namespace,
    Cluster: undefined,
    unknown: ownNamespace ?? (base === null ? undefined : text(metadataOf(base).namespace)),
  }[scope]
  return {
    group,
    version,
    kind,
    resource,
    ...(found === undefined ? {} : { namespace: found }),
    ...(name === undefined ? {} : { name }),
  }
}

function metadataOf(object: JsonObject): JsonObject {
  const metadata = object.metadata ?? emptyObject()
  if (isJsonObject(metadata)) return metadata
  throw new GateError('MANIFEST_INVALID', 'the metadata of the object is not a mapping: not a Kubernetes object')
}

function groupVersionKind(object: JsonObject): { group: string; version: string; kind: string } {
  const apiVersion = text(object.apiVersion)
  const kind = text(object.kind)
  if (apiVersion === undefined || kind === undefined) {
    const missing = apiVersion === undefined ? 'apiVersion' : 'kind'
    throw new GateError('MANIFEST_INVALID', `the object has no ${missing}: not a Kubernetes object`)
  }
  const slash = apiVersion.indexOf('/')
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1), kind }
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The object with this namespace in its metadata, or without one; a copy only where something changes. */
function withNamespace(object: JsonObject, metadata: JsonObject, namespace: string | undefined): JsonObject {
  if (metadata.namespace === namespace) return object
  const changed = Object.assign(emptyObject(), metadata)
  if (namespace === undefined) delete changed.namespace
  else changed.namespace = namespace
  return Object.assign(emptyObject(), object, { metadata: changed })
}

/** A UUID of version 8 (the content decides) over the canonical text. */
function contentUid(request: Json): string {
  const bytes = createHash('sha256').update(canonicalJson(request)).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
