import fc from 'fast-check'
import t from 'tap'
import { auditContext, auditRequest } from '../../../../controller/audit/audit-request.js'
import { auditedKinds } from '../../../../controller/audit/audited-kinds.js'
import { JudgingQueue } from '../../../../src/io/judging-queue.js'
import { buildReport, reportDigest, reportName } from '../../../../controller/audit/report-object.js'
import type { Decision, Violation } from '../../../../src/decision-types.js'
import { type JsonObject, parseJson, stringifyJson } from '../../../../src/json.js'
import type { Match, PolicyCard } from '../../../../src/policy/policy-types.js'
import { WORKLOADS } from '../../../../src/workload.js'
import { settle } from '../../../helpers/fake-clock.js'

function card(match: Match, scope: PolicyCard['scope'] = 'object'): PolicyCard {
  return {
    id: 'policy',
    package: 'lockkeeper.policy',
    title: '',
    description: '',
    severity: 'high',
    controls: [],
    match,
    parameters: {},
    ratchet: false,
    stage: 'first',
    scope,
    approvable: true,
    docs: '',
    rules: ['deny'],
  }
}

const READ = ['get', 'list', 'watch']
/** `group/version resource Kind scope`, with other verbs behind. */
function served(...lines: string[]) {
  const resources = lines.map(line => {
    const [groupVersion = '', resource = '', kind = '', scope = '', ...verbs] = line.split(' ')
    const [group = '', version = ''] = groupVersion.split('/')
    return {
      group,
      version,
      resource,
      kind,
      namespaced: scope === 'Namespaced',
      verbs: verbs.length === 0 ? READ : verbs,
      subresources: [],
    }
  })
  const groups = [...new Set(resources.map(({ group }) => group))].map(group => {
    const versions = resources.filter(each => each.group === group).map(({ version }) => version)
    return { group, versions, preferredVersion: versions[0] ?? '' }
  })
  return { groups, resources }
}

t.test('which kinds are audited', t => {
  const cluster = served(
    '/v1 pods Pod Namespaced',
    '/v1 secrets Secret Namespaced',
    '/v1 events Event Namespaced',
    '/v1 bindings Binding Namespaced create',
    'apps/v1 deployments Deployment Namespaced',
    'autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler Namespaced',
    'autoscaling/v1 horizontalpodautoscalers HorizontalPodAutoscaler Namespaced',
    'coordination.k8s.io/v1 leases Lease Namespaced',
    'metrics.k8s.io/v1 pods PodMetrics Namespaced get list',
    'openreports.io/v1alpha1 reports Report Namespaced',
    'rbac.authorization.k8s.io/v1 clusterroles ClusterRole Cluster',
    'example.dev/v2 gates Gate Namespaced get',
    'example.dev/v1 gates Gate Namespaced',
  )
  const all = [{ apiGroups: ['*'], kinds: ['*'] }]
  const kinds = (apiGroup: string, ...names: string[]) => [{ apiGroups: [apiGroup], kinds: names }]
  const everything = [
    '/v1 pods',
    '/v1 secrets',
    'apps/v1 deployments',
    'autoscaling/v2 horizontalpodautoscalers',
    'example.dev/v1 gates',
    'rbac.authorization.k8s.io/v1 clusterroles',
  ]
  const cases: Record<string, { cards: PolicyCard[]; expected: string[] }> = {
    'no policy': { cards: [], expected: [] },
    'a kind that is named': { cards: [card({ kinds: kinds('', 'Secret', 'Ingress') })], expected: ['/v1 secrets'] },
    'every workload that the cluster has': {
      cards: [card({ workloads: true })],
      expected: ['/v1 pods', 'apps/v1 deployments'],
    },
    'all kinds in the version the server prefers, but for those that change all the time, reports, and what cannot be watched':
      {
        cards: [card({ kinds: all })],
        expected: everything,
      },
    'a policy that names no kinds means all': { cards: [card({})], expected: everything },
    'what changes all the time, when it is named': {
      cards: [card({ kinds: kinds('*', 'Event') }), card({ kinds: kinds('coordination.k8s.io', 'Lease') })],
      expected: ['/v1 events', 'coordination.k8s.io/v1 leases'],
    },
    'cluster-scoped kinds only': {
      cards: [card({ kinds: all, scope: 'Cluster' })],
      expected: ['rbac.authorization.k8s.io/v1 clusterroles'],
    },
    'namespaced kinds only': {
      cards: [card({ kinds: all, scope: 'Namespaced' })],
      expected: everything.slice(0, -1),
    },
    'not what is only about deletions, changes or subresources, nor what judges whole sets': {
      cards: [
        card({ kinds: all, operations: ['DELETE', 'UPDATE'] }),
        card({ kinds: kinds('', 'Pod'), subResources: ['exec'] }),
        card({ kinds: all }, 'changeset'),
      ],
      expected: [],
    },
    'every operation and every subresource includes the object itself': {
      cards: [card({ kinds: kinds('', 'Pod'), operations: ['*'], subResources: ['*'] })],
      expected: ['/v1 pods'],
    },
  }
  for (const [name, { cards, expected }] of Object.entries(cases)) {
    const found = auditedKinds(cards, WORKLOADS, cluster)
    t.strictSame(
      found.map(({ group, version, resource }) => `${group}/${version} ${resource}`),
      expected,
      name,
    )
  }
  t.strictSame(auditedKinds([card({ kinds: kinds('', 'Pod') })], WORKLOADS, cluster), [
    { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true },
  ])
  t.end()
})

