import type { GateErrorCode } from '../../src/errors.js'
import type { Rendered } from '../../src/io/render/rendering.js'
import type { GenerateConfiguration } from './configuration.js'

/** What `lockkeeper generate` answers with: nothing is written before all of it is known. */
export interface Answer {
  /** 0 allowed, 1 denied, 2 could not judge. */
  readonly exitCode: 0 | 1 | 2
  /** Manifests; '' unless the exit code is 0. */
  readonly stdout: string
  readonly stderr: string
}

/** Whose objects are judged. */
export interface Subject {
  /** As Argo CD gives it: `name`, or `namespace_name`. */
  readonly application: string
  readonly project: string
  readonly destinationNamespace: string
}

/** A rendered source to be judged. */
export interface JudgeTask {
  readonly rendered: readonly Rendered[]
  readonly subject: Subject
  readonly revision: string
  /** RFC 3339, UTC, in whole seconds. */
  readonly now: string
  readonly failOnWarn: boolean
  /** How everything that was found can be seen, as a command. */
  readonly seeAll: string
}

/** What the judging thread is doing, as it says in the shared memory. */
const STEPS = [
  'loading the bundle',
  'waiting for a task',
  'reading the manifests',
  'asking for the live objects',
  'judging',
  'writing the manifests',
] as const
export type Step = (typeof STEPS)[number]

/** Two Int32: the index in STEPS, and the index of the running policy plus one. */
export const SHARED_BYTES = 8

/** Says in the shared memory what is being done. */
export function enterStep(state: Int32Array, step: Step): void {
  Atomics.store(state, 0, STEPS.indexOf(step))
}

/** Says in the shared memory which policy runs; -1: none. */
export function enterPolicy(state: Int32Array, index: number): void {
  Atomics.store(state, 1, index + 1)
}

/** What the shared memory says, for a message: the step, and the policy that runs. */
export function doingText(state: Int32Array, policies: readonly string[]): string {
  const policy = policies[Atomics.load(state, 1) - 1]
  return `${STEPS[Atomics.load(state, 0)] ?? ''}${policy === undefined ? '' : ` (policy ${policy} was running)`}`
}

/** Enough for the largest render that is let in; one that needs more ends its thread alone. */
export const THREAD_LIMITS = { maxOldGenerationSizeMb: 1_024, maxYoungGenerationSizeMb: 16 } as const

export interface ThreadStart {
  readonly shared: SharedArrayBuffer
  readonly configuration: GenerateConfiguration
}

/** From the thread: once that it is ready, or that it cannot be; then one answer for each task. */
export type FromThread =
  | { readonly kind: 'ready'; readonly policies: readonly string[]; readonly digest: string }
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly code: GateErrorCode; readonly message: string }
