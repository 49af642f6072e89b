import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { GateError, thrownText } from '../../../src/errors.js'

/** An artifact as the status of a source advertises it. */
export interface AdvertisedArtifact {
  readonly url: string
  /** `sha256:…`, also sha384 and sha512. */
  readonly digest: string
  readonly revision: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface FetchOptions {
  /** Where it is written; it must not be there. */
  readonly file: string
  readonly maxBytes?: number
  readonly timeoutMs?: number
  readonly signal: AbortSignal
}

const MAX_BYTES = 128 * 1024 * 1024
const TIMEOUT_MS = 60_000
const DIGEST = /^(sha256|sha384|sha512):([0-9a-f]{64,128})$/

/**
 * Fetches an artifact from the place that its source advertises, and from no other: a redirect is refused. The digest is
 * taken while it is written, so nobody reads what was not verified.
 *
 * @throws GateError ARTIFACT_UNREADABLE where it is not to be had, ARTIFACT_INVALID where it is another one or too large; the
 *   reason of `signal` when it is aborted
 */
export async function fetchArtifact({ url, digest }: AdvertisedArtifact, options: FetchOptions): Promise<void> {
  const { file, maxBytes = MAX_BYTES, timeoutMs = TIMEOUT_MS, signal } = options
  const [, algorithm, wanted] = DIGEST.exec(digest) ?? []
  if (algorithm === undefined) {
    throw new GateError('ARTIFACT_INVALID', `the digest of the artifact is of no kind that is known: ${shown(digest)}`)
  }
  const place = URL.canParse(url) ? new URL(url) : null
  if (place === null || !/^https?:$/.test(place.protocol)) {
    throw new GateError('ARTIFACT_INVALID', `the artifact has no URL that can be fetched: ${shown(url)}`)
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    const answer = await ask(place, limit)
    if (answer.statusCode !== 200) {
      answer.destroy()
      const isMoved = Math.floor((answer.statusCode ?? 0) / 100) === 3
      throw new GateError(
        'ARTIFACT_UNREADABLE',
        `${place.host} answers HTTP ${answer.statusCode ?? 0} for the artifact${isMoved ? '; redirects are not followed' : ''}`,
      )
    }
    const hash = createHash(algorithm)
    let bytes = 0
    const measured = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        bytes += chunk.length
        if (bytes > maxBytes) {
          throw new GateError('ARTIFACT_INVALID', `the artifact has more than ${maxBytes} bytes`)
        }
        hash.update(chunk)
        yield chunk
      }
    }
    await pipeline(answer, measured, createWriteStream(file, { flags: 'wx', mode: 0o600 }), { signal: limit })
    const got = hash.digest('hex')
    if (got !== wanted) {
      throw new GateError('ARTIFACT_INVALID', `the artifact has the digest ${algorithm}:${got}, not ${digest}`)
    }
  } catch (thrown) {
    if (thrown instanceof GateError) throw thrown
    signal.throwIfAborted()
    const why = limit.aborted ? `not within ${timeoutMs / 1000} s` : thrownText(thrown)
    throw new GateError('ARTIFACT_UNREADABLE', `the artifact cannot be fetched from ${place.host}: ${why}`, {
      cause: thrown,
    })
  }
}

/** Without the connections, proxies and redirects of others. */
function ask(place: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const request = place.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    request(place, { agent: false, signal, headers: { accept: '*/*', 'user-agent': 'lockkeeper-flux' } }, resolve)
      .on('error', reject)
      .end()
  })
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}
