import { Worker } from 'node:worker_threads'
import { GateError } from '../../src/errors.js'
import { aborted } from './aborted.js'
import type { GenerateConfiguration } from './configuration.js'
import {
  doingText,
  SHARED_BYTES,
  THREAD_LIMITS,
  type Answer,
  type FromThread,
  type JudgeTask,
  type ThreadStart,
} from './judge-messages.js'

/** A gate in a thread of its own. It judges one task at a time. */
export interface Judge {
  /** The bundle's digest, once it is loaded. @throws GateError (rejects with) why it cannot be */
  readonly ready: Promise<string>
  /** What it is doing, for a message: a step, and the policy that runs. */
  readonly doing: string
  /** False once the thread has ended. */
  readonly isRunning: boolean
  /**
   * Judges after what was asked before. An abort ends the thread: nothing else stops a policy.
   *
   * @throws GateError; the reason of `signal` when it is aborted
   */
  judge(task: JudgeTask, signal: AbortSignal): Promise<Answer>
  close(): void
}

/** Starts loading the configuration's bundle at once. */
export function startJudge(configuration: GenerateConfiguration): Judge {
  const shared = new SharedArrayBuffer(SHARED_BYTES)
  const state = new Int32Array(shared)
  const workerData: ThreadStart = { shared, configuration }
  const worker = new Worker(new URL('./judge-thread.js', import.meta.url), {
    workerData,
    // The options of the process (--input-type, --eval) are about its own script.
    execArgv: [],
    resourceLimits: THREAD_LIMITS,
  })
  // Only work in hand keeps the process alive.
  worker.unref()
  let policies: readonly string[] = []
  let isRunning = true
  let settle: { resolve(answer: Answer): void; reject(error: unknown): void } | null = null
  let failure = 'it ended'
  let turn: Promise<unknown> = Promise.resolve()

  let isReady: (digest: string) => void = () => undefined
  let isLost: (error: unknown) => void = () => undefined
  const ready = new Promise<string>((resolve, reject) => {
    isReady = resolve
    isLost = reject
  })
  // Whoever judges is told; nobody has to ask for it before.
  ready.catch(() => undefined)

  function lose(error: unknown): void {
    isLost(error)
    settle?.reject(error)
    settle = null
  }

  worker.on('message', (message: FromThread) => {
    if (message.kind === 'ready') {
      policies = message.policies
      isReady(message.digest)
    } else if (message.kind === 'answer') {
      settle?.resolve(message.answer)
      settle = null
    } else lose(new GateError(message.code, message.message))
  })
  worker.on('error', error => {
    failure = error.message
  })
  worker.on('exit', () => {
    isRunning = false
    lose(new GateError('INTERNAL', `the thread that judges has ended: ${failure}`))
  })

  function close(): void {
    isRunning = false
    lose(new GateError('GATE_CLOSED', 'the gate is shutting down'))
    // A thread that is stuck in a policy ends a little later; nobody has to wait for it.
    worker.terminate().catch(() => undefined)
  }

  async function run(task: JudgeTask, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted()
    worker.ref()
    const abort = (): void => {
      lose(signal.reason)
      close()
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([ready, aborted(signal)])
      return await new Promise<Answer>((resolve, reject) => {
        settle = { resolve, reject }
        worker.postMessage(task)
      })
    } finally {
      signal.removeEventListener('abort', abort)
      worker.unref()
    }
  }

  return {
    ready,
    get doing() {
      return doingText(state, policies)
    },
    get isRunning() {
      return isRunning
    },
    judge(task, signal) {
      const result = turn.then(() => run(task, signal))
      turn = result.catch(() => undefined)
      return result
    },
    close,
  }
}
