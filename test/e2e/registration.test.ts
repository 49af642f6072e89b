import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import forge from 'node-forge'
import t from 'tap'
import { createClusterClient } from '../../src/io/cluster/client.js'
import { SYSTEM_CLOCK } from '../../src/io/cluster/clock.js'
import { openConnection } from '../../src/io/cluster/connection.js'
import type { EventFacts } from '../../src/io/cluster/event-recorder.js'
import type { JsonObject } from '../../src/json.js'
import { fingerprints, publishedAuthorities } from '../../webhook/registration/authorities.js'
import { buildConfiguration, type ConfigurationOptions } from '../../webhook/registration/configuration.js'
import { readEntries } from '../../webhook/registration/entries.js'
import { createRegistrar } from '../../webhook/registration/registrar.js'
import {
  buildAdmissionConfiguration,
  buildAdmissionKubeconfig,
  buildStaticConfiguration,
  fileText,
} from '../../webhook/registration/static-form.js'
import { registrationOptions } from '../helpers/registration.js'
import { customKind, startRecordingGate, withPathsByName } from '../helpers/registration-gate.js'
import type { ApiResponse } from '../helpers/testbed/api-connection.js'
import { refusal } from '../helpers/testbed/api-error.js'
import { type Manifest, member } from '../helpers/testbed/api-objects.js'
import { createCertificateAuthority } from '../helpers/testbed/certificates.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ADMIN, type User } from '../helpers/testbed/users.js'

const bed = createTestbed(t)
const gate = await startRecordingGate(bed)
const file = (name: string) => join(bed.directory, name)
const identity = createCertificateAuthority('identities').issue({ commonName: 'the-api-server' })
mkdirSync(file('static'))
const staticForm = buildStaticConfiguration({ url: gate.url, authorities: gate.authority, failurePolicy: 'Fail' })
const identityFiles = { clientCertificateFile: file('client.crt'), clientKeyFile: file('client.key') }
for (const [name, text] of Object.entries({
  'static/lockkeeper.yaml': fileText(staticForm),
  'client.crt': identity.cert,
  'client.key': identity.key,
  'webhooks.kubeconfig': fileText(buildAdmissionKubeconfig({ url: gate.url }, identityFiles)),
  'admission.yaml': fileText(
    buildAdmissionConfiguration({
      staticManifestsDirectory: file('static'),
      kubeconfigFile: file('webhooks.kubeconfig'),
    }),
  ),
})) {
  writeFileSync(file(name), text, { mode: 0o600 })
}
const plane = await startControlPlane(bed, {
  extraArgs: [`--admission-control-config-file=${file('admission.yaml')}`],
})
const { admin } = plane

const options: ConfigurationOptions = await registrationOptions({
  authorities: gate.authority,
  target: { url: gate.url },
  exemptNamespaces: ['exempt'],
})
const desired = withPathsByName(buildConfiguration(options), gate.url)

const ACCOUNT = 'system:serviceaccount:lockkeeper-system:lockkeeper-webhook'
const node = plane.certificateUser('system:node:node-1', ['system:nodes'])
const newNode = plane.certificateUser('system:node:node-2', ['system:nodes'])
const bootstrapper = plane.certificateUser('system:bootstrap:abcdef', ['system:bootstrappers'])
const scheduler = plane.certificateUser('system:kube-scheduler')
const controllerManager = plane.certificateUser('system:kube-controller-manager')
const user = (name: string, groups: readonly string[]): User => plane.certificateUser(name, groups)
const daemonSets = user('system:serviceaccount:kube-system:daemon-set-controller', [
  'system:serviceaccounts',
  'system:serviceaccounts:kube-system',
])
const endpointSlices = user('system:serviceaccount:kube-system:endpointslice-controller', [
  'system:serviceaccounts',
  'system:serviceaccounts:kube-system',
])
const cilium = user('system:serviceaccount:kube-system:cilium', [
  'system:serviceaccounts',
  'system:serviceaccounts:kube-system',
])
const own = user(ACCOUNT, ['system:serviceaccounts', 'system:serviceaccounts:lockkeeper-system'])
const stranger = user('system:serviceaccount:shop:default', ['system:serviceaccounts', 'system:serviceaccounts:shop'])

