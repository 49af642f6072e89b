import { parentPort, workerData } from 'node:worker_threads'
import type { AdmissionRequest } from '../admission.js'
import type { Context } from '../decision-types.js'
import { toGateError } from '../errors.js'
import { createGate, parseBundle, type Gate } from '../gate.js'
import { parseJson, stringifyJson, type Json } from '../json.js'
import type { Change } from '../policy/evaluate.js'
import type { Answer, Task, WorkerStart } from './pool-messages.js'

/** Wasm memory never shrinks: after one huge object the instance is made anew instead of staying huge. */
const RECYCLE_BYTES = 128 * 1024 * 1024

const { files, allowUnsigned, module, progress } = workerData as WorkerStart
const seen = new Int32Array(progress)

function onPolicy(index: number): void {
  Atomics.store(seen, 0, index + 1)
  if (index >= 0) Atomics.add(seen, 1, 1)
}

function newGate(): Promise<Gate> {
  return createGate(parseBundle(files, { allowUnsigned }), { module, onPolicy })
}

function answer(message: Answer): void {
  parentPort?.postMessage(message)
}

async function perform(gate: Gate, task: Task): Promise<string> {
  const body = parseJson(task.body)
  const context = parseJson(task.context) as unknown as Context
  const options = { killed: new Map(task.killed) }
  const result =
    task.kind === 'review'
      ? await gate.review(body as unknown as AdmissionRequest, context, { ...options, requestText: task.body })
      : gate.reviewChanges(body as unknown as Change[], context, options)
  return stringifyJson(result as unknown as Json)
}

async function start(): Promise<void> {
  let gate = await newGate()
  parentPort?.on('message', (task: Task) => {
    void perform(gate, task)
      .then(
        text => {
          answer({ kind: 'done', text })
        },
        (error: unknown) => {
          const { code, message, position } = toGateError(error, 'INTERNAL')
          answer({ kind: 'failed', code, message, position })
        },
      )
      .then(async () => {
        if (gate.memoryBytes > RECYCLE_BYTES) gate = await newGate()
      })
  })
  answer({ kind: 'ready' })
}

await start()
