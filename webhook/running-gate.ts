import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Express } from 'express'
import { loadBundleFiles } from '../src/io/bundle-source.js'
import { createDecisionLog, type DecisionLog } from '../src/io/decision-log/decision-log.js'
import { decisionLogEvent } from '../src/io/decision-log/event.js'
import { createLivePool, type LivePool } from '../src/io/live-pool.js'
import type { Logger } from '../src/io/log.js'
import { createTracing, NO_TRACING, type Tracing } from '../src/io/tracing.js'
import { thrownText } from '../src/errors.js'
import { createApp, type Answered, type AppOptions } from './app.js'
import { createBodyBudget } from './body-budget.js'
import { callerOf, checkCaller } from './certificates/client-check.js'
import { certificatesIn, notAfterOf } from '../src/io/certificates/pem.js'
import { createExpiryWarning } from './certificates/expiry.js'
import type { ShedReason, WebhookMetrics } from './metrics.js'
import type { WebhookOptions } from './options.js'
import { startServer, type WebhookServer } from './server.js'
import type { Surroundings } from './surroundings.js'

export interface GateParts {
  readonly options: WebhookOptions
  /** Where the bundle is. */
  readonly bundlePath: string
  readonly allowUnsigned: boolean
  readonly surroundings: Surroundings
  readonly metrics: WebhookMetrics
  readonly logger: (component: string) => Logger
  readonly identity: string
  readonly version: string
  /** PEM: who calls must show a certificate by it. */
  readonly clientCa: string | null
  readonly routes?: (app: Express) => void
}

/** A gate that answers. */
export interface RunningGate {
  readonly server: WebhookServer
  readonly live: LivePool
  /** From now on every answer tells the caller to go elsewhere. */
  leave(): void
  /** Answers what it has, then ends. */
  close(): Promise<void>
}

const BUNDLE_POLL_MS = 5_000
/** A policy that takes longer is stopped and named; it never gets more than a third of the request's time. */
const POLICY_TIMEOUT_MS = 1_000
const MAX_QUEUE = 512
const MAX_BODY_BYTES = 96 * 1024 * 1024
/** How long the last requests may take when the server closes. */
const CLOSE_GRACE_MS = 5_000
const METRICS_MS = 1_000
const EXPIRY_CHECK_MS = 3_600_000

/** Starts judging: loads the bundle, warms the threads, and listens. */
export async function startGate(parts: GateParts): Promise<RunningGate> {
  const { options, bundlePath, allowUnsigned, surroundings, metrics, logger, clientCa } = parts
  const log = logger('webhook')
  const decisionLog = openDecisionLog(parts)
  const tracing = await openTracing(parts)
  let isLeaving = false
  const live = await createLivePool({
    load: () => loadBundleFiles(bundlePath),
    pollMs: BUNDLE_POLL_MS,
    pool: {
      allowUnsigned,
      warm: true,
      policyTimeoutMs: POLICY_TIMEOUT_MS,
      maxQueue: MAX_QUEUE,
      ...(options.workers === undefined ? {} : { workers: options.workers }),
      ...(surroundings.namespaces === undefined ? {} : { namespaces: surroundings.namespaces }),
    },
    onBundle: reference => {
      metrics.bundle(reference)
      log.info('the bundle is in force', { bundle: reference.digest, revision: reference.revision, file: bundlePath })
      surroundings.bundleChanged()
    },
    onRefused: error => {
      metrics.bundleRefused()
      log.error('the bundle cannot be used', { code: error.code, error: error.message, file: bundlePath })
    },
  })
  const budget = createBodyBudget(MAX_BODY_BYTES)
  const names = options.clientNames
  const app = createApp({
    admit: (body, work) => live.admit(body, work),
    budget,
    ...(clientCa === null ? {} : { refuseCaller: request => refusal(request.socket, names) }),
    onAnswered: answered => {
      observe(answered, metrics, log)
      if (decisionLog !== null) writeDecision(decisionLog, answered, parts)
    },
    onShed: reason => {
      metrics.shed(shedReason(reason))
    },
    withDecision: decisionLog !== null,
    tracing,
    isLeaving: () => isLeaving,
    log,
    now: Date.now,
    monotonicMs: () => performance.now(),
    ...(parts.routes === undefined ? {} : { routes: parts.routes }),
  })
  const { certificates } = surroundings
  const server = await startServer({
    address: options.address,
    port: options.port,
    certificate: certificates.current(),
    ...(clientCa === null ? {} : { clientCa }),
    app,
  })
  const warnOfExpiry = createExpiryWarning(logger('certificates'))
  const showCertificate = (): void => {
    countCertificates(metrics, certificates.current())
    warnOfExpiry(certificates.current(), Date.now())
  }
  showCertificate()
  surroundings.onCertificate(() => {
    server.setCertificate(certificates.current())
    showCertificate()
  })
  const gauges = setInterval(() => {
    metrics.queue(live.current?.queueLength ?? 0)
    metrics.bodyBytes(budget.takenBytes)
  }, METRICS_MS)
  const expiry = setInterval(showCertificate, EXPIRY_CHECK_MS)
  return {
    server,
    live,
    leave: () => {
      isLeaving = true
    },
    async close() {
      isLeaving = true
      clearInterval(gauges)
      clearInterval(expiry)
      await server.close(CLOSE_GRACE_MS)
      await live.drain()
      await Promise.all([decisionLog?.close(), tracing.close()])
    },
  }
}

