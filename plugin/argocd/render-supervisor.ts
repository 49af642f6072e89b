import { Worker } from 'node:worker_threads'
import { GateError } from '../../src/errors.js'
import { doingText, SHARED_BYTES, THREAD_LIMITS, type Answer } from './judge-messages.js'
import type { FromRenderThread, RenderStart, ToRenderThread } from './render-messages.js'
import { cancelledError, Steps } from './steps.js'

/** One render of the process: the path of its configuration, and what it has of its process. */
export interface SupervisedRender extends Omit<RenderStart, 'shared'> {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** How long the thread may take to end what it started. */
const STOP_MS = 2_000

/**
 * Renders and judges in a thread of its own, and answers for it where it cannot. The main thread loads next to nothing, so
 * that what a render needs is loaded once.
 */
export async function superviseRender({ signal, ...start }: SupervisedRender): Promise<Answer> {
  const shared = new SharedArrayBuffer(SHARED_BYTES)
  const state = new Int32Array(shared)
  const clock = new Steps()
  const workerData: RenderStart = { ...start, shared }
  const worker = new Worker(new URL('./render-thread.js', import.meta.url), {
    workerData,
    // The options of the process (--input-type, --eval) are about its own script.
    execArgv: [],
    resourceLimits: THREAD_LIMITS,
  })
  let policies: readonly string[] = []
  let isJudging = false
  let lost = 'it ended'
  let timer: NodeJS.Timeout | undefined
  let cancel = (): void => undefined
  try {
    return await new Promise<Answer>((resolve, reject) => {
      // Nothing else stops a policy, and while it runs nothing else has to be ended.
      const stop = (why: ToRenderThread, error: () => GateError): void => {
        clearTimeout(timer)
        if (isJudging) {
          reject(error())
          return
        }
        worker.postMessage(why)
        timer = setTimeout(() => {
          reject(error())
        }, STOP_MS)
      }
      cancel = () => {
        stop('cancelled', cancelledError)
      }
      if (signal.aborted) cancel()
      signal.addEventListener('abort', cancel, { once: true })
      worker.on('message', (message: FromRenderThread) => {
        if (message.kind === 'answer') resolve(message.answer)
        else if (message.kind === 'policies') policies = message.policies
        else if (message.kind === 'step') {
          isJudging = message.name === null
          clock.step(message.name ?? (() => doingText(state, policies)), message.code)
        } else if (!signal.aborted) {
          const { timeoutMs } = message
          clearTimeout(timer)
          timer = setTimeout(() => {
            stop('time is over', () => clock.timeoutError(timeoutMs))
          }, timeoutMs)
        }
      })
      worker.on('error', error => {
        lost = error.message
      })
      worker.on('exit', () => {
        reject(new GateError('INTERNAL', `the thread that judges has ended: ${lost}`))
      })
    })
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    // Seldom needed, and it loads most of what the thread has loaded.
    const { failure } = await import('./generate.js')
    return failure(error)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
    // A thread that is stuck in a policy ends a little later; nobody has to wait for it.
    worker.removeAllListeners('exit')
    worker.unref()
    worker.terminate().catch(() => undefined)
  }
}
