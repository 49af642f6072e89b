import { once } from 'node:events'
import { Agent } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { admit } from '../../../src/admit.js'
import { createGate, GateError, parseBundle } from '../../../src/gate.js'
import type { AdmissionAnswer, AdmissionWork } from '../../../src/io/pool.js'
import { stringifyJson, type Json } from '../../../src/json.js'
import { MAX_BODY_BYTES } from '../../../webhook/app.js'
import { fixtureBundle } from '../../helpers/bundles.js'
import { admissionRequest } from '../../helpers/requests.js'
import { SILENT, startTestServer, type TestServer } from '../../helpers/webhook-server.js'

const gate = await createGate(parseBundle(await fixtureBundle('mixed'), { allowUnsigned: true }))
const UID = admissionRequest().uid
const REVIEW = stringifyJson({
  kind: 'AdmissionReview',
  apiVersion: 'admission.k8s.io/v1',
  request: { ...admissionRequest(), options: null },
} as unknown as Json)

/** Judges in this thread. */
async function judge(body: Uint8Array, { now }: AdmissionWork): Promise<AdmissionAnswer> {
  const found = await admit(gate, body, { now, namespaceOf: () => ({ labels: {}, annotations: {} }) })
  if ('namespaceNeeded' in found) throw new Error('no namespace is unknown')
  const { response, record, decision } = found
  return { response: JSON.stringify(response), uid: response.response.uid, record, decision, queueMs: 0 }
}

interface Answer {
  readonly response: { readonly uid: string; readonly allowed: boolean; readonly status?: { readonly code: number } }
}
const responseOf = (text: string) => (JSON.parse(text) as Answer).response

/** A connection on which a test says what it likes. */
async function speak(t: Test, { server, authority }: TestServer, text: string): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: server.port, ca: authority.certificate })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.write(text)
  return socket
}

async function everythingFrom(socket: TLSSocket): Promise<string> {
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  await once(socket, 'close')
  return text
}

t.test('a review is answered, and told to whoever counts', async t => {
  const bed = await startTestServer(t, judge, { now: () => Date.parse('2026-06-01T12:00:00.700Z') })
  const { status, headers, text } = await bed.post(REVIEW)
  t.equal(status, 200)
  t.equal(headers['content-type'], 'application/json; charset=utf-8')
  t.equal(headers.connection, 'close', 'this client keeps no connection')
  t.strictSame([responseOf(text).uid, responseOf(text).allowed], [UID, false])
  const [answered] = bed.answered
  t.equal(bed.answered.length, 1)
  t.strictSame(
    [answered?.status, answered?.receivedMs, answered?.trace, answered?.queueMs, answered?.record.request?.uid],
    [200, Date.parse('2026-06-01T12:00:00.700Z'), null, 0, UID],
  )
})

t.test('what reaches the engine is the body, the time to answer and whole seconds', async t => {
  const seen: AdmissionWork[] = []
  const bed = await startTestServer(
    t,
    (body, work) => {
      seen.push(work)
      return judge(body, work)
    },
    { now: () => Date.parse('2026-06-01T12:00:00.999Z'), monotonicMs: () => 1_000, withDecision: true },
  )
  await bed.post(REVIEW, { path: '/validate?timeout=2s' })
  t.strictSame(seen, [{ now: '2026-06-01T12:00:00Z', deadlineMs: 2_800, withDecision: true }])
})

t.test('what is no review the gate can answer', async t => {
  const bed = await startTestServer(t, judge)
  const cases: Record<string, { send: Parameters<TestServer['post']>; status: number; uid?: string }> = {
    'another path': { send: [REVIEW, { path: '/mutate' }], status: 404 },
    'another method': { send: ['', { method: 'GET' }], status: 404 },
    'another content type': { send: [REVIEW, { headers: { 'content-type': 'application/yaml' } }], status: 415 },
    'a compressed body': {
      send: [gzipSync(REVIEW), { headers: { 'content-encoding': 'gzip' } }],
      status: 415,
    },
    'an empty body': { send: [''], status: 400, uid: '' },
    'no JSON': { send: ['apiVersion: v1'], status: 400, uid: '' },
    'request: null': {
      send: ['{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":null}'],
      status: 400,
      uid: '',
    },
    'v1beta1, with a uid': { send: [REVIEW.replace('/v1', '/v1beta1')], status: 200, uid: UID },
    'a content type with a charset': {
      send: [REVIEW, { headers: { 'content-type': 'application/json; charset=utf-8' } }],
      status: 200,
      uid: UID,
    },
  }
  for (const [name, { send, status, uid }] of Object.entries(cases)) {
    const reply = await bed.post(...send)
    t.equal(reply.status, status, name)
    if (uid !== undefined)
      t.strictSame([responseOf(reply.text).uid, responseOf(reply.text).allowed], [uid, false], name)
    else t.notMatch(reply.text, 'allowed', name)
  }
})

