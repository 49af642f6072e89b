import type { Json, JsonObject } from './json.js'
import type { RarityCounts } from './risk/rarity/counts.js'

export const GATES = ['cli', 'argocd', 'flux', 'webhook', 'audit'] as const
export type GateName = (typeof GATES)[number]

/** What a gate does with a request. */
export type Action = 'allow' | 'warn' | 'deny'

/** What a policy asks for; `dryrun` is reported and changes nothing. */
export const ENFORCEMENT_ACTIONS = ['dryrun', 'warn', 'deny'] as const
export type EnforcementAction = (typeof ENFORCEMENT_ACTIONS)[number]

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/** One operation of a JSON Patch (RFC 6902) as remedies use it; `path` is a JSON pointer into the object. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: Json }
  | { readonly op: 'remove'; readonly path: string }

/** A way out: advice for people and, when it was re-judged with success, a patch that does it. */
export interface Remedy {
  readonly text: string
  readonly patch?: readonly PatchOperation[]
}

export interface Violation {
  /** The last package segment of the policy. */
  readonly policy: string
  readonly message: string
  /** What holds at every gate that `gates` does not name, after config, ratchet, exceptions and approvals. */
  readonly enforcementAction: EnforcementAction
  /** The gates for which the configuration says something else. */
  readonly gates?: Readonly<Partial<Record<GateName, EnforcementAction>>>
  readonly severity: Severity
  /** A JSON pointer into the object; '' where the policy names no place. */
  readonly path: string
  readonly details: Json
  readonly controls: readonly string[]
  /** The old object had the same violation already. */
  readonly existing: boolean
  readonly remedy?: Remedy
  readonly docs: string
}

export interface Contribution {
  readonly feature: string
  readonly value: number
  /** In log-odds. */
  readonly contribution: number
  readonly paths: readonly string[]
  readonly text: string
}

export interface Risk {
  /** 0 to 1, calibrated; one ranking over all kinds. */
  readonly score: number
  readonly band: 'low' | 'elevated' | 'high'
  readonly kind: 'object' | 'change'
  readonly threshold: number
  readonly pValue: number
  readonly contributions: readonly Contribution[]
  readonly model: { readonly digest: string; readonly version: string }
  readonly object?: { readonly score: number }
}

/** How unlike others something is, whether or not that is dangerous. */
export interface Anomaly {
  /** Unlike objects of its kind elsewhere, or a change unlike what is in the cluster. */
  readonly of: 'object' | 'change'
  /** 0 to 1 */
  readonly score: number
}

export const DEGRADED_CODES = {
  MODEL_MISSING: 'the bundle has no risk model: policies alone decided',
  SCORE_INVALID: 'the risk score of this object was unusable: policies alone decided',
  RARITY_COLD: 'there is no rarity snapshot yet',
  NAMESPACE_UNKNOWN: 'the labels of the namespace are not known before the sync',
  INVENTORY_PARTIAL: 'the inventory of related objects is incomplete',
  BASE_UNKNOWN: 'the live object could not be asked for: judged as new, ratchet policies at most warn',
  POLICY_FAILED: 'a policy ended with an error',
  POLICY_KILLED: 'a policy was stopped at its deadline',
  RECEIPT_FRESHNESS: 'the freshness of the receipt could not be checked',
} as const
export type DegradedCode = keyof typeof DEGRADED_CODES

export interface Degraded {
  readonly code: DegradedCode
  readonly policy?: string
  readonly text: string
}

export const PROVENANCE_CLASSES = [
  'approved',
  'in-band-ungated',
  'in-band-mismatch',
  'out-of-band-managed',
  'out-of-band-unmanaged',
  'derived',
  'system',
] as const
export type ProvenanceClass = (typeof PROVENANCE_CLASSES)[number]

export interface Provenance {
  readonly class: ProvenanceClass
  readonly evidence: readonly string[]
}

/** An exception as a Decision names it: in force, or ignored with the reason. */
export interface ExceptionUse {
  readonly name: string
  readonly policies: readonly string[]
  readonly state: 'applied' | 'expired' | 'invalid'
  readonly reason: string
  readonly notAfter: string
}

/** An approval or a hold given by a person, as it comes in the context. */
export interface Standing {
  readonly name: string
  /** A Decision's subject, a set id, or `<application>@<revision or digest>`. */
  readonly target: string
  readonly by: string
  readonly reason: string
  /** RFC 3339 */
  readonly notAfter: string
}

export interface NamespaceInfo {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What is in neither the request nor the bundle: plain data made by the door. */
export interface Context {
  readonly gate: GateName
  /** RFC 3339, UTC, in whole seconds: the only clock a policy sees. */
  readonly now: string
  /** null: the object is cluster-scoped. */
  readonly namespace: NamespaceInfo | 'unknown' | null
  /** `unknown`: nobody could be asked for the live object, so the request says CREATE. */
  readonly base: 'known' | 'unknown'
  readonly related: {
    readonly objects: readonly JsonObject[]
    readonly digest: string
    readonly complete: boolean
  } | null
  readonly provenance: Provenance
  readonly holds: readonly Standing[]
  readonly approvals: readonly Standing[]
  readonly rarity: { readonly snapshot: RarityCounts; readonly digest: string } | null
}

/** Where an object was found; `line` and `document` count from 1. */
export interface Source {
  readonly file: string
  readonly line: number
  readonly document: number
}

export interface ResourceReference {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly file?: string
  readonly line?: number
}

export interface BundleReference {
  /** `sha256:<hex>` */
  readonly digest: string
  readonly revision: string
}

/** The one judgement: the same at every gate for the same request, context and bundle. */
export interface Decision {
  readonly id: string
  readonly subject: string
  readonly gate: GateName
  readonly allowed: boolean
  readonly action: Action
  readonly actions: Readonly<Record<GateName, Action>>
  readonly violations: readonly Violation[]
  readonly risk: Risk | null
  readonly anomaly: Anomaly | null
  readonly provenance: Provenance
  readonly degraded: readonly Degraded[]
  readonly exceptions: readonly ExceptionUse[]
  readonly approvals: readonly Standing[]
  readonly holds: readonly Standing[]
  readonly unchanged: boolean
  readonly bundle: BundleReference
  readonly inputs: { readonly related: string | null; readonly rarity: string | null }
  readonly resource: ResourceReference
}

export interface SetViolation extends Omit<Violation, 'existing' | 'remedy'> {
  readonly objects: readonly ResourceReference[]
}

export interface SetError {
  readonly code: string
  readonly message: string
  readonly file?: string
  readonly line?: number
  readonly document?: number
}

export interface SetSummary {
  judged: number
  allowed: number
  warned: number
  denied: number
  errors: number
}

/** The judgement of a whole change: allowed only when no set violation denies, nothing failed and every Decision allows. */
export interface SetDecision {
  readonly id: string
  readonly allowed: boolean
  readonly action: Action
  readonly decisions: readonly Decision[]
  readonly violations: readonly SetViolation[]
  readonly errors: readonly SetError[]
  readonly bundle: BundleReference
  readonly summary: SetSummary
}
