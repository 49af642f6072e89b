const FREE = 0
const CALLING = 1
const CLOSED = 2

/** How long a native call may keep its thread from being ended. */
const CLOSE_TIMEOUT_MS = 5_000

/**
 * Keeps a thread from being terminated inside a native call. Terminating a worker while ONNX Runtime runs in it aborts the
 * whole process, so both sides agree over one shared number: the thread takes it for each call, and whoever wants to end
 * the thread takes it for good. A plain flag would leave a moment between looking and acting.
 */
export class NativeGuard {
  readonly #state: Int32Array
  #last: Promise<unknown> = Promise.resolve()

  /** @param shared 4 bytes, zero at the start, known to both threads */
  constructor(shared: SharedArrayBuffer) {
    this.#state = new Int32Array(shared)
  }

  /**
   * In the thread: makes a native call, after those that were asked for before. Once the guard is closed this never returns,
   * and the thread waits for its end.
   */
  run<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#runAlone(call))
    this.#last = result.catch(() => undefined)
    return result
  }

  async #runAlone<T>(call: () => Promise<T>): Promise<T> {
    if (Atomics.compareExchange(this.#state, 0, FREE, CALLING) !== FREE) {
      for (;;) Atomics.wait(this.#state, 0, CLOSED)
    }
    try {
      return await call()
    } finally {
      Atomics.compareExchange(this.#state, 0, CALLING, FREE)
    }
  }

  /**
   * In the owner of the thread, before ending it: waits until no native call runs and lets none begin.
   *
   * @returns false when a call did not end within `timeoutMs`: the thread must not be terminated then
   */
  async close(timeoutMs: number = CLOSE_TIMEOUT_MS): Promise<boolean> {
    const until = performance.now() + timeoutMs
    for (;;) {
      const found = Atomics.compareExchange(this.#state, 0, FREE, CLOSED)
      if (found !== CALLING) return true
      if (performance.now() > until) return false
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}
