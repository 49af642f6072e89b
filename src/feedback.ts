import { isJsonObject, type Json, type JsonObject } from './json.js'

/** What a person may say of a Decision. */
export const FEEDBACK_LABELS = ['benign', 'hostile'] as const
export type FeedbackLabel = (typeof FEEDBACK_LABELS)[number]

/** What a person says of one Decision. */
export interface Feedback {
  /** RFC 3339 */
  readonly time: string
  readonly decisionId: string
  readonly label: FeedbackLabel
  readonly reason: string
  readonly by: string
}

/**
 * One record of a feedback file: what was said, and what learning needs to know of the Decision.
 *
 * @param event the event of the decision log about it; null where there is none at hand
 */
export function feedbackRecord(feedback: Feedback, event: JsonObject | null): JsonObject {
  return { ...feedback, decision: event === null ? null : decisionFacts(event) }
}

/** What is kept of an event: the figures, who did what to which object, and the answer; absent where the event lacks it. */
function decisionFacts(event: JsonObject): JsonObject {
  const [input, result] = [event.input, event.result].map(members)
  const { score, model } = members(result?.risk)
  const violations = Array.isArray(result?.violations) ? result.violations : []
  const facts: Record<string, Json | undefined> = {
    timestamp: event.timestamp,
    bundles: event.bundles,
    subject: result?.subject,
    action: result?.action,
    resource: result?.resource,
    policies: [...new Set(violations.map(each => members(each).policy ?? null))],
    risk: score === undefined ? null : { score, model: model ?? null },
    request: input?.request,
    actor: input?.actor,
    features: input?.features,
  }
  return Object.fromEntries(Object.entries(facts).filter((entry): entry is [string, Json] => entry[1] !== undefined))
}

function members(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}
