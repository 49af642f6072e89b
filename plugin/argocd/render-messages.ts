import type { Answer } from './judge-messages.js'
import type { StepCode } from './steps.js'

/** What the thread of one render starts with. */
export interface RenderStart {
  /** As for the judging thread. */
  readonly shared: SharedArrayBuffer
  /** The path of the mounted configuration. */
  readonly config: string | undefined
  readonly directory: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly now: Date
}

/** To the thread: why it has to end what it started and answer. */
export type ToRenderThread = 'cancelled' | 'time is over'

/** From the thread: what it is about, for the case that it cannot answer any more, and one answer. */
export type FromRenderThread =
  /** The name is null from when it judges: then the shared memory says more, and nothing else is left running. */
  | { readonly kind: 'step'; readonly name: string | null; readonly code: StepCode }
  /** How long it may take from now on. */
  | { readonly kind: 'limit'; readonly timeoutMs: number }
  | { readonly kind: 'policies'; readonly policies: readonly string[] }
  | { readonly kind: 'answer'; readonly answer: Answer }
