import { createHash } from 'node:crypto'
import { canonicalJson } from '../../../src/canonical.js'
import { isJsonObject, type JsonObject, stringMembers } from '../../../src/json.js'
import type { AdvertisedArtifact } from '../artifact/fetch.js'
import type { VariablesReference } from '../judgement/tree-judgement.js'
import { type ArtifactGate, member } from './artifact-gate.js'

/** What a judgement depends on, but for the live objects. */
export interface Inputs {
  readonly gate: ArtifactGate
  readonly artifact: AdvertisedArtifact
  /** As the API server has them. */
  readonly kustomizations: readonly JsonObject[]
  readonly variables: readonly VariablesVersion[]
  /** The digest of the bundle in force. */
  readonly bundle: string
}

/** A substituteFrom object as it was when it was looked at. */
export interface VariablesVersion extends VariablesReference {
  /** Its uid and resourceVersion; '' where there is none. */
  readonly version: string
}

/** One text for everything that a judgement depends on: equal inputs need no second judgement. */
export function inputsDigest({ gate, artifact, kustomizations, variables, bundle }: Inputs): string {
  const parts = [
    [artifact.digest, artifact.revision, { ...artifact.metadata }],
    [...gate.paths],
    kustomizations.map(each => [placeOf(each), each.spec ?? null]),
    variables.map(({ kind, namespace, name, version }) => [kind, namespace, name, version]),
    bundle,
  ]
  return createHash('sha256').update(canonicalJson(parts)).digest('hex')
}

/** The objects that a Kustomization takes variables from. */
export function variablesOf(kustomization: JsonObject): readonly VariablesReference[] {
  const { substituteFrom } = member(member(kustomization, 'spec'), 'postBuild')
  const { namespace = '' } = stringMembers(kustomization.metadata)
  return (Array.isArray(substituteFrom) ? substituteFrom : []).filter(isJsonObject).flatMap(each => {
    const { kind, name } = stringMembers(each)
    return name !== undefined && (kind === 'ConfigMap' || kind === 'Secret') ? [{ kind, namespace, name }] : []
  })
}

function placeOf(kustomization: JsonObject): JsonObject {
  const { namespace = '', name = '', uid = '' } = stringMembers(kustomization.metadata)
  return { namespace, name, uid }
}
