import type { ApiResponse } from './api-connection.js'
import { type Manifest, member } from './api-objects.js'
import type { ControlPlane } from './control-plane.js'
import type { Testbed } from './testbed.js'

/** One object that the load creates without storing it, and what has to come of it. */
export interface LoadCase {
  readonly manifest: Manifest
  /** The policy that denies it; null: it is allowed. */
  readonly deniedBy: string | null
}

/** A create that was not answered as it had to be. */
export interface LoadFailure {
  /** When it was sent and when it ended, as `performance.now()` has it. */
  readonly sentMs: number
  readonly endedMs: number
  /** `allowed`: what had to be denied was not; `unanswered`: nobody judged it, and the client was told so. */
  readonly kind: 'allowed' | 'denied' | 'unanswered'
  readonly text: string
}

/** What came of a load. */
export interface LoadResult {
  readonly sent: number
  readonly allowed: number
  readonly denied: number
  /** Creates that were not sent, because too many were under way. */
  readonly heldBack: number
  readonly failures: readonly LoadFailure[]
  /** Of right answers, in milliseconds. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number }
}

/** Creates that are sent one after the other at a steady pace, whatever becomes of those before. */
export interface Load {
  /** Until now. */
  result(): LoadResult
  /** Waits for so many right answers to creates that are sent from now on. @throws Error when a minute was not enough */
  answered(count: number): Promise<void>
  /** Sends no more, and waits for the last answer. */
  stop(): Promise<LoadResult>
}

export interface LoadOptions {
  readonly cases: readonly LoadCase[]
  readonly perSecond: number
  readonly maxInFlight?: number
}

const TICK_MS = 5
const ANSWER_TIMEOUT_MS = 15_000
const ANSWERED_TIMEOUT_MS = 60_000

/** Starts a load of dry-run creates through the API server; it ends with the bed. Each answer is compared with what it has to be. */
export async function startLoad(bed: Testbed, { admin }: ControlPlane, options: LoadOptions): Promise<Load> {
  const { cases, perSecond, maxInFlight = 100 } = options
  const targets = await Promise.all(
    cases.map(async each => {
      const { apiVersion, kind, metadata } = each.manifest
      const path = await admin.collectionPath({ apiVersion, kind, namespace: metadata?.namespace ?? 'default' })
      return { ...each, path, body: JSON.stringify(each.manifest) }
    }),
  )
  const failures: LoadFailure[] = []
  const latencies: number[] = []
  const inFlight = new Set<Promise<void>>()
  let [sent, allowed, denied, heldBack] = [0, 0, 0, 0]
  let waiting: { readonly sinceMs: number; left: number; readonly resolve: () => void }[] = []

  const send = async ({ path, body, deniedBy }: (typeof targets)[number]): Promise<void> => {
    const sentMs = performance.now()
    const fail = (kind: LoadFailure['kind'], text: string) => {
      failures.push({ sentMs, endedMs: performance.now(), kind, text: text.slice(0, 500) })
    }
    try {
      const query = { dryRun: 'All' }
      const answer = await admin.request('POST', path, { body, query, timeoutMs: ANSWER_TIMEOUT_MS })
      const found = judge(answer)
      if (found === undefined) fail('unanswered', `HTTP ${answer.status}: ${answer.text}`)
      else if (found === deniedBy) {
        if (found === null) allowed += 1
        else denied += 1
        latencies.push(performance.now() - sentMs)
        for (const each of waiting) if (sentMs >= each.sinceMs && --each.left === 0) each.resolve()
        waiting = waiting.filter(each => each.left > 0)
      } else
        fail(found === null ? 'allowed' : 'denied', `denied by ${found ?? 'nobody'}, not by ${deniedBy ?? 'nobody'}`)
    } catch (error) {
      fail('unanswered', (error as Error).message)
    }
  }
  const startMs = performance.now()
  let due = 0
  const timer = setInterval(() => {
    const wanted = Math.floor(((performance.now() - startMs) * perSecond) / 1000)
    for (; due < wanted; due += 1) {
      const target = targets[due % targets.length]
      if (target === undefined || inFlight.size >= maxInFlight) {
        heldBack += 1
        continue
      }
      sent += 1
      const sending: Promise<void> = send(target).finally(() => inFlight.delete(sending))
      inFlight.add(sending)
    }
  }, TICK_MS)

  const result = (): LoadResult => ({
    sent,
    allowed,
    denied,
    heldBack,
    failures: [...failures],
    latency: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), max: quantile(latencies, 1) },
  })
  const stop = async (): Promise<LoadResult> => {
    clearInterval(timer)
    await Promise.all(inFlight)
    return result()
  }
  bed.onClose('load', async () => {
    await stop()
  })
  return {
    result,
    answered: count =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`waited for ${count} right answers in vain: ${loadText(result())}`))
        }, ANSWERED_TIMEOUT_MS)
        const end = () => {
          clearTimeout(timer)
          resolve()
        }
        waiting.push({ sinceMs: performance.now(), left: count, resolve: end })
      }),
    stop,
  }
}

/** The policy that denied it, null where it was allowed; undefined: nobody has judged it. */
function judge({ status, body }: ApiResponse): string | null | undefined {
  if (status === 201) return null
  const message = status === 403 ? member(body, 'message') : undefined
  return typeof message === 'string' ? / denied the request: \[(\w+)\]/.exec(message)?.[1] : undefined
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
}

/** A result in one line. */
export function loadText(result: LoadResult): string {
  const { sent, allowed, denied, heldBack, failures, latency } = result
  return (
    `${sent} sent, ${heldBack} held back, ${allowed} allowed, ${denied} denied, ${failures.length} failed; ` +
    `p50 ${latency.p50} ms, p99 ${latency.p99} ms, max ${latency.max} ms`
  )
}
