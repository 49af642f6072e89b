import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GateError } from '../errors.js'

/** A server that answers. */
export interface Listening {
  readonly port: number
  /** Ends what is open, too. */
  close(): Promise<void>
}

/**
 * Lets a server listen.
 *
 * @param what what it serves, for the error: `probes`
 * @param port 0: any free one
 * @throws GateError (rejects with) CONFIG_INVALID when it cannot, such as where the port is taken
 */
export async function listen(server: Server, what: string, address: string, port: number): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) => {
      const message = `${what} cannot be served on ${address}:${port}: ${cause.message}`
      reject(new GateError('CONFIG_INVALID', message, { cause }))
    })
    server.listen(port, address, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
