import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { denialText, errorsText, warningText } from '../../../../plugin/argocd/denial.js'
import { redactLikely, secretRedaction } from '../../../../src/redaction.js'
import type { Action, Decision, Risk, SetDecision, SetViolation, Violation } from '../../../../src/decision-types.js'

const CONTEXT = { seeAll: 'lockkeeper scan apps/shop (at 01234567)', redact: (text: string) => text }

function violation(policy: string, message: string, more: Partial<Violation> = {}): Violation {
  return {
    policy,
    message,
    enforcementAction: 'deny',
    severity: 'high',
    path: '',
    details: null,
    controls: [],
    existing: false,
    docs: '',
    ...more,
  }
}

function decision(
  name: string,
  action: Action,
  violations: readonly Violation[],
  more: Partial<Decision> = {},
): Decision {
  const actions = { cli: action, argocd: action, flux: action, webhook: action, audit: action }
  return {
    id: '',
    subject: '',
    gate: 'argocd',
    allowed: action !== 'deny',
    action,
    actions,
    violations,
    risk: null,
    anomaly: null,
    provenance: { class: 'approved', evidence: [] },
    degraded: [],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle: { digest: '', revision: '' },
    inputs: { related: null, rarity: null },
    resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name },
    ...more,
  }
}

function set(decisions: readonly Decision[], violations: readonly SetViolation[] = []): SetDecision {
  const summary = { judged: decisions.length, allowed: 0, warned: 0, denied: 0, errors: 0 }
  return {
    id: '',
    allowed: false,
    action: 'deny',
    decisions,
    violations,
    errors: [],
    bundle: { digest: '', revision: '' },
    summary,
  }
}

const RISK: Risk = {
  score: 0.91,
  band: 'high',
  kind: 'object',
  threshold: 0.8,
  pValue: 0.01,
  contributions: [{ feature: 'f', value: 1, contribution: 2, paths: [], text: 'shares the node' }],
  model: { digest: '', version: '' },
}
const { docs: _docs, existing: _existing, ...OF_SET } = violation('spread', 'too many replicas on one node')

t.test('the verdict with its object and policy comes first, then fixes, the risk and the warnings of nobody', t => {
  const decisions = [
    decision('cart', 'allow', []),
    decision(
      'payments',
      'deny',
      [
        violation('host_ports', 'container "web"\nopens port 80', { remedy: { text: 'remove hostPort' } }),
        violation('image_tag', 'is latest', { enforcementAction: 'warn' }),
      ],
      { risk: RISK },
    ),
    decision('orders', 'deny', [violation('capabilities', 'adds SYS_ADMIN')], { risk: { ...RISK, score: 0.5 } }),
  ]
  t.equal(
    denialText(set(decisions), 'deny', CONTEXT),
    `denied: Deployment shop/payments: [host_ports] container "web" opens port 80
    fix: remove hostPort
  Deployment shop/orders: [capabilities] adds SYS_ADMIN
risk 0.91 high (threshold 0.80, Deployment shop/payments): shares the node
`,
  )
  t.end()
})

t.test('what is wrong with the whole set comes before its objects', t => {
  const objects = [1, 2].map(each => ({ apiVersion: 'v1', kind: 'Pod', name: `p${each}` }))
  const text = denialText(set([decision('a', 'allow', [])], [{ ...OF_SET, docs: '', objects }]), 'deny', CONTEXT)
  t.equal(text, 'denied: Pod p1 and 1 other: [spread] too many replicas on one node\n')
  t.end()
})

t.test('a degraded judgement that denies is said as such', t => {
  const degraded = [{ code: 'MODEL_MISSING' as const, text: 'there is no model' }]
  t.equal(
    denialText(set([decision('a', 'deny', [], { degraded })]), 'deny', CONTEXT),
    'denied: Deployment shop/a: [MODEL_MISSING] there is no model\n',
  )
  t.end()
})

