import { GateError } from '../../src/errors.js'

/** What it is when the time is over during a step. */
export type StepCode = 'GATE_DEADLINE' | 'GATE_OVERLOADED'

/** Told of each step; its name is null where it is found out only when it is asked for. */
export type OnStep = (name: string | null, code: StepCode) => void

/** The steps of a render and how long they took, for the message of a time-out. */
export class Steps {
  readonly #onStep: OnStep | undefined
  #name: string | (() => string) = 'starting'
  #code: StepCode = 'GATE_DEADLINE'
  #sinceMs = performance.now()

  constructor(onStep?: OnStep) {
    this.#onStep = onStep
  }

  step(name: string | (() => string), code: StepCode = 'GATE_DEADLINE'): void {
    this.#name = name
    this.#code = code
    this.#sinceMs = performance.now()
    this.#onStep?.(typeof name === 'string' ? name : null, code)
  }

  timeoutError(timeoutMs: number): GateError {
    const name = typeof this.#name === 'string' ? this.#name : this.#name()
    const seconds = ((performance.now() - this.#sinceMs) / 1000).toFixed(1)
    return new GateError(
      this.#code,
      `it was not done within ${timeoutMs / 1000} seconds: ${name} took ${seconds} seconds`,
    )
  }
}

/** Nobody waits for the answer any more. */
export function cancelledError(): GateError {
  return new GateError('GATE_CLOSED', 'it was cancelled before it was done')
}
