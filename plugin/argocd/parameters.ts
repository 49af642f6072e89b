import { GateError, thrownText } from '../../src/errors.js'
import type { Problem } from '../../src/fields.js'
import { isJsonObject, parseJson, stringMembers, type Json, type JsonObject } from '../../src/json.js'
import type { RenderSource } from '../../src/io/render/source.js'
import { readYaml } from '../../src/yaml/yaml.js'
import type { ApplicationEnvironment } from './environment.js'
import {
  PARAMETER_LIST,
  PARAMETERS,
  type Parameter,
  type ParameterName,
  type ParameterValue,
} from './parameter-table.js'

const MAX_ENTRIES = 1_000
const MAX_PATCH = { maxDepth: 100, maxExpandedNodes: 20_000, maxExpandedCharacters: 1024 * 1024 }
const VALUE_KEYS = ['string', 'array', 'map'] as const

/** What an Application set, by the name of the parameter. */
export class ParameterSet {
  readonly #values: ReadonlyMap<ParameterName, ParameterValue>
  readonly #problems: Problem[]

  constructor(values: ReadonlyMap<ParameterName, ParameterValue>, problems: Problem[]) {
    this.#values = values
    this.#problems = problems
  }

  text(name: ParameterName): string | undefined {
    const value = this.#values.get(name)
    return typeof value === 'string' && value !== '' ? value : undefined
  }

  flag(name: ParameterName): boolean {
    return this.text(name) === 'true'
  }

  list(name: ParameterName): readonly string[] {
    const value = this.#values.get(name)
    return Array.isArray(value) ? (value as readonly string[]) : []
  }

  map(name: ParameterName): Readonly<Record<string, string>> {
    const value = this.#values.get(name)
    return typeof value === 'object' && !Array.isArray(value) ? (value as Readonly<Record<string, string>>) : {}
  }

  /** Each text as the mapping that is written in it. */
  mappings(name: ParameterName): readonly JsonObject[] {
    return this.list(name).flatMap((text, index) => {
      const value = yamlValue(text)
      if (isJsonObject(value)) return [value]
      const problem = typeof value === 'string' ? value : 'is not a mapping'
      this.#problems.push({ path: `${name}[${index}]`, message: problem })
      return []
    })
  }

  /** A parameter of another tool would silently do nothing. */
  refuseOthers(tool: string): void {
    for (const name of this.#values.keys()) {
      const only = PARAMETERS[name].tool
      if (only !== null && only !== tool) {
        this.#problems.push({
          path: name,
          message: `means something to ${only} only, and ${tool} renders this directory`,
        })
      }
    }
  }
}

/** @returns the value, or what is wrong as a text */
function yamlValue(text: string): Json {
  try {
    const { value } = readYaml(text, 1, MAX_PATCH)
    return typeof value === 'string' ? 'is not a mapping' : value
  } catch (error) {
    return `cannot be read: ${thrownText(error)}`
  }
}

/**
 * Reads `ARGOCD_APP_PARAMETERS`. A name that is not in the table, a value of another type and a text that cannot be read are
 * problems; all of them are found.
 */
export function readParameters(text: string | undefined, problems: Problem[]): ParameterSet {
  const values = new Map<ParameterName, ParameterValue>()
  for (const [index, entry] of parseEntries(text, problems).entries()) readEntry(entry, index, values, problems)
  return new ParameterSet(values, problems)
}

function parseEntries(text: string | undefined, problems: Problem[]): readonly Json[] {
  const path = 'ARGOCD_APP_PARAMETERS'
  if (text === undefined) return []
  try {
    const value = parseJson(text, { maxDepth: 8 })
    // Go writes a list without entries as null.
    if (value === null) return []
    if (!Array.isArray(value)) problems.push({ path, message: 'must be a list' })
    else if (value.length > MAX_ENTRIES) problems.push({ path, message: `has more than ${MAX_ENTRIES} entries` })
    else return value
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    problems.push({ path, message: `is not JSON: ${error.message}` })
  }
  return []
}

