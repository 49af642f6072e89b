import type { ClusterFacts, ClusterLooks } from '../../doctor/facts.js'
import type { ServedResource } from '../../src/io/cluster/discovery.js'
import type { JsonObject } from '../../src/json.js'
import { createAuthority, issueLeaf } from '../../src/io/certificates/authority.js'
import { buildConfiguration } from '../../webhook/registration/configuration.js'
import { registrationOptions } from './registration.js'

export const NOW_MS = Date.UTC(2026, 5, 1)
const NAMESPACE = 'lockkeeper-system'
const POD_LABELS = { 'app.kubernetes.io/name': 'lockkeeper', 'app.kubernetes.io/component': 'webhook' }
/** Of the healthy cluster. */
export const authority = createAuthority(NOW_MS)
const leaf = issueLeaf(authority, ['gate'], NOW_MS)
const options = await registrationOptions({ authorities: authority.cert })

function named(kind: string, name: string, rest: JsonObject = {}): JsonObject {
  return { apiVersion: 'v1', kind, metadata: { name, namespace: NAMESPACE }, ...rest }
}

/** A resource with every verb. */
export function served(
  group: string,
  resource: string,
  namespaced: boolean,
  subresources: Record<string, string[]> = {},
): ServedResource {
  return {
    group,
    version: 'v1',
    resource,
    kind: resource,
    namespaced,
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    subresources: Object.entries(subresources).map(([name, verbs]) => ({ name, verbs })),
  }
}

const WRITTEN = ['get', 'patch', 'update']
const RESOURCES: readonly ServedResource[] = [
  served('', 'pods', true, {
    exec: ['create', 'get'],
    ephemeralcontainers: WRITTEN,
    binding: ['create'],
    eviction: ['create'],
    log: ['get'],
  }),
  served('', 'namespaces', false, { finalize: ['update'] }),
  served('', 'nodes', false, { proxy: ['create', 'get'] }),
  served('apps', 'deployments', true, { scale: WRITTEN }),
  served('example.dev', 'widgets', true),
]

function pod(name: string, image: string): JsonObject {
  return named('Pod', name, { spec: { containers: [{ name: 'webhook', image }] } })
}

/** A cluster in which everything is as the manifests make it. */
export function healthyFacts(): ClusterFacts {
  const { cards, workloads } = options
  return {
    gate: {
      namespace: NAMESPACE,
      configurationName: 'lockkeeper',
      certificateSecret: 'lockkeeper-webhook-tls',
      argoCdNamespace: 'argocd',
      fluxNamespace: 'flux-system',
      version: '0.1.0',
      cards,
      workloads,
    },
    nowMs: NOW_MS,
    serverVersion: 'v1.37.2',
    clocks: { serverMs: NOW_MS, localMs: NOW_MS + 300 },
    target: { service: { namespace: NAMESPACE, name: 'lockkeeper-webhook' } },
    looks: {
      configuration: { seen: buildConfiguration(options) },
      validating: { seen: [buildConfiguration(options)] },
      mutating: { seen: [] },
      admissionPolicies: { seen: [] },
      apiServices: { seen: [] },
      discovery: {
        seen: {
          groups: ['', 'apps', 'example.dev'].map(group => ({ group, versions: ['v1'], preferredVersion: 'v1' })),
          resources: RESOURCES,
          failures: [],
        },
      },
      gateNamespace: { seen: named('Namespace', NAMESPACE) },
      service: { seen: named('Service', 'lockkeeper-webhook', { spec: { selector: POD_LABELS } }) },
      endpointSlices: {
        seen: [
          named('EndpointSlice', 'lockkeeper-webhook-1', {
            endpoints: ['node-1', 'node-2'].map(nodeName => ({ nodeName, conditions: { ready: true } })),
          }),
        ],
      },
      pods: { seen: [pod('gate-1', 'lockkeeper:0.1.0'), pod('gate-2', 'lockkeeper:0.1.0')] },
      deployments: {
        seen: [named('Deployment', 'lockkeeper-webhook', { spec: { template: { metadata: { labels: POD_LABELS } } } })],
      },
      budgets: {
        seen: [named('PodDisruptionBudget', 'lockkeeper-webhook', { spec: { selector: { matchLabels: POD_LABELS } } })],
      },
      lease: {
        seen: named('Lease', 'lockkeeper-webhook', {
          spec: { holderIdentity: 'gate-1', renewTime: new Date(NOW_MS - 2000).toISOString() },
        }),
      },
      leaf: { seen: leaf.cert },
      failOpen: { seen: [] },
      argoCdDeployments: { seen: [] },
      argoCdStatefulSets: { seen: [] },
      argoCdSettings: { seen: null },
      fluxDeployments: { seen: [] },
      artifactGates: { seen: [] },
      kustomizations: { seen: [] },
      helmReleases: { seen: [] },
      clusterRoles: { seen: [] },
    },
  }
}

/** The same cluster, seen otherwise in some respects. */
export function withLooks(looks: Partial<ClusterLooks>): ClusterFacts {
  const facts = healthyFacts()
  return { ...facts, looks: { ...facts.looks, ...looks } }
}

/** The same cluster, with a gate that was told of further namespaces to start with. */
export async function withBootstrapNamespaces(bootstrapNamespaces: readonly string[]): Promise<ClusterFacts> {
  const seen = buildConfiguration(await registrationOptions({ authorities: authority.cert, bootstrapNamespaces }))
  return withLooks({ configuration: { seen } })
}

/** The same cluster with another configuration of the gate. */
export function withConfiguration(change: (webhooks: JsonObject[], configuration: JsonObject) => void): ClusterFacts {
  const configuration = buildConfiguration(options)
  change(configuration.webhooks as JsonObject[], configuration)
  return withLooks({ configuration: { seen: configuration } })
}
