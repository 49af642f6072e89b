import { GateError } from '../../../src/errors.js'
import { Fields, problemsText, type Problem } from '../../../src/fields.js'
import { isJsonObject, type Json, type JsonObject } from '../../../src/json.js'

/** What a Kustomization says of how its source becomes objects, and as whom they are applied. */
export interface KustomizationSpec {
  readonly namespace: string
  readonly name: string
  /** Inside of the artifact; '' is its root. */
  readonly path: string
  readonly namePrefix: string
  readonly nameSuffix: string
  readonly targetNamespace: string
  readonly images: readonly ImageChange[]
  readonly patches: readonly Patch[]
  readonly components: readonly string[]
  readonly ignoreMissingComponents: boolean
  readonly buildMetadata: readonly string[]
  readonly commonLabels: Readonly<Record<string, string>>
  readonly commonAnnotations: Readonly<Record<string, string>>
  /** null: no variables are substituted. */
  readonly postBuild: PostBuild | null
  readonly prune: boolean
  readonly serviceAccountName: string
  /** What is applied is applied to another cluster. */
  readonly isRemote: boolean
  /** Values encrypted with SOPS are decrypted before they are applied. */
  readonly isDecrypted: boolean
}

/** What an image becomes; '' leaves a part as it is. */
export interface ImageChange {
  readonly name: string
  readonly newName: string
  readonly newTag: string
  readonly digest: string
}

/** A patch as a text, and which objects it is for. */
export interface Patch {
  readonly patch: string
  readonly target: Readonly<Record<string, string>> | null
}

/** Which variables are substituted. */
export interface PostBuild {
  /** Also where there are no variables. */
  readonly always: boolean
  readonly substitute: Readonly<Record<string, string>>
  readonly substituteFrom: readonly SubstituteFrom[]
}

/** A ConfigMap or Secret in the Kustomization's namespace. */
export interface SubstituteFrom {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly name: string
  readonly optional: boolean
}

const API_VERSIONS = ['kustomize.toolkit.fluxcd.io/v1', 'kustomize.toolkit.fluxcd.io/v1beta2'] as const

const SELECTOR_FIELDS = [
  'group',
  'version',
  'kind',
  'name',
  'namespace',
  'labelSelector',
  'annotationSelector',
] as const

/** What says when something is applied and waited for, and nothing of what; the API server has checked it. */
const FIELDS_OF_TIME = [
  'dependsOn',
  'deletionPolicy',
  'force',
  'healthCheckExprs',
  'healthChecks',
  'interval',
  'retryInterval',
  'suspend',
  'timeout',
  'wait',
] as const

/**
 * Reads a Kustomization of Flux, as the API server has it or as it stands in a file. A field that is not known may change
 * what is applied, so it is a problem.
 *
 * @throws GateError MANIFEST_INVALID with all problems
 * @see kustomize-controller 1.9, api/v1/kustomization_types.go
 */
