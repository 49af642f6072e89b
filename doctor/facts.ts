import type { Discovery } from '../src/io/cluster/discovery.js'
import type { JsonObject } from '../src/json.js'
import type { PolicyCard } from '../src/policy/policy-types.js'
import type { WorkloadEntry } from '../src/workload.js'

/** What a look into the cluster needs: a verb on a resource (`deployments.apps`), or a path of the API server. */
export interface Right {
  readonly verb: 'get' | 'list'
  /** `/metrics`, or the plural with its group */
  readonly target: string
  /** null: not in a namespace */
  readonly namespace: string | null
  /** The one object that it is about; null: all of them, or a path. */
  readonly name: string | null
}

/** What was seen, or why it could not be looked at. */
export type Look<T> =
  | { readonly seen: T }
  | {
      readonly seen: undefined
      readonly right: Right
      readonly error: string
      /** Whom the API server says it refused; null where it was another error. */
      readonly user: string | null
    }

/** Where the gate is thought to be. */
export interface GatePlace {
  readonly namespace: string
  readonly configurationName: string
  readonly certificateSecret: string
  readonly argoCdNamespace: string
  readonly fluxNamespace: string
  /** Of this program. */
  readonly version: string
  /** Of the bundle, with the team's configuration applied. */
  readonly cards: readonly PolicyCard[]
  readonly workloads: readonly WorkloadEntry[]
}

/** How often a webhook was passed over, by the metric of one API server. */
export interface FailOpen {
  /** The name of the webhook. */
  readonly name: string
  readonly count: number
}

/** The two clocks, in milliseconds since 1970. */
export interface Clocks {
  /** From the Date header, which has whole seconds. */
  readonly serverMs: number
  /** Here, in the middle between question and answer. */
  readonly localMs: number
}

/** All that is looked at in a cluster. */
export interface ClusterLooks {
  /** Ours; null: there is none. */
  readonly configuration: Look<JsonObject | null>
  readonly validating: Look<readonly JsonObject[]>
  readonly mutating: Look<readonly JsonObject[]>
  readonly admissionPolicies: Look<readonly JsonObject[]>
  readonly apiServices: Look<readonly JsonObject[]>
  readonly discovery: Look<Discovery>
  /** null in the next ones: it is not there. */
  readonly gateNamespace: Look<JsonObject | null>
  readonly service: Look<JsonObject | null>
  readonly endpointSlices: Look<readonly JsonObject[]>
  readonly pods: Look<readonly JsonObject[]>
  readonly deployments: Look<readonly JsonObject[]>
  readonly budgets: Look<readonly JsonObject[]>
  readonly lease: Look<JsonObject | null>
  /** PEM of the certificate that the gate shows; nothing else of the Secret is kept. */
  readonly leaf: Look<string | null>
  readonly failOpen: Look<readonly FailOpen[]>
  /** Of Argo CD's repo-server and application controller; none where the cluster has no Applications. */
  readonly argoCdDeployments: Look<readonly JsonObject[]>
  readonly argoCdStatefulSets: Look<readonly JsonObject[]>
  /** argocd-cm; null: it is not there. */
  readonly argoCdSettings: Look<JsonObject | null>
  /** Flux's controllers; none in this and the next ones where the cluster has no Kustomizations. */
  readonly fluxDeployments: Look<readonly JsonObject[]>
  readonly artifactGates: Look<readonly JsonObject[]>
  readonly kustomizations: Look<readonly JsonObject[]>
  readonly helmReleases: Look<readonly JsonObject[]>
  /** Only where the cluster knows ArtifactGates. */
  readonly clusterRoles: Look<readonly JsonObject[]>
}

export interface ClusterFacts {
  readonly gate: GatePlace
  /** Milliseconds since 1970, by our clock. */
  readonly nowMs: number
  /** `v1.37.2` */
  readonly serverVersion: string
  readonly clocks: Clocks
  /** What the live configuration sends reviews to; null: there is no configuration that could be seen. */
  readonly target: Target | null
  readonly looks: ClusterLooks
}

/** What a configuration sends reviews to. */
export type Target =
  { readonly service: { readonly namespace: string; readonly name: string } } | { readonly url: string }

/** What is installed here, without a cluster. */
export interface InstallationFacts {
  readonly version: string
  /** `v20.19.0` */
  readonly nodeVersion: string
  readonly nowMs: number
  readonly bundle: InstalledBundle
  /** Programs that `scan` renders with, and that are not on PATH. */
  readonly missingPrograms: readonly string[]
}

export type InstalledBundle =
  | {
      readonly name: string
      readonly digest: string
      readonly revision: string
      readonly policies: number
      readonly signed: boolean
      readonly exceptions: readonly {
        readonly name: string
        readonly invalid: string | null
        readonly notAfter: string
      }[]
    }
  | { readonly name: string; readonly error: string }
