import t from 'tap'
import type { Operation } from '../../../src/admission.js'
import type { AdmissionRecord, RequestFacts } from '../../../src/admission-record.js'
import { PROVENANCE_CLASSES } from '../../../src/decision-types.js'
import { ERROR_CODES, type GateErrorCode } from '../../../src/errors.js'
import { createWebhookMetrics, type WebhookMetrics } from '../../../webhook/metrics.js'

const FACTS: RequestFacts = {
  uid: 'u-1',
  operation: 'CREATE',
  kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  subResource: 'exec',
  namespace: 'team-blue',
  name: 'payments',
  dryRun: false,
  username: 'mallory',
  groups: ['system:authenticated'],
}

function record(change: Partial<AdmissionRecord> = {}): AdmissionRecord {
  return {
    request: FACTS,
    allowed: true,
    action: 'allow',
    policies: [],
    decisionId: 'sha256:1',
    provenance: 'approved',
    unchanged: false,
    error: null,
    cache: { hits: 0, misses: 0 },
    ...change,
  }
}

function metrics(): WebhookMetrics {
  return createWebhookMetrics({ version: '1.2.3', now: () => 1_780_000_000_500 })
}

/** The series of this program: no comments, and none of prom-client's own metrics. */
async function series(from: WebhookMetrics): Promise<string[]> {
  return (await from.text()).split('\n').filter(line => line.startsWith('lockkeeper_'))
}

/** The series of one metric that are not 0. */
async function counted(from: WebhookMetrics, name: string): Promise<string[]> {
  return (await series(from)).filter(line => /^[^{ ]+/.exec(line)?.[0] === name && !line.endsWith(' 0'))
}

t.test('a denied review is counted by what it was, not by who it was', async t => {
  const all = metrics()
  all.observeReview(
    record({
      allowed: false,
      action: 'deny',
      policies: [
        { policy: 'exec', action: 'deny' },
        { policy: 'K8sAllowedRepos/prod', action: 'warn' },
      ],
      provenance: 'out-of-band-managed',
      cache: { hits: 3, misses: 2 },
    }),
    0.024,
  )
  const buckets = Object.fromEntries(
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, '+Inf'].map(le => [
      le,
      Number(le) >= 0.025 || le === '+Inf' ? 1 : 0,
    ]),
  )
  const ours = await series(all)
  t.strictSame(
    Object.fromEntries(
      ours
        .filter(line => line.startsWith('lockkeeper_admission_duration_seconds_bucket'))
        .map(line => [/le="([^"]+)"/.exec(line)?.[1], Number(line.split(' ').at(-1))]),
    ),
    buckets,
  )
  t.strictSame(
    [
      ...(await counted(all, 'lockkeeper_admission_requests_total')),
      ...(await counted(all, 'lockkeeper_admission_resource_requests_total')),
      ...(await counted(all, 'lockkeeper_decisions_total')),
      ...(await counted(all, 'lockkeeper_policy_decisions_total')),
      ...(await counted(all, 'lockkeeper_cache_hits_total')),
      ...(await counted(all, 'lockkeeper_cache_misses_total')),
      ...(await counted(all, 'lockkeeper_unchanged_requests_total')),
      ...(await counted(all, 'lockkeeper_admission_errors_total')),
    ],
    [
      'lockkeeper_admission_requests_total{operation="CREATE",action="deny",code="4xx"} 1',
      'lockkeeper_admission_resource_requests_total{group="",resource="pods/exec",action="deny"} 1',
      'lockkeeper_decisions_total{action="deny",provenance="out-of-band-managed"} 1',
      'lockkeeper_policy_decisions_total{policy="exec",action="deny",provenance="out-of-band-managed"} 1',
      'lockkeeper_policy_decisions_total{policy="K8sAllowedRepos/prod",action="warn",provenance="out-of-band-managed"} 1',
      'lockkeeper_cache_hits_total 3',
      'lockkeeper_cache_misses_total 2',
    ],
  )
  for (const secret of ['team-blue', 'payments', 'mallory', 'system:authenticated', 'u-1', 'sha256:1']) {
    t.notOk((await all.text()).includes(secret), secret)
  }
})