export function readKustomizationSpec(object: JsonObject): KustomizationSpec {
  const problems: Problem[] = []
  const root = new Fields(object, '', problems)
  root.oneOf('apiVersion', API_VERSIONS)
  root.literal('kind', 'Kustomization')
  const metadata = new Fields(object.metadata, 'metadata', problems)
  const name = metadata.string('name') ?? ''
  const namespace = metadata.optionalString('namespace') ?? 'default'
  const fields = new Fields(object.spec, 'spec', problems)
  for (const field of FIELDS_OF_TIME) fields.raw(field)
  const sourceRef = new Fields(fields.raw('sourceRef'), 'spec.sourceRef', problems)
  sourceRef.string('kind')
  sourceRef.string('name')
  const common = fields.optionalFields('commonMetadata')
  const spec: KustomizationSpec = {
    namespace,
    name,
    path: fields.optionalString('path') ?? '',
    namePrefix: fields.optionalString('namePrefix') ?? '',
    nameSuffix: fields.optionalString('nameSuffix') ?? '',
    targetNamespace: fields.optionalString('targetNamespace') ?? '',
    images: list(fields, 'images', problems, readImage),
    patches: list(fields, 'patches', problems, readPatch),
    components: fields.optionalStrings('components') ?? [],
    ignoreMissingComponents: fields.optionalBoolean('ignoreMissingComponents') ?? false,
    buildMetadata: fields.optionalStrings('buildMetadata') ?? [],
    commonLabels: texts(common, 'labels'),
    commonAnnotations: texts(common, 'annotations'),
    postBuild: readPostBuild(fields, problems),
    prune: fields.optionalBoolean('prune') ?? false,
    serviceAccountName: fields.optionalString('serviceAccountName') ?? '',
    isRemote: fields.optionalObject('kubeConfig') !== undefined,
    isDecrypted: fields.optionalObject('decryption') !== undefined,
  }
  common?.refuseUnknown()
  readIgnore(fields, problems)
  fields.refuseUnknown()
  if (problems.length === 0) return spec
  const what = `Kustomization ${namespace}/${name === '' ? '(without a name)' : name}`
  throw new GateError('MANIFEST_INVALID', `${what} cannot be built:\n${problemsText(problems)}`)
}

function readImage(fields: Fields): ImageChange {
  return {
    name: fields.string('name') ?? '',
    newName: fields.optionalString('newName') ?? '',
    newTag: fields.optionalString('newTag') ?? '',
    digest: fields.optionalString('digest') ?? '',
  }
}

function readPatch(fields: Fields): Patch {
  const patch = fields.string('patch') ?? ''
  const selector = fields.optionalFields('target')
  if (selector === undefined) return { patch, target: null }
  const target = SELECTOR_FIELDS.flatMap(key => {
    const value = selector.optionalString(key)
    return value === undefined || value === '' ? [] : [[key, value] as const]
  })
  selector.refuseUnknown()
  return { patch, target: Object.fromEntries(target) }
}

function readPostBuild(spec: Fields, problems: Problem[]): PostBuild | null {
  const fields = spec.optionalFields('postBuild')
  if (fields === undefined) return null
  const strategy = fields.optionalOneOf('substituteStrategy', ['WithVariables', 'Always'])
  const postBuild = {
    always: strategy === 'Always',
    substitute: texts(fields, 'substitute'),
    substituteFrom: list(fields, 'substituteFrom', problems, readReference),
  }
  fields.refuseUnknown()
  return postBuild
}

function readReference(fields: Fields): SubstituteFrom {
  return {
    kind: fields.oneOf('kind', ['ConfigMap', 'Secret']) ?? 'ConfigMap',
    name: fields.string('name') ?? '',
    optional: fields.optionalBoolean('optional') ?? false,
  }
}

/** Rules about drift: an ignored field is applied where there is no object yet, and left as it is afterwards. */
function readIgnore(spec: Fields, problems: Problem[]): void {
  list(spec, 'ignore', problems, fields => {
    fields.strings('paths')
    fields.optionalObject('target')
  })
}

function list<T>(fields: Fields, key: string, problems: Problem[], read: (item: Fields) => T): readonly T[] {
  const found = fields.optionalList(key, (value, path) => {
    const item = new Fields(value, path, problems)
    const result = [read(item)]
    if (isJsonObject(value)) item.refuseUnknown()
    return result
  })
  return (found?.flat() as readonly T[] | undefined) ?? []
}

/** A mapping of names to texts, as labels are. */
function texts(fields: Fields | undefined, key: string): Readonly<Record<string, string>> {
  const found: [string, string][] = []
  for (const [name, value] of Object.entries<Json>(fields?.optionalObject(key) ?? {})) {
    if (typeof value === 'string') found.push([name, value])
    else fields?.problem(`${key}.${name}`, 'must be a string')
  }
  return Object.fromEntries(found)
}
