import { Buffer } from 'node:buffer'
import { emptyObject, isJsonObject, stringMembers, type JsonObject } from '../../../src/json.js'
import type { KubeObject } from '../../../src/manifest.js'
import { ownerLabels } from './marks.js'
import type { KustomizationSpec } from './spec.js'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * A built object as kustomize-controller sends it: with the labels of its owner, without status, the texts of a Secret among
 * its data, and the metadata that all objects of the Kustomization get.
 *
 * @see kustomize-controller 1.9, apply; Flux's ssa package 0.76, normalize
 */
export function finishObject(object: KubeObject, spec: KustomizationSpec): KubeObject {
  const labels = Object.assign(
    emptyObject(),
    isJsonObject(object.metadata.labels) ? object.metadata.labels : {},
    ownerLabels(spec),
    spec.commonLabels,
  )
  const annotations = Object.assign(
    emptyObject(),
    isJsonObject(object.metadata.annotations) ? object.metadata.annotations : {},
    spec.commonAnnotations,
  )
  const metadata = Object.assign(emptyObject(), object.metadata, { labels })
  if (Object.keys(annotations).length > 0) metadata.annotations = annotations
  if (metadata.creationTimestamp === null) delete metadata.creationTimestamp
  const finished = Object.assign(emptyObject(), object, { metadata })
  if (object.kind !== 'CustomResourceDefinition') delete finished.status
  if (spec.isDecrypted) delete finished.sops
  return isSecret(object) ? withData(finished) : finished
}

function isSecret({ apiVersion, kind }: JsonObject): boolean {
  return apiVersion === 'v1' && kind === 'Secret'
}

/** Texts go over data of the same name; what cannot be data stays as it is, for the API server to refuse. */
function withData(secret: KubeObject): KubeObject {
  const { data = emptyObject(), stringData = emptyObject() } = secret
  if (!isJsonObject(data) || !isJsonObject(stringData) || Object.keys(stringData).length === 0) return secret
  const isData = Object.values(data).every(each => typeof each === 'string' && BASE64.test(each))
  const areTexts = Object.values(stringData).every(each => typeof each === 'string')
  if (!isData || !areTexts) return secret
  const all = Object.assign(emptyObject(), data)
  for (const [key, text] of Object.entries(stringMembers(stringData))) all[key] = Buffer.from(text).toString('base64')
  const changed = Object.assign(emptyObject(), secret, { data: all })
  delete changed.stringData
  return changed
}
