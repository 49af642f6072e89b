import { type ClusterClient, ClusterError, type Collection } from '../../src/io/cluster/cluster-client.js'
import { listPages } from '../../src/io/cluster/list-pages.js'
import type { JsonObject } from '../../src/json.js'
import type { Look, Right } from '../facts.js'

/** What is not there, or not known to this API server. */
const NOT_FOUND = 404
const FORBIDDEN = 403

/** An object; null when it is not there. */
export function lookAt(
  client: Pick<ClusterClient, 'find'>,
  collection: Collection,
  name: string,
): Promise<Look<JsonObject | null>> {
  return look(rightTo('get', collection, name), () => client.find(collection, name))
}

/** All objects of a collection; none where the API server does not know the kind. */
export function lookThrough(
  client: Pick<ClusterClient, 'list'>,
  collection: Collection,
  labelSelector = '',
): Promise<Look<readonly JsonObject[]>> {
  return look(rightTo('list', collection, null), async () => {
    const items: JsonObject[] = []
    try {
      for await (const page of listPages(client, collection, { labelSelector })) items.push(...page.items)
    } catch (thrown) {
      if (!(thrown instanceof ClusterError) || thrown.status !== NOT_FOUND) throw thrown
    }
    return items
  })
}

/** What somebody lacks the right to see, or what could not be asked, is said and stops nothing. */
export async function look<T>(right: Right, ask: () => Promise<T>): Promise<Look<T>> {
  try {
    return { seen: await ask() }
  } catch (thrown) {
    if (!(thrown instanceof ClusterError)) throw thrown
    return { seen: undefined, right, error: thrown.message, user: refusedUser(thrown) }
  }
}

function rightTo(verb: Right['verb'], { group, resource, namespace }: Collection, name: string | null): Right {
  return { verb, target: group === '' ? resource : `${resource}.${group}`, namespace: namespace ?? null, name }
}

/** The API server says whom it took us for. */
function refusedUser({ status, message }: ClusterError): string | null {
  return status === FORBIDDEN ? (/User "([^"]+)" cannot /.exec(message)?.[1] ?? null) : null
}
