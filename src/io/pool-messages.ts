import type { GateErrorCode, Position } from '../errors.js'
import type { BundleFiles } from '../policy/bundle.js'

/** What a worker thread starts with. */
export interface WorkerStart {
  readonly files: BundleFiles
  readonly allowUnsigned: boolean
  readonly module: WebAssembly.Module
  /** Two Int32: [0] the running policy's index in the bundle's cards + 1, or 0; [1] counts every rule begun. */
  readonly progress: SharedArrayBuffer
  /** The thread's NativeGuard: every native call of the thread goes through it. */
  readonly guard: SharedArrayBuffer
}

/** One piece of work. Objects travel as JSON text: a structured clone would lose numbers that are kept as text. */
export interface Task {
  readonly kind: 'review' | 'changes'
  /** An AdmissionRequest, or a list of changes. */
  readonly body: string
  readonly context: string
  readonly killed: readonly (readonly [string, string])[]
}

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: GateErrorCode; readonly message: string; readonly position: Position }
  /** `text`: a Decision, or a list of SetViolations, as JSON. */
  | { readonly kind: 'done'; readonly text: string }
