/** Time as the parts that wait and retry need it; tests pass one that they move themselves. */
export interface Clock {
  /** Never goes back, and means nothing outside this process. */
  monotonicMs(): number
  date(): Date
  /** Resolves after the time, or at once when the signal is aborted; never rejects. */
  wait(ms: number, signal?: AbortSignal): Promise<void>
  /** From 0 to below 1, for jitter. */
  random(): number
}

/** The clock of the machine. */
export const SYSTEM_CLOCK: Clock = {
  monotonicMs: () => performance.now(),
  date: () => new Date(),
  wait: (ms, signal) =>
    new Promise(resolve => {
      if (signal?.aborted === true) {
        resolve()
        return
      }
      const end = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal?.addEventListener('abort', end)
    }),
  random: () => Math.random(),
}

/** How long to wait after so many failures in a row: doubling from half a second to `maxMs`, half of it by chance. */
export function backoffMs(failures: number, clock: Clock, maxMs = 30_000): number {
  const full = Math.min(maxMs, 500 * 2 ** Math.min(Math.max(failures - 1, 0), 16))
  return full / 2 + (full / 2) * clock.random()
}

/** `2006-01-02T15:04:05.000000Z`, the form of Kubernetes' MicroTime. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z')
}
