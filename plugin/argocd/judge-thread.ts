import { parentPort, workerData } from 'node:worker_threads'
import { toGateError } from '../../src/errors.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { builtInBundlePath, loadBundleFiles } from '../../src/io/bundle-source.js'
import { judgeRendered, type JudgeParts } from './judge.js'
import { STEPS, type FromThread, type JudgeTask, type Step, type ThreadStart } from './judge-messages.js'
import { createOutsideParts } from './judge-parts.js'

// Loads the bundle while the main thread renders, and judges; a policy that never ends costs this thread, not the answer.

const { shared, configuration } = workerData as ThreadStart
const state = new Int32Array(shared)

function send(message: FromThread): void {
  parentPort?.postMessage(message)
}

function step(now: Step): void {
  Atomics.store(state, 0, STEPS.indexOf(now))
}

async function loadParts(): Promise<JudgeParts> {
  const { bundle: named } = configuration
  const files = await loadBundleFiles(named?.path ?? (await builtInBundlePath()))
  const bundle = parseBundle(files, { allowUnsigned: named === undefined || named.allowUnsigned })
  const gate = await createGate(bundle, { onPolicy: index => Atomics.store(state, 1, index + 1) })
  return { gate, step, ...(await createOutsideParts(configuration)) }
}

function fail(error: unknown): void {
  const { code, message } = toGateError(error, 'INTERNAL')
  send({ kind: 'failed', code, message })
}

async function start(): Promise<void> {
  step('loading the bundle')
  const parts = await loadParts()
  const { cards, reference } = parts.gate.bundle
  parentPort?.on('message', (task: JudgeTask) => {
    judgeRendered(task, parts)
      .then(answer => {
        send({ kind: 'answer', answer })
      }, fail)
      .finally(() => {
        step('waiting for a task')
      })
  })
  step('waiting for a task')
  send({ kind: 'ready', policies: cards.map(card => card.id), digest: reference.digest })
}

start().catch(fail)
