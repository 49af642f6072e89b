import { availableParallelism } from 'node:os'
import type { AdmissionRequest } from '../admission.js'
import type { AdmissionRecord } from '../admission-record.js'
import type { Context, Decision, SetDecision, SetViolation } from '../decision-types.js'
import { GateError } from '../errors.js'
import { compileModule, createGate } from '../gate.js'
import { parseJson, stringifyJson, type Json } from '../json.js'
import { parseBundle, type Bundle, type BundleFiles } from '../policy/bundle.js'
import type { Change } from '../policy/evaluate.js'
import { reviewSetWith, type ReviewItem, type SetFindings } from '../review-set.js'
import type { NamespaceAnswer, NamespaceChange, Work } from './pool-messages.js'
import { createScheduler } from './pool-scheduler.js'

export interface PoolOptions {
  readonly files: BundleFiles
  readonly allowUnsigned?: boolean
  /** Threads that judge; beside them a spare one waits as soon as some rule takes long. Default: one per core. */
  readonly workers?: number
  /** Starts all threads and the spare one at once, and waits for them: the first request finds everything hot. */
  readonly warm?: boolean
  /** How long one rule of a policy may run on one request; generous, for a machine that is busy kills no honest policy. */
  readonly policyTimeoutMs?: number
  /** How long one request may take once it left the queue. */
  readonly requestTimeoutMs?: number
  /** How many requests may wait. */
  readonly maxQueue?: number
  /** What the cache of each thread may take. */
  readonly cacheBytes?: number
  /** Where the labels of namespaces come from for `admit`; the bundle's own table when not said. */
  readonly namespaces?: NamespaceDirectory
}

/** The namespaces of a cluster: every thread keeps a copy of what is known. */
export interface NamespaceDirectory {
  known(): readonly NamespaceChange[]
  /** Called with every change from now on. @returns ends that */
  onChange(listener: (changes: readonly NamespaceChange[]) => void): () => void
  /** Asks for one that is not known; must settle in bounded time and never reject. */
  lookUp(name: string): Promise<NamespaceAnswer>
}

/** One AdmissionReview to be answered. */
export interface AdmissionWork {
  /** RFC 3339, UTC, in whole seconds. */
  readonly now: string
  /** When the answer is worth nothing any more, by `performance.now()`. */
  readonly deadlineMs: number
  /** Whether the whole Decision is wanted, too. */
  readonly withDecision: boolean
}

export interface AdmissionAnswer {
  /** The AdmissionReview to answer with, as JSON. */
  readonly response: string
  /** The answer's; '' where the review had none. */
  readonly uid: string
  readonly record: AdmissionRecord
  readonly decision: Decision | null
  readonly queueMs: number
}

/** A gate in worker threads: a policy that never ends costs its thread, not the process. */
export interface Pool {
  readonly bundle: Bundle
  readonly workers: number
  /** How many requests wait for a thread. */
  readonly queueLength: number
  /** @throws GateError when the request cannot be judged, GATE_DEADLINE, GATE_OVERLOADED or GATE_CLOSED */
  review(request: AdmissionRequest, context: Context): Promise<Decision>
  /** What the set policies say of a whole change. */
  reviewChanges(changes: readonly Change[], context: Context): Promise<readonly SetViolation[]>
  /** Judges a whole change as a gate does, several requests at once. */
  reviewSet(
    requests: readonly (AdmissionRequest | ReviewItem)[],
    context: Context,
    found?: SetFindings,
  ): Promise<SetDecision>
  /**
   * Answers one AdmissionReview by its bytes; what is wrong with the review is part of the answer.
   *
   * @throws GateError when the gate cannot judge: GATE_DEADLINE, GATE_OVERLOADED, GATE_CLOSED or INTERNAL
   */
  admit(body: Uint8Array, work: AdmissionWork): Promise<AdmissionAnswer>
  /** Takes no more requests, and closes when those it has are answered. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** What a command that judges manifests needs of it. */
export type ReviewPool = Pick<Pool, 'bundle' | 'workers' | 'review' | 'reviewChanges' | 'close'>

/** Each thread has a cache of its own: enough for the workloads that are written again and again. */
const CACHE_BYTES = 4 * 1024 * 1024
/**
 * Starts a pool on one bundle. Each thread judges one request at a time, so whom to blame for a time-out is known:
 * the policy at its deadline is stopped with its thread, and a spare thread judges the request again without that policy.
 *
 * @throws GateError when the bundle cannot be used
 */
export async function createPool(options: PoolOptions): Promise<Pool> {
  const {
    files,
    allowUnsigned = false,
    warm = false,
    policyTimeoutMs = 5_000,
    requestTimeoutMs = 30_000,
    maxQueue = 10_000,
    cacheBytes = CACHE_BYTES,
    namespaces,
  } = options
  const size = Math.max(1, options.workers ?? availableParallelism())
  const bundle = parseBundle(files, { allowUnsigned })
  const module = compileModule(bundle.wasm)
  // Here and now, so that a bundle that lacks a built-in is refused before any thread is started.
  await createGate(bundle, { module })

  const scheduler = createScheduler({
    files,
    allowUnsigned,
    bundle,
    module,
    size,
    warm,
    policyTimeoutMs,
    requestTimeoutMs,
    maxQueue,
    cacheBytes,
    namespaces,
  })
  if (warm) await scheduler.warmUp()

  async function judged(work: Work): Promise<Json> {
    const outcome = await scheduler.submit(work)
    if (outcome.kind !== 'judged') throw new GateError('INTERNAL', 'a worker thread answered something else')
    return parseJson(outcome.text)
  }

  async function review(request: AdmissionRequest, context: Context): Promise<Decision> {
    const [body, text] = [stringifyJson(request as unknown as Json), stringifyJson(context as unknown as Json)]
    return (await judged({ kind: 'review', body, context: text })) as unknown as Decision
  }

  async function reviewChanges(changes: readonly Change[], context: Context): Promise<readonly SetViolation[]> {
    const [body, text] = [stringifyJson(changes as unknown as Json), stringifyJson(context as unknown as Json)]
    return (await judged({ kind: 'changes', body, context: text })) as unknown as SetViolation[]
  }

  return {
    bundle,
    workers: size,
    get queueLength() {
      return scheduler.queueLength
    },
    review,
    reviewChanges,
    reviewSet: (requests, context, found) =>
      reviewSetWith({ bundle: bundle.reference, atOnce: size * 2, review, reviewChanges }, requests, context, found),
    async admit(body, { now, deadlineMs, withDecision }) {
      const outcome = await scheduler.submit(
        { kind: 'admission', body, now, withDecision, namespace: null },
        deadlineMs,
      )
      if (outcome.kind !== 'admitted') throw new GateError('INTERNAL', 'a worker thread answered something else')
      const { response, uid, record, decision, queueMs } = outcome
      return {
        response,
        uid,
        record,
        decision: decision === null ? null : (parseJson(decision) as unknown as Decision),
        queueMs,
      }
    },
    drain: () => scheduler.drain(),
    close: () => scheduler.close(),
  }
}
