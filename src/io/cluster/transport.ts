import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { GateError, thrownText } from '../../errors.js'
import { ClusterError } from './cluster-client.js'
import type { ClusterConnection } from './credentials.js'

/** One HTTP request to the API server. */
export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Escaped, without the query. */
  readonly path: string
  readonly query?: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** For the whole answer; for a stream, until it begins. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** HTTP with an API server: connections are kept, and everything is bounded. Rejects with a ClusterError. */
export interface Transport {
  exchange(call: HttpCall): Promise<HttpAnswer>
  /** The answer as a stream, on a connection of its own; who asked for it destroys it. */
  stream(call: HttpCall): Promise<IncomingMessage>
  /** Ends what is open; later calls are refused. */
  close(): void
}

/** The API server closes idle connections after 90 s; one that we close first is never used at that moment. */
const IDLE_MS = 60_000

/** The call in words, for messages: never its query, body or headers. */
export function callText({ method, path }: Pick<HttpCall, 'method' | 'path'>): string {
  return `${method} ${path}`
}

export function createTransport(connection: ClusterConnection, maxBodyBytes: number): Transport {
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: 15_000, timeout: IDLE_MS, maxSockets: 32 })
  const open = new Set<(error: ClusterError) => void>()
  let isClosed = false

  const failure = (call: HttpCall, thrown: unknown): ClusterError => {
    if (thrown instanceof ClusterError) return thrown
    const at = `https://${connection.host}:${connection.port}`
    if (thrown instanceof GateError) return unreachable(`${at}: ${thrown.message}`, thrown)
    const { code, message } = thrown as NodeJS.ErrnoException
    // When every address of a host failed, the message is empty.
    const text = code === undefined || message.includes(code) ? thrownText(thrown) : `${message} (${code})`
    return unreachable(`no answer from ${at} to ${callText(call)}: ${text.trim()}`, thrown)
  }

  /** Begins a call; `use` gets the answer's head, and until it ends the limits hold. */
  const send = async <T>(
    call: HttpCall,
    options: { readonly renew: boolean; readonly kept: boolean },
    use: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> => {
    const { host, port, basePath } = connection
    const { headers: identity, ...tls } = await connection.credentials(options.renew)
    if (isClosed) throw unreachable(CLOSED)
    if (call.signal?.aborted === true) throw unreachable(`${callText(call)} was given up`, call.signal.reason)
    const query = call.query === undefined || call.query.size === 0 ? '' : `?${call.query.toString()}`
    const request = httpsRequest({
      host,
      port,
      method: call.method,
      path: `${basePath}${call.path}${query}`,
      agent: options.kept ? agent : false,
      ...tls,
      headers: {
        ...call.headers,
        ...identity,
        ...(call.body !== undefined && { 'content-length': String(Buffer.byteLength(call.body)) }),
      },
    })
    // What Node says about a connection that we end ourselves is not why it ended.
    const ended: { why: ClusterError | null } = { why: null }
    let response: IncomingMessage | null = null
    const end = (error: ClusterError) => {
      ended.why ??= error
      // Told to end, a request throws its answer away and calls that a success.
      ;(response ?? request).destroy(error)
    }
    open.add(end)
    const timer = setTimeout(() => {
      end(unreachable(`no answer to ${callText(call)} within ${call.timeoutMs / 1000} s`))
    }, call.timeoutMs)
    const abort = () => {
      end(unreachable(`${callText(call)} was given up`, call.signal?.reason))
    }
    call.signal?.addEventListener('abort', abort)
    request.once('close', () => open.delete(end))
    try {
      response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve)
        // Also for errors that come when nobody waits any more.
        request.on('error', reject)
        request.end(call.body)
      })
      return await use(response)
    } catch (thrown) {
      ;(response ?? request).destroy()
      if (ended.why !== null) throw ended.why
      const isStale = response === null && request.reusedSocket && isReset(thrown)
      throw isStale ? new StaleConnection(failure(call, thrown)) : failure(call, thrown)
    } finally {
      clearTimeout(timer)
      call.signal?.removeEventListener('abort', abort)
    }
  }

  /** Once more with fresh credentials after a 401, and after a kept connection that ended just when it was used again. */
  const attempt = async <T>(
    call: HttpCall,
    kept: boolean,
    use: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> => {
    let renew = false
    for (let stale = 0; ;) {
      const useOrRenew = async (response: IncomingMessage) => {
        if (response.statusCode !== 401 || renew) return { value: await use(response) }
        response.destroy()
        return null
      }
      try {
        const answer = await send(call, { renew, kept }, useOrRenew)
        if (answer !== null) return answer.value
        renew = true
      } catch (thrown) {
        if (!(thrown instanceof StaleConnection)) throw failure(call, thrown)
        // The server may have done what it was told before; only reading is safe to repeat.
        if (call.method !== 'GET' || ++stale > MAX_STALE) throw thrown.failure
      }
    }
  }

  return {
    exchange: call => attempt(call, true, response => readAnswer(response, maxBodyBytes, callText(call))),
    stream: call => attempt(call, false, response => Promise.resolve(response)),
    close: () => {
      isClosed = true
      for (const end of open) end(unreachable(CLOSED))
      agent.destroy()
    },
  }
}

/** So many kept connections in a row may turn out to be ended: all of them are after a restart of the API server. */
const MAX_STALE = 32
const CLOSED = 'the connection to the cluster was closed'

class StaleConnection extends Error {
  constructor(readonly failure: ClusterError) {
    super(failure.message)
  }
}

function isReset(thrown: unknown): boolean {
  const { code } = thrown as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE'
}

function unreachable(message: string, cause?: unknown): ClusterError {
  return new ClusterError(message, { status: 0, cause })
}

/** Reads an answer to its end. @throws ClusterError RESPONSE_TOO_LARGE */
export async function readAnswer(response: IncomingMessage, maxBytes: number, what: string): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) {
      throw new ClusterError(`the answer to ${what} is over ${Math.round(maxBytes / 1024 / 1024)} MiB`, {
        status: response.statusCode ?? 0,
        reason: RESPONSE_TOO_LARGE,
      })
    }
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

/** Our own word, for an answer that we did not read to its end: ask for less. */
export const RESPONSE_TOO_LARGE = 'ResponseTooLarge'
