import t from 'tap'
import { parse } from 'junit2json'
import type { Decision, SetDecision, SetViolation } from '../../../../src/decision-types.js'
import type { PolicyCard } from '../../../../src/policy/policy-types.js'
import { createGithubReport } from '../../../../src/report/github.js'
import { createJunitReport } from '../../../../src/report/junit.js'
import { createOpenReports } from '../../../../src/report/openreports.js'
import type { Report } from '../../../../src/report/report.js'
import { createSarifReport } from '../../../../src/report/sarif.js'
import { decision, RESOURCE, setEnd, violation } from '../../../helpers/findings.js'

const CARD: PolicyCard = {
  id: 'host_ports',
  package: 'lockkeeper.host_ports',
  title: 'Ports of the node',
  description: 'A container takes a port\n  of the node.\n',
  severity: 'high',
  controls: ['CIS:5.2.13'],
  match: { workloads: true },
  parameters: {},
  ratchet: false,
  stage: 'first',
  scope: 'object',
  approvable: true,
  docs: 'https://docs.example/host-ports',
  rules: ['deny'],
}

const WARNING = violation({
  policy: 'image_tag',
  enforcementAction: 'warn',
  severity: 'low',
  message: 'no tag',
  path: '',
})
const SET_VIOLATION: SetViolation = {
  policy: 'pruned_share',
  message: 'half of the objects would go',
  enforcementAction: 'deny',
  severity: 'critical',
  path: '',
  details: null,
  controls: [],
  docs: '',
  objects: [RESOURCE, { apiVersion: 'v1', kind: 'Namespace', name: 'shop' }],
}
const ERROR = { code: 'MANIFEST_SYNTAX', message: 'this is not YAML', file: 'bad.yaml', line: 3 }

const LINES = new Map([[violation().path, 21]])

function written(
  report: Report,
  decisions: readonly Decision[],
  end: Omit<SetDecision, 'decisions'> = setEnd(),
): string {
  return decisions.map(each => report.decision(each, () => LINES)).join('') + report.end(end, 0)
}

const sarif = (decisions: readonly Decision[], end?: Omit<SetDecision, 'decisions'>) =>
  JSON.parse(written(createSarifReport({ cards: [CARD], version: '1.2.3', gate: 'cli' }), decisions, end)) as {
    runs: [{ tool: unknown; results: Record<string, unknown>[]; invocations: unknown; properties: unknown }]
  }

t.test('sarif: a run has the policies as rules and a result for each violation', t => {
  const exception = {
    name: 'edge',
    policies: ['image_tag'],
    state: 'applied',
    reason: 'moving',
    notAfter: '2026-07-01T00:00:00Z',
  } as const
  const { runs } = sarif([
    decision({ violations: [violation(), { ...WARNING, existing: true }], exceptions: [exception] }),
  ])
  const [{ tool, results, invocations, properties }] = runs
  t.strictSame(tool, {
    driver: {
      name: 'lockkeeper',
      semanticVersion: '1.2.3',
      rules: [
        {
          id: 'host_ports',
          shortDescription: { text: 'Ports of the node' },
          fullDescription: { text: 'A container takes a port of the node.' },
          helpUri: 'https://docs.example/host-ports',
          defaultConfiguration: { level: 'error' },
          properties: { tags: ['security', 'CIS:5.2.13'], 'security-severity': '8.0', 'problem.severity': 'error' },
        },
      ],
    },
  })
  const uri = 'envs/prod%20%26%20test/web.yaml'
  const logicalLocations = [{ fullyQualifiedName: 'Deployment shop/web', kind: 'resource' }]
  const fingerprints = results.map(each => each.partialFingerprints)
  t.strictSame(
    results.map(({ partialFingerprints: _, ...each }) => each),
    [
      {
        ruleId: 'host_ports',
        ruleIndex: 0,
        level: 'error',
        message: { text: 'Deployment shop/web: container "web" takes port 80 of the node (fix: use a Service)' },
        locations: [{ physicalLocation: { artifactLocation: { uri }, region: { startLine: 21 } }, logicalLocations }],
      },
      {
        ruleId: 'image_tag',
        level: 'warning',
        message: { text: 'Deployment shop/web: no tag (fix: use a Service)' },
        locations: [{ physicalLocation: { artifactLocation: { uri }, region: { startLine: 4 } }, logicalLocations }],
        properties: { existing: true },
        suppressions: [
          { kind: 'external', status: 'accepted', justification: 'exception edge until 2026-07-01T00:00:00Z: moving' },
        ],
      },
    ],
  )
  t.strictSame(invocations, [{ executionSuccessful: true }])
  t.strictSame(properties, { bundle: setEnd().bundle, summary: setEnd().summary })
  const [again] = sarif([decision({ resource: { ...RESOURCE, line: 90 } })]).runs[0].results
  t.strictSame(again?.partialFingerprints, fingerprints[0], 'a fingerprint does not change with the lines')
  t.notSame(fingerprints[0], fingerprints[1])
  t.end()
})

