import fc from 'fast-check'
import t from 'tap'
import type { Decision, Risk, SetViolation, Violation } from '../../../src/decision-types.js'
import { parseJson } from '../../../src/json.js'
import { createLocator, locateLines } from '../../../src/remedy/locate.js'
import { explainText } from '../../../src/report/explain.js'
import { SetDecisionJson } from '../../../src/report/json.js'
import type { Paint } from '../../../src/report/paint.js'
import { riskLines, waterfallLines } from '../../../src/report/risk-text.js'
import { safeLines, safeText } from '../../../src/report/safe-text.js'
import { decisionText, errorText, setViolationText, summaryText } from '../../../src/report/text.js'
import { waterfallSteps } from '../../../src/report/waterfall-steps.js'

const same = (text: string): string => text
const plain: Paint = { bold: same, dim: same, red: same, yellow: same, green: same, cyan: same }

const bare: Violation = {
  policy: 'privileged_containers',
  message: 'container "debug" is privileged',
  enforcementAction: 'deny',
  severity: 'critical',
  path: '/spec/containers/0/securityContext/privileged',
  details: null,
  controls: ['PSS:baseline'],
  existing: false,
  docs: 'https://example.org/pss',
}

const violation: Violation = {
  ...bare,
  remedy: {
    text: 'set securityContext.privileged to false',
    patch: [{ op: 'replace', path: '/spec/containers/0/securityContext/privileged', value: false }],
  },
}

const decision: Decision = {
  id: 'a1b2c3d4e5f6',
  subject: 'f6e5d4c3b2a1',
  gate: 'cli',
  allowed: false,
  action: 'deny',
  actions: { cli: 'deny', argocd: 'deny', flux: 'deny', webhook: 'deny', audit: 'deny' },
  violations: [violation],
  risk: null,
  anomaly: null,
  provenance: { class: 'approved', evidence: ['predicted'] },
  degraded: [{ code: 'MODEL_MISSING', text: 'no model' }],
  exceptions: [],
  approvals: [],
  holds: [],
  unchanged: false,
  bundle: { digest: `sha256:${'ab'.repeat(32)}`, revision: 'r1' },
  inputs: { related: null, rarity: null },
  resource: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'debug', file: 'apps/debug.yaml', line: 3 },
}

t.test('a denied object says what, where, why and how to fix it', t => {
  t.equal(
    decisionText(decision, plain, new Map([[violation.path, 12]])),
    `✗ Pod shop/debug  apps/debug.yaml:3  DENIED
  ✗ privileged_containers  critical  debug.yaml:12  container "debug" is privileged
      fix: set securityContext.privileged to false
      patch: replace /spec/containers/0/securityContext/privileged = false
`,
  )
  t.end()
})

t.test('denials come before warnings, what is not a line is a pointer, and every kind of addition has its line', t => {
  const until = '2026-02-01T00:00:00Z'
  const text = decisionText(
    {
      ...decision,
      violations: [
        { ...bare, policy: 'a_warning', enforcementAction: 'warn', existing: true, severity: 'low', path: '' },
        {
          ...bare,
          policy: 'denied_here',
          enforcementAction: 'dryrun',
          gates: { cli: 'deny' },
          message: 'two\nlines',
        },
      ],
      risk: {
        score: 0.834,
        band: 'high',
        kind: 'object',
        threshold: 0.7,
        pValue: 0.01,
        contributions: [{ feature: 'hostPath', value: 1, contribution: 2, paths: [], text: 'mounts the host' }],
        model: { digest: 'sha256:00', version: '1' },
      },
      degraded: [{ code: 'POLICY_FAILED', policy: 'broken', text: 'it failed' }],
      exceptions: [
        { name: 'legacy', policies: ['host_ports'], state: 'expired', reason: `expired at ${until}`, notAfter: until },
      ],
      approvals: [{ name: 'ok', target: 'x', by: 'ann', reason: 'tested', notAfter: until }],
      holds: [{ name: 'freeze', target: 'x', by: 'bob', reason: 'release', notAfter: until }],
    },
    plain,
  )
  t.equal(
    text,
    `✗ Pod shop/debug  apps/debug.yaml:3  DENIED
  ✗ denied_here  critical  /spec/containers/0/securityContext/privileged  two
      lines
  ! a_warning  low  container "debug" is privileged (warning) (not new)
    risk 0.83 (high): of harmless ones of this kind, 1.0 % score as high
       −0.39  ▒▒▒▒▒                     everything else
       +2.00  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  mounts the host
       +1.61       ███████████████████  score 0.834
    exception legacy for host_ports: expired and ignored (expired at ${until})
    approved by ann until ${until} (ok: tested)
    held by bob until ${until} (freeze: release)
    note: broken: it failed (POLICY_FAILED)
`,
  )
  t.end()
})

