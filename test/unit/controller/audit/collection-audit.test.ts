import t from 'tap'
import { CollectionAudit } from '../../../../controller/audit/collection-audit.js'
import { ClusterError } from '../../../../src/io/cluster/cluster-client.js'
import { namesOf } from '../../../../src/io/cluster/object-names.js'
import { FakeClock, settle } from '../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../helpers/fake-cluster.js'
import { silentLog } from '../../../helpers/silent-log.js'

const PODS = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true }
const pod = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  ...more,
})

/** An audit of Pods, what it hands on, and the cluster it reads. */
function begin(resourceVersion = '', cluster = new FakeCluster()) {
  const handed: string[] = []
  const log: string[] = []
  const clock = new FakeClock()
  const ending = new AbortController()
  const audit = new CollectionAudit(
    PODS,
    {
      client: cluster.client,
      put: (_key, { object, isDeleted }) => {
        handed.push(`${isDeleted ? '-' : ''}${namesOf(object).name}`)
        return Promise.resolve()
      },
      inTurn: run => run(),
      log: silentLog(log),
      clock,
    },
    resourceVersion,
  )
  const run = () => audit.run(ending.signal)
  return { audit, run, handed: () => handed.splice(0), cluster, clock, log, stop: ending }
}

t.test('a list first, then what changes, once each', async t => {
  const { run, handed, cluster, clock, stop, audit } = begin()
  cluster.put(PODS, pod('a'))
  cluster.put(PODS, pod('b'))
  const running = run()
  await clock.advance(100)
  t.strictSame(handed(), ['a', 'b'])
  cluster.put(PODS, pod('a', { spec: {} }))
  cluster.remove(PODS, 'shop', 'b')
  await settle()
  t.strictSame(handed(), ['a', '-b'])
  t.equal(audit.resourceVersion, '4')
  t.strictSame(cluster.asked, ['list /pods', 'watch /pods'])
  stop.abort()
  await running
})

t.test('from where an earlier audit was, nothing is listed', async t => {
  const cluster = new FakeCluster()
  cluster.put(PODS, pod('judged'))
  const { run, handed, clock, stop } = begin('1', cluster)
  cluster.put(PODS, pod('meanwhile'))
  const running = run()
  await clock.advance(100)
  t.strictSame([handed(), cluster.asked], [['meanwhile'], ['watch /pods']])
  stop.abort()
  await running
})

t.test('when the server has forgotten, only what has another resourceVersion is handed on', async t => {
  const { run, handed, cluster, clock, stop } = begin()
  for (const name of ['a', 'b', 'c']) cluster.put(PODS, pod(name))
  const running = run()
  await clock.advance(100)
  handed()
  cluster.refuse = asked => {
    // The watch does not hear of it.
    if (asked === 'watch /pods') {
      cluster.refuse = () => undefined
      throw new ClusterError('too old', { status: 410, reason: 'Expired' })
    }
  }
  cluster.forget()
  await clock.advance(30_000)
  t.strictSame(handed(), [])
  cluster.refuse = asked => {
    if (asked !== 'watch /pods') return
    cluster.refuse = () => undefined
    cluster.put(PODS, pod('b', { spec: {} }))
    cluster.put(PODS, pod('d'))
    throw new ClusterError('too old', { status: 410, reason: 'Expired' })
  }
  cluster.forget()
  await clock.advance(30_000)
  t.strictSame(handed(), ['b', 'd'])
  stop.abort()
  await running
})

t.test('who asks for all gets all, and is told', async t => {
  const { audit, run, handed, cluster, clock, stop } = begin()
  cluster.put(PODS, pod('a'))
  const first = audit.audit()
  const running = run()
  await clock.advance(100)
  t.strictSame([await first, handed(), cluster.asked], [true, ['a'], ['list /pods', 'watch /pods']], 'in one list')
  const second = audit.audit()
  await clock.advance(100)
  t.strictSame([await second, handed()], [true, ['a']])
  cluster.put(PODS, pod('b'))
  await settle()
  t.strictSame(handed(), ['b'], 'and the watch goes on')
  stop.abort()
  await running
})

t.test('what may not be read is said, waited for, and asked for again when somebody wants it', async t => {
  const { audit, run, handed, cluster, clock, stop, log } = begin()
  cluster.put(PODS, pod('a'))
  cluster.refuse = () => {
    throw new ClusterError('pods is forbidden', { status: 403, reason: 'Forbidden' })
  }
  const first = audit.audit()
  const running = run()
  await settle()
  t.equal(await first, false)
  t.match(log.join(''), 'pods is forbidden')
  await clock.advance(299_000)
  t.equal(cluster.asked.length, 1)
  cluster.refuse = () => undefined
  const second = audit.audit()
  await clock.advance(100)
  t.strictSame([await second, handed()], [true, ['a']])
  stop.abort()
  await running
})

t.test('a namespace is handed on beside the watch', async t => {
  const { audit, run, handed, cluster, clock, stop } = begin()
  cluster.put(PODS, pod('a'))
  cluster.put(PODS, { ...pod('b'), metadata: { name: 'b', namespace: 'bank' } })
  const running = run()
  await clock.advance(100)
  handed()
  const namespace = audit.auditNamespace('bank', stop.signal)
  await clock.advance(100)
  await namespace
  t.strictSame(handed(), ['b'])
  t.equal(cluster.asked.at(-1), 'list /pods bank/')
  stop.abort()
  await running
})

t.test('it ends, and whoever waits is told no', async t => {
  for (const how of ['the signal', 'stop()']) {
    const { audit, run, cluster, stop } = begin()
    cluster.refuse = () => {
      throw new ClusterError('no answer', { status: 0 })
    }
    const running = run()
    await settle()
    cluster.refuse = () => undefined
    if (how === 'stop()') audit.stop()
    else stop.abort()
    await running
    t.pass(how)
  }
})
