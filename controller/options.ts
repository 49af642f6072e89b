import type { LogLevel } from '../src/io/log-levels.js'

/** What the API is served with: PEM files that are read again when they change, or a certificate of its own. */
export type ApiCertificate =
  | { readonly certFile: string; readonly keyFile: string }
  | {
      /** The Secret that the replicas share. */
      readonly secret: string
      /** The Service that gates call, in the controller's own namespace. */
      readonly service: string
      /** What they call instead. */
      readonly url?: string
    }

/** What gates before the sync may ask of the controller. */
export interface ApiOptions {
  readonly certificate: ApiCertificate
  /** 0: any free one */
  readonly port: number
  /** Who may call: `system:serviceaccount:<namespace>:<name>`. */
  readonly callers: readonly string[]
  /** Where Argo CD is, and keeps Applications whose name comes without a namespace. */
  readonly applicationsNamespace: string
  /** Where the records of gates are kept; undefined: they are not taken. */
  readonly recordsDirectory?: string
  /** Tell by Events of Applications what their renders were warned of; it needs the records. */
  readonly warningEvents: boolean
  /** Tell it by an annotation of the Application. */
  readonly warningAnnotations: boolean
}

/** What the controller does for Argo CD. */
export interface ArgoCdOptions {
  /** Where Argo CD is: the keys of receipts are put there. */
  readonly namespace: string
  /** Where Applications are. */
  readonly applicationNamespaces: readonly string[]
  /** As Applications name it. */
  readonly pluginName: string
  /** Ask Applications for a hard refresh when the bundle changes. */
  readonly refreshApplications: boolean
  readonly refreshesPerSecond: number
  readonly refreshDelaySeconds: number
  /** Make and change the keys of receipts. */
  readonly receiptKeys: boolean
  readonly rotateKeysAfterDays: number
  readonly trustOldKeysDays: number
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
  /** undefined: nothing is done for Argo CD */
  readonly argocd?: ArgoCdOptions
  readonly logLevel: LogLevel
}