t.test('a live object is judged as if it were created now', t => {
  const gate = { apiVersion: 'example.dev/v1', kind: 'Gate', metadata: { name: 'north', namespace: 'shop' } }
  const kind = { group: 'example.dev', version: 'v1', resource: 'gatesets', kind: 'Gate', namespaced: true }
  const resource = { group: 'example.dev', version: 'v1', resource: 'gatesets' }
  t.match(auditRequest(gate, kind, { username: 'deployer' }), {
    operation: 'CREATE',
    resource,
    requestResource: resource,
    namespace: 'shop',
    userInfo: { username: 'deployer' },
    oldObject: null,
  })
  t.strictSame(auditContext(new Date('2026-06-01T12:00:00.789Z'), null), {
    gate: 'audit',
    now: '2026-06-01T12:00:00Z',
    namespace: null,
    base: 'known',
    related: null,
    provenance: { class: 'approved', evidence: ['predicted'] },
    holds: [],
    approvals: [],
    rarity: null,
  })
  t.end()
})

const UID = '0b8e4a2c-52a1-4c55-9f0e-9a4f6a1f2d11'
const NOW = '2026-06-01T12:00:00Z'

function violation(change: Partial<Violation> = {}): Violation {
  return {
    policy: 'host_ports',
    message: 'container "web" takes port 80 of the node',
    enforcementAction: 'deny',
    severity: 'high',
    path: '/spec/containers/0/ports/0/hostPort',
    details: {},
    controls: ['CIS:5.2.13', 'PSS:baseline'],
    existing: false,
    docs: '',
    ...change,
  }
}

function decision(change: Partial<Decision> = {}): Decision {
  return {
    id: 'd1',
    subject: 's1',
    gate: 'audit',
    allowed: false,
    action: 'deny',
    actions: { cli: 'deny', argocd: 'deny', flux: 'deny', webhook: 'deny', audit: 'deny' },
    violations: [violation(), violation({ policy: 'image_tag', enforcementAction: 'warn', message: 'no tag' })],
    risk: null,
    anomaly: null,
    provenance: { class: 'approved', evidence: [] },
    degraded: [],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle: { digest: 'sha256:1', revision: 'r' },
    inputs: { related: null, rarity: null },
    resource: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web' },
    ...change,
  }
}

const POD = { namespace: 'shop', name: 'web', uid: UID }

