/** An object as a client sends it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata?: {
    readonly name?: string
    readonly generateName?: string
    readonly namespace?: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** An object as the API server answers. Parsed with JSON.parse: numbers beyond 2^53 are in the response's text only. */
export interface ApiObject extends Manifest {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly resourceVersion: string
    readonly generation?: number
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly [field: string]: unknown
  }
}

/** Which object; without a namespace, one of a namespaced kind is looked for in `default`. */
export interface ObjectReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string
}

/** The objects of one kind: in one namespace, or in all. */
export interface CollectionReference {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
}

/** Reads a member by its path; undefined where the path ends early. */
export function member(value: unknown, ...path: readonly (string | number)[]): unknown {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Record<string | number, unknown>)[key]
  }
  return found
}

/** The reference to the object a manifest describes. */
export function referenceTo(target: Manifest | ObjectReference): ObjectReference {
  const { apiVersion, kind } = target
  if (typeof target.name === 'string') return target as ObjectReference
  const { name, namespace } = (target as Manifest).metadata ?? {}
  if (name === undefined) throw new Error(`this ${kind} has no name`)
  return { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) }
}
