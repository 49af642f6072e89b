import t from 'tap'
import { createCheckpoint } from '../../../../controller/audit/checkpoint.js'
import { watchNamespaces } from '../../../../controller/audit/namespaces.js'
import { REPORT_LABELS } from '../../../../controller/audit/report-object.js'
import { openReportStore } from '../../../../controller/audit/report-store.js'
import { createMetrics } from '../../../../controller/metrics.js'
import { ClusterError, type ClusterObject } from '../../../../src/io/cluster/cluster-client.js'
import { FakeClock, settle } from '../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../helpers/fake-cluster.js'
import { silentLog } from '../../../helpers/silent-log.js'

const REPORTS = { group: 'openreports.io', version: 'v1alpha1', resource: 'reports', namespace: 'shop' }
const CLUSTER_REPORTS = { group: 'openreports.io', version: 'v1alpha1', resource: 'clusterreports' }
const UID = (n: number) => `00000000-0000-4000-8000-00000000000${n}`

function report(n: number, message = 'no', namespace = 'shop'): ClusterObject {
  return {
    apiVersion: 'openreports.io/v1alpha1',
    kind: namespace === '' ? 'ClusterReport' : 'Report',
    metadata: { name: `lockkeeper-${UID(n)}`, ...(namespace !== '' && { namespace }), labels: { ...REPORT_LABELS } },
    scope: { apiVersion: 'v1', kind: namespace === '' ? 'Node' : 'Pod' },
    results: [{ policy: 'host_ports', message, timestamp: { seconds: 1, nanos: 0 } }],
  }
}

/** A store on a cluster, and what was written since the last look. */
async function open(cluster = new FakeCluster()) {
  const metrics = createMetrics()
  const ending = new AbortController()
  const log: string[] = []
  const options = { metrics, signal: ending.signal, log: silentLog(log), clock: new FakeClock() }
  const store = openReportStore(cluster.client, 'openreports', options)
  await store.synced
  cluster.asked.length = 0
  const writes = async () => {
    await settle()
    return cluster.asked.splice(0).map(each => each.replace(/openreports.io\/(\w+) (\w*)\/lockkeeper-0.*-0+/, '$1 $2/'))
  }
  const counts = async () => {
    const { values } = await metrics.reports.get()
    return Object.fromEntries(values.map(({ labels, value }): [string, number] => [String(labels.operation), value]))
  }
  return { store, writes, counts, cluster, ending, log }
}

t.test('a report is written when it says something new', async t => {
  const { store, writes, counts, ending } = await open()
  t.equal(await store.write(report(1)), true)
  t.strictSame(await writes(), ['create reports shop/1'])
  t.equal(await store.write(report(1)), false)
  t.strictSame(await writes(), [])
  t.equal(await store.write(report(1, 'still no')), true)
  t.equal(await store.write(report(2, 'no', '')), true)
  t.strictSame(await writes(), ['replace reports shop/1', 'create clusterreports /2'])
  t.strictSame(await counts(), { written: 3 })
  ending.abort()
})

t.test('a report that was written a moment ago, and that the watch has not brought yet', async t => {
  const { store, writes, ending, cluster } = await open()
  await Promise.all([store.write(report(1)), store.write(report(1, 'newer'))])
  t.strictSame(await writes(), [
    'create reports shop/1',
    'create reports shop/1',
    'find reports shop/1',
    'replace reports shop/1',
  ])
  t.match(cluster.find(REPORTS, 'shop', `lockkeeper-${UID(1)}`), { results: [{ message: 'newer' }] })
  await Promise.all([store.write(report(3)), store.remove('shop', UID(3))])
  t.equal(cluster.find(REPORTS, 'shop', `lockkeeper-${UID(3)}`), null)
  ending.abort()
})

t.test('a report that somebody deleted or changed is mended', async t => {
  const { store, writes, ending, cluster } = await open()
  await store.write(report(1))
  await writes()
  cluster.put(REPORTS, { ...report(1), results: [] })
  await settle()
  t.equal(await store.write(report(1)), true)
  t.strictSame(await writes(), ['replace reports shop/1'])
  cluster.remove(REPORTS, 'shop', `lockkeeper-${UID(1)}`)
  t.equal(await store.write(report(1, 'other')), true)
  t.strictSame(await writes(), ['replace reports shop/1', 'find reports shop/1', 'create reports shop/1'])
  ending.abort()
})