const risk: Risk = {
  score: 0.958,
  band: 'high',
  kind: 'change',
  threshold: 0.41,
  pValue: 0.0004,
  contributions: [
    { feature: 'pod.host_pid', value: 1, contribution: 2.5, paths: ['/spec/hostPID'], text: 'hostPID false → true' },
    { feature: 'pod.privileged', value: 2, contribution: 1.9, paths: ['/a', '/b'], text: 'runs privileged' },
    { feature: 'image.known', value: 1, contribution: -0.7, paths: [], text: 'lowers the risk: is known' },
    { feature: 'pod.x', value: 1, contribution: 0.01, paths: [], text: 'x'.repeat(80) },
  ],
  model: { digest: `sha256:${'cd'.repeat(32)}`, version: '1.2.0' },
  object: { score: 0.3 },
}
const shadowed: Violation = { ...bare, policy: 'risk_threshold', enforcementAction: 'dryrun' }

t.test('a score is told with how it comes about', t => {
  const waterfallOfHigh = [
    '       −0.57  ▒▒▒                       everything else',
    '       +2.50  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒            hostPID false → true',
    '       +1.90                ▒▒▒▒▒▒▒▒▒▒  runs privileged',
    '       −0.70                      ▒▒▒▒  lowers the risk: is known',
    '       +3.13     █████████████████      score 0.958',
  ]
  const waterfallOfLow = [
    '       −1.92  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  everything else',
    `       +0.01  ▒                         ${'x'.repeat(55)}…`,
  ]
  const low = { ...risk, score: 0.129, band: 'low' as const }
  const cases: Record<string, [Partial<Decision>, boolean, string[]]> = {
    'a high score': [
      { risk },
      false,
      ['    risk 0.96 (high): of harmless ones of this kind, fewer than 0.1 % score as high', ...waterfallOfHigh],
    ],
    'an elevated one that is watched only': [
      { risk: { ...risk, band: 'elevated', pValue: 0.012, contributions: [] }, violations: [violation, shadowed] },
      false,
      ['    risk 0.96 (elevated; shadow: not enforced)'],
    ],
    'one that counts somewhere else only': [
      { risk: { ...risk, contributions: [] }, violations: [{ ...shadowed, gates: { webhook: 'deny' } }] },
      false,
      ['    risk 0.96 (high; shadow: not enforced)'],
    ],
    'one that counts here': [
      { risk: { ...risk, contributions: [] }, violations: [{ ...shadowed, gates: { cli: 'warn' } }] },
      false,
      ['    risk 0.96 (high)'],
    ],
    'a low score in a scan': [
      { risk: low },
      false,
      ['    risk 0.13 (low): hostPID false → true; runs privileged; lowers the risk: is known'],
    ],
    'a low score that is asked for': [
      { risk: { ...low, pValue: 0.66, contributions: [] } },
      true,
      ['    risk 0.13 (low)'],
    ],
    'no score': [{ risk: null }, true, []],
  }
  for (const [name, [members, isWhole, expected]] of Object.entries(cases))
    t.strictSame(riskLines({ ...decision, ...members }, plain, isWhole), expected, name)
  const whole = riskLines({ ...decision, risk: { ...low, contributions: risk.contributions.slice(3) } }, plain, true)
  t.strictSame(whole.slice(1, 3), waterfallOfLow)
  t.end()
})

