import type { LogLevel } from '../../src/io/log-levels.js'

/** How `lockkeeper flux controller` was called; the command line reads and checks every value. */
export interface FluxOptions {
  readonly address: string
  /** For artifacts. */
  readonly artifactPort: number
  /** Where kustomize-controller reaches them, without a slash at the end. */
  readonly artifactUrl: string
  /** The volume that artifacts are kept on. */
  readonly storage: string
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
  /** undefined: the one on PATH */
  readonly kustomize?: string
  /** Variables that nobody has set are empty, as where kustomize-controller has StrictPostBuildSubstitutions=false. */
  readonly lenient: boolean
  /** Where notification-controller takes events; undefined: nowhere */
  readonly eventsAddr?: string
  readonly logLevel: LogLevel
}
