import t from 'tap'
import { configuredCard, DEFAULT_CONFIG, readConfig } from '../../../src/config.js'
import { exceptionsFor, readException, requestName } from '../../../src/exceptions.js'
import type { Problem } from '../../../src/fields.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { readCards } from '../../../src/policy/card.js'
import { admissionRequest } from '../../helpers/requests.js'

const annotations: JsonObject[] = [
  {
    scope: 'package',
    title: 'Tags',
    description: ' Images need tags.\n',
    custom: {
      severity: 'high',
      controls: ['CIS:5.1'],
      match: {
        kinds: [{ apiGroups: [''], kinds: ['Pod'] }],
        labelSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] },
      },
      parameters: { allowed: ['a'], limit: 1 },
    },
  },
]
const manifest: Json = [
  { entrypoint: 'lockkeeper/tags/deny', annotations },
  { entrypoint: 'lockkeeper/tags/warn', annotations },
]
const problemsOf = <T>(read: (problems: Problem[]) => T): { value: T; problems: Problem[] } => {
  const problems: Problem[] = []
  return { value: read(problems), problems }
}
const cards = problemsOf(problems => readCards(manifest, problems)).value

t.test('a card is read from the annotations of its entrypoints', t => {
  t.strictSame(cards, [
    {
      id: 'tags',
      package: 'lockkeeper.tags',
      title: 'Tags',
      description: 'Images need tags.',
      severity: 'high',
      controls: ['CIS:5.1'],
      match: {
        kinds: [{ apiGroups: [''], kinds: ['Pod'] }],
        labelSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] },
      },
      parameters: { allowed: ['a'], limit: 1 },
      ratchet: false,
      stage: 'first',
      scope: 'object',
      approvable: true,
      docs: '',
      rules: ['deny', 'warn'],
    },
  ])
  const bare = problemsOf(problems => readCards([{ entrypoint: 'team/checks/violation' }], problems))
  t.strictSame(bare.problems, [])
  t.equal(bare.value[0]?.severity, 'medium')
  t.equal(bare.value[0]?.ratchet, true, 'severity medium and below is ratcheted')
  t.end()
})

t.test('mistakes in cards are all reported', t => {
  const bad: Json = [
    { entrypoint: 'lockkeeper/a/allow' },
    { module: '/policy.wasm' },
    {
      entrypoint: 'lockkeeper/b/deny',
      annotations: [{ custom: { severity: 'fatal', colour: 'red', match: { kinds: 'Pod' } } }],
    },
    { entrypoint: 'one/c/deny' },
    { entrypoint: 'two/c/deny' },
  ]
  t.strictSame(problemsOf(problems => readCards(bad, problems)).problems, [
    {
      path: '.manifest.wasm[0]',
      message: 'entrypoint lockkeeper/a/allow: only rules named deny, warn or violation can be judged',
    },
    { path: '.manifest.wasm[1]', message: 'has no entrypoint' },
    { path: 'lockkeeper.b.custom.severity', message: 'must be low, medium, high, critical, is "fatal"' },
    { path: 'lockkeeper.b.custom.match.kinds', message: 'must be a list, is "Pod"' },
    { path: 'lockkeeper.b.custom.colour', message: 'is not known here' },
    { path: 'two.c', message: 'policy id c is already taken by one.c' },
  ])
  t.end()
})

t.test('a configuration is read whole', t => {
  const { value, problems } = problemsOf(problems =>
    readConfig(
      {
        apiVersion: 'lockkeeper.dev/v1alpha1',
        kind: 'Config',
        metadata: { name: 'team' },
        policies: {
          tags: {
            enforcementAction: 'warn',
            parameters: { limit: 2 },
            ratchet: true,
            gates: { webhook: 'dryrun' },
            namespaces: [{ names: ['dev-*'], enforcementAction: 'dryrun' }],
          },
        },
        workloads: [{ group: 'batch.example', kind: 'Train', path: '/spec/workers/*/template' }],
        risk: { onDegraded: 'deny' },
        prediction: { userInfo: { username: 'ci', groups: ['system:authenticated'] } },
      },
      cards,
      problems,
    ),
  )
  t.strictSame(problems, [])
  t.strictSame(value, {
    policies: {
      tags: {
        enforcementAction: 'warn',
        parameters: { limit: 2 },
        ratchet: true,
        namespaces: [{ names: ['dev-*'], enforcementAction: 'dryrun' }],
        gates: { webhook: 'dryrun' },
      },
    },
    parameters: {},
    workloads: [{ group: 'batch.example', kind: 'Train', path: '/spec/workers/*/template' }],
    risk: { onDegraded: 'deny' },
    prediction: { userInfo: { username: 'ci', groups: ['system:authenticated'] } },
  })
  const card = cards[0]
  if (card === undefined) throw new Error('the card is missing')
  const configured = configuredCard(card, value)
  t.strictSame(configured.parameters, { allowed: ['a'], limit: 2 }, 'parameters are merged member by member')
  t.equal(configured.ratchet, true)
  t.end()
})

