import { emptyObject, isJsonObject, type JsonObject } from '../../src/json.js'
import { podTemplates, WORKLOADS } from '../../src/workload.js'

type Change = 'container' | 'fewer fields' | 'image' | 'label'

/** What may change: all of it only where Pods are made from a template that may change. */
const CHANGES: Readonly<Record<'template' | 'pod' | 'other', readonly Change[]>> = {
  template: ['container', 'fewer fields', 'image', 'label'],
  pod: ['image', 'label'],
  other: ['label'],
}

/**
 * The object after a change that the API server takes: a privileged container more, a container without its securityContext and resources,
 * another image, or another label.
 *
 * @param turn which of them, in turn
 */
export function changedObject(object: JsonObject, turn: number): JsonObject {
  const changed = structuredClone(object)
  const [template] = podTemplates(changed, WORKLOADS)
  const spec = template?.template.spec
  const containers = isJsonObject(spec) ? spec.containers : undefined
  const [first] = Array.isArray(containers) ? containers : []
  if (!Array.isArray(containers) || !isJsonObject(first)) return withLabel(changed)
  const possible = CHANGES[changed.kind === 'Job' ? 'other' : changed.kind === 'Pod' ? 'pod' : 'template']
  const change = possible[turn % possible.length]
  if (change === 'container') {
    containers.push({ name: 'debug', image: 'registry.example/debug:1', securityContext: { privileged: true } })
  } else if (change === 'fewer fields') {
    delete first.securityContext
    delete first.resources
  } else if (change === 'image') {
    first.image = 'registry.example/changed:2.0.0'
  } else {
    return withLabel(changed)
  }
  return changed
}

function withLabel(object: JsonObject): JsonObject {
  const metadata = isJsonObject(object.metadata) ? object.metadata : emptyObject()
  const labels = isJsonObject(metadata.labels) ? metadata.labels : emptyObject()
  labels['example.com/changed'] = 'yes'
  metadata.labels = labels
  object.metadata = metadata
  return object
}
