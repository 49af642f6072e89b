import { isJsonObject, type Json, type JsonObject } from '../json.js'

/** A rule of a role as RBAC reads it; every list is sorted and has no value twice. */
export interface RbacRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  /** Empty: every object. */
  readonly resourceNames: readonly string[]
  readonly nonResourceURLs: readonly string[]
  readonly verbs: readonly string[]
}

/** A role that asks for more than this in one rule is compared as a whole. */
const MAX_PARTS = 2000

/** The rules of a Role or ClusterRole; what the API server would refuse is left out. */
export function rulesOf(role: JsonObject): readonly RbacRule[] {
  const { rules } = role
  return (Array.isArray(rules) ? rules : []).filter(isJsonObject).map(rule => ({
    apiGroups: texts(rule.apiGroups),
    resources: texts(rule.resources),
    resourceNames: texts(rule.resourceNames),
    nonResourceURLs: texts(rule.nonResourceURLs),
    verbs: texts(rule.verbs),
  }))
}

/** What the rules allow beyond those that were there, as rules; equal sets of rules give equal answers. */
export function rulesBeyond(rules: readonly RbacRule[], before: readonly RbacRule[]): readonly RbacRule[] {
  const found = new Map<string, Part>()
  for (const rule of rules) {
    for (const part of partsOf(rule)) {
      if (before.some(each => allows(each, part))) continue
      const { verbs, ...object } = part
      const key = JSON.stringify(object)
      const known = found.get(key)
      found.set(key, { ...object, verbs: sorted([...(known?.verbs ?? []), ...verbs]) })
    }
  }
  return joinedByVerbs([...found.values()])
}

/** A rule of one verb on one kind of thing, or a whole rule that has too many of them. */
type Part = RbacRule

function partsOf(rule: RbacRule): readonly Part[] {
  const { apiGroups, resources, nonResourceURLs, verbs } = rule
  const none: RbacRule = { ...rule, apiGroups: [], resources: [], nonResourceURLs: [] }
  if ((apiGroups.length * resources.length + nonResourceURLs.length) * verbs.length > MAX_PARTS) return [rule]
  const parts: Part[] = []
  for (const verb of verbs) {
    for (const group of apiGroups) {
      for (const resource of resources)
        parts.push({ ...none, apiGroups: [group], resources: [resource], verbs: [verb] })
    }
    for (const url of nonResourceURLs) parts.push({ ...none, resourceNames: [], nonResourceURLs: [url], verbs: [verb] })
  }
  return parts
}

/** Whether a rule allows everything of a part. */
function allows(rule: RbacRule, part: Part): boolean {
  const every = (wanted: readonly string[], fits: (value: string) => boolean): boolean => wanted.every(fits)
  return (
    every(part.verbs, verb => holds(rule.verbs, verb)) &&
    every(part.apiGroups, group => holds(rule.apiGroups, group)) &&
    every(part.resources, resource => holdsResource(rule.resources, resource)) &&
    every(part.nonResourceURLs, url => holdsUrl(rule.nonResourceURLs, url)) &&
    (part.resources.length === 0 || holdsNames(rule.resourceNames, part.resourceNames))
  )
}

function holds(values: readonly string[], value: string): boolean {
  return values.includes('*') || values.includes(value)
}

/** `*` is every resource and subresource, and a `*` before a slash that subresource of every resource. */
function holdsResource(values: readonly string[], value: string): boolean {
  const slash = value.indexOf('/')
  return holds(values, value) || (slash > 0 && values.includes(`*${value.slice(slash)}`))
}

function holdsUrl(values: readonly string[], value: string): boolean {
  return values.some(each => each === value || (each.endsWith('*') && value.startsWith(each.slice(0, -1))))
}

function holdsNames(names: readonly string[], wanted: readonly string[]): boolean {
  if (names.length === 0) return true
  return wanted.length > 0 && wanted.every(each => names.includes(each))
}

/** Parts that differ in the resource only are one rule again. */
function joinedByVerbs(parts: readonly Part[]): readonly RbacRule[] {
  const rules = new Map<string, RbacRule>()
  for (const part of parts) {
    const { apiGroups, resourceNames, verbs } = part
    const key = JSON.stringify([apiGroups, resourceNames, verbs, part.nonResourceURLs.length])
    const known = rules.get(key)
    rules.set(key, {
      ...part,
      resources: sorted([...(known?.resources ?? []), ...part.resources]),
      nonResourceURLs: sorted([...(known?.nonResourceURLs ?? []), ...part.nonResourceURLs]),
    })
  }
  const byText = [...rules.values()].map(rule => [JSON.stringify(rule), rule] as const)
  return byText.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule)
}

function texts(value: Json | undefined): readonly string[] {
  return sorted((Array.isArray(value) ? value : []).filter(each => typeof each === 'string'))
}

function sorted(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort()
}
