import fc from 'fast-check'
import { join } from 'node:path'
import t from 'tap'
import type { AdmissionRequest } from '../../../../../src/admission.js'
import { decisionRecord, requestFacts, type AdmissionRecord } from '../../../../../src/admission-record.js'
import type { Decision, Risk, Violation } from '../../../../../src/decision-types.js'
import { createGate, parseBundle } from '../../../../../src/gate.js'
import { loadBundleFiles } from '../../../../../src/io/bundle-source.js'
import { decisionLogEvent, type EventFacts } from '../../../../../src/io/decision-log/event.js'
import { erase, parseMasks } from '../../../../../src/io/decision-log/mask.js'
import type { Json } from '../../../../../src/json.js'
import { ROOT } from '../../../../helpers/repository.js'
import { admissionRequest, contextOf, pod } from '../../../../helpers/requests.js'

/** What must not be found in a log. */
const PLANTED = 'pl4nted-s3cret'

/** Wednesday. */
const NOW = new Date('2026-06-03T13:45:06.789Z')

function factsOf(change: Partial<EventFacts> = {}): EventFacts {
  return {
    labels: { id: 'lockkeeper-7d9-x2x', version: '1.2.3' },
    now: NOW,
    requestedBy: '10.0.0.7',
    durationMs: 2.5,
    queuedMs: 0.25,
    trace: null,
    masks: [],
    ...change,
  }
}

const VIOLATION: Violation = {
  policy: 'node_takeover',
  message: 'container "debug" is privileged',
  enforcementAction: 'deny',
  severity: 'critical',
  path: '/spec/containers/0/securityContext/privileged',
  details: { container: 'debug', env: [{ value: PLANTED }] },
  controls: ['CIS-5.2.2'],
  existing: false,
  remedy: {
    text: 'leave it out',
    patch: [
      { op: 'remove', path: '/spec/containers/0/securityContext/privileged' },
      { op: 'add', path: '/spec/containers/0/env', value: [{ name: 'TOKEN', value: PLANTED }] },
    ],
  },
  docs: 'https://docs.example/node_takeover',
}

const RISK: Risk = {
  score: 0.91,
  band: 'high',
  kind: 'object',
  threshold: 0.8,
  pValue: 0.01,
  contributions: [
    { feature: 'privileged', value: 1, contribution: 2.5, paths: ['/spec'], text: 'it is privileged' },
    { feature: 'images', value: 3, contribution: -0.5, paths: [], text: 'three images' },
  ],
  model: { digest: 'sha256:m', version: '3' },
}

function decisionOf(change: Partial<Decision> = {}): Decision {
  return {
    id: 'sha256:d',
    subject: 'sha256:s',
    gate: 'webhook',
    allowed: false,
    action: 'deny',
    actions: { cli: 'deny', argocd: 'deny', flux: 'deny', webhook: 'deny', audit: 'deny' },
    violations: [VIOLATION],
    risk: RISK,
    anomaly: null,
    provenance: { class: 'out-of-band-managed', evidence: ['actor'] },
    degraded: [],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle: { digest: 'sha256:b', revision: 'r7' },
    inputs: { related: null, rarity: null },
    resource: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web' },
    ...change,
  }
}

const NO_CACHE = { hits: 4, misses: 1 }

function event(
  decision: Decision,
  request: Partial<AdmissionRequest> = {},
  facts: Partial<EventFacts> = {},
): ReturnType<typeof decisionLogEvent> {
  return decisionLogEvent(decisionRecord(admissionRequest(request), decision, NO_CACHE), decision, factsOf(facts))
}

