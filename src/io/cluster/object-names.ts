import { isJsonObject } from '../../json.js'
import type { ClusterObject } from './cluster-client.js'

/** What identifies an object of the API server; '' where it has none. */
export interface ObjectNames {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

export function namesOf(object: ClusterObject): ObjectNames {
  const metadata = isJsonObject(object.metadata) ? object.metadata : {}
  const text = (key: string): string => {
    const value = metadata[key]
    return typeof value === 'string' ? value : ''
  }
  return {
    namespace: text('namespace'),
    name: text('name'),
    uid: text('uid'),
    resourceVersion: text('resourceVersion'),
  }
}
