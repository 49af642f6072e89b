import { ACCESS } from './api-objects/access.js'
import { ADMISSION } from './api-objects/admission.js'
import { CLUSTER } from './api-objects/cluster.js'
import { Draw } from './api-objects/draw.js'
import { INTERNALS } from './api-objects/internals.js'
import { NETWORKING } from './api-objects/networking.js'
import { STORAGE_KINDS } from './api-objects/storage.js'
import { WORKLOADS, type Make } from './api-objects/workloads.js'
import type { JsonObject } from '../../src/json.js'

/** An object as a client may send it; namespaced ones do not say where they go. */
export interface KubeObject extends JsonObject {
  apiVersion: string
  kind: string
  metadata: JsonObject
}

const MAKERS: readonly (readonly [string, Make])[] = [
  ...Object.entries(WORKLOADS),
  ...Object.entries(NETWORKING),
  ...Object.entries(STORAGE_KINDS),
  ...Object.entries(ACCESS),
  ...Object.entries(ADMISSION),
  ...Object.entries(CLUSTER),
  ...Object.entries(INTERNALS),
]
/** Kinds with a Pod template have the most to fill in: every second object is one of them. */
const WORKLOAD_MAKERS = Object.entries(WORKLOADS)

/** The kinds that are made, as `<apiVersion>/<kind>`. */
export const API_OBJECT_KINDS: readonly string[] = MAKERS.map(([kind]) => kind)

/**
 * Objects of every kind that people write, as many as asked for, made of fragments: what is optional is absent, empty, written out as the
 * API server would fill it in, or something else; quantities, durations and int-or-strings in several spellings.
 * An API server of Kubernetes 1.37 with its default feature gates and admission plug-ins accepts them on a cluster that has nothing of its own.
 *
 * @param seed the same seed gives the same objects; more of them only adds to the end
 */
export function apiObjects(seed: number, count: number): KubeObject[] {
  return Array.from({ length: count }, (_, index) => apiObject(seed, index))
}

function apiObject(seed: number, index: number): KubeObject {
  const half = Math.floor(index / 2)
  const [key, make] = pickMaker(index % 2 === 0 ? WORKLOAD_MAKERS : MAKERS, half)
  const slash = key.lastIndexOf('/')
  const draw = new Draw(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  const name = `${key.slice(slash + 1).toLowerCase()}-${seed}-${index}`
  const object = make(draw, name)
  const metadata = { name, ...(object.metadata as JsonObject) }
  return { apiVersion: key.slice(0, slash), kind: key.slice(slash + 1), ...object, metadata }
}

function pickMaker(makers: readonly (readonly [string, Make])[], index: number): readonly [string, Make] {
  const found = makers[index % makers.length]
  if (found === undefined) throw new Error('there is nothing to make')
  return found
}
