import { isJsonObject, type JsonObject } from '../src/json.js'
import { buildConfiguration } from '../webhook/registration/configuration.js'
import { SERVICE_ACCOUNTS } from '../webhook/registration/conditions.js'
import { type Entry, readEntries } from '../webhook/registration/entries.js'
import type { ClusterFacts, GatePlace } from './facts.js'
import { member, memberObjects, memberText, memberTexts } from './members.js'

/** One webhook of the live configuration beside what this version would write under that name. */
export interface LiveEntry {
  /** Its place in `webhooks`, for patches. */
  readonly index: number
  readonly webhook: JsonObject
  readonly entry: Entry
  /** null: this version writes none of that name. */
  readonly desired: Entry | null
}

/** The webhooks of the live configuration in their order, and the names of those that are missing; null: it could not be seen, or is not there. */
export interface LiveEntries {
  readonly configuration: JsonObject
  readonly entries: readonly LiveEntry[]
  readonly missing: readonly Entry[]
}

export const NAMESPACE_NAME = 'kubernetes.io/metadata.name'
/** The entry that does not wait for a gate, by intent. */
export const COLD_START = 'cold-start.lockkeeper.dev'

/** How conditions ask for the namespaces that a cold cluster starts with. */
const BOOTSTRAP =
  /\(has\(request\.namespace\) \? request\.namespace : ""\) (?:in (\[[^\]]*\])|== ("[^"]*")) && \(\("system:serviceaccounts:kube-system"/

export function liveEntries({ gate, looks }: ClusterFacts): LiveEntries | null {
  const configuration = looks.configuration.seen
  if (configuration === undefined || configuration === null) return null
  const wanted = readEntries(desiredConfiguration(gate, configuration))
  const found = memberObjects(configuration, 'webhooks').map((webhook, index) => {
    const [entry] = readEntries({ webhooks: [webhook] })
    return entry === undefined
      ? []
      : [{ index, webhook, entry, desired: wanted.find(each => each.name === entry.name) ?? null }]
  })
  const entries = found.flat()
  return {
    configuration,
    entries,
    missing: wanted.filter(({ name }) => !entries.some(each => each.entry.name === name)),
  }
}

/** What a gate with these policies would write, with what only its flags say taken from what is there. */
function desiredConfiguration(gate: GatePlace, live: JsonObject): JsonObject {
  const webhooks = memberObjects(live, 'webhooks')
  return buildConfiguration({
    name: gate.configurationName,
    cards: gate.cards,
    workloads: gate.workloads,
    authorities: Buffer.from(memberText(webhooks[0], 'clientConfig', 'caBundle'), 'base64').toString('utf8'),
    target: { url: 'https://gate' },
    failurePolicy: 'Fail',
    owner: null,
    // Compared are names, rules and conditions; selectors are looked at by themselves.
    exemptNamespaces: [],
    namespace: gate.namespace,
    serviceAccounts: SERVICE_ACCOUNTS,
    bootstrapNamespaces: bootstrapNamespaces(webhooks),
  })
}

/** The namespaces that a webhook leaves out by their name. */
export function exemptNames(webhook: JsonObject): readonly string[] {
  return memberObjects(webhook, 'namespaceSelector', 'matchExpressions').flatMap(each =>
    each.key === NAMESPACE_NAME && each.operator === 'NotIn' ? memberTexts(each, 'values') : [],
  )
}

/** The namespaces whose Pods the cold-start entry lets in while no gate answers, as its expression says. */
export function bootstrapNamespaces(webhooks: readonly JsonObject[]): readonly string[] {
  const coldStart = webhooks.find(({ name }) => name === COLD_START)
  for (const { expression } of memberObjects(coldStart, 'matchConditions')) {
    const match = typeof expression === 'string' ? BOOTSTRAP.exec(expression) : null
    const names = match === null ? null : parsedNames(match[1] ?? match[2] ?? '')
    if (names !== null) return names
  }
  return ['kube-system']
}

function parsedNames(text: string): readonly string[] | null {
  try {
    const value: unknown = JSON.parse(text)
    return [value].flat().filter(each => typeof each === 'string')
  } catch {
    return null
  }
}

/** Labels of a namespace as selectors see them, the one that only the API server writes included. */
export function namespaceLabels(namespace: JsonObject | null | undefined, name: string): Record<string, string> {
  const labels = member(namespace ?? undefined, 'metadata', 'labels')
  const texts = Object.entries(isJsonObject(labels) ? labels : {}).flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, value] as const] : [],
  )
  return { ...Object.fromEntries(texts), [NAMESPACE_NAME]: name }
}
