import { join } from 'node:path'
import t from 'tap'
import { createJudge } from '../../controller/audit/judge.js'
import { createMetrics } from '../../controller/metrics.js'
import type { Context, Decision } from '../../src/decision-types.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { SYSTEM_CLOCK } from '../../src/io/cluster/clock.js'
import { type Json, stringifyJson } from '../../src/json.js'
import type { KubeObject } from '../../src/manifest.js'
import { buildRequest } from '../../src/request.js'
import { resourceOf } from '../../src/resources.js'
import { groupOf } from '../../src/workload.js'
import { ROOT } from '../helpers/repository.js'
import { contextOf } from '../helpers/requests.js'
import { samples } from '../helpers/samples.js'
import { silentLog } from '../helpers/silent-log.js'

const NOW = '2026-06-01T12:00:00Z'
const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)

/** What every door must say, but for the door's own name and verdict. */
function common({ gate: _gate, action: _action, allowed: _allowed, ...decision }: Decision): string {
  return stringifyJson(decision as unknown as Json)
}

/** The kind as discovery would tell of it. */
function kindOf(object: KubeObject) {
  const group = groupOf(object.apiVersion)
  const { resource, scope } = resourceOf(group, object.kind)
  const version = object.apiVersion.slice(group === '' ? 0 : group.length + 1)
  return { group, version, resource, kind: object.kind, namespaced: scope !== 'Cluster' }
}

t.test('the audit says what the gate says of the same request and context', async t => {
  const labels = { labels: { 'pod-security.kubernetes.io/enforce': 'baseline' }, annotations: {} }
  const decisions: Decision[] = []
  const judge = createJudge({
    pool: {
      bundle,
      review: async (request, context) => {
        const decision = await gate.review(request, context)
        decisions.push(decision)
        return decision
      },
    },
    namespaces: { find: () => Promise.resolve(labels) },
    reports: () => null,
    events: { record: () => undefined },
    metrics: createMetrics(),
    exemptNamespaces: [],
    log: silentLog(),
    clock: { ...SYSTEM_CLOCK, date: () => new Date(NOW) },
    onFindings: () => undefined,
  })
  let judged = 0
  for (const sample of samples()) {
    for (const { object } of sample.manifests) {
      const request = buildRequest({
        object,
        base: null,
        userInfo: bundle.config.prediction.userInfo,
        namespace: 'default',
      })
      const namespace: Context['namespace'] = request.namespace === undefined ? null : labels
      const wanted = await gate.review(request, contextOf({ now: NOW, namespace }))
      await judge({ kind: kindOf(object), object, isDeleted: false })
      const found = decisions.splice(0)
      t.strictSame(found.map(common), [common(wanted)], sample.path)
      t.strictSame(
        found.map(each => [each.gate, each.action]),
        [['audit', wanted.actions.audit]],
        sample.path,
      )
      judged += 1
    }
  }
  t.ok(judged > 200, `${judged} manifests`)
})
