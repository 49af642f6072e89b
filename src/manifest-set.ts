import type { NamespaceInfo, ResourceReference, SetViolation } from './decision-types.js'
import { objectKey } from './live-objects.js'
import type { Manifest } from './manifest.js'
import { namespaceInfo } from './policy/bundle.js'
import { duplicateObjectViolation } from './set-decision.js'
import { groupOf } from './workload.js'

/**
 * What the manifests of one set say about each other: which objects are defined twice, and the labels of namespaces.
 * It holds names and positions, never objects.
 *
 * One directory is taken for one application, unless all of the set is said to be one: in it, the last of two equal objects
 * wins where they are applied. Equal objects in two directories are most often for two clusters, so all of them are judged.
 */
export class ManifestSet {
  readonly #defaultNamespace: string
  readonly #isOneApplication: boolean
  readonly #objects = new Map<string, Map<string, Found[]>>()
  readonly #namespaces = new Map<string, Map<string, NamespaceInfo>>()

  constructor(defaultNamespace: string, { isOneApplication = false }: { readonly isOneApplication?: boolean } = {}) {
    this.#defaultNamespace = defaultNamespace
    this.#isOneApplication = isOneApplication
  }

  add(manifest: Manifest): void {
    const { metadata, kind, apiVersion } = manifest.object
    const { name } = metadata
    if (typeof name !== 'string' || name === '') return
    const directory = this.#directory(manifest.source.file)
    if (kind === 'Namespace' && apiVersion === 'v1') {
      entry(this.#namespaces, name, () => new Map<string, NamespaceInfo>()).set(directory, namespaceInfo(metadata))
    }
    const byDirectory = entry(this.#objects, this.#key(manifest), () => new Map<string, Found[]>())
    entry(byDirectory, directory, () => []).push({ reference: referenceOf(manifest), position: positionOf(manifest) })
  }

  /** Whether a later manifest of the same directory takes this one's place. */
  isReplaced(manifest: Manifest): boolean {
    const found = this.#objects.get(this.#key(manifest))?.get(this.#directory(manifest.source.file))
    return found !== undefined && found.length > 1 && found.at(-1)?.position !== positionOf(manifest)
  }

  /** The labels of a namespace whose Namespace is in the set; undefined as well where several disagree. */
  namespaceOf(name: string, file: string): NamespaceInfo | undefined {
    const byDirectory = this.#namespaces.get(name)
    const near = byDirectory?.get(this.#directory(file))
    if (byDirectory === undefined || near !== undefined) return near
    const [first, ...others] = byDirectory.values()
    return others.every(other => sameInfo(other, first)) ? first : undefined
  }

  /** One violation for each object that is defined more than once. */
  duplicates(): SetViolation[] {
    const violations: SetViolation[] = []
    for (const byDirectory of this.#objects.values()) {
      for (const found of byDirectory.values()) {
        if (found.length > 1) violations.push(duplicateObjectViolation(found.map(each => each.reference)))
      }
      if (byDirectory.size > 1)
        violations.push(acrossDirectories([...byDirectory.values()].flatMap(found => found.at(-1) ?? [])))
    }
    return violations
  }

  #key({ object: { apiVersion, kind, metadata } }: Manifest): string {
    const namespace = typeof metadata.namespace === 'string' ? metadata.namespace : this.#defaultNamespace
    return objectKey(groupOf(apiVersion), kind, namespace, typeof metadata.name === 'string' ? metadata.name : '')
  }

  #directory(file: string): string {
    const slash = this.#isOneApplication ? -1 : file.lastIndexOf('/')
    return slash < 0 ? '.' : file.slice(0, slash)
  }
}

interface Found {
  readonly reference: ResourceReference
  readonly position: string
}

function entry<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const value = create()
  map.set(key, value)
  return value
}

function acrossDirectories(found: readonly Found[]): SetViolation {
  const violation = duplicateObjectViolation(found.map(each => each.reference))
  const { kind = '', namespace, name = '' } = violation.objects[0] ?? {}
  const object = `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
  return {
    ...violation,
    message: `${object} is defined in ${found.length} directories: where they are applied together, only the last one counts`,
  }
}

function positionOf({ source, item }: Manifest): string {
  return `${source.file}\0${source.document}\0${item ?? ''}`
}

function referenceOf({ object, source }: Manifest): ResourceReference {
  const { namespace, name } = object.metadata
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...(typeof namespace === 'string' ? { namespace } : {}),
    name: typeof name === 'string' ? name : '',
    file: source.file,
    line: source.line,
  }
}

function sameInfo(a: NamespaceInfo, b: NamespaceInfo | undefined): boolean {
  const text = (info: NamespaceInfo | undefined): string =>
    JSON.stringify([info?.labels, info?.annotations].map(each => Object.entries(each ?? {}).sort()))
  return text(a) === text(b)
}
