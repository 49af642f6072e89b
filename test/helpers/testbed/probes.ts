import { connect } from 'node:net'

const TIMEOUT_MS = 2000

/** Whether a URL answers with a 2xx status. */
export async function isServed(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  await response.body?.cancel()
  return response.ok
}

/** What a server on loopback first answers to a line. */
export function askOnce(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: TIMEOUT_MS })
    socket.once('error', reject)
    socket.once('timeout', () => socket.destroy(new Error(`port ${port} does not answer`)))
    socket.once('connect', () => socket.write(`${line}\r\n`))
    socket.once('data', (data: Buffer) => {
      socket.destroy()
      resolve(data.toString('utf8').trimEnd())
    })
  })
}
