import type { InCluster } from '../src/io/cluster/connection.js'
import type { Paint } from '../src/report/paint.js'

/** How `lockkeeper doctor` was called; the command line reads and checks every value. */
export interface DoctorOptions {
  /** Absent: only what is installed here is looked at. */
  readonly cluster?: {
    /** undefined: the service account of the Pod */
    readonly kubeconfig?: string
    /** undefined: the current one */
    readonly context?: string
    readonly namespace: string
    readonly configurationName: string
    readonly certificateSecret: string
    readonly argoCdNamespace: string
    readonly fluxNamespace: string
  }
  /** undefined: the built-in bundle */
  readonly bundle?: string
  readonly format: 'text' | 'json'
  readonly failOnWarn: boolean
}

/** What it has of its process. */
export interface DoctorSurroundings {
  readonly write: (text: string) => Promise<void>
  readonly paint: Paint
  readonly now: Date
  readonly signal: AbortSignal
  readonly version: string
  readonly nodeVersion: string
  /** Where programs are looked for. */
  readonly searchPath: string
  /** null: not in a Pod */
  readonly inCluster: InCluster | null
}
