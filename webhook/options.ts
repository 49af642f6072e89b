import type { LogLevel } from '../src/io/log-levels.js'

/** How `lockkeeper webhook` was called; the command line reads and checks every value. */
export interface WebhookOptions {
  /** Needs no cluster: a certificate of its own, probes and metrics on the same port. */
  readonly standalone: boolean
  readonly address: string
  /** 0: a free one */
  readonly port: number
  /** For /livez, /readyz and /metrics; unused where it is standalone. */
  readonly probePort: number
  /** undefined: the built-in bundle */
  readonly bundle?: string
  readonly insecureUnsigned: boolean
  /** undefined: one a core */
  readonly workers?: number
  /** undefined: the service account of the Pod */
  readonly kubeconfig?: string
  /** Its own namespace: Secret, Lease and Events. */
  readonly namespace: string
  /** The Service that the API server calls: the names in the certificate. */
  readonly service: string
  /** The API server calls this URL instead of the Service. */
  readonly url?: string
  /** The Secret that holds the certificate authority and the certificate of the webhook. */
  readonly certificateSecret: string
  /** Certificate and key in files that somebody else renews; then no Secret is touched. */
  readonly tlsCert?: string
  readonly tlsKey?: string
  /** The authority that signed `tlsCert`, for `caBundle`; undefined: `tlsCert` itself holds it. */
  readonly tlsCa?: string
  /** Callers must show a client certificate by this authority (a PEM file); undefined: anybody may call. */
  readonly clientCa?: string
  /** Common names that are let in; empty: every certificate of `clientCa`. */
  readonly clientNames: readonly string[]
  /** Creates the ValidatingWebhookConfiguration and keeps it right. */
  readonly registration: boolean
  readonly configurationName: string
  readonly exemptNamespaces: readonly string[]
  /** Namespaces whose Pods a cold cluster starts with; the own one is always among them. */
  readonly bootstrapNamespaces: readonly string[]
  readonly failurePolicy: 'Fail' | 'Ignore'
  /** Answers while it is leaving, so that every caller learns to go elsewhere. */
  readonly drainSeconds: number
  /** A port that serves the bundle to authenticated gates; undefined: none. */
  readonly bundlePort?: number
  /** A file, or an http(s) URL, that decisions are written to; undefined: nowhere. */
  readonly decisionLog?: string
  /** An OTLP/HTTP endpoint for traces; undefined: none. */
  readonly otlpEndpoint?: string
  readonly logLevel: LogLevel
}
