import { writeFileSync } from 'node:fs'
import t from 'tap'
import { ControllerError, createControllerClient } from '../../../../src/io/controller-client.js'
import type { JsonObject } from '../../../../src/json.js'
import type { LiveAnswer } from '../../../../src/live-objects.js'
import { type LiveQuery, liveAnswerText, parseLiveAnswer } from '../../../../src/live-query.js'
import { recordLine, renderRecord } from '../../../../src/provenance/record.js'
import { startTestApi } from '../../../helpers/controller-api.js'
import { FACTS, WEB } from '../../../helpers/gate-records.js'

const QUERY: LiveQuery = {
  application: 'shop',
  project: 'default',
  destinationNamespace: 'shop',
  objects: [
    { group: '', version: 'v1', kind: 'ConfigMap', name: 'web' },
    { group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
  ],
}
const ANSWER: LiveAnswer = {
  objects: new Map<string, JsonObject | null | 'withheld'>([
    ['/ConfigMap//web', { kind: 'ConfigMap', data: { a: '1' } }],
    ['apps/Deployment/shop/web', null],
    ['/Secret//__proto__', 'withheld'],
  ]),
  pruned: [{ kind: 'Service' }],
  namespaces: new Map([['shop', { labels: { team: 'a' }, annotations: {} }]]),
}

/** Whatever the promise rejects with, as far as a caller looks at it. */
const STORE = { append: () => Promise.resolve({ appended: 1, known: 0 }), find: () => Promise.resolve([]) }

async function failure(promise: Promise<unknown>): Promise<object | null> {
  try {
    await promise
    return null
  } catch (thrown) {
    if (!(thrown instanceof ControllerError)) throw thrown
    const { code, status, isPassing, message } = thrown
    return { code, status, isPassing, message }
  }
}

t.test('a query and its answer come over as they are', async t => {
  const asked: LiveQuery[] = []
  const { client } = await startTestApi(t, {
    live: query => {
      asked.push(query)
      return Promise.resolve(ANSWER)
    },
  })
  const answer = await client.live(QUERY)
  t.strictSame(asked, [QUERY])
  t.equal(liveAnswerText(answer), liveAnswerText(ANSWER))
  t.strictSame([...answer.objects.keys()], [...ANSWER.objects.keys()])
})

t.test('numbers keep their text', t => {
  const text = '{"objects":{"a":{"n":12345678901234567890,"m":1.10}},"pruned":[],"namespaces":{}}'
  t.equal(liveAnswerText(parseLiveAnswer(text)), text.replace('1.10', '1.1'))
  t.end()
})

t.test('what is no answer is an error that does not quote it', t => {
  for (const text of [
    'hunter2',
    '[]',
    '{}',
    '{"objects":{"a":1},"pruned":[],"namespaces":{}}',
    '{"objects":{},"pruned":[1],"namespaces":{}}',
    '{"objects":{},"pruned":[],"namespaces":[]}',
  ]) {
    t.throws(() => parseLiveAnswer(text), {
      code: 'CONTROLLER_REFUSED',
      message: 'the controller gave an answer that cannot be read',
    })
  }
  t.end()
})

t.test('the token and the authority are read again when they change', async t => {
  const api = await startTestApi(t)
  await api.client.live(QUERY)
  api.setToken('other')
  t.match(await failure(api.client.live(QUERY)), { status: 403, isPassing: true })
  api.setToken('bad')
  t.strictSame(await failure(api.client.live(QUERY)), {
    code: 'CONTROLLER_REFUSED',
    status: 401,
    isPassing: true,
    message: 'the controller refused (HTTP 401): the token is not valid for the audience lockkeeper-controller',
  })
  api.setToken('good')
  await api.client.live(QUERY)
  writeFileSync(api.file('ca.crt'), api.renew())
  t.match(await failure(api.client.live(QUERY)), { code: 'CONTROLLER_UNREACHABLE', status: 0 }, 'not its authority')
})

t.test('records that are refused for what they are, and those that are not taken now', async t => {
  const api = await startTestApi(t, { records: { store: STORE } })
  await api.client.send([recordLine(renderRecord(FACTS, WEB, 'a'))])
  t.strictSame(api.counted, [{ appended: 1, known: 0 }])
  t.match(await failure(api.client.send(['{}'])), { status: 400, isPassing: false })
  const none = await startTestApi(t)
  t.match(await failure(none.client.send(['{}'])), { status: 503, isPassing: true })
})

t.test('records find the replica that leads, and are not sent for ever', async t => {
  let asked = 0
  let elsewhere = 3
  const records = {
    get store() {
      asked += 1
      return asked > elsewhere ? STORE : null
    },
  }
  const api = await startTestApi(t, { records })
  const send = () => api.client.send([recordLine(renderRecord(FACTS, WEB, 'a'))])
  await send()
  t.strictSame(api.answered, [...Array<string>(3).fill('/v1/records 503'), '/v1/records 200'])
  elsewhere = Infinity
  t.match(await failure(send()), { status: 503, message: /the replica that leads/ })
  t.equal(api.answered.length, 8)
})

t.test('a controller that does not answer, is not there or is not waited for is no reason to wait', async t => {
  const silent = await startTestApi(t, { live: () => new Promise(() => undefined) }, { clientTimeoutMs: 300 })
  t.match(await failure(silent.client.live(QUERY)), { status: 0, message: /: no answer within 0.3 s$/ })
  const given = new AbortController()
  const waiting = failure(silent.client.live(QUERY, given.signal))
  given.abort()
  t.match(await waiting, { status: 0, message: /: it was given up$/ })
  await silent.server.close()
  t.match(await failure(silent.client.live(QUERY)), { code: 'CONTROLLER_UNREACHABLE', message: /ECONNREFUSED/ })
  const lost = createControllerClient({
    url: new URL('https://127.0.0.1:1'),
    caFile: '/nowhere/ca.crt',
    tokenFile: '/nowhere/token',
  })
  t.match(await failure(lost.live(QUERY)), { code: 'CONTROLLER_UNREACHABLE', message: /\/nowhere\/.*cannot be read/ })
  lost.close()
})
