// What holds a namespace to the gate before Flux: real requests of people who may edit it, by the rights that Flux gives them.
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CLI, ROOT } from '../helpers/repository.js'
import { refusal } from '../helpers/testbed/api-error.js'
import type { Manifest } from '../helpers/testbed/api-objects.js'
import { startBalancer } from '../helpers/testbed/balancer.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { FLUX_NAMESPACE, installFlux } from '../helpers/testbed/flux-install.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ADMIN, ALICE } from '../helpers/testbed/users.js'
import { installWebhookAccount, startWebhooks, WEBHOOK_NAMESPACE } from '../helpers/testbed/webhook.js'

const RBAC = 'rbac.authorization.k8s.io'
const SOURCE = 'source.toolkit.fluxcd.io'
const KUSTOMIZE = 'kustomize.toolkit.fluxcd.io'
const GATED = 'shop'
const OPEN = 'web'

function object(apiVersion: string, kind: string, namespace: string, name: string, rest: object = {}): Manifest {
  return { apiVersion, kind, metadata: { name, namespace }, ...rest }
}

const artifact = (namespace: string, name = 'shop') => object(`${SOURCE}/v1`, 'ExternalArtifact', namespace, name)
const configMap = (namespace: string, name: string, data: object = { a: 'b' }) =>
  object('v1', 'ConfigMap', namespace, name, { data })

function kustomization(namespace: string, name: string, kind: string, more: object = {}): Manifest {
  const spec = { interval: '10m', path: './', prune: true, sourceRef: { kind, name: 'shop' }, ...more }
  return object(`${KUSTOMIZE}/v1`, 'Kustomization', namespace, name, { spec })
}

function gate(namespace: string, names: readonly string[]): Manifest {
  const kustomizations = names.map(name => ({ name }))
  const spec = { sourceRef: { kind: 'GitRepository', name: 'shop' }, kustomizations }
  return object('lockkeeper.dev/v1alpha1', 'ArtifactGate', namespace, 'shop', { spec })
}

/** What a forger would have applied. */
const forged = {
  status: {
    artifact: {
      url: 'http://evil.example/a.tar.gz',
      path: 'a.tar.gz',
      revision: 'main@sha1:0',
      digest: `sha256:${'0'.repeat(64)}`,
      lastUpdateTime: '2026-06-01T00:00:00Z',
    },
  },
}

const bed = createTestbed(t)
const bundle = join(bed.directory, 'bundle')
cpSync(join(ROOT, 'policies/bundle'), bundle, { recursive: true })
writeFileSync(
  join(bundle, 'lockkeeper/config.yaml'),
  readFileSync(join(ROOT, 'manifests/examples/flux/lockkeeper-config.yaml')),
)
const plane = await startControlPlane(bed)
const { admin } = plane
await installFlux(plane)
await installWebhookAccount(plane)
for (const each of ['artifact-gate-crd', 'service-account', 'cluster-role']) {
  const { status, stderr } = await plane.kubectl(['apply', '-f', join(ROOT, 'manifests/flux', `${each}.yaml`)])
  if (status !== 0) throw new Error(stderr)
}
// As Flux installs it: whoever may edit a namespace may write what is in it of Flux, the status too.
await admin.create({
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRole',
  metadata: { name: 'flux-edit-flux-system', labels: { [`${RBAC}/aggregate-to-edit`]: 'true' } },
  rules: [
    {
      apiGroups: [SOURCE, KUSTOMIZE, 'lockkeeper.dev'],
      resources: ['*'],
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    },
  ],
})
for (const namespace of [GATED, OPEN]) {
  await plane.createNamespace(namespace)
  await admin.create({
    ...object(`${RBAC}/v1`, 'RoleBinding', namespace, 'editors'),
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'edit' },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: ALICE.name }],
  })
  const source = { spec: { interval: '1m', url: 'https://git.example/shop.git' } }
  await waitFor(
    'ArtifactGates are served',
    async () => (await refusal(admin.apply(gate(namespace, ['shop'])))) === null,
  )
  await admin.create(object(`${SOURCE}/v1`, 'GitRepository', namespace, 'shop', source))
  await admin.create(artifact(namespace))
  await admin.create(kustomization(namespace, 'shop', 'ExternalArtifact'))
  await admin.create(kustomization(namespace, 'old', 'GitRepository'))
  await admin.create(configMap(namespace, 'cluster-settings'))
}
// With the gate there nobody gets a token of these any more.
const flux = plane.client(await plane.serviceAccount(WEBHOOK_NAMESPACE, 'lockkeeper-flux'))
const kustomizeController = plane.client(await plane.serviceAccount(FLUX_NAMESPACE, 'kustomize-controller'))
const balancer = await startBalancer(bed)
await startWebhooks(bed, plane, balancer, [{ name: 'webhook', bundle }])
await waitFor(
  'the gate is asked',
  async () => (await refusal(alice().delete(artifact(GATED), { dryRun: true }))) !== null,
)