t.test('sarif: what is wrong with the whole set, and what could not be judged', t => {
  const { runs } = sarif([], setEnd({ violations: [SET_VIOLATION], errors: [ERROR] }))
  const [{ results, invocations }] = runs
  t.strictSame(
    results.map(({ locations }) => locations),
    [
      [
        {
          physicalLocation: { artifactLocation: { uri: 'envs/prod%20%26%20test/web.yaml' }, region: { startLine: 4 } },
          logicalLocations: [{ fullyQualifiedName: 'Deployment shop/web', kind: 'resource' }],
        },
        { logicalLocations: [{ fullyQualifiedName: 'Namespace shop', kind: 'resource' }] },
      ],
    ],
  )
  t.strictSame(invocations, [
    {
      executionSuccessful: false,
      toolExecutionNotifications: [
        {
          level: 'error',
          message: { text: 'bad.yaml:3: this is not YAML (MANIFEST_SYNTAX)' },
          descriptor: { id: 'MANIFEST_SYNTAX' },
          locations: [{ physicalLocation: { artifactLocation: { uri: 'bad.yaml' }, region: { startLine: 3 } } }],
        },
      ],
    },
  ])
  t.strictSame(sarif([]).runs[0].results, [], 'nothing found is a log without results')
  t.end()
})

t.test('github: an annotation for each violation, escaped as the runner reads it', t => {
  const odd = violation({ message: '100% of ports,\nsays: ::error::', remedy: undefined as never })
  const text = written(
    createGithubReport('cli'),
    [decision({ violations: [odd, WARNING, { ...WARNING, enforcementAction: 'dryrun' }] })],
    setEnd({ violations: [SET_VIOLATION], errors: [ERROR] }),
  )
  const place = 'file=envs/prod & test/web.yaml'
  t.strictSame(text.split('\n'), [
    `::error ${place},line=21,title=host_ports%3A Deployment shop/web::100%25 of ports,\\u{a}says: ::error::`,
    `::warning ${place},line=4,title=image_tag%3A Deployment shop/web::no tag (fix: use a Service)`,
    `::notice ${place},line=4,title=image_tag%3A Deployment shop/web::no tag (fix: use a Service)`,
    '::error title=pruned_share%3A Namespace shop::half of the objects would go',
    '::error file=bad.yaml,line=3,title=MANIFEST_SYNTAX::this is not YAML (MANIFEST_SYNTAX)',
    'lockkeeper: 1 judged, 1 denied, 0 allowed with warnings, 1 error',
    '',
  ])
  t.end()
})

t.test('junit: a suite for each file, a failed case for each denied object', async t => {
  const hold = { name: 'freeze', target: 's1', by: 'ann', reason: 'audit <2026>', notAfter: '2026-07-01T00:00:00Z' }
  const text = written(
    createJunitReport('cli'),
    [
      decision({ violations: [violation({ message: 'a "quoted" <b> & \u0007bell' }), WARNING] }),
      decision({ action: 'warn', violations: [WARNING], resource: { ...RESOURCE, file: 'other.yaml', name: 'api' } }),
      decision({ action: 'deny', violations: [], holds: [hold], resource: { ...RESOURCE, name: 'held' } }),
    ],
    setEnd({ violations: [SET_VIOLATION], errors: [ERROR] }),
  )
  const report = JSON.parse(JSON.stringify(await parse(text))) as Record<string, unknown>
  const file = 'envs/prod & test/web.yaml'
  const denial = '[host_ports] a "quoted" <b> & \\u{7}bell (fix: use a Service)'
  t.strictSame(report, {
    name: 'lockkeeper',
    tests: 5,
    failures: 3,
    errors: 1,
    testsuite: [
      {
        name: file,
        tests: 2,
        failures: 2,
        errors: 0,
        testcase: [
          {
            name: 'Deployment shop/web',
            classname: file,
            failure: [{ message: denial, type: 'denied', inner: denial }],
            'system-out': ['[image_tag] no tag (fix: use a Service)'],
          },
          {
            name: 'Deployment shop/held',
            classname: file,
            failure: [
              {
                message: '[hold] held by ann (freeze: audit <2026>)',
                type: 'denied',
                inner: '[hold] held by ann (freeze: audit <2026>)',
              },
            ],
          },
        ],
      },
      {
        name: 'other.yaml',
        tests: 1,
        failures: 0,
        errors: 0,
        testcase: [
          {
            name: 'Deployment shop/api',
            classname: 'other.yaml',
            'system-out': ['[image_tag] no tag (fix: use a Service)'],
          },
        ],
      },
      {
        name: 'the whole set',
        tests: 1,
        failures: 1,
        errors: 0,
        testcase: [
          {
            name: 'pruned_share',
            classname: 'the whole set',
            failure: [
              {
                message: '[pruned_share] half of the objects would go',
                type: 'denied',
                inner: '[pruned_share] half of the objects would go',
              },
            ],
          },
        ],
      },
      {
        name: 'bad.yaml',
        tests: 1,
        failures: 0,
        errors: 1,
        testcase: [
          {
            name: 'MANIFEST_SYNTAX',
            classname: 'bad.yaml',
            error: [{ message: 'bad.yaml:3: this is not YAML (MANIFEST_SYNTAX)', type: 'MANIFEST_SYNTAX' }],
          },
        ],
      },
    ],
  })
})

