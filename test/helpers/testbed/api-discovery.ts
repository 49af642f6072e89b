import { ApiError } from './api-error.js'
import type { ApiConnection } from './api-connection.js'
import { member } from './api-objects.js'

/** How the API server calls a kind in its paths. */
export interface ApiResource {
  /** The first part of the path, `/apis/apps/v1`. */
  readonly base: string
  /** The plural, `deployments`. */
  readonly name: string
  readonly namespaced: boolean
}

/** Knows the resources of the API server, each group version asked for once, and again when a kind is unknown. */
export class ApiDiscovery {
  readonly #connection: ApiConnection
  readonly #known = new Map<string, Promise<ReadonlyMap<string, ApiResource>>>()

  constructor(connection: ApiConnection) {
    this.#connection = connection
  }

  /** @throws ApiError when the group version is not served; Error when it has no such kind */
  async resource(apiVersion: string, kind: string): Promise<ApiResource> {
    const before = this.#known.get(apiVersion)
    const found = (await before?.catch(() => null))?.get(kind) ?? (await this.#fresh(apiVersion)).get(kind)
    if (found === undefined) throw new Error(`the API server has no ${kind} in ${apiVersion}`)
    return found
  }

  #fresh(apiVersion: string): Promise<ReadonlyMap<string, ApiResource>> {
    const asked = this.#ask(apiVersion)
    this.#known.set(apiVersion, asked)
    return asked
  }

  async #ask(apiVersion: string): Promise<ReadonlyMap<string, ApiResource>> {
    const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    const response = await this.#connection.request('GET', base)
    if (response.status !== 200) throw new ApiError(`GET ${base}`, response)
    const resources = member(response.body, 'resources') as { name: string; kind: string; namespaced: boolean }[]
    return new Map(
      resources
        // The others are subresources: `deployments/scale` has the kind Scale.
        .filter(({ name }) => !name.includes('/'))
        .map(({ name, kind, namespaced }) => [kind, { base, name, namespaced }]),
    )
  }
}
