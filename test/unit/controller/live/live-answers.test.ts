import t from 'tap'
import { createLiveAnswers } from '../../../../controller/live/live-answers.js'
import { ClusterError } from '../../../../src/io/cluster/cluster-client.js'
import type { JsonObject } from '../../../../src/json.js'
import type { LiveQuery, LiveReference } from '../../../../src/live-query.js'
import { FakeClock } from '../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../helpers/fake-cluster.js'
import { silentLog } from '../../../helpers/silent-log.js'

const VERBS = ['get', 'list']
const served = (
  group: string,
  version: string,
  kinds: Record<string, readonly [string, boolean]>,
  more: object = {},
) => ({
  metadata: { name: group },
  versions: [
    {
      version,
      resources: Object.entries(kinds).map(([kind, [resource, namespaced]]) => ({
        resource,
        responseKind: { kind },
        scope: namespaced ? 'Namespaced' : 'Cluster',
        verbs: VERBS,
      })),
      ...more,
    },
  ],
})
const document = (...items: object[]) => JSON.stringify({ kind: 'APIGroupDiscoveryList', items })

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', namespace: 'shop' }
const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap' }
const NAMESPACES = { group: '', version: 'v1', resource: 'namespaces' }
const APPLICATIONS = { group: 'argoproj.io', version: 'v1alpha1', resource: 'applications' }

const configMap = (name: string, more: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop', ...more },
})
const application = (resources: JsonObject[], more: JsonObject = {}): JsonObject => ({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Application',
  metadata: { name: 'shop', namespace: 'argocd' },
  spec: { destination: { server: 'https://kubernetes.default.svc', namespace: 'shop' } },
  status: { resources },
  ...more,
})

/** Answers from a cluster with some kinds, and what is asked of it. */
function live({
  application: known = application([]),
  ...options
}: { maxAnswerBytes?: number; application?: JsonObject | null } = {}) {
  const cluster = new FakeCluster()
  cluster.documents['/api'] = document(
    served('', 'v1', {
      ConfigMap: ['configmaps', true],
      Secret: ['secrets', true],
      Namespace: ['namespaces', false],
    }),
  )
  cluster.documents['/apis'] = document(
    served('rbac.authorization.k8s.io', 'v1', { ClusterRole: ['clusterroles', false] }),
    served('stale.example', 'v1', {}, { freshness: 'Stale' }),
  )
  cluster.put(NAMESPACES, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { team: 'a' }, annotations: { note: 'b' } },
  })
  if (known !== null) cluster.put(APPLICATIONS, known)
  const lines: string[] = []
  const clock = new FakeClock()
  const answers = createLiveAnswers(cluster.client, {
    applicationsNamespace: 'argocd',
    clock,
    log: silentLog(lines),
    ...options,
  })
  const ask = (objects: readonly LiveReference[], more: Partial<LiveQuery> = {}) =>
    answers(
      { application: 'shop', project: 'default', destinationNamespace: 'shop', objects, ...more },
      new AbortController().signal,
    )
  return { cluster, ask, lines, clock }
}

t.test(
  'objects are found with what says who owns which field, absent, or withheld; Secrets are never read',
  async t => {
    const { cluster, ask } = live()
    cluster.put(APPLICATIONS, application([]))
    cluster.put(CONFIG_MAPS, configMap('web', { managedFields: [{ manager: 'kubectl' }] }))
    cluster.put({ ...CONFIG_MAPS, resource: 'secrets' }, { ...configMap('db'), kind: 'Secret' })
    const answer = await ask([
      { ...CONFIG_MAP, name: 'web' },
      { ...CONFIG_MAP, namespace: 'shop', name: 'api' },
      { ...CONFIG_MAP, kind: 'Secret', namespace: 'shop', name: 'db' },
      { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'ClusterRole', namespace: 'shop', name: 'all' },
      { group: 'example.com', version: 'v1', kind: 'Thing', name: 'one' },
      { group: 'rbac.authorization.k8s.io', version: 'v2', kind: 'ClusterRole', name: 'all' },
      { group: 'stale.example', version: 'v1', kind: 'Thing', name: 'one' },
    ])
    t.strictSame(JSON.parse(JSON.stringify(Object.fromEntries(answer.objects))), {
      '/ConfigMap//web': {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: 'web',
          namespace: 'shop',
          managedFields: [{ manager: 'kubectl' }],
          uid: 'uid-4',
          resourceVersion: '4',
        },
      },
      '/ConfigMap/shop/api': null,
      '/Secret/shop/db': 'withheld',
      'rbac.authorization.k8s.io/ClusterRole/shop/all': null,
      'example.com/Thing//one': null,
      'rbac.authorization.k8s.io/ClusterRole//all': 'withheld',
      'stale.example/Thing//one': 'withheld',
    })
    t.strictSame(Object.fromEntries(answer.namespaces), { shop: { labels: { team: 'a' }, annotations: { note: 'b' } } })
    t.strictSame(answer.pruned, [])
    t.notOk(
      cluster.asked.some(each => each.includes('secrets')),
      'Secrets were not asked for',
    )
    t.ok(cluster.asked.includes('find rbac.authorization.k8s.io/clusterroles /all'), 'without a namespace')
  },
)

