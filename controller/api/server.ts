import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { GateError } from '../../src/errors.js'
import { type CertificateMaterial, secureContextOf } from '../../src/io/certificates/material.js'

export interface ApiServerOptions {
  readonly address: string
  /** 0: any free one */
  readonly port: number
  readonly material: CertificateMaterial
  readonly listener: RequestListener
}

export interface ApiServer {
  readonly port: number
  /** Serves another certificate to who connects next. */
  use(material: CertificateMaterial): void
  /** Takes no more connections, lets what runs finish for a moment, and ends the rest. */
  close(): Promise<void>
}

const MAX_CONNECTIONS = 256
const GRACE_MS = 5_000

/** Serves over HTTPS. @throws GateError CONFIG_INVALID for a port that is taken */
export async function startApiServer({ address, port, material, listener }: ApiServerOptions): Promise<ApiServer> {
  const server = createServer(
    {
      ...secureContextOf(material),
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
  return {
    port: (server.address() as AddressInfo).port,
    use: next => {
      server.setSecureContext(secureContextOf(next))
    },
    close: async () => {
      const closed = new Promise<void>(resolve => {
        server.close(() => {
          resolve()
        })
      })
      server.closeIdleConnections()
      const timer = setTimeout(() => {
        server.closeAllConnections()
      }, GRACE_MS)
      await closed
      clearTimeout(timer)
    },
  }
}
