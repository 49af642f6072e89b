import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { buildAdmissionResponse, buildErrorResponse } from '../../../src/admission-response.js'
import { parseAdmissionReview, requestUid } from '../../../src/admission.js'
import type { Decision, Violation } from '../../../src/decision-types.js'
import { ERROR_CODES, GateError, type GateErrorCode } from '../../../src/errors.js'
import { parseJson, type JsonObject } from '../../../src/json.js'

const FIXTURES = 'test/fixtures/admission-reviews'
const names = readdirSync(FIXTURES).filter(each => each.endsWith('.json'))
const read = (name: string): string => readFileSync(`${FIXTURES}/${name}`, 'utf8')
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

t.test('every captured request parses to what was sent', t => {
  t.equal(names.length, 64)
  for (const name of names) {
    const review = JSON.parse(read(name)) as { request: object }
    const parsed = parseAdmissionReview(parseJson(read(name)))
    // A member that Go leaves out is null here: that is all that changes.
    t.strictSame(plain(parsed), { object: null, oldObject: null, options: null, ...review.request }, name)
  }
  t.end()
})

const REQUEST = {
  uid: 'u',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  operation: 'CREATE',
  userInfo: { username: 'alice' },
  object: { apiVersion: 'v1', kind: 'Pod' },
}
const review = (request: unknown): unknown => ({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request })

/** The message without what every message begins with. */
function refusal(value: unknown): string {
  try {
    parseAdmissionReview(value)
  } catch (thrown) {
    if (!(thrown instanceof GateError) || thrown.code !== 'REVIEW_INVALID') throw thrown
    return thrown.message.replace('the AdmissionReview is malformed: ', '')
  }
  return ''
}

t.test('malformed reviews', t => {
  const cases: Record<string, { value: unknown; message: string }> = {
    'the smallest review': { value: review(REQUEST), message: '' },
    'null members are absent ones': {
      value: review({ ...REQUEST, subResource: null, requestKind: null, dryRun: null, options: null, oldObject: null }),
      message: '',
    },
    'members that nobody knows are no mistake': { value: review({ ...REQUEST, later: [1] }), message: '' },
    'an empty user name is left out by Go': { value: review({ ...REQUEST, userInfo: {} }), message: '' },
    nothing: { value: undefined, message: 'the body must be an object, is missing' },
    'a list': { value: [], message: 'the body must be an object, is a list' },
    'another version': {
      value: { apiVersion: 'admission.k8s.io/v1beta1', kind: 'AdmissionReview', request: REQUEST },
      message: 'apiVersion must be "admission.k8s.io/v1"',
    },
    'no request': { value: review(undefined), message: 'request must be an object, is missing' },
    'every mistake at once': {
      value: {
        apiVersion: 1,
        kind: 'Pod',
        request: {
          uid: '',
          kind: { group: 7, version: '', kind: null },
          resource: 'pods',
          operation: 'PATCH',
          userInfo: { username: 1, groups: ['a', 2], extra: { scopes: 'x' } },
          object: { kind: 'Pod', metadata: [] },
          oldObject: 'secret value',
          dryRun: 'no',
          namespace: 5,
          options: [],
        },
      },
      message: [
        'apiVersion must be "admission.k8s.io/v1"',
        'kind must be "AdmissionReview"',
        'request.operation must be one of CREATE, UPDATE, DELETE, CONNECT',
        'request.oldObject must be an object, is a string',
        'request.uid must not be empty',
        'request.kind.group must be a string, is a number',
        'request.kind.version must not be empty',
        'request.kind.kind must be a string, is missing',
        'request.resource must be an object, is a string',
        'request.namespace must be a string, is a number',
        'request.userInfo.username must be a string, is a number',
        'request.userInfo.groups must hold strings only',
        'request.userInfo.extra.scopes must be a list of strings, is a string',
        'request.object.apiVersion must be a string, is missing',
        'request.object.metadata must be an object, is a list',
        'request.dryRun must be true or false, is a string',
        'request.options must be an object, is a list',
      ].join('; '),
    },
    'a uid beyond reason': {
      value: review({ ...REQUEST, uid: 'x'.repeat(257) }),
      message: 'request.uid must have at most 256 characters',
    },
    'CREATE without an object': {
      value: review({ ...REQUEST, object: null }),
      message: 'request.object is missing, CREATE needs it',
    },
    'UPDATE without the old object': {
      value: review({ ...REQUEST, operation: 'UPDATE' }),
      message: 'request.oldObject is missing, UPDATE needs it',
    },
    'DELETE without the old object': {
      value: review({ ...REQUEST, operation: 'DELETE', object: null }),
      message: 'request.oldObject is missing, DELETE needs it',
    },
    'CONNECT needs neither': { value: review({ ...REQUEST, operation: 'CONNECT', object: null }), message: '' },
    'more mistakes than a message holds': {
      value: review({
        ...REQUEST,
        userInfo: { extra: Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, 1])) },
      }),
      message: [
        ...Array.from(
          { length: 20 },
          (_, index) => `request.userInfo.extra.k${index} must be a list of strings, is a number`,
        ),
        'and 30 more',
      ].join('; '),
    },
  }
  for (const [name, { value, message }] of Object.entries(cases)) t.equal(refusal(value), message, name)
  t.end()
})

