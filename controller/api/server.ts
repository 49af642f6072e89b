import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { GateError, thrownText } from '../../src/errors.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { Logger } from '../../src/io/log.js'
import { type CertificateFiles, loadCertificate, watchCertificate } from './certificate.js'

export interface ApiServerOptions extends CertificateFiles {
  readonly address: string
  /** 0: any free one */
  readonly port: number
  readonly listener: RequestListener
  readonly clock: Clock
  readonly log: Logger
}

export interface ApiServer {
  readonly port: number
  /** Takes no more connections, lets what runs finish for a moment, and ends the rest. */
  close(): Promise<void>
}

const MAX_CONNECTIONS = 256
const GRACE_MS = 5_000

/** Serves over HTTPS with a certificate that is read again when it changes. @throws GateError CONFIG_INVALID, FILE_UNREADABLE */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { address, port, listener, clock, log } = options
  const certificate = await loadCertificate(options)
  const server = createServer(
    {
      ...certificate,
      minVersion: 'TLSv1.2',
      headersTimeout: 5_000,
      requestTimeout: 15_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 60_000,
      handshakeTimeout: 5_000,
      maxHeaderSize: 72 * 1024,
    },
    listener,
  )
  server.maxConnections = MAX_CONNECTIONS
  // Who speaks no TLS, or goes away in the handshake, is answered by Node.
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) => {
      reject(
        new GateError('CONFIG_INVALID', `the API cannot be served on ${address}:${port}: ${cause.message}`, { cause }),
      )
    })
    server.listen(port, address, resolve)
  })
  const ending = new AbortController()
  const watching = watchCertificate(options, certificate, {
    clock,
    log,
    signal: ending.signal,
    onChange: next => {
      server.setSecureContext({ ...next, minVersion: 'TLSv1.2' })
    },
  }).catch((thrown: unknown) => {
    log.error('the certificate is no longer looked at', { file: options.certFile, error: thrownText(thrown) })
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      ending.abort()
      const closed = new Promise<void>(resolve => {
        server.close(() => {
          resolve()
        })
      })
      server.closeIdleConnections()
      const timer = setTimeout(() => {
        server.closeAllConnections()
      }, GRACE_MS)
      await Promise.all([closed, watching])
      clearTimeout(timer)
    },
  }
}
