import { isJsonObject, type Json, type JsonObject, parseJson } from '../../json.js'
import { type ClusterClient, ClusterError } from './cluster-client.js'
import { GateError, thrownText } from '../../errors.js'

/** One resource of one version of a group. */
export interface ServedResource {
  /** '' for the core group */
  readonly group: string
  readonly version: string
  /** The plural: `deployments`. */
  readonly resource: string
  readonly kind: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  readonly subresources: readonly ServedSubresource[]
}

export interface ServedSubresource {
  /** `scale` */
  readonly name: string
  readonly verbs: readonly string[]
}

export interface ServedGroup {
  readonly group: string
  /** Best first. */
  readonly versions: readonly string[]
  readonly preferredVersion: string
}

/** What an API server serves. */
export interface Discovery {
  readonly groups: readonly ServedGroup[]
  readonly resources: readonly ServedResource[]
  /** What could not be asked, or is known from earlier only: the server behind an APIService is away. */
  readonly failures: readonly { readonly groupVersion: string; readonly error: string }[]
}

type Asking = Pick<ClusterClient, 'getText'>

const AGGREGATED = [
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList',
  'application/json',
].join(',')

/**
 * Asks what is served: in two requests where the server has the aggregated form (1.27 and newer), else one for each version.
 *
 * @throws ClusterError when not even the groups can be asked for
 */
export async function discover(client: Asking, signal?: AbortSignal): Promise<Discovery> {
  const [core, named] = await Promise.all(['/api', '/apis'].map(path => discoverBelow(client, path, signal)))
  const parts = [core ?? EMPTY, named ?? EMPTY]
  return {
    groups: parts.flatMap(({ groups }) => groups),
    resources: parts.flatMap(({ resources }) => resources),
    failures: parts.flatMap(({ failures }) => failures),
  }
}

const EMPTY: Discovery = { groups: [], resources: [], failures: [] }

async function discoverBelow(client: Asking, path: string, signal: AbortSignal | undefined): Promise<Discovery> {
  const answer = await ask(client, path, signal)
  if (answer.kind === 'APIGroupDiscoveryList') return joined(elements(answer.items).map(aggregatedGroup))
  const groups = answer.kind === 'APIVersions' ? [legacyCore(answer)] : elements(answer.groups).map(legacyGroup)
  const found: Discovery[] = []
  // One after the other: a server that has only this form has few groups, and no need for a burst.
  for (const group of groups) found.push(await legacyResources(client, group, signal))
  return joined(found)
}

function joined(parts: readonly Discovery[]): Discovery {
  return {
    groups: parts.flatMap(({ groups }) => groups),
    resources: parts.flatMap(({ resources }) => resources),
    failures: parts.flatMap(({ failures }) => failures),
  }
}

function aggregatedGroup(item: JsonObject): Discovery {
  const group = isJsonObject(item.metadata) ? text(item.metadata.name) : ''
  const versions = elements(item.versions)
  const names = versions.map(each => text(each.version))
  return {
    groups: [{ group, versions: names, preferredVersion: names[0] ?? '' }],
    resources: versions.flatMap(each =>
      elements(each.resources).map(resource => aggregatedResource(group, text(each.version), resource)),
    ),
    failures: versions
      .filter(each => each.freshness === 'Stale')
      .map(each => ({ groupVersion: `${group}/${text(each.version)}`, error: 'its server does not answer' })),
  }
}

function aggregatedResource(group: string, version: string, resource: JsonObject): ServedResource {
  const kind = isJsonObject(resource.responseKind) ? text(resource.responseKind.kind) : ''
  return {
    group,
    version,
    resource: text(resource.resource),
    kind,
    namespaced: resource.scope === 'Namespaced',
    verbs: texts(resource.verbs),
    subresources: elements(resource.subresources).map(each => ({
      name: text(each.subresource),
      verbs: texts(each.verbs),
    })),
  }
}

function legacyCore(answer: JsonObject): ServedGroup {
  const versions = texts(answer.versions)
  return { group: '', versions, preferredVersion: versions[0] ?? '' }
}

function legacyGroup(item: JsonObject): ServedGroup {
  const versions = elements(item.versions).map(each => text(each.version))
  const preferred = isJsonObject(item.preferredVersion) ? text(item.preferredVersion.version) : ''
  return { group: text(item.name), versions, preferredVersion: preferred === '' ? (versions[0] ?? '') : preferred }
}

async function legacyResources(client: Asking, group: ServedGroup, signal?: AbortSignal): Promise<Discovery> {
  const resources: ServedResource[] = []
  const failures: Discovery['failures'][number][] = []
  for (const version of group.versions) {
    const groupVersion = group.group === '' ? version : `${group.group}/${version}`
    try {
      const answer = await ask(client, group.group === '' ? `/api/${version}` : `/apis/${groupVersion}`, signal)
      resources.push(...legacyVersion(group.group, version, elements(answer.resources)))
    } catch (thrown) {
      if (signal?.aborted === true) throw thrown
      failures.push({ groupVersion, error: thrownText(thrown) })
    }
  }
  return { groups: [group], resources, failures }
}

/** Subresources stand beside their resource: `pods`, `pods/log`. */
function legacyVersion(group: string, version: string, items: readonly JsonObject[]): ServedResource[] {
  const parts = items.map(item => ({ item, path: text(item.name).split('/') }))
  return parts
    .filter(({ path }) => path.length === 1)
    .map(({ item, path: [resource = ''] }) => ({
      group,
      version,
      resource,
      kind: text(item.kind),
      namespaced: item.namespaced === true,
      verbs: texts(item.verbs),
      subresources: parts
        .filter(({ path }) => path.length > 1 && path[0] === resource)
        .map(each => ({ name: each.path.slice(1).join('/'), verbs: texts(each.item.verbs) })),
    }))
}

async function ask(client: Asking, path: string, signal: AbortSignal | undefined): Promise<JsonObject> {
  const answer = await client.getText(path, { accept: AGGREGATED, ...(signal !== undefined && { signal }) })
  let value: Json = null
  try {
    value = parseJson(answer)
  } catch (cause) {
    if (!(cause instanceof GateError)) throw cause
  }
  if (isJsonObject(value)) return value
  throw new ClusterError(`the answer to GET ${path} is no discovery document`, { status: 200, reason: 'InvalidAnswer' })
}

function elements(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}
