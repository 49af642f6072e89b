import { Worker } from 'node:worker_threads'
import { GateError } from '../src/errors.js'
import {
  HEARTBEATS,
  READY,
  SHARED_BYTES,
  type FromWatchdog,
  type ToWatchdog,
  type WatchdogStart,
} from './watchdog-messages.js'

/** Probes and metrics on a port of their own, answered by a thread that sees when this one is stuck. */
export interface Watchdog {
  readonly port: number
  setReady(ready: boolean): void
  close(): Promise<void>
}

export interface WatchdogOptions {
  readonly address: string
  /** 0: a free one */
  readonly port: number
  /** The text of /metrics, asked for with each scrape. */
  readonly metrics: () => Promise<string>
  readonly readyWithinMs?: number
  readonly liveWithinMs?: number
}

const HEARTBEAT_MS = 50

/** Starts the watchdog thread; it answers once this resolves. @throws GateError USAGE when its port cannot be used */
export async function startWatchdog(options: WatchdogOptions): Promise<Watchdog> {
  const { address, port, metrics, readyWithinMs = 1_000, liveWithinMs = 15_000 } = options
  const shared = new SharedArrayBuffer(SHARED_BYTES)
  const state = new Int32Array(shared)
  const workerData: WatchdogStart = { shared, address, port, readyWithinMs, liveWithinMs }
  const worker = new Worker(new URL('./watchdog-thread.js', import.meta.url), { workerData, execArgv: [] })
  const exited = new Promise<void>(resolve => {
    worker.once('exit', () => {
      resolve()
    })
  })
  const send = (message: ToWatchdog): void => {
    worker.postMessage(message)
  }
  const listening = new Promise<number>((resolve, reject) => {
    worker.on('error', reject)
    worker.on('message', (message: FromWatchdog) => {
      if (message.kind === 'listening') resolve(message.port)
      else if (message.kind === 'failed')
        reject(new GateError('USAGE', `the probes cannot listen on ${address}:${port}: ${message.message}`))
      else
        metrics().then(
          text => {
            send({ kind: 'metrics', text })
          },
          () => {
            send({ kind: 'metrics', text: '' })
          },
        )
    })
  })
  const heartbeat = setInterval(() => {
    Atomics.add(state, HEARTBEATS, 1)
  }, HEARTBEAT_MS)
  const close = async (): Promise<void> => {
    clearInterval(heartbeat)
    send({ kind: 'close' })
    await exited
  }
  try {
    return {
      port: await listening,
      setReady: ready => {
        Atomics.store(state, READY, ready ? 1 : 0)
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
