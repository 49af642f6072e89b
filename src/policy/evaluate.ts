import type { AdmissionRequest } from '../admission.js'
import type { Context, DegradedCode, Risk } from '../decision-types.js'
import { toGateError } from '../errors.js'
import { stringifyJson, type Json, type JsonObject } from '../json.js'
import { matchesType, matchSelectors } from '../match.js'
import { grantsOf } from '../related/grants.js'
import type { WorkloadEntry } from '../workload.js'
import { entrypointOf } from './bundle.js'
import { createHostInput, type HostInput } from './host-input.js'
import type { PolicyHost } from './host.js'
import type { PolicyCard, RuleName } from './policy-types.js'
import { policyInput, type CacheCounts, type InputResults, type ResultCache, type RuleFinding } from './result-cache.js'
import { parseFindings, type PolicyFinding } from './results.js'

/** One violation as a policy found it, or one policy that could not be evaluated. */
export interface Outcome {
  readonly card: PolicyCard
  readonly rule: RuleName
  readonly finding: PolicyFinding
  /** The policy did not answer: the finding tells why, and stands with the policy's own action. */
  readonly failure: Extract<DegradedCode, 'POLICY_FAILED' | 'POLICY_KILLED'> | null
  /** It matched only because the namespace's labels are not known. */
  readonly assumed: boolean
}

export interface Evaluation {
  readonly outcomes: readonly Outcome[]
  /** Some policy matched only because the namespace's labels are not known. */
  readonly assumed: boolean
  readonly cache: CacheCounts
  /**
   * Which of the policies that saw the request may read what these pointers name in their input, and all they could read,
   * as a text; null when that cannot be told.
   */
  readonly seen: (places: readonly string[]) => string | null
  /** Evaluates the same request with another object; not after another request was evaluated. */
  readonly again: (object: JsonObject, what?: Again) => Evaluation
}

/** What is known of another object for the same request. */
export interface Again {
  /**
   * The pointers in the policies' input that name all that differs, when none of it decides which policies see the
   * request: policies that read nothing there say what they said.
   */
  readonly changed?: readonly string[] | null
  /** Only what these policies say is asked for. */
  readonly only?: ReadonlySet<PolicyCard>
}

/** What a policy sees beside the request. */
export interface EvaluationInput {
  readonly context: Context
  readonly risk: Risk | null
  /** Policies that were stopped in an earlier attempt at this request, with what is said of them. */
  readonly killed: ReadonlyMap<string, string>
  /** The request as JSON, where it is at hand: writing it again is a tenth of a review. It must have the same members. */
  readonly requestText?: string
}

/** The changes of a set, as `input.changes` shows them to policies with `custom.scope: changeset`. */
export interface Change {
  readonly operation: string
  readonly object: JsonObject | null
  readonly oldObject: JsonObject | null
  readonly risk: Risk | null
}

export interface Evaluator {
  /** The host keeps the request's input for `again`, until `end` or the next evaluation. */
  evaluate(request: AdmissionRequest, input: EvaluationInput): Evaluation
  end(): void
  evaluateChanges(changes: readonly Change[], input: EvaluationInput): readonly Outcome[]
}

const NOTHING_SAID: readonly Outcome[] = []
/** More than a cluster has kinds that somebody writes. */
const MAX_TYPES = 2000

/**
 * Joins the configured cards with the Wasm host: which policies see a request, in which stage, and what they say.
 * A card's index is the handle of its parameters in the host.
 *
 * @param cache results of the same policies; null: every result is made anew
 */
