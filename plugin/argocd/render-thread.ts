import { parentPort, workerData } from 'node:worker_threads'
import { GateError, toGateError } from '../../src/errors.js'
import { detectTool } from '../../src/io/render/detect.js'
import { renderSource } from '../../src/io/render/render.js'
import { aborted } from './aborted.js'
import { loadConfiguration, type GenerateConfiguration } from './configuration.js'
import { failure, generate, type GenerateParts } from './generate.js'
import { judgeRendered, type JudgeParts } from './judge.js'
import { doingText, enterStep, type Answer } from './judge-messages.js'
import { loadJudge } from './load-judge.js'
import { expectOneRender } from './one-render.js'
import type { FromRenderThread, RenderStart, ToRenderThread } from './render-messages.js'

// All of one render, in the one thread that loads what it needs. The main thread waits for the answer; it gives one itself
// when this thread cannot any more, because a policy never ends. The build makes one file of it and all that it imports: to find,
// read and link a hundred modules costs half of what they do.

const { shared, config, directory, env, now } = workerData as RenderStart
const state = new Int32Array(shared)
const cancelled = new AbortController()
let endTime = (): void => undefined

function send(message: FromRenderThread): void {
  parentPort?.postMessage(message)
}

/** The main thread has the clock: this one may be busy when the time is over. */
const startTimer: GenerateParts['startTimer'] = (timeoutMs, call) => {
  endTime = call
  send({ kind: 'limit', timeoutMs })
  return () => {
    endTime = () => undefined
  }
}

function createJudge(configuration: GenerateConfiguration): GenerateParts['judge'] & { load(): Promise<JudgeParts> } {
  let policies: readonly string[] = []
  let loading: Promise<JudgeParts> | undefined
  async function load(): Promise<JudgeParts> {
    const parts = await loadJudge(configuration, state)
    policies = parts.gate.bundle.cards.map(card => card.id)
    send({ kind: 'policies', policies })
    return parts
  }
  return {
    load: () => (loading ??= load()),
    get doing() {
      return doingText(state, policies)
    },
    async judge(task, signal) {
      try {
        loading ??= load()
        const parts = await Promise.race([loading, aborted(signal)])
        return await Promise.race([judgeRendered(task, parts), aborted(signal)])
      } catch (error) {
        signal.throwIfAborted()
        const { code, message } = toGateError(error, 'INTERNAL')
        throw new GateError(code, message, { cause: error })
      }
    },
  }
}

async function answer(): Promise<Answer> {
  const configuration = await loadConfiguration(config)
  const judge = createJudge(configuration)
  return generate(
    { directory, env, now: new Date(now), signal: cancelled.signal },
    {
      configuration,
      render: (...args) => {
        const rendered = renderSource(...args)
        // While the renderer runs; who judges is told when it fails.
        judge.load().catch(() => undefined)
        return rendered
      },
      detect: detectTool,
      judge,
      toolEnv: env,
      isBound: false,
      onStep: (name, code) => {
        send({ kind: 'step', name, code })
      },
      startTimer,
    },
  )
}

parentPort?.on('message', (message: ToRenderThread) => {
  if (message === 'cancelled') cancelled.abort()
  else endTime()
})
expectOneRender()
enterStep(state, 'loading the bundle')
answer()
  .catch((error: unknown) => failure(toGateError(error, 'INTERNAL', 'a defect in lockkeeper itself')))
  .then(answer => {
    send({ kind: 'answer', answer })
  })
  // Nobody is left to be told.
  .catch(() => undefined)
