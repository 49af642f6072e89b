import { isJsonObject, type Json, type JsonObject } from '../../json.js'

/** A pod spec with its place, wherever in an object it is. */
export interface PodPlace {
  readonly path: string
  readonly spec: JsonObject
  /** The metadata beside it: a pod's annotations set some of its security. */
  readonly metadata: JsonObject | null
  /** The place of that metadata. */
  readonly metadataPath: string
}

/** A container, or a step of a pipeline that becomes one. */
export interface ContainerPlace {
  readonly path: string
  readonly container: JsonObject
}

/** What an object runs. */
export interface Places {
  readonly pods: readonly PodPlace[]
  readonly containers: readonly ContainerPlace[]
}

const CONTAINER_MEMBERS: ReadonlySet<string> = new Set([
  'containers',
  'initContainers',
  'ephemeralContainers',
  'steps',
  'sidecars',
  'stepTemplate',
  'container',
  'script',
])
const POD_MEMBERS: ReadonlySet<string> = new Set(['containers', 'initContainers', 'ephemeralContainers'])
/** Kinds whose texts look like anything: nothing in them runs as it stands there. */
const NOTHING_RUNS: ReadonlySet<string> = new Set(['Secret', 'CustomResourceDefinition'])

/**
 * Finds pod specs and containers by their form, so that a template in a kind nobody has heard of, or in a list that a
 * controller unfolds, is looked into like that of a Deployment.
 */
export function findPlaces(object: JsonObject): Places {
  const pods: PodPlace[] = []
  const containers: ContainerPlace[] = []
  if (typeof object.kind !== 'string' || !NOTHING_RUNS.has(object.kind)) walk(object, '', null, pods, containers)
  return { pods, containers }
}

function walk(
  value: JsonObject,
  path: string,
  parent: { readonly object: JsonObject; readonly path: string } | null,
  pods: PodPlace[],
  containers: ContainerPlace[],
): void {
  let isPod = false
  for (const key in value) {
    const member = value[key]
    if (typeof member !== 'object' || member === null) continue
    if (CONTAINER_MEMBERS.has(key)) {
      const found = addContainers(member, `${path}/${key}`, containers)
      if (found && POD_MEMBERS.has(key)) isPod = true
    }
    if (key === 'metadata' || key === 'status') continue
    walkMember(member, `${path}/${segment(key)}`, { object: value, path }, pods, containers)
  }
  if (isPod) {
    const metadata = parent?.object.metadata
    pods.push({
      path,
      spec: value,
      metadata: isJsonObject(metadata) ? metadata : null,
      metadataPath: `${parent?.path ?? ''}/metadata`,
    })
  }
}

function walkMember(
  member: Json,
  path: string,
  parent: { readonly object: JsonObject; readonly path: string },
  pods: PodPlace[],
  containers: ContainerPlace[],
): void {
  if (Array.isArray(member)) {
    member.forEach((item, index) => {
      if (typeof item === 'object' && item !== null) walkMember(item, `${path}/${index}`, parent, pods, containers)
    })
  } else if (isJsonObject(member)) walk(member, path, parent, pods, containers)
}

/** A container has an image or something to run; of lists and single members alike. */
function addContainers(member: Json, path: string, containers: ContainerPlace[]): boolean {
  if (Array.isArray(member)) {
    let found = false
    member.forEach((item, index) => {
      if (isJsonObject(item)) {
        containers.push({ path: `${path}/${index}`, container: item })
        found = true
      }
    })
    return found
  }
  if (!isJsonObject(member)) return false
  if (typeof member.image === 'string') containers.push({ path, container: member })
  return false
}

/** A key as it stands in a JSON pointer. */
export function segment(key: string): string {
  return key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key
}

/** The texts of a list; anything else is skipped. */
export function textsOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}

/** The text itself, or an empty one in place of anything else. */
export function textOr(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** The objects of a list with their places; anything else is skipped. */
export function objectsAt(
  value: Json | undefined,
  path: string,
): readonly { readonly item: JsonObject; readonly path: string }[] {
  if (!Array.isArray(value)) return []
  const found: { readonly item: JsonObject; readonly path: string }[] = []
  value.forEach((item, index) => {
    if (isJsonObject(item)) found.push({ item, path: `${path}/${index}` })
  })
  return found
}
