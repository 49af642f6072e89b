import { parentPort, workerData } from 'node:worker_threads'
import type { AdmissionRequest } from '../admission.js'
import { admit } from '../admit.js'
import type { Context, NamespaceInfo } from '../decision-types.js'
import { GateError, toGateError } from '../errors.js'
import { createGate, parseBundle, type Gate } from '../gate.js'
import { parseJson, stringifyJson, type Json } from '../json.js'
import type { Change } from '../policy/evaluate.js'
import type { Answer, Message, NamespaceAnswer, NamespaceChange, Outcome, Task, WorkerStart } from './pool-messages.js'

/** Wasm memory never shrinks: after one huge object the instance is made anew instead of staying huge. */
const RECYCLE_BYTES = 128 * 1024 * 1024

const { files, allowUnsigned, cacheBytes, module, progress, namespaces: known } = workerData as WorkerStart
const seen = new Int32Array(progress)
const namespaces = new Map<string, NamespaceInfo>()

function onPolicy(index: number): void {
  Atomics.store(seen, 0, index + 1)
  if (index >= 0) Atomics.add(seen, 1, 1)
}

function newGate(): Promise<Gate> {
  return createGate(parseBundle(files, { allowUnsigned }), {
    module,
    onPolicy,
    cacheBytes,
  })
}

function answer(message: Answer): void {
  parentPort?.postMessage(message)
}

function learn(changes: readonly NamespaceChange[]): void {
  for (const [name, info] of changes) {
    if (info === null) namespaces.delete(name)
    else namespaces.set(name, info)
  }
}

function namespaceOf(gate: Gate, name: string, given: NamespaceAnswer | null): NamespaceInfo | 'unknown' | null {
  if (given !== null) {
    if ('info' in given) return given.info
    throw new GateError('NAMESPACE_LOOKUP_FAILED', `the namespace ${name} could not be looked up: ${given.problem}`)
  }
  if (known === null) return gate.bundle.namespaces.get(name) ?? 'unknown'
  return namespaces.get(name) ?? null
}

async function perform(gate: Gate, task: Task): Promise<Outcome> {
  const killed = new Map(task.killed)
  if (task.kind === 'admission') {
    const { body, now, withDecision, namespace } = task
    const admission = await admit(gate, body, { now, killed, namespaceOf: name => namespaceOf(gate, name, namespace) })
    if ('namespaceNeeded' in admission) return { kind: 'namespaceNeeded', name: admission.namespaceNeeded }
    const { response, record, decision } = admission
    return {
      kind: 'admitted',
      response: JSON.stringify(response),
      uid: response.response.uid,
      record,
      decision: withDecision && decision !== null ? stringifyJson(decision as unknown as Json) : null,
    }
  }
  const body = parseJson(task.body)
  const context = parseJson(task.context) as unknown as Context
  const result =
    task.kind === 'review'
      ? await gate.review(body as unknown as AdmissionRequest, context, { killed, requestText: task.body })
      : gate.reviewChanges(body as unknown as Change[], context, { killed })
  return { kind: 'judged', text: stringifyJson(result as unknown as Json) }
}

async function start(): Promise<void> {
  let gate = await newGate()
  learn(known ?? [])
  parentPort?.on('message', (message: Message) => {
    if (message.kind === 'namespaces') {
      learn(message.changes)
      return
    }
    void perform(gate, message)
      .then(answer, (error: unknown) => {
        const { code, message: text, position } = toGateError(error, 'INTERNAL')
        answer({ kind: 'failed', code, message: text, position })
      })
      .then(async () => {
        if (gate.memoryBytes > RECYCLE_BYTES) gate = await newGate()
      })
  })
  answer({ kind: 'ready' })
}

await start()