t.test('the class of a code is that of the answer', async t => {
  const error = (code: GateErrorCode): AdmissionRecord['error'] => ({ code, message: 'secret text' })
  const cases: Record<string, readonly [Partial<AdmissionRecord>, string]> = {
    'an allowed review': [{}, 'operation="CREATE",action="allow",code="2xx"'],
    'a warning is allowed': [{ action: 'warn' }, 'operation="CREATE",action="warn",code="2xx"'],
    'a review that was malformed': [
      { allowed: false, action: 'deny', request: null, error: error('REVIEW_INVALID') },
      'operation="unknown",action="deny",code="4xx"',
    ],
    'a gate that failed': [
      { allowed: false, action: 'deny', error: error('NAMESPACE_LOOKUP_FAILED') },
      'operation="CREATE",action="deny",code="5xx"',
    ],
  }
  for (const [name, [change, labels]] of Object.entries(cases)) {
    const all = metrics()
    all.observeReview(record({ provenance: null, ...change }), 1)
    t.strictSame(
      await counted(all, 'lockkeeper_admission_requests_total'),
      [`lockkeeper_admission_requests_total{${labels}} 1`],
      name,
    )
    t.equal((await counted(all, 'lockkeeper_decisions_total')).length, change.error === undefined ? 1 : 0, name)
    t.equal((await counted(all, 'lockkeeper_admission_errors_total')).length, change.error === undefined ? 0 : 1, name)
  }
})

t.test('what is set is what is scraped', async t => {
  const all = metrics()
  const validity = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2026-04-01T00:00:00Z') }
  all.waited(0.003)
  all.shed('overloaded')
  all.queue(7)
  all.inFlight(9)
  all.bodyBytes(4096)
  all.bundle({ digest: 'sha256:old', revision: 'r1' })
  all.bundle({ digest: 'sha256:new', revision: 'r2' })
  all.bundleRefused()
  all.certificate('serving', validity)
  all.restored('weakened')
  all.registrationState('restoring')
  all.registrationState('right')
  all.httpStatus(200)
  all.workerRestart()
  all.cacheBytes(123)
  all.decisionLogWritten(5)
  all.decisionLogDropped(2)
  const found = (await series(all)).filter(line => !line.endsWith(' 0') && !line.includes('_bucket'))
  t.strictSame(found, [
    'lockkeeper_admission_queue_duration_seconds_sum 0.003',
    'lockkeeper_admission_queue_duration_seconds_count 1',
    'lockkeeper_build_info{version="1.2.3"} 1',
    'lockkeeper_admission_shed_total{reason="overloaded"} 1',
    'lockkeeper_admission_queue_length 7',
    'lockkeeper_admission_in_flight 9',
    'lockkeeper_admission_body_bytes 4096',
    'lockkeeper_http_responses_total{code="200"} 1',
    'lockkeeper_worker_restarts_total 1',
    'lockkeeper_cache_bytes 123',
    'lockkeeper_bundle_info{digest="sha256:new",revision="r2"} 1',
    'lockkeeper_bundle_activation_timestamp_seconds 1780000000.5',
    'lockkeeper_bundle_loads_total{result="activated"} 2',
    'lockkeeper_bundle_loads_total{result="refused"} 1',
    `lockkeeper_certificate_not_before_timestamp_seconds{certificate="serving"} ${validity.notBefore.getTime() / 1000}`,
    `lockkeeper_certificate_not_after_timestamp_seconds{certificate="serving"} ${validity.notAfter.getTime() / 1000}`,
    'lockkeeper_registration_restored_total{reason="weakened"} 1',
    'lockkeeper_registration_state{state="right"} 1',
    'lockkeeper_decision_log_events_total 5',
    'lockkeeper_decision_log_dropped_events_total 2',
  ])
})

