import type { Attributes, Span } from '@opentelemetry/api'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { AdmissionRecord } from '../admission-record.js'
import { GateError } from '../errors.js'
import { createFailureNotice } from './failure-notice.js'

/** The headers by which the API server passes on its trace (W3C Trace Context). */
export interface TraceHeaders {
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

/** The span of one review. Everything is without effect where the review is not sampled. */
export interface ReviewSpan {
  /** For the decision log; null where there is no trace. */
  readonly ids: { readonly traceId: string; readonly spanId: string } | null
  /** Begins a part of the review, such as `queue` or `worker`; what it returns ends it. */
  begin(part: string): () => void
  /** Ends the review; parts that were not ended are not sent. */
  end(record: AdmissionRecord, bundleRevision: string | null): void
}

/** Makes spans of reviews and sends them in the background. */
export interface Tracing {
  review(headers: TraceHeaders): ReviewSpan
  /** Sends what waits, within a bound. */
  close(): Promise<void>
}

/** Where traces go. */
export interface TracingOptions {
  /** An OTLP/HTTP endpoint; without a path of its own it gets `/v1/traces`. */
  readonly endpoint: string
  readonly version: string
  /** The name of the Pod or host. */
  readonly instance: string
  /** How many of the reviews whose caller has no trace get one, from 0 to 1. */
  readonly rootRatio?: number
  readonly timeoutMs?: number
  /** Once when spans cannot be sent any more; null when they can again. */
  readonly onFailing: (error: unknown) => void
}

/** A caller without a trace of its own is a sample of the load, not worth a trace each. */
const ROOT_RATIO = 0.01
const TIMEOUT_MS = 5000

const UNTRACED: ReviewSpan = { ids: null, begin: () => () => undefined, end: () => undefined }

/** Tracing that is off. */
export const NO_TRACING: Tracing = { review: () => UNTRACED, close: () => Promise.resolve() }

/**
 * Switches tracing on. OpenTelemetry is loaded here and nowhere else: who does not trace does not pay for it.
 * Nothing is registered globally, and whether the receiver is there makes no difference to a review.
 *
 * @throws GateError (rejects with) CONFIG_INVALID for an endpoint that is no URL
 */
export async function createTracing(options: TracingOptions): Promise<Tracing> {
  const { endpoint, version, instance, rootRatio = ROOT_RATIO, timeoutMs = TIMEOUT_MS } = options
  const url = tracesUrl(endpoint)
  const [api, core, resources, sdk, otlp] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ])
  const exporter = new otlp.OTLPTraceExporter({ url, timeoutMillis: timeoutMs })
  const notice = createFailureNotice(options.onFailing)
  const noticing: SpanExporter = {
    export: (spans, done) => {
      exporter.export(spans, result => {
        const failed = result.code === core.ExportResultCode.FAILED
        notice(failed ? (result.error ?? new Error('the spans were not taken')) : null)
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush(),
  }
  const processor = new sdk.BatchSpanProcessor({ exporter: noticing, exportTimeoutMillis: timeoutMs })
  const provider = new sdk.TracerProvider({
    resource: resources.resourceFromAttributes({
      'service.name': 'lockkeeper-webhook',
      'service.version': version,
      'service.instance.id': instance,
    }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(rootRatio) }),
    spanProcessors: [processor],
  })
  const tracer = provider.getTracer('lockkeeper', version)
  const propagator = new core.W3CTraceContextPropagator()
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, defaultTextMapGetter, trace } = api
  return {
    review: headers => {
      const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
      const span = tracer.startSpan('admission review', { kind: SpanKind.SERVER }, parent)
      if (!span.isRecording()) return { ...UNTRACED, ids: idsOf(span) }
      const inside = trace.setSpan(ROOT_CONTEXT, span)
      return {
        ids: idsOf(span),
        begin: part => {
          const child = tracer.startSpan(part, { kind: SpanKind.INTERNAL }, inside)
          return () => {
            child.end()
          }
        },
        end: (record, bundleRevision) => {
          span.setAttributes(attributesOf(record, bundleRevision))
          // A denial is an answer; only what could not be judged is an error.
          if (record.error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: record.error.code })
          span.end()
        },
      }
    },
    close: async () => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, timeoutMs)
      })
      await Promise.race([provider.shutdown().catch(notice), late])
      clearTimeout(timer)
    },
  }
}

function idsOf(span: Span): ReviewSpan['ids'] {
  const { traceId, spanId } = span.spanContext()
  return { traceId, spanId }
}

function tracesUrl(endpoint: string): string {
  if (!URL.canParse(endpoint)) throw new GateError('CONFIG_INVALID', `traces: ${endpoint} is not a URL`)
  const url = new URL(endpoint)
  if (url.pathname === '/') url.pathname = '/v1/traces'
  return url.href
}

/** Identifiers and results; nothing of an object but its name, and nothing of the user but who it is. */
function attributesOf(record: AdmissionRecord, bundleRevision: string | null): Attributes {
  const { request, action, decisionId, policies, provenance, unchanged, error } = record
  return {
    ...(request === null
      ? {}
      : {
          'lockkeeper.request.uid': request.uid,
          'lockkeeper.request.operation': request.operation,
          'lockkeeper.request.group': request.kind.group,
          'lockkeeper.request.kind': request.kind.kind,
          'lockkeeper.request.resource': request.resource.resource,
          'lockkeeper.request.subresource': request.subResource,
          'lockkeeper.request.name': request.name,
          'lockkeeper.request.dry_run': request.dryRun,
          'k8s.namespace.name': request.namespace,
          'user.name': request.username,
        }),
    'lockkeeper.decision.action': action,
    'lockkeeper.decision.policies': policies.length,
    'lockkeeper.decision.unchanged': unchanged,
    ...(decisionId === null ? {} : { 'lockkeeper.decision.id': decisionId }),
    ...(provenance === null ? {} : { 'lockkeeper.decision.provenance': provenance }),
    ...(bundleRevision === null ? {} : { 'lockkeeper.bundle.revision': bundleRevision }),
    ...(error === null ? {} : { 'error.type': error.code }),
  }
}
