import { writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import t from 'tap'
import { startApiServer } from '../../../../controller/api/server.js'
import { openRecordStore, type RecordStore } from '../../../../controller/records/record-store.js'
import { GateError } from '../../../../src/errors.js'
import { materialOf } from '../../../../src/io/certificates/material.js'
import { recordLine, renderRecord } from '../../../../src/provenance/record.js'
import { startTestApi } from '../../../helpers/controller-api.js'
import type { FakeClock } from '../../../helpers/fake-clock.js'
import { FACTS, WEB } from '../../../helpers/gate-records.js'
import { silentLog } from '../../../helpers/silent-log.js'
import { createCertificateAuthority } from '../../../helpers/testbed/certificates.js'

interface Asked {
  readonly method?: string
  readonly path?: string
  readonly token?: string | null
  readonly body?: string | Buffer
  readonly headers?: Record<string, string>
}

/** One request, and the answer as it came. */
function ask(api: { port: number; ca: string }, asked: Asked = {}) {
  const { method = 'POST', path = '/v1/live', token = 'good', body = '', headers = {} } = asked
  return new Promise<{ status: number; headers: object; json: unknown }>((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port: api.port,
        ca: api.ca,
        method,
        path,
        agent: false,
        headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers },
      },
      response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, json: JSON.parse(text) })
        })
        response.on('error', reject)
      },
    )
    // The server may close before it has read everything.
    request.on('error', reject)
    request.end(body)
  })
}

const QUERY = { application: 'shop', project: 'default', destinationNamespace: 'shop', objects: [] }
const PASSWORD = 'hunter2-hunter2'

t.test('who may not call, and what there is not, is refused with a reason', async t => {
  const api = await startTestApi(t)
  const cases: Record<string, { asked: Asked; status: number; reason: string; message: RegExp | string }> = {
    'no token': { asked: { token: null }, status: 401, reason: 'Unauthorized', message: 'send a bearer token' },
    'another scheme': {
      asked: { token: null, headers: { authorization: 'Basic good' } },
      status: 401,
      reason: 'Unauthorized',
      message: 'send a bearer token',
    },
    'a token of nobody': {
      asked: { token: 'bad' },
      status: 401,
      reason: 'Unauthorized',
      message: 'the token is not valid for the audience lockkeeper-controller',
    },
    'somebody who is not on the list': {
      asked: { token: 'other' },
      status: 403,
      reason: 'Forbidden',
      message: 'system:serviceaccount:shop:default is not one of those that may call',
    },
    'a token that cannot be checked': {
      asked: { token: 'broken' },
      status: 503,
      reason: 'ServiceUnavailable',
      message: 'the token could not be checked: nobody answers',
    },
    'a path that is none': {
      asked: { path: '/metrics' },
      status: 404,
      reason: 'NotFound',
      message: 'there is /v1/live and /v1/records',
    },
    'a path that is none, without a token': {
      asked: { path: '/metrics', token: null },
      status: 401,
      reason: 'Unauthorized',
      message: 'send a bearer token',
    },
    'another method': {
      asked: { method: 'DELETE' },
      status: 405,
      reason: 'MethodNotAllowed',
      message: '/v1/live takes POST',
    },
    'a body that is no JSON': {
      asked: { body: `{${PASSWORD}` },
      status: 400,
      reason: 'BadRequest',
      message: 'the query is not JSON (MANIFEST_SYNTAX)',
    },
    'a body that is no UTF-8': {
      asked: { body: Buffer.from([0xff, 0x31]) },
      status: 400,
      reason: 'BadRequest',
      message: 'the body is not UTF-8',
    },
    'a body that says it is too large': {
      asked: { headers: { 'content-length': '9999999' } },
      status: 413,
      reason: 'RequestEntityTooLarge',
      message: 'the body may have 4194304 bytes at most',
    },
    'records where none are kept': {
      asked: { method: 'GET', path: '/v1/records?digest=a' },
      status: 503,
      reason: 'ServiceUnavailable',
      message: 'this controller keeps no records',
    },
  }
  for (const [name, { asked, status, reason, message }] of Object.entries(cases)) {
    const answer = await ask(api, asked)
    t.strictSame(answer.json, { error: { status, reason, message } }, name)
    t.equal(answer.status, status, name)
  }
  t.match((await ask(api, { token: null })).headers, { 'www-authenticate': 'Bearer' })
  t.strictSame(api.answered.slice(0, 6), [
    '/v1/live 401',
    '/v1/live 401',
    '/v1/live 401',
    '/v1/live 403',
    '/v1/live 503',
    'other 404',
  ])
  const log = api.log.join('')
  t.match(log, /"operation":"POST \/v1\/live","status":403/)
  for (const word of [PASSWORD, 'Bearer', '"good"']) t.notOk(log.includes(word), 'neither bodies nor tokens are logged')
})

