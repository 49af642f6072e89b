import { Agent, request as httpsRequest } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import type { User } from './users.js'

/** What a request may carry besides method and path. */
export interface RequestOptions {
  /** An object goes out as JSON; a text goes out byte for byte. */
  readonly body?: object | string
  /** application/json when not said. */
  readonly contentType?: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

/** An answer: the body parsed where it is JSON, and its text as it came. */
export interface ApiResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
  readonly text: string
}

/** How to reach a server with a certificate of the test bed. */
export interface Server {
  readonly url: string
  /** PEM */
  readonly ca: string
}

/** No answer is read beyond this. */
const MAX_BYTES = 128 * 1024 * 1024

/** Connections of one user to one server, kept open between requests. */
export class ApiConnection {
  readonly #url: string
  readonly #token: string | undefined
  readonly #agent: Agent

  constructor(server: Server, user: User) {
    this.#url = server.url
    this.#token = user.token
    this.#agent = new Agent({
      keepAlive: true,
      ca: server.ca,
      ...user.certificate,
    })
  }

  /** Sends one request and reads its answer, whatever its status. Rejects when there is no answer in time. */
  request(method: string, path: string, options: RequestOptions = {}): Promise<ApiResponse> {
    const { body, contentType = 'application/json', query = {}, headers = {}, timeoutMs = 30_000 } = options
    const url = new URL(path, this.#url)
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value))
    const bytes =
      body === undefined ? null : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8')
    const timeout = AbortSignal.timeout(timeoutMs)
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(url, {
        method,
        agent: this.#agent,
        signal: options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]),
        headers: {
          accept: 'application/json',
          'user-agent': 'lockkeeper-e2e',
          ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
          ...(bytes !== null && { 'content-type': contentType, 'content-length': bytes.length }),
          ...headers,
        },
      })
      outgoing.once('error', cause => {
        reject(new Error(`${method} ${url.pathname}: ${cause.message}`, { cause }))
      })
      outgoing.once('response', incoming => {
        const chunks: Buffer[] = []
        let length = 0
        incoming.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > MAX_BYTES) incoming.destroy(new Error(`the answer is longer than ${MAX_BYTES} bytes`))
          else chunks.push(chunk)
        })
        incoming.once('error', reject)
        incoming.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const isJson = (incoming.headers['content-type'] ?? '').startsWith('application/json')
          const { statusCode: status = 0, headers } = incoming
          try {
            resolve({ status, headers, text, body: isJson ? (JSON.parse(text) as unknown) : undefined })
          } catch (cause) {
            reject(new Error(`${method} ${url.pathname}: the answer is no JSON`, { cause }))
          }
        })
      })
      outgoing.end(bytes)
    })
  }

  /** Closes what is open; the next request opens a new connection. */
  close(): void {
    this.#agent.destroy()
  }
}
