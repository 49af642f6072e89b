import type { LogLevel } from '../src/io/log-levels.js'

/** How `lockkeeper controller` was called; the command line reads and checks every value. */
export interface ControllerOptions {
  readonly address: string
  /** For /livez, /readyz and /metrics. */
  readonly probePort: number
  /** undefined: the built-in bundle */
  readonly bundle?: string
  readonly insecureUnsigned: boolean
  readonly workers?: number
  /** undefined: the service account of the Pod */
  readonly kubeconfig?: string
  /** Its own namespace: Lease and Events. */
  readonly namespace: string
  /** The name of this replica in the Lease. */
  readonly identity: string
  readonly reports: 'openreports' | 'wgpolicy' | 'none'
  /** How often everything is judged anew, beside what changes. */
  readonly auditIntervalSeconds: number
  readonly exemptNamespaces: readonly string[]
  readonly logLevel: LogLevel
}
