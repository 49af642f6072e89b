import { setMaxListeners } from 'node:events'
import t, { type Test } from 'tap'
import { createGates } from '../../../../plugin/flux/controller.js'
import { ARTIFACT_GATES } from '../../../../plugin/flux/gate/artifact-gate.js'
import { EXTERNAL_ARTIFACTS } from '../../../../plugin/flux/gate/external-artifact.js'
import { KUSTOMIZATIONS } from '../../../../plugin/flux/gate/read-inputs.js'
import { inventoryOf } from '../../../../plugin/flux/judgement-parts.js'
import { createMetrics } from '../../../../plugin/flux/metrics.js'
import { createWatches } from '../../../../plugin/flux/watches.js'
import type { JsonObject } from '../../../../src/json.js'
import { FakeClock, settle } from '../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../helpers/fake-cluster.js'
import { silentLog } from '../../../helpers/silent-log.js'

const GROUP = { group: 'source.toolkit.fluxcd.io', version: 'v1' }
const GIT = { ...GROUP, resource: 'gitrepositories' }
const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps' }

const object = (kind: string, name: string, more: JsonObject = {}, metadata: JsonObject = {}): JsonObject => ({
  kind,
  metadata: { name, namespace: 'flux-system', generation: 1, ...metadata },
  ...more,
})
const gate = (name: string, more: JsonObject = {}, metadata: JsonObject = {}) =>
  object('ArtifactGate', name, { spec: { sourceRef: { kind: 'GitRepository', name: 'git' }, ...more } }, metadata)
const taking = (name: string, source: string, metadata: JsonObject = {}) =>
  object('Kustomization', name, { spec: { sourceRef: { kind: 'ExternalArtifact', name: source } } }, metadata)

async function start(t: Test) {
  const cluster = new FakeCluster()
  const heard: string[] = []
  const ending = new AbortController()
  setMaxListeners(0, ending.signal)
  t.teardown(() => {
    ending.abort()
  })
  cluster.put(ARTIFACT_GATES, gate('shop', { kustomizations: [{ name: 'listed' }] }))
  cluster.put(
    ARTIFACT_GATES,
    gate('other', { sourceRef: { kind: 'ExternalArtifact', name: 'upstream', namespace: 'elsewhere' } }),
  )
  cluster.put(KUSTOMIZATIONS, taking('taker', 'shop'))
  cluster.put(GIT, object('GitRepository', 'git', { status: { artifact: { revision: '1' } } }))
  const watches = createWatches({
    client: cluster.client,
    onChange: ({ name }) => heard.push(name),
    signal: ending.signal,
    log: silentLog([]),
    clock: new FakeClock(),
  })
  await watches.synced
  await settle()
  heard.length = 0
  return {
    cluster,
    watches,
    /** The gates that were told since it was asked last. */
    told: async () => {
      await settle()
      return [...new Set(heard.splice(0))].sort()
    },
  }
}

t.test('a gate hears of', async t => {
  const cases: Record<string, { change: (cluster: FakeCluster) => unknown; told: string[] }> = {
    'another artifact of its source': {
      change: cluster => cluster.put(GIT, object('GitRepository', 'git', { status: { artifact: { revision: '2' } } })),
      told: ['shop'],
    },
    'its source that goes': {
      change: cluster => {
        cluster.remove(GIT, 'flux-system', 'git')
      },
      told: ['shop'],
    },
    'no other news of its source': {
      change: cluster =>
        cluster.put(GIT, object('GitRepository', 'git', { status: { artifact: { revision: '1' }, conditions: [{}] } })),
      told: [],
    },
    'no other source': { change: cluster => cluster.put(GIT, object('GitRepository', 'x', { status: {} })), told: [] },
    'an ExternalArtifact that is its source': {
      change: cluster =>
        cluster.put(
          EXTERNAL_ARTIFACTS,
          object('ExternalArtifact', 'upstream', { status: {} }, { namespace: 'elsewhere' }),
        ),
      told: ['other'],
    },
    'its own ExternalArtifact, whoever writes it': {
      change: cluster => cluster.put(EXTERNAL_ARTIFACTS, object('ExternalArtifact', 'shop', { status: {} })),
      told: ['shop'],
    },
    'another spec of a Kustomization that takes it': {
      change: cluster => cluster.put(KUSTOMIZATIONS, taking('taker', 'shop', { generation: 2 })),
      told: ['shop'],
    },
    'no other news of it': { change: cluster => cluster.put(KUSTOMIZATIONS, taking('taker', 'shop')), told: [] },
    'a Kustomization that takes it no more': {
      change: cluster => cluster.put(KUSTOMIZATIONS, taking('taker', 'else', { generation: 2 })),
      told: ['else', 'shop'],
    },
    'a Kustomization that it lists': {
      change: cluster => cluster.put(KUSTOMIZATIONS, taking('listed', 'x')),
      told: ['shop', 'x'],
    },
    'its own spec': {
      change: cluster => cluster.put(ARTIFACT_GATES, gate('shop', {}, { generation: 2 })),
      told: ['shop'],
    },
    'a request': {
      change: cluster =>
        cluster.put(ARTIFACT_GATES, gate('shop', {}, { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } })),
      told: ['shop'],
    },
    'not its own status': { change: cluster => cluster.put(ARTIFACT_GATES, { ...gate('shop'), status: {} }), told: [] },
    'its end': {
      change: cluster => {
        cluster.remove(ARTIFACT_GATES, 'flux-system', 'shop')
      },
      told: ['shop'],
    },
  }
  for (const [name, { change, told }] of Object.entries(cases)) {
    await t.test(name, async t => {
      const { cluster, told: heard } = await start(t)
      change(cluster)
      t.strictSame(await heard(), told)
    })
  }
})

