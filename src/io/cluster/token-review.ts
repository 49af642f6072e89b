import { createHash } from 'node:crypto'
import { isJsonObject, type Json } from '../../json.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import type { ClusterClient } from './cluster-client.js'

/** Whose token it is. */
export interface TokenOwner {
  readonly username: string
  readonly groups: readonly string[]
}

export interface TokenReviewerOptions {
  /** The token has to be meant for one of them; empty: for the API server. */
  readonly audiences: readonly string[]
  /** So long a token that was taken back may still be believed; 10 s when not said. */
  readonly ttlMs?: number
  readonly maxEntries?: number
  readonly clock?: Clock
}

/** The API server takes no header near this size. */
const MAX_TOKEN_LENGTH = 64 * 1024
const COLLECTION = { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews' }

/**
 * Asks the API server whose a bearer token is: null when it is nobody's, or not meant for us. Answers are kept for a few
 * seconds by a digest of the token, never by the token.
 *
 * The returned function rejects with a ClusterError when nobody could be asked, which says nothing about the token.
 */
export function createTokenReviewer(
  client: Pick<ClusterClient, 'create'>,
  { audiences, ttlMs = 10_000, maxEntries = 1000, clock = SYSTEM_CLOCK }: TokenReviewerOptions,
): (token: string) => Promise<TokenOwner | null> {
  const kept = new Map<string, { readonly untilMs: number; readonly owner: Promise<TokenOwner | null> }>()

  const ask = async (token: string): Promise<TokenOwner | null> => {
    const review = await client.create(COLLECTION, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, ...(audiences.length > 0 && { audiences: [...audiences] }) },
    })
    return ownerIn(review.status, audiences)
  }

  return async token => {
    if (token === '' || token.length > MAX_TOKEN_LENGTH) return null
    const key = createHash('sha256').update(token).digest('base64')
    const known = kept.get(key)
    if (known !== undefined && clock.monotonicMs() < known.untilMs) return known.owner
    kept.delete(key)
    const owner = ask(token)
    kept.set(key, { untilMs: clock.monotonicMs() + ttlMs, owner })
    // A Map keeps the order of insertion: the first key is the oldest.
    for (const oldest of kept.keys()) {
      if (kept.size <= maxEntries) break
      kept.delete(oldest)
    }
    try {
      return await owner
    } catch (thrown) {
      kept.delete(key)
      throw thrown
    }
  }
}

function ownerIn(status: Json | undefined, audiences: readonly string[]): TokenOwner | null {
  if (!isJsonObject(status) || status.authenticated !== true || !isJsonObject(status.user)) return null
  const meant = textsIn(status.audiences)
  // A server that knows no audiences leaves them out, and then the token is one for the API server itself.
  if (audiences.length > 0 && !audiences.some(audience => meant.includes(audience))) return null
  const { username, groups } = status.user
  return typeof username === 'string' && username !== '' ? { username, groups: textsIn(groups) } : null
}

function textsIn(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}
