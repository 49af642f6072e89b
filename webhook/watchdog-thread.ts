import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { HEARTBEATS, READY, type FromWatchdog, type ToWatchdog, type WatchdogStart } from './watchdog-messages.js'

// Answers probes and scrapes in a thread of its own: a main thread that is stuck cannot say so itself.

/** How often the heartbeat is looked at. */
const LOOK_MS = 50
/** How long the main thread may take to write its metrics. */
const METRICS_TIMEOUT_MS = 1_000
const REQUEST_TIMEOUT_MS = 5_000

const { shared, address, port, readyWithinMs, liveWithinMs } = workerData as WatchdogStart
const state = new Int32Array(shared)

let beats = -1
let beatMs = performance.now()
let metricsText = ''
let waiting: (() => void)[] = []

function silentMs(): number {
  const found = Atomics.load(state, HEARTBEATS)
  if (found !== beats) {
    beats = found
    beatMs = performance.now()
  }
  return performance.now() - beatMs
}

function send(message: FromWatchdog): void {
  parentPort?.postMessage(message)
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text)
}

/** The metrics of the main thread as it wrote them now or, where it is stuck, last; and what is known of it from here. */
async function answerMetrics(response: ServerResponse): Promise<void> {
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, METRICS_TIMEOUT_MS)
    waiting.push(() => {
      clearTimeout(timer)
      resolve()
    })
    if (waiting.length === 1) send({ kind: 'metrics' })
  })
  const blockedSeconds = silentMs() / 1000
  const own = [
    '# HELP lockkeeper_event_loop_silent_seconds How long ago the main thread was last seen alive by its watchdog.',
    '# TYPE lockkeeper_event_loop_silent_seconds gauge',
    `lockkeeper_event_loop_silent_seconds ${blockedSeconds.toFixed(3)}`,
    '# HELP lockkeeper_event_loop_blocked Whether the main thread is stuck, so that the gate is not ready.',
    '# TYPE lockkeeper_event_loop_blocked gauge',
    `lockkeeper_event_loop_blocked ${silentMs() > readyWithinMs ? 1 : 0}`,
  ]
  answer(response, 200, `${metricsText}${own.join('\n')}\n`)
}

const server = createServer((request, response) => {
  const path = request.url?.split('?')[0]
  if (path === '/livez') {
    const isLive = silentMs() <= liveWithinMs
    answer(response, isLive ? 200 : 503, isLive ? 'ok\n' : 'the main thread is stuck\n')
  } else if (path === '/readyz') {
    const isBlocked = silentMs() > readyWithinMs
    const isReady = Atomics.load(state, READY) === 1
    answer(response, isReady && !isBlocked ? 200 : 503, isBlocked ? 'blocked\n' : isReady ? 'ok\n' : 'not ready\n')
  } else if (path === '/metrics') {
    answerMetrics(response).catch(() => {
      response.destroy()
    })
  } else answer(response, 404, 'there are /livez, /readyz and /metrics\n')
})
server.requestTimeout = REQUEST_TIMEOUT_MS
server.once('error', error => {
  send({ kind: 'failed', message: error.message })
})
server.listen(port, address, () => {
  send({ kind: 'listening', port: (server.address() as AddressInfo).port })
})
const looking = setInterval(silentMs, LOOK_MS)

parentPort?.on('message', (message: ToWatchdog) => {
  if (message.kind === 'metrics') {
    metricsText = message.text
    const answered = waiting
    waiting = []
    for (const each of answered) each()
    return
  }
  clearInterval(looking)
  server.close()
  server.closeAllConnections()
  parentPort?.close()
})
