import type { EnforcementAction, GateName, Severity } from '../decision-types.js'
import type { JsonObject } from '../json.js'

/** Which objects a policy applies to; every member that is given must match (Gatekeeper's words). */
export interface Match {
  /** `*` matches every group or kind. */
  readonly kinds?: readonly { readonly apiGroups: readonly string[]; readonly kinds: readonly string[] }[]
  /** Every kind that carries pod templates, configured custom kinds included. With `kinds`: either may match. */
  readonly workloads?: boolean
  /** Default: CREATE and UPDATE. */
  readonly operations?: readonly string[]
  /** Default: the object itself, and `ephemeralcontainers` of Pods for workload policies; `*` matches all. */
  readonly subResources?: readonly string[]
  /** Names, or a prefix followed by `*`, or a `*` followed by a suffix. */
  readonly namespaces?: readonly string[]
  readonly excludedNamespaces?: readonly string[]
  readonly scope?: 'Cluster' | 'Namespaced' | '*'
  readonly labelSelector?: LabelSelector
  readonly namespaceSelector?: LabelSelector
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
    readonly values?: readonly string[]
  }[]
}

export type RuleName = 'deny' | 'warn' | 'violation'

/** A policy as its METADATA card describes it. */
export interface PolicyCard {
  /** The last package segment. */
  readonly id: string
  readonly package: string
  readonly title: string
  readonly description: string
  readonly severity: Severity
  readonly controls: readonly string[]
  readonly match: Match
  readonly parameters: JsonObject
  readonly ratchet: boolean
  /** `last` policies see the violations of the others. */
  readonly stage: 'first' | 'last'
  readonly scope: 'object' | 'changeset'
  readonly approvable: boolean
  readonly enforcementAction?: EnforcementAction
  readonly docs: string
  readonly rules: readonly RuleName[]
}

/** What config may change of one policy. */
export interface PolicySettings {
  readonly enforcementAction?: EnforcementAction
  readonly namespaces?: readonly { readonly names: readonly string[]; readonly enforcementAction: EnforcementAction }[]
  readonly gates?: Readonly<Partial<Record<GateName, EnforcementAction>>>
  readonly parameters?: JsonObject
  readonly match?: Match
  readonly ratchet?: boolean
}
