import { errorIn } from '../../src/io/cluster/answers.js'
import { createClusterClient } from '../../src/io/cluster/client.js'
import type { ClusterClient, Collection } from '../../src/io/cluster/cluster-client.js'
import type { ClusterConnection } from '../../src/io/cluster/credentials.js'
import { discover } from '../../src/io/cluster/discovery.js'
import { createTransport } from '../../src/io/cluster/transport.js'
import { isJsonObject, type JsonObject, parseJson, stringMembers } from '../../src/json.js'
import type { ClusterFacts, ClusterLooks, Clocks, FailOpen, GatePlace, Look, Target } from '../facts.js'
import { member, memberObjects, memberText } from '../members.js'
import { look, lookAt, lookThrough } from './look.js'

export interface ReadingOptions {
  readonly gate: GatePlace
  readonly userAgent: string
  readonly signal: AbortSignal
  /** The clock of this machine, in milliseconds since 1970. */
  readonly now: () => number
}

const TIMEOUT_MS = 15_000
const MAX_VERSION_BYTES = 1024 * 1024
/** As the gate calls it. */
const LEASE = 'lockkeeper-webhook'
/** What renders and what syncs. */
const FLUX_PARTS = 'app in (kustomize-controller,helm-controller)'
const ARGOCD_PARTS = 'app.kubernetes.io/name in (argocd-repo-server,argocd-application-controller)'

/**
 * Looks at all that the checks are about. Nothing is written, and nothing of a Secret but its certificate is kept.
 *
 * @throws ClusterError when the API server does not answer, or does not know who asks
 */
export async function readCluster(connection: ClusterConnection, options: ReadingOptions): Promise<ClusterFacts> {
  const { gate, userAgent, signal, now } = options
  const { serverVersion, clocks } = await readServer(connection, options)
  const client = createClusterClient(connection, { userAgent, signal, timeoutMs: TIMEOUT_MS })
  try {
    const configuration = await lookAt(client, admission('validatingwebhookconfigurations'), gate.configurationName)
    const target = targetOf(configuration.seen ?? undefined)
    const looks = await readLooks(client, configuration, target, gate)
    return { gate, nowMs: now(), serverVersion, clocks, target, looks }
  } finally {
    client.close()
  }
}

/** One question to the API server: it tells its version and, in a header, its time. */
async function readServer(
  connection: ClusterConnection,
  { userAgent, signal, now }: ReadingOptions,
): Promise<{ serverVersion: string; clocks: Clocks }> {
  const transport = createTransport(connection, MAX_VERSION_BYTES)
  try {
    const headers = { accept: 'application/json', 'user-agent': userAgent }
    const asked = now()
    const answer = await transport.exchange({ method: 'GET', path: '/version', headers, timeoutMs: TIMEOUT_MS, signal })
    const localMs = Math.round((asked + now()) / 2)
    if (answer.status !== 200) throw errorIn(answer, 'GET /version')
    const date = Date.parse(answer.headers.date ?? '')
    const version = memberText(parseJson(answer.body.toString('utf8')), 'gitVersion')
    return { serverVersion: version, clocks: { serverMs: Number.isNaN(date) ? localMs : date, localMs } }
  } finally {
    transport.close()
  }
}

