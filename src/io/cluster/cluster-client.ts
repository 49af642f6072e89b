import { GateError } from '../../errors.js'
import type { Json, JsonObject } from '../../json.js'

/** A collection of the API: `/apis/<group>/<version>[/namespaces/<namespace>]/<resource>`. */
export interface Collection {
  /** '' for the core group */
  readonly group: string
  readonly version: string
  /** The plural: `secrets`. */
  readonly resource: string
  /** Absent: cluster-scoped, or all namespaces of a namespaced resource. */
  readonly namespace?: string
}

/** Objects are read losslessly: numbers keep their value and text (see `src/json.ts`). */
export type ClusterObject = JsonObject

/** One page of a list. */
export interface ListPage {
  /** With apiVersion and kind, which the items of a list come without. */
  readonly items: readonly ClusterObject[]
  readonly resourceVersion: string
  /** What asks for the next page; '' after the last one. */
  readonly continueToken: string
  readonly remainingItemCount: number | null
}

export interface ListOptions {
  readonly limit?: number
  readonly continueToken?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** '0': whatever the API server has in its cache. */
  readonly resourceVersion?: string
  readonly signal?: AbortSignal
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: ClusterObject
}

export interface WatchOptions {
  readonly resourceVersion: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly signal: AbortSignal
}

export interface RequestOptions {
  readonly subresource?: string
  readonly signal?: AbortSignal
  readonly dryRun?: boolean
  readonly fieldManager?: string
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply'

/**
 * What this project asks of an API server. Every call has a time limit; everything that fails rejects with a ClusterError.
 * A replace with `metadata.resourceVersion` is refused with status 409 when somebody else wrote meanwhile.
 */
export interface ClusterClient {
  get(collection: Collection, name: string, options?: RequestOptions): Promise<ClusterObject>
  /** The object, or null where the answer is 404. */
  find(collection: Collection, name: string, options?: RequestOptions): Promise<ClusterObject | null>
  list(collection: Collection, options?: ListOptions): Promise<ListPage>
  create(
    collection: Collection,
    object: ClusterObject,
    options?: RequestOptions & { readonly name?: string },
  ): Promise<ClusterObject>
  replace(collection: Collection, name: string, object: ClusterObject, options?: RequestOptions): Promise<ClusterObject>
  patch(
    collection: Collection,
    name: string,
    patch: Json,
    options: RequestOptions & { readonly type: PatchType; readonly force?: boolean },
  ): Promise<ClusterObject>
  delete(
    collection: Collection,
    name: string,
    options?: RequestOptions & { readonly resourceVersion?: string },
  ): Promise<void>
  /** Ends without an error when the server or the signal ends it; rejects with status 410 when the resourceVersion is too old. */
  watch(collection: Collection, options: WatchOptions): AsyncGenerator<WatchEvent, void>
  /** GET of any path, for what is no object: `/version`, `/metrics`, discovery. */
  getText(path: string, options?: { readonly accept?: string; readonly signal?: AbortSignal }): Promise<string>
  /** Closes what is open. */
  close(): void
}

/** The API server answered with an error, or not at all. */
export class ClusterError extends GateError {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number
  /** Kubernetes' word: `NotFound`, `Conflict`, `Expired`, …; '' where there is none. */
  readonly reason: string
  /** From a Retry-After header. */
  readonly retryAfterSeconds: number | null
  /** What goes on with a list whose beginning is forgotten, from the state of now; null for every other error. */
  readonly continueToken: string | null

  constructor(
    message: string,
    options: {
      status: number
      reason?: string
      retryAfterSeconds?: number | null
      continueToken?: string | null
      cause?: unknown
    },
  ) {
    super(options.status === 0 ? 'CLUSTER_UNREACHABLE' : 'CLUSTER_REFUSED', message, { cause: options.cause })
    this.status = options.status
    this.reason = options.reason ?? ''
    this.retryAfterSeconds = options.retryAfterSeconds ?? null
    this.continueToken = options.continueToken ?? null
  }
}
