import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ClusterConnection } from '../../src/io/cluster/credentials.js'
import { createCertificateAuthority } from './testbed/certificates.js'
import { readBody } from './testbed/request-body.js'

/** What a client asked. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What the server says next; a function answers by itself. */
export type Answer =
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | ((response: ServerResponse, request: IncomingMessage) => void)

export interface FakeApiServer {
  readonly connection: ClusterConnection
  readonly asked: Asked[]
  readonly server: Server
  /** So many connections were made. */
  readonly connections: () => number
}

/** An HTTPS server on loopback that gives the answers in their order, and 500 when there are no more. */
export async function startFakeApiServer(
  t: { teardown(close: () => void): void },
  answers: readonly Answer[],
): Promise<FakeApiServer> {
  const authority = createCertificateAuthority()
  const asked: Asked[] = []
  const script = [...answers]
  let connections = 0
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'https://server')
    const body = await readBody(request)
    const query = Object.fromEntries(url.searchParams)
    asked.push({
      method: request.method ?? '',
      path: url.pathname,
      query,
      headers: request.headers,
      body: body.toString(),
    })
    const next = script.shift() ?? { status: 500 }
    if (typeof next === 'function') {
      next(response, request)
      return
    }
    const text = typeof next.body === 'string' ? next.body : JSON.stringify(next.body ?? {})
    response.writeHead(next.status ?? 200, { 'content-type': 'application/json', ...next.headers }).end(text)
  }
  const server = createServer(authority.issue({ commonName: 'fake', hosts: ['127.0.0.1'] }), (request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  server.on('secureConnection', () => (connections += 1))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const connection: ClusterConnection = {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    basePath: '',
    credentials: renew =>
      Promise.resolve({
        ca: authority.certificate,
        headers: { authorization: `Bearer ${renew === true ? 'fresh' : 'first'}-secret-token` },
      }),
  }
  return { connection, asked, server, connections: () => connections }
}

/** A Status object, as Kubernetes says no. */
export function statusOf(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }
}
