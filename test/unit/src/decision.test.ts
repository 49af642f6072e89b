import t from 'tap'
import type { AdmissionRequest } from '../../../src/admission.js'
import { DEFAULT_CONFIG, type Config } from '../../../src/config.js'
import { decide, identityOf, outcomeKey, wouldDeny, type Judgement, type Rules } from '../../../src/decision.js'
import type { Context, Decision, Risk, Standing, Violation } from '../../../src/decision-types.js'
import { readException } from '../../../src/exceptions.js'
import type { JsonObject } from '../../../src/json.js'
import type { Outcome } from '../../../src/policy/evaluate.js'
import type { PolicyCard } from '../../../src/policy/policy-types.js'
import { duplicateObjectViolation, createSetBuilder } from '../../../src/set-decision.js'
import { admissionRequest, contextOf, pod } from '../../helpers/requests.js'

const bundle = { digest: 'sha256:00', revision: 'r1' }
const subjectOf = (request: AdmissionRequest): string => identityOf(request).subject
const allows = { cli: 'allow', argocd: 'allow', flux: 'allow', webhook: 'allow', audit: 'allow' } as const
const warns = { cli: 'warn', argocd: 'warn', flux: 'warn', webhook: 'warn', audit: 'warn' } as const
const denies = { cli: 'deny', argocd: 'deny', flux: 'deny', webhook: 'deny', audit: 'deny' } as const

function card(change: Partial<PolicyCard> = {}): PolicyCard {
  return {
    id: 'tags',
    package: 'lockkeeper.tags',
    title: 'Tags',
    description: '',
    severity: 'medium',
    controls: ['C-1'],
    match: {},
    parameters: {},
    ratchet: true,
    stage: 'first',
    scope: 'object',
    approvable: true,
    docs: 'https://docs.example/tags',
    rules: ['deny'],
    ...change,
  }
}

function outcome(change: Partial<Outcome> = {}): Outcome {
  const finding = { message: 'image has no tag', path: '/spec/containers/0/image', details: null, remedy: null }
  return { card: card(), rule: 'deny', finding, failure: null, assumed: false, ...change }
}

const risk: Risk = {
  score: 0.5,
  band: 'elevated',
  kind: 'object',
  threshold: 0.9,
  pValue: 0.1,
  contributions: [],
  model: { digest: 'sha256:11', version: '1' },
}

function judgement(outcomes: readonly Outcome[], change: Partial<Judgement> = {}): Judgement {
  const request = change.request ?? admissionRequest()
  return {
    request,
    context: contextOf(),
    subject: subjectOf(request),
    unchanged: false,
    outcomes,
    existing: null,
    remedies: new Map(),
    assumed: false,
    relatedUsed: false,
    risk,
    anomaly: null,
    riskProblem: null,
    ...change,
  }
}

const rulesOf = (config: Partial<Config> = {}, exceptions: JsonObject[] = []): Rules => ({
  config: { ...DEFAULT_CONFIG, ...config },
  exceptions: exceptions.map(each => readException(each, 'exception.yaml')),
  bundle,
})

/** The whole Decision that is expected when only these members are special. */
function expected(change: Partial<Decision>, decision: Decision): Decision {
  return {
    id: decision.id,
    subject: subjectOf(admissionRequest()),
    gate: 'webhook',
    allowed: true,
    action: 'allow',
    actions: allows,
    violations: [],
    risk,
    anomaly: null,
    provenance: { class: 'approved', evidence: ['predicted'] },
    degraded: [],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle,
    inputs: { related: null, rarity: null },
    resource: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web' },
    ...change,
  }
}

const violation = (change: Partial<Violation> = {}): Violation => ({
  policy: 'tags',
  message: 'image has no tag',
  enforcementAction: 'deny',
  severity: 'medium',
  path: '/spec/containers/0/image',
  details: null,
  controls: ['C-1'],
  existing: false,
  docs: 'https://docs.example/tags',
  ...change,
})
const denied = { allowed: false, action: 'deny', actions: denies } as const
const warned = { allowed: true, action: 'warn', actions: warns } as const

