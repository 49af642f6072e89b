import t from 'tap'
import { ClusterError } from '../../../../../src/io/cluster/cluster-client.js'
import { discover } from '../../../../../src/io/cluster/discovery.js'
import { createTokenReviewer } from '../../../../../src/io/cluster/token-review.js'
import type { JsonObject } from '../../../../../src/json.js'
import { FakeClock } from '../../../../helpers/fake-clock.js'

const authenticated = (more: JsonObject = {}): JsonObject => ({
  status: { authenticated: true, user: { username: 'prometheus', groups: ['monitoring'] }, ...more },
})

/** A reviewer, what it asked, and its clock. */
function reviewer(answer: () => Promise<JsonObject>, audiences: string[] = [], maxEntries = 1000) {
  const asked: string[] = []
  const clock = new FakeClock()
  const create = (_collection: unknown, review: JsonObject) => {
    asked.push(JSON.stringify(review.spec))
    return answer()
  }
  return { asked, clock, review: createTokenReviewer({ create }, { audiences, clock, maxEntries }) }
}

t.test('whose token it is', async t => {
  const owner = { username: 'prometheus', groups: ['monitoring'] }
  const cases: Record<string, { answer: JsonObject; audiences: string[]; expected: object | null }> = {
    'somebody’s': { answer: authenticated(), audiences: [], expected: owner },
    'meant for us': { answer: authenticated({ audiences: ['a', 'b'] }), audiences: ['b'], expected: owner },
    'meant for others': { answer: authenticated({ audiences: ['a'] }), audiences: ['b'], expected: null },
    'meant for nobody by name': { answer: authenticated(), audiences: ['b'], expected: null },
    'nobody’s': { answer: { status: { authenticated: false, error: 'no' } }, audiences: [], expected: null },
    'authenticated, but as nobody': {
      answer: { status: { authenticated: true, user: {} } },
      audiences: [],
      expected: null,
    },
    'no answer at all': { answer: {}, audiences: [], expected: null },
  }
  for (const [name, { answer, audiences, expected }] of Object.entries(cases)) {
    const { review, asked } = reviewer(() => Promise.resolve(answer), audiences)
    t.strictSame(await review('secret'), expected, name)
    t.strictSame(asked, [JSON.stringify({ token: 'secret', ...(audiences.length > 0 && { audiences }) })], name)
  }
})

t.test('an answer is kept for ten seconds, several who ask share one, and an error is not kept', async t => {
  let works = true
  const { review, asked, clock } = reviewer(() =>
    works ? Promise.resolve(authenticated()) : Promise.reject(new ClusterError('no answer', { status: 0 })),
  )
  await Promise.all([review('one'), review('one')])
  t.equal(asked.length, 1)
  clock.jump(9999)
  await review('one')
  t.equal(asked.length, 1)
  clock.jump(1)
  works = false
  await t.rejects(review('one'), { code: 'CLUSTER_UNREACHABLE' })
  works = true
  t.equal((await review('one'))?.username, 'prometheus')
  t.equal(asked.length, 3)
})

t.test('so many answers are kept, and what is no token is not asked about', async t => {
  const { review, asked } = reviewer(() => Promise.resolve(authenticated()), [], 2)
  for (const token of ['1', '2', '3', '3', '2', '1']) await review(token)
  t.equal(asked.length, 4, 'the oldest one was forgotten')
  t.strictSame([await review(''), await review('x'.repeat(70_000))], [null, null])
  t.equal(asked.length, 4)
})

const AGGREGATED = {
  '/api': {
    kind: 'APIGroupDiscoveryList',
    items: [
      {
        metadata: {},
        versions: [
          {
            version: 'v1',
            freshness: 'Current',
            resources: [
              {
                resource: 'pods',
                responseKind: { group: '', version: 'v1', kind: 'Pod' },
                scope: 'Namespaced',
                verbs: ['get', 'list'],
                subresources: [{ subresource: 'exec', verbs: ['create'] }],
              },
            ],
          },
        ],
      },
    ],
  },
  '/apis': {
    kind: 'APIGroupDiscoveryList',
    items: [
      {
        metadata: { name: 'metrics.k8s.io' },
        versions: [
          { version: 'v2', freshness: 'Stale', resources: [] },
          { version: 'v1', freshness: 'Current', resources: [] },
        ],
      },
    ],
  },
}
const LEGACY = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/api/v1': {
    kind: 'APIResourceList',
    resources: [
      { name: 'pods', kind: 'Pod', namespaced: true, verbs: ['get', 'list'] },
      { name: 'pods/exec', kind: 'PodExecOptions', namespaced: true, verbs: ['create'] },
    ],
  },
  '/apis': {
    kind: 'APIGroupList',
    groups: [
      {
        name: 'metrics.k8s.io',
        versions: [
          { groupVersion: 'metrics.k8s.io/v1', version: 'v1' },
          { groupVersion: 'metrics.k8s.io/v2', version: 'v2' },
        ],
        preferredVersion: { groupVersion: 'metrics.k8s.io/v2', version: 'v2' },
      },
    ],
  },
  '/apis/metrics.k8s.io/v1': { kind: 'APIResourceList', resources: [] },
}

function serving(documents: Readonly<Record<string, object | string>>) {
  return {
    getText: (path: string) => {
      const found = documents[path]
      if (found === undefined) return Promise.reject(new ClusterError(`GET ${path}: HTTP 503`, { status: 503 }))
      return Promise.resolve(typeof found === 'string' ? found : JSON.stringify(found))
    },
  }
}

t.test('discovery', async t => {
  const pods = {
    group: '',
    version: 'v1',
    resource: 'pods',
    kind: 'Pod',
    namespaced: true,
    verbs: ['get', 'list'],
    subresources: [{ name: 'exec', verbs: ['create'] }],
  }
  const core = { group: '', versions: ['v1'], preferredVersion: 'v1' }
  t.strictSame(
    await discover(serving(AGGREGATED)),
    {
      groups: [core, { group: 'metrics.k8s.io', versions: ['v2', 'v1'], preferredVersion: 'v2' }],
      resources: [pods],
      failures: [{ groupVersion: 'metrics.k8s.io/v2', error: 'its server does not answer' }],
    },
    'the aggregated form',
  )
  t.strictSame(
    await discover(serving(LEGACY)),
    {
      groups: [core, { group: 'metrics.k8s.io', versions: ['v1', 'v2'], preferredVersion: 'v2' }],
      resources: [pods],
      failures: [{ groupVersion: 'metrics.k8s.io/v2', error: 'GET /apis/metrics.k8s.io/v2: HTTP 503' }],
    },
    'the form of old servers, and a group whose server is away',
  )
  await t.rejects(discover(serving({})), { code: 'CLUSTER_REFUSED', status: 503 })
  await t.rejects(discover(serving({ ...LEGACY, '/apis': '<html>' })), {
    code: 'CLUSTER_REFUSED',
    message: 'the answer to GET /apis is no discovery document',
  })
})
