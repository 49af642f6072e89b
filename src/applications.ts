import { buildChangeSet, type ChangeSet, type Surroundings } from './change-set.js'
import type { NamespaceInfo } from './decision-types.js'
import type { JsonObject } from './json.js'
import { objectKey, type LiveAnswer } from './live-objects.js'
import type { Manifest } from './manifest.js'
import { namespaceInfo, type Bundle } from './policy/bundle.js'
import { buildRequest, targetOf } from './request.js'
import type { Place } from './review-set.js'

/** A manifest of one of the two states that are compared. */
export interface StateObject {
  readonly manifest: Manifest
  readonly place: Place
  /** What it is applied with: '' for plain files, else what was rendered. */
  readonly application: string
  /** The directory it comes from. */
  readonly directory: string
}

/** The two states of what is to be applied. */
export interface States {
  readonly before: readonly StateObject[]
  readonly after: readonly StateObject[]
  /** Whether it is certain that the later state lacks an object of the earlier one. */
  isGone(object: StateObject): boolean
}

type ComparisonSource = Omit<Surroundings, 'namespaceOf'> & { readonly bundle: Pick<Bundle, 'config' | 'namespaces'> }

/** An object of a state with the names it is found by. */
interface Named extends StateObject {
  /** null: the server makes up a name. */
  readonly key: string | null
}

/**
 * Compares two states of a repository, application by application: what leads from one to the other, as admission would
 * see it where the earlier state was applied.
 *
 * An object is compared with the one of the same name in the same directory, else with one that is in another directory
 * now: it was moved. Plain files are one application, unless two directories hold an object of the same name: then they
 * are meant for two clusters, and each directory is an application.
 */
export function compareStates(states: States, source: ComparisonSource): readonly ChangeSet[] {
  const name = (each: StateObject): Named => ({ ...each, key: keyOf(each.manifest, source.namespace) })
  const [before, after] = [states.before.map(name), states.after.map(name)]
  const isSplit = [before, after].some(isAmbiguous)
  const applicationOf = ({ application, directory }: StateObject): string =>
    application === '' && isSplit ? `${directory}/` : application
  const { bases, unmatched } = matchUp(before, after)
  const applications = new Map<string, { before: Named[]; after: Named[]; gone: Named[] }>()
  const at = (each: StateObject) => {
    const known = applications.get(applicationOf(each)) ?? { before: [], after: [], gone: [] }
    applications.set(applicationOf(each), known)
    return known
  }
  for (const each of after) at(each).after.push(each)
  for (const each of before) at(each).before.push(each)
  for (const each of unmatched) if (states.isGone(each)) at(each).gone.push(each)
  return [...applications.values()].map(each => {
    const live: LiveAnswer = {
      objects: new Map(
        each.after.flatMap(object => {
          const base = bases.get(object)
          return object.key === null ? [] : [[object.key, base === undefined ? null : asApplied(base, source)]]
        }),
      ),
      pruned: each.gone.map(object => asApplied(object, source)),
      namespaces: new Map(each.before.flatMap(namespacesOf)),
    }
    const changes = buildChangeSet({ ...source, manifests: each.after.map(({ manifest }) => manifest), live })
    return withPlaces(changes, each, source.namespace)
  })
}

/** First by name and directory, then by name alone. */
function matchUp(before: readonly Named[], after: readonly Named[]) {
  const bases = new Map<Named, Named>()
  let unmatched = before
  for (const keyOfPass of [(each: Named) => `${each.directory}\0${each.key ?? ''}`, (each: Named) => each.key ?? '']) {
    const waiting = new Map<string, Named[]>()
    for (const each of unmatched) {
      const list = waiting.get(keyOfPass(each))
      if (list === undefined) waiting.set(keyOfPass(each), [each])
      else list.push(each)
    }
    for (const each of after) {
      const base = each.key === null || bases.has(each) ? undefined : waiting.get(keyOfPass(each))?.shift()
      if (base !== undefined) bases.set(each, base)
    }
    const matched = new Set(bases.values())
    unmatched = unmatched.filter(each => each.key !== null && !matched.has(each))
  }
  return { bases, unmatched }
}

/** Whether two directories of plain files hold an object of the same name. */
function isAmbiguous(objects: readonly Named[]): boolean {
  const directories = new Map<string, string>()
  return objects.some(({ application, key, directory }) => {
    if (application !== '' || key === null) return false
    const known = directories.get(key) ?? directory
    directories.set(key, known)
    return known !== directory
  })
}

/** The object as it is in the cluster once the manifest was applied there: where it names no namespace it has one. */
function asApplied({ manifest }: StateObject, { userInfo, namespace }: ComparisonSource): JsonObject {
  const { object } = buildRequest({ object: manifest.object, base: null, userInfo, namespace })
  return object ?? manifest.object
}

function namespacesOf({ manifest: { object } }: StateObject): readonly (readonly [string, NamespaceInfo])[] {
  const { apiVersion, kind, metadata } = object
  if (apiVersion !== 'v1' || kind !== 'Namespace' || typeof metadata.name !== 'string') return []
  return [[metadata.name, namespaceInfo(metadata)]]
}

/** Where people find the objects; one that goes is found in the earlier state, whose lines nobody sees any more. */
function withPlaces(
  changes: ChangeSet,
  { after, gone }: { readonly after: readonly Named[]; readonly gone: readonly Named[] },
  namespace: string,
): ChangeSet {
  const places = new Map(after.map(({ manifest, place }) => [manifest, place]))
  const left = new Map(gone.map(({ key, place }) => [key, { file: place.file }]))
  const items = changes.items.map(item => {
    const { oldObject } = item.request
    const place =
      item.manifest !== null
        ? places.get(item.manifest)
        : oldObject === null
          ? undefined
          : left.get(keyOf({ object: oldObject }, namespace))
    return place === undefined ? item : { ...item, place }
  })
  return { ...changes, items }
}

function keyOf({ object }: { readonly object: JsonObject }, defaultNamespace: string): string | null {
  const { group, kind, namespace, name } = targetOf(object, defaultNamespace)
  return name === undefined ? null : objectKey(group, kind, namespace, name)
}
