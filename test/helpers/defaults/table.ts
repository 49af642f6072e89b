import type { DefaultsTable } from '../../../src/canonical.js'
import type { Json } from '../../../src/json.js'
import { ADDITIONS, DEPENDENT, EMPTY_LISTS, OWN_KINDS, OWN_TYPES } from './kept.js'
import type { Observation } from './observe.js'
import { hasStatus, STATUS, triedMembers, wrappersOf } from './occurrences.js'
import { kindKey, type ServedKind, type ServedTypes, type Shape, structOf } from './openapi.js'

type TypeDefaults = DefaultsTable['types'][string]

/** A type as it behaves at some places; at others it may behave otherwise. */
interface Variant {
  readonly type: string
  /** Where it stands, `<parent type>.<member>`; nothing for the objects themselves. */
  readonly places: Set<string>
  readonly server: readonly string[]
  readonly defaults: Readonly<Record<string, Json>>
  readonly zero: readonly string[]
  /** Text of scalars, or wrappers and a further variant. */
  readonly members: ReadonlyMap<string, string | { wrappers: string; variant: Variant }>
}

/** Puts together the table of what was observed and of what is kept by hand. */
export function buildTable(
  served: ServedTypes,
  observed: ReadonlyMap<ServedKind, readonly Observation[]>,
): DefaultsTable {
  checkKept([...observed.values()].flat())
  const variants = new Map<string, Variant>()
  const roots = new Map<string, Variant>()
  for (const [kind, observations] of observed) {
    const byPath = new Map(observations.map(each => [each.occurrence.path.join('.'), each]))
    roots.set(kindKey(kind), variantAt('', [], byPath, served, variants).variant)
  }
  const names = nameVariants([...variants.values()])
  const nameOf = (variant: Variant) => names.get(variant) ?? ''
  const types = new Map<string, TypeDefaults>()
  for (const [variant, name] of names) types.set(name, withAdditions(name, recordedType(variant, nameOf)))
  for (const name of Object.keys(ADDITIONS)) if (!types.has(name)) throw new Error(`there is no type ${name} to add to`)
  for (const [name, type] of Object.entries(OWN_TYPES)) {
    if (types.has(name)) throw new Error(`the type ${name} is recorded and kept by hand`)
    types.set(name, type)
  }
  const kinds = new Map([
    ...[...roots].map(([key, root]) => [key, nameOf(root)] as const),
    ...Object.entries(OWN_KINDS),
  ])
  return { kinds: sorted(kinds), types: sorted(types) }
}

/** The short name of a type: `PodSpec`, `apps.DeploymentSpec`, `autoscaling.v2.MetricSpec`. */
export function shortName(type: string): string {
  const [name = '', version = '', group = ''] = type.split('.').reverse()
  const isCommon = group === 'core' || group === 'meta'
  return [...(isCommon ? [] : [group]), ...(version === 'v1' ? [] : [version]), name].join('.')
}

function variantAt(
  parent: string,
  path: readonly string[],
  byPath: ReadonlyMap<string, Observation>,
  served: ServedTypes,
  variants: Map<string, Variant>,
): { variant: Variant; key: string } {
  const observation = byPath.get(path.join('.'))
  if (observation === undefined) throw new Error(`nothing was observed at ${path.join('.')}`)
  const { type } = observation.occurrence
  const members = new Map<string, string | { wrappers: string; variant: Variant }>()
  const keys: Record<string, string> = {}
  for (const [name, shape] of triedMembers(served, observation.occurrence)) {
    const step = [...path, name + wrappersOf(shape)]
    const struct = structOf(shape)
    if (struct !== null && byPath.has(step.join('.'))) {
      const below = variantAt(`${shortName(type)}.${name}`, step, byPath, served, variants)
      members.set(name, { wrappers: wrappersOf(shape), variant: below.variant })
      keys[name] = wrappersOf(shape) + below.key
    } else {
      // A type that contains itself: its first variant stands for all.
      const text =
        struct === null ? scalarMember(name, shape, observation.resourceLists) : wrappersOf(shape) + shortName(struct)
      if (text !== null) members.set(name, (keys[name] = text))
    }
  }
  const dropped = droppedMembers(observation)
  const server = hasStatus(served, observation.occurrence) ? [STATUS] : []
  const key = JSON.stringify({ type, ...dropped, server, keys })
  const variant = variants.get(key) ?? { type, places: new Set(), server, ...dropped, members }
  variants.set(key, variant)
  variant.places.add(parent)
  // Short, or the keys of a Pod would hold all others.
  return { variant, key: `#${[...variants.keys()].indexOf(key)}` }
}