t.test('a review of 8 MiB is judged, and one byte more is not read', async t => {
  const bed = await startTestServer(t, judge)
  const [before = '', after = ''] = REVIEW.split('"spec":{')
  const review = (bytes: number) => {
    const [head, tail] = [`${before}"spec":{"x":"`, `",${after}`]
    return `${head}${'x'.repeat(bytes - Buffer.byteLength(head) - Buffer.byteLength(tail))}${tail}`
  }
  const largest = await bed.post(review(MAX_BODY_BYTES))
  t.strictSame([largest.status, responseOf(largest.text).uid], [200, UID])
  const declared = await bed.post(review(MAX_BODY_BYTES + 1))
  t.strictSame([declared.status, declared.text], [413, `an AdmissionReview may have ${MAX_BODY_BYTES} bytes at most\n`])
  t.equal(bed.answered.length, 1, 'it was not judged')
  const chunked = await speak(
    t,
    bed,
    'POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
  )
  const chunk = 'x'.repeat(1024 * 1024)
  for (let i = 0; i < 9; i += 1) chunked.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`)
  chunked.write('0\r\n\r\n')
  t.match(await everythingFrom(chunked), /^HTTP\/1\.1 413 /)
})

const codeOf = (error: Error): string => (error instanceof GateError ? error.code : '')

t.test('a gate that cannot judge leaves it to the failurePolicy, one that fails on a request denies it', async t => {
  const errors: Record<string, { error: Error; status: number; code?: number }> = {
    'no bundle': { error: new GateError('BUNDLE_UNREADABLE', 'not there'), status: 503 },
    'a deadline': { error: new GateError('GATE_DEADLINE', 'too late'), status: 503 },
    overload: { error: new GateError('GATE_OVERLOADED', 'too many'), status: 429 },
    'it is leaving': { error: new GateError('GATE_CLOSED', 'shutting down'), status: 503 },
    'a thread that ended': { error: new GateError('INTERNAL', 'a worker thread ended'), status: 200, code: 500 },
    'a defect': { error: new TypeError('x is undefined'), status: 200, code: 500 },
  }
  for (const [name, { error, status, code }] of Object.entries(errors)) {
    const bed = await startTestServer(t, () => Promise.reject(error))
    const reply = await bed.post(REVIEW)
    t.equal(reply.status, status, name)
    if (code === undefined) {
      t.match(reply.text, `[${codeOf(error)}]`, name)
      t.equal(reply.headers['retry-after'], codeOf(error) === 'GATE_DEADLINE' ? undefined : '1', name)
      t.strictSame(bed.shed, [codeOf(error)], name)
    } else {
      const { uid, allowed, status: said } = responseOf(reply.text)
      t.strictSame([uid, allowed, said?.code], [UID, false, code], name)
    }
    t.strictSame(bed.answered.map(each => [each.status, each.record.allowed]), [[status, false]], name) // prettier-ignore
  }
})

t.test('bodies over the budget are turned away before they are read', async t => {
  let release: () => void = () => undefined
  const held = new Promise<void>(resolve => (release = resolve))
  const bed = await startTestServer(
    t,
    async (body, work) => {
      await held
      return judge(body, work)
    },
    { budgetBytes: Buffer.byteLength(REVIEW) },
  )
  const first = bed.post(REVIEW)
  const second = await bed.post(REVIEW)
  t.strictSame([second.status, bed.shed], [429, ['body_budget']])
  release()
  t.equal((await first).status, 200)
  t.equal((await bed.post(REVIEW)).status, 200, 'and what was held is free again')
})

t.test('slow and broken callers are ended, and nobody else notices', async t => {
  const limits = { requestTimeoutMs: 300, headersTimeoutMs: 200, checkIntervalMs: 50 }
  const bed = await startTestServer(t, judge, { limits })
  const head = `POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${REVIEW.length}\r\n\r\n`
  const slow = await speak(t, bed, head + REVIEW.slice(0, 100))
  const silent = await speak(t, bed, 'POST /validate HTTP/1.1\r\n')
  const half = await speak(t, bed, head + REVIEW.slice(0, 100))
  half.destroy()
  const garbage = await speak(t, bed, '\x16\x03nonsense\r\n\r\n')
  t.equal((await bed.post(REVIEW)).status, 200)
  t.match(await everythingFrom(slow), /^HTTP\/1\.1 408 /)
  t.match(await everythingFrom(silent), /^HTTP\/1\.1 408 /)
  t.match(await everythingFrom(garbage), /^HTTP\/1\.1 400 /)
  t.equal((await bed.post(REVIEW)).status, 200)
  t.equal(bed.answered.length, 2, 'nothing of them was judged')
})

t.test('a connection that was opened in advance may be used late, and ends when it is not', async t => {
  const limits = { requestTimeoutMs: 40, headersTimeoutMs: 40, checkIntervalMs: 10, keepAliveMs: 1_000 }
  const bed = await startTestServer(t, judge, { limits })
  const [used, unused] = [await speak(t, bed, ''), await speak(t, bed, '')]
  // Both are late when a third one, that has said something, is.
  const late = await speak(t, bed, 'POST')
  t.match(await everythingFrom(late), /^HTTP\/1\.1 408 /)
  const head = `POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`
  used.write(`${head}content-length: ${Buffer.byteLength(REVIEW)}\r\n\r\n${REVIEW}`)
  const [answer] = (await once(used, 'data')) as [Buffer]
  t.match(answer.toString(), /^HTTP\/1\.1 200 /)
  used.write('POST')
  t.match(await everythingFrom(used), /^HTTP\/1\.1 408 /, 'from then on it is one like others')
  t.equal(await everythingFrom(unused), '', 'it ends without a word')
})

t.test('idle connections cost others nothing', async t => {
  const bed = await startTestServer(t, judge)
  const idle = await Promise.all(Array.from({ length: 200 }, () => speak(t, bed, '')))
  t.equal((await bed.post(REVIEW)).status, 200)
  t.ok(idle.every(each => !each.destroyed))
})

t.test('a server that leaves says so with each answer, and ends the connection behind it', async t => {
  let isLeaving = false
  const bed = await startTestServer(t, judge, { isLeaving: () => isLeaving })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  t.equal((await bed.post(REVIEW, { agent })).headers.connection, 'keep-alive')
  isLeaving = true
  t.equal((await bed.post(REVIEW, { agent })).headers.connection, 'close')
})

t.test('a new certificate is shown to new connections, and the open ones stay', async t => {
  const bed = await startTestServer(t, judge)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const kept = await speak(t, bed, '')
  const before = kept.getPeerX509Certificate()?.serialNumber
  await bed.post(REVIEW, { agent })
  bed.server.setCertificate(bed.authority.issue({ commonName: 'webhook', hosts: ['127.0.0.1'] }))
  t.equal((await bed.post(REVIEW, { agent })).status, 200, 'on the connection from before')
  const fresh = await speak(t, bed, '')
  t.not(fresh.getPeerX509Certificate()?.serialNumber, before)
  kept.write(
    `POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${REVIEW.length}\r\nconnection: close\r\n\r\n${REVIEW}`,
  )
  t.match(await everythingFrom(kept), /^HTTP\/1\.1 200 /)
})

t.test('a caller that is not let in is refused before anything is read', async t => {
  const lines: string[] = []
  const log = { ...SILENT, warn: (message: string) => void lines.push(message) }
  const bed = await startTestServer(t, judge, { refuseCaller: () => 'show a certificate', log })
  const socket = await speak(t, bed, 'POST /validate HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n')
  t.match(await everythingFrom(socket), /^HTTP\/1\.1 403 [^]*show a certificate/)
  t.strictSame([bed.answered, lines], [[], ['a caller was refused']])
})
