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
import type { NamespaceAnswer, NamespaceChange, Outcome, Work } from './pool-messages.js'
import { startWorker, type PoolWorker } from './pool-thread.js'

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

interface Job {
  work: Work
  readonly killed: Map<string, string>
  readonly deadlineMs: number
  readonly policyTimeoutMs: number
  readonly queuedMs: number
  startedMs: number | null
  attempts: number
  resolve(outcome: Outcome): void
  reject(error: GateError): void
}

/** How often running policies are looked at: the precision of their deadlines. */
const WATCH_MS = 20
/** A spare thread is started when a rule has used this part of its time: hot when it is needed, and not made for nothing. */
const SPARE_FRACTION = 8
/** One policy may use this part of a request's time, so that there is an answer after it was stopped. */
const POLICY_FRACTION = 3
/** Each thread has a cache of its own: enough for the workloads that are written again and again. */
const CACHE_BYTES = 4 * 1024 * 1024
/** A thread that ends by itself may have been unlucky once, not twice. */
const MAX_CRASHES = 2

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

  const threads = new Set<PoolWorker<Job>>()
  const queue: Job[] = []
  let closed = false
  /** From the first rule that took long: its thread may have to be ended, and a new one takes a while to start. */
  let isSpareNeeded = warm
  /** How many threads there are to be in a warm pool, the spare one among them. */
  let warmTarget = 0
  let watch: NodeJS.Timeout | undefined
  let draining = false
  /** Jobs that are with no thread and not in the queue. */
  let waitingForNamespace = 0
  let waiters: (() => void)[] = []
  const forget = namespaces?.onChange(changes => {
    for (const thread of threads) thread.learn(changes)
  })

  function grow(): void {
    const busy = [...threads].filter(each => each.job !== null).length
    const wanted = warm ? warmTarget : Math.min(size, busy + queue.length) + (isSpareNeeded ? 1 : 0)
    while (!closed && threads.size < wanted) {
      const thread = startWorker<Job>(
        { files, allowUnsigned, cacheBytes, module, namespaces: namespaces?.known() ?? null },
        { onReady, onDone: finish, onExit: crashed },
      )
      threads.add(thread)
    }
  }

  function onReady(): void {
    settled()
    dispatch()
  }

  function dispatch(): void {
    if (closed) return
    const running = [...threads].filter(each => each.job !== null).length
    let free = size - running
    for (const thread of threads) {
      if (free <= 0 || queue.length === 0) break
      if (!thread.ready || thread.job !== null) continue
      const job = queue.shift()
      if (job === undefined) break
      free -= 1
      job.startedMs ??= performance.now()
      thread.run(job, { ...job.work, killed: [...job.killed] })
    }
    watch ??= setInterval(checkDeadlines, WATCH_MS)
  }

  function finish(thread: PoolWorker<Job>, settle: (job: Job) => void): void {
    const job = thread.take()
    if (job !== null) settle(job)
    if (queue.length > 0) dispatch()
    else if ([...threads].every(each => each.job === null)) idle()
  }

  function idle(): void {
    clearInterval(watch)
    watch = undefined
    settled()
  }

  function crashed(thread: PoolWorker<Job>, reason: string): void {
    threads.delete(thread)
    const job = thread.take()
    if (job !== null) retry(job, new GateError('INTERNAL', `a worker thread ended while it judged: ${reason}`))
    else if (!thread.ready && queue.length > 0)
      failAll(new GateError('INTERNAL', `a worker thread did not start: ${reason}`))
    settled()
    // One that did not even start would not start now: the next request tries again.
    if (queue.length > 0 || (warm && thread.ready)) {
      grow()
      dispatch()
    }
  }

  function retry(job: Job, error: GateError): void {
    job.attempts += 1
    if (job.attempts >= MAX_CRASHES || closed) job.reject(error)
    else queue.unshift(job)
  }

  function checkDeadlines(): void {
    if (queue.length === 0 && [...threads].every(each => each.job === null)) return idle()
    const now = performance.now()
    for (const job of queue.filter(each => now > each.deadlineMs)) {
      queue.splice(queue.indexOf(job), 1)
      job.reject(new GateError('GATE_DEADLINE', 'the request was not judged in time: it waited for a thread'))
    }
    for (const thread of threads) {
      const { job } = thread
      if (job === null) continue
      const { policy: index, ruleMs, requestMs } = thread.progress(now)
      const policy = index === null ? undefined : bundle.cards[index]?.id
      if (!isSpareNeeded && ruleMs > job.policyTimeoutMs / SPARE_FRACTION) {
        isSpareNeeded = true
        grow()
      }
      const isOver = requestMs > requestTimeoutMs || now > job.deadlineMs
      if (!isOver && (policy === undefined || ruleMs <= job.policyTimeoutMs)) continue
      threads.delete(thread)
      thread.take()
      void thread.terminate()
      if (isOver) {
        const running = policy === undefined ? '' : ` (policy ${policy} was running)`
        const limitMs = Math.min(requestTimeoutMs, Math.round(job.deadlineMs - job.queuedMs))
        job.reject(new GateError('GATE_DEADLINE', `the request was not judged within ${limitMs} ms${running}`))
      } else if (policy !== undefined) {
        const limitMs = Math.round(job.policyTimeoutMs)
        job.killed.set(policy, `it ran for more than ${limitMs} ms and was stopped`)
        queue.unshift(job)
      }
      grow()
      dispatch()
    }
  }

  function failAll(error: GateError): void {
    for (const job of queue.splice(0)) job.reject(error)
  }

  function submit(work: Work, deadlineMs = Infinity): Promise<Outcome & { readonly queueMs: number }> {
    if (closed || draining) return Promise.reject(new GateError('GATE_CLOSED', 'the gate is shutting down'))
    if (queue.length >= maxQueue) {
      return Promise.reject(new GateError('GATE_OVERLOADED', `${maxQueue} requests are waiting already`))
    }
    return new Promise((resolve, reject) => {
      const queuedMs = performance.now()
      const job: Job = {
        work,
        killed: new Map(),
        deadlineMs,
        policyTimeoutMs: Math.min(policyTimeoutMs, (deadlineMs - queuedMs) / POLICY_FRACTION),
        queuedMs,
        startedMs: null,
        attempts: 0,
        reject,
        resolve: outcome => {
          if (outcome.kind === 'namespaceNeeded') lookUp(job, outcome.name)
          else resolve({ ...outcome, queueMs: (job.startedMs ?? queuedMs) - queuedMs })
        },
      }
      queue.push(job)
      grow()
      dispatch()
    })
  }

  /** A namespace that is not among the known ones is newer than they are: the job goes on once it was asked for. */
  function lookUp(job: Job, name: string): void {
    const { work } = job
    if (namespaces === undefined || work.kind !== 'admission') {
      job.reject(new GateError('INTERNAL', 'a namespace was asked for where there is none'))
      return
    }
    waitingForNamespace += 1
    void namespaces.lookUp(name).then(namespace => {
      waitingForNamespace -= 1
      job.work = { ...work, namespace }
      if (closed) {
        job.reject(new GateError('GATE_CLOSED', 'the gate is shutting down'))
        return
      }
      queue.unshift(job)
      grow()
      dispatch()
    })
  }

  async function judged(work: Work): Promise<Json> {
    const outcome = await submit(work)
    if (outcome.kind !== 'judged') throw new GateError('INTERNAL', 'a worker thread answered something else')
    return parseJson(outcome.text)
  }

  function settled(): void {
    const waiting = waiters
    waiters = []
    for (const each of waiting) each()
  }

  /** Resolves once `isReached`, which is looked at whenever a thread starts, ends or finishes. */
  async function until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      await new Promise<void>(resolve => {
        waiters.push(resolve)
      })
    }
  }

  async function close(): Promise<void> {
    closed = true
    forget?.()
    idle()
    const error = new GateError('GATE_CLOSED', 'the gate is shutting down')
    failAll(error)
    const ending = [...threads]
    threads.clear()
    for (const thread of ending) thread.take()?.reject(error)
    await Promise.all(ending.map(each => each.terminate()))
  }

  // One after the other: while a bundle is swapped, the threads of the last one still need the cores.
  while (warm && warmTarget <= size) {
    warmTarget += 1
    grow()
    await until(() => [...threads].every(each => each.ready))
    if (threads.size === warmTarget) continue
    await close()
    throw new GateError('INTERNAL', 'the worker threads did not start')
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
      return queue.length
    },
    review,
    reviewChanges,
    reviewSet: (requests, context, found) =>
      reviewSetWith({ bundle: bundle.reference, atOnce: size * 2, review, reviewChanges }, requests, context, found),
    async admit(body, { now, deadlineMs, withDecision }) {
      const outcome = await submit({ kind: 'admission', body, now, withDecision, namespace: null }, deadlineMs)
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
    async drain() {
      draining = true
      await until(
        () => queue.length === 0 && waitingForNamespace === 0 && [...threads].every(each => each.job === null),
      )
      await close()
    },
    close,
  }
}
