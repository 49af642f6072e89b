import type { JsonObject } from '../../src/json.js'
import type { PolicyCard } from '../../src/policy/policy-types.js'
import type { WorkloadEntry } from '../../src/workload.js'
import { askedByPolicies } from './asked.js'
import { anyOf, coldStart, type ConditionOptions, leftOut, type MatchCondition, noneOf } from './conditions.js'
import { buildRules, type Rule, type RuleScope } from './rules.js'

/** How the API server reaches the gate. */
export type WebhookTarget =
  | { readonly service: { readonly namespace: string; readonly name: string; readonly port: number } }
  /** `https://host[:port]`, without a path */
  | { readonly url: string }

/** An object of `rbac.authorization.k8s.io/v1` that is deleted with the installation. */
export interface ConfigurationOwner {
  readonly kind: 'ClusterRole'
  readonly name: string
  readonly uid: string
}

export interface ConfigurationOptions extends ConditionOptions {
  /** Of the object; `lockkeeper` when not said. */
  readonly name?: string
  /** The bundle's cards, with the team's configuration applied. */
  readonly cards: readonly PolicyCard[]
  /** The workload table in force. */
  readonly workloads: readonly WorkloadEntry[]
  /** PEM certificates: every authority that may have signed what the gate shows. */
  readonly authorities: string
  readonly target: WebhookTarget
  readonly failurePolicy: 'Fail' | 'Ignore'
  /** What it goes with: a cluster-scoped object of the installation; null where there is none. */
  readonly owner: ConfigurationOwner | null
  /** Namespaces of which nothing is judged. */
  readonly exemptNamespaces: readonly string[]
}

/** One entry, before it has a name and a place to call. */
interface Entry {
  readonly name: string
  readonly scope: RuleScope
  readonly failurePolicy: 'Fail' | 'Ignore'
  readonly exemptNamespaces: readonly string[]
  readonly matchConditions: readonly MatchCondition[]
}

export const CONFIGURATION_NAME = 'lockkeeper'
/** The API's collection of these objects. */
export const CONFIGURATIONS = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingwebhookconfigurations',
} as const

const TIMEOUT_SECONDS = 5
const PATH = '/validate'

/**
 * The ValidatingWebhookConfiguration that the gate wants, the same bytes for the same options. Every request reaches one of three
 * entries:
 *
 * - `namespaced`: objects in namespaces, but for exempt namespaces, which are known by a label that only the API server sets;
 * - `cluster`: everything else, Namespaces included; no selector, or a Namespace could exempt itself by a label;
 * - `cold-start`: what the other two leave out because a cluster needs it to start; judged too, but it does not wait for a gate.
 */
export function buildConfiguration(options: ConfigurationOptions): JsonObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: {
      name: options.name ?? CONFIGURATION_NAME,
      labels: { 'app.kubernetes.io/part-of': 'lockkeeper' },
      ...(options.owner !== null && {
        ownerReferences: [{ apiVersion: 'rbac.authorization.k8s.io/v1', ...options.owner }],
      }),
    },
    webhooks: buildEntries(options, 'lockkeeper.dev'),
  }
}

/** The three entries, with names that end in `.<domain>`. */
export function buildEntries(options: ConfigurationOptions, domain: string): JsonObject[] {
  const { failurePolicy, exemptNamespaces } = options
  const rules = buildRules(askedByPolicies(options.cards, options.workloads))
  const everywhere = leftOut(options)
  const needed = coldStart(options)
  const judged = { failurePolicy, matchConditions: [...everywhere, ...noneOf(needed)] }
  const entries: readonly Entry[] = [
    { ...judged, name: 'namespaced', scope: 'Namespaced', exemptNamespaces },
    { ...judged, name: 'cluster', scope: 'Cluster', exemptNamespaces: [] },
    {
      name: 'cold-start',
      scope: '*',
      failurePolicy: 'Ignore',
      exemptNamespaces,
      matchConditions: [...everywhere, anyOf('needed-to-start', needed)],
    },
  ]
  return entries.map(entry => buildEntry(entry, rules, options, domain))
}

function buildEntry(
  entry: Entry,
  rules: readonly Rule[],
  { target, authorities }: ConfigurationOptions,
  domain: string,
): JsonObject {
  const exempt = [...new Set(entry.exemptNamespaces)].sort()
  return {
    name: `${entry.name}.${domain}`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: entry.failurePolicy,
    matchPolicy: 'Equivalent',
    timeoutSeconds: TIMEOUT_SECONDS,
    clientConfig: clientConfig(target, authorities),
    ...(exempt.length > 0 && {
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: exempt }],
      },
    }),
    rules: rules.map(rule => ({
      apiGroups: [...rule.apiGroups],
      apiVersions: [...rule.apiVersions],
      operations: [...rule.operations],
      resources: [...rule.resources],
      scope: entry.scope,
    })),
    matchConditions: entry.matchConditions.map(({ name, expression }) => ({ name, expression })),
  }
}

/** The place to call; `caBundle` is PEM in base64, as the API has it. */
export function clientConfig(target: WebhookTarget, authorities: string): JsonObject {
  const caBundle = Buffer.from(authorities, 'utf8').toString('base64')
  if ('url' in target) return { url: `${target.url}${PATH}`, caBundle }
  return { service: { ...target.service, path: PATH }, caBundle }
}