t.test('openreports: a report for each object, and one for what is about none of them', t => {
  const failed = { code: 'POLICY_FAILED', policy: 'image_tag', text: 'it ended with an error' } as const
  const report = createOpenReports({ gate: 'cli', now: '2026-06-01T12:00:00Z' })
  const text = written(
    report,
    [
      decision({ violations: [violation({ existing: true }), WARNING], degraded: [failed] }),
      decision({ id: 'd2', violations: [], resource: { apiVersion: 'v1', kind: 'Namespace', name: 'shop' } }),
    ],
    setEnd({ violations: [SET_VIOLATION], errors: [ERROR] }),
  )
  const { items, ...list } = JSON.parse(text) as { items: { metadata: { name: string } }[] }
  t.strictSame(list, { apiVersion: 'v1', kind: 'List' })
  const names = items.map(({ metadata }) => metadata.name)
  for (const name of names) t.match(name, /^lockkeeper-[0-9a-f]{32}$/)
  t.equal(new Set(names).size, 3)
  const timestamp = { seconds: 1_780_315_200, nanos: 0 }
  const labels = { 'app.kubernetes.io/managed-by': 'lockkeeper' }
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' }
  const header = { apiVersion: 'openreports.io/v1alpha1', source: 'lockkeeper' }
  t.strictSame(items, [
    {
      ...header,
      kind: 'Report',
      metadata: { name: names[0], namespace: 'shop', labels, annotations: { 'lockkeeper.dev/decision': 'd1' } },
      scope: deployment,
      summary: { pass: 0, fail: 1, warn: 0, error: 1, skip: 0 },
      results: [
        {
          policy: 'host_ports',
          result: 'fail',
          severity: 'high',
          scored: true,
          message: 'container "web" takes port 80 of the node',
          timestamp,
          properties: {
            enforcementAction: 'deny',
            path: violation().path,
            controls: 'PSS:baseline:hostPorts, CIS:5.2.13',
            docs: 'https://docs.example/host-ports',
            fix: 'use a Service',
            existing: 'true',
          },
        },
        {
          policy: 'image_tag',
          result: 'error',
          severity: 'low',
          scored: false,
          message: 'no tag',
          timestamp,
          properties: {
            enforcementAction: 'warn',
            controls: 'PSS:baseline:hostPorts, CIS:5.2.13',
            docs: 'https://docs.example/host-ports',
            fix: 'use a Service',
          },
        },
      ],
    },
    {
      ...header,
      kind: 'ClusterReport',
      metadata: { name: names[1], labels, annotations: { 'lockkeeper.dev/decision': 'd2' } },
      scope: { apiVersion: 'v1', kind: 'Namespace', name: 'shop' },
      summary: { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 },
      results: [],
    },
    {
      ...header,
      kind: 'ClusterReport',
      metadata: { name: names[2], labels, annotations: {} },
      summary: { pass: 0, fail: 1, warn: 0, error: 1, skip: 0 },
      results: [
        {
          policy: 'pruned_share',
          result: 'fail',
          severity: 'critical',
          scored: true,
          message: 'half of the objects would go',
          timestamp,
          resources: [deployment, { apiVersion: 'v1', kind: 'Namespace', name: 'shop' }],
          properties: { enforcementAction: 'deny' },
        },
        {
          policy: 'MANIFEST_SYNTAX',
          result: 'error',
          scored: false,
          message: 'bad.yaml:3: this is not YAML (MANIFEST_SYNTAX)',
          timestamp,
        },
      ],
    },
  ])
  t.strictSame(JSON.parse(createOpenReports({ gate: 'cli', now: '2026-06-01T12:00:00Z' }).end(setEnd(), 0)), {
    apiVersion: 'v1',
    kind: 'List',
    items: [],
  })
  t.end()
})
