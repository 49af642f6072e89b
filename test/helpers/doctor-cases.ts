import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import type { ClusterFacts, Look } from '../../doctor/facts.js'
import type { JsonObject } from '../../src/json.js'
import { createAuthority, issueLeaf, type KeyedCertificate } from '../../src/io/certificates/authority.js'
import { signCertificate } from '../../src/io/certificates/signed-certificate.js'
import {
  authority,
  healthyFacts,
  NOW_MS,
  served as servedResource,
  withBootstrapNamespaces,
  withConfiguration,
  withLooks,
} from './doctor-facts.js'

const DAY_MS = 86_400_000
const base64 = (text: string) => Buffer.from(text).toString('base64')
const other = createAuthority(NOW_MS)
const old = createAuthority(NOW_MS - 350 * DAY_MS)

/** Changes every webhook of the gate's configuration. */
function withEach(change: (webhook: JsonObject) => void): ClusterFacts {
  return withConfiguration(webhooks => {
    webhooks.forEach(change)
  })
}

function at(webhooks: readonly JsonObject[], index: number): JsonObject {
  const found = webhooks[index]
  if (found === undefined) throw new Error(`there is no webhook ${index}`)
  return found
}

function withRules(
  change: (rule: JsonObject & { operations: string[]; resources: string[] }) => object | null,
): ClusterFacts {
  return withEach(webhook => {
    const rules = webhook.rules as (JsonObject & { operations: string[]; resources: string[] })[]
    webhook.rules = rules.flatMap(rule => (change(rule) as JsonObject | null) ?? [])
  })
}

function podWebhook(more: JsonObject = {}): JsonObject {
  return {
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'sidecars' },
    webhooks: [
      {
        name: 'inject.example',
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: '*' }],
        namespaceSelector: {},
        objectSelector: {},
        ...more,
      },
    ],
  }
}

function deployment(name: string, args: string[]): JsonObject {
  return { metadata: { name }, spec: { template: { spec: { containers: [{ args }] } } } }
}

function endpoints(...nodes: readonly (string | null)[]): Look<readonly JsonObject[]> {
  const all = nodes.map(node => ({ conditions: { ready: node !== null }, ...(node !== null && { nodeName: node }) }))
  return { seen: [{ metadata: { name: 'slice' }, endpoints: all }] }
}

function lease(holderIdentity: string, secondsAgo: number): Look<JsonObject> {
  const renewTime = new Date(NOW_MS - secondsAgo * 1000).toISOString()
  return { seen: { metadata: { name: 'lockkeeper-webhook' }, spec: { holderIdentity, renewTime } } }
}

function served(group: string, resource: string): ClusterFacts {
  const { seen } = healthyFacts().looks.discovery
  if (seen === undefined) throw new Error('there is no discovery')
  const kind = { group, version: 'v1', resource, kind: '', namespaced: true, verbs: ['create'], subresources: [] }
  return withLooks({
    discovery: {
      seen: {
        ...seen,
        groups: [...seen.groups, { group, versions: ['v1'], preferredVersion: 'v1' }],
        resources: [...seen.resources, kind],
      },
    },
  })
}

function joined(...all: readonly ClusterFacts[]): ClusterFacts {
  const healthy = healthyFacts().looks
  const changed = all.flatMap(({ looks }) =>
    Object.entries(looks).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(healthy[key as keyof typeof healthy]),
    ),
  )
  return withLooks(Object.fromEntries(changed))
}

/** A kind in two versions, of which the rules name one. */
function withTwoVersions(matchPolicy: string): ClusterFacts {
  const { seen } = healthyFacts().looks.discovery
  const widgets = servedResource('example.dev', 'widgets', true)
  return joined(
    withRules(rule => ({ ...rule, apiVersions: ['v1'] })),
    withLooks({
      discovery: {
        seen: {
          groups: seen?.groups ?? [],
          resources: [...(seen?.resources ?? []), { ...widgets, version: 'v2' }],
          failures: [],
        },
      },
    }),
    ...(matchPolicy === 'Equivalent' ? [] : [withExactVersions(matchPolicy)]),
  )
}

