import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { createClusterClient } from '../../../../../src/io/cluster/client.js'
import { ClusterError, type ClusterClient, type WatchEvent } from '../../../../../src/io/cluster/cluster-client.js'
import { connectInCluster, openConnection } from '../../../../../src/io/cluster/connection.js'
import { listPages } from '../../../../../src/io/cluster/list-pages.js'
import { NumberText } from '../../../../../src/json.js'
import { type Answer, startFakeApiServer, statusOf } from '../../../../helpers/fake-api-server.js'
import { FakeClock, InstantClock } from '../../../../helpers/fake-clock.js'

const PODS = { group: '', version: 'v1', resource: 'pods', namespace: 'shop' }
const DEPLOYMENTS = { group: 'apps', version: 'v1', resource: 'deployments', namespace: 'shop' }

/** A client of a server with this script, and what the client waited for. */
async function scripted(
  t: Parameters<typeof startFakeApiServer>[0],
  answers: readonly Answer[],
  options: Partial<Parameters<typeof createClusterClient>[1]> = {},
) {
  const server = await startFakeApiServer(t, answers)
  const clock = new InstantClock()
  const client = createClusterClient(server.connection, { userAgent: 'test', clock, ...options })
  t.teardown(() => {
    client.close()
  })
  return { ...server, client, clock }
}

/** How a call failed, as data. */
async function failure(call: Promise<unknown>) {
  const thrown: unknown = await call.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  )
  return facts(thrown)
}

function facts(thrown: unknown) {
  if (!(thrown instanceof ClusterError)) throw thrown
  const { code, status, reason, retryAfterSeconds, message } = thrown
  return { code, status, reason, retryAfterSeconds, message }
}