function alice() {
  return plane.client(ALICE)
}

/** The policies that a refusal names; what it says where it is another refusal. */
async function deniedBy(request: Promise<unknown>): Promise<readonly string[]> {
  const found = await refusal(request)
  if (found === null) return []
  const policies = [...found.message.matchAll(/\[(\w+)\]/g)].map(([, policy = '']) => policy)
  return policies.length === 0 ? [found.message] : [...new Set(policies)].sort()
}

const dryRun = { dryRun: true }
const status = { dryRun: true, subresource: 'status' }

/** What an editor of the namespace tries, and who refuses it where the namespace is gated. */
function attempts(namespace: string): readonly (readonly [string, () => Promise<unknown>, readonly string[]])[] {
  const of = kustomization(namespace, 'shop', 'ExternalArtifact')
  const gitRepository = { sourceRef: { kind: 'GitRepository', name: 'shop' } }
  const muted = { metadata: { annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } } }
  return [
    [
      'forges the status of an artifact',
      () => alice().patch(artifact(namespace), forged, status),
      ['flux_artifact_status'],
    ],
    ['makes an artifact', () => alice().create(artifact(namespace, 'mine'), dryRun), ['flux_artifact_status']],
    ['deletes an artifact', () => alice().delete(artifact(namespace), dryRun), ['flux_artifact_status']],
    [
      'points a Kustomization past the gate',
      () => alice().patch(of, { spec: gitRepository }, dryRun),
      ['flux_source_ungated', 'gitops_source_swapped'],
    ],
    [
      'makes a Kustomization past the gate',
      () => alice().create(kustomization(namespace, 'mine', 'GitRepository'), dryRun),
      ['flux_source_ungated'],
    ],
    [
      'patches what is applied',
      () => alice().patch(of, { spec: { patches: [{ patch: 'x' }] } }, dryRun),
      ['gitops_source_swapped'],
    ],
    ['suspends', () => alice().patch(of, { spec: { suspend: true } }, dryRun), ['gitops_self_heal']],
    [
      'has drift ignored',
      () => alice().patch(of, { spec: { ignore: [{ paths: ['/spec'] }] } }, dryRun),
      ['gitops_self_heal'],
    ],
    [
      'suspends the gate',
      () => alice().patch(gate(namespace, []), { spec: { suspend: true } }, dryRun),
      ['gitops_self_heal'],
    ],
    [
      'takes a Kustomization out of the gate',
      () => alice().patch(gate(namespace, []), { spec: { kustomizations: [] } }, dryRun),
      ['gitops_source_swapped'],
    ],
    [
      'changes a value that is substituted',
      () => alice().patch(configMap(namespace, 'cluster-settings'), { data: { a: 'c' } }, dryRun),
      ['gitops_configuration'],
    ],
    [
      'deletes the values',
      () => alice().delete(configMap(namespace, 'cluster-settings'), dryRun),
      ['gitops_configuration'],
    ],
    [
      'hides an object from Flux',
      () => alice().patch(configMap(namespace, 'cluster-settings'), muted, dryRun),
      ['gitops_muted'],
    ],
  ]
}

t.test('an editor of a gated namespace cannot go round the gate', async t => {
  for (const [name, attempt, policies] of attempts(GATED)) t.strictSame(await deniedBy(attempt()), policies, name)
})

