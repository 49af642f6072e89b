import { equalJson } from '../../../src/canonical/drop.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { type Occurrence, objectWith, occurrencesOf, triedMembers, valueAt } from './occurrences.js'
import { kindKey, type ServedKind, type ServedTypes } from './openapi.js'
import { FINE_QUANTITY, type Probe, probeObject, probesOf } from './probes.js'
import type { Witness } from './witness.js'

/** What the API server does with a type at one place. */
export interface Observation {
  readonly occurrence: Occurrence
  /** What an empty object becomes. */
  readonly filled: JsonObject
  /** Members whose zero value gives the same as leaving them out. */
  readonly zero: readonly string[]
  /** Lists that are not the same empty and absent. */
  readonly keptLists: readonly string[]
  /** Maps of quantities that are rounded up to thousandths. */
  readonly resourceLists: readonly string[]
  /** What is filled in, or not, because of another member. */
  readonly dependent: readonly Dependence[]
}

/** `member` is filled in otherwise when `on` holds `value`. */
export interface Dependence {
  readonly member: string
  readonly on: string
  readonly value: Json
  /** What is filled in then; null for nothing. */
  readonly filled: Json
}

/** Requests on their way at the same time. */
const PARALLEL = 4

/** Tries every type of a kind at every place. */
export async function observeKind(witness: Witness, served: ServedTypes, kind: ServedKind): Promise<Observation[]> {
  const all = occurrencesOf(served, kind)
  const depths = Math.max(...all.map(each => each.path.length))
  const observations: Observation[] = []
  for (let depth = 0; depth <= depths; depth += 1) {
    const here = all.filter(each => each.path.length === depth)
    observations.push(...(await observeDepth(witness, served, kind, here)))
  }
  return observations
}

/** Tries all types at one depth side by side: the i-th probe of each in the i-th request. */
async function observeDepth(
  witness: Witness,
  served: ServedTypes,
  kind: ServedKind,
  occurrences: readonly Occurrence[],
): Promise<Observation[]> {
  const kept = new Set<Occurrence>()
  const ask = async (values: readonly JsonObject[]) => {
    const object = objectWith(occurrences.map((occurrence, i) => ({ occurrence, value: values[i] ?? {} })))
    const answer = await witness.show(kind, object)
    return occurrences.map(occurrence => {
      const value = valueAt(answer, occurrence)
      if (value !== null) kept.add(occurrence)
      return onlyTried(served, occurrence, value ?? {})
    })
  }
  const filled = await ask([])
  const probes = occurrences.map((occurrence, i) => [
    ...probesOf(served, occurrence),
    ...Object.entries(filled[i] ?? {}).map(([member, value]) => ({ member, value, asks: 'default' as const })),
  ])
  const rounds = Math.max(...probes.map(each => each.length))
  // Beyond its last probe a type gets the empty object.
  const answers = await inParallel(rounds, round => ask(probes.map(each => probeObject(each[round]))))
  return occurrences.map((occurrence, i) => {
    if (!kept.has(occurrence)) throw new Error(`${kindKey(kind)}: ${occurrence.path.join('.')} never came back`)
    const results = (probes[i] ?? []).map((probe, round) => ({ probe, answer: answers[round]?.[i] ?? {} }))
    return evaluate(occurrence, filled[i] ?? {}, results)
  })
}

/** Without the envelope, and without lists and maps that are printed when they are absent. */
function onlyTried(served: ServedTypes, occurrence: Occurrence, object: JsonObject): JsonObject {
  const tried = new Set(triedMembers(served, occurrence).map(([name]) => name))
  const isAbsent = (value: Json) => value === null || (Array.isArray(value) && value.length === 0)
  return Object.fromEntries(Object.entries(object).filter(([name, value]) => tried.has(name) && !isAbsent(value)))
}

async function inParallel<T>(count: number, run: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async () => {
    while (next < count) {
      const index = (next += 1) - 1
      results[index] = await run(index)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return results
}

function evaluate(
  occurrence: Occurrence,
  filled: JsonObject,
  results: readonly { probe: Probe; answer: JsonObject }[],
): Observation {
  const zero: string[] = []
  const keptLists: string[] = []
  const resourceLists: string[] = []
  const dependent: Dependence[] = []
  for (const { probe, answer } of results) {
    const { member, value, asks } = probe
    const same = equalJson(answer, filled)
    if (same && asks === 'zero' && !Array.isArray(value)) zero.push(member)
    if (same) continue
    if (asks === 'zero' && Array.isArray(value)) keptLists.push(member)
    // Writing the default out does not give what leaving it out gives.
    if (asks === 'default') dependent.push({ member, on: member, value, filled: answer })
    if (asks !== 'other') continue
    if (equalJson(value, { k: FINE_QUANTITY }) && equalJson(answer[member], { k: '1m' })) resourceLists.push(member)
    dependent.push(...dependences(probe, filled, answer))
  }
  return { occurrence, filled, zero, keptLists, resourceLists, dependent }
}

function dependences(probe: Probe, filled: JsonObject, answer: JsonObject): Dependence[] {
  const members = new Set([...Object.keys(filled), ...Object.keys(answer)])
  members.delete(probe.member)
  return [...members].flatMap(member => {
    const before = filled[member]
    const after = answer[member]
    if (equalJson(before ?? null, after ?? null)) return []
    return [{ member, on: probe.member, value: probe.value, filled: after ?? null }]
  })
}