t.test('extra members are kept out, keys of prototypes are plain keys', t => {
  const text = JSON.stringify(review({ ...REQUEST, later: 1 })).replace(
    '"username":"alice"',
    '"username":"alice","extra":{"__proto__":["x"],"constructor":["y"]}',
  )
  const parsed = parseAdmissionReview(parseJson(text))
  t.equal(Object.hasOwn(parsed, 'later'), false)
  t.equal(JSON.stringify(parsed.userInfo), '{"username":"alice","extra":{"__proto__":["x"],"constructor":["y"]}}')
  t.end()
})

t.test('an object of a deletecollection has its own name, as it has when it is deleted alone', t => {
  const nameOf = (request: object): string | undefined =>
    parseAdmissionReview(review({ ...REQUEST, object: null, oldObject: null, ...request })).name
  const oldObject = { ...REQUEST.object, metadata: { name: 'web' } }
  t.equal(nameOf({ operation: 'DELETE', oldObject }), 'web')
  t.equal(nameOf({ operation: 'DELETE', name: '', oldObject }), 'web')
  t.equal(nameOf({ operation: 'DELETE', name: 'asked', oldObject }), 'asked')
  t.equal(nameOf({ operation: 'DELETE', oldObject: REQUEST.object }), undefined)
  t.equal(
    nameOf({ operation: 'UPDATE', object: oldObject, oldObject }),
    undefined,
    'whatever has a name is sent with it',
  )
  t.equal(nameOf({ operation: 'CREATE', object: oldObject }), undefined, 'a generated name is nobody’s yet')
  t.end()
})

t.test('the uid of a review that may be malformed', t => {
  t.equal(requestUid(review({ uid: 'u' })), 'u')
  t.equal(requestUid({ request: { uid: 'u' } }), 'u')
  for (const value of [null, [], 'x', {}, { request: [] }, review({}), review({ uid: 7 }), review({ uid: '' })]) {
    t.equal(requestUid(value), null, JSON.stringify(value))
  }
  t.equal(requestUid(review({ uid: 'x'.repeat(257) })), null)
  t.end()
})

/** A copy in which the value at one place is replaced, or dropped when `replacement` is undefined. */
function mutated(value: unknown, pick: number, replacement: unknown): unknown {
  let at = 0
  const visit = (each: unknown): unknown => {
    if (at++ === pick) return replacement
    if (Array.isArray(each)) return each.map(visit)
    if (typeof each !== 'object' || each === null) return each
    return Object.fromEntries(Object.entries(each).map(([key, member]) => [key, visit(member)]))
  }
  return plain({ value: visit(value) })
}

t.test('whatever is dropped or of another type, the review parses or is refused', t => {
  const bodies = names.map(name => JSON.parse(read(name)) as unknown)
  const replacement = fc.constantFrom<unknown>(undefined, null, 0, 1.5, '', 'x', true, [], [null], {}, { a: [] })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.nat({ max: 90 }), replacement, (body, pick, value) => {
        refusal((mutated(body, pick, value) as { value: unknown }).value)
      }),
      { numRuns: 2000 },
    ),
  )
  t.doesNotThrow(() => fc.assert(fc.property(fc.jsonValue(), value => void refusal(review(value)))))
  t.end()
})

