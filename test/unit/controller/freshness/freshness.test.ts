import t from 'tap'
import { type FreshnessParts, runFreshness } from '../../../../controller/freshness/freshness.js'
import { failingFirst, pluginApplication } from '../../../../controller/freshness/plugin-applications.js'
import { createMetrics } from '../../../../controller/metrics.js'
import { ClusterError } from '../../../../src/io/cluster/cluster-client.js'
import { isJsonObject, type JsonObject } from '../../../../src/json.js'
import { FakeClock, settle } from '../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../helpers/fake-cluster.js'
import { silentLog } from '../../../helpers/silent-log.js'

const APPLICATIONS = { group: 'argoproj.io', version: 'v1alpha1', resource: 'applications', namespace: 'argocd' }
const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', namespace: 'lockkeeper' }
const PLUGIN = { plugin: { name: 'lockkeeper-v1' } }
const DELAY_MS = 60_000

function application(name: string, more: JsonObject = {}): JsonObject {
  return { metadata: { name, namespace: 'argocd' }, spec: { source: PLUGIN }, ...more }
}

/** Starts it; `asked` are the Applications that were patched since the last time it was called, in order. */
function begin(cluster: FakeCluster, clock: FakeClock, bundle: { digest: string }, more: Partial<FreshnessParts> = {}) {
  const ending = new AbortController()
  const metrics = createMetrics()
  const parts: FreshnessParts = {
    client: cluster.client,
    bundle: () => bundle.digest,
    namespace: 'lockkeeper',
    applicationNamespaces: ['argocd'],
    pluginName: 'lockkeeper-v1',
    refreshesPerSecond: 2,
    delayMs: DELAY_MS,
    metrics,
    log: silentLog(),
    clock,
    ...more,
  }
  const running = runFreshness(parts, ending.signal)
  return {
    metrics,
    asked: () => {
      const names = cluster.asked.flatMap(
        each => /^patch argoproj.io\/applications argocd\/(.*)$/.exec(each)?.[1] ?? [],
      )
      cluster.asked.length = 0
      return names
    },
    end: async () => {
      ending.abort()
      await settle()
      await running
    },
  }
}

function announcement(cluster: FakeCluster): unknown {
  const data = cluster.find(CONFIG_MAPS, 'lockkeeper', 'lockkeeper-freshness')?.data
  return isJsonObject(data) && typeof data.announcement === 'string' ? JSON.parse(data.announcement) : null
}

t.test('which Applications are meant', t => {
  const cases: Record<string, { spec: JsonObject; meant: boolean }> = {
    'its source names the plugin': { spec: { source: PLUGIN }, meant: true },
    'one of its sources names the plugin': { spec: { sources: [{ path: 'a' }, PLUGIN] }, meant: true },
    'what is hydrated names the plugin': { spec: { sourceHydrator: { drySource: PLUGIN } }, meant: true },
    'a plugin without a name, which Argo CD finds out': { spec: { source: { plugin: {} } }, meant: true },
    'a plugin with an empty name': { spec: { source: { plugin: { name: '' } } }, meant: true },
    'another plugin': { spec: { source: { plugin: { name: 'other' } } }, meant: false },
    'no plugin': { spec: { source: { path: 'a' } }, meant: false },
    'sources that are none': { spec: { sources: ['text'], source: null }, meant: false },
  }
  for (const [name, { spec, meant }] of Object.entries(cases)) {
    t.equal(pluginApplication({ metadata: { name: 'a' }, spec }, 'lockkeeper-v1') !== null, meant, name)
  }
  t.end()
})

t.test('those that fail go first', t => {
  const status: Record<string, JsonObject> = {
    'a-healthy': { sync: { status: 'Synced' }, conditions: [{ type: 'OrphanedResourceWarning' }] },
    'b-comparison': { conditions: [{ type: 'ComparisonError' }] },
    'c-unknown': { sync: { status: 'Unknown' } },
    'd-sync-failed': { operationState: { phase: 'Failed' } },
    'e-healthy': {},
  }
  const found = Object.entries(status).flatMap(([name, each]) => {
    const one = pluginApplication(application(name, { status: each }), 'lockkeeper-v1')
    return one === null ? [] : [one]
  })
  const names = failingFirst(found.reverse()).map(each => each.name)
  t.strictSame(names, ['b-comparison', 'c-unknown', 'd-sync-failed', 'a-healthy', 'e-healthy'])
  t.end()
})

