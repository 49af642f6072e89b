import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseAdmissionReview } from '../../../src/admission.js'
import { admit, readUid, type Admission } from '../../../src/admit.js'
import type { NamespaceInfo } from '../../../src/decision-types.js'
import { createGate, parseBundle, type Gate } from '../../../src/gate.js'
import { loadBundleFiles } from '../../../src/io/bundle-source.js'
import { parseJson, stringifyJson, type Json } from '../../../src/json.js'
import { fixtureBundle } from '../../helpers/bundles.js'
import { admissionRequest, contextOf, pod } from '../../helpers/requests.js'
import { ROOT } from '../../helpers/repository.js'

const NOW = '2026-06-01T12:00:00Z'
const FIXTURES = join(ROOT, 'test/fixtures/admission-reviews')
const captured = readdirSync(FIXTURES).filter(each => each.endsWith('.json'))
const NAMESPACE: NamespaceInfo = { labels: {}, annotations: {} }

const library = await createGate(
  parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true }),
)
const small = await createGate(parseBundle(await fixtureBundle('mixed'), { allowUnsigned: true }))

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8')

async function answered(gate: Gate, body: Uint8Array): Promise<Admission> {
  const found = await admit(gate, body, { now: NOW, namespaceOf: () => NAMESPACE })
  if ('namespaceNeeded' in found) throw new Error(`asked for the namespace ${found.namespaceNeeded}`)
  return found
}

/** A review as Go writes it. */
function review(request: unknown = { ...admissionRequest(), options: null }): string {
  return `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":${stringifyJson(request as Json)}}\n`
}

t.test('a captured review is judged as its request is, however it is written', async t => {
  t.ok(captured.length > 60)
  for (const name of captured) {
    const written = readFileSync(join(FIXTURES, name), 'utf8')
    const request = parseAdmissionReview(parseJson(written))
    const { request: raw } = JSON.parse(written) as { request: unknown }
    const [indented, compact] = [await answered(library, bytes(written)), await answered(library, bytes(review(raw)))]
    // What was judged before comes from the cache, and is the same.
    const cache = { hits: 0, misses: 0 }
    const text = (each: Admission) => JSON.stringify({ ...each, record: { ...each.record, cache } })
    t.equal(text(compact), text(indented), name)
    t.equal(indented.response.response.uid, request.uid)
    const isNamespace = request.kind.kind === 'Namespace'
    const namespace = request.namespace === undefined ? null : NAMESPACE
    const provenance = indented.decision?.provenance ?? { class: 'system', evidence: [] }
    if (!isNamespace) {
      const wanted = await library.review(request, contextOf({ now: NOW, namespace, provenance }))
      t.equal(stringifyJson(indented.decision as unknown as Json), stringifyJson(wanted as unknown as Json), name)
    }
  }
})

t.test('the actor gives the provenance', async t => {
  const classOf = async (username: string, groups: string[] = []) => {
    const request = { ...admissionRequest({ userInfo: { username, groups } }), options: null }
    return (await answered(small, bytes(review(request)))).record.provenance
  }
  t.equal(await classOf('alice'), 'out-of-band-unmanaged')
  t.equal(await classOf('system:serviceaccount:argocd:argocd-application-controller'), 'in-band-ungated')
  t.equal(await classOf('system:kube-scheduler'), 'system')
  t.equal(await classOf('system:node:n1', ['system:nodes']), 'system')
  t.equal(await classOf('system:serviceaccount:kube-system:x', ['system:serviceaccounts:kube-system']), 'system')
  t.equal(await classOf('system:nodes'), 'out-of-band-unmanaged', 'a user named like a group is none of it')
})

