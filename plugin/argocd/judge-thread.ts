import { parentPort, workerData } from 'node:worker_threads'
import { toGateError } from '../../src/errors.js'
import { judgeRendered } from './judge.js'
import { enterStep, type FromThread, type JudgeTask, type ThreadStart } from './judge-messages.js'
import { loadJudge } from './load-judge.js'

// Judges while the main thread renders; a policy that never ends costs this thread, not the answer.

const { shared, configuration } = workerData as ThreadStart
const state = new Int32Array(shared)

function send(message: FromThread): void {
  parentPort?.postMessage(message)
}

function fail(error: unknown): void {
  const { code, message } = toGateError(error, 'INTERNAL')
  send({ kind: 'failed', code, message })
}

async function start(): Promise<void> {
  enterStep(state, 'loading the bundle')
  const parts = await loadJudge(configuration, state)
  const { cards, reference } = parts.gate.bundle
  parentPort?.on('message', (task: JudgeTask) => {
    judgeRendered(task, parts)
      .then(answer => {
        send({ kind: 'answer', answer })
      }, fail)
      .finally(() => {
        enterStep(state, 'waiting for a task')
      })
  })
  enterStep(state, 'waiting for a task')
  send({ kind: 'ready', policies: cards.map(card => card.id), digest: reference.digest })
}

start().catch(fail)
