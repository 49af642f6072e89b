import type { Action, SetDecision } from '../../../src/decision-types.js'
import type { Gate } from '../../../src/gate.js'
import type { JsonObject } from '../../../src/json.js'
import type { LiveAnswer } from '../../../src/live-objects.js'
import type { Target } from '../../../src/request.js'
import type { BuildOptions } from '../kustomization/build.js'

/** An unpacked artifact, and the Kustomizations that it feeds. */
export interface TreeToJudge {
  /** Absolute path of the unpacked artifact; it is read, never written. */
  readonly root: string
  /** The upstream revision, such as `main@sha1:…`; it is no part of the judgement. */
  readonly revision?: string
  /** `kustomize.toolkit.fluxcd.io` objects as the API server has them. */
  readonly kustomizations: readonly JsonObject[]
  /** RFC 3339, UTC, whole seconds. */
  readonly now: string
}

/** A ConfigMap or a Secret whose data are variables of a Kustomization. */
export interface VariablesReference {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly namespace: string
  readonly name: string
}

/** What judging a tree asks of the world outside. */
export interface TreeParts {
  readonly gate: Pick<Gate, 'bundle' | 'reviewSet'>
  /** The data of a ConfigMap or Secret that substituteFrom names, those of a Secret decoded; null: there is none. */
  variables(reference: VariablesReference): Promise<ReadonlyMap<string, string> | null>
  /**
   * The live objects of `targets`, and as `pruned` those of the Kustomization's inventory that are not among them; which of
   * them pruning would delete is decided here. Not asked for a Kustomization that is applied to another cluster.
   */
  live(kustomization: JsonObject, targets: readonly Target[]): Promise<LiveAnswer | 'unknown'>
  readonly render: BuildOptions
  readonly signal: AbortSignal
}

/** The judgement of everything that one artifact feeds. */
export interface TreeJudgement {
  /** Over all Kustomizations: all or nothing. What could not be rendered is among its errors. */
  readonly set: SetDecision
  /** In the order in which they were given. */
  readonly kustomizations: readonly KustomizationJudgement[]
}

/** What was found of one Kustomization. */
export interface KustomizationJudgement {
  readonly namespace: string
  readonly name: string
  readonly action: Action | 'error'
  /** Why not, or what it warns of, in a line or two, without secrets; '' when there is nothing to say. */
  readonly message: string
  /** What is not judged here, such as what the releases of HelmReleases contain; one sentence each. */
  readonly notes: readonly string[]
  /** How many objects it renders to. */
  readonly objects: number
  /** sha256 in hexadecimal of each rendered object's canonical form, sorted; of a Secret's without its values. */
  readonly digests: readonly string[]
  /** Each substituteFrom object that was asked for; the digest is null where there was none. A Secret's may tell its values: to compare, not to show. */
  readonly variables: readonly (VariablesReference & { readonly digest: string | null })[]
}