t.test('a report', async t => {
  const timestamp = { seconds: 1_780_315_200, nanos: 0 }
  const score = { riskScore: '0.912', riskBand: 'high' }
  const results = [
    {
      policy: 'host_ports',
      result: 'fail',
      severity: 'high',
      scored: true,
      message: 'container "web" takes port 80 of the node',
      timestamp,
      properties: {
        enforcementAction: 'deny',
        path: '/spec/containers/0/ports/0/hostPort',
        controls: 'CIS:5.2.13, PSS:baseline',
        ...score,
      },
    },
    {
      policy: 'image_tag',
      result: 'warn',
      severity: 'high',
      scored: false,
      message: 'no tag',
      timestamp,
      properties: {
        enforcementAction: 'warn',
        path: '/spec/containers/0/ports/0/hostPort',
        controls: 'CIS:5.2.13, PSS:baseline',
        ...score,
      },
    },
  ]
  const risk: Decision['risk'] = {
    score: 0.9123,
    band: 'high',
    kind: 'object',
    threshold: 0.8,
    pValue: 0.01,
    contributions: [],
    model: { digest: 'sha256:2', version: '1' },
  }
  const labels = { 'app.kubernetes.io/managed-by': 'lockkeeper', 'app.kubernetes.io/component': 'audit' }
  const annotations = { 'lockkeeper.dev/decision': 'd1' }
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: UID }
  const summary = { pass: 0, fail: 1, warn: 1, error: 0, skip: 0 }

  await t.test('in OpenReports', t => {
    t.strictSame(plain(buildReport('openreports', POD, decision({ risk }), NOW)), {
      apiVersion: 'openreports.io/v1alpha1',
      kind: 'Report',
      metadata: { name: `lockkeeper-${UID}`, namespace: 'shop', labels, annotations, ownerReferences: [owner] },
      source: 'lockkeeper',
      scope: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web', uid: UID },
      summary,
      results,
    })
    t.end()
  })
  await t.test('of a cluster-scoped object in the API of the policy working group', t => {
    const resource = { apiVersion: 'v1', kind: 'Namespace', namespace: 'shop', name: 'shop' }
    const namespace = { namespace: '', name: 'shop', uid: UID }
    t.strictSame(plain(buildReport('wgpolicy', namespace, decision({ risk, resource }), NOW)), {
      apiVersion: 'wgpolicyk8s.io/v1alpha2',
      kind: 'ClusterPolicyReport',
      metadata: {
        name: `lockkeeper-${UID}`,
        labels,
        annotations,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: 'shop', uid: UID }],
      },
      scope: { apiVersion: 'v1', kind: 'Namespace', name: 'shop', uid: UID },
      summary,
      results: results.map(each => ({ source: 'lockkeeper', ...each })),
    })
    t.end()
  })
  await t.test('is cut where it is too long, and says by how much', t => {
    const violations = Array.from({ length: 3000 }, (_, i) => violation({ message: `${i} ${'é'.repeat(300)}` }))
    const report = plain(buildReport('openreports', POD, decision({ violations }), NOW)) as {
      metadata: { annotations: Record<string, string> }
      summary: object
      results: { message: string }[]
    }
    const bytes = Buffer.byteLength(JSON.stringify(report))
    t.ok(bytes <= 1024 * 1024 && bytes > 1024 * 1024 - 2000, `${bytes} bytes`)
    t.equal(report.metadata.annotations['lockkeeper.dev/omitted-results'], String(3000 - report.results.length))
    t.strictSame(report.summary, { pass: 0, fail: 3000, warn: 0, error: 0, skip: 0 })
    t.equal(report.results.at(-1)?.message.split(' ')[0], String(report.results.length - 1), 'the first ones are kept')
    t.end()
  })
  t.equal(reportName(UID), `lockkeeper-${UID}`)
  t.match(reportName('Static Pod!'), /^lockkeeper-[0-9a-f]{32}$/)
})

/** As it comes back from a server. */
function plain(report: JsonObject): unknown {
  return JSON.parse(stringifyJson(report))
}