t.test('what is asked of the server', async t => {
  const many = Array.from({ length: 12 }, () => ({ body: { kind: 'PodList', apiVersion: 'v1', items: [] } }))
  const { client, asked, connections } = await scripted(t, many)
  const object = { kind: 'Pod', count: new NumberText('9007199254740993') }
  await client.get(PODS, 'web')
  await client.find({ group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' }, 'system:node')
  await client.list(PODS, { limit: 2, continueToken: 'next', labelSelector: 'a=b', fieldSelector: '' })
  await client.create(PODS, object, { dryRun: true, fieldManager: 'me' })
  await client.create(PODS, object, { name: 'web', subresource: 'eviction' })
  await client.replace(DEPLOYMENTS, 'web', object, { subresource: 'scale' })
  await client.patch(DEPLOYMENTS, 'web', object, { type: 'apply', force: true, fieldManager: 'me' })
  await client.patch(DEPLOYMENTS, 'web', [], { type: 'json' })
  await client.delete(PODS, 'web', { resourceVersion: '7' })
  await client.delete(PODS, 'web')
  await client.getText('/version', { accept: 'text/plain' })
  const lines = asked.map(({ method, path, query, headers, body }) =>
    [method, path, JSON.stringify(query), headers['content-type'] ?? '-', body].join(' '),
  )
  const written = '{"kind":"Pod","count":9007199254740993}'
  t.strictSame(lines, [
    'GET /api/v1/namespaces/shop/pods/web {} - ',
    'GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode {} - ',
    'GET /api/v1/namespaces/shop/pods {"limit":"2","continue":"next","labelSelector":"a=b"} - ',
    `POST /api/v1/namespaces/shop/pods {"dryRun":"All","fieldManager":"me"} application/json ${written}`,
    `POST /api/v1/namespaces/shop/pods/web/eviction {} application/json ${written}`,
    `PUT /apis/apps/v1/namespaces/shop/deployments/web/scale {} application/json ${written}`,
    `PATCH /apis/apps/v1/namespaces/shop/deployments/web {"fieldManager":"me","force":"true"} application/apply-patch+yaml ${written}`,
    'PATCH /apis/apps/v1/namespaces/shop/deployments/web {} application/json-patch+json []',
    'DELETE /api/v1/namespaces/shop/pods/web {} application/json {"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"7"}}',
    'DELETE /api/v1/namespaces/shop/pods/web {} - ',
    'GET /version {} - ',
  ])
  t.strictSame(
    [asked[0]?.headers['user-agent'], asked[0]?.headers.authorization],
    ['test', 'Bearer first-secret-token'],
  )
  t.equal(asked.at(-1)?.headers.accept, 'text/plain')
  t.equal(connections(), 1, 'on one connection')
})

t.test('a name that would be another path is refused before anything is sent', async t => {
  const { client, asked } = await scripted(t, [])
  for (const name of ['', '.', '..']) {
    t.match(await failure(client.delete(PODS, name)), { code: 'CLUSTER_REFUSED', status: 400, reason: 'BadRequest' })
  }
  t.strictSame(asked, [])
})

t.test('answers', async t => {
  const cases: Record<
    string,
    { answers: Answer[]; run?: (client: ClusterClient) => Promise<unknown>; expected: object }
  > = {
    'no in the words of Kubernetes': {
      answers: [{ status: 403, body: statusOf(403, 'Forbidden', 'pods "web" is\nforbidden') }],
      expected: {
        code: 'CLUSTER_REFUSED',
        status: 403,
        reason: 'Forbidden',
        retryAfterSeconds: null,
        message: 'GET /api/v1/namespaces/shop/pods/web: HTTP 403 Forbidden: pods "web" is forbidden',
      },
    },
    'no from a proxy, whose page is not repeated': {
      answers: [{ status: 502, body: '<html>password</html>' }],
      expected: {
        code: 'CLUSTER_REFUSED',
        status: 502,
        reason: '',
        retryAfterSeconds: null,
        message: 'GET /api/v1/namespaces/shop/pods/web: HTTP 502: it gives no reason',
      },
    },
    'a redirection, which is not followed': {
      answers: [{ status: 302, headers: { location: 'https://example.com/' }, body: '' }],
      expected: {
        code: 'CLUSTER_REFUSED',
        status: 302,
        reason: '',
        retryAfterSeconds: null,
        message: 'GET /api/v1/namespaces/shop/pods/web: HTTP 302: it gives no reason',
      },
    },
    'half an object, which is not quoted': {
      answers: [{ body: '{"data":{"password":"hunter2"' }],
      expected: {
        code: 'CLUSTER_REFUSED',
        status: 200,
        reason: 'InvalidAnswer',
        retryAfterSeconds: null,
        message: 'the answer to GET /api/v1/namespaces/shop/pods/web is not JSON that can be read (MANIFEST_SYNTAX)',
      },
    },
    'more than may be read': {
      answers: [{ body: `"${'x'.repeat(3 * 1024 * 1024)}"` }],
      expected: {
        code: 'CLUSTER_REFUSED',
        status: 200,
        reason: 'ResponseTooLarge',
        retryAfterSeconds: null,
        message: 'the answer to GET /api/v1/namespaces/shop/pods/web is over 2 MiB',
      },
    },
    'something that is no list': {
      answers: [{ body: { kind: 'Pod' } }],
      run: client => client.list(PODS),
      expected: {
        code: 'CLUSTER_REFUSED',
        status: 200,
        reason: 'InvalidAnswer',
        retryAfterSeconds: null,
        message: 'the answer to GET /api/v1/namespaces/shop/pods is not a list',
      },
    },
    'a connection that breaks within the body': {
      answers: [
        response => {
          response.writeHead(200, { 'content-length': '100' })
          response.write('{"kind"', () => response.destroy())
        },
      ],
      expected: { code: 'CLUSTER_UNREACHABLE', status: 0, reason: '', retryAfterSeconds: null, message: /aborted/ },
    },
    'later than a caller should wait': {
      answers: [{ status: 429, headers: { 'retry-after': '60' } }],
      expected: {
        code: 'CLUSTER_REFUSED',
        status: 429,
        reason: '',
        retryAfterSeconds: 60,
        message: 'GET /api/v1/namespaces/shop/pods/web: HTTP 429: it gives no reason',
      },
    },
  }
  for (const [name, { answers, run, expected }] of Object.entries(cases)) {
    await t.test(name, async t => {
      const { client } = await scripted(t, answers, { maxBodyBytes: 2 * 1024 * 1024 })
      t.match(await failure(run === undefined ? client.get(PODS, 'web') : run(client)), expected)
    })
  }
})

t.test('numbers that a double cannot hold are kept', async t => {
  const body = '{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"a":9223372036854775807,"__proto__":1}]}'
  const { client } = await scripted(t, [{ body }])
  const { items } = await client.list(PODS)
  const [item] = items
  t.strictSame(Object.entries(item ?? {}), [
    ['apiVersion', 'v1'],
    ['kind', 'Pod'],
    ['a', new NumberText('9223372036854775807')],
    ['__proto__', 1],
  ])
})

t.test('a server that asks for time gets it', async t => {
  const busy = (status: number) => ({
    status,
    headers: { 'retry-after': '2' },
    body: statusOf(status, 'TooManyRequests', ''),
  })
  await t.test('reading is asked for again, with jitter', async t => {
    const { client, clock, asked } = await scripted(t, [busy(429), busy(503), { body: { kind: 'Pod' } }])
    t.equal((await client.get(PODS, 'web')).kind, 'Pod')
    t.strictSame([asked.length, clock.waits], [3, [2500, 2500]])
  })
  await t.test('five times at most', async t => {
    const { client, asked } = await scripted(
      t,
      Array.from({ length: 9 }, () => busy(429)),
    )
    t.equal((await failure(client.get(PODS, 'web'))).status, 429)
    t.equal(asked.length, 5)
  })
  await t.test('not beyond the time limit of the call', async t => {
    const { client, asked, clock } = await scripted(
      t,
      Array.from({ length: 9 }, () => busy(429)),
      { timeoutMs: 6000 },
    )
    t.equal((await failure(client.get(PODS, 'web'))).status, 429)
    t.strictSame([asked.length, clock.waits], [3, [2500, 2500]])
  })
  await t.test('what could be done twice is not asked for again', async t => {
    const { client, asked } = await scripted(t, [busy(429), busy(429)])
    t.equal((await failure(client.create(PODS, {}))).retryAfterSeconds, 2)
    t.equal((await failure(client.patch(PODS, 'web', [], { type: 'json' }))).status, 429)
    t.equal(asked.length, 2)
  })
})

t.test('fresh credentials are tried once after a 401', async t => {
  const { client, asked } = await scripted(t, [{ status: 401 }, { body: {} }, { status: 401 }, { status: 401 }])
  await client.get(PODS, 'web')
  const refused = await failure(client.get(PODS, 'web'))
  t.equal(refused.status, 401)
  t.strictSame(
    asked.map(({ headers }) => headers.authorization),
    ['first', 'fresh', 'first', 'fresh'].map(each => `Bearer ${each}-secret-token`),
  )
  t.equal(refused.message.includes('secret'), false)
})

t.test('a kept connection that has ended', async t => {
  const breaks: Answer = (response: ServerResponse) => response.socket?.resetAndDestroy()
  await t.test('is replaced by another one for reading', async t => {
    const { client, asked, connections } = await scripted(t, [{ body: {} }, breaks, { body: { kind: 'Pod' } }])
    await client.get(PODS, 'web')
    t.equal((await client.get(PODS, 'web')).kind, 'Pod')
    t.strictSame([asked.length, connections()], [3, 2])
  })
  await t.test('fails a write, which may have been done', async t => {
    const { client, asked } = await scripted(t, [{ body: {} }, breaks, { body: {} }])
    await client.get(PODS, 'web')
    t.match(await failure(client.replace(PODS, 'web', {})), { code: 'CLUSTER_UNREACHABLE', status: 0 })
    t.equal(asked.length, 2)
  })
})

t.test('a call ends', async t => {
  const silent: Answer = () => undefined
  await t.test('with its time', async t => {
    const { client } = await scripted(t, [silent], { timeoutMs: 20 })
    t.match(await failure(client.get(PODS, 'web')), {
      status: 0,
      message: 'no answer to GET /api/v1/namespaces/shop/pods/web within 0.02 s',
    })
  })
  await t.test('with its signal', async t => {
    const stop = new AbortController()
    const { client } = await scripted(t, [
      () => {
        stop.abort()
      },
    ])
    t.match(await failure(client.get(PODS, 'web', { signal: stop.signal })), {
      status: 0,
      message: 'GET /api/v1/namespaces/shop/pods/web was given up',
    })
  })
  await t.test('with the client, and none begins after it', async t => {
    const stop = new AbortController()
    const { client, asked } = await scripted(
      t,
      [
        () => {
          stop.abort()
        },
      ],
      { signal: stop.signal },
    )
    const closed = { code: 'CLUSTER_UNREACHABLE', message: 'the connection to the cluster was closed' }
    t.match(await failure(client.get(PODS, 'web')), closed)
    t.match(await failure(client.get(PODS, 'web')), closed)
    t.equal(asked.length, 1)
  })
  await t.test('when nobody is there', async t => {
    const { client, server } = await scripted(t, [])
    await new Promise(resolve => server.close(resolve))
    t.match(await failure(client.get(PODS, 'web')), {
      code: 'CLUSTER_UNREACHABLE',
      status: 0,
      message: /^no answer from https:\/\/127\.0\.0\.1:\d+ to GET \S+: connect ECONNREFUSED/,
    })
  })
})

t.test('pages too large to read are asked for with fewer objects', async t => {
  const page = (item: object, token: string) => ({
    body: { kind: 'PodList', apiVersion: 'v1', metadata: { continue: token }, items: [item] },
  })
  const huge = page({ text: 'x'.repeat(3 * 1024 * 1024) }, 'never')
  const { client, asked } = await scripted(t, [huge, page({ n: 1 }, 'two'), page({ n: 2 }, '')], {
    maxBodyBytes: 2 * 1024 * 1024,
  })
  const items: unknown[] = []
  for await (const { items: each } of listPages(client, PODS, { limit: 500 })) items.push(...each.map(({ n }) => n))
  t.strictSame(items, [1, 2])
  t.strictSame(
    asked.map(({ query }) => query),
    [{ limit: '500' }, { limit: '125' }, { limit: '125', continue: 'two' }],
  )
})

t.test('a list whose beginning is forgotten', async t => {
  const page = (n: number, token: string) => ({
    body: {
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(n), continue: token },
      items: [{ n }],
    },
  })
  const forgotten = { ...statusOf(410, 'Expired', 'too old'), metadata: { continue: 'now' } }
  const script = [page(1, 'two'), { status: 410, body: forgotten }, page(2, '')]
  const read = async (client: ClusterClient, whenForgotten: 'fail' | 'go on') => {
    const pages: string[] = []
    for await (const each of listPages(client, PODS, { whenForgotten })) pages.push(each.resourceVersion)
    return pages
  }
  const going = await scripted(t, script)
  t.strictSame(await read(going.client, 'go on'), ['1', '2'])
  t.strictSame(
    going.asked.map(({ query }) => query.continue),
    [undefined, 'two', 'now'],
  )
  const failing = await scripted(t, script)
  t.match(await failure(read(failing.client, 'fail')), { status: 410, reason: 'Expired' })
})

t.test('a watch', async t => {
  const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`
  const pod = (name: string) => ({ kind: 'Pod', metadata: { name } })
  /** Writes pieces one after another, then does what is said. */
  const stream =
    (pieces: readonly (string | Buffer)[], end: (response: ServerResponse) => void): Answer =>
    response => {
      response.writeHead(200)
      const next = (index: number) => {
        const piece = pieces[index]
        if (piece === undefined) end(response)
        else
          response.write(piece, () => {
            setImmediate(next, index + 1)
          })
      }
      next(0)
    }
  const closes = (response: ServerResponse) => response.end()
  const breaks = (response: ServerResponse) => response.destroy()
  const euro = Buffer.from(line('ADDED', pod('€')))
  const half = euro.indexOf(0xe2) + 1

  /** The events until the end, and how it came. */
  const read = async (client: ClusterClient, signal = new AbortController().signal) => {
    const events: string[] = []
    const collect = async () => {
      for await (const event of client.watch(PODS, { resourceVersion: '5', labelSelector: 'a=b', signal })) {
        events.push(textOf(event))
      }
      return 'ended'
    }
    const end = await collect().catch((error: unknown) => {
      const { code, status, reason } = facts(error)
      return [code, status, reason].join(' ')
    })
    return [...events, end]
  }
  const textOf = ({ type, object }: WatchEvent) =>
    `${type} ${String((object as { metadata?: { name?: string } }).metadata?.name)}`

  const cases: Record<string, { answer: Answer; expected: string[] }> = {
    'gives its events however they are cut into pieces': {
      answer: stream(
        [euro.subarray(0, half), euro.subarray(half), line('BOOKMARK', pod('b')) + line('DELETED', pod('c'))],
        closes,
      ),
      expected: ['ADDED €', 'BOOKMARK b', 'DELETED c', 'ended'],
    },
    'fails when the connection breaks between two events': {
      answer: stream([line('ADDED', pod('a'))], breaks),
      expected: ['ADDED a', 'CLUSTER_UNREACHABLE 0 '],
    },
    'fails when it ends within an event': {
      answer: stream([line('ADDED', pod('a')), '{"type":'], closes),
      expected: ['ADDED a', 'CLUSTER_UNREACHABLE 0 '],
    },
    'says that its beginning is forgotten': {
      answer: stream([line('ERROR', statusOf(410, 'Expired', 'too old resource version: 5 (9)'))], closes),
      expected: ['CLUSTER_REFUSED 410 Expired'],
    },
    'is refused': {
      answer: { status: 410, body: statusOf(410, 'Expired', 'too old') },
      expected: ['CLUSTER_REFUSED 410 Expired'],
    },
    'takes no event of another type': {
      answer: stream([line('RENAMED', pod('a'))], closes),
      expected: ['CLUSTER_REFUSED 200 InvalidAnswer'],
    },
    'takes no line that is not JSON': {
      answer: stream(['{"type":"ADDED"\n'], closes),
      expected: ['CLUSTER_REFUSED 200 InvalidAnswer'],
    },
    'reads no line without end': {
      answer: stream(
        Array.from({ length: 18 }, () => 'x'.repeat(1024 * 1024)),
        closes,
      ),
      expected: ['CLUSTER_REFUSED 200 InvalidAnswer'],
    },
  }
  for (const [name, { answer, expected }] of Object.entries(cases)) {
    await t.test(name, async t => {
      const { client, asked } = await scripted(t, [answer])
      t.strictSame(await read(client), expected)
      t.strictSame(asked[0]?.query, {
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: '450',
        resourceVersion: '5',
        labelSelector: 'a=b',
      })
    })
  }
  await t.test('ends with its signal, in the middle of silence', async t => {
    const stop = new AbortController()
    const { client } = await scripted(t, [stream([line('ADDED', pod('a'))], () => undefined)])
    const events = client.watch(PODS, { resourceVersion: '5', signal: stop.signal })
    t.match(await events.next(), { done: false, value: { type: 'ADDED' } })
    const next = events.next()
    stop.abort()
    t.strictSame(await next, { done: true, value: undefined })
  })
})

t.test('connections', async t => {
  await t.test('the token of a Pod is read again after a minute, or when it is refused', async t => {
    const directory = t.testdir({ 'ca.crt': 'CA', token: 'one\n' })
    const clock = new FakeClock()
    const connection = connectInCluster({ host: '10.0.0.1', port: 443 }, directory, clock)
    const token = async (renew?: boolean) => (await connection.credentials(renew)).headers.authorization
    t.equal(await token(), 'Bearer one')
    writeFileSync(join(directory, 'token'), 'two')
    clock.jump(59_000)
    t.equal(await token(), 'Bearer one')
    clock.jump(1000)
    t.equal(await token(), 'Bearer two')
    writeFileSync(join(directory, 'token'), 'three')
    t.equal(await token(true), 'Bearer three')
    t.strictSame(await connection.credentials(), { ca: 'CA', headers: { authorization: 'Bearer three' } })
  })
  await t.test('what is missing is named', async t => {
    const directory = t.testdir({ 'ca.crt': 'CA' })
    await t.rejects(connectInCluster({ host: '10.0.0.1', port: 443 }, directory).credentials(), {
      code: 'FILE_UNREADABLE',
      message: /token: ENOENT.*is automountServiceAccountToken off/,
    })
    await t.rejects(openConnection({ inCluster: null }), {
      code: 'CONFIG_INVALID',
      message: /name a kubeconfig with --kubeconfig/,
    })
    t.equal((await openConnection({ inCluster: { host: '10.0.0.1', port: 443 } })).host, '10.0.0.1')
  })
  await t.test('a kubeconfig with a token file, another server name and a path', async t => {
    const directory = t.testdir({ token: 'one' })
    mkdirSync(join(directory, 'kube'))
    const file = join(directory, 'kube', 'config')
    const config = (server: string, user: object, cluster: object = {}) =>
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server, ...cluster } }],
        users: [{ name: 'u', user }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      })
    const more = { 'tls-server-name': 'kubernetes', 'certificate-authority-data': Buffer.from('CA').toString('base64') }
    writeFileSync(file, config('https://[::1]:6443/k8s/', { tokenFile: '../token' }, more))
    const connection = await openConnection({ kubeconfig: file, inCluster: { host: 'other', port: 1 } })
    t.match(connection, { host: '::1', port: 6443, basePath: '/k8s' })
    t.strictSame(await connection.credentials(), {
      ca: Buffer.from('CA'),
      servername: 'kubernetes',
      headers: { authorization: 'Bearer one' },
    })
    writeFileSync(join(directory, 'token'), 'two')
    t.equal((await connection.credentials(true)).headers.authorization, 'Bearer two')

    const problems: Record<string, [string, RegExp]> = {
      'a server without TLS': [config('http://localhost:8080', {}), /has to be an https:\/\/ URL/],
      'a proxy': [config('https://localhost', {}, { 'proxy-url': 'http://proxy' }), /proxy-url is not supported/],
      'no context': ['{"clusters": [], "users": [], "contexts": []}', /names no cluster and user/],
      'no YAML, whose lines are not quoted': ['users: [{token: hunter2', /^kubeconfig \S+: it is not a kubeconfig$/],
    }
    for (const [name, [text, message]] of Object.entries(problems)) {
      writeFileSync(file, text)
      await t.rejects(openConnection({ kubeconfig: file, inCluster: null }), { code: 'CONFIG_INVALID', message }, name)
    }
    await t.rejects(openConnection({ kubeconfig: `${file}x`, inCluster: null }), {
      code: 'CONFIG_INVALID',
      message: /ENOENT/,
    })
  })
})