t.test('many of one kind are listed, and what the list does not reach is asked for', async t => {
  const { cluster, ask } = live()
  cluster.put(APPLICATIONS, application([]))
  for (let i = 0; i < 2100; i += 1) cluster.put(CONFIG_MAPS, configMap(`n${i}`))
  cluster.asked.length = 0
  const names = [...Array.from({ length: 8 }, (_, i) => `n${i}`), 'n2099', 'absent']
  const answer = await ask(names.map(name => ({ ...CONFIG_MAP, name })))
  t.strictSame(
    [...answer.objects.values()].map(each => each !== null),
    [...names.slice(0, -1).map(() => true), false],
  )
  const asked = cluster.asked.filter(each => each.includes('/configmaps'))
  t.strictSame(asked, [
    ...Array.from({ length: 4 }, () => 'list /configmaps shop/'),
    'find /configmaps shop/n2099',
    'find /configmaps shop/absent',
  ])

  cluster.asked.length = 0
  await ask(Array.from({ length: 7 }, (_, i) => ({ ...CONFIG_MAP, name: `n${i}` })))
  t.equal(cluster.asked.filter(each => each.startsWith('find /configmaps')).length, 7, 'a few are not listed')
})

t.test('a whole list says what is absent without asking again', async t => {
  const { cluster, ask } = live()
  cluster.put(CONFIG_MAPS, configMap('n1'))
  const answer = await ask(Array.from({ length: 8 }, (_, i) => ({ ...CONFIG_MAP, name: `n${i}` })))
  t.strictSame([...answer.objects.values()].filter(each => each === null).length, 7)
  t.strictSame(
    cluster.asked.filter(each => each.includes('/configmaps')),
    ['list /configmaps shop/'],
  )
})

t.test('what the Application has and the render has not is pruned', async t => {
  const { cluster, ask } = live()
  const entry = (name: string, more: JsonObject = {}): JsonObject => ({
    version: 'v1',
    kind: 'ConfigMap',
    namespace: 'shop',
    name,
    ...more,
  })
  cluster.put(
    APPLICATIONS,
    application([
      entry('kept'),
      entry('going'),
      entry('gone already'),
      entry('hook', { hook: true }),
      entry('stays'),
      entry('db', { kind: 'Secret' }),
      entry('kept-secret', { kind: 'Secret' }),
      entry('other', { namespace: 'elsewhere' }),
    ]),
  )
  for (const name of ['kept', 'going', 'hook']) cluster.put(CONFIG_MAPS, configMap(name))
  cluster.put({ ...CONFIG_MAPS, namespace: 'elsewhere' }, configMap('other', { namespace: 'elsewhere' }))
  cluster.put(
    CONFIG_MAPS,
    configMap('stays', { annotations: { 'argocd.argoproj.io/sync-options': 'ServerSideApply=true, Prune=false' } }),
  )
  const answer = await ask([
    { ...CONFIG_MAP, name: 'kept' },
    { ...CONFIG_MAP, name: 'other' },
    { ...CONFIG_MAP, kind: 'Secret', name: 'kept-secret' },
  ])
  t.strictSame(
    answer.pruned.map(({ kind, metadata }) => [
      kind,
      (metadata as JsonObject).namespace,
      (metadata as JsonObject).name,
    ]),
    [
      ['ConfigMap', 'shop', 'going'],
      ['Secret', 'shop', 'db'],
      ['ConfigMap', 'elsewhere', 'other'],
    ],
  )
  t.strictSame(answer.pruned[1], { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: 'shop' } })
})

