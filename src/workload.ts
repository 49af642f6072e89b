import type { Problem } from './fields.js'
import { isJsonObject, type Json, type JsonObject } from './json.js'

/** A kind that carries pod templates, and where: the same in every version of the kind. */
export interface WorkloadEntry {
  readonly group: string
  readonly kind: string
  /**
   * JSON pointer to the pod template, an object with metadata and spec; '' when the object itself is one.
   * A segment `*` stands for every index of a list or every key of an object.
   */
  readonly path: string
}

/** The kinds known to carry pod templates; policies read the same table in `policies/data/workloads.json`. */
export const WORKLOADS: readonly WorkloadEntry[] = [
  { group: '', kind: 'Pod', path: '' },
  { group: '', kind: 'PodTemplate', path: '/template' },
  { group: '', kind: 'ReplicationController', path: '/spec/template' },
  { group: 'apps', kind: 'Deployment', path: '/spec/template' },
  { group: 'apps', kind: 'DaemonSet', path: '/spec/template' },
  { group: 'apps', kind: 'ReplicaSet', path: '/spec/template' },
  { group: 'apps', kind: 'StatefulSet', path: '/spec/template' },
  { group: 'extensions', kind: 'Deployment', path: '/spec/template' },
  { group: 'extensions', kind: 'DaemonSet', path: '/spec/template' },
  { group: 'extensions', kind: 'ReplicaSet', path: '/spec/template' },
  { group: 'batch', kind: 'Job', path: '/spec/template' },
  { group: 'batch', kind: 'CronJob', path: '/spec/jobTemplate/spec/template' },
  { group: 'argoproj.io', kind: 'Rollout', path: '/spec/template' },
  { group: 'serving.knative.dev', kind: 'Service', path: '/spec/template' },
  { group: 'serving.knative.dev', kind: 'Configuration', path: '/spec/template' },
  { group: 'serving.knative.dev', kind: 'Revision', path: '' },
]

/** The three lists of containers in a pod spec. */
export const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const
export type ContainerList = (typeof CONTAINER_LISTS)[number]

export interface PodTemplateLocation {
  /** JSON pointer to the template. */
  readonly path: string
  readonly template: JsonObject
}

export interface ContainerLocation {
  /** JSON pointer to the container. */
  readonly path: string
  readonly container: JsonObject
  readonly list: ContainerList
}

/** True when objects of this kind carry pod templates. */
export function isWorkload(group: string, kind: string, table: readonly WorkloadEntry[]): boolean {
  return table.some(entry => entry.group === group && entry.kind === kind)
}

/** The group of an apiVersion: '' for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}

/** The pod templates of an object in the order of the table; none for kinds that are not in it. Each place is named once. */
export function podTemplates(object: JsonObject, table: readonly WorkloadEntry[]): PodTemplateLocation[] {
  const { apiVersion, kind } = object
  if (typeof apiVersion !== 'string') return []
  const group = groupOf(apiVersion)
  const found = new Map<string, JsonObject>()
  for (const entry of table) {
    if (entry.group !== group || entry.kind !== kind) continue
    collect(object, entry.path.split('/').slice(1), '', found)
  }
  return [...found].map(([path, template]) => ({ path, template }))
}

function collect(value: Json | undefined, segments: readonly string[], path: string, found: Map<string, JsonObject>) {
  const [segment, ...rest] = segments
  if (segment === undefined) {
    if (isJsonObject(value)) found.set(path, value)
    return
  }
  for (const key of keysFor(value, segment)) {
    const child = Array.isArray(value) ? value[Number(key)] : isJsonObject(value) ? value[key] : undefined
    collect(child, rest, `${path}/${escapeSegment(key)}`, found)
  }
}

/** The members that a segment of a pointer names in this value. */
function keysFor(value: Json | undefined, segment: string): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  if (segment === '*') return Object.keys(value)
  const key = segment.replaceAll('~1', '/').replaceAll('~0', '~')
  return Object.hasOwn(value, key) && !(Array.isArray(value) && key === 'length') ? [key] : []
}

function escapeSegment(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Every container of an object's pod templates with its place; what is not an object in a list of containers is skipped. */
export function workloadContainers(object: JsonObject, table: readonly WorkloadEntry[]): ContainerLocation[] {
  return podTemplates(object, table).flatMap(({ path, template }) => {
    const { spec } = template
    if (!isJsonObject(spec)) return []
    return CONTAINER_LISTS.flatMap(list => containersOf(spec[list], `${path}/spec/${list}`, list))
  })
}

function containersOf(value: Json | undefined, path: string, list: ContainerList): ContainerLocation[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((container, index) =>
    isJsonObject(container) ? [{ path: `${path}/${index}`, container, list }] : [],
  )
}

const GROUP = /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/
const POINTER = /^(\/([^~/]|~[01])+)*$/
const MAX_SEGMENTS = 20
/** Each `*` multiplies the places to look at; two are more than any known kind has. */
const MAX_WILDCARDS = 2

/** What is wrong with each member of an entry, by member. */
const CHECKS: Readonly<Record<keyof WorkloadEntry, (value: string) => string | null>> = {
  group: value => (GROUP.test(value) ? null : 'must be an API group, "" for the core group'),
  kind: value => (KIND.test(value) ? null : 'must be a kind such as Deployment'),
  path: value => {
    if (!POINTER.test(value)) return 'must be a JSON pointer to the pod template, "" for the object itself'
    const segments = value.split('/')
    // What asks for pod specs only does not look into them (policies/lib/workload.rego): their results are kept for longer.
    if (segments[1] === 'metadata' || segments[1] === 'status') return `must not lead into ${segments[1]}`
    if (segments.length - 1 > MAX_SEGMENTS) return `must have at most ${MAX_SEGMENTS} segments`
    const wildcards = segments.filter(segment => segment === '*').length
    return wildcards > MAX_WILDCARDS ? `must have at most ${MAX_WILDCARDS} segments "*"` : null
  },
}

/**
 * Reads configured entries beside the built-in table.
 *
 * @returns the entries that are right, and every problem with its path below the list (`[0].kind`)
 */
export function parseWorkloads(value: unknown): {
  readonly entries: readonly WorkloadEntry[]
  readonly problems: readonly Problem[]
} {
  if (!Array.isArray(value)) return { entries: [], problems: [{ path: '', message: 'must be a list' }] }
  const problems: Problem[] = []
  const entries = value.flatMap((item: unknown, index) => parseEntry(item, `[${index}]`, problems) ?? [])
  return { entries, problems }
}

function parseEntry(item: unknown, path: string, problems: Problem[]): WorkloadEntry | undefined {
  if (!isJsonObject(item)) {
    problems.push({ path, message: 'must be a mapping with group, kind and path' })
    return undefined
  }
  const before = problems.length
  for (const key of Object.keys(item)) {
    if (!Object.hasOwn(CHECKS, key)) problems.push({ path: `${path}.${key}`, message: 'is not known here' })
  }
  const read = (key: keyof WorkloadEntry): string => {
    const member = item[key]
    const text = typeof member === 'string' ? member : ''
    const message = typeof member === 'string' ? CHECKS[key](member) : 'must be a string'
    if (message !== null) problems.push({ path: `${path}.${key}`, message })
    return text
  }
  const entry = { group: read('group'), kind: read('kind'), path: read('path') }
  return problems.length === before ? entry : undefined
}
