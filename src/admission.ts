import { GateError } from './errors.js'
import type { Problem } from './fields.js'
import { isJsonObject, type JsonObject } from './json.js'
import { Members } from './review-members.js'

export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

export interface GroupVersionResource {
  readonly group: string
  readonly version: string
  readonly resource: string
}

export interface UserInfo {
  readonly username: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/**
 * The request inside an `admission.k8s.io/v1` AdmissionReview: the one input of every gate.
 * Absent members are absent, as the API server sends them; `object` is null on DELETE, `oldObject` on CREATE and CONNECT.
 */
export interface AdmissionRequest {
  readonly uid: string
  readonly kind: GroupVersionKind
  readonly resource: GroupVersionResource
  readonly subResource?: string
  readonly requestKind?: GroupVersionKind
  readonly requestResource?: GroupVersionResource
  readonly requestSubResource?: string
  readonly name?: string
  readonly namespace?: string
  readonly operation: Operation
  readonly userInfo: UserInfo
  readonly object: JsonObject | null
  readonly oldObject: JsonObject | null
  readonly dryRun?: boolean
  readonly options?: JsonObject | null
}

/** The message names this many mistakes at most. */
const MAX_PROBLEMS = 20
const MAX_UID = 256
const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']

/** What each operation cannot be judged without. */
const NEEDS: Readonly<Record<Operation, { readonly object: boolean; readonly oldObject: boolean }>> = {
  CREATE: { object: true, oldObject: false },
  UPDATE: { object: true, oldObject: true },
  DELETE: { object: false, oldObject: true },
  CONNECT: { object: false, oldObject: false },
}

/**
 * Reads an AdmissionReview as the API server sends it. Members that nothing here relies on are left out of the result.
 *
 * @throws GateError REVIEW_INVALID naming every mistake with its path
 */
export function parseAdmissionReview(value: unknown): AdmissionRequest {
  const problems: Problem[] = []
  const review = new Members(value, '', problems)
  review.exactly('apiVersion', 'admission.k8s.io/v1')
  review.exactly('kind', 'AdmissionReview')
  const request = parseRequest(review.member('request'))
  if (problems.length === 0) return request
  const named = problems.slice(0, MAX_PROBLEMS).map(({ path, message }) => `${path} ${message}`)
  if (problems.length > MAX_PROBLEMS) named.push(`and ${problems.length - MAX_PROBLEMS} more`)
  throw new GateError('REVIEW_INVALID', `the AdmissionReview is malformed: ${named.join('; ')}`)
}

/** The uid of a review that may be malformed, for an answer that names it; null when there is none to be read. */
export function requestUid(value: unknown): string | null {
  const request = isJsonObject(value) ? value.request : undefined
  const uid = isJsonObject(request) ? request.uid : undefined
  return isUid(uid) ? uid : null
}

function isUid(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_UID
}

function parseRequest(request: Members): AdmissionRequest {
  const operation = request.oneOf('operation', OPERATIONS)
  const object = request.optionalObject('object')
  const oldObject = request.optionalObject('oldObject')
  if (operation !== undefined) {
    if (NEEDS[operation].object && object === null) request.problem('object', `is missing, ${operation} needs it`)
    if (NEEDS[operation].oldObject && oldObject === null) {
      request.problem('oldObject', `is missing, ${operation} needs it`)
    }
  }
  const uid = request.string('uid')
  if (uid.length > MAX_UID) request.problem('uid', `must have at most ${MAX_UID} characters`)
  return {
    uid,
    kind: parseKind(request.member('kind')),
    resource: parseResource(request.member('resource')),
    ...present('subResource', request.optionalString('subResource')),
    ...present('requestKind', request.has('requestKind') ? parseKind(request.member('requestKind')) : undefined),
    ...present(
      'requestResource',
      request.has('requestResource') ? parseResource(request.member('requestResource')) : undefined,
    ),
    ...present('requestSubResource', request.optionalString('requestSubResource')),
    ...present('name', requestedName(request.optionalString('name'), operation, oldObject)),
    ...present('namespace', request.optionalString('namespace')),
    operation: operation ?? 'CONNECT',
    userInfo: parseUserInfo(request.member('userInfo')),
    object: checkedObject(request, 'object', object),
    oldObject: checkedObject(request, 'oldObject', oldObject),
    ...present('dryRun', request.optionalBoolean('dryRun')),
    options: request.optionalObject('options'),
  }
}

/**
 * The API server names no object of a deletecollection: it asks about each of them with the name that the request had, which is none.
 * Whoever protects an object by its name has to know it here, too.
 */
function requestedName(
  name: string | undefined,
  operation: Operation | undefined,
  oldObject: JsonObject | null,
): string | undefined {
  if (operation !== 'DELETE' || (name !== undefined && name !== '')) return name
  const metadata = oldObject?.metadata
  const ownName = isJsonObject(metadata) ? metadata.name : undefined
  return typeof ownName === 'string' ? ownName : name
}

/** Policies are chosen and defaults known by apiVersion and kind: an object without them would slip past both. */
function checkedObject(request: Members, key: string, object: JsonObject | null): JsonObject | null {
  if (object === null) return null
  const members = request.member(key)
  members.string('apiVersion')
  members.string('kind')
  members.optionalObject('metadata')
  return object
}

function parseKind(members: Members): GroupVersionKind {
  return { group: members.text('group'), version: members.string('version'), kind: members.string('kind') }
}

function parseResource(members: Members): GroupVersionResource {
  return { group: members.text('group'), version: members.string('version'), resource: members.string('resource') }
}

function parseUserInfo(members: Members): UserInfo {
  return {
    // Go leaves out an empty user name.
    username: members.optionalString('username') ?? '',
    ...present('uid', members.optionalString('uid')),
    ...present('groups', members.optionalStrings('groups')),
    ...present('extra', parseExtra(members)),
  }
}

function parseExtra(members: Members): Readonly<Record<string, readonly string[]>> | undefined {
  const extra = members.optionalObject('extra')
  if (extra === null) return undefined
  const lists = members.member('extra')
  const result = Object.create(null) as Record<string, readonly string[]>
  for (const key of Object.keys(extra)) result[key] = lists.optionalStrings(key) ?? []
  return result
}

/** A member that is there only when it has a value. */
function present<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>)
}