function violation(policy: string, rest: Partial<Violation> = {}): Violation {
  return {
    policy,
    message: `${policy} is wrong`,
    enforcementAction: 'deny',
    severity: 'high',
    path: '/spec',
    details: null,
    controls: [],
    existing: false,
    docs: '',
    ...rest,
  }
}

const factor = (text: string) => ({ feature: 'f', value: 1, contribution: 1, paths: [], text })
const RISK: Decision['risk'] = {
  score: 0.914,
  band: 'high',
  kind: 'object',
  threshold: 0.8,
  pValue: 0.01,
  contributions: [
    factor('runs as root'),
    { ...factor('lowers the risk: is known'), contribution: -2 },
    factor('mounts the host'),
    factor('has no limits'),
    factor('a fourth'),
  ],
  model: { digest: 'sha256:m', version: '1' },
}

function decision(rest: Partial<Decision>): Decision {
  return {
    id: 'd1',
    subject: 's1',
    gate: 'webhook',
    allowed: false,
    action: 'deny',
    actions: { cli: 'deny', argocd: 'deny', flux: 'deny', webhook: 'deny', audit: 'deny' },
    violations: [],
    risk: null,
    anomaly: null,
    provenance: { class: 'approved', evidence: [] },
    degraded: [],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle: { digest: 'sha256:b', revision: 'r' },
    inputs: { related: null, rarity: null },
    resource: { apiVersion: 'v1', kind: 'Pod', name: 'a' },
    ...rest,
  }
}

t.test('responses', t => {
  t.strictSame(
    buildAdmissionResponse(decision({ allowed: true, action: 'allow' }), 'u'),
    {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: {
        uid: 'u',
        allowed: true,
        auditAnnotations: {
          'decision-id': 'd1',
          'bundle-digest': 'sha256:b',
          action: 'allow',
          provenance: 'approved',
        },
      },
    },
    'allowed',
  )
  t.strictSame(
    buildAdmissionResponse(
      decision({
        violations: [
          violation('no_privileged', { message: 'container "a"\nis privileged', remedy: { text: 'set it to false' } }),
          violation('image_tag', { enforcementAction: 'warn' }),
          violation('quiet', { enforcementAction: 'dryrun' }),
          violation('host_path'),
        ],
        risk: RISK,
        degraded: [{ code: 'RARITY_COLD', text: 'there is no rarity snapshot yet' }],
      }),
      'u',
    ).response,
    {
      uid: 'u',
      allowed: false,
      status: {
        code: 403,
        reason: 'Forbidden',
        message:
          '[no_privileged] container "a" is privileged (fix: set it to false)\n' +
          '[host_path] host_path is wrong\n' +
          'risk 0.91 high (threshold 0.80): runs as root; mounts the host; has no limits',
      },
      warnings: ['[image_tag] image_tag is wrong'],
      auditAnnotations: {
        'decision-id': 'd1',
        'bundle-digest': 'sha256:b',
        action: 'deny',
        provenance: 'approved',
        degraded: 'RARITY_COLD',
      },
    },
    'denied, with warnings',
  )
  t.equal(
    buildAdmissionResponse(decision({ degraded: [{ code: 'MODEL_MISSING', text: 'no model' }] }), 'u').response.status
      ?.message,
    '[MODEL_MISSING] no model',
    'a denial without violations says why',
  )
  t.equal(
    buildAdmissionResponse(decision({ violations: [violation('a', { message: 'x\u001b[2K\u202ey' })] }), 'u').response
      .status?.message,
    '[a] x\\u{1b}[2K\\u{202e}y',
    'a message cannot command the terminal',
  )
  const byGate = buildAdmissionResponse(
    decision({
      violations: [
        violation('only_here', { enforcementAction: 'warn', gates: { webhook: 'deny' } }),
        violation('not_here', { gates: { webhook: 'warn' } }),
      ],
    }),
    'u',
  ).response
  t.equal(byGate.status?.message, '[only_here] only_here is wrong', 'the action at this gate counts')
  t.strictSame(byGate.warnings, ['[not_here] not_here is wrong'])
  t.end()
})

const runes = (text: string): number => Array.from(text).length