/** What goes when it is the default or zero; what a rule decides is left to the rule. */
function droppedMembers({ occurrence, filled, zero }: Observation): Pick<Variant, 'defaults' | 'zero'> {
  const type = shortName(occurrence.type)
  const defaults: Record<string, Json> = {}
  const kept = new Set(zero)
  for (const [member, value] of Object.entries(filled)) {
    const isServers = ADDITIONS[type]?.server?.includes(member) === true
    if (!isServers && !(kept.has(member) && isZeroLike(value))) defaults[member] = value
  }
  for (const [name, dependent] of Object.entries(DEPENDENT)) {
    if (!name.startsWith(`${type}.`) || name.slice(type.length + 1).includes('.')) continue
    const member = name.slice(type.length + 1)
    if ('always' in dependent && !(kept.has(member) && isZeroLike(dependent.always)))
      defaults[member] = dependent.always
    if ('rule' in dependent) Reflect.deleteProperty(defaults, member)
    if ('zero' in dependent) kept.delete(member)
  }
  return { defaults: sorted(new Map(Object.entries(defaults))), zero: [...kept].sort() }
}

/** A zero value, or an object that is empty in canonical form, for an empty one becomes the same. */
function isZeroLike(value: Json): boolean {
  return (
    value === false ||
    value === 0 ||
    value === '' ||
    value === '0' ||
    (typeof value === 'object' && !Array.isArray(value))
  )
}

/** How a scalar, or a list or map of them, is respelled; null when it is not. */
function scalarMember(name: string, shape: Shape, resourceLists: readonly string[]): string | null {
  if (resourceLists.includes(name)) return 'ResourceList'
  if (shape.form === 'list' || shape.form === 'map') {
    const item = scalarMember('', shape.of, [])
    // A null among texts is an empty text.
    if (item === null && shape.form === 'map' && shape.of.form === 'scalar' && shape.of.scalar === 'string')
      return '{}string'
    return item === null ? null : wrappersOf({ ...shape, of: { form: 'struct', type: '' } }) + item
  }
  if (shape.form === 'struct') return null
  const isSpelled = ['Bytes', 'IntOrString', 'Quantity', 'Raw'].includes(shape.scalar)
  return isSpelled ? shape.scalar : null
}

/** The variant that stands at the first place has the type's own name. */
function nameVariants(variants: readonly Variant[]): ReadonlyMap<Variant, string> {
  const byType = new Map<string, Variant[]>()
  for (const variant of variants) byType.set(variant.type, [...(byType.get(variant.type) ?? []), variant])
  const names = new Map<Variant, string>()
  const taken = new Set<string>()
  for (const [type, same] of byType) {
    const inOrder = same.sort((a, b) => (firstPlace(a) < firstPlace(b) ? -1 : 1))
    for (const [index, variant] of inOrder.entries()) {
      const name = index === 0 ? shortName(type) : `${shortName(type)} in ${firstPlace(variant)}`
      if (taken.has(name)) throw new Error(`two types would be called ${name}`)
      taken.add(name)
      names.set(variant, name)
    }
  }
  return names
}

function firstPlace({ places }: Variant): string {
  return [...places].sort()[0] ?? ''
}

function recordedType(variant: Variant, nameOf: (variant: Variant) => string): TypeDefaults {
  const members: Record<string, string> = {}
  for (const [name, member] of variant.members) {
    members[name] = typeof member === 'string' ? member : member.wrappers + nameOf(member.variant)
  }
  return { server: variant.server, defaults: variant.defaults, zero: variant.zero, members }
}

/** What is kept by hand on top of what was recorded; empty members are left out. */
function withAdditions(name: string, type: TypeDefaults): TypeDefaults {
  const { server = [], defaults = {}, rules = [] } = ADDITIONS[name] ?? {}
  const all = {
    server: [...(type.server ?? []), ...server].sort(),
    defaults: { ...type.defaults, ...defaults },
    zero: type.zero ?? [],
    members: type.members ?? {},
    rules,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => Object.keys(value).length > 0))
}

/**
 * What is kept by hand is what there is: all that depends on a neighbour and all lists that are not the same empty and absent, and no others.
 *
 * @throws Error that names every difference
 */
function checkKept(observations: readonly Observation[]): void {
  const dependent = new Map<string, string>()
  const lists = new Set<string>()
  for (const { occurrence, dependent: dependences, keptLists } of observations) {
    const type = shortName(occurrence.type)
    for (const { member, on, value, filled } of dependences) {
      dependent.set(`${type}.${member}`, `with ${on} ${JSON.stringify(value)} it is ${JSON.stringify(filled)}`)
    }
    for (const member of keptLists) lists.add(`${type}.${member}`)
  }
  const unseen = Object.entries(DEPENDENT).filter(([name, each]) => !dependent.has(name) && !('observable' in each))
  const problems = [
    ...[...dependent]
      .filter(([name]) => !Object.hasOwn(DEPENDENT, name))
      .map(([name, text]) => `${name} depends on a neighbour and is not in DEPENDENT: ${text}`),
    ...unseen.map(([name]) => `${name} is in DEPENDENT and depends on no neighbour`),
    ...[...lists]
      .filter(name => !Object.hasOwn(EMPTY_LISTS, name))
      .map(name => `${name} is not the same empty and absent, and is not in EMPTY_LISTS`),
    ...Object.keys(EMPTY_LISTS)
      .filter(name => !lists.has(name))
      .map(name => `${name} is in EMPTY_LISTS and is the same empty and absent`),
  ]
  if (problems.length > 0) throw new Error(problems.join('\n'))
}

function sorted<T>(entries: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}
