import { thrownText } from '../../src/errors.js'
import type { TokenOwner } from '../../src/io/cluster/token-review.js'
import { Refusal } from './refusal.js'

/** The audience that a token for this API has to be meant for. */
export const CONTROLLER_AUDIENCE = 'lockkeeper-controller'

const BEARER = /^Bearer +([^\s]+)$/i

/**
 * Finds out who calls, from an Authorization header.
 *
 * The returned function rejects with a Refusal: 401 without a token that the API server knows and that is meant for this API,
 * 403 for somebody who is not on the list, 503 when the API server could not be asked.
 *
 * @param allowed `system:serviceaccount:<namespace>:<name>`
 */
export function createCallerCheck(
  review: (token: string) => Promise<TokenOwner | null>,
  allowed: readonly string[],
): (authorization: string | undefined) => Promise<string> {
  return async authorization => {
    const token = BEARER.exec(authorization ?? '')?.[1]
    if (token === undefined) throw new Refusal(401, 'send a bearer token')
    let owner: TokenOwner | null
    try {
      owner = await review(token)
    } catch (cause) {
      throw new Refusal(503, `the token could not be checked: ${thrownText(cause)}`, { cause })
    }
    if (owner === null) throw new Refusal(401, `the token is not valid for the audience ${CONTROLLER_AUDIENCE}`)
    if (!allowed.includes(owner.username)) {
      throw new Refusal(403, `${owner.username} is not one of those that may call`)
    }
    return owner.username
  }
}