t.test('a missing model is told to people only where nothing else explains a warning', t => {
  const degraded = [{ code: 'MODEL_MISSING', text: 'no model' }] as const
  const warningsOf = (change: Partial<Decision>) =>
    buildAdmissionResponse(decision({ degraded, ...change }), 'u').response.warnings
  t.equal(warningsOf({ allowed: true, action: 'allow', violations: [] }), undefined)
  t.strictSame(warningsOf({ allowed: true, action: 'warn', violations: [] }), ['[MODEL_MISSING] no model'])
  const warned = violation('a', { enforcementAction: 'warn' })
  t.strictSame(warningsOf({ allowed: true, action: 'warn', violations: [warned] })?.length, 1)
  t.end()
})

t.test('warnings fit what the API server lets through', t => {
  const words = Array.from({ length: 100 }, (_, index) => `word${index}`).join(' ')
  const warned = (count: number, message: string): readonly string[] =>
    buildAdmissionResponse(
      decision({
        allowed: true,
        violations: Array.from({ length: count }, (_, index) =>
          violation(`p${index}`, { enforcementAction: 'warn', message }),
        ),
      }),
      'u',
    ).response.warnings ?? []
  const [long] = warned(1, words)
  t.ok(runes(long ?? '') <= 256)
  t.match(long, /^\[p0\] word0 .* word\d+…$/, 'cut between words')
  t.equal(words.includes(`${(long ?? '').slice('[p0] '.length, -1)} `), true, 'no word is cut')
  const [wide] = warned(1, '\u{1f600}'.repeat(400))
  t.equal(wide, `[p0] ${'\u{1f600}'.repeat(250)}…`, 'one word without a space is cut between runes')
  const many = warned(100, 'short')
  t.equal(many.length, 100, 'all that fit are there')
  const tooMany = warned(40, words)
  t.equal(tooMany.at(-1), `… and ${40 - (tooMany.length - 1)} more`)
  t.ok(tooMany.length > 14 && tooMany.reduce((sum, each) => sum + runes(each), 0) <= 4096)
  t.equal(warned(2, 'x').length, 2)
  const same = Array.from({ length: 3 }, () => violation('p', { enforcementAction: 'warn' }))
  t.strictSame(
    buildAdmissionResponse(decision({ allowed: true, violations: same }), 'u').response.warnings,
    ['[p] p is wrong'],
    'the same warning is given once',
  )
  const message = buildAdmissionResponse(
    decision({
      violations: Array.from({ length: 500 }, (_, index) => violation(`p${index}`, { message: words })),
      risk: RISK,
    }),
    'u',
  ).response.status?.message
  const lines = (message ?? '').split('\n')
  t.ok(runes(message ?? '') <= 4096, 'a denial is bounded, too')
  t.equal(lines.at(-2), `… and ${500 - (lines.length - 2)} more`)
  t.match(lines.at(-1), /^risk 0\.91 high/, 'and ends with the risk')
  const low = decision({ violations: [violation('p')], risk: { ...RISK, score: 0.1, band: 'low' } })
  t.equal(buildAdmissionResponse(low, 'u').response.status?.message, '[p] p is wrong', 'a low risk is no reason')
  t.end()
})

t.test('a request that could not be judged', t => {
  t.strictSame(buildErrorResponse(new GateError('REVIEW_INVALID', 'request.uid\nis missing'), 'u'), {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid: 'u',
      allowed: false,
      status: { code: 400, reason: 'BadRequest', message: '[REVIEW_INVALID] request.uid is missing' },
    },
  })
  const reasons: Record<number, string> = {
    400: 'BadRequest',
    404: 'NotFound',
    413: 'RequestEntityTooLarge',
    422: 'Invalid',
    429: 'TooManyRequests',
    500: 'InternalError',
    503: 'ServiceUnavailable',
  }
  for (const [code, { httpStatus }] of Object.entries(ERROR_CODES)) {
    const { response } = buildErrorResponse(new GateError(code as GateErrorCode, 'x'.repeat(10_000)), 'u')
    t.equal(response.allowed, false, code)
    t.strictSame([response.status?.code, response.status?.reason], [httpStatus, reasons[httpStatus]], code)
    t.ok(runes(response.status?.message ?? '') <= 4096)
  }
  t.end()
})

t.test('the review that is parsed shares nothing of its prototype', t => {
  const parsed = parseAdmissionReview(parseJson(JSON.stringify(review(REQUEST))))
  t.strictSame(plain(parsed), { ...REQUEST, oldObject: null, options: null })
  t.equal('constructor' in (parsed.object as JsonObject), false)
  t.end()
})
