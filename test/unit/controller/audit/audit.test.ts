import { join } from 'node:path'
import t from 'tap'
import { runAudit } from '../../../../controller/audit/audit.js'
import { createMetrics } from '../../../../controller/metrics.js'
import type { Decision } from '../../../../src/decision-types.js'
import { parseBundle } from '../../../../src/gate.js'
import { loadBundleFiles } from '../../../../src/io/bundle-source.js'
import { ClusterError } from '../../../../src/io/cluster/cluster-client.js'
import type { EventFacts } from '../../../../src/io/cluster/event-recorder.js'
import { FakeClock, settle } from '../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../helpers/fake-cluster.js'
import { ROOT } from '../../../helpers/repository.js'
import { silentLog } from '../../../helpers/silent-log.js'

const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const PODS = { group: '', version: 'v1', resource: 'pods' }
const NAMESPACES = { group: '', version: 'v1', resource: 'namespaces' }
const REPORTS = { group: 'openreports.io', version: 'v1alpha1', resource: 'reports', namespace: 'shop' }
const HOUR_MS = 3_600_000

/** A cluster that serves Pods and reports. */
function clusterWithPods(): FakeCluster {
  const cluster = new FakeCluster()
  const served = (resource: string, kind: string, scope = 'Namespaced') => ({
    resource,
    scope,
    responseKind: { kind },
    verbs: ['list', 'watch'],
  })
  const groups = (name: string, version: string, resources: object[]) =>
    JSON.stringify({
      kind: 'APIGroupDiscoveryList',
      items: [{ metadata: { name }, versions: [{ version, freshness: 'Current', resources }] }],
    })
  cluster.documents['/api'] = groups('', 'v1', [served('pods', 'Pod')])
  cluster.documents['/apis'] = groups('openreports.io', 'v1alpha1', [
    served('reports', 'Report'),
    served('clusterreports', 'ClusterReport', 'Cluster'),
  ])
  cluster.put(NAMESPACES, { kind: 'Namespace', metadata: { name: 'shop' } })
  return cluster
}

function pod(name: string, more: object = {}) {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop' }, spec: {}, ...more }
}

/** One denial of every Pod whose name begins with "bad". */
function judged(name: string): Decision {
  const found: Decision['violations'] = name.startsWith('bad')
    ? [
        {
          policy: 'bad_names',
          message: 'the name is bad',
          enforcementAction: 'deny',
          severity: 'high',
          path: '',
          details: {},
          controls: [],
          existing: false,
          docs: '',
        },
      ]
    : []
  const action = found.length > 0 ? 'deny' : 'allow'
  return {
    id: `decision of ${name}`,
    subject: name,
    gate: 'audit',
    allowed: action === 'allow',
    action,
    actions: { cli: action, argocd: action, flux: action, webhook: action, audit: action },
    violations: found,
    risk: null,
    anomaly: null,
    provenance: { class: 'approved', evidence: [] },
    degraded: [],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle: bundle.reference,
    inputs: { related: null, rarity: null },
    resource: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name },
  }
}

/** Runs an audit on a cluster; `end` ends it. */
function begin(cluster: FakeCluster, clock: FakeClock, digest = 'sha256:1', exemptNamespaces: string[] = []) {
  const ending = new AbortController()
  const names: string[] = []
  const events: EventFacts[] = []
  const metrics = createMetrics()
  const pool = {
    bundle: { ...bundle, reference: { digest, revision: 'r' } },
    workers: 2,
    review: ({ name = '' }) => {
      names.push(name)
      return Promise.resolve(judged(name))
    },
  }
  cluster.asked.length = 0
  const running = runAudit(
    {
      client: cluster.client,
      pool,
      events: { record: each => events.push(each) },
      metrics,
      reports: 'openreports',
      namespace: 'lockkeeper',
      auditIntervalMs: HOUR_MS,
      exemptNamespaces,
      log: silentLog(),
      clock,
    },
    ending.signal,
  )
  return {
    names: () => names.splice(0).sort(),
    events,
    metrics,
    end: async () => {
      ending.abort()
      await settle()
      await running
    },
  }
}

const reportNames = async (cluster: FakeCluster) => {
  const { items } = await cluster.client.list(REPORTS)
  return items.map(({ scope }) => (scope as { name: string }).name).sort()
}

