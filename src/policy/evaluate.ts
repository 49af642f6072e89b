import type { AdmissionRequest } from '../admission.js'
import type { Context, DegradedCode, Risk } from '../decision-types.js'
import { toGateError } from '../errors.js'
import { stringifyJson, type Json, type JsonObject } from '../json.js'
import { matchRequest } from '../match.js'
import type { WorkloadEntry } from '../workload.js'
import { entrypointOf } from './bundle.js'
import type { PolicyHost } from './host.js'
import type { PolicyCard, RuleName } from './policy-types.js'
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
}

/** What a policy sees beside the request. */
export interface EvaluationInput {
  readonly context: Context
  readonly risk: Risk | null
  /** Policies that were stopped in an earlier attempt at this request, with what is said of them. */
  readonly killed: ReadonlyMap<string, string>
  /** The request as JSON, where it is at hand: writing it again is a tenth of a review. */
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
  evaluate(request: AdmissionRequest, input: EvaluationInput): Evaluation
  evaluateChanges(changes: readonly Change[], input: EvaluationInput): readonly Outcome[]
}

const encoder = new TextEncoder()

/**
 * Joins the configured cards with the Wasm host: which policies see a request, in which stage, and what they say.
 * A card's index is the handle of its parameters in the host.
 */
export function createEvaluator(
  cards: readonly PolicyCard[],
  host: PolicyHost,
  workloads: readonly WorkloadEntry[],
): Evaluator {
  const policies = cards.map((card, index) => ({
    card,
    index,
    entrypoints: card.rules.map(rule => ({ rule, entrypoint: entrypointOf(card, rule) })),
  }))
  type Matched = (typeof policies)[number] & { readonly assumed: boolean }

  function run(
    { card, index, entrypoints, assumed }: Matched,
    killed: ReadonlyMap<string, string>,
  ): readonly Outcome[] {
    const stopped = killed.get(card.id)
    if (stopped !== undefined) return [failed(card, 'POLICY_KILLED', stopped, assumed)]
    try {
      return entrypoints.flatMap(({ rule, entrypoint }) =>
        parseFindings(host.evaluate(entrypoint, index)).map(finding => ({
          card,
          rule,
          finding,
          failure: null,
          assumed,
        })),
      )
    } catch (error) {
      // All or nothing: what the policy's other rule said before stays out, so the answer does not depend on their order.
      const { message } = toGateError(error, 'POLICY_FAILED')
      return [failed(card, 'POLICY_FAILED', message, assumed)]
    }
  }

  function runAll(matched: readonly Matched[], killed: ReadonlyMap<string, string>): readonly Outcome[] {
    return matched.flatMap(each => run(each, killed))
  }

  /** Gives the host an input for as long as `judge` takes; where no policy matched, nothing is written or parsed. */
  function withInput(isNeeded: boolean, input: () => string, judge: () => readonly Outcome[]): readonly Outcome[] {
    if (!isNeeded) return []
    host.begin(encoder.encode(input()))
    try {
      return judge()
    } finally {
      host.end()
    }
  }

  return {
    evaluate(request, { context, risk, killed, requestText }) {
      const matched = policies.flatMap(policy => {
        if (policy.card.scope === 'changeset') return []
        const result = matchRequest(policy.card.match, request, context.namespace, workloads)
        return result === 'no' ? [] : { ...policy, assumed: result === 'assumed' }
      })
      const input = () => inputText(requestText ?? stringifyJson(request as unknown as Json), context, risk)
      const outcomes = withInput(matched.length > 0, input, () => {
        const first = runAll(
          matched.filter(each => each.card.stage === 'first'),
          killed,
        )
        const last = matched.filter(each => each.card.stage === 'last')
        if (last.length > 0 && first.length > 0)
          host.amend('violations', encoder.encode(stringifyJson(first.map(violationInput))))
        return [...first, ...runAll(last, killed)]
      })
      return { outcomes, assumed: matched.some(each => each.assumed) }
    },
    evaluateChanges(changes, { context, killed }) {
      const matched = policies
        .filter(({ card }) => card.scope === 'changeset')
        .map(each => ({ ...each, assumed: false }))
      const input = () => stringifyJson({ changes: changes as unknown as Json, parameters: {}, now: context.now })
      return withInput(matched.length > 0, input, () => runAll(matched, killed))
    },
  }
}

// `parameters` is a placeholder: the host puts each policy's own in its place.
function inputText(review: string, context: Context, risk: Risk | null): string {
  const rest = {
    namespace: context.namespace,
    parameters: {},
    risk,
    provenance: context.provenance,
    related: context.related,
    violations: [],
    now: context.now,
  }
  return `{"review":${review},${stringifyJson(rest as unknown as Json).slice(1)}`
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
