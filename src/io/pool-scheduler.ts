import { setTimeout as afterMs } from 'node:timers/promises'
import type { Bundle, BundleFiles } from '../policy/bundle.js'
import { GateError } from '../errors.js'
import type { NamespaceDirectory } from './pool.js'
import type { Outcome, Work } from './pool-messages.js'
import { startWorker, type PoolWorker } from './pool-thread.js'

export interface SchedulerOptions {
  readonly files: BundleFiles
  readonly allowUnsigned: boolean
  readonly bundle: Bundle
  readonly module: WebAssembly.Module
  /** Threads that judge at a time. */
  readonly size: number
  readonly warm: boolean
  readonly policyTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly maxQueue: number
  readonly cacheBytes: number
  readonly namespaces: NamespaceDirectory | undefined
  readonly startThread?: typeof startWorker
  /** Resolves after the time, or at once when the signal is aborted. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** What was judged, and how long it had waited for a thread. */
export type Settled = Outcome & { readonly queueMs: number }

/** The queue of a pool, and its threads. */
export interface Scheduler {
  readonly queueLength: number
  /** @throws GateError (rejects with) what the gate says of the request, GATE_DEADLINE, GATE_OVERLOADED, GATE_CLOSED or INTERNAL */
  submit(work: Work, deadlineMs?: number): Promise<Settled>
  /** Starts all threads and the spare one. @throws GateError (rejects with) INTERNAL */
  warmUp(): Promise<void>
  /** Takes no more work, and closes when that which it has is done. */
  drain(): Promise<void>
  close(): Promise<void>
}

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
/** A thread that ends by itself may have been unlucky once, not twice. */
const MAX_CRASHES = 2
/** Between threads that end by themselves; each pause is twice the one before. */
const FIRST_PAUSE_MS = 500
const MAX_PAUSE_MS = 30_000

/**
 * Gives work to threads, one piece to each at a time, and sees to deadlines: a policy at its own is stopped with its
 * thread, and the piece is judged again without that policy; a piece at its own is given up.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { files, allowUnsigned, bundle, module, size, warm, policyTimeoutMs, requestTimeoutMs, maxQueue } = options
  const { cacheBytes, namespaces, startThread = startWorker, pause = pauseFor } = options
  const threads = new Set<PoolWorker<Job>>()
  const queue: Job[] = []
  let closed = false
  /** From the first rule that took long: its thread may have to be ended, and a new one takes a while to start. */
  let isSpareNeeded = warm
  /** How many threads there are to be in a warm pool, the spare one among them. */
  let warmTarget = 0
  let isWarm = false
  let watch: NodeJS.Timeout | undefined
  let draining = false
  /** Threads that ended by themselves since one did its work. */
  let crashes = 0
  const closing = new AbortController()
  let restarting = false
  /** Jobs that are with no thread and not in the queue. */
  let waitingForNamespace = 0
  let waiters: (() => void)[] = []
  const forget = namespaces?.onChange(changes => {
    for (const thread of threads) thread.learn(changes)
  })

  function grow(): void {
    const busy = [...threads].filter(each => each.job !== null).length
    const needed = Math.min(size, busy + queue.length)
    // While threads end by themselves only those are started that there is work for.
    const wanted = !warm ? needed + (isSpareNeeded ? 1 : 0) : restarting ? Math.min(needed, warmTarget) : warmTarget
    while (!closed && threads.size < wanted) {
      const thread = startThread<Job>(
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
    crashes = 0
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
    if (isWarm) restart()
    // Of a pool that is not warm: one that did not even start would not start now, the next request tries again.
    if (queue.length > 0) {
      grow()
      dispatch()
    }
  }

  /** Brings a warm pool back to its size: at once, but for threads that end again and again. */
  function restart(): void {
    crashes += 1
    if (restarting || closed) return
    if (crashes === 1) {
      grow()
      return
    }
    restarting = true
    void pause(Math.min(FIRST_PAUSE_MS * 2 ** (crashes - 2), MAX_PAUSE_MS), closing.signal).then(() => {
      restarting = false
      grow()
    })
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

  function submit(work: Work, deadlineMs = Infinity): Promise<Settled> {
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
    closing.abort()
    forget?.()
    idle()
    const error = new GateError('GATE_CLOSED', 'the gate is shutting down')
    failAll(error)
    const ending = [...threads]
    threads.clear()
    for (const thread of ending) thread.take()?.reject(error)
    await Promise.all(ending.map(each => each.terminate()))
  }

  async function warmUp(): Promise<void> {
    // One after the other: while a bundle is swapped, the threads of the last one still need the cores.
    while (warmTarget <= size) {
      warmTarget += 1
      grow()
      await until(() => [...threads].every(each => each.ready))
      if (threads.size === warmTarget) continue
      await close()
      throw new GateError('INTERNAL', 'the worker threads did not start')
    }
    isWarm = true
  }

  return {
    get queueLength() {
      return queue.length
    },
    submit,
    warmUp,
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

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  // An aborted pause ends early, which is all that it is to do.
  return afterMs(ms, undefined, { signal }).catch(() => undefined)
}