t.test('everything, then what changes, then everything anew at each interval', async t => {
  const cluster = clusterWithPods()
  const clock = new FakeClock()
  for (const name of ['bad', 'good']) cluster.put(PODS, pod(name))
  const audit = begin(cluster, clock)
  await clock.advance(2000)
  t.strictSame([audit.names(), await reportNames(cluster)], [['bad', 'good'], ['bad']])
  t.strictSame(
    audit.events.map(({ regarding, reason, note }) => [regarding.name, reason, note]),
    [['bad', 'PolicyViolation', '[bad_names] the name is bad']],
  )
  const findings = (await audit.metrics.findings.get()).values.map(({ labels, value }) => ({ ...labels, value }))
  t.strictSame(findings, [{ policy: 'bad_names', action: 'deny', value: 1 }])
  cluster.put(PODS, pod('bad-too'))
  cluster.remove(PODS, 'shop', 'bad')
  await clock.advance(2000)
  t.strictSame([audit.names(), await reportNames(cluster)], [['bad-too'], ['bad-too']])
  await clock.advance(HOUR_MS)
  t.strictSame(audit.names(), ['bad-too', 'good'])
  t.equal(audit.events.length, 2, 'what is not news is no Event')
  await audit.end()
})

t.test('one that begins anew goes on where the last one was', async t => {
  const cluster = clusterWithPods()
  const clock = new FakeClock()
  cluster.put(PODS, pod('bad'))
  const first = begin(cluster, clock)
  await clock.advance(2000)
  await first.end()
  cluster.put(PODS, pod('meanwhile'))

  const second = begin(cluster, clock)
  await clock.advance(5000)
  t.strictSame([second.names(), cluster.asked.includes('list /pods')], [['meanwhile'], false])
  await second.end()

  const changed = begin(cluster, clock, 'sha256:2')
  await clock.advance(5000)
  t.strictSame(changed.names(), ['bad', 'meanwhile'], 'with another bundle everything is judged')
  await changed.end()

  clock.jump(HOUR_MS)
  const late = begin(cluster, clock, 'sha256:2')
  await clock.advance(5000)
  t.strictSame(late.names(), ['bad', 'meanwhile'], 'and when it is due')
  await late.end()

  const past = new FakeClock()
  const back = begin(cluster, past, 'sha256:2')
  await past.advance(5000)
  t.strictSame(back.names(), ['bad', 'meanwhile'], 'and when the clock was set back')
  await back.end()
})

t.test('a cluster that gets the definitions of reports later', async t => {
  const cluster = clusterWithPods()
  const clock = new FakeClock()
  const definitions = cluster.documents['/apis'] ?? ''
  cluster.documents['/apis'] = '{"kind":"APIGroupDiscoveryList","items":[]}'
  cluster.put(PODS, pod('bad'))
  const audit = begin(cluster, clock)
  await clock.advance(5000)
  t.strictSame([audit.names(), await reportNames(cluster)], [['bad'], []])
  cluster.documents['/apis'] = definitions
  await clock.advance(300_000)
  t.strictSame([audit.names(), await reportNames(cluster)], [['bad'], ['bad']])
  await audit.end()
})

t.test('an audit that could read nothing is not complete', async t => {
  const cluster = clusterWithPods()
  const clock = new FakeClock()
  cluster.put(PODS, pod('bad'))
  cluster.refuse = asked => {
    if (asked === 'list /pods') throw new ClusterError('no answer', { status: 0 })
  }
  const audit = begin(cluster, clock)
  await clock.advance(5000)
  t.equal((await audit.metrics.lastComplete.get()).values[0]?.value, 0)
  cluster.refuse = () => undefined
  await clock.advance(60_000)
  t.ok(((await audit.metrics.lastComplete.get()).values[0]?.value ?? 0) > 0)
  t.strictSame(await reportNames(cluster), ['bad'])
  await audit.end()
})

t.test('other labels of a namespace, and exempt namespaces', async t => {
  const cluster = clusterWithPods()
  const clock = new FakeClock()
  cluster.put(PODS, pod('bad'))
  const audit = begin(cluster, clock)
  await clock.advance(2000)
  audit.names()
  cluster.put(NAMESPACES, { kind: 'Namespace', metadata: { name: 'shop', labels: { team: 'b' } } })
  await clock.advance(5000)
  t.strictSame(audit.names(), ['bad'])
  await audit.end()
  const exempting = begin(cluster, clock, 'sha256:2', ['shop'])
  await clock.advance(5000)
  t.strictSame([exempting.names(), await reportNames(cluster)], [[], []])
  await exempting.end()
})