t.test('a parameter for all policies reaches those that have it, and gives way to what one policy is told', t => {
  const read = (value: JsonObject) =>
    problemsOf(problems =>
      readConfig({ apiVersion: 'lockkeeper.dev/v1alpha1', kind: 'Config', ...value }, cards, problems),
    )
  const parametersOf = (value: JsonObject) => {
    const { value: config, problems } = read(value)
    t.strictSame(problems, [])
    return cards.map(card => configuredCard(card, config).parameters)
  }
  t.strictSame(parametersOf({ parameters: { limit: 3 } }), [{ allowed: ['a'], limit: 3 }])
  t.strictSame(parametersOf({ parameters: { limit: 3 }, policies: { tags: { parameters: { limit: 4 } } } }), [
    { allowed: ['a'], limit: 4 },
  ])
  const other = cards.map(card => ({ ...card, parameters: { others: true } }))
  const { value: config } = read({ parameters: { limit: 3 } })
  t.strictSame(
    other.map(card => configuredCard(card, config).parameters),
    [{ others: true }],
    'a policy without the parameter does not get it',
  )
  t.strictSame(read({ parameters: { limits: 3 } }).problems, [
    { path: 'parameters.limits', message: 'no policy has this parameter' },
  ])
  t.end()
})

t.test('every mistake of a configuration is reported with its path', t => {
  const { problems } = problemsOf(problems =>
    readConfig(
      {
        apiVersion: 'v2',
        policies: {
          tags: { enforcementAction: 'block', gates: { door: 'deny' }, namespaces: [{ names: 'dev' }] },
          tagz: {},
        },
        risk: { onDegraded: 'maybe' },
        workloads: [{ group: 1 }],
        colour: true,
      },
      cards,
      problems,
    ),
  )
  const texts = problems.map(({ path, message }) => `${path}: ${message}`)
  for (const expected of [
    'apiVersion: must be lockkeeper.dev/v1alpha1, is "v2"',
    'kind: must be Config, is missing',
    'policies.tags.enforcementAction: must be dryrun, warn, deny, is "block"',
    'policies.tags.gates.door: is not known here',
    'policies.tags.namespaces[0].names: must be a list, is "dev"',
    'policies.tagz: no policy has this id (the bundle has tags)',
    'risk.onDegraded: must be allow, warn, deny, is "maybe"',
    'colour: is not known here',
  ]) {
    t.ok(texts.includes(expected), `${expected} in\n${texts.join('\n')}`)
  }
  t.ok(
    texts.some(text => text.startsWith('workloads')),
    'workloads are checked, too',
  )
  t.equal(problemsOf(problems => readConfig('nothing', cards, problems)).problems[0]?.path, '.')
  t.strictSame(DEFAULT_CONFIG.policies, {})
  t.end()
})

const exception = (change: JsonObject = {}): JsonObject => ({
  apiVersion: 'lockkeeper.dev/v1alpha1',
  kind: 'Exception',
  metadata: { name: 'debug-web' },
  spec: {
    policies: ['tags'],
    scope: { group: '', kind: 'Pod', namespace: 'shop', name: 'web*' },
    reason: 'incident',
    ticket: 'OPS-1',
    owner: 'alice',
    approvedBy: 'bob',
    notAfter: '2026-06-30T00:00:00Z',
    ...change,
  },
})

t.test('an exception has a state at a time', t => {
  const now = '2026-06-01T12:00:00Z'
  const use = (change: JsonObject, at = now) =>
    exceptionsFor([readException(exception(change), 'e.yaml')], admissionRequest(), at)
  const cases: Record<string, { change: JsonObject; at?: string; state: string; reason: string }> = {
    'in force before its time is over': { change: {}, state: 'applied', reason: 'incident' },
    'expired at its very second': { change: { notAfter: now }, state: 'expired', reason: `expired at ${now}` },
    'invalid more than 90 days ahead': {
      change: { notAfter: '2026-09-30T00:00:00Z' },
      state: 'invalid',
      reason: 'spec.notAfter: must be at most 90 days ahead',
    },
    'invalid when approved by its owner': {
      change: { approvedBy: 'alice' },
      state: 'invalid',
      reason: 'spec.approvedBy: must be somebody else than the owner',
    },
    'invalid with two wildcards': {
      change: { scope: { group: '', kind: '*', namespace: 'shop', name: '*' } },
      state: 'invalid',
      reason: 'spec.scope: at most one of group, kind, namespace and name may be a wildcard',
    },
    'invalid without a reason': { change: { reason: ' ' }, state: 'invalid', reason: 'spec.reason: must not be empty' },
    'invalid without a time': {
      change: { notAfter: 'soon' },
      state: 'invalid',
      reason: 'spec.notAfter: must be an RFC 3339 time',
    },
    'invalid without policies': {
      change: { policies: [] },
      state: 'invalid',
      reason: 'spec.policies: must name at least one policy',
    },
  }
  for (const [name, { change, at, state, reason }] of Object.entries(cases)) {
    const [found] = use(change, at)
    t.strictSame(
      { state: found?.state, reason: found?.reason, inForce: found?.inForce },
      { state, reason, inForce: state === 'applied' },
      name,
    )
  }
  t.strictSame(
    use({ scope: { group: '', kind: 'Pod', namespace: 'other', name: 'web' } }),
    [],
    'out of scope: not named',
  )
  t.end()
})

t.test('the name of a request', t => {
  t.equal(requestName(admissionRequest({ name: 'web' })), 'web')
  t.equal(requestName(admissionRequest({ name: '', object: { metadata: { name: 'x' } } })), 'x')
  t.equal(requestName(admissionRequest({ name: '', object: { metadata: { generateName: 'job-' } } })), 'job-*')
  t.equal(requestName(admissionRequest({ name: '', object: null })), '')
  const generated = { metadata: { name: 'job-x2x7k', generateName: 'job-' } }
  t.equal(requestName(admissionRequest({ name: 'job-x2x7k', object: generated })), 'job-*')
  t.equal(requestName(admissionRequest({ name: 'job-mine', object: generated })), 'job-mine', 'a name of its own stays')
  t.end()
})