t.test('an event has the shape of OPA, the facts and the Decision, and says what is gone', t => {
  const decision = decisionOf()
  const before = structuredClone(decision)
  const { details: _details, remedy: _remedy, ...violation } = VIOLATION
  const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
  t.strictSame(event(decision, { userInfo: { username: 'alice', uid: 'x', extra: { key: [PLANTED] } } }, { trace }), {
    labels: { id: 'lockkeeper-7d9-x2x', version: '1.2.3' },
    decision_id: 'sha256:d',
    trace_id: trace.traceId,
    span_id: trace.spanId,
    bundles: { lockkeeper: { revision: 'r7' } },
    path: 'lockkeeper/review',
    input: {
      request: {
        uid: '00000000-0000-0000-0000-000000000001',
        operation: 'CREATE',
        kind: { group: '', version: 'v1', kind: 'Pod' },
        resource: { group: '', version: 'v1', resource: 'pods' },
        subResource: '',
        namespace: 'shop',
        name: 'web',
        dryRun: false,
      },
      actor: { user: 'alice', groups: [], verb: 'create', subresource: '', hourOfWeek: 2 * 24 + 13 },
      features: { privileged: 1, images: 3 },
    },
    result: {
      ...decision,
      violations: [
        {
          ...violation,
          remedy: {
            text: 'leave it out',
            patch: [
              { op: 'remove', path: '/spec/containers/0/securityContext/privileged' },
              { op: 'add', path: '/spec/containers/0/env' },
            ],
          },
        },
      ],
    },
    requested_by: '10.0.0.7',
    timestamp: '2026-06-03T13:45:06.789Z',
    metrics: {
      timer_server_handler_ns: 2_500_000,
      timer_lockkeeper_queue_ns: 250_000,
      counter_lockkeeper_cache_hits: 4,
      counter_lockkeeper_cache_misses: 1,
    },
    erased: ['/result/violations/0/details', '/result/violations/0/remedy/patch/1/value'],
  })
  t.strictSame(decision, before, 'the Decision itself is as it was')
  t.end()
})

t.test('the hour of the week begins on Monday, in UTC', t => {
  const cases: Record<string, number> = {
    '2026-06-01T00:00:00Z': 0,
    '2026-06-01T23:59:59Z': 23,
    '2026-06-07T23:00:00Z': 167,
    '2026-06-08T01:30:00+02:00': 167,
  }
  for (const [now, hour] of Object.entries(cases)) {
    const { actor } = event(decisionOf(), {}, { now: new Date(now) }).input as { actor: { hourOfWeek: number } }
    t.equal(actor.hourOfWeek, hour, now)
  }
  t.end()
})

t.test('a review without a Decision says why in words of ours', t => {
  const error = { code: 'NAMESPACE_LOOKUP_FAILED', message: `namespace ${PLANTED} was not found` } as const
  const record: AdmissionRecord = {
    request: requestFacts(admissionRequest({ operation: 'CONNECT', subResource: 'exec' })),
    allowed: false,
    action: 'deny',
    policies: [],
    decisionId: null,
    provenance: null,
    unchanged: false,
    error,
    cache: { hits: 0, misses: 0 },
  }
  const judged = decisionLogEvent(record, null, factsOf())
  t.equal(judged.decision_id, '00000000-0000-0000-0000-000000000001')
  t.strictSame(judged.bundles, {})
  t.strictSame(judged.result, { allowed: false, action: 'deny', policies: [] })
  t.strictSame(judged.error, {
    code: 'NAMESPACE_LOOKUP_FAILED',
    message: 'the namespace of the request could not be looked up',
  })
  t.match(judged.input, { actor: { verb: 'connect', subresource: 'exec' }, features: null })
  t.notOk('erased' in judged)
  const malformed = decisionLogEvent({ ...record, request: null }, null, factsOf())
  t.strictSame([malformed.decision_id, malformed.input], ['', {}])
  t.end()
})

t.test('of Secrets and of failed policies no text is kept', t => {
  const violation = { ...VIOLATION, message: `value ${PLANTED}`, remedy: { text: `not ${PLANTED}` } }
  const risk = { ...RISK, contributions: [{ ...RISK.contributions[0], text: PLANTED } as Risk['contributions'][0]] }
  const secret = event(decisionOf({ violations: [violation], risk }), {
    kind: { group: '', version: 'v1', kind: 'Secret' },
  })
  t.strictSame(secret.erased, [
    '/result/violations/0/message',
    '/result/violations/0/details',
    '/result/violations/0/remedy/text',
    '/result/risk/contributions/0/text',
  ])
  const degraded = [{ code: 'POLICY_FAILED', policy: 'broken', text: `cannot parse ${PLANTED}` }] as const
  const broken = { ...VIOLATION, policy: 'broken', message: `cannot parse ${PLANTED}`, details: null }
  const failed = event(decisionOf({ violations: [{ ...VIOLATION, details: null }, broken], degraded }))
  t.strictSame(failed.erased, [
    '/result/violations/0/remedy/patch/1/value',
    '/result/violations/1/message',
    '/result/violations/1/remedy/patch/1/value',
    '/result/degraded/0/text',
  ])
  for (const each of [secret, failed]) t.notOk(JSON.stringify(each).includes(PLANTED))
  t.equal((failed.result.violations as { message: string }[])[0]?.message, VIOLATION.message)
  t.end()
})