t.test('in a namespace that has not moved nothing of this is denied but a forged status', async t => {
  for (const [name, attempt, policies] of attempts(OPEN)) {
    const expected = name.startsWith('forges') ? policies : []
    t.strictSame(await deniedBy(attempt()), expected, name)
  }
})

t.test('from another namespace nobody applies there past the gate', async t => {
  const roundabout = kustomization(OPEN, 'mine', 'GitRepository', { targetNamespace: GATED })
  t.strictSame(await deniedBy(alice().create(roundabout, dryRun)), ['flux_source_ungated'])
})

t.test('what was there before stays writable, and its source is not exchanged for another', async t => {
  const old = kustomization(GATED, 'old', 'GitRepository')
  t.strictSame(
    await deniedBy(kustomizeController.patch(old, { metadata: { finalizers: ['finalizers.fluxcd.io'] } }, dryRun)),
    [],
  )
  const other = { spec: { sourceRef: { kind: 'GitRepository', name: 'other' } } }
  t.strictSame(await deniedBy(kustomizeController.patch(old, other, dryRun)), ['flux_source_ungated'])
})

t.test('who has to may: the gate publishes, and Flux brings what is in Git', async t => {
  t.equal(await refusal(flux.patch(artifact(GATED), forged, { subresource: 'status' })), null)
  t.equal(await refusal(flux.create(artifact(GATED, 'another'))), null)
  t.strictSame(await deniedBy(kustomizeController.patch(artifact(GATED), forged, status)), [])
  const changed = { status: { artifact: { revision: 'main@sha1:1' } } }
  t.strictSame(await deniedBy(kustomizeController.patch(artifact(GATED), changed, status)), ['flux_artifact_status'])
  const of = kustomization(GATED, 'shop', 'ExternalArtifact')
  const moved = { spec: { suspend: true, sourceRef: { kind: 'ExternalArtifact', name: 'another' } } }
  t.strictSame(await deniedBy(kustomizeController.patch(of, moved, dryRun)), [])
  t.strictSame(await deniedBy(kustomizeController.apply(configMap(GATED, 'cluster-settings', { a: 'c' }), dryRun)), [])
  t.strictSame(await deniedBy(alice().patch(artifact(GATED), { metadata: { labels: { a: 'b' } } }, dryRun)), [])
})

t.test('the doctor sees both namespaces', async t => {
  const args = [
    'doctor',
    '--cluster',
    '--kubeconfig',
    await plane.kubeconfig(ADMIN),
    '--bundle',
    bundle,
    '--format',
    'json',
  ]
  const stdout = await new Promise<string>(resolve => {
    execFile(process.execPath, [CLI, ...args], { env: { PATH: '' }, maxBuffer: 1 << 26 }, (_, out) => {
      resolve(out)
    })
  })
  const { findings } = JSON.parse(stdout) as {
    findings: { id: string; level: string; title: string; detail: string }[]
  }
  const found = findings
    .filter(({ id }) => /^(?:flux|cluster\.gitops)/.test(id))
    .map(({ id, level }) => `${id}: ${level}`)
  t.strictSame(found.sort(), [
    'cluster.gitops: info',
    'flux.artifact-writers: warn',
    'flux.gated-namespaces: warn',
    'flux.moved: ok',
    'flux.ungated: warn',
  ])
  const text = (id: string) =>
    findings.filter(each => each.id === id).map(({ title, detail }) => `${title}\n${detail}`)[0]
  t.match(text('flux.artifact-writers'), /: flux-edit-flux-system\n/)
  t.match(text('flux.gated-namespaces'), /: web\n/)
  t.match(text('flux.ungated'), /\nKustomization shop\/old: GitRepository shop\/shop$/)
})

t.test('nobody takes out a token of the gate', async t => {
  const of = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: WEBHOOK_NAMESPACE, name: 'lockkeeper-flux' }
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  t.strictSame(await deniedBy(admin.create(request, { of, subresource: 'token', dryRun: true })), ['token_request'])
})

t.test('a gated namespace can be deleted with its artifacts', async t => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: GATED } }
  t.equal(await refusal(admin.delete(namespace)), null)
  await admin.waitUntilGone(namespace, { timeoutMs: 120_000 })
})
