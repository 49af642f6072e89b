import type { IncomingMessage } from 'node:http'

const MAX_BYTES = 16 * 1024 * 1024

/**
 * The whole body of a request.
 *
 * @throws Error when it is longer than 16 MiB
 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_BYTES) throw new Error(`a body is longer than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
