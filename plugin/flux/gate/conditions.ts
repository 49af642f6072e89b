import { isJsonObject, type Json, type JsonObject } from '../../../src/json.js'

/** A condition of Kubernetes without its times. */
export interface Condition {
  readonly type: 'Ready' | 'Judged'
  readonly status: 'True' | 'False' | 'Unknown'
  /** UpperCamelCase. */
  readonly reason: string
  readonly message: string
}

const MAX_MESSAGE_LENGTH = 4096

/**
 * Conditions for a status: a time is that of the last change of `status`, so one that goes on keeps it.
 *
 * @param before the conditions that the object has
 * @param now RFC 3339, in whole seconds
 */
export function conditionsJson(
  wanted: readonly Condition[],
  before: Json | undefined,
  generation: number,
  now: string,
): readonly JsonObject[] {
  const known = Array.isArray(before) ? before.filter(isJsonObject) : []
  return wanted.map(({ type, status, reason, message }) => {
    const last = known.find(each => each.type === type && each.status === status)
    const since = typeof last?.lastTransitionTime === 'string' ? last.lastTransitionTime : now
    return {
      type,
      status,
      reason,
      message: message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message,
      lastTransitionTime: since,
      observedGeneration: generation,
    }
  })
}
