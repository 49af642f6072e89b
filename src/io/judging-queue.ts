/**
 * What waits to be judged, each object once: what comes later replaces what waits. It is bounded, so whoever lists or
 * watches waits instead of filling the memory, and an object is never in two hands at once.
 */
export class JudgingQueue<T> {
  readonly #maxLength: number
  readonly #waiting = new Map<string, T>()
  readonly #running = new Set<string>()
  /** Woken by every change; each looks again whether it concerns them. */
  #sleepers: (() => void)[] = []

  constructor(maxLength: number) {
    this.#maxLength = maxLength
  }

  /** Waiting, and being judged. */
  get length(): number {
    return this.#waiting.size + this.#running.size
  }

  /** Waits while the queue is full; gives up when the signal is aborted. */
  async put(key: string, job: T, signal: AbortSignal): Promise<void> {
    const enter = () => {
      if (!this.#waiting.has(key) && this.#waiting.size >= this.#maxLength) return false
      this.#waiting.set(key, job)
      return true
    }
    if (await this.#until(enter, signal)) this.#wake()
  }

  /** Hands the oldest job to `judge`, as soon as there is one; returns when the signal is aborted. */
  async take(judge: (job: T) => Promise<void>, signal: AbortSignal): Promise<void> {
    let next: [string, T] | undefined
    // Taken at the moment it is seen: several may be woken by the same job.
    const claim = () => {
      next = this.#next()
      if (next === undefined) return false
      this.#waiting.delete(next[0])
      this.#running.add(next[0])
      return true
    }
    if (!(await this.#until(claim, signal)) || next === undefined) return
    const [key, job] = next
    this.#wake()
    try {
      await judge(job)
    } finally {
      this.#running.delete(key)
      this.#wake()
    }
  }

  /** When nothing waits and nothing is being judged. */
  async idle(signal: AbortSignal): Promise<void> {
    await this.#until(() => this.length === 0, signal)
  }

  clear(): void {
    this.#waiting.clear()
    this.#wake()
  }

  #next(): [string, T] | undefined {
    for (const entry of this.#waiting) if (!this.#running.has(entry[0])) return entry
    return undefined
  }

  /** @returns whether it was done; false when the signal came first */
  async #until(isDone: () => boolean, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      if (signal.aborted) return false
      if (isDone()) return true
      await new Promise<void>(resolve => {
        const wake = () => {
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.#sleepers.push(wake)
        signal.addEventListener('abort', wake)
      })
    }
  }

  #wake(): void {
    for (const wake of this.#sleepers.splice(0)) wake()
  }
}
