import { SEVERITIES, type PatchOperation, type Remedy } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import type { Outcome } from '../policy/evaluate.js'
import type { KnownHelp } from './known-help.js'
import { applyPatch } from './patch.js'

/**
 * What policies say of a patched object.
 *
 * @param changed the pointers in the object that the patch changed, when only what policies read there can differ; null:
 *   which policies see the object may have changed, too
 */
export type Rejudge = (patched: JsonObject, changed: readonly string[] | null) => readonly Outcome[]

/** Re-judging costs an evaluation of everything: of a request with many violations, patches for the worst are tried. */
const MAX_EVALUATIONS = 16

interface Candidate {
  readonly outcome: Outcome
  readonly text: string
  readonly patch: readonly PatchOperation[]
}

/**
 * Keeps of the policies' remedies what really helps: a patch is offered only when the patched object no longer has that
 * violation and has no new one; otherwise the advice is left, without the patch. Patches of different places are judged
 * together, and one by one where that fails.
 */
export function offeredRemedies(
  object: JsonObject | null,
  outcomes: readonly Outcome[],
  evaluate: Rejudge,
  known: KnownHelp | null = null,
): ReadonlyMap<Outcome, Remedy> {
  const offered = new Map<Outcome, Remedy>()
  const candidates: Candidate[] = []
  for (const outcome of outcomes) {
    if (outcome.finding.remedy === null) continue
    const { text, patch } = outcome.finding.remedy
    if (text !== '') offered.set(outcome, { text })
    if (object !== null && patch.length > 0) candidates.push({ outcome, text, patch })
  }
  if (object === null) return offered
  candidates.sort((a, b) => severityOf(b) - severityOf(a))
  let left = MAX_EVALUATIONS
  const tryAll = (group: readonly Candidate[]): void => {
    if (left === 0) return
    left -= 1
    if (helps(object, group, outcomes, evaluate, known)) {
      for (const { outcome, text, patch } of group) offered.set(outcome, { text, patch })
    } else if (group.length > 1) {
      for (const each of group) tryAll([each])
    }
  }
  for (const group of apart(candidates)) tryAll(group)
  return offered
}

function severityOf({ outcome }: Candidate): number {
  return SEVERITIES.indexOf(outcome.card.severity)
}

/** Groups in which no patch touches what another one of the group touches; worst violations come first. */
function apart(candidates: readonly Candidate[]): Candidate[][] {
  const groups: { readonly members: Candidate[]; readonly places: string[] }[] = []
  for (const candidate of candidates) {
    const places = candidate.patch.map(placeOf)
    const free = groups.find(group => !places.some(place => group.places.some(taken => overlap(place, taken))))
    if (free === undefined) {
      groups.push({ members: [candidate], places })
    } else {
      free.members.push(candidate)
      free.places.push(...places)
    }
  }
  return groups.map(({ members }) => members)
}

/** What an operation changes, as a pointer: of an element that comes or goes, the list, as all behind it move. */
function placeOf({ op, path }: PatchOperation): string {
  const end = path.lastIndexOf('/')
  return op !== 'replace' && /^(?:\d+|-)$/.test(path.slice(end + 1)) ? path.slice(0, end) : path
}

/** Which policies see an object depends on its metadata, of which they may read nothing. */
function changedPlaces(patch: readonly PatchOperation[]): readonly string[] | null {
  const places = patch.map(placeOf)
  return places.some(place => !place.startsWith('/') || /^\/metadata(?:\/|$)/.test(place)) ? null : places
}

function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)
}

function helps(
  object: JsonObject,
  group: readonly Candidate[],
  outcomes: readonly Outcome[],
  evaluate: Rejudge,
  known: KnownHelp | null,
): boolean {
  const patch = group.flatMap(each => each.patch)
  const patched = applyPatch(object, patch)
  if (patched === null) return false
  const targets = group.map(({ outcome }) => messageKey(outcome))
  const changed = changedPlaces(patch)
  const before = known?.find(targets, patch, changed)
  if (before !== undefined) return before
  const allowed = countMessages(outcomes)
  for (const target of targets) allowed.set(target, (allowed.get(target) ?? 0) - 1)
  const found = evaluate(patched, changed)
  const isBetter = [...countMessages(found)].every(([key, count]) => count <= (allowed.get(key) ?? 0))
  // A policy that failed may not fail the next time.
  if (found.every(each => each.failure === null)) known?.keep(targets, patch, changed, isBetter)
  return isBetter
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