t.test('an Application may be in another namespace, or not there: then nothing is answered', async t => {
  const { cluster, ask, lines } = live({ application: null })
  const resources = [{ version: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'going' }]
  cluster.put(APPLICATIONS, application(resources, { metadata: { name: 'shop', namespace: 'team-a' } }))
  cluster.put(CONFIG_MAPS, configMap('going'))
  t.equal((await ask([], { application: 'team-a_shop' })).pruned.length, 1)
  t.equal(lines.length, 0)
  await t.rejects(ask([{ ...CONFIG_MAP, name: 'going' }]), {
    code: 'CONTROLLER_REFUSED',
    message: 'there is no such Application',
  })
  t.match(lines[0], /there is no such Application/)
})

t.test('an Application for another cluster is refused', async t => {
  const { cluster, ask } = live()
  for (const destination of [{ server: 'https://other.example' }, { name: 'other' }]) {
    cluster.put(APPLICATIONS, application([], { spec: { destination } }))
    await t.rejects(ask([{ ...CONFIG_MAP, name: 'web' }]), { code: 'CONTROLLER_REFUSED' })
  }
  cluster.put(APPLICATIONS, application([], { spec: { destination: { name: 'in-cluster' } } }))
  t.equal((await ask([{ ...CONFIG_MAP, name: 'web' }])).objects.size, 1)
})

t.test('a refusal withholds, and an API server that fails fails the answer', async t => {
  const { cluster, ask } = live()
  const failing = (status: number) => (asked: string) => {
    if (asked.includes('/configmaps')) throw new ClusterError('no', { status })
  }
  const many = Array.from({ length: 9 }, (_, i) => ({ ...CONFIG_MAP, name: `n${i}` }))
  cluster.refuse = failing(403)
  for (const objects of [many, many.slice(0, 1)]) {
    t.strictSame([...new Set((await ask(objects)).objects.values())], ['withheld'])
  }
  for (const status of [0, 429, 500, 503]) {
    cluster.refuse = failing(status)
    await t.rejects(ask(many.slice(0, 1)), { code: status === 0 ? 'CLUSTER_UNREACHABLE' : 'CLUSTER_REFUSED' })
  }
})

t.test('an answer has a bound, beyond which objects are withheld', async t => {
  const { cluster, ask } = live({ maxAnswerBytes: 500 })
  for (const name of ['a', 'b', 'c']) cluster.put(CONFIG_MAPS, { ...configMap(name), data: { a: 'x'.repeat(100) } })
  const answer = await ask(['a', 'b', 'c'].map(name => ({ ...CONFIG_MAP, name })))
  t.strictSame(
    [...answer.objects.values()].map(each => (each === 'withheld' ? each : 'found')),
    ['found', 'found', 'withheld'],
  )
})

t.test('what is served is asked for once, and again when a kind is missed', async t => {
  const { cluster, ask, clock } = live()
  const readings = () => cluster.asked.filter(each => each === 'read //apis').length
  await Promise.all([ask([{ ...CONFIG_MAP, name: 'a' }]), ask([{ ...CONFIG_MAP, name: 'b' }])])
  t.equal(readings(), 1)
  const thing = { group: 'example.com', version: 'v1', kind: 'Thing', name: 'one' }
  t.strictSame([...(await ask([thing, thing])).objects.values()], [null])
  t.equal(readings(), 1, 'just asked for')
  cluster.documents['/apis'] = document(served('example.com', 'v1', { Thing: ['things', true] }))
  cluster.put({ group: 'example.com', version: 'v1', resource: 'things' }, configMap('one'))
  clock.jump(6000)
  t.type([...(await ask([thing])).objects.values()][0], 'object')
  t.equal(readings(), 2)
})
