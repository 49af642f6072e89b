import { isJsonObject, stringMembers, type Json, type JsonObject } from '../json.js'
import { objectKey } from '../live-objects.js'
import { selects } from '../match.js'
import type { LabelSelector } from '../policy/policy-types.js'
import { groupOf, podTemplates, type WorkloadEntry } from '../workload.js'
import { rulesOf, type RbacRule } from './rbac-rules.js'

/** An object by its name; `namespace` is absent for cluster-scoped ones. */
export interface Reference {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
}

/** Whom a binding gives a role: a ServiceAccount, a User or a Group. */
export type Subject = Reference

export interface Binding {
  readonly reference: Reference
  readonly object: JsonObject
  readonly role: Reference
  readonly subjects: readonly Subject[]
}

export interface Workload {
  readonly reference: Reference
  readonly object: JsonObject
  /** The ServiceAccounts its pods run as. */
  readonly accounts: readonly Reference[]
}

/** The roles, bindings, ServiceAccounts and workloads among some objects. */
export interface Inventory {
  readonly bindings: readonly Binding[]
  readonly workloads: readonly Workload[]
  /** By `referenceKey`. */
  readonly roles: ReadonlyMap<string, JsonObject>
  readonly accounts: ReadonlyMap<string, JsonObject>
}

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const
const RBAC_GROUP = 'rbac.authorization.k8s.io'

/** One text for one object. */
export function referenceKey({ kind, namespace, name }: Reference): string {
  return objectKey('', kind, namespace, name)
}

/** Finds who may be related to whom; objects of other kinds are left out, as are nulls. */
export function createInventory(objects: readonly (JsonObject | null)[], table: readonly WorkloadEntry[]): Inventory {
  const bindings: Binding[] = []
  const workloads: Workload[] = []
  const roles = new Map<string, JsonObject>()
  const accounts = new Map<string, JsonObject>()
  for (const object of objects) {
    const reference = object === null ? null : referenceOf(object)
    if (object === null || reference === null) continue
    const { kind, namespace } = reference
    const group = groupOf(textOf(object.apiVersion))
    if (group === RBAC_GROUP && (kind === 'Role' || kind === 'ClusterRole')) {
      roles.set(referenceKey(reference), object)
    } else if (group === RBAC_GROUP && (kind === 'RoleBinding' || kind === 'ClusterRoleBinding')) {
      const role = roleOf(object, namespace)
      if (role !== null) bindings.push({ reference, object, role, subjects: subjectsOf(object, namespace) })
    } else if (group === '' && kind === 'ServiceAccount') {
      accounts.set(referenceKey(reference), object)
    } else {
      const found = accountsOf(object, namespace, table)
      if (found.length > 0) workloads.push({ reference, object, accounts: found })
    }
  }
  return { bindings, workloads, roles, accounts }
}

/** The rules of a role, those it aggregates among them; null where the role is not in the inventory. */
export function rulesOfRole(role: Reference, { roles }: Inventory): readonly RbacRule[] | null {
  const object = roles.get(referenceKey(role))
  if (object === undefined) return null
  const { aggregationRule } = object
  const selectors = isJsonObject(aggregationRule) ? objectsOf(aggregationRule.clusterRoleSelectors).map(selectorOf) : []
  if (selectors.length === 0) return rulesOf(object)
  const aggregated = [...roles.values()].filter(each => {
    const labels = stringMembers(isJsonObject(each.metadata) ? each.metadata.labels : undefined)
    return each.kind === 'ClusterRole' && selectors.some(selector => selects(selector, labels))
  })
  return [object, ...aggregated.filter(each => each !== object)].flatMap(rulesOf)
}

/** Whether a workload's pods are a subject, by its ServiceAccount or by one of the groups that all of them are in. */
export function runsAs({ accounts }: Workload, subject: Subject): boolean {
  return accounts.some(account => isIn(account, subject))
}

/** Whether a ServiceAccount is a subject or belongs to it. */
export function isIn(account: Reference, subject: Subject): boolean {
  const { kind, name } = subject
  const { namespace = '' } = account
  if (kind === 'ServiceAccount') return name === account.name && subject.namespace === namespace
  if (kind === 'User') return name === `system:serviceaccount:${namespace}:${account.name}`
  if (kind !== 'Group') return false
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'].includes(name)
}

/** An object's own name; null where it has none yet. */
export function referenceOf(object: JsonObject): Reference | null {
  const { kind, metadata } = object
  if (typeof kind !== 'string' || !isJsonObject(metadata)) return null
  const name = textOf(metadata.name) || textOf(metadata.generateName)
  const namespace = textOf(metadata.namespace)
  return name === '' ? null : { kind, ...(namespace === '' ? {} : { namespace }), name }
}

function roleOf(binding: JsonObject, namespace: string | undefined): Reference | null {
  const { roleRef } = binding
  if (!isJsonObject(roleRef)) return null
  const [kind, name] = [textOf(roleRef.kind), textOf(roleRef.name)]
  if (name === '' || (kind !== 'Role' && kind !== 'ClusterRole')) return null
  return kind === 'Role' && namespace !== undefined ? { kind, namespace, name } : { kind, name }
}

function subjectsOf(binding: JsonObject, ownNamespace: string | undefined): readonly Subject[] {
  return objectsOf(binding.subjects).flatMap((subject): Subject[] => {
    const [kind, name] = [textOf(subject.kind), textOf(subject.name)]
    if (kind === '' || name === '') return []
    const namespace = textOf(subject.namespace) || ownNamespace
    return [{ kind, ...(kind === 'ServiceAccount' && namespace !== undefined ? { namespace } : {}), name }]
  })
}

/** Pods that name no account run as `default`; `serviceAccount` is the old name of the field. */
function accountsOf(
  object: JsonObject,
  namespace: string | undefined,
  table: readonly WorkloadEntry[],
): readonly Reference[] {
  const names = podTemplates(object, table).flatMap(({ template: { spec } }) =>
    isJsonObject(spec) ? [textOf(spec.serviceAccountName) || textOf(spec.serviceAccount) || 'default'] : [],
  )
  return [...new Set(names)].sort().map(name => {
    return { kind: 'ServiceAccount', ...(namespace === undefined ? {} : { namespace }), name }
  })
}

/** A selector as the API server takes it; an expression it would refuse selects nothing. */
function selectorOf({ matchLabels, matchExpressions }: JsonObject): LabelSelector {
  return {
    matchLabels: stringMembers(matchLabels),
    matchExpressions: objectsOf(matchExpressions).map(({ key, operator, values }) => ({
      key: textOf(key),
      operator: OPERATORS.find(each => each === operator) ?? 'In',
      values: Array.isArray(values) ? values.filter(each => typeof each === 'string') : [],
    })),
  }
}

function objectsOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
