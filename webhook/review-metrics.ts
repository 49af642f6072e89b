import type { Histogram, Registry } from 'prom-client'
import type { AdmissionRecord } from '../src/admission-record.js'
import { ERROR_CODES } from '../src/errors.js'
import { LabelValues, OTHER } from './label-values.js'
import { metricFactory } from './metric-factory.js'

/** Policies come from the bundle and resources from the cluster: far more than either has at once. */
const MAX_POLICIES = 256
const MAX_RESOURCES = 256

/** Counts answered reviews. */
interface ReviewMetrics {
  readonly observe: (record: AdmissionRecord, seconds: number) => void
  readonly queueDuration: Histogram
}

/** What the records of answers are counted by. */
export function createReviewMetrics(registry: Registry): ReviewMetrics {
  const { counter, histogram } = metricFactory(registry)
  const requests = counter(
    'admission_requests_total',
    'Answered reviews, by operation, action and class of the code in the answer.',
    ['operation', 'action', 'code'],
  )
  const resources = counter(
    'admission_resource_requests_total',
    'Answered reviews, by API group, resource and action.',
    ['group', 'resource', 'action'],
  )
  const errors = counter('admission_errors_total', 'Reviews that could not be judged, by error code.', ['code'])
  const decisions = counter('decisions_total', 'Decisions, by action and provenance.', ['action', 'provenance'])
  const policyDecisions = counter(
    'policy_decisions_total',
    'Decisions with a violation of a policy, by what the policy asked for and provenance.',
    ['policy', 'action', 'provenance'],
  )
  const unchanged = counter('unchanged_requests_total', 'Updates that changed nothing, so that no policy was asked.')
  const hits = counter('cache_hits_total', 'Results taken from the caches.')
  const misses = counter('cache_misses_total', 'Results that the caches did not have.')
  const duration = histogram('admission_duration_seconds', 'Time from the whole body to the answer, by operation.', [
    'operation',
  ])
  const queueDuration = histogram('admission_queue_duration_seconds', 'Time that reviews waited for a worker.')
  const policyIds = new LabelValues(MAX_POLICIES)
  const resourceNames = new LabelValues(MAX_RESOURCES)
  const observe = (record: AdmissionRecord, seconds: number): void => {
    const { request, action, error } = record
    const operation = request?.operation ?? 'unknown'
    requests.labels(operation, action, codeClass(record)).inc()
    duration.labels(operation).observe(seconds)
    if (request !== null) resources.labels(...resourceLabels(request, resourceNames), action).inc()
    if (error !== null) errors.labels(error.code).inc()
    else {
      const provenance = record.provenance ?? 'unknown'
      decisions.labels(action, provenance).inc()
      for (const each of record.policies) {
        policyDecisions.labels(policyIds.of(each.policy), each.action, provenance).inc()
      }
    }
    if (record.unchanged) unchanged.inc()
    hits.inc(record.cache.hits)
    misses.inc(record.cache.misses)
  }
  return { observe, queueDuration }
}

/** The class of the code inside the AdmissionResponse: a denial is a 403. */
function codeClass({ allowed, error }: AdmissionRecord): '2xx' | '4xx' | '5xx' {
  if (error !== null) return ERROR_CODES[error.code].httpStatus < 500 ? '4xx' : '5xx'
  return allowed ? '2xx' : '4xx'
}

/** `apps`, `deployments`; a subresource is part of the resource, as in RBAC: `pods/exec`. */
function resourceLabels(
  { resource: { group, resource }, subResource }: NonNullable<AdmissionRecord['request']>,
  values: LabelValues,
): [string, string] {
  const name = subResource === '' ? resource : `${resource}/${subResource}`
  const known = values.of(`${group} ${name}`) !== OTHER
  return known ? [group, name] : [OTHER, OTHER]
}