t.test('an event is bounded in violations and groups', t => {
  const violations = Array.from({ length: 130 }, (_, index) => ({ ...VIOLATION, path: `/${index}` }))
  const groups = Array.from({ length: 150 }, (_, index) => `g${index}`)
  const { input, result } = event(decisionOf({ violations }), { userInfo: { username: 'a', groups } })
  t.equal((result.violations as unknown[]).length, 100)
  t.equal(result.omittedViolations, 30)
  t.strictSame((input.actor as { groups: string[] }).groups, groups.slice(0, 100))
  t.end()
})

t.test('masks are JSON pointers into input and result', t => {
  const value = (): Json => ({
    input: { a: [1, 2, 3], 'x/y': { '~': 1 } },
    result: { list: [{ b: 1 }, { b: 2, c: 3 }] },
  })
  const cases: Record<string, readonly [readonly string[], Json, readonly string[]]> = {
    'nothing is asked for': [[], value(), []],
    'a pointer to nothing is ignored': [['/input/z/1', '/result/list/7', '/input/a/b'], value(), []],
    'a member goes': [['/input/a'], { ...(value() as object), input: { 'x/y': { '~': 1 } } }, ['/input/a']],
    'elements go as wholes and the rest moves up': [
      ['/input/a/0', '/input/a/1'],
      { ...(value() as object), input: { a: [3], 'x/y': { '~': 1 } } },
      ['/input/a/0', '/input/a/1'],
    ],
    'a star is every element, and a member inside goes with its element': [
      ['/result/list/*/b', '/result/list/1'],
      { ...(value() as object), result: { list: [{}] } },
      ['/result/list/0/b', '/result/list/1', '/result/list/1/b'],
    ],
    'slashes and tildes are escaped': [
      ['/input/x~1y/~0'],
      { ...(value() as object), input: { a: [1, 2, 3], 'x/y': {} } },
      ['/input/x~1y/~0'],
    ],
    'the order of lists is that of numbers': [
      ['/result/list/*', '/input/a/2'],
      { input: { a: [1, 2], 'x/y': { '~': 1 } }, result: { list: [] } },
      ['/input/a/2', '/result/list/0', '/result/list/1'],
    ],
  }
  for (const [name, [pointers, left, erased]] of Object.entries(cases)) {
    const root = value()
    t.strictSame([erase(root, parseMasks(pointers)), root], [erased, left], name)
  }
  const many = { result: Array.from({ length: 12 }, (_, index) => index) }
  t.strictSame(
    [erase(many, parseMasks(['/result/2', '/result/10'])), many.result.length],
    [['/result/2', '/result/10'], 10],
  )
  t.throws(() => parseMasks(['/input/a', 'input', '/labels/id', '/input/~2', '/']), {
    code: 'CONFIG_INVALID',
    message:
      'masks of the decision log: input: is no JSON pointer; /labels/id: must begin with /input or /result; ' +
      '/input/~2: is no JSON pointer; /: must begin with /input or /result',
  })
  t.end()
})

t.test('a configured mask erases, too', t => {
  const masked = event(
    decisionOf({ violations: [] }),
    {},
    { masks: parseMasks(['/input/actor/user', '/result/subject']) },
  )
  t.strictSame(masked.erased, ['/input/actor/user', '/result/subject'])
  t.notOk('user' in (masked.input.actor as object))
  t.notOk('subject' in masked.result)
  t.end()
})