const POD_SPEC = { containers: [{ name: 'app', image: 'registry.example/app:1' }] }
const KUBELET_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet'

function pod(name: string, namespace: string, spec: object = {}): Manifest {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: { ...POD_SPEC, ...spec } }
}

/** For the name of a kubelet. */
function certificateRequest(): string {
  const keys = forge.pki.rsa.generateKeyPair(2048)
  const request = forge.pki.createCertificationRequest()
  request.publicKey = keys.publicKey
  request.setSubject([
    { name: 'organizationName', value: 'system:nodes' },
    { name: 'commonName', value: 'system:node:node-2' },
  ])
  request.sign(keys.privateKey, forge.md.sha256.create())
  return Buffer.from(forge.pki.certificationRequestToPem(request), 'utf8').toString('base64')
}

const csrText = certificateRequest()

function csr(name: string, signerName: string): Manifest {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: { signerName, request: csrText, usages: ['client auth', 'digital signature'] },
  }
}

for (const name of ['shop', 'exempt', 'lockkeeper-system']) await plane.createNamespace(name)
await admin.create(customKind('openreports.io', 'Report', 'reports'))
await admin.create(customKind('cilium.io', 'CiliumNode', 'ciliumnodes'))
await admin.create(customKind('source.toolkit.fluxcd.io', 'ExternalArtifact', 'externalartifacts'))
for (const [index, each] of [
  bootstrapper,
  scheduler,
  controllerManager,
  daemonSets,
  endpointSlices,
  cilium,
  own,
  stranger,
].entries())
  await admin.create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `everything-${index}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: each.name }],
  })
await plane.client(node).create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } })
await admin.create(pod('web', 'shop', { nodeName: 'node-1' }))
await admin.create(pod('pending', 'shop'))
await admin.create(pod('dns', 'kube-system', { nodeName: 'node-1' }))
await admin.create(pod('unscheduled', 'kube-system'))
await admin.create({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: POD_SPEC },
  },
})
await admin.create({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
})
for (const [kind, apiVersion] of [
  ['Report', 'openreports.io/v1'],
  ['ExternalArtifact', 'source.toolkit.fluxcd.io/v1'],
] as const) {
  const object = { apiVersion, kind, metadata: { name: 'one', namespace: 'shop' } }
  await waitFor(`a ${kind} can be created`, () => admin.create(object))
}
await admin.create(csr('kubelet', KUBELET_SIGNER))
await admin.create(csr('client', 'kubernetes.io/kube-apiserver-client'))
const podUid = (await admin.get({ apiVersion: 'v1', kind: 'Pod', name: 'web', namespace: 'shop' })).metadata.uid

interface Case {
  readonly as: User
  readonly method: string
  readonly path: string
  readonly body?: object
  /** Where it is not JSON. */
  readonly patch?: 'merge' | 'strategic' | 'apply'
  readonly query?: Record<string, string>
  /** What streams has no dry run. */
  readonly isConnect?: true
  /** The one entry that is asked; null: none is. */
  readonly entry: 'namespaced' | 'cluster' | 'cold-start' | null
}

const SHOP = '/api/v1/namespaces/shop'
const SYSTEM = '/api/v1/namespaces/kube-system'
const CERTIFICATES = '/apis/certificates.k8s.io/v1/certificatesigningrequests'

function create(as: User, path: string, body: object, entry: Case['entry']): Case {
  return { as, method: 'POST', path, body, entry }
}

function connect(as: User, path: string, entry: Case['entry']): Case {
  return { as, method: 'POST', path, query: { command: 'ls', stdout: 'true' }, isConnect: true, entry }
}

function objectOf(apiVersion: string, kind: string, name: string, more: object = {}): object {
  return { apiVersion, kind, metadata: { name }, ...more }
}

const tokenRequest = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } }
const approval = {
  status: { conditions: [{ type: 'Approved', status: 'True', reason: 'Test', message: 'approved' }] },
}
const slice = objectOf('discovery.k8s.io/v1', 'EndpointSlice', 'web-1', { addressType: 'IPv4', endpoints: [] })

const cases: Record<string, Case> = {
  'a Pod by a person': create(ADMIN, `${SHOP}/pods`, pod('new', 'shop'), 'namespaced'),
  'a Pod by a person in a system namespace': create(ADMIN, `${SYSTEM}/pods`, pod('new', 'kube-system'), 'namespaced'),
  'a Pod in an exempt namespace': create(ADMIN, '/api/v1/namespaces/exempt/pods', pod('new', 'exempt'), null),
  'a Pod that is changed by a patch': {
    as: ADMIN,
    method: 'PATCH',
    path: `${SHOP}/pods/web`,
    body: { metadata: { labels: { a: 'b' } } },
    patch: 'strategic',
    entry: 'namespaced',
  },
  'a Pod by server-side apply': {
    as: ADMIN,
    method: 'PATCH',
    path: `${SHOP}/pods/applied`,
    body: pod('applied', 'shop'),
    patch: 'apply',
    query: { fieldManager: 'test' },
    entry: 'namespaced',
  },
  'a Pod that is deleted': { as: ADMIN, method: 'DELETE', path: `${SHOP}/pods/web`, entry: 'namespaced' },
  'all Pods that are deleted': {
    as: ADMIN,
    method: 'DELETE',
    path: `${SHOP}/pods`,
    query: { fieldSelector: 'metadata.name=web' },
    entry: 'namespaced',
  },
  'a Pod of a system DaemonSet': create(daemonSets, `${SYSTEM}/pods`, pod('agent', 'kube-system'), 'cold-start'),
  'a Pod of the gate by a system controller': create(
    daemonSets,
    '/api/v1/namespaces/lockkeeper-system/pods',
    pod('gate', 'lockkeeper-system'),
    'cold-start',
  ),
  "a Pod of somebody's DaemonSet": create(daemonSets, `${SHOP}/pods`, pod('agent', 'shop'), 'namespaced'),
  'a system Pod that a controller deletes': {
    as: daemonSets,
    method: 'DELETE',
    path: `${SYSTEM}/pods/unscheduled`,
    entry: 'cold-start',
  },
  'a system Pod that a node deletes': { as: node, method: 'DELETE', path: `${SYSTEM}/pods/dns`, entry: 'cold-start' },
  'a system Pod that is scheduled': create(
    scheduler,
    `${SYSTEM}/pods/unscheduled/binding`,
    objectOf('v1', 'Binding', 'unscheduled', { target: { kind: 'Node', name: 'node-1' } }),
    'cold-start',
  ),
  'a Pod that is scheduled': create(
    scheduler,
    `${SHOP}/pods/pending/binding`,
    objectOf('v1', 'Binding', 'pending', { target: { kind: 'Node', name: 'node-1' } }),
    'namespaced',
  ),
  'a system Pod that is evicted by a controller': create(
    daemonSets,
    `${SYSTEM}/pods/dns/eviction`,
    objectOf('policy/v1', 'Eviction', 'dns'),
    'cold-start',
  ),
  'a Pod that is evicted': create(
    ADMIN,
    `${SHOP}/pods/web/eviction`,
    objectOf('policy/v1', 'Eviction', 'web'),
    'namespaced',
  ),
  'an ephemeral container': {
    as: ADMIN,
    method: 'PATCH',
    path: `${SHOP}/pods/web/ephemeralcontainers`,
    body: { spec: { ephemeralContainers: [{ name: 'debug', image: 'registry.example/debug:1' }] } },
    patch: 'strategic',
    entry: 'namespaced',
  },
  'a Pod that is resized': {
    as: ADMIN,
    method: 'PATCH',
    path: `${SHOP}/pods/pending/resize`,
    body: { metadata: { labels: { resized: 'yes' } } },
    patch: 'strategic',
    entry: 'namespaced',
  },
  'a Pod whose status is written': {
    as: node,
    method: 'PATCH',
    path: `${SHOP}/pods/web/status`,
    body: { status: { message: 'starting' } },
    patch: 'strategic',
    entry: null,
  },
  exec: connect(ADMIN, `${SHOP}/pods/web/exec`, 'namespaced'),
  'exec by a controller in a system namespace': connect(daemonSets, `${SYSTEM}/pods/dns/exec`, 'namespaced'),
  attach: connect(ADMIN, `${SHOP}/pods/web/attach`, 'namespaced'),
  'port-forward': connect(ADMIN, `${SHOP}/pods/web/portforward`, 'namespaced'),
  'the proxy of a Pod': { ...connect(ADMIN, `${SHOP}/pods/web/proxy`, 'namespaced'), method: 'GET' },
  'the proxy of a Service': { ...connect(ADMIN, `${SHOP}/services/web/proxy`, 'namespaced'), method: 'GET' },
  'the proxy of a node': { ...connect(ADMIN, '/api/v1/nodes/node-1/proxy/pods', 'cluster'), method: 'GET' },
  'the proxy of a node by a controller': {
    ...connect(daemonSets, '/api/v1/nodes/node-1/proxy/pods', 'cluster'),
    method: 'GET',
  },
  'a Deployment that is scaled': {
    as: ADMIN,
    method: 'PATCH',
    path: '/apis/apps/v1/namespaces/shop/deployments/web/scale',
    body: { spec: { replicas: 3 } },
    patch: 'merge',
    entry: 'namespaced',
  },
  'a Lease': create(
    ADMIN,
    '/apis/coordination.k8s.io/v1/namespaces/shop/leases',
    objectOf('coordination.k8s.io/v1', 'Lease', 'leader', { spec: { holderIdentity: 'a' } }),
    null,
  ),
  'an Event of the core group': create(
    ADMIN,
    `${SHOP}/events`,
    objectOf('v1', 'Event', 'e', { involvedObject: { namespace: 'shop' }, reason: 'Test' }),
    null,
  ),
  'an Event of its own group': create(
    ADMIN,
    '/apis/events.k8s.io/v1/namespaces/shop/events',
    {
      ...objectOf('events.k8s.io/v1', 'Event', 'f'),
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'example.com/test',
      reportingInstance: 'one',
      action: 'Test',
      reason: 'Test',
      type: 'Normal',
      regarding: { namespace: 'shop' },
    },
    null,
  ),
  'a TokenReview': create(
    ADMIN,
    '/apis/authentication.k8s.io/v1/tokenreviews',
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'x' } },
    null,
  ),
  'a SelfSubjectAccessReview': create(
    ADMIN,
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { nonResourceAttributes: { path: '/', verb: 'get' } },
    },
    null,
  ),
  'a LocalSubjectAccessReview': create(
    ADMIN,
    '/apis/authorization.k8s.io/v1/namespaces/shop/localsubjectaccessreviews',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'LocalSubjectAccessReview',
      metadata: { namespace: 'shop' },
      spec: { user: 'a', resourceAttributes: { namespace: 'shop', verb: 'get', resource: 'pods' } },
    },
    null,
  ),
  'a Node by its kubelet': create(newNode, '/api/v1/nodes', objectOf('v1', 'Node', 'node-2'), 'cold-start'),
  'the heartbeat of a node': {
    as: node,
    method: 'PATCH',
    path: '/api/v1/nodes/node-1/status',
    body: { status: { nodeInfo: { kubeletVersion: 'v1' } } },
    patch: 'strategic',
    entry: null,
  },
  'a taint taken from a node': {
    as: ADMIN,
    method: 'PATCH',
    path: '/api/v1/nodes/node-1',
    body: { spec: { taints: null } },
    patch: 'merge',
    entry: 'cold-start',
  },
  'a node that is deleted': { as: ADMIN, method: 'DELETE', path: '/api/v1/nodes/node-1', entry: 'cluster' },
  'a CSINode by its kubelet': create(
    node,
    '/apis/storage.k8s.io/v1/csinodes',
    objectOf('storage.k8s.io/v1', 'CSINode', 'node-1', { spec: { drivers: [] } }),
    'cold-start',
  ),
  'a token for a Pod by its node': create(
    node,
    `${SHOP}/serviceaccounts/default/token`,
    {
      ...tokenRequest,
      spec: { audiences: [], boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: podUid } },
    },
    'cold-start',
  ),
  'a token by a person': create(ADMIN, `${SHOP}/serviceaccounts/default/token`, tokenRequest, 'namespaced'),
  'a token for a system controller': create(
    controllerManager,
    `${SYSTEM}/serviceaccounts/default/token`,
    tokenRequest,
    'cold-start',
  ),
  'a token for anybody else by the controller manager': create(
    controllerManager,
    `${SHOP}/serviceaccounts/default/token`,
    tokenRequest,
    'namespaced',
  ),
  'an EndpointSlice by its controller': create(
    endpointSlices,
    '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
    slice,
    'cold-start',
  ),
  'an EndpointSlice by a person': create(
    ADMIN,
    '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
    slice,
    'namespaced',
  ),
  'Endpoints by their controller': create(
    endpointSlices,
    `${SHOP}/endpoints`,
    objectOf('v1', 'Endpoints', 'other'),
    'cold-start',
  ),
  'an object of the network plug-in': create(
    cilium,
    '/apis/cilium.io/v1/namespaces/shop/ciliumnodes',
    objectOf('cilium.io/v1', 'CiliumNode', 'node-1'),
    'cold-start',
  ),
  'an object of the network plug-in by somebody else': create(
    stranger,
    '/apis/cilium.io/v1/namespaces/shop/ciliumnodes',
    objectOf('cilium.io/v1', 'CiliumNode', 'node-1'),
    'namespaced',
  ),
  'the Secret with our certificate': create(
    own,
    '/api/v1/namespaces/lockkeeper-system/secrets',
    objectOf('v1', 'Secret', 'lockkeeper-webhook'),
    'cold-start',
  ),
  'our account in another namespace': create(own, `${SHOP}/secrets`, objectOf('v1', 'Secret', 'x'), 'namespaced'),
  'another account in our namespace': create(
    stranger,
    '/api/v1/namespaces/lockkeeper-system/secrets',
    objectOf('v1', 'Secret', 'lockkeeper-webhook'),
    'namespaced',
  ),
  'another object of ours': create(
    own,
    '/api/v1/namespaces/lockkeeper-system/configmaps',
    objectOf('v1', 'ConfigMap', 'x'),
    'namespaced',
  ),
  'a report of ours': create(
    own,
    '/apis/openreports.io/v1/namespaces/shop/reports',
    objectOf('openreports.io/v1', 'Report', 'ours'),
    null,
  ),
  'a report by somebody else': create(
    stranger,
    '/apis/openreports.io/v1/namespaces/shop/reports',
    objectOf('openreports.io/v1', 'Report', 'forged'),
    'namespaced',
  ),
  'the status of an artifact': {
    as: ADMIN,
    method: 'PATCH',
    path: '/apis/source.toolkit.fluxcd.io/v1/namespaces/shop/externalartifacts/one/status',
    body: { status: { artifact: { url: 'https://example.com/x' } } },
    patch: 'merge',
    entry: 'namespaced',
  },
  'a namespace that labels itself exempt': create(
    ADMIN,
    '/api/v1/namespaces',
    {
      ...objectOf('v1', 'Namespace', 'free'),
      metadata: {
        name: 'free',
        labels: { 'kubernetes.io/metadata.name': 'exempt', 'admission.lockkeeper.dev/ignore': 'true' },
      },
    },
    'cluster',
  ),
  'an exempt namespace': {
    as: ADMIN,
    method: 'PATCH',
    path: '/api/v1/namespaces/exempt',
    body: { metadata: { labels: { a: 'b' } } },
    patch: 'merge',
    entry: 'cluster',
  },
  'a namespace that is deleted': { as: ADMIN, method: 'DELETE', path: '/api/v1/namespaces/exempt', entry: 'cluster' },
  'the finalizers of a namespace': {
    as: ADMIN,
    method: 'PUT',
    path: '/api/v1/namespaces/shop/finalize',
    body: objectOf('v1', 'Namespace', 'shop', { spec: { finalizers: ['kubernetes'] } }),
    entry: 'cluster',
  },
  'a ClusterRole': create(
    ADMIN,
    '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    objectOf('rbac.authorization.k8s.io/v1', 'ClusterRole', 'x', { rules: [] }),
    'cluster',
  ),
  'a certificate for a kubelet by its node': create(
    newNode,
    CERTIFICATES,
    csr('by-node', KUBELET_SIGNER),
    'cold-start',
  ),
  'a certificate for a kubelet by a new machine': create(
    bootstrapper,
    CERTIFICATES,
    csr('by-machine', KUBELET_SIGNER),
    'cold-start',
  ),
  'a certificate for a kubelet by a person': create(ADMIN, CERTIFICATES, csr('by-person', KUBELET_SIGNER), 'cluster'),
  'a certificate for a client by a new machine': create(
    bootstrapper,
    CERTIFICATES,
    csr('client', 'kubernetes.io/kube-apiserver-client'),
    'cluster',
  ),
  'a kubelet that is approved by its controller': {
    as: controllerManager,
    method: 'PATCH',
    path: `${CERTIFICATES}/kubelet/approval`,
    body: approval,
    patch: 'merge',
    entry: 'cold-start',
  },
  'a kubelet that is approved by a person': {
    as: ADMIN,
    method: 'PATCH',
    path: `${CERTIFICATES}/kubelet/approval`,
    body: approval,
    patch: 'merge',
    entry: 'cluster',
  },
  'a client that is approved by a controller': {
    as: controllerManager,
    method: 'PATCH',
    path: `${CERTIFICATES}/client/approval`,
    body: approval,
    patch: 'merge',
    entry: 'cluster',
  },
}

const PATCHES = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

function send({ as, method, path, body, patch, query = {}, isConnect }: Case): Promise<ApiResponse> {
  return plane.client(as).request(method, path, {
    ...(body !== undefined && { body }),
    ...(patch !== undefined && { contentType: PATCHES[patch] }),
    query: { ...query, ...(isConnect === undefined && { dryRun: 'All' }) },
  })
}

/** Which entries were asked about the requests of one user. */
function entriesFor(username: string): string[] {
  return gate
    .take()
    .filter(each => each.request.userInfo.username === username)
    .map(each => each.entry.replace(/\.lockkeeper\.dev$/, ''))
}

/** Registers by hand; what an entry is asked shows when it is in force. */
async function register(configuration: JsonObject): Promise<void> {
  await admin.create(configuration as unknown as Manifest)
  await waitFor('the configuration is in force', async () => {
    await send(create(ADMIN, `${SHOP}/pods`, pod('probe', 'shop'), 'namespaced'))
    return gate.take().length > 0
  })
}

async function unregister(): Promise<void> {
  await admin.delete({ apiVersion: 'admissionregistration.k8s.io/v1', kind: KIND, name: 'lockkeeper' })
  await waitFor('nothing is asked any more', async () => {
    await send(create(ADMIN, `${SHOP}/pods`, pod('probe', 'shop'), 'namespaced'))
    return gate.take().every(each => each.entry === 'validate')
  })
}

const KIND = 'ValidatingWebhookConfiguration'
const SEAL_KEY = randomBytes(32)
const statusWhileUp = new Map<string, number>()

t.test('every request reaches the one entry that it belongs to', async t => {
  await register(desired)
  for (const [name, each] of Object.entries(cases)) {
    gate.take()
    const { status, text } = await send(each)
    statusWhileUp.set(name, status)
    const reached = entriesFor(each.as.name)
    t.strictSame(reached, each.entry === null ? [] : [each.entry], `${name} (${status})`)
    // What is refused before admission would reach no entry, and prove nothing.
    if (each.entry === null) t.ok(status < 300, `${name}: ${status} ${status < 300 ? '' : text}`)
  }
})

t.test('while nobody answers, what a cold cluster needs goes on and everything else is refused', async t => {
  await gate.down()
  for (const [name, each] of Object.entries(cases)) {
    const { status, text } = await send(each)
    if (each.entry === null || each.entry === 'cold-start') t.equal(status, statusWhileUp.get(name), name)
    else t.match(text, `failed calling webhook \\"${each.entry}.lockkeeper.dev\\"`, name)
  }
  await gate.up()
})

t.test('an API server starts while nobody answers', async t => {
  // It makes its own roles anew, and ends where it cannot.
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'system:basic-user' }
  await admin.delete(role)
  await gate.down()
  await plane.stopApiServer()
  await plane.startApiServer()
  t.ok(await admin.find(role), 'it has made what was missing')
  await gate.up()
})

t.test('the API server shows who it is', async t => {
  gate.take()
  await send(create(ADMIN, `${SHOP}/pods`, pod('asked', 'shop'), 'namespaced'))
  t.strictSame(
    gate.take().map(each => each.caller),
    ['the-api-server'],
  )
})

t.test('no condition ended with an error', async t => {
  const { text } = await admin.request('GET', '/metrics')
  const lines = text.split('\n').filter(line => line.startsWith('apiserver_admission_match_condition'))
  t.ok(
    lines.some(line => line.startsWith('apiserver_admission_match_condition_exclusions_total')),
    'conditions were evaluated',
  )
  t.strictSame(
    lines.filter(line => line.startsWith('apiserver_admission_match_condition_evaluation_errors_total')),
    [],
  )
  await unregister()
})

t.test('the configuration is created, and restored when somebody changes it', async t => {
  const next = createCertificateAuthority('next')
  const closing = new AbortController()
  const restored: string[] = []
  const events: EventFacts[] = []
  const lines: string[] = []
  const published: (readonly string[])[] = []
  const isPublished = (configuration: JsonObject) => () =>
    Promise.resolve(published.at(-1)?.join() === publishedAuthorities(configuration).join())
  let wanted = desired
  const note =
    (level: string) =>
    (message: string, fields: object = {}) => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
    }
  const connection = await openConnection({ kubeconfig: await plane.kubeconfig(ADMIN), inCluster: null })
  const client = createClusterClient(connection, { userAgent: 'lockkeeper-test', signal: closing.signal })
  const registrar = createRegistrar({
    client,
    name: 'lockkeeper',
    refresh: () => Promise.resolve(),
    desired: () => wanted,
    knownAuthorities: () => [gate.authority, next.certificate],
    sealKey: () => SEAL_KEY,
    isLeader: () => true,
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
    recordEvent: event => events.push(event),
    onRestored: kind => restored.push(kind),
    onRefused: () => restored.push('refused'),
    onRight: () => undefined,
    onPublished: authorities => published.push(authorities),
    clock: SYSTEM_CLOCK,
    signal: closing.signal,
  })
  const running = registrar.run()
  t.teardown(async () => {
    closing.abort()
    await running
    client.close()
  })
  const reference = { apiVersion: 'admissionregistration.k8s.io/v1', kind: KIND, name: 'lockkeeper' }
  const webhooksOf = (object: unknown) => member(object, 'webhooks') as JsonObject[]
  const isRight = (object: unknown) =>
    webhooksOf(object).map(each => [each.name, each.failurePolicy, member(each, 'clientConfig', 'url')].join(' '))
  const right = isRight(desired)

  const created = await admin.waitUntil(reference, 'it is created', () => true)
  t.strictSame(isRight(created), right)
  await waitFor('its authority is told', isPublished(desired))
  t.strictSame(restored, [], 'to create it is no restoration')

  const weakened = webhooksOf(desired).map(each => ({ ...each, failurePolicy: 'Ignore' }))
  const elsewhere = webhooksOf(desired).map(each => ({
    ...each,
    clientConfig: { ...(each.clientConfig as JsonObject), url: 'https://127.0.0.1:1/' },
  }))
  const attacks: Record<string, { act: () => Promise<unknown>; kinds: readonly string[] }> = {
    deleted: { act: () => admin.delete(reference), kinds: ['deleted'] },
    weakened: {
      act: () => admin.patch(reference, { webhooks: weakened }, { fieldManager: 'intruder' }),
      kinds: ['weakened'],
    },
    redirected: { act: () => admin.patch(reference, { webhooks: elsewhere }), kinds: ['redirected'] },
    emptied: { act: () => admin.patch(reference, { webhooks: [] }), kinds: ['weakened'] },
    'given an owner that does not exist': {
      act: () =>
        admin.patch(reference, {
          metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'none', uid: 'none' }] },
        }),
      // The garbage collector may have been faster.
      kinds: ['weakened', 'deleted'],
    },
    'kept from being made anew': {
      act: async () => {
        await admin.patch(reference, { metadata: { finalizers: ['example.com/held'] } })
        await admin.delete(reference)
      },
      kinds: ['weakened'],
    },
  }
  for (const [name, { act, kinds }] of Object.entries(attacks)) {
    const before = restored.length
    const start = performance.now()
    await act()
    await waitFor(
      `what was ${name} is restored`,
      async () => {
        const live = await admin.find(reference)
        return (
          live !== null &&
          restored.length > before &&
          isRight(live).join() === right.join() &&
          live.metadata.ownerReferences === undefined &&
          live.metadata.finalizers === undefined
        )
      },
      { timeoutMs: 10_000, everyMs: 10 },
    )
    t.comment(`${name}: restored after ${Math.round(performance.now() - start)} ms`)
    t.ok(
      restored.slice(before).some(each => kinds.includes(each)),
      `${name} is counted: ${restored.slice(before).join()}`,
    )
  }
  t.ok(lines.some(line => line.startsWith('warn restored') && line.includes('"managerHint":"intruder"')))
  t.match(events[0], {
    type: 'Warning',
    reason: 'AdmissionConfigurationRestored',
    note: 'restored: it was deleted',
    regarding: { kind: KIND, name: 'lockkeeper' },
  })

  const before = restored.length
  const bothAuthorities = gate.authority + next.certificate
  wanted = withPathsByName(buildConfiguration({ ...options, authorities: bothAuthorities }), gate.url)
  registrar.check()
  await waitFor('both authorities are published', isPublished(wanted))
  t.equal(published.at(-1)?.length, 2)
  const turns = published.length
  await admin.patch(reference, {
    webhooks: webhooksOf(wanted).map(each => ({
      ...each,
      clientConfig: {
        ...(each.clientConfig as JsonObject),
        caBundle: Buffer.from(next.certificate).toString('base64'),
      },
    })),
  })
  await waitFor('it is brought up to date', () => Promise.resolve(published.length >= turns + 2))
  t.strictSame(published.slice(turns), [fingerprints(next.certificate), published[turns - 1]])
  t.equal(restored.length, before, 'our own rotation is no tampering')

  const { cards } = options
  const narrower = { ...options, authorities: bothAuthorities, cards: cards.filter(each => each.id === 'host_ports') }
  wanted = withPathsByName(buildConfiguration(narrower), gate.url)
  registrar.check()
  const rulesOf = (object: unknown) => JSON.stringify(readEntries(object as JsonObject).map(each => each.rules))
  await admin.waitUntil(reference, 'other policies ask for less', live => rulesOf(live) === rulesOf(wanted))
  wanted = withPathsByName(buildConfiguration(options), gate.url)
  registrar.check()
  await admin.waitUntil(reference, 'they ask for all again', live => rulesOf(live) === rulesOf(wanted))
  t.equal(restored.length, before, 'other policies are no tampering')
  t.strictSame(
    lines.filter(line => line.includes('could not see to') && !/40[49]/.test(line)),
    [],
  )
})

t.test('the static form guards the configuration itself', async t => {
  gate.deny = ({ entry, request }) =>
    entry === 'validate' && request.operation === 'DELETE' && request.name === 'lockkeeper' ? 'the gate stays' : null
  const reference = { apiVersion: 'admissionregistration.k8s.io/v1', kind: KIND, name: 'lockkeeper' }
  const refused = await refusal(admin.delete(reference))
  t.match(refused, { status: 403, message: 'the gate stays' })
  t.match(refused, { message: 'admission-control.lockkeeper.static.k8s.io' })
  t.ok(await admin.find(reference), 'it is still there')
  const [policy] = await Promise.all([
    refusal(
      admin.create(
        {
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: 'ValidatingAdmissionPolicy',
          metadata: { name: 'any' },
          spec: {
            matchConstraints: {
              resourceRules: [
                { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] },
              ],
            },
            validations: [{ expression: 'true' }],
          },
        },
        { dryRun: true },
      ),
    ),
  ])
  t.equal(policy, null)
  t.ok(
    gate.take().some(each => each.entry === 'validate' && each.request.kind.kind === 'ValidatingAdmissionPolicy'),
    'policies of the API server are seen as well',
  )
  gate.deny = null
})
