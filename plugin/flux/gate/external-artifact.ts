import type { Collection } from '../../../src/io/cluster/cluster-client.js'
import { emptyObject, type JsonObject } from '../../../src/json.js'
import { fileName } from '../artifact/store.js'
import type { StoredVersion } from '../artifact/stored-version.js'
import { type ArtifactGate, member } from './artifact-gate.js'
import { type Condition, conditionsJson } from './conditions.js'

/** Where ExternalArtifacts are. */
export const EXTERNAL_ARTIFACTS: Collection = {
  group: 'source.toolkit.fluxcd.io',
  version: 'v1',
  resource: 'externalartifacts',
}

/** The ExternalArtifact of a gate, without its status; what others wrote into the rest of `before` stays. */
export function externalArtifact(
  { namespace, name, uid }: Pick<ArtifactGate, 'namespace' | 'name' | 'uid'>,
  before: JsonObject | null,
): JsonObject {
  const owner = { apiVersion: 'lockkeeper.dev/v1alpha1', kind: 'ArtifactGate', name, uid, controller: true }
  return {
    ...(before ?? emptyObject()),
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'ExternalArtifact',
    metadata: { ...member(before ?? {}, 'metadata'), name, namespace, ownerReferences: [owner] },
    spec: { sourceRef: { apiVersion: 'lockkeeper.dev/v1alpha1', kind: 'ArtifactGate', name } },
  }
}

export interface Publication {
  /** Where artifacts are served, without a slash at the end. */
  readonly artifactUrl: string
  /** null: nothing was ever allowed, so nothing is there. */
  readonly version: StoredVersion | null
  readonly ready: Condition
  /** RFC 3339, in whole seconds. */
  readonly now: string
}

/** The whole status of a gate's ExternalArtifact: what somebody else wrote into it is gone. */
export function externalArtifactStatus(
  gate: Pick<ArtifactGate, 'namespace' | 'name'>,
  before: JsonObject,
  { artifactUrl, version, ready, now }: Publication,
): JsonObject {
  const { generation } = member(before, 'metadata')
  const { conditions } = member(before, 'status')
  return {
    ...(version !== null && { artifact: artifactOf(gate, version, artifactUrl) }),
    conditions: [...conditionsJson([ready], conditions, typeof generation === 'number' ? generation : 0, now)],
  }
}

/** An artifact as kustomize-controller reads it. */
function artifactOf(
  { namespace, name }: Pick<ArtifactGate, 'namespace' | 'name'>,
  { digest, size, revision, sourceDigest, metadata, decision, allowedAt }: StoredVersion,
  artifactUrl: string,
): JsonObject {
  const path = `${namespace}/${name}/${fileName(digest)}`
  return {
    url: `${artifactUrl}/${path}`,
    path,
    revision,
    digest,
    size,
    lastUpdateTime: allowedAt,
    metadata: {
      ...metadata,
      'lockkeeper.dev/revision': revision,
      'lockkeeper.dev/source-digest': sourceDigest,
      'lockkeeper.dev/decision': decision,
    },
  }
}
