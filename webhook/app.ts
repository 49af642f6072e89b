import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { AdmissionRecord } from '../src/admission-record.js'
import { readUid, refused } from '../src/admit.js'
import { contextTime } from '../src/context.js'
import type { Decision } from '../src/decision-types.js'
import { ERROR_CODES, GateError, toGateError, type GateErrorCode } from '../src/errors.js'
import type { Logger } from '../src/io/log.js'
import { NO_TRACING, type ReviewSpan, type TraceHeaders, type Tracing } from '../src/io/tracing.js'
import type { AdmissionAnswer, AdmissionWork } from '../src/io/pool.js'
import type { BodyBudget } from './body-budget.js'
import { answerTimeMs } from './deadline.js'

/** The API server allows an object 3 MiB; an UPDATE carries it twice, and more around it. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024

/** What cannot be judged by the gate as it is now: the API server's failurePolicy decides about the request. */
const GATE_CODES: readonly GateErrorCode[] = [
  'BUNDLE_UNREADABLE',
  'BUNDLE_INVALID',
  'GATE_CLOSED',
  'GATE_DEADLINE',
  'GATE_OVERLOADED',
]

/** How far a uid is looked for here; the threads look through the whole body. */
const UID_BYTES = 4096

/** One answered review, for whoever counts, logs or traces. */
export interface Answered {
  readonly record: AdmissionRecord
  readonly decision: Decision | null
  /** The answer's HTTP status. */
  readonly status: number
  readonly receivedMs: number
  readonly durationMs: number
  /** How long it waited for a thread; null where none took it. */
  readonly queueMs: number | null
  /** Who called: an API server. */
  readonly address: string
  /** The ids of its span; null where it is not traced. */
  readonly trace: ReviewSpan['ids']
}

export interface AppOptions {
  /** Judges one review by its bytes; rejects with a GateError when the gate cannot judge. */
  readonly admit: (body: Uint8Array, work: AdmissionWork) => Promise<AdmissionAnswer>
  readonly budget: BodyBudget
  /** Why this caller is not let in; null: it is. Asked before anything is read. */
  readonly refuseCaller?: (request: Request) => string | null
  readonly onAnswered: (answered: Answered) => void
  /** A request that was turned away before it was judged. */
  readonly onShed: (reason: 'body_budget' | GateErrorCode) => void
  readonly withDecision: boolean
  readonly tracing?: Tracing
  /** True while the server is leaving: every answer says so. */
  readonly isLeaving: () => boolean
  readonly log: Logger
  /** `Date.now` and `performance.now` */
  readonly now: () => number
  readonly monotonicMs: () => number
  /** More routes, such as probes where there is no port of their own. */
  readonly routes?: (app: Express) => void
}

/**
 * The HTTP side of the gate: `POST /validate` with an AdmissionReview. A request that cannot be judged gets an
 * AdmissionResponse that denies; a gate that cannot judge answers with an HTTP status, so that failurePolicy decides.
 */
export function createApp(options: AppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  app.use((_request, response, next) => {
    // An idle connection that is closed may just be taken for the next request: the caller is told to close it.
    if (options.isLeaving()) response.set('connection', 'close')
    next()
  })
  app.post(
    '/validate',
    checkCaller(options),
    checkHeaders(),
    holdBytes(options),
    express.raw({ type: () => true, limit: MAX_BODY_BYTES, inflate: false }),
    (request, response) => answerReview(options, request, response),
  )
  options.routes?.(app)
  app.use((_request, response) => {
    sendText(response, 404, 'there is nothing here: POST AdmissionReviews to /validate')
  })
  app.use(answerFailure(options))
  return app
}

function checkCaller({ refuseCaller, log }: AppOptions): RequestHandler {
  return (request, response, next) => {
    const reason = refuseCaller?.(request) ?? null
    if (reason === null) {
      next()
      return
    }
    log.warn('a caller was refused', { reason, address: request.socket.remoteAddress ?? '' })
    response.set('connection', 'close')
    sendText(response, 403, reason)
  }
}

function checkHeaders(): RequestHandler {
  return (request, response, next) => {
    const type = request.headers['content-type'] ?? ''
    const encoding = request.headers['content-encoding'] ?? 'identity'
    if (!/^application\/json\s*(?:;|$)/i.test(type)) {
      response.set('connection', 'close')
      sendText(response, 415, 'send an AdmissionReview as application/json')
    } else if (encoding !== 'identity') {
      response.set('connection', 'close')
      sendText(response, 415, 'send the AdmissionReview uncompressed')
    } else next()
  }
}