const standing = (change: Partial<Standing> = {}): Standing => ({
  name: 'go-ahead',
  target: subjectOf(admissionRequest()),
  by: 'bob',
  reason: 'incident 7',
  notAfter: '2026-06-01T13:00:00Z',
  ...change,
})
const exception = (spec: JsonObject = {}): JsonObject => ({
  apiVersion: 'lockkeeper.dev/v1alpha1',
  kind: 'Exception',
  metadata: { name: 'let-web' },
  spec: {
    policies: ['tags'],
    scope: { group: '', kind: 'Pod', namespace: 'shop', name: 'web' },
    reason: 'incident',
    ticket: 'OPS-1',
    owner: 'alice',
    approvedBy: 'bob',
    notAfter: '2026-06-30T00:00:00Z',
    ...spec,
  },
})
const update = admissionRequest({ operation: 'UPDATE', oldObject: pod() })
const failure = outcome({
  failure: 'POLICY_FAILED',
  finding: { message: 'the policy could not be evaluated: boom', path: '', details: null, remedy: null },
})
const failureViolation = { message: 'the policy could not be evaluated: boom', path: '' }

t.test('a Decision', t => {
  const cases: Record<string, { judged: Judgement; rules?: Rules; is: Partial<Decision> }> = {
    'allows what violates nothing': { judged: judgement([]), is: {} },
    'denies on a deny rule': { judged: judgement([outcome()]), is: { ...denied, violations: [violation()] } },
    'denies on a violation rule': {
      judged: judgement([outcome({ rule: 'violation' })]),
      is: { ...denied, violations: [violation()] },
    },
    'warns on a warn rule': {
      judged: judgement([outcome({ rule: 'warn' })]),
      is: { ...warned, violations: [violation({ enforcementAction: 'warn' })] },
    },
    'takes the card over the rule name': {
      judged: judgement([outcome({ card: card({ enforcementAction: 'dryrun' }) })]),
      is: { violations: [violation({ enforcementAction: 'dryrun' })] },
    },
    'takes the configuration over the card': {
      judged: judgement([outcome({ card: card({ enforcementAction: 'dryrun' }) })]),
      rules: rulesOf({ policies: { tags: { enforcementAction: 'warn' } } }),
      is: { ...warned, violations: [violation({ enforcementAction: 'warn' })] },
    },
    'takes the namespace over the policy': {
      judged: judgement([outcome()]),
      rules: rulesOf({
        policies: {
          tags: { enforcementAction: 'deny', namespaces: [{ names: ['shop'], enforcementAction: 'dryrun' }] },
        },
      }),
      is: { violations: [violation({ enforcementAction: 'dryrun' })] },
    },
    'takes the gate over the namespace': {
      judged: judgement([outcome()]),
      rules: rulesOf({
        policies: {
          tags: { gates: { webhook: 'warn' }, namespaces: [{ names: ['shop'], enforcementAction: 'deny' }] },
        },
      }),
      is: {
        allowed: true,
        action: 'warn',
        actions: { ...denies, webhook: 'warn' },
        violations: [violation({ gates: { webhook: 'warn' } })],
      },
    },
    'tells a policy that failed with its own action': {
      judged: judgement([failure]),
      is: {
        ...denied,
        violations: [violation(failureViolation)],
        degraded: [{ code: 'POLICY_FAILED', policy: 'tags', text: failureViolation.message }],
      },
    },
    'tells a policy that was killed, and what the others say': {
      judged: judgement([
        { ...failure, failure: 'POLICY_KILLED' },
        outcome({ card: card({ id: 'other' }), rule: 'warn' }),
      ]),
      is: {
        ...denied,
        violations: [violation({ policy: 'other', enforcementAction: 'warn' }), violation(failureViolation)],
        degraded: [{ code: 'POLICY_KILLED', policy: 'tags', text: failureViolation.message }],
      },
    },
    'does not ratchet a policy that failed': {
      judged: judgement([failure], { request: update, existing: new Set([outcomeKey(failure)]) }),
      is: {
        ...denied,
        subject: subjectOf(update),
        violations: [violation(failureViolation)],
        degraded: [{ code: 'POLICY_FAILED', policy: 'tags', text: failureViolation.message }],
      },
    },
    'warns of an old debt': {
      judged: judgement([outcome()], { request: update, existing: new Set([outcomeKey(outcome())]) }),
      is: {
        ...warned,
        subject: subjectOf(update),
        violations: [violation({ enforcementAction: 'warn', existing: true })],
      },
    },
    'denies an old debt of a policy without ratchet': {
      judged: judgement([outcome({ card: card({ ratchet: false }) })], {
        request: update,
        existing: new Set([outcomeKey(outcome())]),
      }),
      is: { ...denied, subject: subjectOf(update), violations: [violation({ existing: true })] },
    },
    'denies a new violation beside an old debt': {
      judged: judgement([outcome({ finding: { ...outcome().finding, details: 1 } })], {
        request: update,
        existing: new Set([outcomeKey(outcome())]),
      }),
      is: { ...denied, subject: subjectOf(update), violations: [violation({ details: 1 })] },
    },
    'warns at most where the namespace is unknown': {
      judged: judgement([outcome({ assumed: true })], { assumed: true }),
      is: {
        ...warned,
        violations: [violation({ enforcementAction: 'warn' })],
        degraded: [{ code: 'NAMESPACE_UNKNOWN', text: 'the labels of the namespace are not known before the sync' }],
      },
    },
    'warns at most by ratchet policies where the base is unknown': {
      judged: judgement([outcome(), outcome({ card: card({ id: 'strict', ratchet: false }) })], {
        context: contextOf({ base: 'unknown' }),
      }),
      is: {
        ...denied,
        violations: [violation({ policy: 'strict' }), violation({ enforcementAction: 'warn' })],
        degraded: [
          {
            code: 'BASE_UNKNOWN',
            text: 'the live object could not be asked for: judged as new, ratchet policies at most warn',
          },
        ],
      },
    },
    'lets an exception lower to dryrun, and names it': {
      judged: judgement([outcome()]),
      rules: rulesOf({}, [exception()]),
      is: {
        violations: [violation({ enforcementAction: 'dryrun' })],
        exceptions: [
          {
            name: 'let-web',
            policies: ['tags'],
            state: 'applied',
            reason: 'incident',
            notAfter: '2026-06-30T00:00:00Z',
          },
        ],
      },
    },
    'ignores an expired exception, and names it': {
      judged: judgement([outcome()]),
      rules: rulesOf({}, [exception({ notAfter: '2026-05-01T00:00:00Z' })]),
      is: {
        ...denied,
        violations: [violation()],
        exceptions: [
          {
            name: 'let-web',
            policies: ['tags'],
            state: 'expired',
            reason: 'expired at 2026-05-01T00:00:00Z',
            notAfter: '2026-05-01T00:00:00Z',
          },
        ],
      },
    },
    'does not name an exception that it did not touch': {
      judged: judgement([]),
      rules: rulesOf({}, [exception()]),
      is: {},
    },
    'lets an approval turn deny into warn': {
      judged: judgement([outcome()], { context: contextOf({ approvals: [standing()] }) }),
      is: { ...warned, violations: [violation({ enforcementAction: 'warn' })], approvals: [standing()] },
    },
    'does not approve what is not approvable': {
      judged: judgement([outcome({ card: card({ approvable: false }) })], {
        context: contextOf({ approvals: [standing()] }),
      }),
      is: { ...denied, violations: [violation()] },
    },
    'does not take an approval for another subject or past its time': {
      judged: judgement([outcome()], {
        context: contextOf({
          approvals: [standing({ target: 'other' }), standing({ notAfter: '2026-06-01T12:00:00Z' })],
        }),
      }),
      is: { ...denied, violations: [violation()] },
    },
    'denies what is on hold': {
      judged: judgement([], { context: contextOf({ holds: [standing({ name: 'freeze' })] }) }),
      is: {
        ...denied,
        violations: [
          violation({
            policy: 'hold',
            message: 'held by bob: incident 7',
            severity: 'high',
            path: '',
            details: { hold: 'freeze' },
            controls: [],
            docs: '',
          }),
        ],
        holds: [standing({ name: 'freeze' })],
      },
    },
    'warns without a risk score by default': {
      judged: judgement([], { risk: null, riskProblem: 'SCORE_INVALID' }),
      is: {
        ...warned,
        risk: null,
        degraded: [
          { code: 'SCORE_INVALID', text: 'the risk score of this object was unusable: policies alone decided' },
        ],
      },
    },
    'denies without a model where the configuration says so': {
      judged: judgement([], { risk: null, riskProblem: 'MODEL_MISSING' }),
      rules: rulesOf({ risk: { onDegraded: 'deny' } }),
      is: {
        ...denied,
        risk: null,
        degraded: [{ code: 'MODEL_MISSING', text: 'the bundle has no risk model: policies alone decided' }],
      },
    },
    'says that the inventory is partial and leaves the violation': {
      judged: judgement([outcome()], {
        context: contextOf({ related: { objects: [], digest: 'd', complete: false } }),
        relatedUsed: true,
      }),
      is: {
        ...denied,
        violations: [violation()],
        degraded: [{ code: 'INVENTORY_PARTIAL', text: 'the inventory of related objects is incomplete' }],
        inputs: { related: 'd', rarity: null },
      },
    },
    'does not speak of the inventory where no policy looked at it': {
      judged: judgement([outcome()], {
        context: contextOf({ related: { objects: [], digest: 'd', complete: false } }),
      }),
      is: { ...denied, violations: [violation()], inputs: { related: 'd', rarity: null } },
    },
    'says one thing once, with the stronger action': {
      judged: judgement([outcome({ rule: 'warn' }), outcome()]),
      is: { ...denied, violations: [violation()] },
    },
    'offers a remedy': {
      judged: (one => judgement([one], { remedies: new Map([[one, { text: 'add a tag' }]]) }))(outcome()),
      is: { ...denied, violations: [violation({ remedy: { text: 'add a tag' } })] },
    },
  }
  for (const [name, { judged, rules = rulesOf(), is }] of Object.entries(cases)) {
    const decision = decide(judged, rules)
    t.strictSame(decision, expected(is, decision), name)
    t.match(decision.id, /^[0-9a-f]{64}$/)
    t.equal(
      wouldDeny(judged, rules),
      Object.values(decision.actions).includes('deny') && decision.holds.length === 0 && judged.riskProblem === null,
      `${name}: foreseen`,
    )
  }
  t.end()
})

