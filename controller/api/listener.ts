import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { thrownText } from '../../src/errors.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { Logger } from '../../src/io/log.js'
import { Refusal } from './refusal.js'
import type { createRoutes } from './routes.js'

export interface ListenerOptions {
  readonly routes: ReturnType<typeof createRoutes>
  /** Says who calls, or rejects with a Refusal. */
  readonly callerOf: (authorization: string | undefined) => Promise<string>
  /** Requests at the same time: more are told to come again. */
  readonly maxRequests?: number
  /** For an answer, from the head of the request on. */
  readonly timeoutMs?: number
  readonly onAnswered: (route: string, status: number) => void
  readonly clock: Clock
  readonly log: Logger
}

/** A query of thousands of objects holds megabytes until it is answered. */
const MAX_REQUESTS = 16
const TIMEOUT_MS = 20_000

const WORDS: Readonly<Record<Refusal['status'], string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  413: 'RequestEntityTooLarge',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
}

/** Answers HTTP requests with JSON: who may, what there is, and every refusal as `{"error": {"status", "reason", "message"}}`. */
export function createListener(options: ListenerOptions): RequestListener {
  const { routes, callerOf, maxRequests = MAX_REQUESTS, timeoutMs = TIMEOUT_MS, onAnswered, clock, log } = options
  let running = 0

  const answer = async (request: IncomingMessage, signal: AbortSignal, told: (username: string) => void) => {
    if (running > maxRequests) throw new Refusal(429, 'too many requests at the same time')
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    const route = routes.find(each => each.path === path)
    // Whoever may not call learns nothing about what there is.
    told(await callerOf(request.headers.authorization))
    if (route === undefined) throw new Refusal(404, `there is ${routes.map(each => each.path).join(' and ')}`)
    const handler = route.handlers[request.method ?? '']
    if (handler === undefined) {
      throw new Refusal(405, `${path} takes ${Object.keys(route.handlers).join(' and ')}`)
    }
    const late = once(signal)
    return Promise.race([handler(request, new URLSearchParams(query), signal), late])
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedMs = clock.monotonicMs()
    const ending = new AbortController()
    const timer = setTimeout(() => {
      ending.abort(new Refusal(503, `there was no answer within ${timeoutMs / 1000} s`))
    }, timeoutMs)
    response.once('close', () => {
      ending.abort(new Refusal(503, 'the caller has gone away'))
    })
    let username = ''
    let refusal: Refusal | null = null
    let text: string
    running += 1
    try {
      text = await answer(request, ending.signal, name => (username = name))
    } catch (thrown) {
      refusal =
        thrown instanceof Refusal ? thrown : new Refusal(500, 'a defect in lockkeeper itself', { cause: thrown })
      text = JSON.stringify({
        error: { status: refusal.status, reason: WORDS[refusal.status], message: refusal.message },
      })
    } finally {
      running -= 1
      clearTimeout(timer)
    }
    const status = refusal?.status ?? 200
    send(request, response, status, `${text}\n`)
    const [path = ''] = (request.url ?? '').split('?', 1)
    // Paths that are none could be anything, and as many as somebody likes.
    const route = routes.some(each => each.path === path) ? path : 'other'
    onAnswered(route, status)
    const fields = {
      operation: `${request.method ?? ''} ${route}`,
      status,
      durationMs: Math.round(clock.monotonicMs() - startedMs),
      address: request.socket.remoteAddress ?? '',
      ...(username !== '' && { username }),
    }
    if (refusal === null) log.debug('a request was answered', fields)
    else if (refusal.status === 500) log.error('a request failed', { ...fields, error: thrownText(refusal.cause) })
    else log.warn('a request was refused', { ...fields, error: refusal.message })
  }

  return (request, response) => {
    handle(request, response).catch((thrown: unknown) => {
      log.error('a request failed', { error: thrownText(thrown) })
      response.destroy()
    })
  }
}

function send(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  if (response.destroyed) return
  const headers: Record<string, string> = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  if (status === 429 || status === 503) headers['retry-after'] = '1'
  // What is left of a body is not read, so nothing else can come on this connection.
  // And where this replica cannot answer, another connection may lead to one that can.
  if (!request.complete || status === 503) headers.connection = 'close'
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text)
}

/** Rejects with the reason when the signal is aborted. */
function once(signal: AbortSignal): Promise<never> {
  const aborted = new Promise<never>((_resolve, reject) => {
    const fail = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('it was given up'))
    }
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
  // It is aborted after every answer, too, when nobody waits for it any more.
  aborted.catch(() => undefined)
  return aborted
}