function holdBytes({ budget, onShed }: AppOptions): RequestHandler {
  return (request, response, next) => {
    const length = Number(request.headers['content-length'] ?? MAX_BODY_BYTES)
    const release = budget.take(Math.min(Number.isFinite(length) ? length : MAX_BODY_BYTES, MAX_BODY_BYTES))
    if (release === null) {
      onShed('body_budget')
      response.set({ connection: 'close', 'retry-after': '1' })
      sendText(response, 429, 'the gate holds as many bytes of reviews as it may')
      return
    }
    response.once('close', release)
    next()
  }
}

async function answerReview(options: AppOptions, request: Request, response: Response): Promise<void> {
  const { admit, onAnswered, onShed, now, monotonicMs, log, tracing = NO_TRACING } = options
  const receivedMs = now()
  const startedMs = monotonicMs()
  const span = tracing.review(traceHeaders(request))
  const endJudging = span.begin('judge')
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const report = (
    status: number,
    answer: Pick<AdmissionAnswer, 'record' | 'decision'> & { queueMs: number | null },
  ) => {
    const { record, decision, queueMs } = answer
    span.end(record, decision?.bundle.revision ?? null)
    onAnswered({
      record,
      decision,
      status,
      receivedMs,
      durationMs: monotonicMs() - startedMs,
      queueMs,
      address: request.socket.remoteAddress ?? '',
      trace: span.ids,
    })
  }
  try {
    const answer = await admit(body, {
      now: contextTime(new Date(receivedMs)),
      deadlineMs: startedMs + answerTimeMs(request.query.timeout),
      withDecision: options.withDecision,
    })
    endJudging()
    // An answer that names no request is none to the API server; to anybody else it still says what is wrong.
    const status = answer.uid === '' ? 400 : 200
    sendReview(response, status, answer.response)
    report(status, answer)
  } catch (thrown) {
    const error = toGateError(thrown, 'INTERNAL')
    const uid = readUid(body.subarray(0, UID_BYTES))
    const failure = refused(error, uid, null)
    const isGate = GATE_CODES.includes(error.code) || uid === ''
    const status = isGate ? ERROR_CODES[error.code].httpStatus : 200
    if (isGate) {
      onShed(error.code)
      // The API server waits so long and asks again, of another replica perhaps. After a deadline nobody waits any more.
      if (error.code !== 'GATE_DEADLINE') response.set('retry-after', '1')
      sendText(response, status, `[${error.code}] ${error.message}`)
    } else {
      log.error('a review could not be judged', { uid, code: error.code, error: error.message })
      sendReview(response, status, JSON.stringify(failure.response))
    }
    report(status, { ...failure, queueMs: null })
  }
}

/** A header that came twice is none. */
function traceHeaders({ headers: { traceparent, tracestate } }: Request): TraceHeaders {
  return {
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
    ...(typeof tracestate === 'string' ? { tracestate } : {}),
  }
}

function sendReview(response: Response, status: number, text: string): void {
  if (response.destroyed) return
  response.status(status).type('application/json').send(text)
}

function sendText(response: Response, status: number, text: string): void {
  response.status(status).type('text/plain').send(`${text}\n`)
}

/** What express.raw refuses (too large, cut off), and defects of our own. */
function answerFailure({ log }: AppOptions): ErrorRequestHandler {
  // Four parameters are how express knows it; its own handler, the next one, would print the error.
  return (thrown: unknown, request, response, _next) => {
    if (request.socket.destroyed) return
    if (response.headersSent) {
      response.destroy()
      return
    }
    response.set('connection', 'close')
    const status = statusOf(thrown)
    if (status === 413) sendText(response, 413, `an AdmissionReview may have ${MAX_BODY_BYTES} bytes at most`)
    else if (status !== null) sendText(response, status, 'the request could not be read')
    else {
      const error = thrown instanceof GateError ? thrown : toGateError(thrown, 'INTERNAL')
      log.error('a request failed', { code: error.code, error: error.message })
      sendText(response, 500, 'a defect in lockkeeper itself')
    }
  }
}

/** The client error that a middleware of express found; null for anything else. */
function statusOf(thrown: unknown): number | null {
  const status = typeof thrown === 'object' && thrown !== null && 'status' in thrown ? thrown.status : null
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null
}