function readEntry(entry: Json, index: number, values: Map<ParameterName, ParameterValue>, problems: Problem[]): void {
  const name = isJsonObject(entry) ? entry.name : undefined
  const problem = (message: string): void => {
    problems.push({ path: typeof name === 'string' ? shortened(name) : `parameters[${index}]`, message })
  }
  if (!isJsonObject(entry) || typeof name !== 'string') {
    problem('must be a mapping with a name')
    return
  }
  if (!isParameterName(name)) {
    problem(`is not known here${suggestion(name)}`)
    return
  }
  const { collectionType } = PARAMETERS[name]
  for (const key of Object.keys(entry)) {
    if (key !== 'name' && key !== collectionType) {
      const isOther = VALUE_KEYS.some(each => each === key)
      problem(
        isOther
          ? `must have a value of the type ${collectionType}, has one of the type ${key}`
          : `has a member ${shortened(key)}, which is not known here`,
      )
      return
    }
  }
  const value = readValue(entry[collectionType], PARAMETERS[name], problem)
  if (value === undefined) return
  if (values.has(name)) problem('is there twice')
  values.set(name, value)
}

function readValue(
  value: Json | undefined,
  parameter: Parameter,
  problem: (message: string) => void,
): ParameterValue | undefined {
  const { collectionType, itemType } = parameter
  const check = (item: string, where: string): void => {
    if (item.includes('\0')) problem(`${where}has a zero byte in it`)
    if (itemType === 'boolean' && !['true', 'false', ''].includes(item)) problem(`${where}must be true or false`)
    if (itemType === 'number' && !/^(0|[1-9]\d{0,8})$/.test(item)) problem(`${where}must be a whole number`)
  }
  if (value === undefined || value === null) {
    return collectionType === 'string'
      ? (problem('has no value of the type string') as undefined)
      : collectionType === 'array'
        ? []
        : {}
  }
  if (collectionType === 'string') {
    if (typeof value !== 'string') return problem('must be a string') as undefined
    check(value, '')
    return value
  }
  if (collectionType === 'array') {
    if (!Array.isArray(value)) return problem('must be an array') as undefined
    if (!value.every(item => typeof item === 'string')) return problem('must be an array of strings') as undefined
    if (value.length > MAX_ENTRIES) problem(`has more than ${MAX_ENTRIES} items`)
    for (const [index, item] of value.entries()) check(item, `item ${index} `)
    return value
  }
  if (!isJsonObject(value)) return problem('must be a map') as undefined
  const members = stringMembers(value)
  if (Object.keys(members).length !== Object.keys(value).length) return problem('must be a map of strings') as undefined
  if (Object.keys(members).length > MAX_ENTRIES) problem(`has more than ${MAX_ENTRIES} entries`)
  for (const [key, item] of Object.entries(members)) check(item, `${shortened(key)} `)
  return members
}

function isParameterName(name: string): name is ParameterName {
  return Object.hasOwn(PARAMETERS, name)
}

function shortened(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name
}

/** The parameter that was most likely meant: the same letters, but for dashes, underscores and capitals. */
function suggestion(name: string): string {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z]/g, '')
  const meant = PARAMETER_LIST.find(([each]) => plain(each) === plain(name))
  return meant === undefined ? '' : `: is ${meant[0]} meant?`
}

/** What the operator of the gate adds to what Applications say. */
export interface SourceDefaults {
  /** Other renderers by the name that `tool` has; argument lists. */
  readonly commands: Readonly<Record<string, readonly string[]>>
  readonly kustomizeBuildOptions: readonly string[]
}

/**
 * Makes of an Application's parameters what its directory is rendered with.
 *
 * @param detected the tool that fits the directory, for `tool: auto`
 */
