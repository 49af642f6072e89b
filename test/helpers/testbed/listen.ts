import type { Server as HttpServer } from 'node:http'
import type { Testbed } from './testbed.js'

/** Makes a server of this process listen on loopback, on a port of its own, until the bed closes. */
export async function listen(bed: Testbed, name: string, server: HttpServer): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      resolve()
    })
  })
  bed.onClose(
    name,
    () =>
      new Promise<void>(resolve => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  )
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`${name} has no port`)
  return address.port
}
