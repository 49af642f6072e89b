import { Writable } from 'node:stream'
import t from 'tap'
import { createClusterClient } from '../../src/io/cluster/client.js'
import { type ClusterClient, ClusterError, type ClusterObject } from '../../src/io/cluster/cluster-client.js'
import { openConnection } from '../../src/io/cluster/connection.js'
import { discover } from '../../src/io/cluster/discovery.js'
import { createEventRecorder } from '../../src/io/cluster/event-recorder.js'
import { startLeaderElection } from '../../src/io/cluster/lease.js'
import { listPages } from '../../src/io/cluster/list-pages.js'
import { createTokenReviewer } from '../../src/io/cluster/token-review.js'
import { createWatchCache } from '../../src/io/cluster/watch-cache.js'
import { createLogger, type Logger } from '../../src/io/log.js'
import { isJsonObject, NumberText, parseJson } from '../../src/json.js'
import { member } from '../helpers/testbed/api-objects.js'
import { type ControlPlane, startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ADMIN, ALICE, type User } from '../helpers/testbed/users.js'

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', namespace: 'shop' }

function configMap(name: string, data: Record<string, string> = {}): ClusterObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop', labels: { test: 'yes' } }, data }
}

async function clientOf(plane: ControlPlane, user: User, signal: AbortSignal): Promise<ClusterClient> {
  const connection = await openConnection({ kubeconfig: await plane.kubeconfig(user), inCluster: null })
  return createClusterClient(connection, { userAgent: 'lockkeeper-test', timeoutMs: 10_000, signal })
}

/** The refusal of a call, as data. */
async function refusal(call: Promise<unknown>): Promise<{ code: string; status: number; reason: string }> {
  const thrown: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(thrown instanceof ClusterError)) throw new Error(`this was no ClusterError: ${String(thrown)}`)
  return { code: thrown.code, status: thrown.status, reason: thrown.reason }
}