t.test('a body that turns out too large is refused before it is all read', async t => {
  const api = await startTestApi(t)
  const body = Buffer.alloc(4 * 1024 * 1024 + 1, 0x20)
  const answer = await ask(api, { body, headers: { 'transfer-encoding': 'chunked' } })
  t.equal(answer.status, 413)
})

t.test('queries are read strictly', async t => {
  const api = await startTestApi(t)
  const object = { group: '', version: 'v1', kind: 'ConfigMap', name: 'web' }
  const cases: Record<string, readonly [unknown, string]> = {
    'an array': [[], 'the query is not an object'],
    'no application': [{ ...QUERY, application: '' }, 'application: must be a text'],
    'a project that is a number': [{ ...QUERY, project: 1 }, 'project: must be a text'],
    'a namespace that is a path': [
      { ...QUERY, destinationNamespace: '../kube-system' },
      'destinationNamespace: must be a text',
    ],
    'no objects': [{ ...QUERY, objects: {} }, 'objects: must be an array'],
    'an object without a name': [
      { ...QUERY, objects: [object, { ...object, name: '' }] },
      'objects[1]: must have the texts group, version, kind and name',
    ],
    'an object whose name leads elsewhere': [
      { ...QUERY, objects: [{ ...object, name: '..' }] },
      'objects[0]: must have the texts group, version, kind and name',
    ],
    'too many objects': [
      { ...QUERY, objects: Array.from({ length: 10_001 }, () => 1) },
      'objects: may have 10000 elements at most',
    ],
  }
  for (const [name, [query, message]] of Object.entries(cases)) {
    const answer = await ask(api, { body: JSON.stringify(query) })
    t.strictSame(answer.json, { error: { status: 400, reason: 'BadRequest', message } }, name)
  }
})

t.test('an answer that fails says so, and a defect does not say what', async t => {
  const errors = [
    new GateError('CONTROLLER_REFUSED', 'another cluster'),
    new GateError('CLUSTER_UNREACHABLE', 'no answer'),
    new Error(PASSWORD),
  ]
  const api = await startTestApi(t, { live: () => Promise.reject(errors.shift() ?? new Error('no more')) })
  const body = JSON.stringify(QUERY)
  const answers = [await ask(api, { body }), await ask(api, { body }), await ask(api, { body })]
  t.strictSame(
    answers.map(each => each.json),
    [
      { error: { status: 422, reason: 'Invalid', message: 'another cluster' } },
      { error: { status: 503, reason: 'ServiceUnavailable', message: 'no answer' } },
      { error: { status: 500, reason: 'InternalError', message: 'a defect in lockkeeper itself' } },
    ],
  )
})

t.test('more requests than it takes are told to come again, and a late answer is given up', async t => {
  let given: AbortSignal | null = null
  let begun: () => void = () => undefined
  const first = new Promise<void>(resolve => (begun = resolve))
  const api = await startTestApi(
    t,
    {
      live: (_query, signal) => {
        given = signal
        begun()
        return new Promise(() => undefined)
      },
    },
    { maxRequests: 1, timeoutMs: 1000 },
  )
  const late = ask(api, { body: JSON.stringify(QUERY) })
  await first
  const refused = await ask(api, { body: JSON.stringify(QUERY) })
  t.equal(refused.status, 429)
  t.match(refused.headers, { 'retry-after': '1' })
  t.strictSame((await late).json, {
    error: { status: 503, reason: 'ServiceUnavailable', message: 'there was no answer within 1 s' },
  })
  t.match(given, { aborted: true }, 'nothing goes on behind it')
  t.equal((await ask(api, { path: '/none' })).status, 404, 'and there is room again')
})