t.test('two reports are equal', t => {
  const report = buildReport('openreports', POD, decision(), NOW)
  const later = buildReport('openreports', POD, decision(), '2026-06-02T12:00:00Z')
  t.equal(reportDigest(later), reportDigest(report), 'whenever they were made')
  const stored = parseJson(stringifyJson(report)) as JsonObject
  Object.assign(stored.metadata as JsonObject, { uid: '1', resourceVersion: '7', managedFields: [], generation: 2 })
  t.equal(reportDigest(stored), reportDigest(report), 'whatever the server adds')
  const others: Record<string, Decision> = {
    'another Decision': decision({ id: 'd2' }),
    'one finding less': decision({ violations: [violation()] }),
    'another message': decision({ violations: [violation({ message: 'other' }), violation()] }),
  }
  for (const [name, other] of Object.entries(others)) {
    t.not(reportDigest(buildReport('openreports', POD, other, NOW)), reportDigest(report), name)
  }
  const relabelled = parseJson(stringifyJson(report)) as { metadata: { labels: JsonObject } } & JsonObject
  relabelled.metadata.labels['app.kubernetes.io/managed-by'] = 'somebody'
  t.not(reportDigest(relabelled), reportDigest(report), 'a label that was taken away')
  t.end()
})

t.test('what waits to be judged', async t => {
  const { signal } = new AbortController()
  await t.test('is judged in its order, the latest of each object', async t => {
    const queue = new JudgingQueue<string>(10)
    for (const [key, job] of [
      ['a', 'a1'],
      ['b', 'b1'],
      ['a', 'a2'],
    ] as const)
      await queue.put(key, job, signal)
    const judged: string[] = []
    const judge = (job: string) => {
      judged.push(job)
      return Promise.resolve()
    }
    await queue.take(judge, signal)
    await queue.take(judge, signal)
    t.strictSame([judged, queue.length], [['a2', 'b1'], 0])
  })
  await t.test('is bounded: who has more waits', async t => {
    const queue = new JudgingQueue<string>(1)
    await queue.put('a', 'a1', signal)
    let isIn = false
    const putting = queue.put('b', 'b1', signal).then(() => (isIn = true))
    await queue.put('a', 'a2', signal)
    await settle()
    t.equal(isIn, false)
    await queue.take(() => Promise.resolve(), signal)
    await putting
    t.equal(queue.length, 1)
  })
  await t.test('ends with the signal, full or empty', async t => {
    const stop = new AbortController()
    const queue = new JudgingQueue<string>(1)
    const taking = queue.take(() => Promise.reject(new Error('there was nothing')), stop.signal)
    stop.abort()
    await taking
    await queue.put('a', 'a1', signal)
    await queue.put('b', 'b1', stop.signal)
    await queue.idle(stop.signal)
    t.equal(queue.length, 1, 'what was given up is not in it')
  })
  await t.test('is never in two hands, and its last version is judged last', async t => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        async (keys, workers) => {
          const queue = new JudgingQueue<{ key: number; version: number }>(3)
          const stop = new AbortController()
          const running = new Set<number>()
          const last = new Map<number, number>()
          const judge = async ({ key, version }: { key: number; version: number }) => {
            if (running.has(key)) throw new Error(`${key} is in two hands`)
            running.add(key)
            for (let i = 0; i <= version % 3; i++) await Promise.resolve()
            running.delete(key)
            if ((last.get(key) ?? -1) > version) throw new Error(`an older version of ${key} came later`)
            last.set(key, version)
          }
          const judging = Array.from({ length: workers }, async () => {
            while (!stop.signal.aborted) await queue.take(judge, stop.signal)
          })
          for (const [version, key] of keys.entries()) await queue.put(String(key), { key, version }, signal)
          await queue.idle(signal)
          stop.abort()
          await Promise.all(judging)
          for (const key of keys) {
            if (last.get(key) !== keys.lastIndexOf(key)) throw new Error(`the last version of ${key} was not judged`)
          }
        },
      ),
      { numRuns: 200 },
    )
    t.pass('it was not')
  })
})