t.test('a namespace that is not known is asked for, and one that is judged speaks for itself', async t => {
  const unknown = await admit(small, bytes(review()), { now: NOW, namespaceOf: () => null })
  t.strictSame(unknown, { namespaceNeeded: 'shop' })
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' }
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels } }
  const kind = { group: '', version: 'v1', kind: 'Namespace' }
  for (const operation of ['CREATE', 'DELETE'] as const) {
    const request = admissionRequest({
      kind,
      operation,
      object: operation === 'CREATE' ? object : null,
      oldObject: operation === 'DELETE' ? object : null,
    })
    const body = bytes(review({ ...request, options: null }))
    const found = await admit(small, body, { now: NOW, namespaceOf: () => null })
    const wanted = await small.review(
      { ...request, options: null },
      contextOf({
        now: NOW,
        namespace: { labels, annotations: {} },
        provenance: { class: 'out-of-band-unmanaged', evidence: ['actor'] },
      }),
    )
    t.strictSame('decision' in found ? found.decision : found, wanted, operation)
  }
})

const DEEP = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
const withObject = (members: string): string =>
  review().replace('"kind":"Pod","metadata"', `${members},"kind":"Pod","metadata"`)

t.test('what cannot be judged is denied, with the uid of the request', async t => {
  const uid = admissionRequest().uid
  const cases: Record<string, { body: string | Uint8Array; code: number; error: string; uid?: string }> = {
    'an empty body': { body: '', code: 422, error: 'MANIFEST_SYNTAX', uid: '' },
    'no JSON': { body: 'apiVersion: v1', code: 422, error: 'MANIFEST_SYNTAX', uid: '' },
    'half a body': { body: review().slice(0, 300), code: 422, error: 'MANIFEST_SYNTAX' },
    'request: null': { body: review(null), code: 400, error: 'REVIEW_INVALID', uid: '' },
    v1beta1: { body: review().replace('/v1', '/v1beta1'), code: 400, error: 'REVIEW_INVALID' },
    'no object': { body: review({ ...admissionRequest(), object: null }), code: 400, error: 'REVIEW_INVALID' },
    'bytes that are no UTF-8': {
      body: Buffer.concat([Buffer.from(review().slice(0, 200)), Buffer.from([0xff, 0xfe, 0x41]), bytes('"}')]),
      code: 422,
      error: 'MANIFEST_ENCODING',
    },
    'UTF-16': { body: Buffer.from(`\ufeff${review()}`, 'utf16le'), code: 422, error: 'MANIFEST_ENCODING', uid: '' },
    '10,000 arrays inside each other': { body: withObject(`"x":${DEEP}`), code: 422, error: 'MANIFEST_TOO_DEEP' },
    'a key that appears twice': {
      body: withObject('"apiVersion":"v1","x":1,"x":2').replace('"apiVersion":"v1","apiVersion"', '"apiVersion"'),
      code: 422,
      error: 'MANIFEST_DUPLICATE_KEY',
    },
    'a number beyond all bounds': { body: withObject('"x":1e999'), code: 422, error: 'MANIFEST_NUMBER' },
    'half of a surrogate pair': { body: withObject('"x":"\\ud800"'), code: 422, error: 'MANIFEST_ENCODING' },
    'two values': { body: `${review()}{}`, code: 422, error: 'MANIFEST_SYNTAX' },
  }
  for (const [name, { body, code, error, uid: wanted = uid }] of Object.entries(cases)) {
    const { response, record, decision } = await answered(small, typeof body === 'string' ? bytes(body) : body)
    t.equal(decision, null, name)
    t.strictSame([response.response.uid, response.response.allowed], [wanted, false], name)
    t.strictSame([response.response.status?.code, record.error?.code, record.allowed], [code, error, false], name)
  }
})

t.test('what only looks dangerous is judged', async t => {
  const cases: Record<string, string> = {
    'a member named __proto__': withObject('"__proto__":{"allowed":true},"constructor":{"prototype":{}}'),
    'the limits of int64': withObject(
      '"max":9223372036854775807,"min":-9223372036854775808,"more":92233720368547758070',
    ),
    'a byte order mark': `\ufeff${review()}`,
    'members that nobody knows': review({ ...admissionRequest(), later: { a: 1 }, options: null }),
  }
  for (const [name, body] of Object.entries(cases)) {
    const { response, record } = await answered(small, bytes(body))
    t.equal(record.error, null, name)
    t.equal(response.response.uid, admissionRequest().uid, name)
    t.equal(record.decisionId?.length, 64, name)
  }
})