async function readLooks(
  client: ClusterClient,
  configuration: Look<JsonObject | null>,
  target: Target | null,
  gate: GatePlace,
): Promise<ClusterLooks> {
  const place = target !== null && 'service' in target ? target.service : null
  const namespace = place?.namespace ?? gate.namespace
  const service: Look<JsonObject | null> =
    place === null
      ? { seen: null }
      : await lookAt(client, { group: '', version: 'v1', resource: 'services', namespace }, place.name)
  const selector = labelSelectorOf(service.seen ?? null)
  const within = (group: string, version: string, resource: string): Collection => ({
    group,
    version,
    resource,
    namespace,
  })
  const nothing: Look<readonly JsonObject[]> = { seen: [] }
  const [validating, mutating, admissionPolicies, apiServices, discovery, gateNamespace] = await Promise.all([
    lookThrough(client, admission('validatingwebhookconfigurations')),
    lookThrough(client, admission('mutatingwebhookconfigurations')),
    lookThrough(client, admission('validatingadmissionpolicies')),
    lookThrough(client, { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' }),
    look({ verb: 'get', target: '/apis', namespace: null, name: null }, () => discover(client)),
    lookAt(client, { group: '', version: 'v1', resource: 'namespaces' }, gate.namespace),
  ])
  const [endpointSlices, pods, deployments, budgets, lease, leaf, failOpen] = await Promise.all([
    place === null
      ? nothing
      : lookThrough(
          client,
          within('discovery.k8s.io', 'v1', 'endpointslices'),
          `kubernetes.io/service-name=${place.name}`,
        ),
    selector === '' ? nothing : lookThrough(client, within('', 'v1', 'pods'), selector),
    lookThrough(client, within('apps', 'v1', 'deployments')),
    place === null ? nothing : lookThrough(client, within('policy', 'v1', 'poddisruptionbudgets')),
    lookAt(client, { ...within('coordination.k8s.io', 'v1', 'leases'), namespace: gate.namespace }, LEASE),
    lookAtLeaf(client, gate),
    look({ verb: 'get', target: '/metrics', namespace: null, name: null }, () => readFailOpen(client)),
  ])
  const serves = (group: string, resource: string) =>
    discovery.seen?.resources.some(each => each.group === group && each.resource === resource) ?? false
  const hasArgoCd = serves('argoproj.io', 'applications')
  const argoCd = (group: string, resource: string): Collection => ({
    ...within(group, 'v1', resource),
    namespace: gate.argoCdNamespace,
  })
  const [argoCdDeployments, argoCdStatefulSets, argoCdSettings] = await Promise.all([
    hasArgoCd ? lookThrough(client, argoCd('apps', 'deployments'), ARGOCD_PARTS) : nothing,
    hasArgoCd ? lookThrough(client, argoCd('apps', 'statefulsets'), ARGOCD_PARTS) : nothing,
    hasArgoCd ? lookAt(client, argoCd('', 'configmaps'), 'argocd-cm') : { seen: null },
  ])
  const hasGates = serves('lockkeeper.dev', 'artifactgates')
  const hasFlux = serves('kustomize.toolkit.fluxcd.io', 'kustomizations')
  const fluxParts = { ...within('apps', 'v1', 'deployments'), namespace: gate.fluxNamespace }
  const everywhere = (isWanted: boolean, group: string, version: string, resource: string) =>
    isWanted ? lookThrough(client, { group, version, resource }) : Promise.resolve(nothing)
  const [fluxDeployments, artifactGates, kustomizations, helmReleases, clusterRoles] = await Promise.all([
    hasFlux ? lookThrough(client, fluxParts, FLUX_PARTS) : nothing,
    everywhere(hasGates, 'lockkeeper.dev', 'v1alpha1', 'artifactgates'),
    everywhere(hasFlux && hasGates, 'kustomize.toolkit.fluxcd.io', 'v1', 'kustomizations'),
    everywhere(hasFlux && hasGates, 'helm.toolkit.fluxcd.io', 'v2', 'helmreleases'),
    everywhere(hasFlux && hasGates, 'rbac.authorization.k8s.io', 'v1', 'clusterroles'),
  ])
  return {
    configuration,
    validating,
    mutating,
    admissionPolicies,
    apiServices,
    discovery,
    gateNamespace,
    service,
    endpointSlices,
    pods,
    deployments,
    budgets,
    lease,
    leaf,
    failOpen,
    argoCdDeployments,
    argoCdStatefulSets,
    argoCdSettings,
    fluxDeployments,
    artifactGates,
    kustomizations,
    helmReleases,
    clusterRoles,
  }
}

function admission(resource: string): Collection {
  return { group: 'admissionregistration.k8s.io', version: 'v1', resource }
}

async function lookAtLeaf(client: ClusterClient, gate: GatePlace): Promise<Look<string | null>> {
  const collection = { group: '', version: 'v1', resource: 'secrets', namespace: gate.namespace }
  const secret = await lookAt(client, collection, gate.certificateSecret)
  if (secret.seen === undefined) return secret
  const text = memberText(secret.seen, 'data', 'tls.crt')
  return { seen: text === '' ? null : Buffer.from(text, 'base64').toString('utf8') }
}

/** Where the first webhook sends its reviews. */
function targetOf(configuration: JsonObject | undefined): Target | null {
  const client = member(memberObjects(configuration, 'webhooks')[0], 'clientConfig')
  const url = memberText(client, 'url')
  if (url !== '') return { url: URL.canParse(url) ? new URL(url).origin : url }
  const [namespace, name] = [memberText(client, 'service', 'namespace'), memberText(client, 'service', 'name')]
  return namespace === '' || name === '' ? null : { service: { namespace, name } }
}

function labelSelectorOf(service: JsonObject | null): string {
  const selector = member(service, 'spec', 'selector')
  const labels = isJsonObject(selector) ? stringMembers(selector) : {}
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}

const FAIL_OPEN = /^apiserver_admission_webhook_fail_open_count\{([^}]*)\} (\S+)$/gm
/** Names of the gate's own entries, from the API and from files. */
const OWN = /(^|\.)lockkeeper\.(dev|static\.k8s\.io)$/

async function readFailOpen(client: ClusterClient): Promise<readonly FailOpen[]> {
  const text = await client.getText('/metrics', { accept: 'text/plain' })
  return [...text.matchAll(FAIL_OPEN)].flatMap(([, labels = '', value]) => {
    const name = /name="([^"]*)"/.exec(labels)?.[1] ?? ''
    return OWN.test(name) ? [{ name, count: Number(value) }] : []
  })
}
