import t from 'tap'
import picocolors from 'picocolors'
import { checkInstallation } from '../../../doctor/checks/installation.js'
import type { InstallationFacts } from '../../../doctor/facts.js'
import { exitCodeOf, type Finding, type Level, summarize } from '../../../doctor/finding.js'
import { doctorJson, doctorText } from '../../../doctor/report.js'

const plain = picocolors.createColors(false)

function finding(id: Finding['id'], level: Level, more: Partial<Finding> = {}): Finding {
  return { id, level, title: `title of ${id}`, detail: '', fix: '', ...more }
}

const findings: readonly Finding[] = [
  finding('cluster.version', 'ok', { detail: 'not shown' }),
  finding('coverage.left-out', 'info'),
  finding('registration.timeout', 'warn', { detail: 'one\ntwo', fix: 'kubectl first\nthen this' }),
  finding('registration.origin', 'ok'),
  finding('coverage.resources', 'warn', { title: 'a \u001b[31mred\u001b[0m name' }),
  finding('certificate.leaf', 'error', { fix: 'kubectl again' }),
  finding('certificate.authority', 'ok'),
]

t.test('the text has the worst first, in areas and among them', t => {
  t.equal(
    doctorText(findings, plain),
    `Certificate
  ✗ title of certificate.leaf  [certificate.leaf]
      fix: kubectl again
  ✓ title of certificate.authority  [certificate.authority]

Registration: is the gate asked, and heeded?
  ! title of registration.timeout  [registration.timeout]
      one
      two
      fix: kubectl first
           then this
  ✓ title of registration.origin  [registration.origin]

Coverage: what is sent to it, and what is not?
  ! a \\u{1b}[31mred\\u{1b}[0m name  [coverage.resources]
  i title of coverage.left-out  [coverage.left-out]

The cluster
  ✓ title of cluster.version  [cluster.version]

1 error, 2 warnings, 1 note, 3 fine
`,
  )
  t.match(doctorText(findings, picocolors.createColors(true)), '\u001b[31m✗\u001b[39m title of certificate.leaf')
  t.end()
})

t.test('the JSON is one object, the same for the same findings in any order', t => {
  const text = doctorJson(findings, '1.2.3')
  t.equal(text, doctorJson([...findings].reverse(), '1.2.3'))
  const { version, summary, findings: written } = JSON.parse(text) as Record<string, Finding[]>
  t.strictSame([version, summary], ['1.2.3', { ok: 3, info: 1, warn: 2, error: 1 }])
  t.strictSame(
    written?.map(({ id }) => id),
    [
      'certificate.leaf',
      'coverage.resources',
      'registration.timeout',
      'coverage.left-out',
      'certificate.authority',
      'cluster.version',
      'registration.origin',
    ],
  )
  t.strictSame(Object.keys(written?.[0] ?? {}), ['id', 'level', 'title', 'detail', 'fix'])
  t.end()
})

t.test('exit codes', t => {
  const codes = (levels: readonly Level[]) =>
    [false, true].map(failOnWarn => exitCodeOf(summarize(levels.map(each => finding('access.x', each))), failOnWarn))
  t.strictSame(codes(['ok', 'info']), [0, 0])
  t.strictSame(codes(['ok', 'warn']), [0, 3])
  t.strictSame(codes(['warn', 'error']), [1, 1])
  t.end()
})

const installation: InstallationFacts = {
  version: '0.1.0',
  nodeVersion: 'v20.19.0',
  nowMs: Date.UTC(2026, 0, 1),
  bundle: {
    name: 'built-in',
    digest: 'sha256:0123456789abcdef',
    revision: 'r1',
    policies: 2,
    signed: true,
    exceptions: [{ name: 'valid', invalid: null, notAfter: '2026-01-02T00:00:00Z' }],
  },
  missingPrograms: [],
}
const BUNDLE = {
  title: 'The bundle built-in can judge: 2 policies',
  detail: 'sha256:0123456789ab, revision r1, signed',
}
const NODE = finding('installation.node', 'ok', { title: 'lockkeeper 0.1.0 runs on Node v20.19.0' })
const PROGRAMS = finding('installation.programs', 'ok', { title: 'kustomize and helm are there to render with' })
const FINE = finding('installation.bundle', 'ok', BUNDLE)

const installations: Record<string, { change: Partial<InstallationFacts>; expected: readonly Finding[] }> = {
  'everything is there': { change: {}, expected: [NODE, FINE, PROGRAMS] },
  'Node is too old by its minor version': {
    change: { nodeVersion: 'v20.18.9' },
    expected: [
      finding('installation.node', 'error', {
        title: 'lockkeeper 0.1.0 runs on Node v20.18.9',
        detail: 'It is not tested on versions before this one.',
        fix: 'Install Node 20.19 or newer.',
      }),
      FINE,
      PROGRAMS,
    ],
  },
  'Node is newer': {
    change: { nodeVersion: 'v22.0.0' },
    expected: [{ ...NODE, title: 'lockkeeper 0.1.0 runs on Node v22.0.0' }, FINE, PROGRAMS],
  },
  'the bundle cannot be used': {
    change: { bundle: { name: './mine', error: 'no policy.wasm (BUNDLE_INVALID)' } },
    expected: [
      NODE,
      finding('installation.bundle', 'error', {
        title: 'The bundle ./mine cannot be used',
        detail: 'no policy.wasm (BUNDLE_INVALID)',
        fix: 'lockkeeper bundle inspect ./mine',
      }),
      PROGRAMS,
    ],
  },
  'exceptions have ended or were never in force, and a program is missing': {
    change: {
      bundle: {
        name: 'built-in',
        digest: 'sha256:0123456789abcdef',
        revision: 'r1',
        policies: 2,
        signed: false,
        exceptions: [
          { name: 'ended', invalid: null, notAfter: '2026-01-01T00:00:00Z' },
          { name: 'wrong', invalid: 'spec.owner: is missing', notAfter: '' },
          { name: 'valid', invalid: null, notAfter: '2026-01-01T00:00:01Z' },
        ],
      },
      missingPrograms: ['helm'],
    },
    expected: [
      NODE,
      { ...FINE, detail: 'sha256:0123456789ab, revision r1, not signed' },
      finding('installation.exceptions', 'warn', {
        title: 'Exceptions of the bundle are not in force',
        detail: 'ended: ended 2026-01-01T00:00:00Z\nwrong: spec.owner: is missing',
        fix: 'Remove them from lockkeeper/exceptions of the bundle, or give them a new notAfter.',
      }),
      finding('installation.programs', 'info', {
        title: 'Not on PATH: helm',
        detail: 'scan cannot judge directories that need them; no gate in a cluster does.',
        fix: 'Install them, or name them with --kustomize and --helm.',
      }),
    ],
  },
}

for (const [name, { change, expected }] of Object.entries(installations)) {
  t.test(name, t => {
    t.strictSame(checkInstallation({ ...installation, ...change }), expected)
    t.end()
  })
}
