import type { WorkloadEntry } from '../workload.js'
import type { Change } from '../policy/evaluate.js'
import {
  createInventory,
  isIn,
  referenceKey,
  rulesOfRole,
  runsAs,
  type Inventory,
  type Reference,
  type Subject,
  type Workload,
} from './inventory.js'
import { rulesBeyond, type RbacRule } from './rbac-rules.js'

/** What one binding of a change gives to one subject, and what of it the subject did not have before. */
export interface Grant {
  readonly subject: Subject
  /** The subject is a ServiceAccount that the change makes. */
  readonly isNewSubject: boolean
  /** The workloads of the change whose pods are the subject. */
  readonly workloads: readonly GrantWorkload[]
  readonly role: Reference
  readonly binding: Reference
  /** Where it holds; null: in the whole cluster. */
  readonly namespace: string | null
  /** null: the role is not part of the change, so what it allows is not known. */
  readonly rules: readonly RbacRule[] | null
  /** The subject gains something. */
  readonly new: boolean
  /** What it gains; empty where `rules` is null. */
  readonly gained: readonly RbacRule[]
}

export interface GrantWorkload extends Reference {
  readonly isNew: boolean
  /** It was there before, ran as somebody else and gains this by the change of its account. */
  readonly gained: readonly RbacRule[]
}

/** What somebody may do by one binding. */
interface Right {
  readonly role: string
  readonly namespace: string | null
  readonly rules: readonly RbacRule[] | null
}

/** A binding with what it gives. */
interface Held {
  readonly binding: Reference
  readonly role: Reference
  readonly subjects: readonly Subject[]
  readonly right: Right
}

/** Beyond these nobody reads on; what a policy is shown has to have an end. */
const MAX_GRANTS = 400
const MAX_WORKLOADS = 50
const MAX_RULES = 100

/** Every grant of a change, in one order whatever the order of the changes. */
export function grantsOf(
  changes: readonly Pick<Change, 'object' | 'oldObject'>[],
  table: readonly WorkloadEntry[],
): readonly Grant[] {
  const before = createInventory(
    changes.map(each => each.oldObject),
    table,
  )
  const after = createInventory(
    changes.map(each => each.object),
    table,
  )
  const had = heldIn(before)
  const workloadsBefore = new Map(before.workloads.map(each => [referenceKey(each.reference), each]))
  const grants = heldIn(after).flatMap(({ binding, role, subjects, right }) =>
    subjects.map((subject): [string, Grant] => {
      const key = referenceKey(subject)
      const isSubject = (each: Subject): boolean => referenceKey(each) === key
      const gained = gainedBy(right, rightsOf(had, isSubject))
      const grant = {
        subject,
        isNewSubject: isNew(subject, before, after),
        workloads: after.workloads
          .filter(each => runsAs(each, subject))
          .map(each => workloadOf(each, workloadsBefore.get(referenceKey(each.reference)), subject, right, had)),
        role,
        binding,
        namespace: right.namespace,
        rules: right.rules?.slice(0, MAX_RULES) ?? null,
        new: gained !== null,
        gained: gained ?? [],
      }
      return [`${key} ${referenceKey(binding)}`, { ...grant, workloads: firstOf(grant.workloads) }]
    }),
  )
  return grants
    .sort(([a], [b]) => compare(a, b))
    .slice(0, MAX_GRANTS)
    .map(([, grant]) => grant)
}

function workloadOf(
  { reference }: Workload,
  old: Workload | undefined,
  subject: Subject,
  right: Right,
  had: readonly Held[],
): GrantWorkload {
  // One that was the subject already gains what the subject gains.
  if (old === undefined || runsAs(old, subject)) return { ...reference, isNew: old === undefined, gained: [] }
  const rights = rightsOf(had, each => old.accounts.some(account => isIn(account, each)))
  return { ...reference, isNew: false, gained: gainedBy(right, rights) ?? [] }
}

function firstOf(workloads: readonly GrantWorkload[]): readonly GrantWorkload[] {
  return [...workloads].sort((a, b) => compare(referenceKey(a), referenceKey(b))).slice(0, MAX_WORKLOADS)
}

function heldIn(inventory: Inventory): readonly Held[] {
  return inventory.bindings.map(({ reference, role, subjects }) => {
    const namespace = reference.kind === 'ClusterRoleBinding' ? null : (reference.namespace ?? '')
    const right = { role: referenceKey(role), namespace, rules: rulesOfRole(role, inventory) }
    return { binding: reference, role, subjects, right }
  })
}

function rightsOf(held: readonly Held[], isSubject: (subject: Subject) => boolean): readonly Right[] {
  return held.filter(each => each.subjects.some(isSubject)).map(each => each.right)
}

/** null: nothing. Of a role that is not known only its name can be compared. */
function gainedBy({ role, namespace, rules }: Right, had: readonly Right[]): readonly RbacRule[] | null {
  const there = had.filter(each => each.namespace === null || each.namespace === namespace)
  if (rules === null) return there.some(each => each.role === role) ? null : []
  const gained = rulesBeyond(
    rules,
    there.flatMap(each => each.rules ?? []),
  )
  return gained.length === 0 ? null : gained.slice(0, MAX_RULES)
}

function isNew(subject: Subject, before: Inventory, after: Inventory): boolean {
  const key = referenceKey(subject)
  if (subject.kind !== 'ServiceAccount' || !after.accounts.has(key) || before.accounts.has(key)) return false
  const isSame = (each: Reference): boolean => referenceKey(each) === key
  return (
    !before.bindings.some(each => each.subjects.some(isSame)) &&
    !before.workloads.some(each => each.accounts.some(isSame))
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