t.test('the number of series is bounded, whatever is asked', async t => {
  const all = metrics()
  const operations: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']
  const actions = ['allow', 'warn', 'deny'] as const
  const codes = Object.keys(ERROR_CODES) as GateErrorCode[]
  const pick = <T>(values: readonly T[], index: number): T => values[index % values.length] as T
  for (let index = 0; index < 10_000; index++) {
    const request = {
      ...FACTS,
      uid: `u-${index}`,
      operation: pick(operations, index),
      resource: { group: `g${index % 997}.example`, version: 'v1', resource: `kinds${index}` },
      subResource: pick(['', 'scale', `sub${index}`], index),
      namespace: `ns-${index}`,
      name: `name-${index}`,
      username: `user-${index}`,
      groups: [`group-${index}`],
    }
    const action = pick(actions, index)
    all.observeReview(
      record({
        request,
        action,
        allowed: action !== 'deny',
        policies: [{ policy: `Constraint/c${index}`, action }],
        decisionId: `sha256:${index}`,
        provenance: pick(PROVENANCE_CLASSES, index),
        error: index % 10 === 0 ? { code: pick(codes, index / 10), message: `m${index}` } : null,
      }),
      index / 1000,
    )
    all.httpStatus(100 + (index % 500))
    all.bundle({ digest: `sha256:${index}`, revision: `r${index}` })
  }
  const bounds: Record<string, number> = {
    lockkeeper_admission_requests_total: 4 * 3 * 3,
    // 256 resources and the rest, which come with each action
    lockkeeper_admission_resource_requests_total: 257 * 3,
    lockkeeper_admission_errors_total: codes.length,
    lockkeeper_decisions_total: 3 * PROVENANCE_CLASSES.length,
    lockkeeper_policy_decisions_total: 257 * 3 * PROVENANCE_CLASSES.length,
    lockkeeper_admission_duration_seconds_bucket: 4 * 13,
    lockkeeper_http_responses_total: 21,
    lockkeeper_bundle_info: 1,
  }
  const ours = await series(all)
  for (const [name, bound] of Object.entries(bounds)) {
    const found = ours.filter(line => line.startsWith(`${name}{`)).length
    t.ok(found > 0 && found <= bound, `${name}: ${found} of at most ${bound}`)
  }
  t.ok(ours.length < 1_500, `${ours.length} series in all`)
  t.ok(ours.some(line => line.includes('group="other",resource="other"')))
  t.ok(ours.some(line => line.includes('policy="other"')))
})

t.test('names, units and help are as promtool wants them', async t => {
  const text = await metrics().text()
  const types = [...text.matchAll(/^# TYPE (lockkeeper_\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
  }))
  t.strictSame(types.map(({ name }) => name).sort(), [
    'lockkeeper_admission_body_bytes',
    'lockkeeper_admission_duration_seconds',
    'lockkeeper_admission_errors_total',
    'lockkeeper_admission_in_flight',
    'lockkeeper_admission_queue_duration_seconds',
    'lockkeeper_admission_queue_length',
    'lockkeeper_admission_requests_total',
    'lockkeeper_admission_resource_requests_total',
    'lockkeeper_admission_shed_total',
    'lockkeeper_build_info',
    'lockkeeper_bundle_activation_timestamp_seconds',
    'lockkeeper_bundle_info',
    'lockkeeper_bundle_loads_total',
    'lockkeeper_cache_bytes',
    'lockkeeper_cache_hits_total',
    'lockkeeper_cache_misses_total',
    'lockkeeper_certificate_not_after_timestamp_seconds',
    'lockkeeper_certificate_not_before_timestamp_seconds',
    'lockkeeper_decision_log_dropped_events_total',
    'lockkeeper_decision_log_events_total',
    'lockkeeper_decisions_total',
    'lockkeeper_http_responses_total',
    'lockkeeper_policy_decisions_total',
    'lockkeeper_registration_restored_total',
    'lockkeeper_registration_state',
    'lockkeeper_unchanged_requests_total',
    'lockkeeper_worker_restarts_total',
  ])
  for (const { name, type } of types) {
    t.match(name, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/, `${name} has plain words`)
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: _total is for counters`)
    t.notMatch(name, /_(milliseconds|ms|micros|minutes|hours|days|kilobytes|kb|mb|percent)(_|$)/, `${name}: base units`)
    t.notMatch(name, /_(counter|gauge|histogram|summary|count|sum|bucket)$/, `${name} does not repeat its type`)
    t.match(text, new RegExp(`^# HELP ${name} \\S.*\\.$`, 'm'), `${name} has a sentence of help`)
    if (type === 'histogram') t.match(name, /_seconds$/)
  }
  for (const own of [
    'process_cpu_seconds_total',
    'nodejs_eventloop_lag_p99_seconds',
    'process_resident_memory_bytes',
  ]) {
    t.match(text, new RegExp(`^${own} `, 'm'), own)
  }
})

t.test('two webhooks in one process do not mix', async t => {
  const [one, other] = [metrics(), metrics()]
  one.shed('closing')
  t.equal((await counted(one, 'lockkeeper_admission_shed_total')).length, 1)
  t.strictSame(await counted(other, 'lockkeeper_admission_shed_total'), [])
  t.match(one.contentType, /^text\/plain; version=0\.0\.4/)
})
