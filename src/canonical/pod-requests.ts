import { equalJson, objectOr, objects } from './drop.js'
import { canonicalQuantity, parseQuantity } from './quantity.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'

const SUPPORTED = ['cpu', 'memory']

/**
 * Drops the requests of a Pod as a whole that the API server fills in where the Pod as a whole has limits: what its containers need together,
 * or the limit where no container asks for that resource. Requests are absent in the containers where they equal the limits.
 * Huge pages, for which the server also fills in limits, stay as they are.
 *
 * @see kubernetes, pkg/apis/core/v1/defaults.go, defaultPodRequests
 */
export function dropPodRequests(spec: JsonObject): void {
  const { resources } = spec
  if (!isJsonObject(resources) || !isJsonObject(resources.requests)) return
  const limits = objectOr(resources.limits)
  if (Object.keys(limits).length === 0) return
  for (const key of SUPPORTED) {
    const byDefault = effectiveRequest(spec, key) ?? limits[key]
    if (byDefault !== undefined && equalJson(resources.requests[key], byDefault)) {
      Reflect.deleteProperty(resources.requests, key)
    }
  }
  if (Object.keys(resources.requests).length === 0) delete resources.requests
}

/** What the containers need at the same time: those that run, or the ones before them; null when none asks for the resource. */
function effectiveRequest(spec: JsonObject, key: string): Json {
  const before = objects(spec.initContainers)
  const containers = objects(spec.containers)
  if ([...before, ...containers].every(each => requestOf(each, key) === null)) return null
  let running = 0n
  let most = 0n
  for (const container of before) {
    const own = requestOf(container, key) ?? 0n
    if (container.restartPolicy === 'Always') running += own
    const now = container.restartPolicy === 'Always' ? running : running + own
    if (now > most) most = now
  }
  for (const container of containers) running += requestOf(container, key) ?? 0n
  return canonicalQuantity(`${running > most ? running : most}n`)
}

function requestOf(container: JsonObject, key: string): bigint | null {
  const { limits, requests } = objectOr(container.resources)
  const quantity = objectOr(requests)[key] ?? objectOr(limits)[key]
  return quantity === undefined ? null : parseQuantity(quantity)
}
