import type { AdmissionRequest } from '../../src/admission.js'
import { canonicalObject } from '../../src/canonical.js'
import type { Decision, NamespaceInfo } from '../../src/decision-types.js'
import { requestName } from '../../src/exceptions.js'
import type { Gate } from '../../src/gate.js'
import { stringifyJson, type Json, type JsonObject } from '../../src/json.js'
import { differences, type Difference } from './difference.js'
import type { Prediction } from './prediction.js'
import { contextOf } from './requests.js'

/** How two requests for one manifest are judged; what differs is named. */
export interface Verdict {
  /** Differences in what policies can read besides the object, and in what the gate says: there may be none. */
  readonly differences: readonly string[]
  readonly violations: number
  /** Differences of the canonical objects; none when the subject is the same. */
  readonly objects: readonly Difference[]
  readonly sameSubject: boolean
}

/** Judges both requests by the same gate in the same context. */
export async function judge(gate: Gate, { built, sent }: Prediction): Promise<Verdict> {
  const namespace: NamespaceInfo | null =
    built.namespace === undefined
      ? null
      : { labels: { 'kubernetes.io/metadata.name': built.namespace }, annotations: {} }
  const context = contextOf({ namespace })
  const ours = await gate.review(built, context)
  const theirs = await gate.review(sent, context)
  const scores = [ours, theirs].map(({ risk }) => risk?.score ?? null)
  const canonical = (object: JsonObject | null): Json => (object === null ? null : canonicalObject(object))
  return {
    differences: [
      ...unequal(envelope(built), envelope(sent)),
      ...unequal(judgement(ours), judgement(theirs)),
      ...(sameScore(scores) ? [] : [`risk: built ${String(scores[0])}, sent ${String(scores[1])}`]),
    ],
    violations: theirs.violations.length,
    objects: [
      ...differences(canonical(built.object), canonical(sent.object)),
      ...differences(canonical(built.oldObject), canonical(sent.oldObject), '/oldObject'),
    ],
    sameSubject: ours.subject === theirs.subject,
  }
}

function sameScore([ours, theirs]: readonly (number | null | undefined)[]): boolean {
  return ours === theirs || (typeof ours === 'number' && typeof theirs === 'number' && Math.abs(ours - theirs) <= 1e-6)
}

function unequal(left: JsonObject, right: JsonObject): readonly string[] {
  return Object.keys(left)
    .map(key => [key, stringifyJson(left[key] ?? null), stringifyJson(right[key] ?? null)])
    .filter(([, ours, theirs]) => ours !== theirs)
    .map(([key, ours, theirs]) => `${key}: built ${ours}, sent ${theirs}`)
}

/** What a policy may read of a request besides its objects. */
function envelope(request: AdmissionRequest): JsonObject {
  const { kind, resource, subResource, requestKind, requestResource, requestSubResource, namespace } = request
  const { operation, userInfo, options } = request
  return {
    kind,
    resource,
    requestKind,
    requestResource,
    subResource: subResource ?? '',
    requestSubResource: requestSubResource ?? '',
    name: requestName(request),
    namespace: namespace ?? null,
    operation,
    user: userInfo.username,
    groups: [...(userInfo.groups ?? [])].sort(),
    options: options?.kind ?? null,
  } as unknown as JsonObject
}

function judgement({ actions, violations, unchanged }: Decision): JsonObject {
  const found = violations.map(each => `${each.policy}=${each.enforcementAction}`)
  return {
    actions,
    violations: [...new Set(found)].sort(),
    unchanged,
  }
}
