import { type ClusterClient, ClusterError, type Collection, type ListOptions, type ListPage } from './cluster-client.js'
import { RESPONSE_TOO_LARGE } from './transport.js'

/**
 * Lists a collection page by page; pages that turn out too large to read are asked for with fewer objects.
 *
 * @param options.whenForgotten what to do when the list took so long that the server forgot its beginning: fail with status
 *   410, or go on from the state of now, which misses what changed meanwhile in the part that was read
 * @throws ClusterError
 */
export async function* listPages(
  client: Pick<ClusterClient, 'list'>,
  collection: Collection,
  {
    limit: firstLimit = 500,
    whenForgotten = 'fail',
    ...options
  }: ListOptions & { readonly whenForgotten?: 'fail' | 'go on' } = {},
): AsyncGenerator<ListPage, void> {
  let limit = firstLimit
  let continueToken = options.continueToken ?? ''
  for (;;) {
    let page: ListPage
    try {
      page = await client.list(collection, { ...options, limit, continueToken })
    } catch (thrown) {
      if (thrown instanceof ClusterError && thrown.continueToken !== null && whenForgotten === 'go on') {
        if (thrown.continueToken === continueToken) throw thrown
        continueToken = thrown.continueToken
        continue
      }
      if (!(thrown instanceof ClusterError) || thrown.reason !== RESPONSE_TOO_LARGE || limit <= 1) throw thrown
      limit = Math.ceil(limit / 4)
      continue
    }
    continueToken = page.continueToken
    yield page
    if (continueToken === '') return
  }
}
