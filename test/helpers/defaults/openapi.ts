import type { ApiClient } from '../testbed/api.js'

/** What a member holds. */
export type Shape =
  | { readonly form: 'list'; readonly of: Shape }
  | { readonly form: 'map'; readonly of: Shape }
  | { readonly form: 'struct'; readonly type: string }
  | { readonly form: 'scalar'; readonly scalar: Scalar; readonly values: readonly string[] }

/** The scalars of the API; `Raw` is JSON that the server passes through. */
export type Scalar =
  'boolean' | 'integer' | 'number' | 'string' | 'Bytes' | 'Time' | 'MicroTime' | 'Quantity' | 'IntOrString' | 'Raw'

/** A kind that the API server creates. */
export interface ServedKind {
  readonly apiVersion: string
  readonly kind: string
  /** The type of its objects. */
  readonly type: string
  /** Where its objects are created; namespaced ones go into `default`. */
  readonly path: string
}

/** The types of an API and their members, by the names of the OpenAPI document. */
export interface ServedTypes {
  readonly kinds: readonly ServedKind[]
  readonly types: ReadonlyMap<string, ReadonlyMap<string, Shape>>
}

/** Schemas that are one value in Go, whatever the document says of their inside. */
const SCALARS: Readonly<Record<string, Scalar>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'Quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'IntOrString',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'Time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'MicroTime',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'Raw',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'Raw',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'Raw',
}

const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.'
/** A schema, or something simpler in its place. */
const SCHEMA_OR_ELSE = /^JSONSchemaPropsOr(?:Array|Bool|StringArray)$/

interface Property {
  readonly $ref?: string
  readonly allOf?: readonly Property[]
  readonly type?: string
  readonly format?: string
  readonly enum?: readonly string[]
  readonly items?: Property
  readonly additionalProperties?: Property
}

interface Index {
  readonly paths: Readonly<Record<string, { serverRelativeURL: string }>>
}

interface Document {
  readonly paths?: Readonly<Record<string, { get?: object; post?: Operation }>>
  readonly components?: {
    readonly schemas?: Readonly<Record<string, { properties?: Record<string, Property> } & GroupVersionKinds>>
  }
}

interface Operation {
  readonly 'x-kubernetes-group-version-kind'?: GroupVersionKind
}

interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

interface GroupVersionKinds {
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[]
}

/** Reads the OpenAPI documents of all groups: the kinds that can be both created and listed, and the types of their members. */
export async function readServedTypes(admin: ApiClient): Promise<ServedTypes> {
  const index = JSON.parse((await admin.request('GET', '/openapi/v3')).text) as Index
  const groups = Object.entries(index.paths)
    .filter(([path]) => /^apis?\/.*v\d/.test(path))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const types = new Map<string, ReadonlyMap<string, Shape>>()
  const kinds: ServedKind[] = []
  for (const [, { serverRelativeURL }] of groups) {
    const document = JSON.parse((await admin.request('GET', serverRelativeURL)).text) as Document
    const schemas = Object.entries(document.components?.schemas ?? {})
    for (const [name, { properties = {} }] of schemas) types.set(name, membersOf(properties))
    kinds.push(...kindsOf(document))
  }
  return { kinds: kinds.sort((a, b) => (kindKey(a) < kindKey(b) ? -1 : 1)), types }
}

/** `<apiVersion>/<kind>` */
export function kindKey({ apiVersion, kind }: ServedKind): string {
  return `${apiVersion}/${kind}`
}

/** The type inside lists and maps, when it is one with members. */
export function structOf(shape: Shape): string | null {
  if (shape.form === 'struct') return shape.type
  return shape.form === 'scalar' ? null : structOf(shape.of)
}

function kindsOf(document: Document): ServedKind[] {
  const typeNames = new Map<string, string>()
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) {
    for (const each of schema['x-kubernetes-group-version-kind'] ?? []) typeNames.set(JSON.stringify(each), name)
  }
  return Object.entries(document.paths ?? {}).flatMap(([path, { get, post }]) => {
    const gvk = post?.['x-kubernetes-group-version-kind']
    // Reviews, bindings and tokens are answered, not kept: they cannot be listed.
    if (gvk === undefined || get === undefined || path.includes('{name}')) return []
    const { group, version, kind } = gvk
    const type = typeNames.get(JSON.stringify({ group, kind, version })) ?? typeNames.get(JSON.stringify(gvk))
    if (type === undefined) throw new Error(`the OpenAPI document has no schema for ${kind}`)
    const apiVersion = group === '' ? version : `${group}/${version}`
    return [{ apiVersion, kind, type, path: path.replace('{namespace}', 'default') }]
  })
}

function membersOf(properties: Readonly<Record<string, Property>>): ReadonlyMap<string, Shape> {
  return new Map(
    Object.keys(properties)
      .sort()
      .map(name => [name, shapeOf(properties[name] ?? {})]),
  )
}

function shapeOf(property: Property): Shape {
  const reference = property.$ref ?? property.allOf?.[0]?.$ref
  if (reference !== undefined) return referencedShape(reference.slice('#/components/schemas/'.length))
  const { type, format, items, additionalProperties } = property
  if (type === 'array' && items !== undefined) return { form: 'list', of: shapeOf(items) }
  if (additionalProperties !== undefined) return { form: 'map', of: shapeOf(additionalProperties) }
  const values = property.enum ?? []
  if (type === 'boolean' || type === 'integer' || type === 'number') return { form: 'scalar', scalar: type, values }
  if (type === 'string') return { form: 'scalar', scalar: format === 'byte' ? 'Bytes' : 'string', values }
  return { form: 'scalar', scalar: 'Raw', values: [] }
}

function referencedShape(name: string): Shape {
  const scalar = SCALARS[name]
  if (scalar !== undefined) return { form: 'scalar', scalar, values: [] }
  const isSchema = name.startsWith(EXTENSIONS) && SCHEMA_OR_ELSE.test(name.slice(EXTENSIONS.length))
  return { form: 'struct', type: isSchema ? `${EXTENSIONS}JSONSchemaProps` : name }
}