t.test('what is clean or gone has no report; nothing is asked where there is none', async t => {
  const { store, writes, counts, ending, cluster } = await open()
  await store.remove('shop', UID(1))
  t.strictSame(await writes(), [])
  await store.write(report(1))
  await writes()
  await store.remove('shop', UID(1))
  t.strictSame(await writes(), ['delete reports shop/1'])
  await store.write(report(2))
  await writes()
  cluster.refuse = () => {
    throw new ClusterError('not found', { status: 404, reason: 'NotFound' })
  }
  await store.remove('shop', UID(2))
  t.strictSame(await counts(), { written: 2, deleted: 1 }, 'the garbage collector may have been faster')
  ending.abort()
})

t.test('after a complete audit, reports that nothing was found for go, but for kinds that were not read', async t => {
  const cluster = new FakeCluster()
  for (const n of [1, 2]) cluster.put(REPORTS, report(n))
  cluster.put(CLUSTER_REPORTS, report(3, 'no', ''))
  cluster.put(CLUSTER_REPORTS, report(4, 'no', ''))
  const { store, writes, ending } = await open(cluster)
  store.beginRound()
  await store.write(report(1))
  await store.endRound(({ kind }) => kind === 'Node')
  t.strictSame(await writes(), ['delete reports shop/2'])
  store.beginRound()
  await store.write(report(1))
  await store.write(report(3, 'no', ''))
  await store.endRound(() => false)
  t.strictSame(await writes(), ['delete clusterreports /4'])
  store.beginRound()
  await store.endRound(() => false)
  t.strictSame(
    await writes(),
    ['delete reports shop/1', 'delete clusterreports /3'],
    'what was right in an earlier audit',
  )
  ending.abort()
})

t.test('a report that cannot be written is counted, and nothing is thrown', async t => {
  const { store, counts, ending, cluster, log } = await open()
  cluster.refuse = () => {
    throw new ClusterError('namespace is being terminated', { status: 403, reason: 'Forbidden' })
  }
  await store.write(report(1))
  t.strictSame(await counts(), { failed: 1 })
  await store.remove('shop', UID(1))
  t.strictSame(await counts(), { failed: 2 })
  t.match(log.join(''), 'namespace is being terminated')
  ending.abort()
})

t.test('the progress of the audit is kept in a ConfigMap', async t => {
  const cluster = new FakeCluster()
  const { signal } = new AbortController()
  const checkpoint = createCheckpoint(cluster.client, { namespace: 'lockkeeper', log: silentLog() })
  t.equal(await checkpoint.load(signal), null)
  const progress = { settings: 'sha256:1', completedMs: 7, resourceVersions: { '/pods': '5' } }
  await checkpoint.save(progress, signal)
  t.strictSame(await checkpoint.load(signal), progress)
  await checkpoint.save({ ...progress, completedMs: 8 }, signal)
  t.equal((await checkpoint.load(signal))?.completedMs, 8)
  const maps = { group: '', version: 'v1', resource: 'configmaps' }
  for (const text of ['{', '[]', '{"settings":1}']) {
    const metadata = { name: 'lockkeeper-audit', namespace: 'lockkeeper' }
    cluster.put(maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { progress: text } })
    t.equal(await checkpoint.load(signal), null, text)
  }
  cluster.refuse = () => {
    throw new ClusterError('no answer', { status: 0 })
  }
  t.equal(await checkpoint.load(signal), null)
  await checkpoint.save(progress, signal)
})

t.test('namespaces: what decides about what is in them', async t => {
  const cluster = new FakeCluster()
  const namespaces = { group: '', version: 'v1', resource: 'namespaces' }
  const put = (name: string, labels: Record<string, string>, annotations = {}) =>
    cluster.put(namespaces, { kind: 'Namespace', metadata: { name, labels, annotations } })
  put('shop', { team: 'a' })
  const relabelled: string[] = []
  const ending = new AbortController()
  const found = watchNamespaces(cluster.client, {
    onRelabelled: name => relabelled.push(name),
    signal: ending.signal,
    log: silentLog(),
    clock: new FakeClock(),
  })
  await found.synced
  t.strictSame(await found.find('shop'), { labels: { team: 'a' }, annotations: {} })
  put('shop', { team: 'a' }, { note: 'x' })
  put('bank', { team: 'c' })
  t.strictSame(await found.find('bank'), { labels: { team: 'c' }, annotations: {} }, 'before the watch brings it')
  await settle()
  t.strictSame(relabelled, [])
  put('shop', { team: 'b' })
  await settle()
  t.strictSame(relabelled, ['shop'])
  t.equal(await found.find('nowhere'), null)
  ending.abort()
})
