import { Worker } from 'node:worker_threads'
import { GateError } from '../errors.js'
import type { Answer, NamespaceChange, Outcome, Task, WorkerStart } from './pool-messages.js'

/** One thread of the pool, with the job it is on. */
export interface PoolWorker<Job> {
  readonly ready: boolean
  readonly job: Job | null
  run(job: Job, task: Task): void
  /** Tells the thread what its copy of the namespaces lacks; it knows before the next task. */
  learn(changes: readonly NamespaceChange[]): void
  /** Takes the job away from the thread; null when it has none. */
  take(): Job | null
  /** How long the running rule and the whole job have taken, as far as it was seen from here; `policy`: its card's index. */
  progress(nowMs: number): {
    readonly policy: number | null
    readonly ruleMs: number
    readonly requestMs: number
  }
  terminate(): Promise<void>
}

export interface ThreadEvents<Job> {
  onReady(): void
  onDone(thread: PoolWorker<Job>, settle: (job: Job) => void): void
  /** The thread ended without having been told to. */
  onExit(thread: PoolWorker<Job>, reason: string): void
}

interface Settled {
  resolve(outcome: Outcome): void
  reject(error: GateError): void
}

/** The largest review, 8 MiB of small values, takes a third of it. */
const MAX_HEAP_MIB = 512
/** V8's own choice, 48, takes some 50 MiB more a process with two threads and saves no time that could be measured. */
const YOUNG_HEAP_MIB = 12

/** Starts one worker thread; it takes a job once `ready`. */
export function startWorker<Job extends Settled>(
  start: Omit<WorkerStart, 'progress'>,
  events: ThreadEvents<Job>,
): PoolWorker<Job> {
  const progress = new SharedArrayBuffer(8)
  const seen = new Int32Array(progress)
  const workerData: WorkerStart = { ...start, progress }
  const worker = new Worker(new URL('./pool-worker.js', import.meta.url), {
    workerData,
    // The options of the process (--input-type, --eval) are about its own script.
    execArgv: [],
    // One that runs out of memory ends alone.
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
  })
  let ready = false
  let ending = false
  let job: Job | null = null
  let startedMs = 0
  let rule = { count: -1, sinceMs: 0 }
  let failure = 'it exited'
  let settleStart: () => void = () => undefined
  const started = new Promise<void>(resolve => {
    settleStart = resolve
  })

  const thread: PoolWorker<Job> = {
    get ready() {
      return ready
    },
    get job() {
      return job
    },
    run(next, task) {
      job = next
      startedMs = performance.now()
      rule = { count: Atomics.load(seen, 1), sinceMs: startedMs }
      // Only work in hand keeps the process alive.
      worker.ref()
      worker.postMessage(task)
    },
    learn(changes) {
      worker.postMessage({ kind: 'namespaces', changes })
    },
    take() {
      const taken = job
      job = null
      if (taken !== null) worker.unref()
      return taken
    },
    progress(nowMs) {
      const count = Atomics.load(seen, 1)
      if (count !== rule.count) rule = { count, sinceMs: nowMs }
      const index = Atomics.load(seen, 0) - 1
      return {
        policy: index < 0 ? null : index,
        ruleMs: nowMs - rule.sinceMs,
        requestMs: nowMs - startedMs,
      }
    },
    async terminate() {
      ending = true
      // An idle thread keeps no process alive, but whoever waits for its end has to get there.
      worker.ref()
      // Node loses now and then the end of a thread that is terminated while it starts: nobody would ever be told.
      await started
      await worker.terminate()
    },
  }

  worker.on('message', (answer: Answer) => {
    if (answer.kind === 'ready') {
      ready = true
      settleStart()
      if (job === null) worker.unref()
      events.onReady()
    } else if (answer.kind === 'failed') {
      const { code, message, position } = answer
      events.onDone(thread, each => {
        each.reject(new GateError(code, message, { position }))
      })
    } else {
      events.onDone(thread, each => {
        each.resolve(answer)
      })
    }
  })
  worker.on('error', error => {
    failure = error.message
  })
  worker.on('exit', () => {
    settleStart()
    if (!ending) events.onExit(thread, failure)
  })
  return thread
}
