import type { AdmissionRequest } from './admission.js'
import { configuredCard } from './config.js'
import { decide, identityOf, outcomeKey, wouldDeny, type Judgement, type Rules } from './decision.js'
import type { Context, Decision, SetDecision, SetViolation } from './decision-types.js'
import { GateError } from './errors.js'
import { applyConfiguredWorkloads, entrypointOf, parseBundle, type Bundle, type BundleFiles } from './policy/bundle.js'
import { createEvaluator, type Change, type Evaluation, type EvaluationInput } from './policy/evaluate.js'
import { ByteCache } from './policy/byte-cache.js'
import { createPolicyHost } from './policy/host.js'
import { joinPaths, type InputPath } from './policy/input-path.js'
import type { PolicyCard } from './policy/policy-types.js'
import { createResultCache, type CacheCounts } from './policy/result-cache.js'
import { knownHelp } from './remedy/known-help.js'
import { offeredRemedies, type Rejudge } from './remedy/rejudge.js'
import { createRiskScorer, type RiskModel } from './risk/model.js'
import { reviewSetWith, type ReviewItem, type SetFindings } from './review-set.js'
import { setViolationsOf } from './set-decision.js'
import { WORKLOADS } from './workload.js'

export { GateError, parseBundle, type Bundle, type BundleFiles, type Context, type Decision, type SetDecision }

/** What a caller may add to one review. */
export interface ReviewOptions {
  /** Policies that were stopped in an earlier attempt at this request, with what is said of them. */
  readonly killed?: ReadonlyMap<string, string>
  /**
   * The JSON text that `request` was parsed from, where it is at hand: it saves writing it again for the policies. It must
   * not have members that `request` lacks: the cache would not see that they changed.
   */
  readonly requestText?: string
  /** Told how many results of policies were taken from the cache for the request's object, and how many were made. */
  readonly onCache?: (counts: CacheCounts) => void
}

/** What a gate's cache holds, and how often it had what was asked for since the gate was made. */
export interface CacheState extends CacheCounts {
  readonly bytes: number
  readonly entries: number
}

/** One bundle, ready to judge. A gate judges one request at a time; several run side by side in threads of their own. */
export interface Gate {
  readonly bundle: Bundle
  /**
   * Judges one request. Where the context has no rarity, the bundle's counts.
   *
   * @throws GateError when the request cannot be judged; a denial is a Decision
   */
  review(request: AdmissionRequest, context: Context, options?: ReviewOptions): Promise<Decision>
  /**
   * Judges a whole change; requests that throw become `errors`.
   *
   * @param context the set's own, and that of requests which bring none
   * @param found what is known to be wrong with the set already
   */
  reviewSet(
    requests: readonly (AdmissionRequest | ReviewItem)[],
    context: Context,
    found?: SetFindings,
  ): Promise<SetDecision>
  /** The set policies' violations of a whole change. */
  reviewChanges(changes: readonly Change[], context: Context, options?: ReviewOptions): readonly SetViolation[]
  readonly memoryBytes: number
  readonly cache: CacheState
}

/** What a gate's cache may take where nothing else is said. */
export const DEFAULT_CACHE_BYTES = 32 * 1024 * 1024

export interface GateOptions {
  /** Compiled once and shared between threads; compiled from the bundle where it is not given. */
  readonly module?: WebAssembly.Module
  /** Instead of the bundle's. */
  readonly riskModel?: RiskModel
  /** What the results of policies and scores that are kept may take; 0: nothing is kept. Default: 32 MiB. */
  readonly cacheBytes?: number
  /** Called with a policy's index in `bundle.cards` before one of its rules runs, and with -1 after it. */
  readonly onPolicy?: (index: number) => void
}

const NOT_SCORED = { risk: null, anomaly: null, riskProblem: null } as const
const NOTHING_JUDGED: Evaluation = {
  outcomes: [],
  assumed: false,
  cache: { hits: 0, misses: 0 },
  seen: () => null,
  again: () => NOTHING_JUDGED,
}

/**
 * Makes a gate of a bundle: the one function everything stands on is its `review`.
 *
 * @throws GateError (rejects with) BUNDLE_INVALID, BUNDLE_BUILTIN_MISSING or BUNDLE_MODEL_INVALID when the bundle's Wasm or model cannot be used
 */
export async function createGate(bundle: Bundle, options: GateOptions = {}): Promise<Gate> {
  return openGate(bundle, options, options.riskModel ?? (await openRiskModel(bundle)))
}

/** What runs models is loaded only where there is one. */
async function openRiskModel({ model }: Bundle): Promise<RiskModel | undefined> {
  if (model === null) return undefined
  const [{ readModels }, { openModels }] = await Promise.all([
    import('./risk/models.js'),
    import('./risk/trained-model.js'),
  ])
  return openModels(readModels(model))
}