t.test('every step of a waterfall is to be seen, and the steps add up to the score', t => {
  const contribution = fc.record({
    feature: fc.constant('a'),
    value: fc.constant(1),
    contribution: fc.double({ min: -30, max: 30, noNaN: true }),
    paths: fc.constant([]),
    text: fc.string({ unit: 'binary' }),
  })
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(contribution, { maxLength: 5 }),
      (score, contributions) => {
        const steps = waterfallSteps({ score, contributions })
        const lines = waterfallLines({ ...risk, score, contributions }, plain)
        const [total, others] = [steps.at(-1), steps.slice(0, -1)]
        const sum = others.reduce((all, { from, to }) => all + to - from, 0)
        t.ok(Math.abs(sum - (total?.to ?? Number.NaN)) < 1e-6, 'the sum is the score')
        t.ok(
          others.every(({ from }, index) => from === (index === 0 ? 0 : others[index - 1]?.to)),
          'each begins at the last',
        )
        const amounts = contributions.map(each => Math.abs(each.contribution))
        const worthALine = amounts.filter(each => each >= 0.05 * Math.max(...amounts))
        t.equal(lines.length, worthALine.length + 2)
        t.ok(lines.every(line => /^ {6} *[+−][\d.]+ {2}(?=.{24} {2}) *[▒█]+ *(?: |$)/.test(line)))
        // eslint-disable-next-line no-control-regex -- these are the characters that must not be there
        t.notMatch(lines.join(''), /[\u0000-\u001f]/)
      },
    ),
    { numRuns: 200 },
  )
  t.end()
})

t.test('a set violation names all of its objects', t => {
  const setViolation = Object.fromEntries(Object.entries(bare).filter(([key]) => key !== 'existing')) as Omit<
    Violation,
    'existing'
  >
  const twice: SetViolation = {
    ...setViolation,
    policy: 'duplicate_object',
    severity: 'medium',
    message: 'Pod shop/debug is defined 2 times',
    objects: [decision.resource, { ...decision.resource, line: 30 }],
  }
  t.equal(
    setViolationText(twice, 'cli', plain),
    `✗ duplicate_object  medium  Pod shop/debug is defined 2 times
      Pod shop/debug  apps/debug.yaml:3
      Pod shop/debug  apps/debug.yaml:30
`,
  )
  t.end()
})

t.test('the last line of a scan counts, and what is true of many objects is said once', t => {
  const summary = { judged: 4, allowed: 1, warned: 1, denied: 2, errors: 1 }
  t.equal(
    summaryText(
      { summary, bundle: 'built-in, sha256:abab', skipped: 2, degraded: new Map([['MODEL_MISSING', 4]]) },
      plain,
    ),
    `note: the bundle has no risk model: policies alone decided (MODEL_MISSING, 4 objects)
note: 2 files without Kubernetes objects skipped
4 objects judged: 2 denied, 1 allowed with warnings, 1 allowed, 1 error (bundle built-in, sha256:abab)
`,
  )
  const one = { judged: 1, allowed: 1, warned: 0, denied: 0, errors: 0 }
  t.equal(
    summaryText({ summary: one, bundle: 'x', skipped: 0, degraded: new Map() }, plain),
    '1 object judged: 1 allowed (bundle x)\n',
  )
  t.end()
})

t.test('an error has its place once', t => {
  const cases = {
    'the message begins with it': [{ code: 'X', message: 'a.yaml:3: no', file: 'a.yaml', line: 3 }, 'a.yaml:3: no (X)'],
    'the message lacks it': [{ code: 'X', message: 'no', file: 'a.yaml', line: 3 }, 'a.yaml:3: no (X)'],
    'there is none': [{ code: 'X', message: 'no' }, 'no (X)'],
  } as const
  for (const [name, [error, expected]] of Object.entries(cases)) t.equal(errorText(error), expected, name)
  t.end()
})

t.test('explain adds what a scan leaves out', t => {
  t.equal(
    explainText(
      { ...decision, degraded: [], risk: { ...risk, pValue: 0.00041 }, anomaly: { of: 'change', score: 0.7312 } },
      plain,
    )
      .split('\n')
      .slice(10)
      .join('\n'),
    `
at every gate  cli deny, argocd deny, flux deny, webhook deny, audit deny
judged at      cli
provenance     approved (predicted)
bundle         sha256:${'ab'.repeat(32)}, revision r1
id             a1b2c3d4e5f6
subject        f6e5d4c3b2a1
privileged_containers: at /spec/containers/0/securityContext/privileged · PSS:baseline · https://example.org/pss
risk           of the change, elevated from 0.41, p-value 0.00041, the object as it stands 0.30, model 1.2.0 sha256:cdcdcdcdcdcd
  +2.50  pod.host_pid = 1  /spec/hostPID
  +1.90  pod.privileged = 2  /a  /b
  −0.70  image.known = 1
  +0.01  pod.x = 1
unlike others  0.73 of 1, as a change
`,
  )
  t.end()
})