t.test('what does not fit is counted, and how to see it is said', t => {
  const many = Array.from({ length: 40 }, (_, index) =>
    decision(`a${index}`, 'deny', [violation('p', 'm', { remedy: { text: 'f' } })]),
  )
  const lines = denialText(set(many), 'deny', CONTEXT).trimEnd().split('\n')
  t.equal(lines.length, 19)
  t.equal(lines[0], 'denied: Deployment shop/a0: [p] m')
  t.equal(lines.at(-1), 'and 31 more; to see all of it: lockkeeper scan apps/shop (at 01234567)')
  t.end()
})

t.test('warnings are counted; without any nothing is said', t => {
  const warned = decision('a', 'warn', [violation('image_tag', 'is latest', { enforcementAction: 'warn' })])
  t.equal(
    warningText(set([warned]), CONTEXT),
    'allowed with 1 warning (1 object)\n  Deployment shop/a: [image_tag] is latest\n',
  )
  t.equal(warningText(set([decision('a', 'allow', [])]), CONTEXT), '')
  t.end()
})

t.test('errors say their place once', t => {
  const errors = [
    { code: 'MANIFEST_SYNTAX', message: 'is not YAML', file: 'a.yaml', line: 3 },
    { code: 'RENDER_FAILED', message: 'b.yaml: is wrong', file: 'b.yaml' },
  ]
  t.equal(
    errorsText(errors, CONTEXT),
    'could not judge: a.yaml:3: is not YAML (MANIFEST_SYNTAX)\n  b.yaml: is wrong (RENDER_FAILED)\n',
  )
  t.end()
})

t.test('never more than 20 lines and 4 KiB, never a control character, and the verdict first', t => {
  const anyText = fc.string({ unit: 'binary', maxLength: 700 })
  fc.assert(
    fc.property(
      fc.array(fc.record({ name: anyText, message: anyText, fix: anyText }), { minLength: 1, maxLength: 30 }),
      all => {
        const decisions = all.map(({ name, message, fix }) =>
          decision(name, 'deny', [violation('p', message, { remedy: { text: fix } })], { risk: RISK }),
        )
        const text = denialText(set(decisions), 'deny', CONTEXT)
        return (
          Buffer.byteLength(text) <= 4_096 &&
          text.split('\n').length - 1 <= 20 &&
          text.startsWith('denied: Deployment shop/') &&
          !/[\p{Cc}\p{Cf}]/u.test(text.replaceAll('\n', ''))
        )
      },
    ),
    { numRuns: 60 },
  )
  t.end()
})

const SECRET = {
  apiVersion: 'v1',
  kind: 'Secret',
  stringData: { a: 'pass-word', b: 'two\nlines-here' },
  data: { c: Buffer.from('decoded-value').toString('base64') },
}

t.test('the values of Secrets are taken out, written and decoded', t => {
  const redact = secretRedaction([SECRET])
  t.equal(
    redact(`"pass-word", two\\nlines-here, lines-here, ${SECRET.data.c} and decoded-value`),
    '"[redacted]", [redacted], [redacted], [redacted] and [redacted]',
  )
  t.equal(secretRedaction([{ ...SECRET, kind: 'ConfigMap' }])('pass-word'), 'pass-word')
  t.end()
})

const likely: Record<string, readonly [text: string, shown: string]> = {
  'a value behind a telling name': [
    'password: hunter2, DB_TOKEN="x y" and "apiKey": \'k\'',
    'password: [redacted], DB_TOKEN=[redacted] and "apiKey": [redacted]',
  ],
  'credentials in an address': [
    'git clone https://user:pw@example.com/x',
    'git clone https://[redacted]@example.com/x',
  ],
  'a private key': ['-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----!', '[redacted]!'],
  'a bearer': ['Authorization: Bearer abcdefgh12345', 'Authorization: Bearer [redacted]'],
  'long base64': [`x ${'Ab1+'.repeat(16)}== y`, 'x [redacted] y'],
  'a digest stays': [`image@sha256:${'0f'.repeat(32)}`, `image@sha256:${'0f'.repeat(32)}`],
  'a sentence stays': [
    'the Secret payments has no key: see values.yaml',
    'the Secret payments has no key: see values.yaml',
  ],
}
for (const [name, [text, shown]] of Object.entries(likely)) {
  t.test(`what tools quote: ${name}`, t => {
    t.equal(redactLikely(text), shown)
    t.end()
  })
}
