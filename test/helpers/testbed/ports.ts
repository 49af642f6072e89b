import { createServer } from 'node:net'

/** Below the range that outgoing connections take their ports from on Linux: what was free once stays free. */
const FIRST = 20_000
const COUNT = 10_000

const given = new Set<number>()

/**
 * A port of the loopback interface that nobody listens on, for programs that cannot listen on port 0.
 * A process is never given the same one twice.
 *
 * @throws Error when a thousand ports in a row are taken
 */
export async function freePort(): Promise<number> {
  // Where the first one is looked for differs by process, so that two of them rarely ask for the same.
  const start = (process.pid * 37) % COUNT
  for (let i = 0; i < 1000; i += 1) {
    const port = FIRST + ((start + given.size + i) % COUNT)
    if (!given.has(port) && (await isFree(port))) {
      given.add(port)
      return port
    }
  }
  throw new Error(`no port is free from ${FIRST} to ${FIRST + COUNT}`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => {
      resolve(false)
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true)
      })
    })
  })
}