export function createEvaluator(
  cards: readonly PolicyCard[],
  host: PolicyHost,
  workloads: readonly WorkloadEntry[],
  cache: ResultCache | null,
): Evaluator {
  const policies = cards.map((card, index) => {
    const policy = {
      card,
      index,
      entrypoints: card.rules.map(rule => ({ rule, entrypoint: entrypointOf(card, rule) })),
    }
    return { ...policy, matched: { yes: { ...policy, assumed: false }, assumed: { ...policy, assumed: true } } }
  })
  type Policy = (typeof policies)[number]
  type Matched = Policy['matched']['yes']
  const byType = new Map<string, readonly Policy[]>()

  /** The policies for this kind of request: most never see most kinds. */
  function policiesFor(request: AdmissionRequest): readonly Policy[] {
    const { operation, kind, subResource = '' } = request
    const type = `${operation} ${kind.group}/${kind.kind}/${subResource}`
    let found = byType.get(type)
    if (found === undefined) {
      found = policies.filter(({ card }) => card.scope !== 'changeset' && matchesType(card.match, request, workloads))
      // Whoever asks names the kinds.
      if (byType.size >= MAX_TYPES) byType.clear()
      byType.set(type, found)
    }
    return found
  }

  function matchedBy(
    request: AdmissionRequest,
    namespace: Context['namespace'],
    only: ReadonlySet<PolicyCard> | undefined,
  ): readonly Matched[] {
    const known = policiesFor(request)
    // What the last stage says depends on what all others say.
    const wanted = only && known.some(({ card }) => card.stage === 'last' && only.has(card)) ? undefined : only
    const found: Matched[] = []
    for (const { card, matched } of known) {
      if (wanted?.has(card) === false) continue
      const result = matchSelectors(card.match, request, namespace)
      if (result !== 'no') found.push(matched[result])
    }
    return found
  }

  /** What policies said of the same request, but for what some pointers name in their input. */
  interface Before {
    readonly outcomes: readonly Outcome[]
    readonly changed: readonly string[]
  }

  function createRun(
    hostInput: HostInput,
    killed: ReadonlyMap<string, string>,
    results: InputResults | null,
    before: Before | null = null,
  ) {
    const readers = before === null ? undefined : cache?.readersOf(before.changed)
    const saidBefore = byCard(before?.outcomes ?? [])
    let hits = 0
    let misses = 0

    function judge({ card, index, entrypoints, assumed }: Matched): readonly Outcome[] {
      const stopped = killed.get(card.id)
      if (stopped !== undefined) return [failed(card, 'POLICY_KILLED', stopped, assumed)]
      if (readers?.has(index) === false) {
        const said = saidBefore.get(card) ?? NOTHING_SAID
        // A policy that failed may not fail the next time.
        if (said.every(each => each.failure === null)) return said
      }
      const known = results?.find(index)
      if (known !== undefined) {
        hits += 1
        return known.map(each => ({ card, ...each, failure: null, assumed }))
      }
      misses += 1
      hostInput.ready()
      let found: readonly RuleFinding[]
      try {
        found = entrypoints.flatMap(({ rule, entrypoint }) =>
          parseFindings(host.evaluate(entrypoint, index)).map(finding => ({ rule, finding })),
        )
      } catch (error) {
        // All or nothing: what the policy's other rule said before stays out, so the answer does not depend on their order.
        const { message } = toGateError(error, 'POLICY_FAILED')
        return [failed(card, 'POLICY_FAILED', message, assumed)]
      }
      results?.keep(index, found)
      return found.map(each => ({ card, ...each, failure: null, assumed }))
    }

    return {
      judgeAll: (matched: readonly Matched[]) => matched.flatMap(judge),
      /** Not before the first stage is done: its policies see none. */
      setViolations(found: Json) {
        hostInput.setViolations(found)
        results?.setViolations(found)
      },
      counts: (): CacheCounts => ({ hits, misses }),
    }
  }

  function evaluateRequest(
    request: AdmissionRequest,
    input: EvaluationInput,
    hostInput: HostInput,
    matched: readonly Matched[],
    results: InputResults | null,
    before: Before | null,
  ): Evaluation {
    const { context, risk, killed } = input
    const run = createRun(hostInput, killed, results, before)
    const outcomes = run.judgeAll(matched.filter(each => each.card.stage === 'first'))
    const last = matched.filter(each => each.card.stage === 'last')
    if (last.length > 0) {
      if (outcomes.length > 0) run.setViolations(outcomes.map(violationInput))
      outcomes.push(...run.judgeAll(last))
    }
    return {
      outcomes,
      assumed: matched.some(each => each.assumed),
      cache: run.counts(),
      seen: places => {
        // What made a policy fail may be nothing that it read.
        if (cache === null || killed.size > 0 || outcomes.some(each => each.failure !== null)) return null
        const readers = cache.readersOf(places)
        return results?.textOf(matched.map(each => each.index).filter(each => readers.has(each))) ?? null
      },
      again: (object, { changed = null, only } = {}) => {
        const patched = { ...request, object }
        hostInput.setObject(object)
        if (changed !== null && only === undefined) {
          const known = results?.withObject(object, changed) ?? null
          return evaluateRequest(patched, input, hostInput, matched, known, { outcomes, changed })
        }
        const seeing = matchedBy(patched, context.namespace, only)
        const opened = cache?.open(patched, context, risk) ?? null
        return evaluateRequest(patched, input, hostInput, seeing, opened, null)
      },
    }
  }

  return {
    evaluate(request, input) {
      const { context, risk, requestText } = input
      const text = () => inputText(requestText ?? stringifyJson(request as unknown as Json), context, risk)
      const matched = matchedBy(request, context.namespace, undefined)
      const results = matched.length === 0 ? null : (cache?.open(request, context, risk) ?? null)
      const hostInput = createHostInput(host, text, request.object)
      return evaluateRequest(request, input, hostInput, matched, results, null)
    },
    end() {
      host.end()
    },
    evaluateChanges(changes, { context, killed }) {
      const matched = policies.filter(({ card }) => card.scope === 'changeset').map(each => each.matched.yes)
      const text = () =>
        stringifyJson({
          changes,
          grants: grantsOf(changes, workloads),
          parameters: {},
          now: context.now,
        } as unknown as Json)
      try {
        return createRun(createHostInput(host, text, null), killed, null).judgeAll(matched)
      } finally {
        host.end()
      }
    },
  }
}

function byCard(outcomes: readonly Outcome[]): ReadonlyMap<PolicyCard, readonly Outcome[]> {
  const found = new Map<PolicyCard, Outcome[]>()
  for (const outcome of outcomes) {
    const others = found.get(outcome.card)
    if (others === undefined) found.set(outcome.card, [outcome])
    else others.push(outcome)
  }
  return found
}

function inputText(review: string, context: Context, risk: Risk | null): string {
  return `{"review":${review},${stringifyJson(policyInput(null, context, risk)).slice('{"review":null,'.length)}`
}

function violationInput({ card, rule, finding }: Outcome): Json {
  return {
    policy: card.id,
    rule,
    severity: card.severity,
    msg: finding.message,
    path: finding.path,
    details: finding.details,
  }
}

function failed(card: PolicyCard, failure: 'POLICY_FAILED' | 'POLICY_KILLED', text: string, assumed: boolean): Outcome {
  const message = `the policy could not be evaluated: ${text}`
  const rule = card.rules.find(each => each !== 'warn') ?? 'warn'
  return { card, rule, finding: { message, path: '', details: null, remedy: null }, failure, assumed }
}