t.test('the client and the real API server', async t => {
  const bed = createTestbed(t)
  const plane = await startControlPlane(bed, { controllers: false })
  await plane.createNamespace('shop')
  const ending = new AbortController()
  t.teardown(() => {
    ending.abort()
  })
  const { signal } = ending
  const client = await clientOf(plane, ADMIN, signal)
  const lines: string[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString())
      done()
    },
  })
  const log: Logger = createLogger({ component: 'test', level: 'debug', stream })

  await t.test('every way to write, and refusals in the words of Kubernetes', async t => {
    const created = await client.create(CONFIG_MAPS, configMap('ways', { a: '1' }), { fieldManager: 'painter' })
    t.equal(member(created, 'metadata', 'managedFields', 0, 'manager'), 'painter')
    const dry = await client.create(CONFIG_MAPS, configMap('dry'), { dryRun: true })
    t.equal(member(dry, 'metadata', 'name'), 'dry')
    t.equal(await client.find(CONFIG_MAPS, 'dry'), null)
    const replaced = await client.replace(CONFIG_MAPS, 'ways', { ...created, data: { b: '2' } })
    t.same(replaced.data, { b: '2' })
    t.strictSame(await refusal(client.replace(CONFIG_MAPS, 'ways', { ...created, data: { c: '3' } })), {
      code: 'CLUSTER_REFUSED',
      status: 409,
      reason: 'Conflict',
    })
    const merged = await client.patch(CONFIG_MAPS, 'ways', { data: { d: '4' } }, { type: 'merge' })
    t.same(merged.data, { b: '2', d: '4' })
    const applied = await client.patch(
      CONFIG_MAPS,
      'ways',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ways' }, data: { d: '5' } },
      { type: 'apply', fieldManager: 'lockkeeper', force: true },
    )
    t.same(applied.data, { b: '2', d: '5' })
    const json = [{ op: 'remove', path: '/data/b' }]
    t.same((await client.patch(CONFIG_MAPS, 'ways', json, { type: 'json' })).data, { d: '5' })
    const strategic = await client.patch(CONFIG_MAPS, 'ways', { data: { d: null } }, { type: 'strategic' })
    t.equal(strategic.data, undefined)
    t.strictSame(await refusal(client.delete(CONFIG_MAPS, 'ways', { resourceVersion: '1' })), {
      code: 'CLUSTER_REFUSED',
      status: 409,
      reason: 'Conflict',
    })
    await client.delete(CONFIG_MAPS, 'ways', { dryRun: true })
    await client.delete(CONFIG_MAPS, 'ways')
    t.strictSame(await refusal(client.get(CONFIG_MAPS, 'ways')), {
      code: 'CLUSTER_REFUSED',
      status: 404,
      reason: 'NotFound',
    })
    const alice = await clientOf(plane, ALICE, signal)
    await t.rejects(alice.list(CONFIG_MAPS), {
      status: 403,
      reason: 'Forbidden',
      message:
        /^GET \/api\/v1\/namespaces\/shop\/configmaps: HTTP 403 Forbidden: configmaps is forbidden: User "alice"/,
    })
  })

  await t.test('a client certificate is taken from a kubeconfig', async t => {
    const user = plane.certificateUser('carol', ['system:masters'])
    const carol = await clientOf(plane, user, signal)
    t.equal(isJsonObject(await carol.get({ group: '', version: 'v1', resource: 'namespaces' }, 'shop')), true)
  })

  await t.test('a list is read page by page, and its items say what they are', async t => {
    for (const name of ['page-1', 'page-2', 'page-3', 'page-4', 'page-5']) {
      await client.create(CONFIG_MAPS, configMap(name))
    }
    const pages: string[][] = []
    for await (const page of listPages(client, CONFIG_MAPS, { limit: 2, labelSelector: 'test=yes' })) {
      pages.push(
        page.items.map(
          item =>
            `${String(member(item, 'apiVersion'))} ${String(member(item, 'kind'))} ${String(member(item, 'metadata', 'name'))}`,
        ),
      )
    }
    t.strictSame(pages, [
      ['v1 ConfigMap page-1', 'v1 ConfigMap page-2'],
      ['v1 ConfigMap page-3', 'v1 ConfigMap page-4'],
      ['v1 ConfigMap page-5'],
    ])
  })

  await t.test('int64 numbers keep every digit', async t => {
    const version = {
      name: 'v1',
      served: true,
      storage: true,
      schema: {
        openAPIV3Schema: {
          type: 'object',
          properties: { spec: { type: 'object', properties: { count: { type: 'integer', format: 'int64' } } } },
        },
      },
    }
    await client.create(
      { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' },
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'counters.example.dev' },
        spec: {
          group: 'example.dev',
          scope: 'Namespaced',
          names: { plural: 'counters', singular: 'counter', kind: 'Counter' },
          versions: [version],
        },
      },
    )
    const counters = { group: 'example.dev', version: 'v1', resource: 'counters', namespace: 'shop' }
    const text =
      '{"apiVersion":"example.dev/v1","kind":"Counter","metadata":{"name":"one"},"spec":{"count":9223372036854775807}}'
    const counter = parseJson(text)
    if (!isJsonObject(counter)) throw new Error('not an object')
    await waitFor('the kind is served', () => client.create(counters, counter))
    const count = member(await client.get(counters, 'one'), 'spec', 'count')
    t.strictSame(count, new NumberText('9223372036854775807'))
    const kubectl = await plane.kubectl(['get', 'counters', 'one', '-n', 'shop', '-o', 'jsonpath={.spec.count}'])
    t.equal(kubectl.stdout, '9223372036854775807')
  })

  await t.test('discovery knows resources, scopes, verbs, subresources and versions', async t => {
    const aggregated = await discover(client)
    t.strictSame(aggregated.failures, [])
    const find = (group: string, resource: string) =>
      aggregated.resources.find(each => each.group === group && each.resource === resource)
    const pods = find('', 'pods')
    t.equal(pods?.namespaced, true)
    t.strictSame(
      pods?.verbs.filter(each => each === 'list' || each === 'watch'),
      ['list', 'watch'],
    )
    t.strictSame(
      pods?.subresources
        .filter(({ name }) => ['exec', 'ephemeralcontainers', 'resize'].includes(name))
        .map(({ name }) => name),
      ['ephemeralcontainers', 'exec', 'resize'],
    )
    t.equal(find('', 'namespaces')?.namespaced, false)
    t.equal(find('example.dev', 'counters')?.kind, 'Counter')
    t.equal(aggregated.groups.find(({ group }) => group === 'autoscaling')?.preferredVersion, 'v2')
    const legacy = await discover({ getText: path => client.getText(path) })
    const keys = ({ resources }: typeof legacy) =>
      resources.map(each => [each.group, each.version, each.resource, each.kind, each.namespaced].join(' ')).sort()
    t.strictSame(keys(legacy), keys(aggregated), 'the legacy form says the same')
    t.strictSame(
      [...legacy.groups].sort((a, b) => (a.group < b.group ? -1 : 1)),
      [...aggregated.groups].sort((a, b) => (a.group < b.group ? -1 : 1)),
    )
    const subresources = ({ resources }: typeof legacy) =>
      resources
        .find(each => each.resource === 'pods' && each.group === '')
        ?.subresources.map(({ name }) => name)
        .sort()
    t.strictSame(subresources(legacy), subresources(aggregated))
  })

  await t.test('Events are seen by kubectl, and what comes again is counted', async t => {
    const recorder = createEventRecorder(client, {
      reportingController: 'lockkeeper.dev/test',
      reportingInstance: 'replica-1',
      log,
    })
    const regarding = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'page-1' }
    const facts = {
      regarding,
      type: 'Warning',
      reason: 'PolicyViolation',
      action: 'Audit',
      note: 'é'.repeat(600),
    } as const
    recorder.record(facts)
    recorder.record(facts)
    recorder.record({ ...facts, regarding: { ...regarding, namespace: '', kind: 'Namespace', name: 'shop' } })
    await recorder.close()
    t.equal(recorder.dropped, 0)
    const { stdout } = await plane.kubectl(['get', 'events.events.k8s.io', '-A', '-o', 'json'])
    const events = (JSON.parse(stdout) as { items: Record<string, unknown>[] }).items
      .filter(each => each.reportingController === 'lockkeeper.dev/test')
      .map(each => [
        member(each, 'metadata', 'namespace'),
        member(each, 'regarding', 'name'),
        each.type,
        each.reason,
        each.action,
        Buffer.byteLength(String(each.note)) <= 1024,
        member(each, 'series', 'count') ?? 1,
      ])
    t.strictSame(events.sort(), [
      ['default', 'shop', 'Warning', 'PolicyViolation', 'Audit', true, 1],
      ['shop', 'page-1', 'Warning', 'PolicyViolation', 'Audit', true, 2],
    ])
  })

  await t.test('a token is reviewed for its audience', async t => {
    const token = await plane.serviceAccountToken('shop', 'default')
    const review = createTokenReviewer(client, { audiences: ['https://kubernetes.default.svc'] })
    t.strictSame(await review(token), {
      username: 'system:serviceaccount:shop:default',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
    })
    t.equal(await review(`${token}x`), null)
    t.equal(await createTokenReviewer(client, { audiences: ['lockkeeper.dev'] })(token), null)
  })

  await t.test('one of two leads, and the other one takes over what is given back', async t => {
    const other = await clientOf(plane, ADMIN, signal)
    const changes: string[] = []
    const take = (identity: string, from: ClusterClient, stop: AbortController) =>
      startLeaderElection(from, {
        namespace: 'shop',
        name: 'leader',
        identity,
        retryPeriodMs: 200,
        onStarted: () => changes.push(`${identity} started`),
        onStopped: () => {
          changes.push(`${identity} stopped`)
        },
        signal: stop.signal,
        log,
      })
    const [first, second] = [new AbortController(), new AbortController()]
    const one = take('one', client, first)
    await waitFor('one leads', () => Promise.resolve(one.isLeader))
    const two = take('two', other, second)
    await waitFor('two sees it', () => Promise.resolve(two.leader === 'one'))
    t.strictSame([one.isLeader, two.isLeader], [true, false])
    first.abort()
    await one.done
    await waitFor('two leads', () => Promise.resolve(two.isLeader))
    second.abort()
    await two.done
    t.strictSame(changes, ['one started', 'one stopped', 'two started', 'two stopped'])
    const lease = await client.get(
      { group: 'coordination.k8s.io', version: 'v1', resource: 'leases', namespace: 'shop' },
      'leader',
    )
    t.equal(member(lease, 'spec', 'leaseTransitions'), 1)
    t.equal(member(lease, 'spec', 'holderIdentity'), '')
  })

  await t.test('a watch ends with its signal', async t => {
    const stop = new AbortController()
    const page = await client.list(CONFIG_MAPS)
    const watching = client.watch(CONFIG_MAPS, { resourceVersion: page.resourceVersion, signal: stop.signal })
    await client.create(CONFIG_MAPS, configMap('watched'))
    const event = await watching.next()
    t.strictSame(event.done === true ? null : [event.value.type, member(event.value.object, 'metadata', 'name')], [
      'ADDED',
      'watched',
    ])
    stop.abort()
    t.strictSame(await watching.next(), { done: true, value: undefined })
  })

  await t.test('a watch cache knows what happens while the API server is restarted', async t => {
    const changes: string[] = []
    const cache = createWatchCache(client, CONFIG_MAPS, {
      labelSelector: 'test=yes',
      transform: object => member(object, 'data', 'a'),
      onChange: ({ type, name }) => changes.push(`${type} ${name}`),
      pageSize: 2,
      signal,
      log,
    })
    await cache.synced
    const names = ['page-1', 'page-2', 'page-3', 'page-4', 'page-5', 'watched']
    t.strictSame(
      changes.splice(0).sort(),
      names.map(name => `ADDED ${name}`),
    )
    await client.patch(CONFIG_MAPS, 'page-1', { data: { a: '1' } }, { type: 'merge' })
    await waitFor('the change is seen', () => Promise.resolve(cache.get('shop', 'page-1') === '1'))

    await plane.stopApiServer()
    await t.rejects(client.get(CONFIG_MAPS, 'page-1'), { code: 'CLUSTER_UNREACHABLE', status: 0 })
    t.equal(cache.get('shop', 'page-1'), '1', 'the last known objects stay')
    await plane.startApiServer()
    await client.patch(CONFIG_MAPS, 'page-1', { data: { a: '2' } }, { type: 'merge' })
    await client.delete(CONFIG_MAPS, 'page-2')
    await waitFor('the cache goes on', () => Promise.resolve(cache.get('shop', 'page-1') === '2' && cache.size === 5))
    t.strictSame(changes, ['MODIFIED page-1', 'MODIFIED page-1', 'DELETED page-2'])
    cache.close()
    // Its memory of what happened began with the restart.
    const old = client.watch(CONFIG_MAPS, { resourceVersion: '1', signal })
    t.strictSame(await refusal(old.next()), { code: 'CLUSTER_REFUSED', status: 410, reason: 'Expired' })
  })

  t.equal(lines.join('').includes('token-of-'), false, 'no token was logged')
})
