import t from 'tap'
import { quoted } from '../../../doctor/command.js'
import { look, lookAt, lookThrough } from '../../../doctor/reading/look.js'
import { ClusterError, type ListPage } from '../../../src/io/cluster/cluster-client.js'
import type { JsonObject } from '../../../src/json.js'

const DEPLOYMENTS = { group: 'apps', version: 'v1', resource: 'deployments', namespace: 'shop' }
const NODES = { group: '', version: 'v1', resource: 'nodes' }
const forbidden = new ClusterError(
  'GET /apis/apps/v1/namespaces/shop/deployments: HTTP 403 Forbidden: deployments.apps is forbidden: User "alice" cannot list resource',
  { status: 403, reason: 'Forbidden' },
)

function pages(...answers: readonly (ClusterError | readonly JsonObject[])[]) {
  const rest = [...answers]
  return {
    list: (): Promise<ListPage> => {
      const items = rest.shift() ?? []
      if (items instanceof ClusterError) return Promise.reject(items)
      const continueToken = rest.length > 0 ? 'next' : ''
      return Promise.resolve({ items, resourceVersion: '1', continueToken, remainingItemCount: null })
    },
  }
}

t.test('every page is looked through', async t => {
  const client = pages([{ kind: 'Node' }], [{ kind: 'Node', x: 1 }])
  t.strictSame(await lookThrough(client, NODES), { seen: [{ kind: 'Node' }, { kind: 'Node', x: 1 }] })
})

t.test('a kind that the API server does not know has no objects', async t => {
  const unknown = new ClusterError('HTTP 404', { status: 404, reason: 'NotFound' })
  t.strictSame(await lookThrough(pages(unknown), NODES), { seen: [] })
})

t.test('a refusal says which right is missing, and to whom', async t => {
  t.strictSame(await lookThrough(pages(forbidden), DEPLOYMENTS), {
    seen: undefined,
    right: { verb: 'list', target: 'deployments.apps', namespace: 'shop', name: null },
    error: forbidden.message,
    user: 'alice',
  })
  t.strictSame(await lookAt({ find: () => Promise.reject(forbidden) }, NODES, 'node-1'), {
    seen: undefined,
    right: { verb: 'get', target: 'nodes', namespace: null, name: 'node-1' },
    error: forbidden.message,
    user: 'alice',
  })
})

t.test('another failure is no matter of rights, whatever it quotes', async t => {
  const broken = new ClusterError('HTTP 500: User "mallory" cannot be found', { status: 500 })
  const seen = await lookThrough(pages(broken), NODES)
  t.strictSame('user' in seen && seen.user, null)
})

t.test('a defect of our own is not taken for a refusal', async t => {
  const right = { verb: 'get', target: '/apis', namespace: null, name: null } as const
  await t.rejects(
    look(right, () => Promise.reject(new TypeError('oops'))),
    { message: 'oops' },
  )
})

t.test('what others name is one word for a shell', t => {
  t.strictSame(['gate-1', 'a b', "it's", '$(reboot)', ''].map(quoted), [
    'gate-1',
    "'a b'",
    String.raw`'it'\''s'`,
    "'$(reboot)'",
    "''",
  ])
  t.end()
})
