import type { ClusterClient, Collection } from '../../src/io/cluster/cluster-client.js'
import { isJsonObject, type Json, type JsonObject, stringMembers } from '../../src/json.js'
import type { LiveReference } from '../../src/live-query.js'

const APPLICATIONS = { group: 'argoproj.io', version: 'v1alpha1', resource: 'applications' }
const NAME = /^[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?$/

/** What an Application says about itself as far as live objects go. */
export interface ApplicationState {
  /** Where it deploys to: a server's URL, or a cluster's name. */
  readonly destination: string
  /** What it had at the last comparison; hooks are not among them, since they are never pruned. */
  readonly resources: readonly LiveReference[]
}

/**
 * Reads an Application by the name that its plugin was told: `<namespace>_<name>` where it is not in Argo CD's own.
 *
 * @returns null where there is none
 * @throws ClusterError
 */
export async function readApplication(
  client: Pick<ClusterClient, 'find'>,
  application: string,
  applicationsNamespace: string,
  signal: AbortSignal,
): Promise<ApplicationState | null> {
  const place = applicationPlace(application, applicationsNamespace)
  if (place === null) return null
  const object = await client.find(place.collection, place.name, { signal })
  return object === null ? null : stateOf(object)
}

/** Where an Application is by the name that its plugin was told; null for what is no such name. */
export function applicationPlace(
  application: string,
  applicationsNamespace: string,
): { readonly collection: Collection; readonly name: string } | null {
  // No name of Kubernetes has an underscore.
  const at = application.indexOf('_')
  const namespace = at < 0 ? applicationsNamespace : application.slice(0, at)
  const name = application.slice(at + 1)
  if (!NAME.test(namespace) || !NAME.test(name)) return null
  return { collection: { ...APPLICATIONS, namespace }, name }
}

function stateOf(object: JsonObject): ApplicationState {
  const spec = isJsonObject(object.spec) ? object.spec : {}
  const { server, name } = stringMembers(spec.destination)
  const status = isJsonObject(object.status) ? object.status : {}
  const resources = Array.isArray(status.resources) ? status.resources : []
  return {
    destination: server ?? name ?? '',
    resources: resources.flatMap(each => referenceOf(each) ?? []),
  }
}

function referenceOf(value: Json): LiveReference | null {
  if (!isJsonObject(value) || value.hook === true) return null
  const { group = '', version = '', kind, namespace, name } = stringMembers(value)
  if (kind === undefined || name === undefined || version === '') return null
  return { group, version, kind, name, ...(namespace !== undefined && namespace !== '' && { namespace }) }
}
