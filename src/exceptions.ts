import type { AdmissionRequest } from './admission.js'
import type { ExceptionUse } from './decision-types.js'
import { Fields, problemsText, type Problem } from './fields.js'
import { isJsonObject, type Json } from './json.js'
import { matchesName } from './match.js'

const DAY_MS = 86_400_000
const MAX_DAYS = 90

/** A `lockkeeper.dev/v1alpha1 Exception`: Git's own record of who may do what for how long, and why. */
export interface Exception {
  readonly name: string
  readonly policies: readonly string[]
  readonly scope: { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string }
  readonly reason: string
  readonly ticket: string
  readonly owner: string
  readonly approvedBy: string
  /** RFC 3339; at most 90 days after `metadata.creationTimestamp`, or after now where that is not given. */
  readonly notAfter: string
  /** Why it is never in force; null for a valid one. */
  readonly invalid: string | null
}

/**
 * Reads one Exception. A mistake does not stop the bundle: the exception is kept as invalid and named in every Decision
 * that it would have touched, so that nobody wonders why it does not work.
 */
export function readException(value: Json, file: string): Exception {
  const problems: Problem[] = []
  const root = new Fields(value, '', problems)
  root.literal('apiVersion', 'lockkeeper.dev/v1alpha1')
  root.literal('kind', 'Exception')
  const metadata = root.optionalObject('metadata')
  const spec = new Fields(root.raw('spec'), 'spec', problems)
  root.refuseUnknown()
  const policies = spec.optionalStrings('policies') ?? []
  if (policies.length === 0) spec.problem('policies', 'must name at least one policy')
  const scope = readScope(spec, problems)
  const text = (key: string): string => {
    const found = spec.string(key)
    if (found?.trim() === '') spec.problem(key, 'must not be empty')
    return found ?? ''
  }
  const [reason, ticket, owner, approvedBy, notAfter] = ['reason', 'ticket', 'owner', 'approvedBy', 'notAfter'].map(
    text,
  )
  if (owner?.trim() !== '' && owner === approvedBy) spec.problem('approvedBy', 'must be somebody else than the owner')
  if (notAfter !== '' && !Number.isFinite(Date.parse(notAfter ?? '')))
    spec.problem('notAfter', 'must be an RFC 3339 time')
  spec.refuseUnknown()
  return {
    name: typeof metadata?.name === 'string' ? metadata.name : file,
    policies,
    scope,
    reason: reason ?? '',
    ticket: ticket ?? '',
    owner: owner ?? '',
    approvedBy: approvedBy ?? '',
    notAfter: notAfter ?? '',
    invalid: problems.length === 0 ? null : problemsText(problems).replaceAll('\n', '; '),
  }
}

function readScope(spec: Fields, problems: Problem[]): Exception['scope'] {
  const scope = new Fields(spec.raw('scope'), 'spec.scope', problems)
  const read = {
    group: scope.string('group') ?? '',
    kind: scope.string('kind') ?? '',
    namespace: scope.string('namespace') ?? '',
    name: scope.string('name') ?? '',
  }
  scope.refuseUnknown()
  if (Object.values(read).filter(each => each.includes('*')).length > 1) {
    spec.problem('scope', 'at most one of group, kind, namespace and name may be a wildcard')
  }
  return read
}

/** The exceptions whose scope holds the request, each with its state at `now`. */
export function exceptionsFor(
  exceptions: readonly Exception[],
  request: AdmissionRequest,
  now: string,
): readonly (ExceptionUse & { readonly inForce: boolean })[] {
  return exceptions
    .filter(({ scope }) => inScope(scope, request))
    .map(({ name, policies, reason, notAfter, invalid }) => {
      const state = stateOf(invalid, notAfter, now)
      const why = state === 'applied' ? reason : state === 'expired' ? `expired at ${notAfter}` : (invalid ?? TOO_LONG)
      return { name, policies, state, reason: why, notAfter, inForce: state === 'applied' }
    })
}

const TOO_LONG = `spec.notAfter: must be at most ${MAX_DAYS} days ahead`

function stateOf(invalid: string | null, notAfter: string, now: string): ExceptionUse['state'] {
  if (invalid !== null) return 'invalid'
  const leftMs = Date.parse(notAfter) - Date.parse(now)
  if (leftMs <= 0) return 'expired'
  return leftMs > MAX_DAYS * DAY_MS ? 'invalid' : 'applied'
}

function inScope(scope: Exception['scope'], request: AdmissionRequest): boolean {
  const { group, kind } = request.kind
  return (
    matchesName(group, [scope.group]) &&
    matchesName(kind, [scope.kind]) &&
    matchesName(request.namespace ?? '', [scope.namespace]) &&
    matchesName(requestName(request), [scope.name])
  )
}

/** What the API server appends to a generateName (apimachinery's names.SimpleNameGenerator). */
const GENERATED_SUFFIX = /^[bcdfghjklmnpqrstvwxz2456789]{5}$/

/**
 * The name of the object a request is about. A generated name is its generateName with a trailing `*`: before the sync it
 * is not made yet, and every gate has to call the object the same.
 */
export function requestName(request: AdmissionRequest): string {
  const metadata = (request.object ?? request.oldObject)?.metadata
  const { name: ownName, generateName } = isJsonObject(metadata) ? metadata : {}
  const name = request.name !== undefined && request.name !== '' ? request.name : ownName
  if (typeof name !== 'string' || name === '') return typeof generateName === 'string' ? `${generateName}*` : ''
  if (typeof generateName !== 'string' || generateName === '' || !name.startsWith(generateName)) return name
  return GENERATED_SUFFIX.test(name.slice(generateName.length)) ? `${generateName}*` : name
}
