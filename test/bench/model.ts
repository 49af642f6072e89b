import { cpus } from 'node:os'
import { join } from 'node:path'
import type { AdmissionRequest } from '../../src/admission.js'
import { canonicalObject, canonicalObjects } from '../../src/canonical.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { isJsonObject, type JsonObject } from '../../src/json.js'
import { buildRequest } from '../../src/request.js'
import { changeInput } from '../../src/risk/change-input.js'
import { objectFeatures } from '../../src/risk/features.js'
import { readModels } from '../../src/risk/models.js'
import { openModels } from '../../src/risk/trained-model.js'
import { contextOf } from '../helpers/requests.js'
import { ROOT } from '../helpers/repository.js'
import { samples } from '../helpers/samples.js'
import { realisticPod } from './realistic-pod.js'

// What a score costs in CPU time: features, models and explanation of a canonical object, none of it from a cache of scores.

const CONTAINERS = 500
/** The middle one counts. */
const ROUNDS = 7

const model = openModels(readModels(await loadBundleFiles(join(ROOT, 'policies/bundle'))))
const context = contextOf()
const userInfo = { username: 'bench' }

/** CPU time (user and system) of one call in µs: the mean over all cases, again and again for about 300 ms. */
async function cpuMicros<T>(cases: readonly T[], call: (one: T) => unknown): Promise<number> {
  let calls = 0
  const started = process.cpuUsage()
  const until = performance.now() + 300
  while (performance.now() < until) {
    for (const each of cases) await call(each)
    calls += cases.length
  }
  const { user, system } = process.cpuUsage(started)
  return (user + system) / calls
}

const median = (numbers: readonly number[]): number =>
  Math.round(numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0)

function requestOf(object: JsonObject, base: JsonObject | null): AdmissionRequest {
  return buildRequest({ object, base, userInfo, namespace: 'default' })
}

/** The same Pod template with another image, as most changes of a workload are. */
function changed(object: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(object).replace(/"image":"([^"@]*)/, '"image":"$1-2')) as JsonObject
}

function manyContainers(): JsonObject {
  const pod = realisticPod()
  const spec = isJsonObject(pod.spec) ? pod.spec : {}
  const [container] = Array.isArray(spec.containers) ? spec.containers : []
  if (!isJsonObject(container)) throw new Error('the Pod has no container')
  const containers = Array.from({ length: CONTAINERS }, (_, index) => ({ ...container, name: `c-${index}` }))
  return { ...pod, spec: { ...spec, containers } }
}

const objects = samples().flatMap(({ manifests }) => manifests.map(({ object }) => object))
const groups = {
  'creations, one for each object of the samples': objects.map(each => requestOf(each, null)),
  'changes of them': objects.map(each => requestOf(changed(each), each)),
  'creation of a Pod of four containers': [requestOf(realisticPod(), null)],
  [`creation of a Pod of ${CONTAINERS} containers`]: [requestOf(manyContainers(), null)],
  [`change of a Pod of ${CONTAINERS} containers`]: [requestOf(changed(manyContainers()), manyContainers())],
}

const results: Record<string, unknown> = {}
for (const [name, requests] of Object.entries(groups)) {
  const cases = requests.map(request => ({ request, canonical: canonicalObjects(request) }))
  const measured: Record<'canonical' | 'features' | 'whole', number[]> = { canonical: [], features: [], whole: [] }
  for (let round = 0; round < ROUNDS; round += 1) {
    measured.canonical.push(await cpuMicros(cases, ({ request }) => request.object && canonicalObject(request.object)))
    measured.features.push(
      await cpuMicros(cases, ({ canonical: { object, oldObject } }) => {
        if (object === null) return null
        return oldObject === null ? objectFeatures(object) : changeInput(oldObject, object, null)
      }),
    )
    measured.whole.push(await cpuMicros(cases, ({ request, canonical }) => model.assess(request, context, canonical)))
  }
  const [canonical, features, whole] = [measured.canonical, measured.features, measured.whole].map(median)
  results[name] = {
    requests: cases.length,
    cpuMicros: { canonicalFormOfAnObject: canonical, features, featuresModelsAndExplanation: whole },
  }
}
console.log(JSON.stringify({ machine: { model: cpus()[0]?.model ?? '', node: process.version }, ...results }, null, 2))
