import { createServer, type Server, type ServerOptions } from 'node:https'
import { type AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
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
  readonly limits?: Partial<ServerLimits>
}

/** How long a caller may keep the server waiting, in milliseconds. */
export interface ServerLimits {
  /** For a whole request: the API server gives up after 30 s at most, and sends a body at once. */
  readonly requestTimeoutMs: number
  readonly headersTimeoutMs: number
  /** How often both are looked at. */
  readonly checkIntervalMs: number
  /**
   * For the next request on a connection. Longer than the API server keeps an idle one (90 s, Go's http.Transport as
   * client-go sets it up): the side that sends the next request must be the one that closes.
   */
  readonly keepAliveMs: number
}

export interface WebhookServer {
  readonly port: number
  /** New connections get this certificate; those that are open stay. */
  setCertificate(certificate: ServerCertificate): void
  /** Takes no more connections, lets what runs finish within `graceMs`, and ends the rest. */
  close(graceMs: number): Promise<void>
}

const LIMITS: ServerLimits = {
  requestTimeoutMs: 10_000,
  headersTimeoutMs: 5_000,
  checkIntervalMs: 1_000,
  keepAliveMs: 120_000,
}
const MAX_HEADER_BYTES = 16 * 1024
/** More than the API servers of a cluster open in advance; who opens more does it to hold them. */
const MAX_UNUSED = 256

/** Starts the https server. @throws what listening throws: the port is taken, the certificate is none */
export async function startServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const { address, port, certificate, clientCa, app } = options
  const limits = { ...LIMITS, ...options.limits }
  const tls: ServerOptions = {
    ...secure(certificate),
    minVersion: 'TLSv1.2',
    requestTimeout: limits.requestTimeoutMs,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    keepAliveTimeout: limits.keepAliveMs,
    maxHeaderSize: MAX_HEADER_BYTES,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
  }
  const server = createServer(tls, app)
  await listen(server, address, port)
  // A client that speaks no TLS, or goes away in the handshake, is its own affair.
  server.on('tlsClientError', () => undefined)
  server.on('clientError', answerClientErrors(limits.keepAliveMs))
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

const STATUS_LINES: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/**
 * Node counts a connection on which nothing was said yet as a late request, and would answer it with 408. But an API server opens
 * connections that it uses later, and takes what it finds there for its answer: they may wait as long as those that were used.
 */
function answerClientErrors(unusedMs: number): (error: NodeJS.ErrnoException, socket: Duplex) => void {
  const unused = new Set<Duplex>()
  return ({ code = '' }, socket) => {
    const isUnused = code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket instanceof Socket && socket.bytesRead === 0
    if (isUnused && unused.size < MAX_UNUSED) {
      unused.add(socket)
      const expiry = setTimeout(() => {
        unused.delete(socket)
        if (socket.bytesRead === 0) socket.destroy()
      }, unusedMs)
      socket.once('close', () => {
        clearTimeout(expiry)
        unused.delete(socket)
      })
    } else if (socket.writable)
      socket.end(`HTTP/1.1 ${STATUS_LINES[code] ?? '400 Bad Request'}\r\nConnection: close\r\n\r\n`)
    else socket.destroy()
  }
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
