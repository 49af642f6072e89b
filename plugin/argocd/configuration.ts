import { isAbsolute } from 'node:path'
import { GateError } from '../../src/errors.js'
import { Fields, problemsText, type Problem } from '../../src/fields.js'
import { readFileBytes } from '../../src/io/files.js'
import { isJsonObject, NumberText, type Json } from '../../src/json.js'
import { decodeUtf8, readManifests } from '../../src/manifest.js'

/** The mounted configuration of `lockkeeper generate`: what the operator of the gate decides, and no Application. */
export interface GenerateConfiguration {
  /** Absent: the built-in bundle. */
  readonly bundle?: { readonly path: string; readonly allowUnsigned: boolean }
  /** Whom live objects are asked of and records are sent to; absent: nobody. */
  readonly controller?: {
    readonly url: string
    readonly caFile: string
    readonly tokenFile: string
    readonly timeoutMs: number
  }
  /** Absent: objects get no receipts. */
  readonly keys?: {
    readonly directory: string
    /** The keys of further destination clusters by the projects that deploy to them, the first that fits. */
    readonly destinations: readonly { readonly projects: readonly string[]; readonly directory: string }[]
  }
  /** Where records wait for the controller; absent: none are made. */
  readonly records?: { readonly spoolDirectory: string }
  /** Other renderers: argument lists by the name that the parameter `tool` has. */
  readonly renderers: Readonly<Record<string, readonly string[]>>
  readonly binaries: { readonly helm?: string; readonly kustomize?: string }
  readonly kustomizeBuildOptions: readonly string[]
  readonly failOnWarn: boolean
  readonly limits: Limits
  /** Where argocd-cmp-server puts its copies of repositories; absent: where it puts them by itself. */
  readonly workDirectory?: string
}

/** What one render may take. */
export interface Limits {
  /** From the start to the answer, waiting included. */
  readonly timeoutMs: number
  readonly maxRenderedBytes: number
  /** How many renders may run at once on this machine. */
  readonly concurrency: number
  /** Where they agree about that. */
  readonly slotsDirectory?: string
}

const MIB = 1024 * 1024

/** What holds where nothing is mounted. */
export const DEFAULT_CONFIGURATION: GenerateConfiguration = {
  renderers: {},
  binaries: {},
  kustomizeBuildOptions: [],
  failOnWarn: false,
  // repo-server gives up after 60 seconds, and would say less about it.
  limits: { timeoutMs: 45_000, maxRenderedBytes: 64 * MIB, concurrency: 4 },
}

const MAX_CONFIGURATION_BYTES = MIB
const MAX_TIMEOUT_SECONDS = 600
const MAX_RENDERED_MIB = 512
const MAX_CONCURRENCY = 256
const CONTROLLER_TIMEOUT_SECONDS = 5
const BUILT_IN_TOOLS = ['auto', 'helm', 'kustomize', 'directory']

/**
 * Reads the mounted configuration.
 *
 * @param path absent: nothing is mounted
 * @throws GateError CONFIG_INVALID with every mistake, FILE_UNREADABLE
 */
export async function loadConfiguration(path: string | undefined): Promise<GenerateConfiguration> {
  if (path === undefined) return DEFAULT_CONFIGURATION
  const text = decodeUtf8(await readFileBytes(path, MAX_CONFIGURATION_BYTES), path)
  const problems: Problem[] = []
  const configuration = readConfiguration(documentOf(text, path), problems)
  if (problems.length > 0) throw new GateError('CONFIG_INVALID', `${path} has mistakes:\n${problemsText(problems)}`)
  return configuration
}

function documentOf(text: string, path: string): Json {
  const documents = [...readManifests(text, path)]
  const [first] = documents
  if (first instanceof GateError) throw new GateError('CONFIG_INVALID', first.message, { cause: first })
  if (first === undefined || documents.length > 1) {
    throw new GateError('CONFIG_INVALID', `${path} must hold one document, has ${documents.length}`)
  }
  return first.object
}

/** Reads the configuration's document; every mistake is added to `problems`. */
export function readConfiguration(value: Json, problems: Problem[]): GenerateConfiguration {
  const root = new Fields(value, '', problems)
  root.literal('apiVersion', 'lockkeeper.dev/v1alpha1')
  root.literal('kind', 'GenerateConfiguration')
  root.raw('metadata')
  const bundle = root.optionalFields('bundle')
  const controller = root.optionalFields('controller')
  const keys = root.optionalFields('keys')
  const records = root.optionalFields('records')
  if (records !== undefined && controller === undefined) {
    root.problem('records', 'are sent to the controller, which is not named')
  }
  const workDirectory = absolutePath(root, 'workDirectory')
  const configuration: GenerateConfiguration = {
    ...(bundle === undefined ? {} : { bundle: readBundle(bundle) }),
    ...(controller === undefined ? {} : { controller: readController(controller) }),
    ...(keys === undefined ? {} : { keys: readKeys(keys, problems) }),
    ...(records === undefined ? {} : { records: readRecords(records) }),
    renderers: readRenderers(root.optionalFields('renderers')),
    binaries: readBinaries(root.optionalFields('binaries')),
    kustomizeBuildOptions: root.optionalStrings('kustomizeBuildOptions') ?? [],
    failOnWarn: root.optionalBoolean('failOnWarn') ?? DEFAULT_CONFIGURATION.failOnWarn,
    limits: readLimits(root.optionalFields('limits')),
    ...(workDirectory === undefined ? {} : { workDirectory }),
  }
  root.refuseUnknown()
  return configuration
}

function absolutePath(fields: Fields, key: string): string | undefined {
  const path = fields.optionalString(key)
  if (path === undefined || isAbsolute(path)) return path
  fields.problem(key, `must be an absolute path, is "${path}"`)
  return undefined
}