function openGate(bundle: Bundle, options: GateOptions, riskModel: RiskModel | undefined): Gate {
  const { config, entrypoints, exceptions, reference } = bundle
  const cards = bundle.cards.map(card => configuredCard(card, config))
  const workloads = [...WORKLOADS, ...config.workloads]
  const host = createPolicyHost({
    module: options.module ?? compileModule(bundle.wasm),
    data: applyConfiguredWorkloads(bundle.data, workloads),
    parameters: cards.map(card => card.parameters),
    onEntrypoint: index => options.onPolicy?.(index < 0 ? -1 : (policyOf[index] ?? -1)),
  })
  const owners = new Map(
    cards.flatMap((card, index) => card.rules.map(rule => [entrypointOf(card, rule), index] as const)),
  )
  const policyOf = host.entrypoints.map(entrypoint => owners.get(entrypoint) ?? -1)
  const missing = entrypoints.find(each => !host.entrypoints.includes(each))
  if (missing !== undefined) {
    throw new GateError(
      'BUNDLE_INVALID',
      `.manifest of the bundle names the entrypoint ${missing}, which policy.wasm does not have`,
    )
  }
  const { cacheBytes = DEFAULT_CACHE_BYTES } = options
  const cache = cacheBytes > 0 ? new ByteCache(cacheBytes) : null
  const paths = cards.map(card =>
    joinPaths(
      bundle.inputs,
      card.rules.map(rule => entrypointOf(card, rule)),
    ),
  )
  const readers = relatedReaders(cards, paths)
  const evaluator = createEvaluator(cards, host, workloads, cache && createResultCache(paths, cache))
  const scoreRisk = createRiskScorer(riskModel, cache)
  const total = { hits: 0, misses: 0 }
  const rules: Rules = { config, exceptions, bundle: reference }
  const rarity = bundle.rarity && { snapshot: bundle.rarity, digest: bundle.rarity.digest }

  async function review(
    request: AdmissionRequest,
    given: Context,
    { killed = new Map(), requestText, onCache }: ReviewOptions = {},
  ): Promise<Decision> {
    const context = given.rarity === null && rarity !== null ? { ...given, rarity } : given
    const identity = identityOf(request)
    const { subject, unchanged } = identity
    // What counts is as it was: it was judged when it was written.
    const score = unchanged ? NOT_SCORED : await scoreRisk(request, context, identity)
    const input: EvaluationInput = { context, risk: score.risk, killed }
    try {
      const evaluation = unchanged
        ? NOTHING_JUDGED
        : counted(evaluator.evaluate(request, requestText === undefined ? input : { ...input, requestText }))
      onCache?.(evaluation.cache)
      return decideOf(evaluation, { request, context, subject, unchanged, ...score })
    } finally {
      evaluator.end()
    }
  }

  function counted(evaluation: Evaluation): Evaluation {
    total.hits += evaluation.cache.hits
    total.misses += evaluation.cache.misses
    return evaluation
  }

  /** Joins what the policies say of a request, and what they would say of it if it were better, to the Decision. */
  function decideOf(
    { outcomes, assumed, seen, again }: Evaluation,
    about: Pick<Judgement, 'request' | 'context' | 'subject' | 'unchanged' | 'risk' | 'anomaly' | 'riskProblem'>,
  ): Decision {
    const { object, oldObject, operation } = about.request
    const inObject = (places: readonly string[]): readonly string[] => places.map(place => `/review/object${place}`)
    const rejudge: Rejudge = (patched, places) =>
      counted(again(patched, { changed: places === null ? null : inObject(places) })).outcomes
    const help = knownHelp(cache, places => seen(inObject(places)))
    const judgement: Judgement = {
      ...about,
      outcomes,
      existing: null,
      remedies: offeredRemedies(object, outcomes, rejudge, help),
      assumed,
      relatedUsed: outcomes.some(({ card }) => readers.has(card.id)),
    }
    if (operation !== 'UPDATE' || oldObject === null || !wouldDeny(judgement, rules)) return decide(judgement, rules)
    // What is asked is whether these violations are there already.
    const only = new Set(outcomes.map(({ card }) => card))
    const existing = new Set(
      counted(again(oldObject, { only }))
        .outcomes.filter(each => each.failure === null)
        .map(outcomeKey),
    )
    return decide({ ...judgement, existing }, rules)
  }

  function reviewChanges(changes: readonly Change[], context: Context, { killed = new Map() }: ReviewOptions = {}) {
    return setViolationsOf(evaluator.evaluateChanges(changes, { context, risk: null, killed }), config, changes)
  }

  function reviewSet(requests: readonly (AdmissionRequest | ReviewItem)[], context: Context, found?: SetFindings) {
    const judgeChanges = (changes: readonly Change[], each: Context) =>
      new Promise<readonly SetViolation[]>(resolve => {
        resolve(reviewChanges(changes, each))
      })
    const reviewer = { bundle: reference, atOnce: 1, review, reviewChanges: judgeChanges }
    return reviewSetWith(reviewer, requests, context, found)
  }

  return {
    bundle,
    review,
    reviewSet,
    reviewChanges,
    get memoryBytes() {
      return host.memoryBytes
    },
    get cache() {
      return { ...total, bytes: cache?.bytes ?? 0, entries: cache?.entries ?? 0 }
    },
  }
}

/** The policies whose results may depend on the related objects; of some it is not known what they read. */
function relatedReaders(
  cards: readonly PolicyCard[],
  paths: readonly (readonly InputPath[] | null)[],
): ReadonlySet<string> {
  const reads = (each: readonly InputPath[] | null | undefined): boolean =>
    each?.some(({ pointer }) => /^\/related(?:\/|$)/.test(pointer)) ?? true
  return new Set(cards.filter((_, index) => reads(paths[index])).map(card => card.id))
}

/** Compiles a bundle's Wasm. @throws GateError BUNDLE_INVALID */
export function compileModule(wasm: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(wasm)
  } catch (error) {
    throw new GateError('BUNDLE_INVALID', 'policy.wasm of the bundle is not a WebAssembly module', { cause: error })
  }
}