t.test('records are taken, counted and found', async t => {
  const api = await startTestApi(t, {
    records: {
      get store() {
        return store
      },
    },
  })
  const store: RecordStore = await openRecordStore({ directory: api.file('records'), log: silentLog() })
  const records = ['digest-a', 'digest-b'].map(digest => renderRecord(FACTS, WEB, digest))
  const body = records.map(each => `${recordLine(each)}\n`).join('')
  const post = (text: string) => ask(api, { path: '/v1/records', body: text })
  t.strictSame((await post(body)).json, { appended: 2, known: 0 })
  t.strictSame((await post(body)).json, { appended: 0, known: 2 })
  t.strictSame(api.counted, [
    { appended: 2, known: 0 },
    { appended: 0, known: 2 },
  ])
  const get = (query: string) => ask(api, { method: 'GET', path: `/v1/records${query}` })
  t.strictSame((await get('?digest=digest-b')).json, { records: [records[1]] })
  t.strictSame((await get('?subject=digest-b')).json, { records: [] })
  for (const query of ['', '?id=1', '?digest=a&subject=b', '?digest=a&digest=b']) {
    t.strictSame((await get(query)).status, 400, query)
  }
  t.strictSame((await post(`${recordLine(records[0] ?? renderRecord(FACTS, WEB, ''))}\n{"id":"${PASSWORD}"}\n`)).json, {
    error: { status: 400, reason: 'BadRequest', message: 'record 2: kind: must be decision or render' },
  })
  t.equal((await post('\n'.repeat(10))).status, 200, 'nothing')
  t.equal((await post('{}\n'.repeat(2001))).status, 413)
  await store.close()
})

t.test('records are told to go to the replica that leads, over another connection', async t => {
  const api = await startTestApi(t, { records: { store: null } })
  const message = 'records are kept by the replica that leads, which is another one'
  for (const [method, path] of [
    ['POST', '/v1/records'],
    ['GET', '/v1/records?digest=a'],
  ] as const) {
    const { status, json, headers } = await ask(api, { method, path, headers: { connection: 'keep-alive' } })
    t.equal(status, 503)
    t.strictSame(json, { error: { status: 503, reason: 'ServiceUnavailable', message } })
    t.match(headers, { connection: 'close' })
  }
})

t.test('records that cannot be written are refused for now', async t => {
  const append = () => Promise.reject(new GateError('FILE_UNWRITABLE', `/data/${PASSWORD}: no space`))
  const api = await startTestApi(t, { records: { store: { append, find: () => Promise.resolve([]) } } })
  const answer = await ask(api, { path: '/v1/records', body: recordLine(renderRecord(FACTS, WEB, 'a')) })
  t.strictSame(answer.json, {
    error: { status: 503, reason: 'ServiceUnavailable', message: 'the records could not be written' },
  })
})

t.test('a renewed certificate is served to who connects next, and a broken one is not', async t => {
  const api = await startTestApi(t)
  t.equal((await ask(api, { body: JSON.stringify(QUERY) })).status, 200)
  writeFileSync(api.file('tls.crt'), 'broken')
  await untilLogged(api, 'the certificate stays what it was')
  await api.clock.advance(25_000)
  t.equal((await ask(api, { body: JSON.stringify(QUERY) })).status, 200)
  t.equal(api.log.filter(each => each.includes('the certificate stays what it was')).length, 1, 'said once')
  const ca = api.renew()
  await untilLogged(api, 'the certificate was changed')
  t.equal((await ask({ ...api, ca }, { body: JSON.stringify(QUERY) })).status, 200)
  await t.rejects(ask(api, { body: JSON.stringify(QUERY) }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
})

t.test('it does not start on a port that is taken', async t => {
  const api = await startTestApi(t)
  const { cert, key } = createCertificateAuthority().issue({ commonName: 'a' })
  const material = materialOf({ cert, key, caBundle: cert })
  const again = startApiServer({ address: '127.0.0.1', port: api.port, material, listener: () => undefined })
  await t.rejects(again, { code: 'CONFIG_INVALID', message: /the API cannot be served on 127.0.0.1/ })
})

/** Lets the clock run until something was logged: files are read in time that nobody moves. */
async function untilLogged(api: { clock: FakeClock; log: readonly string[] }, text: string): Promise<void> {
  for (let i = 0; i < 200 && !api.log.some(each => each.includes(text)); i += 1) await api.clock.advance(10_000)
}