t.test('the text of the request goes on as it came, unless it says more than was read', async t => {
  const textOf = async (body: string) => {
    let seen: string | undefined
    const observed: Gate = {
      ...small,
      review: (request, context, options) => {
        seen = options?.requestText
        return small.review(request, context, options)
      },
    }
    await answered(observed, bytes(body))
    return seen
  }
  const request = { ...admissionRequest(), options: null }
  t.equal(await textOf(review(request)), stringifyJson(request as unknown as Json))
  const cases: Record<string, object> = {
    'a member that nobody knows': { ...request, later: 1 },
    'one of the user': { ...request, userInfo: { ...request.userInfo, later: 1 } },
    'one of the kind': { ...request, kind: { ...request.kind, later: 1 } },
    'a null that counts as absent': { ...request, dryRun: null },
  }
  for (const [name, each] of Object.entries(cases)) t.equal(await textOf(review(each)), undefined, name)
  t.equal(await textOf(` ${review(request)}`), undefined, 'another form')
})

t.test('policies see numbers as they came', async t => {
  const replicas = '9007199254740993'
  const object = pod()
  const text = review({ ...admissionRequest({ object }), options: null }).replace(
    '"spec":{',
    `"spec":{"activeDeadlineSeconds":${replicas},`,
  )
  const request = parseAdmissionReview(parseJson(text))
  t.match(stringifyJson(request.object), replicas)
  const { decision } = await answered(library, bytes(text))
  const rounded = await answered(library, bytes(text.replace(replicas, '9007199254740992')))
  t.not(decision?.subject, rounded.decision?.subject, 'two numbers that a double cannot tell apart')
})

t.test('a policy that was stopped is part of the answer', async t => {
  const policy = small.bundle.cards[0]?.id ?? ''
  const killed = new Map([[policy, 'it ran for more than 100 ms and was stopped']])
  const found = await admit(small, bytes(review()), { now: NOW, namespaceOf: () => NAMESPACE, killed })
  const violation = 'decision' in found ? found.decision?.violations.find(each => each.policy === policy) : undefined
  t.equal(violation?.message, 'the policy could not be evaluated: it ran for more than 100 ms and was stopped')
})

t.test('no bytes make it throw, allow by accident, or lose the uid', async t => {
  const base = Buffer.from(review())
  const mutated = fc
    .array(
      fc.record({
        at: fc.nat({ max: base.length - 1 }),
        length: fc.nat({ max: 40 }),
        with: fc.oneof(
          fc.uint8Array({ maxLength: 20 }),
          fc.constantFrom('{', '}', '[', ']', '"', ',', ':', 'null', '"kind"', '\\u0000', '1e9', '-').map(bytes),
        ),
      }),
      { minLength: 1, maxLength: 4 },
    )
    .map(edits =>
      edits.reduce((body: Buffer, { at, length, with: inserted }) => {
        return Buffer.concat([body.subarray(0, at), inserted, body.subarray(at + length)])
      }, base),
    )
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, fc.uint8Array({ maxLength: 400 })), async body => {
      const found = await admit(small, body, { now: NOW, namespaceOf: () => NAMESPACE })
      if ('namespaceNeeded' in found) return
      const { response, record, decision } = found
      t.equal(response.response.allowed, record.allowed)
      if (decision === null) {
        if (response.response.allowed || record.error === null) throw new Error('allowed without a judgement')
        if (response.response.uid !== (record.request?.uid ?? readUid(body))) throw new Error('the uid is lost')
      } else if (decision.allowed !== response.response.allowed) throw new Error('the answer is not the Decision')
    }),
    { numRuns: 1000 },
  )
})
