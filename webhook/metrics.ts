import { collectDefaultMetrics, Registry } from 'prom-client'
import type { AdmissionRecord } from '../src/admission-record.js'
import type { BundleReference } from '../src/decision-types.js'
import { LabelValues } from './label-values.js'
import { metricFactory } from './metric-factory.js'
import { createReviewMetrics } from './review-metrics.js'

/** Why a request was answered without being looked at. */
export const SHED_REASONS = ['overloaded', 'deadline', 'closing', 'not-ready'] as const
export type ShedReason = (typeof SHED_REASONS)[number]

/** How the registration of the webhook stands: `foreign` is a configuration that is not ours and is left alone. */
export const REGISTRATION_STATES = ['unknown', 'right', 'restoring', 'foreign', 'off'] as const
export type RegistrationState = (typeof REGISTRATION_STATES)[number]

/** What somebody had done to a webhook configuration before it was restored. */
export const RESTORED_KINDS = ['deleted', 'weakened', 'redirected', 'changed'] as const
export type RestoredKind = (typeof RESTORED_KINDS)[number]

const MAX_HTTP_STATUS = 20

/** What the webhook tells Prometheus; labels have no names of objects, users or namespaces. */
export interface WebhookMetrics {
  readonly contentType: string
  /** The text that Prometheus scrapes. */
  text(): Promise<string>
  /** One answered review, and the seconds from the last byte of its body to the answer. */
  observeReview(record: AdmissionRecord, seconds: number): void
  /** How long one review waited for a worker. */
  waited(seconds: number): void
  shed(reason: ShedReason): void
  /** Reviews that wait for a worker now. */
  queue(count: number): void
  /** Requests that are read, queued or judged now. */
  inFlight(count: number): void
  /** Bytes of request bodies in memory now. */
  bodyBytes(bytes: number): void
  /** A bundle came into force. */
  bundle(reference: BundleReference): void
  /** A bundle was refused, and the last good one stays. */
  bundleRefused(): void
  /** A certificate came into use. */
  certificate(kind: 'ca' | 'serving', validity: { readonly notBefore: Date; readonly notAfter: Date }): void
  restored(kind: RestoredKind): void
  registrationState(state: RegistrationState): void
  httpStatus(code: number): void
  workerRestart(): void
  /** What the caches of the workers hold now. */
  cacheBytes(bytes: number): void
  decisionLogWritten(events: number): void
  decisionLogDropped(events: number): void
}

/** What the metrics need of their process. */
export interface MetricsOptions {
  readonly version: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Metrics in a registry of their own: two webhooks in one process do not mix. */
export function createWebhookMetrics({ version, now }: MetricsOptions): WebhookMetrics {
  const registry = new Registry()
  // nodejs_eventloop_lag_*, process_* and nodejs_gc_* are prom-client's own.
  collectDefaultMetrics({ register: registry })

  const { counter, gauge } = metricFactory(registry)
  const reviews = createReviewMetrics(registry)
  gauge('build_info', 'Always 1; what is running.', ['version']).labels(version).set(1)
  const shed = counter('admission_shed_total', 'Reviews answered unjudged, by reason.', ['reason'])
  for (const reason of SHED_REASONS) shed.labels(reason).inc(0)
  const queue = gauge('admission_queue_length', 'Reviews that wait for a worker.')
  const inFlight = gauge('admission_in_flight', 'Requests that are read, queued or judged.')
  const bodies = gauge('admission_body_bytes', 'Bytes of request bodies in memory.')
  const statuses = counter('http_responses_total', 'HTTP responses, by status code.', ['code'])
  const restarts = counter('worker_restarts_total', 'Workers that were replaced.')
  const cacheBytes = gauge('cache_bytes', 'Bytes that the caches of the workers hold.')
  const bundle = gauge('bundle_info', 'Always 1; the bundle in force.', ['digest', 'revision'])
  const bundleSince = gauge('bundle_activation_timestamp_seconds', 'When the bundle in force was taken up.')
  const bundleLoads = counter('bundle_loads_total', 'Bundles that were loaded, by result.', ['result'])
  for (const result of ['activated', 'refused']) bundleLoads.labels(result).inc(0)
  const notBefore = gauge(
    'certificate_not_before_timestamp_seconds',
    'When the certificate in use began to be valid; its age is time() minus this.',
    ['certificate'],
  )
  const notAfter = gauge('certificate_not_after_timestamp_seconds', 'When the certificate in use expires.', [
    'certificate',
  ])
  const restored = counter('registration_restored_total', 'Webhook configurations put right again.', ['reason'])
  for (const reason of RESTORED_KINDS) restored.labels(reason).inc(0)
  const registration = gauge(
    'registration_state',
    '1 for how the webhook configuration stands now, 0 for every other state.',
    ['state'],
  )
  const registrationState = (state: RegistrationState): void => {
    for (const each of REGISTRATION_STATES) registration.labels(each).set(each === state ? 1 : 0)
  }
  registrationState('unknown')
  const logWritten = counter('decision_log_events_total', 'Events that the decision log has delivered.')
  const logDropped = counter('decision_log_dropped_events_total', 'Events that the decision log has lost.')
  const codes = new LabelValues(MAX_HTTP_STATUS)

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    observeReview: reviews.observe,
    waited: seconds => reviews.queueDuration.observe(seconds),
    shed: reason => shed.labels(reason).inc(),
    queue: count => queue.set(count),
    inFlight: count => inFlight.set(count),
    bodyBytes: bytes => bodies.set(bytes),
    bundle: ({ digest, revision }) => {
      bundle.reset()
      bundle.labels(digest, revision).set(1)
      bundleSince.set(now() / 1000)
      bundleLoads.labels('activated').inc()
    },
    bundleRefused: () => bundleLoads.labels('refused').inc(),
    certificate: (kind, validity) => {
      notBefore.labels(kind).set(validity.notBefore.getTime() / 1000)
      notAfter.labels(kind).set(validity.notAfter.getTime() / 1000)
    },
    restored: kind => restored.labels(kind).inc(),
    registrationState,
    httpStatus: code => statuses.labels(codes.of(String(code))).inc(),
    workerRestart: () => restarts.inc(),
    cacheBytes: bytes => cacheBytes.set(bytes),
    decisionLogWritten: events => logWritten.inc(events),
    decisionLogDropped: events => logDropped.inc(events),
  }
}