t.test('whatever is planted in details, patches and texts about Secrets is never in the text', t => {
  const planted = fc.letrec<{ node: Json }>(tie => ({
    node: fc.oneof(
      { maxDepth: 3 },
      fc.constant<Json>(PLANTED),
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b/c', '~', '*', '__proto__'), tie('node'), { maxKeys: 3 }),
    ),
  })).node
  const violation = fc.record({
    details: fc.option(planted),
    value: fc.option(planted),
    policy: fc.constantFrom('one', 'two', 'broken'),
  })
  fc.assert(
    fc.property(
      fc.array(violation, { maxLength: 12 }),
      fc.constantFrom('Pod', 'Secret', 'ConfigMap', 'TokenReview'),
      fc.subarray(['/input/actor', '/result/violations/*', '/result/violations/0', '/result/violations/*/remedy']),
      (drawn, kind, pointers) => {
        const isSecret = ['Secret', 'TokenReview'].includes(kind)
        const violations = drawn.map(({ details, value, policy }): Violation => ({
          ...VIOLATION,
          policy,
          details,
          message: isSecret || policy === 'broken' ? PLANTED : 'a message',
          remedy: {
            text: isSecret ? PLANTED : 'do it',
            ...(value === null ? {} : { patch: [{ op: 'add', path: '/x', value }] }),
          },
        }))
        const degraded = [{ code: 'POLICY_FAILED', policy: 'broken', text: PLANTED }] as const
        const decision = decisionOf({ violations, degraded })
        const before = JSON.stringify(decision)
        const object = pod({ kind, data: { key: PLANTED }, stringData: { key: PLANTED } })
        const request = { kind: { group: '', version: 'v1', kind }, object, oldObject: object }
        const written = event(decision, request, { masks: parseMasks(pointers) })
        const text = JSON.stringify(written)
        return !text.includes(PLANTED) && JSON.stringify(decision) === before
      },
    ),
    { numRuns: 500 },
  )
  t.end()
})

t.test('the shipped policies never say the value of a variable, an annotation or a Secret', async t => {
  const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
  const gate = await createGate(bundle)
  const metadata = { name: 'web', namespace: 'shop', annotations: { 'example.com/note': PLANTED } }
  const env = ['PASSWORD', 'AWS_SECRET_ACCESS_KEY', 'API_TOKEN', 'NOTE'].map(name => ({ name, value: PLANTED }))
  const container = { name: 'web', image: 'web', securityContext: { privileged: true }, env }
  const requests: Record<string, { request: Partial<AdmissionRequest>; violations: boolean }> = {
    'a dangerous Pod': {
      request: {
        object: pod({ metadata, spec: { hostPID: true, containers: [container], initContainers: [container] } }),
      },
      violations: true,
    },
    'a Secret': {
      request: {
        kind: { group: '', version: 'v1', kind: 'Secret' },
        resource: { group: '', version: 'v1', resource: 'secrets' },
        object: {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata,
          type: 'Opaque',
          data: { password: Buffer.from(PLANTED).toString('base64') },
          stringData: { token: PLANTED },
        },
      },
      violations: false,
    },
    'a ConfigMap with credentials': {
      request: {
        kind: { group: '', version: 'v1', kind: 'ConfigMap' },
        resource: { group: '', version: 'v1', resource: 'configmaps' },
        object: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { password: PLANTED, token: PLANTED } },
      },
      violations: false,
    },
  }
  for (const [name, { request, violations }] of Object.entries(requests)) {
    const userInfo = { username: 'alice', groups: ['developers'], extra: { token: [PLANTED] } }
    const whole = admissionRequest({ ...request, userInfo })
    const decision = await gate.review(whole, contextOf())
    if (violations) t.ok(decision.violations.length > 3, `${name} has ${decision.violations.length} violations`)
    const text = JSON.stringify(decisionLogEvent(decisionRecord(whole, decision, NO_CACHE), decision, factsOf()))
    t.notOk(text.includes(PLANTED), name)
    t.notOk(text.includes(Buffer.from(PLANTED).toString('base64')), `${name}, as base64`)
    t.ok(text.includes(decision.id))
  }
})
