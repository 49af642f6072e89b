import { parentPort, Worker, isMainThread } from 'node:worker_threads'
import type { AdmissionAnswer } from '../../src/io/pool.js'
import { readUid } from '../../src/admit.js'
import { createApp } from '../../webhook/app.js'
import { createBodyBudget } from '../../webhook/body-budget.js'
import { createStandaloneCertificate } from '../../webhook/certificates/standalone.js'
import { startServer } from '../../webhook/server.js'

// The floor of the webhook's benchmark: a process of the same shape (TLS and HTTP in one thread, the answer made in another)
// that allows everything without reading it.

interface Question {
  readonly id: number
  readonly body: Uint8Array
}

if (isMainThread) await serve()
else answerAll()

function answerAll(): void {
  parentPort?.on('message', ({ id, body }: Question) => {
    const uid = readUid(body)
    const response = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } }
    parentPort?.postMessage({ id, uid, text: JSON.stringify(response) })
  })
}

async function serve(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url))
  const waiting = new Map<number, (answer: AdmissionAnswer) => void>()
  let last = 0
  worker.on('message', ({ id, uid, text }: { id: number; uid: string; text: string }) => {
    waiting.get(id)?.({ response: text, uid, record: ALLOWED, decision: null, queueMs: 0 })
    waiting.delete(id)
  })
  const material = createStandaloneCertificate(['127.0.0.1'], Date.now())
  const server = await startServer({
    address: '127.0.0.1',
    port: 0,
    certificate: material,
    app: createApp({
      admit: body =>
        new Promise(resolve => {
          last += 1
          waiting.set(last, resolve)
          worker.postMessage({ id: last, body } satisfies Question)
        }),
      budget: createBodyBudget(64 * 1024 * 1024),
      onAnswered: ignore,
      onShed: ignore,
      withDecision: false,
      isLeaving: () => false,
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      now: Date.now,
      monotonicMs: () => performance.now(),
    }),
  })
  console.log(JSON.stringify({ port: server.port, ca: material.caBundle }))
}

const ALLOWED: AdmissionAnswer['record'] = {
  request: null,
  allowed: true,
  action: 'allow',
  policies: [],
  decisionId: null,
  provenance: null,
  unchanged: false,
  error: null,
  cache: { hits: 0, misses: 0 },
}

function ignore(): void {
  // Nothing is counted here.
}
