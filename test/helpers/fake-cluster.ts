import {
  type ClusterClient,
  ClusterError,
  type ClusterObject,
  type Collection,
  type WatchEvent,
} from '../../src/io/cluster/cluster-client.js'
import { namesOf } from '../../src/io/cluster/object-names.js'
import { isJsonObject, type Json, type JsonObject, parseJson, stringifyJson } from '../../src/json.js'

interface Change {
  readonly version: number
  readonly group: string
  readonly resource: string
  readonly event: WatchEvent
}

/** Objects in memory with the manners of an API server: resourceVersions, conflicts, watches that forget. */
export class FakeCluster {
  readonly #objects = new Map<string, { readonly group: string; readonly resource: string; object: ClusterObject }>()
  readonly #changes: Change[] = []
  #version = 0
  #forgotten = 0
  /** How often it has forgotten. */
  #lapses = 0
  #sleepers: (() => void)[] = []
  /** What was asked: `list apps/deployments`, `create /configmaps shop/web`. */
  readonly asked: string[] = []
  /** What is no object, by path. */
  readonly documents: Record<string, string> = {}
  /** Throws what a call is to fail with. */
  refuse: (asked: string) => void = () => undefined

  /** Puts an object there, as somebody else does. */
  put(collection: Collection, object: JsonObject): ClusterObject {
    const { namespace, name, uid } = namesOf(object)
    const key = keyOf(collection, namespace, name)
    const known = this.#objects.get(key)
    this.#version += 1
    const metadata = {
      ...(isJsonObject(object.metadata) ? object.metadata : {}),
      uid: uid === '' ? (known === undefined ? `uid-${this.#version}` : namesOf(known.object).uid) : uid,
      resourceVersion: String(this.#version),
    }
    const stored = parseJson(stringifyJson({ ...object, metadata })) as ClusterObject
    const { group, resource } = collection
    this.#objects.set(key, { group, resource, object: stored })
    this.#tell(collection, { type: known === undefined ? 'ADDED' : 'MODIFIED', object: stored })
    return stored
  }

  remove(collection: Collection, namespace: string, name: string): void {
    const key = keyOf(collection, namespace, name)
    const known = this.#objects.get(key)
    if (known === undefined) throw new ClusterError('not found', { status: 404, reason: 'NotFound' })
    this.#objects.delete(key)
    this.#version += 1
    const metadata = isJsonObject(known.object.metadata) ? known.object.metadata : {}
    const object = { ...known.object, metadata: { ...metadata, resourceVersion: String(this.#version) } }
    this.#tell(collection, { type: 'DELETED', object })
  }

  find(collection: Collection, namespace: string, name: string): ClusterObject | null {
    return this.#objects.get(keyOf(collection, namespace, name))?.object ?? null
  }

  /** Watches that begin before now are told so, and those that run end. */
  forget(): void {
    this.#forgotten = this.#version
    this.#lapses += 1
    this.#wake()
  }

  readonly client: ClusterClient = {
    get: async (collection, name) => {
      const found = await this.client.find(collection, name)
      if (found === null) throw new ClusterError('not found', { status: 404, reason: 'NotFound' })
      return found
    },
    find: (collection, name) =>
      this.#ask('find', collection, name, () => this.find(collection, collection.namespace ?? '', name)),
    list: (collection, { limit = 1000, continueToken = '' } = {}) =>
      this.#ask('list', collection, '', () => {
        const all = [...this.#objects.values()].filter(
          each =>
            each.group === collection.group &&
            each.resource === collection.resource &&
            (collection.namespace === undefined || namesOf(each.object).namespace === collection.namespace),
        )
        const begin = Number(continueToken === '' ? 0 : continueToken)
        const isLast = begin + limit >= all.length
        return {
          items: all.slice(begin, begin + limit).map(({ object }) => object),
          resourceVersion: String(this.#version),
          continueToken: isLast ? '' : String(begin + limit),
          remainingItemCount: null,
        }
      }),
    create: (collection, object) =>
      this.#ask('create', collection, namesOf(object).name, () => {
        const { namespace, name } = namesOf(object)
        if (this.find(collection, namespace, name) !== null) {
          throw new ClusterError('it exists', { status: 409, reason: 'AlreadyExists' })
        }
        return this.put(collection, object)
      }),
    replace: (collection, name, object) =>
      this.#ask('replace', collection, name, () => {
        const { namespace, resourceVersion } = namesOf(object)
        const known = this.find(collection, namespace, name)
        if (known === null) throw new ClusterError('not found', { status: 404, reason: 'NotFound' })
        if (resourceVersion !== '' && namesOf(known).resourceVersion !== resourceVersion) {
          throw new ClusterError('conflict', { status: 409, reason: 'Conflict' })
        }
        return this.put(collection, object)
      }),
    patch: (collection, name, patch, { type }) =>
      this.#ask('patch', collection, name, () => {
        if (type !== 'merge') throw new Error(`nothing is patched by ${type} here`)
        const known = this.find(collection, collection.namespace ?? '', name)
        if (known === null) throw new ClusterError('not found', { status: 404, reason: 'NotFound' })
        return this.put(collection, merged(known, patch) as ClusterObject)
      }),
    delete: (collection, name) =>
      this.#ask('delete', collection, name, () => {
        this.remove(collection, collection.namespace ?? '', name)
      }),
    watch: (collection, options) => this.#watch(collection, Number(options.resourceVersion), options.signal),
    getText: path =>
      this.#ask('read', { group: '', version: '', resource: path }, '', () => this.documents[path] ?? '{}'),
    close: () => undefined,
  }

  #ask<T>(verb: string, collection: Collection, name: string, run: () => T): Promise<T> {
    const { group, resource, namespace } = collection
    const asked = [
      verb,
      `${group}/${resource}`,
      ...(name === '' && namespace === undefined ? [] : [`${namespace ?? ''}/${name}`]),
    ].join(' ')
    this.asked.push(asked)
    return new Promise(resolve => {
      this.refuse(asked)
      resolve(run())
    })
  }

  async *#watch(collection: Collection, from: number, signal: AbortSignal): AsyncGenerator<WatchEvent, void> {
    await this.#ask('watch', collection, '', () => undefined)
    let seen = from
    const lapses = this.#lapses
    if (seen < this.#forgotten) throw new ClusterError('too old', { status: 410, reason: 'Expired' })
    while (!signal.aborted && lapses === this.#lapses) {
      for (const { version, group, resource, event } of [...this.#changes]) {
        if (version <= seen || group !== collection.group || resource !== collection.resource) continue
        seen = version
        yield event
      }
      await new Promise<void>(resolve => {
        const wake = () => {
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.#sleepers.push(wake)
        signal.addEventListener('abort', wake)
      })
    }
  }

  #tell({ group, resource }: Collection, event: WatchEvent): void {
    this.#changes.push({ version: this.#version, group, resource, event })
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#sleepers.splice(0)) wake()
  }
}

function keyOf({ group, resource }: Collection, namespace: string, name: string): string {
  return [group, resource, namespace, name].join('|')
}

/** RFC 7386 */
function merged(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch
  const old = isJsonObject(target) ? target : {}
  const written = Object.entries(patch).flatMap(([key, value]) =>
    value === null ? [] : [[key, merged(old[key], value)] as const],
  )
  const kept = Object.entries(old).filter(([key]) => !(key in patch))
  return Object.fromEntries([...kept, ...written])
}