t.test('violations are sorted by severity, policy, path and message', t => {
  const of = (id: string, severity: PolicyCard['severity'], path: string, message: string) =>
    outcome({ card: card({ id, severity }), finding: { message, path, details: null, remedy: null } })
  const sorted = [
    of('z', 'critical', '', 'a'),
    of('a', 'high', '/a', 'a'),
    of('a', 'high', '/b', 'a'),
    of('a', 'high', '/b', 'b'),
    of('b', 'low', '', ''),
  ]
  const { violations } = decide(judgement(sorted.toReversed()), rulesOf())
  t.strictSame(
    violations.map(({ policy, path, message }) => [policy, path, message]),
    sorted.map(({ card, finding }) => [card.id, finding.path, finding.message]),
  )
  t.end()
})

t.test('an id names the judgement, not the gate, the time or the requester', t => {
  const id = (change: Partial<Context>, request = admissionRequest()) =>
    decide(judgement([], { context: contextOf(change), request }), rulesOf()).id
  const base = id({})
  t.equal(id({ gate: 'cli', now: '2027-01-01T00:00:00Z' }), base)
  t.equal(id({}, admissionRequest({ uid: 'other', dryRun: true, userInfo: { username: 'mallory' } })), base)
  t.not(id({ namespace: { labels: { a: 'b' }, annotations: {} } }), base)
  t.not(id({ provenance: { class: 'derived', evidence: [] } }), base)
  t.not(id({ related: { objects: [], digest: 'd', complete: true } }), base)
  t.not(id({ approvals: [], holds: [standing()] }), base)
  t.not(id({}, admissionRequest({ name: 'other' })), base)
  t.end()
})

