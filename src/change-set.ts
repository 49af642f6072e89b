import type { UserInfo } from './admission.js'
import { appliedObject } from './applied.js'
import { canonicalJson } from './canonical.js'
import { bareContext, PREDICTED } from './context.js'
import type { Context, GateName, NamespaceInfo, SetViolation } from './decision-types.js'
import { GateError } from './errors.js'
import type { JsonObject } from './json.js'
import { objectKey, type LiveAnswer } from './live-objects.js'
import { ManifestSet } from './manifest-set.js'
import type { Manifest } from './manifest.js'
import type { Bundle } from './policy/bundle.js'
import { createInventory, type Inventory } from './related/inventory.js'
import { relateTo } from './related/related-objects.js'
import { grantsOf, type Grant } from './related/grants.js'
import { buildRequest, targetOf, type Target } from './request.js'
import type { ReviewItem } from './review-set.js'
import { WORKLOADS } from './workload.js'

/** One request of a change, and the manifest that asks for it; null: an object that goes. */
export interface ChangeSetItem extends ReviewItem {
  readonly manifest: Manifest | null
}

/** A whole change as admission would see it: `items` and the rest are what `reviewSet` takes. */
export interface ChangeSet {
  /** In the order of the manifests, deletions after them. */
  readonly items: readonly ChangeSetItem[]
  readonly errors: readonly GateError[]
  /** Objects that are defined more than once: of those only the last manifest is an item. */
  readonly violations: readonly SetViolation[]
  /** What the roles and bindings of the change give to whom. */
  readonly grants: readonly Grant[]
}

/** What is the same for every request of a change before it is applied. */
export interface Surroundings {
  readonly userInfo: UserInfo
  /** Where objects of namespaced kinds go that name no namespace. */
  readonly namespace: string
  /** RFC 3339, UTC, in whole seconds. */
  readonly now: string
  readonly gate: GateName
  /** The labels of a namespace, as far as somebody knows them; `file` names it. */
  namespaceOf(name: string, file: string): NamespaceInfo | undefined
}

export interface ChangeSetSource extends Omit<Surroundings, 'namespaceOf'> {
  /** What is rendered for one application. */
  readonly manifests: readonly Manifest[]
  /** `unknown`: nobody could be asked. */
  readonly live: LiveAnswer | 'unknown'
  readonly bundle: Pick<Bundle, 'config' | 'namespaces'>
}

/**
 * Predicts the requests by which a rendered application will be applied over what is live.
 *
 * An object that is there is updated, one that is not is created, one that the manifests name no more is deleted. Where the live
 * object is not known, be it that nobody could be asked or that it is withheld, the request says CREATE and its context
 * that the base is unknown.
 */
export function buildChangeSet(source: ChangeSetSource): ChangeSet {
  const { manifests, live, namespace, bundle } = source
  const set = new ManifestSet(namespace, { isOneApplication: true })
  for (const manifest of manifests) set.add(manifest)
  const surroundings: Surroundings = {
    ...source,
    namespaceOf: (name, file) =>
      set.namespaceOf(name, file) ??
      bundle.namespaces.get(name) ??
      (live === 'unknown' ? undefined : live.namespaces.get(name)),
  }
  const errors: GateError[] = []
  const items: ChangeSetItem[] = []
  const keep = (build: () => ChangeSetItem | null): void => {
    try {
      const item = build()
      if (item !== null) items.push(item)
    } catch (error) {
      if (!(error instanceof GateError)) throw error
      errors.push(error)
    }
  }
  const named = new Set<string>()
  for (const manifest of manifests) {
    const key = keyOf(targetOf(manifest.object, namespace))
    if (key !== null) named.add(key)
    if (!set.isReplaced(manifest)) keep(() => manifestItem(manifest, baseOf(live, key), surroundings))
  }
  for (const object of live === 'unknown' ? [] : inOneOrder(live.pruned)) {
    keep(() => (named.has(keyOf(targetOf(object, namespace)) ?? '') ? null : deletionItem(object, surroundings)))
  }
  const table = [...WORKLOADS, ...bundle.config.workloads]
  const inventory = createInventory(
    items.map(({ request }) => request.object),
    table,
  )
  return {
    items: items.map(item => withRelated(item, inventory)),
    errors,
    violations: set.duplicates(),
    grants: grantsOf(
      items.map(each => each.request),
      table,
    ),
  }
}

/** The objects that manifests name, each once: what a cluster is asked for before they are judged. */
export function liveTargets(manifests: readonly Manifest[], namespace: string): readonly Target[] {
  const targets = new Map<string, Target>()
  for (const { object } of manifests) {
    const target = targetOf(object, namespace)
    const key = keyOf(target)
    if (key !== null) targets.set(key, target)
  }
  return [...targets.values()]
}

/**
 * The request of one manifest, with its context.
 *
 * @param base the live object; null: there is none
 * @throws GateError MANIFEST_INVALID, with the manifest's place
 */
export function manifestItem(
  manifest: Manifest,
  base: JsonObject | null | 'unknown',
  { userInfo, namespace, ...surroundings }: Surroundings,
  place: ReviewItem['place'] = { file: manifest.source.file, line: manifest.source.line },
): ChangeSetItem {
  const live = base === 'unknown' ? null : base
  try {
    const object = live === null ? manifest.object : appliedObject(manifest.object, live)
    const request = buildRequest({ object, base: live, userInfo, namespace })
    const context = predictedContext(request.namespace, manifest.source.file, surroundings)
    return { request, context: { ...context, base: base === 'unknown' ? 'unknown' : 'known' }, place, manifest }
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    const position = { ...place, document: manifest.source.document, ...error.position }
    throw new GateError(error.code, error.message, { cause: error, position })
  }
}

function deletionItem(object: JsonObject, { userInfo, namespace, ...surroundings }: Surroundings): ChangeSetItem {
  const request = buildRequest({ object, base: object, userInfo, namespace, operation: 'DELETE' })
  return { request, context: predictedContext(request.namespace, '', surroundings), manifest: null }
}

function predictedContext(
  name: string | undefined,
  file: string,
  { gate, now, namespaceOf }: Omit<Surroundings, 'userInfo' | 'namespace'>,
): Context {
  const namespace = name === undefined ? null : (namespaceOf(name, file) ?? 'unknown')
  return bareContext({ gate, now, namespace, provenance: PREDICTED })
}

function baseOf(live: LiveAnswer | 'unknown', key: string | null): JsonObject | null | 'unknown' {
  if (live === 'unknown') return 'unknown'
  // A name that the server makes up is nobody's yet.
  if (key === null) return null
  const found = live.objects.get(key)
  return found === undefined || found === 'withheld' ? 'unknown' : found
}

/** In one order, whatever the order of the answer, and each object once. */
function inOneOrder(objects: readonly JsonObject[]): readonly JsonObject[] {
  const byText = new Map(objects.map(each => [canonicalJson([each.kind ?? '', each.metadata ?? null]), each]))
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each)
}

function keyOf({ group, kind, namespace, name }: Target): string | null {
  return name === undefined ? null : objectKey(group, kind, namespace, name)
}

function withRelated(item: ChangeSetItem, inventory: Inventory): ChangeSetItem {
  const { object } = item.request
  const related = object === null ? null : relateTo(object, inventory)
  return related === null ? item : { ...item, context: { ...item.context, related } }
}