t.test('the variables of a gate', async t => {
  const { cluster, watches, told } = await start(t)
  const shop = { namespace: 'flux-system', name: 'shop' }
  const other = { namespace: 'flux-system', name: 'other' }
  const variables = { kind: 'ConfigMap', namespace: 'flux-system', name: 'variables' } as const
  const write = (data: JsonObject, name = 'variables') => cluster.put(CONFIG_MAPS, object('ConfigMap', name, { data }))
  write({ a: '1' })
  t.strictSame(await told(), [], 'nobody watches what no gate names')
  t.notOk(cluster.asked.some(each => each.includes('configmaps')))
  watches.watchVariables(shop, [variables])
  watches.watchVariables(other, [variables])
  await told()
  write({ a: '2' })
  t.strictSame(await told(), ['other', 'shop'])
  write({ a: '3' }, 'others')
  t.strictSame(await told(), [], 'only what is named')
  watches.watchVariables(other, [])
  write({ a: '4' })
  t.strictSame(await told(), ['shop'])
  cluster.remove(CONFIG_MAPS, 'flux-system', 'variables')
  t.strictSame(await told(), ['shop'])
  watches.watchVariables(shop, [])
  write({ a: '5' })
  t.strictSame(await told(), [], 'nobody names it any more')
})

t.test('who takes an artifact is known', async t => {
  const { cluster, watches, told } = await start(t)
  const shop = { namespace: 'flux-system', name: 'shop' }
  t.strictSame(watches.takersOf(shop), [{ namespace: 'flux-system', name: 'taker' }])
  cluster.put(KUSTOMIZATIONS, {
    ...taking('far', 'shop', { namespace: 'elsewhere' }),
    spec: { sourceRef: { kind: 'ExternalArtifact', name: 'shop', namespace: 'flux-system' } },
  })
  cluster.put(KUSTOMIZATIONS, taking('near', 'shop', { namespace: 'elsewhere' }))
  await told()
  t.strictSame(watches.takersOf(shop), [
    { namespace: 'flux-system', name: 'taker' },
    { namespace: 'elsewhere', name: 'far' },
  ])
})

t.test('a process that leads', async t => {
  const cluster = new FakeCluster()
  cluster.put(ARTIFACT_GATES, gate('shop'))
  const clock = new FakeClock()
  const gates = createGates({
    client: cluster.client,
    storage: t.testdir(),
    artifactUrl: 'http://artifacts',
    bundle: () => 'b1',
    judge: () => Promise.reject(new Error('nothing is judged here')),
    onNotice: () => undefined,
    metrics: createMetrics(),
    log: silentLog([]),
    clock,
  })
  t.equal(gates.store, null, 'serves nothing before')
  const ending = new AbortController()
  setMaxListeners(0, ending.signal)
  const status = () => (cluster.find(ARTIFACT_GATES, 'flux-system', 'shop')?.status ?? {}) as JsonObject
  const until = async (what: string, isSo: () => boolean) => {
    for (let i = 0; i < 200 && !isSo(); i += 1) await new Promise(resolve => setTimeout(resolve, 5))
    t.ok(isSo(), what)
  }
  let refusals = 0
  cluster.refuse = asked => {
    if (!asked.startsWith('find source.toolkit.fluxcd.io/gitrepositories')) return
    refusals += 1
    if (refusals < 3) throw new Error('the API server is away')
  }
  const running = gates.run(ending.signal)
  await until('it looks at the gate', () => refusals === 1)
  await until('it waits for another try', () => clock.waits.length > 0)
  // Two failures are less than a minute.
  await clock.advance(60_000)
  await until('it looks again', () => refusals >= 3)
  t.strictSame(clock.waits, [375, 750], 'sooner at first')
  await until('it says how the gate is', () => Array.isArray(status().conditions))
  const looks = cluster.asked.length
  await clock.advance(3_600_000)
  t.equal(cluster.asked.length, looks, 'nothing is asked while nothing changes')
  ending.abort()
  await running
  t.equal(gates.store, null, 'serves nothing after')
})

t.test('an inventory is read', t => {
  const entries = [
    { id: 'shop_web_apps_Deployment', v: 'v1' },
    { id: '_shop__Namespace', v: 'v1' },
    { id: 'shop_settings__ConfigMap', v: 'v1' },
    { id: '_system__controller_rbac.authorization.k8s.io_ClusterRole', v: 'v1' },
    { id: 'broken', v: 'v1' },
    { id: 'shop_x__ConfigMap' },
    null,
  ]
  t.strictSame(inventoryOf({ status: { inventory: { entries } } }), [
    { group: 'apps', version: 'v1', kind: 'Deployment', name: 'web', namespace: 'shop' },
    { group: '', version: 'v1', kind: 'Namespace', name: 'shop' },
    { group: '', version: 'v1', kind: 'ConfigMap', name: 'settings', namespace: 'shop' },
    { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'ClusterRole', name: 'system:controller' },
  ])
  t.strictSame(inventoryOf({}), [])
  t.end()
})
