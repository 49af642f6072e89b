import type { PatchOperation, Remedy } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import type { Outcome } from '../policy/evaluate.js'
import { applyPatch } from './patch.js'

/** Re-judging costs an evaluation a patch, so a request with many violations offers patches for the first ones only. */
const MAX_PATCHES = 16

/**
 * Keeps of the policies' remedies what really helps: a patch is offered only when the patched object no longer has that
 * violation and has no new one; otherwise the advice is left, without the patch.
 */
export function offeredRemedies(
  object: JsonObject | null,
  outcomes: readonly Outcome[],
  evaluate: (patched: JsonObject) => readonly Outcome[],
): ReadonlyMap<Outcome, Remedy> {
  const offered = new Map<Outcome, Remedy>()
  let left = MAX_PATCHES
  for (const outcome of outcomes) {
    const remedy = outcome.finding.remedy
    if (remedy === null) continue
    const { text, patch } = remedy
    const isTried = object !== null && patch.length > 0 && left-- > 0
    if (isTried && helps(object, patch, outcome, outcomes, evaluate)) offered.set(outcome, { text, patch })
    else if (text !== '') offered.set(outcome, { text })
  }
  return offered
}

function helps(
  object: JsonObject,
  patch: readonly PatchOperation[],
  outcome: Outcome,
  outcomes: readonly Outcome[],
  evaluate: (patched: JsonObject) => readonly Outcome[],
): boolean {
  const patched = applyPatch(object, patch)
  if (patched === null) return false
  const before = countMessages(outcomes)
  const target = messageKey(outcome)
  before.set(target, (before.get(target) ?? 0) - 1)
  return [...countMessages(evaluate(patched))].every(([key, count]) => count <= (before.get(key) ?? 0))
}

// By message, not by path: taking an element out of a list moves the paths of those behind it.
function messageKey({ card, finding }: Outcome): string {
  return `${card.id}\0${finding.message}`
}

function countMessages(outcomes: readonly Outcome[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const outcome of outcomes) counts.set(messageKey(outcome), (counts.get(messageKey(outcome)) ?? 0) + 1)
  return counts
}
