import type { AdmissionRecord } from '../admission-record.js'
import type { NamespaceInfo } from '../decision-types.js'
import type { GateErrorCode, Position } from '../errors.js'
import type { BundleFiles } from '../policy/bundle.js'

/** What a worker thread starts with. */
export interface WorkerStart {
  readonly files: BundleFiles
  readonly allowUnsigned: boolean
  /** What the thread's cache may take. */
  readonly cacheBytes: number
  readonly module: WebAssembly.Module
  /** The namespaces of the cluster as they are now; null: no cluster can be asked, and the bundle's are used. */
  readonly namespaces: readonly NamespaceChange[] | null
  /** Two Int32: [0] the running policy's index in the bundle's cards + 1, or 0; [1] counts every rule begun. */
  readonly progress: SharedArrayBuffer
}

/** A namespace as it is from now on; null: it is gone. */
export type NamespaceChange = readonly [name: string, info: NamespaceInfo | null]

/** What a namespace turned out to be that a thread did not know: its labels, or why they could not be had. */
export type NamespaceAnswer = { readonly info: NamespaceInfo } | { readonly problem: string }

/** One piece of work. Objects travel as JSON text: a structured clone would lose numbers that are kept as text. */
export type Work =
  | {
      readonly kind: 'review' | 'changes'
      /** An AdmissionRequest, or a list of changes. */
      readonly body: string
      readonly context: string
    }
  | {
      readonly kind: 'admission'
      /** An AdmissionReview as it came. */
      readonly body: Uint8Array
      /** RFC 3339, UTC, in whole seconds. */
      readonly now: string
      /** Whether the whole Decision is wanted, too. */
      readonly withDecision: boolean
      readonly namespace: NamespaceAnswer | null
    }

export type Task = Work & { readonly killed: readonly (readonly [string, string])[] }

export type Message = Task | { readonly kind: 'namespaces'; readonly changes: readonly NamespaceChange[] }

/** What came of a piece of work. */
export type Outcome =
  /** `text`: a Decision, or a list of SetViolations, as JSON. */
  | { readonly kind: 'judged'; readonly text: string }
  | {
      readonly kind: 'admitted'
      /** The AdmissionReview to answer with, as JSON. */
      readonly response: string
      /** The answer's; '' where the review had none. */
      readonly uid: string
      readonly record: AdmissionRecord
      /** The Decision as JSON, where it was wanted and there is one. */
      readonly decision: string | null
    }
  | { readonly kind: 'namespaceNeeded'; readonly name: string }

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: GateErrorCode; readonly message: string; readonly position: Position }
  | Outcome
