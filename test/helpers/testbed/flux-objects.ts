import { randomUUID } from 'node:crypto'
import type { ApiClient, WaitOptions } from './api.js'
import type { ApiObject } from './api-objects.js'
import type { ServedArtifact } from './artifact-server.js'
import { FLUX_NAMESPACE } from './flux-install.js'

const API_VERSIONS = {
  GitRepository: 'source.toolkit.fluxcd.io/v1',
  ExternalArtifact: 'source.toolkit.fluxcd.io/v1',
  Kustomization: 'kustomize.toolkit.fluxcd.io/v1',
} as const

/** The kinds of Flux that tests create. */
export type FluxKind = keyof typeof API_VERSIONS

/** A condition in the status of an object. */
export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  readonly observedGeneration?: number
}

/** The parts of Flux's objects that tests look at. */
export interface FluxObject extends ApiObject {
  readonly status?: {
    readonly observedGeneration?: number
    readonly lastHandledReconcileAt?: string
    readonly conditions?: readonly Condition[]
    /** Of a source. */
    readonly artifact?: { readonly revision: string; readonly digest: string; readonly url: string }
    /** Of a Kustomization. */
    readonly lastAppliedRevision?: string
    readonly lastAttemptedRevision?: string
    readonly inventory?: { readonly entries: readonly { readonly id: string; readonly v: string }[] }
  }
}

/** What a test says about a GitRepository; an hour between looks, when not said. */
export interface GitRepositorySpec {
  readonly url: string
  readonly ref?: { readonly branch?: string; readonly tag?: string; readonly commit?: string }
  readonly interval?: string
  readonly [field: string]: unknown
}

/** What a test says about a Kustomization; it prunes, and looks once an hour, when not said. */
export interface KustomizationSpec {
  readonly sourceRef: { readonly kind: 'GitRepository' | 'ExternalArtifact'; readonly name: string }
  readonly path?: string
  readonly interval?: string
  readonly targetNamespace?: string
  readonly serviceAccountName?: string
  readonly [field: string]: unknown
}

/** Flux's objects as a user of the API server creates and watches them. */
export class FluxObjects {
  readonly #client: ApiClient

  constructor(client: ApiClient) {
    this.#client = client
  }

  createGitRepository(name: string, spec: GitRepositorySpec): Promise<FluxObject> {
    return this.#create('GitRepository', name, { ref: { branch: 'main' }, interval: '1h', ...spec })
  }

  createKustomization(name: string, spec: KustomizationSpec): Promise<FluxObject> {
    return this.#create('Kustomization', name, { path: './', interval: '1h', prune: true, ...spec })
  }

  /** An ExternalArtifact without status: nothing is published yet. */
  createExternalArtifact(name: string, spec: Readonly<Record<string, unknown>> = {}): Promise<FluxObject> {
    return this.#create('ExternalArtifact', name, spec)
  }

  /** Publishes an artifact as the controller behind an ExternalArtifact does; the condition is Ready=True, when not said. */
  publish(name: string, artifact: ServedArtifact, condition: Partial<Condition> = {}): Promise<FluxObject> {
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    const ready = { type: 'Ready', status: 'True', reason: 'Succeeded', message: 'published', ...condition }
    const status = {
      artifact: { ...artifact, lastUpdateTime: now },
      conditions: [{ lastTransitionTime: now, ...ready }],
    }
    return this.#patch('ExternalArtifact', name, { status }, 'status')
  }

  async get(kind: FluxKind, name: string): Promise<FluxObject> {
    return await this.#client.get(reference(kind, name))
  }

  /** Changes an object by a merge patch. */
  patch(kind: FluxKind, name: string, patch: object): Promise<FluxObject> {
    return this.#patch(kind, name, patch)
  }

  /** Has its controller look at it now and waits until that has ended, well or not. */
  async reconcile(kind: 'GitRepository' | 'Kustomization', name: string, options?: WaitOptions): Promise<FluxObject> {
    const requestedAt = `${new Date().toISOString()} ${randomUUID()}`
    await this.#patch(kind, name, { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': requestedAt } } })
    const isHandled = ({ status }: FluxObject) => status?.lastHandledReconcileAt === requestedAt
    return this.waitUntil(kind, name, `${kind} ${name} is reconciled`, isHandled, options)
  }

  /** Waits until the check accepts the object. */
  async waitUntil(
    kind: FluxKind,
    name: string,
    what: string,
    check: (object: FluxObject) => boolean,
    options?: WaitOptions,
  ): Promise<FluxObject> {
    const found = await this.#client.waitUntil(reference(kind, name), what, each => check(each), options)
    return found
  }

  /** Waits for a condition (its message, when not said, may be any) that is about the object as it is now. */
  async waitForCondition(
    kind: FluxKind,
    name: string,
    wanted: Pick<Condition, 'type' | 'status'> & Partial<Condition>,
    options?: WaitOptions,
  ): Promise<FluxObject> {
    const what = `${kind} ${name} has ${Object.values(wanted).join(' ')}`
    const isThere = (object: FluxObject) => {
      const { observedGeneration = -1, ...found } = condition(object, wanted.type) ?? {}
      return observedGeneration === object.metadata.generation && includes(found, wanted)
    }
    return this.waitUntil(kind, name, what, isThere, options)
  }

  /** Waits until a Kustomization is Ready with a revision of its source. */
  async waitUntilApplied(name: string, revision: string, options?: WaitOptions): Promise<FluxObject> {
    const isApplied = (object: FluxObject) =>
      object.status?.lastAppliedRevision === revision && condition(object, 'Ready')?.status === 'True'
    return this.waitUntil('Kustomization', name, `Kustomization ${name} has applied ${revision}`, isApplied, options)
  }

  async #create(kind: FluxKind, name: string, spec: Readonly<Record<string, unknown>>): Promise<FluxObject> {
    const metadata = { name, namespace: FLUX_NAMESPACE }
    return await this.#client.create({ apiVersion: API_VERSIONS[kind], kind, metadata, spec })
  }

  async #patch(kind: FluxKind, name: string, patch: object, subresource?: string): Promise<FluxObject> {
    const options = subresource === undefined ? {} : { subresource }
    return await this.#client.patch(reference(kind, name), patch, options)
  }
}

/** A condition of an object by its type. */
export function condition({ status }: FluxObject, type: string): Condition | undefined {
  return status?.conditions?.find(each => each.type === type)
}

function includes(found: Partial<Condition>, wanted: Partial<Condition>): boolean {
  return Object.entries(wanted).every(([key, value]) => found[key as keyof Condition] === value)
}

function reference(kind: FluxKind, name: string) {
  return { apiVersion: API_VERSIONS[kind], kind, name, namespace: FLUX_NAMESPACE }
}
