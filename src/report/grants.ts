import type { Grant, GrantWorkload } from '../related/grants.js'
import type { Reference } from '../related/inventory.js'
import type { RbacRule } from '../related/rbac-rules.js'
import { safeText } from './safe-text.js'

/** More of them nobody reads in one line. */
const MAX_NAMES = 5

/** What a change gives to whom, a line for each gain. */
export function grantLines(grants: readonly Grant[]): readonly string[] {
  return grants.flatMap(grant => {
    const by = `${placeOf(grant)}, by ${nameOf(grant.binding)}`
    const gained = grant.rules === null ? `what ${nameOf(grant.role)} allows` : rulesText(grant.gained)
    const used = grant.workloads.length === 0 ? '' : ` (used by ${listed(grant.workloads.map(nameOf))})`
    const subject = grant.new ? [`${nameOf(grant.subject)}${used} gains: ${gained} ${by}`] : []
    return [...subject, ...grant.workloads.flatMap(each => movedLine(each, grant, by))].map(safeText)
  })
}

function movedLine(workload: GrantWorkload, { subject }: Grant, by: string): readonly string[] {
  if (workload.gained.length === 0) return []
  return [`${nameOf(workload)} runs as ${nameOf(subject)} from now on, and gains: ${rulesText(workload.gained)} ${by}`]
}

function placeOf({ namespace }: Grant): string {
  return namespace === null ? 'in the whole cluster' : `in namespace ${namespace}`
}

function nameOf({ kind, namespace, name }: Reference): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
}

function rulesText(rules: readonly RbacRule[]): string {
  return listed(rules.map(ruleText), '; ')
}

function ruleText({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: RbacRule): string {
  const named = resources.flatMap(resource => apiGroups.map(group => withGroup(resource, group)))
  const only = resourceNames.length === 0 ? '' : ` (only ${listed(resourceNames)})`
  return `${listed(verbs)} ${listed([...named, ...nonResourceURLs])}${only}`
}

function withGroup(resource: string, group: string): string {
  if (group === '') return resource
  const [name = '', ...rest] = resource.split('/')
  return [`${name}.${group}`, ...rest].join('/')
}

function listed(texts: readonly string[], separator = ', '): string {
  const more = texts.length - MAX_NAMES
  return more > 0 ? `${texts.slice(0, MAX_NAMES).join(separator)} and ${more} more` : texts.join(separator)
}
