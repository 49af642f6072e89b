import type { AdmissionRequest } from './admission.js'
import type { BundleReference, Context, Decision, SetDecision, SetViolation } from './decision-types.js'
import { GateError } from './errors.js'
import { inOrder } from './in-order.js'
import type { Change } from './policy/evaluate.js'
import { createSetBuilder, setError } from './set-decision.js'

/** Where a person finds what a request was made of. */
export interface Place {
  readonly file: string
  readonly line?: number
}

/** One request of a set, with what is known beside it. */
export interface ReviewItem {
  readonly request: AdmissionRequest
  readonly context: Context
  readonly place?: Place
}

/** What was found out about a set before its objects are judged. */
export interface SetFindings {
  readonly errors: readonly GateError[]
  readonly violations: readonly SetViolation[]
}

/** Whoever judges the requests of a set one by one, and its changes together. */
export interface SetReviewer {
  readonly bundle: BundleReference
  /** How many requests may be under review at once. */
  readonly atOnce: number
  review(request: AdmissionRequest, context: Context): Promise<Decision>
  reviewChanges(changes: readonly Change[], context: Context): Promise<readonly SetViolation[]>
}

/**
 * Judges a whole change: each request in its own context, then all of them together by the set policies. Requests that cannot be
 * judged become `errors`; the others are judged nevertheless.
 *
 * @param context the set's own, and that of requests which bring none
 */
export async function reviewSetWith(
  reviewer: SetReviewer,
  requests: readonly (AdmissionRequest | ReviewItem)[],
  context: Context,
  found: SetFindings = { errors: [], violations: [] },
): Promise<SetDecision> {
  const set = createSetBuilder(reviewer.bundle, context.gate)
  for (const error of found.errors) set.addError(setError(error))
  for (const violation of found.violations) set.addViolation(violation)
  const items = requests.map((each): ReviewItem => ('request' in each ? each : { request: each, context }))
  const decisions: Decision[] = []
  const changes: Change[] = []
  for await (const { item, result } of inOrder(items, reviewer.atOnce, async item => ({
    item,
    result: await judge(reviewer, item),
  }))) {
    const { operation, object, oldObject } = item.request
    const risk = result instanceof GateError ? null : result.risk
    changes.push({ operation, object, oldObject, risk })
    if (result instanceof GateError) {
      set.addError(setError(result))
    } else {
      decisions.push(result)
      set.add(result)
    }
  }
  try {
    const violations = await reviewer.reviewChanges(changes, { ...context, namespace: null })
    for (const violation of violations) set.addViolation(withPlaces(violation, decisions))
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    set.addError(setError(error))
  }
  const { id, allowed, action, ...rest } = set.finish()
  return { id, allowed, action, decisions, ...rest }
}

async function judge(reviewer: SetReviewer, { request, context, place }: ReviewItem): Promise<Decision | GateError> {
  try {
    const decision = await reviewer.review(request, context)
    return { ...decision, resource: { ...decision.resource, ...place } }
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    return new GateError(error.code, error.message, { cause: error, position: { ...place, ...error.position } })
  }
}

/** A set policy knows objects by name only; the Decisions know their files. */
export function withPlaces(violation: SetViolation, decisions: readonly Decision[]): SetViolation {
  const objects = violation.objects.map(object => {
    const found = decisions.find(
      ({ resource }) =>
        resource.apiVersion === object.apiVersion &&
        resource.kind === object.kind &&
        resource.name === object.name &&
        (object.namespace === undefined || resource.namespace === object.namespace),
    )
    return found?.resource ?? object
  })
  return { ...violation, objects }
}
