import { parseAdmissionReview, requestUid, type AdmissionRequest } from './admission.js'
import { decisionRecord, requestFacts, type AdmissionRecord } from './admission-record.js'
import { buildAdmissionResponse, buildErrorResponse, type AdmissionReviewResponse } from './admission-response.js'
import { bareContext } from './context.js'
import type { Context, Decision, NamespaceInfo } from './decision-types.js'
import { toGateError, type GateError } from './errors.js'
import type { Gate, ReviewOptions } from './gate.js'
import { isJsonObject, parseJson, type Json } from './json.js'
import { decodeUtf8 } from './manifest.js'
import { namespaceInfo } from './policy/bundle.js'
import { actorProvenance } from './provenance/actor.js'

/** What the webhook knows beside the request. */
export interface AdmitInput {
  /** RFC 3339, UTC, in whole seconds. */
  readonly now: string
  /** The labels of a namespace; null: they have to be looked up; `unknown`: nobody can be asked. */
  namespaceOf(name: string): NamespaceInfo | 'unknown' | null
  readonly killed?: ReviewOptions['killed']
}

/** One AdmissionReview, answered. */
export interface Admission {
  readonly response: AdmissionReviewResponse
  readonly record: AdmissionRecord
  /** null: it could not be judged, and `record.error` says why. */
  readonly decision: Decision | null
}

/** The review cannot be judged before the labels of this namespace are known. */
export interface NamespaceNeeded {
  readonly namespaceNeeded: string
}

/**
 * Judges one AdmissionReview by its bytes. What is wrong with it becomes an answer, never an exception: it has the
 * request's `uid` wherever one can be read, and '' where none can.
 */
export async function admit(gate: Gate, body: Uint8Array, input: AdmitInput): Promise<Admission | NamespaceNeeded> {
  let request: AdmissionRequest | null = null
  try {
    const text = decodeUtf8(body, 'the AdmissionReview')
    const review = parseJson(text)
    request = parseAdmissionReview(review)
    const namespace = namespaceContext(request, input)
    if (namespace === null && isNamespaced(request)) return { namespaceNeeded: request.namespace ?? '' }
    const requestText = requestTextOf(text, review, request)
    let cache: AdmissionRecord['cache'] = { hits: 0, misses: 0 }
    const decision = await gate.review(request, contextOf(gate, request, namespace, input.now), {
      ...(input.killed === undefined ? {} : { killed: input.killed }),
      ...(requestText === null ? {} : { requestText }),
      onCache: counts => {
        cache = counts
      },
    })
    const record = decisionRecord(request, decision, cache)
    return { response: buildAdmissionResponse(decision, request.uid), record, decision }
  } catch (thrown) {
    return refused(toGateError(thrown, 'INTERNAL'), request?.uid ?? readUid(body), request)
  }
}

/** The answer to a review that could not be judged; also for what went wrong around the judging. */
export function refused(error: GateError, uid: string, request: AdmissionRequest | null): Admission {
  const record: AdmissionRecord = {
    request: request === null ? null : requestFacts(request),
    allowed: false,
    action: 'deny',
    policies: [],
    decisionId: null,
    provenance: null,
    unchanged: false,
    error: { code: error.code, message: error.message },
    cache: { hits: 0, misses: 0 },
  }
  return { response: buildErrorResponse(error, uid), record, decision: null }
}

function isNamespaced({ namespace }: AdmissionRequest): boolean {
  return namespace !== undefined && namespace !== ''
}

/** null: cluster-scoped, or not known yet. A Namespace is what it says of itself, new or, when it goes, old. */
function namespaceContext(request: AdmissionRequest, input: AdmitInput): Context['namespace'] {
  const { kind, object, oldObject } = request
  if (!isNamespaced(request)) return null
  if (kind.group === '' && kind.kind === 'Namespace') {
    return namespaceInfo((object ?? oldObject)?.metadata)
  }
  return input.namespaceOf(request.namespace ?? '')
}

function contextOf(gate: Gate, request: AdmissionRequest, namespace: Context['namespace'], now: string): Context {
  const provenance = actorProvenance(request.userInfo, gate.bundle.config.prediction.userInfo.username)
  return bareContext({ gate: 'webhook', now, namespace, provenance })
}

/** How every API server begins a review: Go writes the members of a struct in their order, without spaces. */
const OPENING = '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":'

/**
 * The text of the request inside the review's: it goes to the policies as it came, instead of being written again.
 * null where the review is formed otherwise, or the request has members that a policy must not see at one gate only.
 */
function requestTextOf(text: string, review: Json, request: AdmissionRequest): string | null {
  if (!text.startsWith(OPENING) || !isJsonObject(review) || Object.keys(review).length !== 3) return null
  const raw = review.request
  if (!isJsonObject(raw)) return null
  const nested = ['userInfo', 'kind', 'resource', 'requestKind', 'requestResource'] as const
  const isWhole =
    sameMembers(raw, request) && nested.every(key => sameMembers(objectOf(raw[key]), objectOf(request[key])))
  return isWhole ? text.slice(OPENING.length, text.lastIndexOf('}')) : null
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function sameMembers(raw: object, parsed: object): boolean {
  const keys = Object.keys(raw)
  return keys.length === Object.keys(parsed).length && keys.every(key => Object.hasOwn(parsed, key))
}

/** How far the uid of a broken review is looked for: the API server writes it as the request's first member. */
const UID_SEARCH_BYTES = 4096
const UID = /"request"\s*:\s*\{\s*"uid"\s*:\s*"([^"\\]{1,256})"/

/** The uid of a review that cannot be read as it should be: an answer without it would count as none. '' when there is none. */
export function readUid(body: Uint8Array): string {
  const decoder = new TextDecoder()
  const found = UID.exec(decoder.decode(body.subarray(0, UID_SEARCH_BYTES)))?.[1]
  if (found !== undefined) return found
  try {
    return requestUid(JSON.parse(decoder.decode(body))) ?? ''
  } catch {
    return ''
  }
}
