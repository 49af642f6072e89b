import { availableParallelism } from 'node:os'
import type { AdmissionRequest } from '../admission.js'
import type { Context, Decision, SetViolation } from '../decision-types.js'
import { GateError } from '../errors.js'
import { compileModule, createGate } from '../gate.js'
import { parseJson, stringifyJson, type Json } from '../json.js'
import { parseBundle, type Bundle, type BundleFiles } from '../policy/bundle.js'
import type { Change } from '../policy/evaluate.js'
import type { Task } from './pool-messages.js'
import { startWorker, type PoolWorker } from './pool-thread.js'

export interface PoolOptions {
  readonly files: BundleFiles
  readonly allowUnsigned?: boolean
  /** Threads that judge; beside them a spare one waits as soon as some rule takes long. Default: one per core. */
  readonly workers?: number
  /** How long one rule of a policy may run on one request; generous, for a machine that is busy kills no honest policy. */
  readonly policyTimeoutMs?: number
  /** How long one request may take once it left the queue. */
  readonly requestTimeoutMs?: number
  /** How many requests may wait. */
  readonly maxQueue?: number
}

/** A gate in worker threads: a policy that never ends costs its thread, not the process. */
export interface Pool {
  readonly bundle: Bundle
  readonly workers: number
  /** @throws GateError when the request cannot be judged, GATE_DEADLINE, GATE_OVERLOADED or GATE_CLOSED */
  review(request: AdmissionRequest, context: Context): Promise<Decision>
  /** What the set policies say of a whole change. */
  reviewChanges(changes: readonly Change[], context: Context): Promise<readonly SetViolation[]>
  close(): Promise<void>
}

interface Job {
  readonly kind: Task['kind']
  readonly body: string
  readonly context: string
  readonly killed: Map<string, string>
  attempts: number
  resolve(text: string): void
  reject(error: GateError): void
}

/** How often running policies are looked at: the precision of their deadlines. */
const WATCH_MS = 20
/** A spare thread is started when a rule has used this part of its time: hot when it is needed, and not made for nothing. */
const SPARE_FRACTION = 8
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
    policyTimeoutMs = 5_000,
    requestTimeoutMs = 30_000,
    maxQueue = 10_000,
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
  let isSpareNeeded = false
  let watch: NodeJS.Timeout | undefined

  function grow(): void {
    const busy = [...threads].filter(each => each.job !== null).length
    const wanted = Math.min(size, busy + queue.length) + (isSpareNeeded ? 1 : 0)
    while (!closed && threads.size < wanted) {
      const thread = startWorker<Job>(
        { files, allowUnsigned, module },
        { onReady: dispatch, onDone: finish, onExit: crashed },
      )
      threads.add(thread)
    }
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
      thread.run(job, { kind: job.kind, body: job.body, context: job.context, killed: [...job.killed] })
    }
    watch ??= setInterval(checkDeadlines, WATCH_MS)
  }

  function finish(thread: PoolWorker<Job>, settle: (job: Job) => void): void {
    const job = thread.take()
    if (job !== null) settle(job)
    if (queue.length > 0) dispatch()
    else if ([...threads].every(each => each.job === null)) stopWatch()
  }

  function crashed(thread: PoolWorker<Job>, reason: string): void {
    threads.delete(thread)
    const job = thread.take()
    if (job !== null) retry(job, new GateError('INTERNAL', `a worker thread ended while it judged: ${reason}`))
    else if (!thread.ready && queue.length > 0)
      failAll(new GateError('INTERNAL', `a worker thread did not start: ${reason}`))
    if (queue.length > 0) {
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
    if (queue.length === 0 && [...threads].every(each => each.job === null)) return stopWatch()
    const now = performance.now()
    for (const thread of threads) {
      const { job } = thread
      if (job === null) continue
      const { policy: index, ruleMs, requestMs } = thread.progress(now)
      const policy = index === null ? undefined : bundle.cards[index]?.id
      if (!isSpareNeeded && ruleMs > policyTimeoutMs / SPARE_FRACTION) {
        isSpareNeeded = true
        grow()
      }
      const isOver = requestMs > requestTimeoutMs
      if (!isOver && (policy === undefined || ruleMs <= policyTimeoutMs)) continue
      threads.delete(thread)
      thread.take()
      void thread.terminate()
      if (isOver) {
        const running = policy === undefined ? '' : ` (policy ${policy} was running)`
        job.reject(new GateError('GATE_DEADLINE', `the request was not judged within ${requestTimeoutMs} ms${running}`))
      } else if (policy !== undefined) {
        job.killed.set(policy, `it ran for more than ${policyTimeoutMs} ms and was stopped`)
        queue.unshift(job)
      }
      grow()
      dispatch()
    }
  }

  function stopWatch(): void {
    clearInterval(watch)
    watch = undefined
  }

  function failAll(error: GateError): void {
    for (const job of queue.splice(0)) job.reject(error)
  }

  function submit(kind: Task['kind'], value: unknown, context: Context): Promise<string> {
    if (closed) return Promise.reject(new GateError('GATE_CLOSED', 'the gate is shutting down'))
    if (queue.length >= maxQueue) {
      return Promise.reject(new GateError('GATE_OVERLOADED', `${maxQueue} requests are waiting already`))
    }
    return new Promise((resolve, reject) => {
      const body = stringifyJson(value as Json)
      const text = stringifyJson(context as unknown as Json)
      queue.push({ kind, body, context: text, killed: new Map(), attempts: 0, resolve, reject })
      grow()
      dispatch()
    })
  }

  return {
    bundle,
    workers: size,
    async review(request, context) {
      return parseJson(await submit('review', request, context)) as unknown as Decision
    },
    async reviewChanges(changes, context) {
      return parseJson(await submit('changes', changes, context)) as unknown as SetViolation[]
    },
    async close() {
      closed = true
      stopWatch()
      const error = new GateError('GATE_CLOSED', 'the gate is shutting down')
      failAll(error)
      const ending = [...threads]
      threads.clear()
      for (const thread of ending) thread.take()?.reject(error)
      await Promise.all(ending.map(each => each.terminate()))
    },
  }
}
