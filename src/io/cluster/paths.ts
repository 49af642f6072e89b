import { ClusterError, type Collection, type ListOptions } from './cluster-client.js'

/** The path of a collection, of an object in it, or of a subresource. */
export function pathOf(collection: Collection, name?: string, subresource?: string): string {
  const { group, version, resource, namespace } = collection
  return [
    group === '' ? '/api' : `/apis/${segment(group)}`,
    segment(version),
    ...(namespace === undefined ? [] : ['namespaces', segment(namespace)]),
    segment(resource),
    ...(name === undefined ? [] : [segment(name)]),
    ...(subresource === undefined ? [] : subresource.split('/').map(segment)),
  ].join('/')
}

/** An empty name would make the whole collection of an object, and two dots something else altogether. */
function segment(text: string): string {
  if (text === '' || text === '.' || text === '..' || text.length > 512) {
    throw new ClusterError(`"${text.slice(0, 20)}" cannot be a part of a path of the API`, {
      status: 400,
      reason: 'BadRequest',
    })
  }
  return encodeURIComponent(text)
}

/** A query of what is there; absent and empty values are left out. */
export function queryOf(values: Readonly<Record<string, string | number | boolean | undefined>>): URLSearchParams {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== '' && value !== false) query.set(key, String(value))
  }
  return query
}

export function listQuery(options: ListOptions): URLSearchParams {
  const { limit, continueToken, labelSelector, fieldSelector, resourceVersion } = options
  return queryOf({ limit, continue: continueToken, labelSelector, fieldSelector, resourceVersion })
}
