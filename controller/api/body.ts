import type { IncomingMessage } from 'node:http'
import { thrownText } from '../../src/errors.js'
import { decodeUtf8 } from '../../src/manifest.js'
import { Refusal } from './refusal.js'

/** Reads the body of a request as text. @throws Refusal 413 beyond `maxBytes`, before it is read where its length is said; 400 for no UTF-8 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const tooLarge = () => new Refusal(413, `the body may have ${maxBytes} bytes at most`)
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown
    throw new Refusal(400, `the body could not be read: ${thrownText(thrown)}`, { cause: thrown })
  }
  try {
    return decodeUtf8(Buffer.concat(chunks), 'the body')
  } catch (cause) {
    throw new Refusal(400, 'the body is not UTF-8', { cause })
  }
}
