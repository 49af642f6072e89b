import { randomUUID } from 'node:crypto'
import type { ApiClient, WaitOptions } from './api.js'
import type { ApiObject, Manifest } from './api-objects.js'
import { ARGOCD_NAMESPACE } from './argocd-install.js'

/** Where an Application's manifests come from; further fields are handed on. */
export interface ApplicationSource {
  readonly repoURL: string
  readonly path?: string
  readonly targetRevision?: string
  readonly plugin?: {
    readonly name?: string
    readonly env?: readonly { name: string; value: string }[]
    readonly parameters?: readonly Readonly<Record<string, unknown>>[]
  }
  readonly [field: string]: unknown
}

/** What a test says about an Application; the rest are defaults that suit tests. */
export interface ApplicationSpec {
  readonly source: ApplicationSource
  /** The namespace of its objects; the Application's name when not said. */
  readonly namespace?: string
  readonly project?: string
  /** Automated with prune and self-heal, without retries, when not said. */
  readonly syncPolicy?: Readonly<Record<string, unknown>>
}

/** One object in the result of a sync. */
export interface SyncedResource {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly status: string
  readonly message?: string
}

/** The state of the last sync. */
export interface OperationState {
  readonly phase: 'Running' | 'Terminating' | 'Succeeded' | 'Failed' | 'Error'
  readonly message?: string
  readonly operation: { readonly info?: readonly { name: string; value: string }[] }
  readonly syncResult?: { readonly revision: string; readonly resources?: readonly SyncedResource[] }
}

/** The parts of an Application that tests look at. */
export interface Application extends ApiObject {
  readonly status?: {
    readonly sync?: { readonly status: 'Synced' | 'OutOfSync' | 'Unknown'; readonly revision?: string }
    readonly health?: { readonly status?: string }
    readonly conditions?: readonly { readonly type: string; readonly message: string }[]
    readonly operationState?: OperationState
    readonly resources?: readonly { kind: string; name: string; status?: string; requiresPruning?: boolean }[]
  }
}

const KIND = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application' }
const REFRESH = 'argocd.argoproj.io/refresh'

/** A failed sync ends at once: Argo CD would try again for minutes. */
const AUTOMATED = { automated: { prune: true, selfHeal: true }, retry: { limit: 0 } }

/** Applications as a user of the API server creates and watches them. */
export class Applications {
  readonly #client: ApiClient

  constructor(client: ApiClient) {
    this.#client = client
  }

  async create(name: string, spec: ApplicationSpec): Promise<Application> {
    const { source, namespace = name, project = 'default', syncPolicy = AUTOMATED } = spec
    const manifest: Manifest = {
      ...KIND,
      metadata: { name, namespace: ARGOCD_NAMESPACE },
      spec: {
        project,
        source: { path: '.', targetRevision: 'main', ...source },
        destination: { server: 'https://kubernetes.default.svc', namespace },
        syncPolicy,
      },
    }
    return await this.#client.create(manifest)
  }

  async get(name: string): Promise<Application> {
    return await this.#client.get(reference(name))
  }

  /** Changes an Application by a merge patch. */
  async patch(name: string, patch: object): Promise<Application> {
    return await this.#client.patch(reference(name), patch)
  }

  /** Has Git and the cluster compared now, and waits until that is done; `hard` also forgets cached renders. */
  async refresh(name: string, type: 'normal' | 'hard' = 'normal', options: WaitOptions = {}): Promise<Application> {
    await this.patch(name, { metadata: { annotations: { [REFRESH]: type } } })
    const isDone = (app: Application) => app.metadata.annotations?.[REFRESH] === undefined
    return this.waitUntil(name, `Application ${name} is refreshed`, isDone, options)
  }

  /** Asks for a sync, of the target revision when none is named, and waits for its end. */
  async sync(
    name: string,
    options: { revision?: string; prune?: boolean; dryRun?: boolean } & WaitOptions = {},
  ): Promise<OperationState> {
    const { timeoutMs, ...sync } = options
    // The operation comes back in its state: an earlier one is not taken for this one.
    const request: string = randomUUID()
    const info = [{ name: 'request', value: request }]
    await this.patch(name, { operation: { initiatedBy: { username: 'test' }, info, sync } })
    const operationState = ({ status }: Application) => status?.operationState
    const isDone = (app: Application) => {
      const state = operationState(app)
      return state?.operation.info?.[0]?.value === request && !isRunning(state)
    }
    const what = `the sync of Application ${name} ends`
    const ended = await this.waitUntil(name, what, isDone, timeoutMs === undefined ? {} : { timeoutMs })
    return operationState(ended) as OperationState
  }

  /** Waits until the check accepts the Application. */
  async waitUntil(
    name: string,
    what: string,
    check: (application: Application) => boolean,
    options: WaitOptions = {},
  ): Promise<Application> {
    const found = await this.#client.waitUntil(reference(name), what, object => check(object), options)
    return found
  }

  /** Waits until a revision, any when none is named, is applied and live. */
  async waitUntilSynced(name: string, revision?: string, options: WaitOptions = {}): Promise<Application> {
    const isSynced = ({ status }: Application) =>
      status?.sync?.status === 'Synced' &&
      status.operationState?.phase === 'Succeeded' &&
      (revision === undefined ||
        (status.sync.revision === revision && status.operationState.syncResult?.revision === revision))
    return this.waitUntil(name, `Application ${name} is Synced`, isSynced, options)
  }
}

function isRunning({ phase }: OperationState): boolean {
  return phase === 'Running' || phase === 'Terminating'
}

function reference(name: string) {
  return { ...KIND, name, namespace: ARGOCD_NAMESPACE }
}