export function renderSourceOf(
  parameters: ParameterSet,
  application: ApplicationEnvironment,
  detected: 'helm' | 'kustomize' | 'directory',
  { commands, kustomizeBuildOptions }: SourceDefaults,
  problems: Problem[],
): RenderSource {
  const named = parameters.text('tool') ?? 'auto'
  const command = Object.hasOwn(commands, named) ? commands[named] : undefined
  if (command !== undefined) {
    parameters.refuseOthers(named)
    return { tool: 'command', command }
  }
  if (!['auto', 'helm', 'kustomize', 'directory'].includes(named)) {
    const known = ['auto', 'helm', 'kustomize', 'directory', ...Object.keys(commands)].join(', ')
    problems.push({ path: 'tool', message: `must be one of ${known}, is ${shortened(named)}` })
  }
  const tool = named === 'helm' || named === 'kustomize' || named === 'directory' ? named : detected
  parameters.refuseOthers(tool)
  if (tool === 'helm') return helmSource(parameters, application)
  if (tool === 'kustomize') return kustomizeSource(parameters, application, kustomizeBuildOptions)
  return {
    tool,
    recurse: parameters.flag('directory-recurse'),
    include: parameters.text('directory-include') ?? '',
    exclude: parameters.text('directory-exclude') ?? '',
  }
}

function versions(parameters: ParameterSet, application: ApplicationEnvironment) {
  const kubeVersion = parameters.text('kube-version') ?? application.kubeVersion
  const named = parameters.list('api-versions')
  return {
    ...(kubeVersion === undefined ? {} : { kubeVersion }),
    apiVersions: named.length > 0 ? named : application.apiVersions,
  }
}

function helmSource(parameters: ParameterSet, application: ApplicationEnvironment): RenderSource {
  const values = parameters.text('helm-values')
  const set = (name: ParameterName, forceString: boolean) =>
    Object.entries(parameters.map(name)).map(([key, value]) => ({ name: key, value, forceString }))
  return {
    tool: 'helm',
    releaseName: parameters.text('helm-release-name') ?? application.application.name,
    namespace: parameters.text('helm-namespace') ?? application.destinationNamespace,
    ...versions(parameters, application),
    valueFiles: parameters.list('helm-value-files'),
    ignoreMissingValueFiles: parameters.flag('helm-ignore-missing-value-files'),
    ...(values === undefined ? {} : { values }),
    parameters: [...set('helm-parameters', false), ...set('helm-string-parameters', true)],
    fileParameters: Object.entries(parameters.map('helm-file-parameters')).map(([name, path]) => ({ name, path })),
    skipCrds: parameters.flag('helm-skip-crds'),
    skipTests: parameters.flag('helm-skip-tests'),
    skipSchemaValidation: parameters.flag('helm-skip-schema-validation'),
  }
}

function kustomizeSource(
  parameters: ParameterSet,
  application: ApplicationEnvironment,
  buildOptions: readonly string[],
): RenderSource {
  const optional = (key: 'namePrefix' | 'nameSuffix' | 'namespace', name: ParameterName) => {
    const value = parameters.text(name)
    return value === undefined ? {} : { [key]: value }
  }
  return {
    tool: 'kustomize',
    ...optional('namePrefix', 'kustomize-name-prefix'),
    ...optional('nameSuffix', 'kustomize-name-suffix'),
    ...optional('namespace', 'kustomize-namespace'),
    images: parameters.list('kustomize-images'),
    replicas: Object.entries(parameters.map('kustomize-replicas')).map(([name, count]) => ({
      name,
      count: Number(count),
    })),
    commonLabels: parameters.map('kustomize-common-labels'),
    commonAnnotations: parameters.map('kustomize-common-annotations'),
    commonAnnotationsEnvsubst: parameters.flag('kustomize-common-annotations-envsubst'),
    forceCommonLabels: parameters.flag('kustomize-force-common-labels'),
    forceCommonAnnotations: parameters.flag('kustomize-force-common-annotations'),
    labelWithoutSelector: parameters.flag('kustomize-label-without-selector'),
    labelIncludeTemplates: parameters.flag('kustomize-label-include-templates'),
    components: parameters.list('kustomize-components'),
    ignoreMissingComponents: parameters.flag('kustomize-ignore-missing-components'),
    patches: parameters.mappings('kustomize-patches'),
    buildOptions,
    ...versions(parameters, application),
  }
}