function neededPath(fields: Fields, key: string): string {
  const path = absolutePath(fields, key)
  if (path === undefined && fields.raw(key) === undefined) fields.problem(key, 'is required')
  return path ?? ''
}

function wholeNumber(fields: Fields | undefined, key: string, max: number): number | undefined {
  const value = fields?.raw(key)
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value
  const shown = value instanceof NumberText ? value.text : isJsonObject(value) ? 'a mapping' : JSON.stringify(value)
  fields?.problem(key, `must be a whole number from 1 to ${max}, is ${shown}`)
  return undefined
}

function readBundle(fields: Fields): NonNullable<GenerateConfiguration['bundle']> {
  const bundle = {
    path: neededPath(fields, 'path'),
    allowUnsigned: fields.optionalBoolean('insecureUnsigned') ?? false,
  }
  fields.refuseUnknown()
  return bundle
}

function readController(fields: Fields): NonNullable<GenerateConfiguration['controller']> {
  const url = fields.string('url') ?? ''
  if (url !== '' && !isHttps(url)) fields.problem('url', `must be an https address, is "${url}"`)
  const controller = {
    url,
    caFile: neededPath(fields, 'caFile'),
    tokenFile: neededPath(fields, 'tokenFile'),
    timeoutMs: (wholeNumber(fields, 'timeoutSeconds', MAX_TIMEOUT_SECONDS) ?? CONTROLLER_TIMEOUT_SECONDS) * 1000,
  }
  fields.refuseUnknown()
  return controller
}

function isHttps(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, username, password } = new URL(url)
  return protocol === 'https:' && username === '' && password === ''
}

function readKeys(fields: Fields, problems: Problem[]): NonNullable<GenerateConfiguration['keys']> {
  const directory = neededPath(fields, 'directory')
  const destinations = fields.optionalList('destinations', (value, path) => {
    const destination = new Fields(value, path, problems)
    const projects = destination.strings('projects')
    const own = neededPath(destination, 'directory')
    destination.refuseUnknown()
    return projects === undefined ? undefined : { projects, directory: own }
  })
  fields.refuseUnknown()
  return { directory, destinations: destinations ?? [] }
}

function readRecords(fields: Fields): NonNullable<GenerateConfiguration['records']> {
  const records = { spoolDirectory: neededPath(fields, 'spoolDirectory') }
  fields.refuseUnknown()
  return records
}

function readRenderers(fields: Fields | undefined): GenerateConfiguration['renderers'] {
  const renderers: Record<string, readonly string[]> = {}
  for (const name of fields?.keys() ?? []) {
    const renderer = fields?.optionalFields(name)
    const command = renderer?.strings('command')
    renderer?.refuseUnknown()
    if (BUILT_IN_TOOLS.includes(name)) fields?.problem(name, 'is the name of a built-in tool')
    else if (!/^[a-z0-9]([-a-z0-9]{0,62})$/.test(name))
      fields?.problem(name, 'must be a name of small letters, digits and dashes')
    if (command === undefined) continue
    if (command[0] === undefined || command[0] === '') renderer?.problem('command', 'must name a program')
    renderers[name] = command
  }
  return renderers
}

function readBinaries(fields: Fields | undefined): GenerateConfiguration['binaries'] {
  if (fields === undefined) return {}
  const [helm, kustomize] = [absolutePath(fields, 'helm'), absolutePath(fields, 'kustomize')]
  fields.refuseUnknown()
  return { ...(helm === undefined ? {} : { helm }), ...(kustomize === undefined ? {} : { kustomize }) }
}

function readLimits(fields: Fields | undefined): Limits {
  const defaults = DEFAULT_CONFIGURATION.limits
  const timeoutSeconds = wholeNumber(fields, 'timeoutSeconds', MAX_TIMEOUT_SECONDS)
  const renderedMib = wholeNumber(fields, 'maxRenderedMiB', MAX_RENDERED_MIB)
  const slotsDirectory = fields === undefined ? undefined : absolutePath(fields, 'slotsDirectory')
  const limits: Limits = {
    timeoutMs: timeoutSeconds === undefined ? defaults.timeoutMs : timeoutSeconds * 1000,
    maxRenderedBytes: renderedMib === undefined ? defaults.maxRenderedBytes : renderedMib * MIB,
    concurrency: wholeNumber(fields, 'concurrency', MAX_CONCURRENCY) ?? defaults.concurrency,
    ...(slotsDirectory === undefined ? {} : { slotsDirectory }),
  }
  fields?.refuseUnknown()
  return limits
}

/** What an Application asks for on top: stricter is taken, looser is a problem. */
export function tightened(
  configuration: GenerateConfiguration,
  wanted: { readonly failOnWarn?: boolean; readonly timeoutSeconds?: number },
  problems: Problem[],
): GenerateConfiguration {
  const { failOnWarn, limits } = configuration
  const timeoutMs = (wanted.timeoutSeconds ?? Infinity) * 1000
  const looser = (name: string): void => {
    const message = 'is looser than the mounted configuration: an Application may only ask for more'
    problems.push({ path: `ARGOCD_ENV_LOCKKEEPER_${name}`, message })
  }
  if (wanted.failOnWarn === false && failOnWarn) looser('FAIL_ON_WARN')
  if (wanted.timeoutSeconds !== undefined && timeoutMs > limits.timeoutMs) looser('TIMEOUT_SECONDS')
  return {
    ...configuration,
    failOnWarn: failOnWarn || wanted.failOnWarn === true,
    limits: { ...limits, timeoutMs: Math.min(limits.timeoutMs, timeoutMs) },
  }
}
