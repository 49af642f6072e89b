import { ApiError } from './api-error.js'
import type { ApiConnection, ApiResponse, RequestOptions } from './api-connection.js'
import type { ApiDiscovery } from './api-discovery.js'
import {
  type ApiObject,
  type CollectionReference,
  type Manifest,
  member,
  type ObjectReference,
  referenceTo,
} from './api-objects.js'
import { waitFor } from './processes.js'

/** Options of every write. */
export interface WriteOptions {
  readonly dryRun?: boolean
  readonly fieldManager?: string
  /** A part of the object with a path of its own: `status`, `scale`, `binding`. */
  readonly subresource?: string
  /** Further query parameters. */
  readonly query?: RequestOptions['query']
  readonly headers?: RequestOptions['headers']
}

/** How a delete treats dependents, and how long it waits. */
export interface DeleteOptions extends Omit<WriteOptions, 'fieldManager'> {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly gracePeriodSeconds?: number
}

/** Which objects of a collection, and how many in one answer. */
export interface ListOptions {
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly pageSize?: number
}

/** How long something may take. */
export interface WaitOptions {
  readonly timeoutMs?: number
}

/** Media types of the ways to patch. */
const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const

const NOT_FOUND = 404

/** One user's view of the API server. What takes a manifest finds its path by discovery; refusals are ApiErrors. */
export class ApiClient {
  readonly #connection: ApiConnection
  readonly #discovery: ApiDiscovery

  /** @param discovery may be somebody else's: not every user may ask what there is */
  constructor(connection: ApiConnection, discovery: ApiDiscovery) {
    this.#connection = connection
    this.#discovery = discovery
  }

  /** Any request; every status is an answer. Rejects only when there is none. */
  request(method: string, path: string, options?: RequestOptions): Promise<ApiResponse> {
    return this.#connection.request(method, path, options)
  }

  /** The path of all objects of a kind; of all namespaces when the reference names none. */
  async collectionPath({ apiVersion, kind, namespace }: CollectionReference): Promise<string> {
    const { base, name, namespaced } = await this.#discovery.resource(apiVersion, kind)
    const scope = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
    return `${base}${scope}/${name}`
  }

  /** The path of one object. */
  async objectPath(target: Manifest | ObjectReference, subresource?: string): Promise<string> {
    const { apiVersion, kind, name, namespace = 'default' } = referenceTo(target)
    const collection = await this.collectionPath({ apiVersion, kind, namespace })
    return `${collection}/${encodeURIComponent(name)}${subresource === undefined ? '' : `/${subresource}`}`
  }

  /** Creates the object; with a subresource (`binding`, `eviction`, `token`) what is sent is for that. */
  async create(manifest: Manifest, options: WriteOptions & { of?: ObjectReference } = {}): Promise<ApiObject> {
    const { apiVersion, kind, metadata } = manifest
    const path =
      options.of === undefined
        ? await this.collectionPath({ apiVersion, kind, namespace: metadata?.namespace ?? 'default' })
        : await this.objectPath(options.of, options.subresource)
    return this.#object('POST', path, { body: manifest, ...writeQuery(options) })
  }

  /** Server-side apply; takes over fields that others own. */
  async apply(manifest: Manifest, options: WriteOptions = {}): Promise<ApiObject> {
    const path = await this.objectPath(manifest, options.subresource)
    const { query, ...rest } = writeQuery({ fieldManager: 'lockkeeper-e2e', ...options })
    const contentType = 'application/apply-patch+yaml'
    return this.#object('PATCH', path, { body: manifest, contentType, query: { force: true, ...query }, ...rest })
  }

  /** Puts the whole object in place of the one that is there. */
  async replace(manifest: Manifest, options: WriteOptions = {}): Promise<ApiObject> {
    const path = await this.objectPath(manifest, options.subresource)
    return this.#object('PUT', path, { body: manifest, ...writeQuery(options) })
  }

  async patch(
    target: Manifest | ObjectReference,
    patch: object,
    options: WriteOptions & { type?: keyof typeof PATCH_TYPES } = {},
  ): Promise<ApiObject> {
    const path = await this.objectPath(target, options.subresource)
    const contentType = PATCH_TYPES[options.type ?? 'merge']
    return this.#object('PATCH', path, { body: patch, contentType, ...writeQuery(options) })
  }

  async get(target: Manifest | ObjectReference, options: { subresource?: string } = {}): Promise<ApiObject> {
    return this.#object('GET', await this.objectPath(target, options.subresource), {})
  }

  /** The object, or null when there is none. */
  async find(target: Manifest | ObjectReference): Promise<ApiObject | null> {
    try {
      return await this.get(target)
    } catch (error) {
      if (error instanceof ApiError && error.status === NOT_FOUND) return null
      throw error
    }
  }

  /** All objects of a kind, read page by page. */
  async list(collection: CollectionReference, options: ListOptions = {}): Promise<ApiObject[]> {
    const { pageSize: limit = 500, ...selectors } = options
    const path = await this.collectionPath(collection)
    const { apiVersion, kind } = collection
    const items: ApiObject[] = []
    let page: unknown
    do {
      const next = member(page, 'metadata', 'continue') as string | undefined
      page = await this.#object('GET', path, { query: { limit, continue: next, ...selectors } })
      // The items of a list come without the two fields that say what they are.
      for (const item of member(page, 'items') as ApiObject[]) items.push({ ...item, apiVersion, kind })
    } while (member(page, 'metadata', 'continue'))
    return items
  }

  /** Asks for the deletion; finalizers and dependents may keep the object for a while. */
  async delete(target: Manifest | ObjectReference, options: DeleteOptions = {}): Promise<void> {
    const { propagationPolicy, gracePeriodSeconds, ...write } = options
    const path = await this.objectPath(target, options.subresource)
    const { query, headers } = writeQuery(write)
    await this.#object('DELETE', path, { query: { propagationPolicy, gracePeriodSeconds, ...query }, headers })
  }

  /**
   * Waits until the object is there and `check` accepts it.
   *
   * @param what completes the sentence "waited for …"
   */
  async waitUntil(
    target: Manifest | ObjectReference,
    what: string,
    check: (object: ApiObject) => boolean,
    options: WaitOptions = {},
  ): Promise<ApiObject> {
    let last: ApiObject | null = null
    const look = async () => {
      last = await this.find(target)
      return last !== null && check(last) ? last : null
    }
    try {
      return await waitFor(what, look, options)
    } catch (cause) {
      const seen = JSON.stringify(member(last, 'status') ?? last)
      throw new Error(`${(cause as Error).message}; last seen: ${seen.slice(0, 2000)}`, { cause })
    }
  }

  /** Waits until the object is no longer there. */
  async waitUntilGone(target: Manifest | ObjectReference, options: WaitOptions = {}): Promise<void> {
    const { kind, name } = referenceTo(target)
    await waitFor(`${kind} ${name} is gone`, async () => (await this.find(target)) === null, options)
  }

  async #object(method: string, path: string, options: RequestOptions): Promise<ApiObject> {
    const response = await this.#connection.request(method, path, options)
    if (response.status >= 400) throw new ApiError(`${method} ${path}`, response)
    return response.body as ApiObject
  }
}

function writeQuery({ dryRun = false, fieldManager, query, headers = {} }: WriteOptions) {
  return { query: { ...(dryRun && { dryRun: 'All' }), fieldManager, ...query }, headers }
}