function withExactVersions(matchPolicy: string): ClusterFacts {
  return withEach(webhook => {
    webhook.matchPolicy = matchPolicy
    webhook.rules = (webhook.rules as JsonObject[]).map(rule => ({ ...rule, apiVersions: ['v1'] }))
  })
}

/** The last byte of a certificate is of its signature. */
function forged({ cert }: KeyedCertificate): string {
  const bytes = Buffer.from(new X509Certificate(cert).raw)
  bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1)
  return new X509Certificate(bytes).toString()
}

const authorityName = { commonName: new X509Certificate(authority.cert).subject.replace(/^CN=/, '') }
const validity = { notBefore: new Date(NOW_MS - DAY_MS), notAfter: new Date(NOW_MS + 100 * DAY_MS) }

/** The same key under another name. */
function renamed({ cert, key }: KeyedCertificate): string {
  const publicKey = createPublicKey(cert)
  const name = { commonName: 'another name' }
  return signCertificate(
    { subject: name, issuer: name, publicKey, isAuthority: true, ...validity },
    createPrivateKey(key),
  )
}

/** A certificate that the authority vouches for by another one, as cert-manager may show it. */
function chained({ key }: KeyedCertificate): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = { commonName: 'between' }
  const between = signCertificate(
    { subject, issuer: authorityName, publicKey, isAuthority: true, ...validity },
    createPrivateKey(key),
  )
  const leaf = signCertificate(
    { subject: { commonName: 'gate' }, issuer: subject, publicKey, hosts: ['gate'], ...validity },
    privateKey,
  )
  return `${leaf}${between}`
}

