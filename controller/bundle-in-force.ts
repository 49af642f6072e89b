import { setMaxListeners } from 'node:events'

/** Work that depends on a bundle begins anew when another one comes into force. */
export class BundleInForce {
  #until = until()

  /** Another bundle is in force from now on. */
  change(): void {
    const last = this.#until
    this.#until = until()
    last.abort()
  }

  /** Runs the work again and again, each time until the bundle changes, and until the signal is aborted. */
  async withEach(run: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const each = AbortSignal.any([signal, this.#until.signal])
      // Every watch listens to it.
      setMaxListeners(0, each)
      await run(each)
    }
  }
}

function until(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
