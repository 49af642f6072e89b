import { request as httpsRequest, type Agent, type RequestOptions } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import type { Test } from 'tap'
import type { AdmissionAnswer, AdmissionWork } from '../../src/io/pool.js'
import type { Logger } from '../../src/io/log.js'
import { createApp, type Answered, type AppOptions } from '../../webhook/app.js'
import { createBodyBudget } from '../../webhook/body-budget.js'
import { startServer, type ServerLimits, type WebhookServer } from '../../webhook/server.js'
import { createCertificateAuthority, type CertificateAuthority } from './testbed/certificates.js'

export const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

function ignore(): void {
  // A test that looks at lines gives its own logger.
}

/** A server of the webhook with an engine of the test's. */
export interface TestServer {
  readonly authority: CertificateAuthority
  readonly server: WebhookServer
  readonly answered: Answered[]
  readonly shed: string[]
  post(body: Uint8Array | string, options?: PostOptions): Promise<Reply>
}

export interface PostOptions {
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly agent?: Agent
  readonly tls?: Pick<RequestOptions, 'cert' | 'key' | 'ca'>
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** Starts it on a free port; it ends with the test. */
export async function startTestServer(
  t: Test,
  admit: (body: Uint8Array, work: AdmissionWork) => Promise<AdmissionAnswer>,
  options: Partial<AppOptions> & {
    readonly clientCa?: string
    readonly budgetBytes?: number
    readonly limits?: Partial<ServerLimits>
  } = {},
): Promise<TestServer> {
  const { clientCa, budgetBytes = 64 * 1024 * 1024, limits = {}, ...app } = options
  const authority = createCertificateAuthority()
  const answered: Answered[] = []
  const shed: string[] = []
  const server = await startServer({
    address: '127.0.0.1',
    port: 0,
    limits,
    certificate: authority.issue({ commonName: 'webhook', hosts: ['127.0.0.1'] }),
    ...(clientCa === undefined ? {} : { clientCa }),
    app: createApp({
      admit,
      budget: createBodyBudget(budgetBytes),
      onAnswered: each => answered.push(each),
      onShed: reason => shed.push(reason),
      withDecision: false,
      isLeaving: () => false,
      log: SILENT,
      now: Date.now,
      monotonicMs: () => performance.now(),
      ...app,
    }),
  })
  t.teardown(() => server.close(0))
  const post = (body: Uint8Array | string, given: PostOptions = {}) =>
    send(server.port, authority.certificate, body, given)
  return { authority, server, answered, shed, post }
}

function send(
  port: number,
  ca: string,
  body: Uint8Array | string,
  { path = '/validate?timeout=5s', method = 'POST', headers = {}, agent, tls = {} }: PostOptions,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        ca,
        ...tls,
        agent: agent ?? false,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      },
      incoming => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('error', reject)
        incoming.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text })
        })
      },
    )
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}
