// What a user applies: rendered by the real programs, judged by our own gate, and taken by a real API server.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import type { KubeObject } from '../../src/manifest.js'
import { permissiveDefinitions } from '../helpers/custom-kinds.js'
import { judgeTogether, nameOf, objectsOf } from '../helpers/own-manifests.js'
import { ROOT } from '../helpers/repository.js'
import type { ApiClient } from '../helpers/testbed/api.js'
import { type Manifest, member } from '../helpers/testbed/api-objects.js'
import { type ControlPlane, startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { program } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

const NAMESPACE = 'lockkeeper-system'
const BASE = join(ROOT, 'manifests/webhook')
const MONITORING = join(ROOT, 'manifests/monitoring')
const FLUX = join(ROOT, 'manifests/flux')
const CHART = join(ROOT, 'manifests/chart/lockkeeper')
const FLUX_COMPONENTS = ['ephemeral-storage', 'no-secrets']
const COMPONENTS = ['audit-secrets', 'bundle-configmap', 'bundle-server', 'policy-reports']
const WEBHOOK = `system:serviceaccount:${NAMESPACE}:lockkeeper-webhook`
const CONTROLLER = `system:serviceaccount:${NAMESPACE}:lockkeeper-controller`
const FLUX_GATE = `system:serviceaccount:${NAMESPACE}:lockkeeper-flux`
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
/** Labels that only Helm sets. */
const HELM_LABELS = [
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/version',
  'helm.sh/chart',
]

// A helm that was built without its version takes an old Kubernetes for its own.
const TEMPLATE = ['template', 'lockkeeper', CHART, '--namespace', NAMESPACE, '--kube-version', '1.37.0']

function run(
  name: 'helm' | 'kustomize',
  args: readonly string[],
): { status: number | null; said: string; out: string } {
  const { status, stdout, stderr } = spawnSync(program(name), args, { encoding: 'utf8', timeout: 60_000 })
  return { status, said: stderr, out: stdout }
}

function rendered(name: 'helm' | 'kustomize', args: readonly string[]): readonly KubeObject[] {
  const { status, said, out } = run(name, args)
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${said}`)
  return objectsOf(out, `${name}.yaml`)
}

function kustomized(directory: string): readonly KubeObject[] {
  return rendered('kustomize', ['build', directory])
}

function templated(...settings: readonly string[]): readonly KubeObject[] {
  const sets = settings.flatMap(each => ['--set', each])
  return rendered('helm', [...TEMPLATE, ...sets])
}

/** A CustomResourceDefinition stays when the chart goes. */
const HELM_ANNOTATION = 'helm.sh/resource-policy'

/** Objects by name, without what only Helm adds, in plain JSON. */
function comparable(objects: readonly KubeObject[]): Record<string, unknown> {
  const plain = objects.map(object => {
    const copy = JSON.parse(JSON.stringify(object)) as {
      metadata: { labels?: Record<string, string>; annotations?: Record<string, string> }
    }
    const labels = Object.entries(copy.metadata.labels ?? {}).filter(([key]) => !HELM_LABELS.includes(key))
    const annotations = Object.entries(copy.metadata.annotations ?? {}).filter(([key]) => key !== HELM_ANNOTATION)
    const metadata = {
      ...copy.metadata,
      labels: Object.fromEntries(labels),
      annotations: Object.fromEntries(annotations),
    }
    return [nameOf(object), { ...copy, metadata }] as const
  })
  return Object.fromEntries([...plain].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const SETTINGS: Record<string, readonly string[]> = {
  'the defaults': [],
  'everything on': [
    'namespace.create=true',
    'monitoring.enabled=true',
    'webhook.bundleServer.enabled=true',
    'webhook.clientCa.secretName=api-server-ca',
    'webhook.clientCa.names={kube-apiserver}',
    'webhook.decisionLog=https://collector.example.org/logs',
    'webhook.otlpEndpoint=http://collector:4318',
    'exemptNamespaces={sandbox,playground}',
    'bootstrapNamespaces={kube-system,calico-system}',
    'bundle.source=configMap',
    'imagePullSecrets[0].name=registry',
    `image.digest=sha256:${'0123456789abcdef'.repeat(4)}`,
  ],
  'cert-manager, a bundle in a Secret and no autoscaler': [
    'certManager.enabled=true',
    'bundle.source=secret',
    'webhook.autoscaler.enabled=false',
    'webhook.failurePolicy=Ignore',
    'webhook.nodeSelector.pool=system',
    'webhook.tolerations[0].key=pool,webhook.tolerations[0].operator=Exists',
    'webhook.extraArgs={--log-level=debug}',
  ],
  'an Argo CD elsewhere, and records on a volume': [
    'argocd.enabled=true',
    'argocd.namespace=default',
    'argocd.repoServerAccount=repo-server',
    'argocd.recordsClaim=records',
    'controller.replicas=1',
  ],
  'a gate before Flux': [
    'flux.enabled=true',
    'flux.namespace=default',
    'flux.readSecrets=false',
    'flux.storage.className=fast',
    'flux.extraArgs={--log-level=debug}',
    'bundle.source=configMap',
  ],
  'as little as possible': [
    'controller.enabled=false',
    'networkPolicy.enabled=false',
    'priorityClass.create=false',
    'webhook.registration=false',
    'webhook.disruptionBudget.enabled=false',
  ],
}

t.test('the chart gives the objects of the base', t => {
  t.strictSame(comparable(templated('namespace.create=true')), comparable(kustomized(BASE)))
  const monitored = templated('namespace.create=true', 'monitoring.enabled=true')
  t.strictSame(comparable(monitored), comparable([...kustomized(BASE), ...kustomized(MONITORING)]))
  t.end()
})

t.test('the chart gives the objects of the gate before the sync as the component does', t => {
  const directory = t.testdir()
  const fromThere = (path: string) => relative(directory, path)
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [fromThere(BASE)],
    components: [fromThere(join(ROOT, 'manifests/argocd/controller'))],
  }
  writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(kustomization))
  const chart = templated('namespace.create=true', 'argocd.enabled=true')
  t.strictSame(comparable(chart), comparable(kustomized(directory)))
  t.end()
})

t.test('the chart gives the objects of the gate before Flux as the base does', t => {
  const directory = t.testdir()
  const resources = [BASE, FLUX].map(each => relative(directory, each))
  const kustomization = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources }
  writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(kustomization))
  const chart = templated('namespace.create=true', 'flux.enabled=true')
  t.strictSame(comparable(chart), comparable(kustomized(directory)))
  t.end()
})

t.test('the chart is well formed, and refuses values that it does not know', t => {
  t.equal(run('helm', ['lint', '--strict', CHART]).status, 0)
  const { status, said } = run('helm', [...TEMPLATE, '--set', 'webhook.failurePolicy=fail'])
  t.equal(status, 1)
  t.match(said, /failurePolicy/)
  t.end()
})

t.test('our own gate lets everything that is rendered through, without exceptions', async t => {
  const directory = t.testdir()
  const fromThere = (path: string) => relative(directory, path)
  writeFileSync(
    join(directory, 'kustomization.yaml'),
    JSON.stringify({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [fromThere(BASE), fromThere(FLUX)],
      components: [
        ...COMPONENTS.map(each => fromThere(join(BASE, 'components', each))),
        ...FLUX_COMPONENTS.map(each => fromThere(join(FLUX, 'components', each))),
      ],
    }),
  )
  const all: Record<string, readonly KubeObject[]> = {
    'the base, the monitoring and the gate before Flux': [BASE, MONITORING, FLUX].flatMap(kustomized),
    'the base with every component': kustomized(directory),
    ...Object.fromEntries(Object.entries(SETTINGS).map(([name, each]) => [`the chart: ${name}`, templated(...each)])),
  }
  /** All are said in the files: the authorizer knows no name of what is created; reading Secrets is what was asked for. */
  const expected = [
    'ClusterRole lockkeeper-controller rbac_secrets: warn',
    'ClusterRole lockkeeper-flux-secrets rbac_secrets: warn',
    'ClusterRole lockkeeper-webhook rbac_admission: warn',
  ]
  for (const [name, objects] of Object.entries(all)) {
    const verdicts = await judgeTogether(objects)
    t.ok(verdicts.length > 5, `${name}: ${verdicts.length} objects`)
    const refused = verdicts.filter(each => !each.allowed || each.exceptions.length > 0)
    t.strictSame(refused, [], name)
    const warnings = verdicts.flatMap(({ object, violations }) => violations.map(each => `${object} ${each}`))
    t.strictSame(
      warnings.filter(each => !expected.includes(each)),
      [],
      name,
    )
  }
})

/** Asks the API server what somebody may do. */
async function isAllowed(plane: ControlPlane, user: string, question: Question): Promise<boolean> {
  const { verb, resource, group = '', namespace, name, subresource } = question
  const review = await plane.admin.create({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, groups: [], resourceAttributes: { verb, group, resource, namespace, name, subresource } },
  })
  return member(review, 'status', 'allowed') === true
}

interface Question {
  readonly verb: string
  readonly resource: string
  readonly group?: string
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
}

const ADMISSION = 'admissionregistration.k8s.io'
const RBAC = 'rbac.authorization.k8s.io'
const LEASES = { group: 'coordination.k8s.io', resource: 'leases', namespace: NAMESPACE }
const EVENTS = { group: 'events.k8s.io', resource: 'events' }
const SECRETS = { resource: 'secrets', namespace: NAMESPACE }
const SOURCES = { group: 'source.toolkit.fluxcd.io', resource: 'externalartifacts' }
const KUSTOMIZE = 'kustomize.toolkit.fluxcd.io'
const REGISTRATION = { group: ADMISSION, resource: 'validatingwebhookconfigurations' }

/** What each account may do, and what it must not. */
const RIGHTS: readonly [string, boolean, Question][] = [
  [WEBHOOK, true, { verb: 'watch', resource: 'namespaces' }],
  [WEBHOOK, true, { verb: 'update', ...REGISTRATION, name: 'lockkeeper' }],
  [WEBHOOK, true, { verb: 'watch', ...REGISTRATION, name: 'lockkeeper' }],
  [WEBHOOK, true, { verb: 'create', ...REGISTRATION }],
  [WEBHOOK, true, { verb: 'get', group: RBAC, resource: 'clusterroles', name: 'lockkeeper-webhook' }],
  [WEBHOOK, true, { verb: 'update', ...SECRETS, name: 'lockkeeper-webhook-tls' }],
  [WEBHOOK, true, { verb: 'create', ...SECRETS }],
  [WEBHOOK, true, { verb: 'update', ...LEASES, name: 'lockkeeper-webhook' }],
  [WEBHOOK, true, { verb: 'create', ...LEASES }],
  [WEBHOOK, true, { verb: 'create', ...EVENTS, namespace: 'default' }],
  [WEBHOOK, true, { verb: 'create', ...EVENTS, namespace: 'shop' }],
  [WEBHOOK, false, { verb: 'update', ...REGISTRATION, name: 'kyverno' }],
  [WEBHOOK, false, { verb: 'delete', ...REGISTRATION, name: 'kyverno' }],
  [WEBHOOK, false, { verb: 'list', ...REGISTRATION }],
  [WEBHOOK, false, { verb: 'create', group: ADMISSION, resource: 'mutatingwebhookconfigurations' }],
  [WEBHOOK, false, { verb: 'get', ...SECRETS, name: 'another' }],
  [WEBHOOK, false, { verb: 'list', ...SECRETS }],
  [WEBHOOK, false, { verb: 'get', resource: 'secrets', namespace: 'shop', name: 'lockkeeper-webhook-tls' }],
  [WEBHOOK, false, { verb: 'update', ...LEASES, name: 'lockkeeper-controller' }],
  [WEBHOOK, false, { verb: 'update', group: RBAC, resource: 'clusterroles', name: 'lockkeeper-webhook' }],
  [WEBHOOK, false, { verb: 'delete', resource: 'namespaces', name: 'shop' }],
  [WEBHOOK, false, { verb: 'patch', resource: 'namespaces', name: NAMESPACE }],
  [WEBHOOK, false, { verb: 'list', resource: 'pods' }],
  [WEBHOOK, false, { verb: 'impersonate', resource: 'users', name: 'admin' }],
  [WEBHOOK, false, { verb: 'create', resource: 'serviceaccounts', subresource: 'token', namespace: NAMESPACE }],
  [WEBHOOK, false, { verb: 'create', group: 'authentication.k8s.io', resource: 'tokenreviews' }],
  [CONTROLLER, true, { verb: 'list', resource: 'pods' }],
  [CONTROLLER, true, { verb: 'watch', group: RBAC, resource: 'clusterroles' }],
  [CONTROLLER, true, { verb: 'watch', group: 'argoproj.io', resource: 'applications' }],
  [CONTROLLER, true, { verb: 'create', group: 'openreports.io', resource: 'reports', namespace: 'shop' }],
  [CONTROLLER, true, { verb: 'delete', group: 'openreports.io', resource: 'clusterreports', name: 'one' }],
  [CONTROLLER, true, { verb: 'update', ...LEASES, name: 'lockkeeper-controller' }],
  [CONTROLLER, true, { verb: 'create', ...EVENTS, namespace: 'shop' }],
  [CONTROLLER, false, { verb: 'list', resource: 'secrets' }],
  [CONTROLLER, false, { verb: 'get', ...SECRETS, name: 'lockkeeper-webhook-tls' }],
  [CONTROLLER, false, { verb: 'create', ...SECRETS }],
  [CONTROLLER, false, { verb: 'update', ...REGISTRATION, name: 'lockkeeper' }],
  [CONTROLLER, false, { verb: 'update', ...LEASES, name: 'lockkeeper-webhook' }],
  [CONTROLLER, false, { verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'shop', name: 'web' }],
  [CONTROLLER, false, { verb: 'create', resource: 'pods', subresource: 'exec', namespace: 'shop', name: 'web' }],
  [CONTROLLER, false, { verb: 'delete', resource: 'pods', namespace: 'shop', name: 'web' }],
  [CONTROLLER, false, { verb: 'create', group: 'wgpolicyk8s.io', resource: 'policyreports', namespace: 'shop' }],
  [CONTROLLER, false, { verb: 'impersonate', resource: 'users', name: 'admin' }],
  [CONTROLLER, false, { verb: 'delete', resource: 'namespaces', name: 'shop' }],
  [FLUX_GATE, true, { verb: 'watch', group: 'lockkeeper.dev', resource: 'artifactgates' }],
  [FLUX_GATE, true, { verb: 'patch', group: 'lockkeeper.dev', resource: 'artifactgates', subresource: 'status' }],
  [FLUX_GATE, true, { verb: 'watch', ...SOURCES, resource: 'gitrepositories', namespace: 'shop' }],
  [FLUX_GATE, true, { verb: 'create', ...SOURCES, namespace: 'shop' }],
  [FLUX_GATE, true, { verb: 'patch', ...SOURCES, subresource: 'status', namespace: 'shop' }],
  [FLUX_GATE, true, { verb: 'watch', group: KUSTOMIZE, resource: 'kustomizations' }],
  [FLUX_GATE, true, { verb: 'get', group: 'apps', resource: 'deployments', namespace: 'shop', name: 'web' }],
  [FLUX_GATE, true, { verb: 'watch', resource: 'secrets', namespace: 'shop', name: 'cluster-secrets' }],
  [FLUX_GATE, true, { verb: 'update', ...LEASES, name: 'lockkeeper-flux' }],
  [FLUX_GATE, true, { verb: 'create', ...EVENTS, namespace: 'shop' }],
  [FLUX_GATE, false, { verb: 'patch', group: 'lockkeeper.dev', resource: 'artifactgates', namespace: 'shop' }],
  [FLUX_GATE, false, { verb: 'delete', ...SOURCES, namespace: 'shop' }],
  [FLUX_GATE, false, { verb: 'patch', ...SOURCES, resource: 'gitrepositories', subresource: 'status' }],
  [FLUX_GATE, false, { verb: 'patch', group: KUSTOMIZE, resource: 'kustomizations', namespace: 'shop' }],
  [FLUX_GATE, false, { verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'shop', name: 'web' }],
  [FLUX_GATE, false, { verb: 'create', ...SECRETS }],
  [FLUX_GATE, false, { verb: 'update', resource: 'configmaps', namespace: 'shop' }],
  [FLUX_GATE, false, { verb: 'update', ...LEASES, name: 'lockkeeper-controller' }],
  [FLUX_GATE, false, { verb: 'impersonate', resource: 'serviceaccounts', namespace: 'shop', name: 'deployer' }],
]

function namesOf({ kind, metadata }: KubeObject): readonly unknown[] {
  return [kind, metadata.name]
}

/** Sees to it that the API server serves the kinds of these objects. */
async function define(admin: ApiClient, objects: readonly KubeObject[]): Promise<void> {
  for (const definition of permissiveDefinitions(objects)) {
    await admin.apply(definition)
    await admin.waitUntil(definition, 'the kind is served', found => {
      const conditions = (member(found, 'status', 'conditions') ?? []) as { type: string; status: string }[]
      return conditions.some(({ type, status }) => type === 'Established' && status === 'True')
    })
  }
}

t.test('a cluster takes what is applied', async t => {
  const bed = createTestbed(t)
  const plane = await startControlPlane(bed, { moreControllers: ['horizontal-pod-autoscaler-controller'] })
  const { admin } = plane
  const apply = (directory: string, ...more: readonly string[]) => plane.kubectl(['apply', '-k', directory, ...more])
  const lines = (text: string) => text.trim().split('\n').sort()

  await t.test('every object, without a word of the API server', async t => {
    const { status, stdout, stderr } = await apply(BASE)
    t.equal(stderr, '', 'no warning, of Pod Security neither')
    t.equal(status, 0)
    t.equal(lines(stdout).length, 20)
    t.ok(lines(stdout).every(each => each.endsWith(' created')))
  })

  await t.test('the monitoring, where its kinds are known', async t => {
    const objects = objectsOf((await plane.kubectl(['kustomize', MONITORING])).stdout, 'monitoring.yaml')
    await define(admin, objects)
    const { status, stdout, stderr } = await apply(MONITORING)
    t.equal(stderr, '')
    t.equal(status, 0)
    t.equal(lines(stdout).length, 6)
  })

  await t.test('the gate before Flux, where Flux is', async t => {
    await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'flux-system' } })
    const { status, stdout, stderr } = await apply(FLUX)
    t.equal(stderr, '', 'no warning, of Pod Security neither')
    t.equal(status, 0)
    t.equal(lines(stdout).length, 15)
    // Without a volume its Pod would wait.
    t.equal((await plane.kubectl(['-n', NAMESPACE, 'scale', 'deployment/lockkeeper-flux', '--replicas=0'])).status, 0)
  })

  await t.test('the Pods are made: level, priority and account are those of the manifests', async t => {
    const pods = await waitFor(
      'five Pods',
      async () => {
        const found = await admin.list({ apiVersion: 'v1', kind: 'Pod', namespace: NAMESPACE })
        return found.length === 5 ? found : null
      },
      { timeoutMs: 60_000 },
    )
    const names = pods.map(each => member(each, 'spec', 'serviceAccountName')).sort()
    t.strictSame(names, [
      ...Array<string>(2).fill('lockkeeper-controller'),
      ...Array<string>(3).fill('lockkeeper-webhook'),
    ])
    for (const pod of pods) {
      t.equal(member(pod, 'spec', 'priority'), 100_000_000)
      const mounts = member(pod, 'spec', 'containers', 0, 'volumeMounts') as { name: string }[]
      t.strictSame(
        mounts.map(each => each.name),
        ['tmp', 'service-account'],
        'no other token is mounted',
      )
    }
  })

  await t.test('applied again, nothing changes: the autoscaler keeps its replicas', async t => {
    const webhook = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'lockkeeper-webhook', namespace: NAMESPACE }
    t.equal(member(await admin.get(webhook), 'spec', 'replicas'), 3)
    for (const directory of [BASE, MONITORING]) {
      const { status, stdout } = await plane.kubectl(['diff', '-k', directory])
      t.strictSame({ status, stdout }, { status: 0, stdout: '' }, directory)
      t.equal((await apply(directory)).status, 0)
    }
    t.equal(member(await admin.get(webhook), 'spec', 'replicas'), 3)
  })

  await t.test('the API server takes every object of the chart and knows every field', async t => {
    for (const [name, settings] of Object.entries(SETTINGS)) {
      const objects = templated(...settings)
      await define(admin, objects)
      const taken = await Promise.all(
        objects.map(each =>
          admin.apply(JSON.parse(JSON.stringify(each)) as Manifest, {
            dryRun: true,
            query: { fieldValidation: 'Strict' },
          }),
        ),
      )
      t.strictSame(
        taken.map(({ kind, metadata }) => [kind, metadata.name]),
        objects.map(namesOf),
        name,
      )
    }
  })

  await t.test('each account may do what it needs, and no more', async t => {
    for (const [user, allowed, question] of RIGHTS) {
      const { verb, resource, group = '', namespace = '*', name = '*', subresource = '' } = question
      const said = `${user.split(':').at(-1) ?? ''}: ${verb} ${resource}.${group}/${subresource} ${namespace}/${name}`
      t.equal(await isAllowed(plane, user, question), allowed, said)
    }
  })

  await t.test('the registration is written, watched by its name, and goes with the role that owns it', async t => {
    const webhook = plane.client(await plane.serviceAccount(NAMESPACE, 'lockkeeper-webhook'))
    const role = { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', name: 'lockkeeper-webhook' }
    const owner = await webhook.get(role)
    const { apiVersion, kind, name } = role
    const configuration: Manifest = {
      apiVersion: `${ADMISSION}/v1`,
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'lockkeeper', ownerReferences: [{ apiVersion, kind, name, uid: owner.metadata.uid }] },
    }
    await webhook.create(configuration)
    const list = (query: Record<string, string>) => webhook.request('GET', CONFIGURATIONS, { query })
    t.equal((await list({ fieldSelector: 'metadata.name=lockkeeper' })).status, 200)
    t.equal((await list({})).status, 403)
    const removed = await plane.kubectl(['delete', '-k', BASE, '--wait=false'])
    t.equal(removed.status, 0, removed.stderr)
    await admin.waitUntilGone(configuration, { timeoutMs: 60_000 })
  })
})

t.test('the readme names what there is', t => {
  const text = readFileSync(join(BASE, 'README.md'), 'utf8')
  for (const each of COMPONENTS) t.match(text, `components/${each}`)
  t.end()
})
