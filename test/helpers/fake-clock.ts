import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../src/io/cluster/clock.js'

/** A clock that stands until it is moved; `wait` ends when the time has come. Jitter is always the middle. */
export class FakeClock implements Clock {
  #nowMs = 0
  readonly #waiting = new Set<{ readonly atMs: number; readonly end: () => void }>()
  /** What was waited for, in order. */
  readonly waits: number[] = []

  monotonicMs(): number {
    return this.#nowMs
  }

  date(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#nowMs)
  }

  random(): number {
    return 0.5
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    this.waits.push(ms)
    return new Promise(resolve => {
      const end = () => {
        this.#waiting.delete(entry)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const entry = { atMs: this.#nowMs + ms, end }
      if (signal?.aborted === true) {
        resolve()
        return
      }
      this.#waiting.add(entry)
      signal?.addEventListener('abort', end)
    })
  }

  /** Moves on, ends what was waited for in its order, and lets everything that follows from it happen. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await settle()
    for (;;) {
      const [next] = [...this.#waiting].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.end()
      await settle()
    }
    this.#nowMs = endMs
  }

  /** Moves without telling anybody, as when the process was stopped. */
  jump(ms: number): void {
    this.#nowMs += ms
  }
}

/** A clock on which every wait is over at once. */
export class InstantClock extends FakeClock {
  override async wait(ms: number): Promise<void> {
    this.waits.push(ms)
    this.jump(ms)
    await turn()
  }
}

/** Lets what needs no time happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn()
}