t.test('a bundle is announced after the delay, at the rate, and once', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  for (const name of ['a', 'b', 'c']) cluster.put(APPLICATIONS, application(name))
  cluster.put(APPLICATIONS, application('plain', { spec: { source: { path: 'a' } } }))
  const bundle = { digest: 'sha256:1' }
  const one = begin(cluster, clock, bundle)
  await clock.advance(DELAY_MS - 1)
  t.strictSame(one.asked(), [])
  await clock.advance(1)
  t.strictSame(one.asked(), ['a'])
  await clock.advance(499)
  t.strictSame(one.asked(), [])
  await clock.advance(1)
  t.strictSame(one.asked(), ['b'])
  await clock.advance(1000)
  t.strictSame(one.asked(), ['c'])
  t.strictSame(announcement(cluster), { bundle: 'sha256:1', isComplete: true, asked: [] })
  const annotated = cluster.find(APPLICATIONS, 'argocd', 'a')?.metadata
  t.strictSame(isJsonObject(annotated) && { ...(annotated.annotations as JsonObject) }, {
    'argocd.argoproj.io/refresh': 'hard',
  })
  await clock.advance(3_600_000)
  t.strictSame(one.asked(), [])
  bundle.digest = 'sha256:2'
  await clock.advance(DELAY_MS + 10_000)
  t.strictSame(one.asked(), ['a', 'b', 'c'])
  await one.end()
  const text = await one.metrics.registry.metrics()
  t.match(text, 'lockkeeper_freshness_refreshes_total{result="asked"} 6')
  t.match(text, 'lockkeeper_freshness_refreshes_left 0')

  const two = begin(cluster, clock, bundle)
  await clock.advance(3_600_000)
  t.strictSame(two.asked(), [], 'the next leader knows it')
  await two.end()
})

t.test('the next leader goes on from where it was left', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  const names = Array.from({ length: 40 }, (_, i) => `a${String(i).padStart(2, '0')}`)
  for (const name of names) cluster.put(APPLICATIONS, application(name))
  const bundle = { digest: 'sha256:1' }
  const one = begin(cluster, clock, bundle)
  await clock.advance(DELAY_MS + 27 * 500)
  t.strictSame(one.asked(), names.slice(0, 28))
  await one.end()

  // Meanwhile it was made anew, and nothing is known of it.
  cluster.remove(APPLICATIONS, 'argocd', 'a03')
  cluster.put(APPLICATIONS, application('a03'))
  const two = begin(cluster, clock, bundle)
  await clock.advance(20_000)
  t.strictSame(two.asked(), ['a03', ...names.slice(25)], 'what was not saved is asked again, and nothing waits')
  await two.end()
})

t.test('another bundle comes while one is announced', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  for (const name of ['a', 'b', 'c']) cluster.put(APPLICATIONS, application(name))
  const bundle = { digest: 'sha256:1' }
  const one = begin(cluster, clock, bundle)
  await clock.advance(DELAY_MS + 500)
  t.strictSame(one.asked(), ['a', 'b'])
  bundle.digest = 'sha256:2'
  await clock.advance(30_000)
  t.strictSame(one.asked(), [], 'it waits for the other gates again')
  await clock.advance(DELAY_MS)
  t.strictSame(one.asked(), ['a', 'b', 'c'])
  await one.end()
})

t.test('an Application that is deleted meanwhile is no error', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  for (const name of ['a', 'b', 'c']) cluster.put(APPLICATIONS, application(name))
  const one = begin(cluster, clock, { digest: 'sha256:1' })
  await clock.advance(DELAY_MS)
  cluster.remove(APPLICATIONS, 'argocd', 'b')
  await clock.advance(2000)
  t.strictSame(announcement(cluster), { bundle: 'sha256:1', isComplete: true, asked: [] })
  t.match(await one.metrics.registry.metrics(), 'lockkeeper_freshness_refreshes_total{result="gone"} 1')
  await one.end()
})

t.test('what is refused is asked again, and the others do not wait for it', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  for (const name of ['a', 'b']) cluster.put(APPLICATIONS, application(name))
  const refusals: Record<string, boolean> = { 'patch argoproj.io/applications argocd/a': true }
  cluster.refuse = asked => {
    if (refusals[asked] === true) throw new ClusterError('busy', { status: 429 })
  }
  const one = begin(cluster, clock, { digest: 'sha256:1' })
  await clock.advance(DELAY_MS + 999)
  t.strictSame(one.asked(), ['a', 'b'])
  refusals['patch argoproj.io/applications argocd/a'] = false
  await clock.advance(5000)
  t.strictSame(one.asked(), ['a'])
  t.strictSame(announcement(cluster), { bundle: 'sha256:1', isComplete: true, asked: [] })
  await one.end()
})

t.test('a record that cannot be read is no reason to ask everybody again', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  cluster.put(APPLICATIONS, application('a'))
  cluster.put(CONFIG_MAPS, {
    metadata: { name: 'lockkeeper-freshness', namespace: 'lockkeeper' },
    data: { announcement: '{"bundle":"sha256:1","isComplete":true,"asked":[]}' },
  })
  let isAway = true
  cluster.refuse = asked => {
    if (isAway && asked.startsWith('find')) throw new ClusterError('away', { status: 503 })
  }
  const one = begin(cluster, clock, { digest: 'sha256:1' })
  await clock.advance(3_600_000)
  isAway = false
  await clock.advance(3_600_000)
  t.strictSame(one.asked(), [])
  await one.end()
})

t.test('a cluster without Argo CD has nothing to refresh', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  cluster.refuse = asked => {
    if (asked.startsWith('list argoproj.io')) throw new ClusterError('no such kind', { status: 404 })
  }
  const one = begin(cluster, clock, { digest: 'sha256:1' })
  await clock.advance(DELAY_MS)
  t.strictSame(announcement(cluster), { bundle: 'sha256:1', isComplete: true, asked: [] })
  await one.end()
})
