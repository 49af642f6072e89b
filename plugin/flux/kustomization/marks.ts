import { isJsonObject, stringMembers, type Json, type JsonObject } from '../../../src/json.js'
import type { KustomizationSpec } from './spec.js'

const GROUP = 'kustomize.toolkit.fluxcd.io'

/** The labels by which kustomize-controller knows its objects. */
export function ownerLabels({
  name,
  namespace,
}: Pick<KustomizationSpec, 'name' | 'namespace'>): Record<string, string> {
  return { [`${GROUP}/name`]: name, [`${GROUP}/namespace`]: namespace }
}

/** Whether an object says, by a label or an annotation, that it is to be left alone. */
export function isLeftAlone(object: JsonObject): boolean {
  return isMarked(object, 'reconcile', 'disabled') || isMarked(object, 'ssa', 'Ignore')
}

/** Whether a live object goes when the Kustomization has it no more. @see kustomize-controller 1.9, deleteObjects */
export function isPruned(object: JsonObject, spec: Pick<KustomizationSpec, 'name' | 'namespace'>): boolean {
  const labels = stringMembers(metadataOf(object).labels)
  const isOwn = Object.entries(ownerLabels(spec)).every(([key, value]) => labels[key] === value)
  return isOwn && !isMarked(object, 'prune', 'disabled') && !isLeftAlone(object)
}

/** Whether an object says that no variables are substituted in it. */
export function isNotSubstituted(object: Json): boolean {
  return isJsonObject(object) && marksOf(object, 'substitute').includes('disabled')
}

function isMarked(object: JsonObject, mark: string, wanted: string): boolean {
  return marksOf(object, mark).some(each => each.toLowerCase() === wanted.toLowerCase())
}

function marksOf(object: JsonObject, mark: string): readonly string[] {
  const { labels, annotations } = metadataOf(object)
  return [labels, annotations].flatMap(each => stringMembers(each)[`${GROUP}/${mark}`] ?? [])
}

function metadataOf({ metadata }: JsonObject): JsonObject {
  return isJsonObject(metadata) ? metadata : {}
}
