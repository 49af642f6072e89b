import { createServer, type Server, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Express } from 'express'

/** A certificate with its key, as node:tls takes them. */
export interface ServerCertificate {
  readonly cert: string
  readonly key: string
}

export interface WebhookServerOptions {
  readonly address: string
  /** 0: a free one */
  readonly port: number
  readonly certificate: ServerCertificate
  /** PEM: callers are asked for a certificate by this authority; whether they are let in is the app's to say. */
  readonly clientCa?: string
  readonly app: Express
}

export interface WebhookServer {
  readonly port: number
  /** New connections get this certificate; those that are open stay. */
  setCertificate(certificate: ServerCertificate): void
  /** Takes no more connections, lets what runs finish within `graceMs`, and ends the rest. */
  close(graceMs: number): Promise<void>
}

/** A body that takes longer is not the API server's: it gives up after 30 s at most. */
const REQUEST_TIMEOUT_MS = 10_000
const HEADERS_TIMEOUT_MS = 5_000
/** How often Node looks at both. */
const CHECK_INTERVAL_MS = 1_000
/**
 * Longer than the API server keeps an idle connection (90 s, Go's http.Transport as client-go sets it up): the side that
 * sends the next request must be the one that closes.
 */
const KEEP_ALIVE_MS = 120_000
const MAX_HEADER_BYTES = 16 * 1024

/** Starts the https server. @throws what listening throws: the port is taken, the certificate is none */
export async function startServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const { address, port, certificate, clientCa, app } = options
  const tls: ServerOptions = {
    ...secure(certificate),
    minVersion: 'TLSv1.2',
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
  }
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- express answers its own rejections
  const server = createServer(tls, app)
  await listen(server, address, port)
  // A client that speaks no TLS, or goes away in the handshake, is its own affair.
  server.on('tlsClientError', () => undefined)
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate: next => {
      server.setSecureContext({ ...secure(next), ...(clientCa === undefined ? {} : { ca: clientCa }) })
    },
    close: graceMs => close(server, graceMs),
  }
}

function secure({ cert, key }: ServerCertificate): { cert: string; key: string } {
  return { cert, key }
}

function listen(server: Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>(resolve => {
    server.close(() => {
      resolve()
    })
  })
  server.closeIdleConnections()
  const timer = setTimeout(() => {
    server.closeAllConnections()
  }, graceMs)
  await closed
  clearTimeout(timer)
}