function refusal(socket: Socket, names: readonly string[]): string | null {
  if (!(socket instanceof TLSSocket)) return 'no client certificate was shown'
  const check = checkCaller(callerOf(socket), { names, now: Date.now() })
  return check.allowed ? null : check.reason
}

function shedReason(reason: Parameters<AppOptions['onShed']>[0]): ShedReason {
  if (reason === 'body_budget' || reason === 'GATE_OVERLOADED') return 'overloaded'
  if (reason === 'GATE_DEADLINE') return 'deadline'
  return reason === 'GATE_CLOSED' ? 'closing' : 'not-ready'
}

function observe({ record, status, durationMs, queueMs }: Answered, metrics: WebhookMetrics, log: Logger): void {
  metrics.httpStatus(status)
  metrics.observeReview(record, durationMs / 1000)
  if (queueMs !== null) metrics.waited(queueMs / 1000)
  const { request, error, action } = record
  const isNews = !record.allowed || error !== null
  log[isNews ? 'info' : 'debug'](error === null ? 'judged' : 'could not be judged', {
    action,
    status,
    durationMs: Math.round(durationMs * 100) / 100,
    ...(request === null
      ? {}
      : {
          uid: request.uid,
          operation: request.operation,
          group: request.kind.group,
          kind: request.kind.kind,
          subresource: request.subResource,
          namespace: request.namespace,
          name: request.name,
          username: request.username,
          dryRun: request.dryRun,
        }),
    ...(record.decisionId === null ? {} : { decision: record.decisionId }),
    ...(record.policies.length === 0 ? {} : { policies: record.policies.map(each => each.policy) }),
    ...(error === null ? {} : { code: error.code, error: error.message }),
  })
}

function openDecisionLog({ options, metrics, logger }: GateParts): DecisionLog | null {
  if (options.decisionLog === undefined) return null
  const log = logger('decision-log')
  return createDecisionLog({
    target: options.decisionLog,
    onWritten: count => {
      metrics.decisionLogWritten(count)
    },
    onDropped: count => {
      metrics.decisionLogDropped(count)
    },
    onFailing: error => {
      if (error === null) log.info('decisions are written again')
      else log.warn('decisions cannot be written', { error: thrownText(error) })
    },
  })
}

/** Loaded only where traces are wanted. */
async function openTracing({ options, version, identity, logger }: GateParts): Promise<Tracing> {
  if (options.otlpEndpoint === undefined) return NO_TRACING
  const log = logger('tracing')
  return createTracing({
    endpoint: options.otlpEndpoint,
    version,
    instance: identity,
    onFailing: error => {
      if (error === null) log.info('traces are sent again')
      else log.warn('traces cannot be sent', { error: thrownText(error) })
    },
  })
}

function writeDecision(decisionLog: DecisionLog, answered: Answered, { identity, version }: GateParts): void {
  const { record, decision, receivedMs, durationMs, queueMs, address, trace } = answered
  decisionLog.write(
    decisionLogEvent(record, decision, {
      labels: { id: identity, version },
      now: new Date(receivedMs),
      requestedBy: address,
      durationMs,
      queuedMs: queueMs ?? 0,
      trace,
      masks: [],
    }),
  )
}

function countCertificates(metrics: WebhookMetrics, { cert, caBundle }: { cert: string; caBundle: string }): void {
  const [leaf] = certificatesIn(cert)
  const [authority] = certificatesIn(caBundle)
  for (const [kind, found] of [
    ['serving', leaf],
    ['ca', authority],
  ] as const) {
    if (found === undefined) continue
    metrics.certificate(kind, { notBefore: new Date(found.validFrom), notAfter: new Date(notAfterOf(found)) })
  }
}