t.test('names and messages cannot move the cursor, hide text or begin a line', t => {
  const nasty = 'a\u001b[2J\r\nx\u202Eb\u0007\u009b1m\ud800\u2028'
  t.equal(safeText(nasty), 'a\\u{1b}[2J\\u{d}\\u{a}x\\u{202e}b\\u{7}\\u{9b}1m\\u{d800}\\u{2028}')
  t.equal(safeLines('one\ttab\r\ntwo\u001b', '  '), 'one  tab\n  two\\u{1b}')
  const text = decisionText(
    {
      ...decision,
      violations: [{ ...violation, message: nasty, policy: nasty, remedy: { text: nasty } }],
      resource: { apiVersion: 'v1', kind: nasty, namespace: nasty, name: nasty, file: nasty },
    },
    plain,
  )
  // eslint-disable-next-line no-control-regex -- these are the characters that must not be there
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      // eslint-disable-next-line no-control-regex -- these are the characters that must not be there
      return !/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e]/.test(safeText(text))
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('a SetDecision is written a Decision at a time and is one JSON value', t => {
  const rest = {
    id: 'set',
    allowed: false,
    action: 'deny',
    violations: [],
    errors: [],
    bundle: decision.bundle,
    summary: { judged: 2, allowed: 0, warned: 0, denied: 2, errors: 0 },
  } as const
  for (const count of [0, 1, 3]) {
    const json = new SetDecisionJson()
    const decisions = Array.from({ length: count }, (_, index) => ({ ...decision, id: `d${index}` }))
    const text = decisions.map(each => json.decision(each)).join('') + json.end(rest)
    t.strictSame(JSON.parse(text), { decisions, ...rest }, `${count} decisions`)
    t.equal(text.split('\n').filter(line => line.startsWith('{"id":"d')).length, count, 'one a line')
  }
  const exact = new SetDecisionJson()
  const details = parseJson('{"n":12345678901234567890}')
  t.match(exact.decision({ ...decision, violations: [{ ...violation, details }] }), '"n":12345678901234567890')
  t.end()
})

const YAML = `# a comment
apiVersion: v1
kind: Pod
metadata:
  name: debug
  annotations:
    "a/b~c": x
spec:
  containers:
    - name: first
      image: nginx
    - name: second
      securityContext: &context
        privileged: true
    - name: third
      securityContext: *context
    - name: fourth
      securityContext:
        <<: *context
        runAsUser: 0
`

t.test('a JSON pointer has the line of its field, or of the nearest parent that exists', t => {
  const cases: Record<string, readonly [string, number]> = {
    'the document itself': ['', 11],
    'a field': ['/spec', 17],
    'an escaped key': ['/metadata/annotations/a~1b~0c', 16],
    'an item of a list': ['/spec/containers/1', 21],
    'a field of an item': ['/spec/containers/0/image', 20],
    'a field behind an alias': ['/spec/containers/2/securityContext/privileged', 23],
    'a merged field': ['/spec/containers/3/securityContext/privileged', 23],
    'a field beside a merge': ['/spec/containers/3/securityContext/runAsUser', 29],
    'a missing field': ['/spec/containers/1/resources/limits', 21],
    'an item that is not there': ['/spec/containers/9', 18],
    'an index that is none': ['/spec/containers/-', 18],
    'a path into a string': ['/kind/x', 12],
    'a name that every JavaScript object has': ['/constructor/__proto__', 11],
  }
  for (const [name, [pointer, line]] of Object.entries(cases)) {
    t.strictSame(locateLines(YAML, 10, [pointer]), new Map([[pointer, line]]), name)
  }
  t.end()
})

t.test('JSON, tabs and broken texts have lines as far as they can be read', t => {
  const json = '{\n\t"spec": {\n\t\t"containers": [\n\t\t\t{"name": "a"},\n\t\t\t{"name": "b"}\n\t\t]\n\t}\n}\n'
  t.strictSame([...locateLines(json, 1, ['/spec/containers/1/name', '/spec/x']).values()], [5, 2])
  t.strictSame([...locateLines('', 1, ['/spec']).values()], [])
  t.equal(createLocator('a: &a\n  <<: *a\n', 1)('/a/b'), 1, 'a mapping that merges itself')
  t.equal(createLocator(`a: "${'x'.repeat(5_000_000)}"`, 1)('/a'), undefined, 'a text that is too long')
  t.end()
})
