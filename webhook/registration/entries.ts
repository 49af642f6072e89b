import { canonicalJson } from '../../src/canonical.js'
import { isJsonObject, type Json, type JsonObject } from '../../src/json.js'
import type { MatchCondition } from './conditions.js'
import type { Rule } from './rules.js'

/** One webhook of a configuration with every default written out, whoever wrote it. */
export interface Entry {
  readonly name: string
  readonly admissionReviewVersions: readonly string[]
  readonly sideEffects: string
  readonly failurePolicy: string
  readonly matchPolicy: string
  readonly timeoutSeconds: number
  /** `https://…`, or `service <namespace>/<name>:<port><path>` */
  readonly target: string
  /** PEM in base64 */
  readonly caBundle: string
  /** Canonical JSON; `{}` selects everything. */
  readonly namespaceSelector: string
  readonly objectSelector: string
  readonly rules: readonly (Rule & { readonly scope: string })[]
  readonly matchConditions: readonly MatchCondition[]
  /** Members that this version does not know, as `path=value`. */
  readonly unknown: readonly string[]
}

/** The members of each part that are read here. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  '': [
    'name',
    'admissionReviewVersions',
    'sideEffects',
    'failurePolicy',
    'matchPolicy',
    'timeoutSeconds',
    'clientConfig',
    'namespaceSelector',
    'objectSelector',
    'rules',
    'matchConditions',
  ],
  clientConfig: ['url', 'service', 'caBundle'],
  'clientConfig.service': ['namespace', 'name', 'path', 'port'],
  'rules[]': ['apiGroups', 'apiVersions', 'operations', 'resources', 'scope'],
  'matchConditions[]': ['name', 'expression'],
}

/** Reads the webhooks of a configuration, live or desired, in the order of their names, which means nothing to the API server. */
export function readEntries(configuration: JsonObject): readonly Entry[] {
  return objects(configuration.webhooks)
    .map(readEntry)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * The defaults are those of the API.
 *
 * @see k8s.io/kubernetes, pkg/apis/admissionregistration/v1/defaults.go
 */
function readEntry(webhook: JsonObject): Entry {
  const client = object(webhook.clientConfig)
  return {
    name: text(webhook.name),
    admissionReviewVersions: texts(webhook.admissionReviewVersions),
    sideEffects: text(webhook.sideEffects),
    failurePolicy: text(webhook.failurePolicy, 'Fail'),
    matchPolicy: text(webhook.matchPolicy, 'Equivalent'),
    timeoutSeconds: typeof webhook.timeoutSeconds === 'number' ? webhook.timeoutSeconds : 10,
    target: targetOf(client),
    caBundle: text(client.caBundle),
    namespaceSelector: selectorText(webhook.namespaceSelector),
    objectSelector: selectorText(webhook.objectSelector),
    rules: objects(webhook.rules).map(rule => ({
      apiGroups: texts(rule.apiGroups),
      apiVersions: texts(rule.apiVersions),
      operations: texts(rule.operations),
      resources: texts(rule.resources),
      scope: text(rule.scope, '*'),
    })),
    matchConditions: objects(webhook.matchConditions).map(({ name, expression }) => ({
      name: text(name),
      expression: text(expression),
    })),
    unknown: [
      ...unknownOf('', webhook),
      ...unknownOf('clientConfig', client),
      ...unknownOf('clientConfig.service', object(client.service)),
      ...objects(webhook.rules).flatMap(rule => unknownOf('rules[]', rule)),
      ...objects(webhook.matchConditions).flatMap(condition => unknownOf('matchConditions[]', condition)),
    ].sort(),
  }
}

function targetOf(client: JsonObject): string {
  if (typeof client.url === 'string') return client.url
  const service = object(client.service)
  const port = typeof service.port === 'number' ? service.port : 443
  return `service ${text(service.namespace)}/${text(service.name)}:${port}${text(service.path)}`
}

function selectorText(value: Json | undefined): string {
  const selector = object(value)
  const members = Object.entries(selector).filter(
    ([, member]) => member !== null && !(Array.isArray(member) && member.length === 0) && !isEmpty(member),
  )
  return canonicalJson(Object.fromEntries(members))
}

function isEmpty(value: Json): boolean {
  return isJsonObject(value) && Object.keys(value).length === 0
}

function unknownOf(part: string, value: JsonObject): readonly string[] {
  return Object.entries(value)
    .filter(([key]) => KNOWN[part]?.includes(key) === false)
    .map(([key, member]) => `${part === '' ? '' : `${part}.`}${key}=${canonicalJson(member)}`)
}

function object(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function text(value: Json | undefined, otherwise = ''): string {
  return typeof value === 'string' ? value : otherwise
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}