t.test('a SetDecision adds up', t => {
  const builder = () => createSetBuilder(bundle, 'cli')
  const of = (outcomes: Outcome[]) => decide(judgement(outcomes, { context: contextOf({ gate: 'cli' }) }), rulesOf())
  const empty = builder().finish()
  t.strictSame(empty, {
    id: empty.id,
    allowed: true,
    action: 'allow',
    violations: [],
    errors: [],
    bundle,
    summary: { judged: 0, allowed: 0, warned: 0, denied: 0, errors: 0 },
  })

  const mixed = builder()
  mixed.add(of([]))
  mixed.add(of([outcome({ rule: 'warn' })]))
  mixed.add(of([outcome()]))
  t.strictSame(mixed.finish().summary, { judged: 3, allowed: 1, warned: 1, denied: 1, errors: 0 })
  t.equal(mixed.finish().allowed, false)

  const broken = builder()
  broken.add(of([]))
  broken.addError({ code: 'MANIFEST_SYNTAX', message: 'no', file: 'a.yaml', line: 1 })
  t.equal(broken.finish().allowed, false, 'an error never allows')
  t.equal(broken.finish().action, 'deny')

  const twice = builder()
  const places = [1, 9].map(line => ({
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: 'shop',
    name: 'web',
    file: 'a.yaml',
    line,
  }))
  twice.addViolation(duplicateObjectViolation(places))
  t.equal(twice.finish().action, 'warn')
  t.equal(
    twice.finish().violations[0]?.message,
    'Pod shop/web is defined 2 times (a.yaml:1, a.yaml:9): only the last one would count',
  )
  t.end()
})
