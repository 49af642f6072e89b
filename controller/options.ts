import type { LogLevel } from '../src/io/log-levels.js'

/** What gates before the sync may ask of the controller. */
export interface ApiOptions {
  /** PEM; both are read again when they change. */
  readonly certFile: string
  readonly keyFile: string
  /** 0: any free one */
  readonly port: number
  /** Who may call: `system:serviceaccount:<namespace>:<name>`. */
  readonly callers: readonly string[]
  /** Where Argo CD keeps Applications whose name comes without a namespace. */
  readonly applicationsNamespace: string
  /** Where the records of gates are kept; undefined: they are not taken. */
  readonly recordsDirectory?: string
}

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
  /** undefined: no API is served */
  readonly api?: ApiOptions
  readonly logLevel: LogLevel
}