/** What may be otherwise in a cluster, in words. */
export const DOCTOR_CASES: Readonly<Record<string, ClusterFacts>> = {
  'everything is as the manifests make it': healthyFacts(),
  'there is no configuration': { ...withLooks({ configuration: { seen: null } }), target: null },
  'somebody wrote the configuration by hand': withConfiguration((_, configuration) => {
    configuration.metadata = { name: 'lockkeeper' }
  }),
  'an entry is gone': withConfiguration(webhooks => webhooks.splice(1, 1)),
  'an entry was added': withConfiguration(webhooks => {
    webhooks.push({
      ...at(webhooks, 0),
      name: 'more.example',
      clientConfig: { url: 'https://elsewhere.example/x', caBundle: base64(other.cert) },
    })
  }),
  'reviews are sent to another namespace': withEach(webhook => {
    const client = webhook.clientConfig as JsonObject
    webhook.clientConfig = { ...client, service: { namespace: 'shop', name: 'gate', path: '/validate', port: 443 } }
  }),
  'failurePolicy is Ignore in one entry': withConfiguration(webhooks => {
    at(webhooks, 1).failurePolicy = 'Ignore'
  }),
  'an answer is waited for too long': withConfiguration(webhooks => {
    at(webhooks, 0).timeoutSeconds = 11
  }),
  'ten seconds are not too long': withConfiguration(webhooks => {
    at(webhooks, 0).timeoutSeconds = 10
  }),
  'matchPolicy is Exact': withConfiguration(webhooks => {
    at(webhooks, 0).matchPolicy = 'Exact'
  }),
  'a label exempts a namespace beside one that is exempt by name': withConfiguration(webhooks => {
    const values = ['sandbox']
    at(webhooks, 0).namespaceSelector = {
      matchLabels: { judged: 'yes' },
      matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values }],
    }
  }),
  'a label exempts an object': withConfiguration(webhooks => {
    at(webhooks, 1).objectSelector = { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] }
  }),
  'a namespace is judged only when it is named': withConfiguration(webhooks => {
    const values = ['shop']
    at(webhooks, 0).namespaceSelector = {
      matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }],
    }
  }),
  'a cluster starts with a namespace more': await withBootstrapNamespaces(['kube-system', 'network']),
  "the gate's own namespace is exempt": withConfiguration(webhooks => {
    const values = ['lockkeeper-system']
    at(webhooks, 0).namespaceSelector = {
      matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values }],
    }
  }),
  'a condition was added, and another changed': withConfiguration(webhooks => {
    const webhook = at(webhooks, 0)
    const [first = {}, ...rest] = webhook.matchConditions as JsonObject[]
    webhook.matchConditions = [
      { ...first, expression: 'request.resource.group != "apps"' },
      ...rest,
      { name: 'mine', expression: 'request.userInfo.username != "mallory"' },
    ]
  }),
  'nothing is asked about connections': withRules(rule => (rule.operations.includes('CONNECT') ? null : rule)),
  'nothing is asked about deletions': withRules(rule => {
    const operations = rule.operations.filter(each => each !== 'DELETE')
    return operations.length === 0 ? null : { ...rule, operations }
  }),
  'the entry for a cold start is asked about less': withConfiguration(webhooks => {
    const webhook = at(webhooks, 2)
    webhook.rules = (webhook.rules as JsonObject[]).filter(rule => !(rule.operations as string[]).includes('CREATE'))
  }),
  'only one group is asked about': withRules(rule => ({ ...rule, apiGroups: ['apps'] })),
  'only another version is asked about, which counts for all': withRules(rule => ({ ...rule, apiVersions: ['v1'] })),
  'a kind has two versions, and one is asked about': withTwoVersions('Equivalent'),
  'a kind has two versions, and exactly one is asked about': withTwoVersions('Exact'),
  'a version that is not served is asked about': withRules(rule => ({ ...rule, apiVersions: ['v1beta1'] })),
  'a group has a server of its own, another does not answer': joined(
    withLooks({
      apiServices: {
        seen: [
          { metadata: { name: 'v1.example.dev' }, spec: { group: 'example.dev', service: { name: 'server' } } },
          { metadata: { name: 'v1.apps' }, spec: { group: 'apps' } },
        ],
      },
      discovery: {
        seen: {
          ...(healthyFacts().looks.discovery.seen ?? { groups: [], resources: [] }),
          failures: [{ groupVersion: 'metrics.example/v1beta1', error: 'its server does not answer' }],
        },
      },
    }),
  ),
  'the authority ends soon': joined(
    withEach(webhook => {
      webhook.clientConfig = { ...(webhook.clientConfig as JsonObject), caBundle: base64(old.cert) }
    }),
    withLooks({ leaf: { seen: issueLeaf(old, ['gate'], NOW_MS - 70 * DAY_MS).cert } }),
  ),
  'the authority has ended': {
    ...healthyFacts(),
    nowMs: NOW_MS + 400 * DAY_MS,
  },
  'one caBundle cannot be read': withConfiguration(webhooks => {
    at(webhooks, 2).clientConfig = { ...(at(webhooks, 2).clientConfig as JsonObject), caBundle: base64('nothing') }
  }),
  'another authority signed what the gate shows': withLooks({
    leaf: { seen: issueLeaf(other, ['gate'], NOW_MS).cert },
  }),
  'what the gate shows was not signed by the authority that it names': withLooks({
    leaf: { seen: forged(issueLeaf(authority, ['gate'], NOW_MS)) },
  }),
  'the authority in caBundle has another name than the one that signed': withEach(webhook => {
    webhook.clientConfig = { ...(webhook.clientConfig as JsonObject), caBundle: base64(renamed(authority)) }
  }),
  'a certificate stands between the authority and what the gate shows': withLooks({
    leaf: { seen: chained(authority) },
  }),
  'the Secret is not there': withLooks({ leaf: { seen: null } }),
  'the Secret has no certificate': withLooks({ leaf: { seen: 'nonsense' } }),
  'the gate is called by a URL': { ...healthyFacts(), target: { url: 'https://gate.example' } },
  'there is no Service': withLooks({ service: { seen: null } }),
  'no replica is ready': withLooks({ endpointSlices: endpoints(null, null) }),
  'one replica is ready': withLooks({ endpointSlices: endpoints('node-1', null) }),
  'all replicas are on one node': withLooks({ endpointSlices: endpoints('node-1', 'node-1') }),
  'replicas run different images, as the kubelet says': withLooks({
    pods: {
      seen: ['sha256:1', 'sha256:2'].map((imageID, index) => ({
        metadata: { name: `gate-${index}` },
        spec: { containers: [{ image: 'lockkeeper:latest' }] },
        status: { containerStatuses: [{ imageID }] },
      })),
    },
  }),
  'no budget is about the gate': withLooks({
    budgets: { seen: [{ metadata: { name: 'shop' }, spec: { selector: { matchLabels: { app: 'shop' } } } }] },
  }),
  'nobody holds the lease': withLooks({ lease: lease('', 5) }),
  'there is no lease': withLooks({ lease: { seen: null } }),
  'the lease was renewed too long ago': withLooks({ lease: lease('gate-1', 61) }),
  'a webhook that must answer sees the Pods of the gate': withLooks({ mutating: { seen: [podWebhook()] } }),
  'a webhook that must answer leaves out kube-system by its name': withLooks({
    mutating: {
      seen: [
        podWebhook({
          namespaceSelector: {
            matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system'] }],
          },
          matchConditions: [{ name: 'some', expression: 'true' }],
        }),
      ],
    },
  }),
  'a webhook that must answer is about Pods of somebody else': withLooks({
    mutating: { seen: [podWebhook({ objectSelector: { matchLabels: { app: 'shop' } } })] },
  }),
  'a webhook that need not answer sees all Pods': withLooks({
    mutating: { seen: [podWebhook({ failurePolicy: 'Ignore' })] },
  }),
  'another validating webhook must answer, and admission policies judge': withLooks({
    validating: { seen: [{ ...podWebhook(), metadata: { name: 'strict' } }] },
    admissionPolicies: { seen: [{ metadata: { name: 'no-latest' } }] },
  }),
  'Kubernetes is too old': { ...healthyFacts(), serverVersion: 'v1.29.9' },
  'Kubernetes is older than what is supported': { ...healthyFacts(), serverVersion: 'v1.33.0-eks-1' },
  'Kubernetes is as old as what is supported': { ...healthyFacts(), serverVersion: 'v1.34.0' },
  'Kubernetes is newer': { ...healthyFacts(), serverVersion: 'v1.38.0' },
  'the API server says no version': { ...healthyFacts(), serverVersion: '' },
  'the clocks differ by a minute': { ...healthyFacts(), clocks: { serverMs: NOW_MS, localMs: NOW_MS + 60_000 } },
  'the clocks differ by more than a minute': {
    ...healthyFacts(),
    clocks: { serverMs: NOW_MS, localMs: NOW_MS - 61_000 },
  },
  'the clocks differ by more than five minutes': {
    ...healthyFacts(),
    clocks: { serverMs: NOW_MS, localMs: NOW_MS + 301_000 },
  },
  'requests were let through': withLooks({
    failOpen: {
      seen: [
        { name: 'cold-start.lockkeeper.dev', count: 3 },
        { name: 'cluster.lockkeeper.dev', count: 0 },
      ],
    },
  }),
  'reports are not installed': withLooks({
    deployments: { seen: [deployment('lockkeeper-controller', ['controller'])] },
  }),
  'reports of the other group are not installed': withLooks({
    deployments: { seen: [deployment('lockkeeper-controller', ['--reports=none', '--reports=wgpolicy'])] },
  }),
  'reports are not wanted': withLooks({
    deployments: { seen: [deployment('lockkeeper-controller', ['--reports=none'])] },
  }),
  'reports are installed': joined(
    served('openreports.io', 'reports'),
    withLooks({ deployments: { seen: [deployment('lockkeeper-controller', [])] } }),
  ),
  'Argo CD is here': served('argoproj.io', 'applications'),
  'some things could not be looked at': withLooks({
    configuration: {
      seen: undefined,
      right: {
        verb: 'get',
        target: 'validatingwebhookconfigurations.admissionregistration.k8s.io',
        namespace: null,
        name: 'lockkeeper',
      },
      error: 'HTTP 403 Forbidden',
      user: 'alice',
    },
    validating: {
      seen: undefined,
      right: {
        verb: 'list',
        target: 'validatingwebhookconfigurations.admissionregistration.k8s.io',
        namespace: null,
        name: null,
      },
      error: 'HTTP 403 Forbidden',
      user: 'alice',
    },
    leaf: {
      seen: undefined,
      right: { verb: 'get', target: 'secrets', namespace: 'lockkeeper-system', name: 'lockkeeper-webhook-tls' },
      error: 'HTTP 403 Forbidden',
      user: 'system:serviceaccount:shop:doctor',
    },
    failOpen: {
      seen: undefined,
      right: { verb: 'get', target: '/metrics', namespace: null, name: null },
      error: 'HTTP 500',
      user: null,
    },
  }),
}
