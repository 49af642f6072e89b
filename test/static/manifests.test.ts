import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { load } from 'js-yaml'
import t from 'tap'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import type { KubeObject } from '../../src/manifest.js'
import type { PolicyCard } from '../../src/policy/policy-types.js'
import { buildRequest } from '../../src/request.js'
import { resourceOf } from '../../src/resources.js'
import { WORKLOADS } from '../../src/workload.js'
import { judgeTogether, nameOf, objectsOf, ownObjects } from '../helpers/own-manifests.js'
import { filesBelow, ROOT } from '../helpers/repository.js'
import { contextOf } from '../helpers/requests.js'
import { member } from '../helpers/testbed/api-objects.js'

const CHART = 'manifests/chart/lockkeeper'
const NAMESPACE = 'lockkeeper-system'
/** Groups that no supported version of Kubernetes serves. */
const REMOVED = ['extensions/', 'policy/podsecuritypolicies']
/** Matched as well, but nothing that is stored. */
const NOT_STORED = ['authentication.k8s.io/tokenrequests', 'autoscaling/scales', '/bindings', 'policy/evictions']

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const webhookFiles = ownObjects('manifests/webhook')
const monitoringFiles = ownObjects('manifests/monitoring')
const base = [...webhookFiles.values()].flat()
const flux = [...ownObjects('manifests/flux').values()].flat()
const everything = [...base, ...[...monitoringFiles.values()].flat()]
const deployments = base.filter(each => each.kind === 'Deployment')
const { version } = JSON.parse(read('package.json')) as { version: string }

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

function rulesOf(kind: string, name: string): readonly Rule[] {
  const role = [...base, ...flux].find(each => each.kind === kind && each.metadata.name === name)
  return (role?.rules ?? []) as unknown as readonly Rule[]
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}

/** The first container of a Deployment. */
function container(deployment: KubeObject): unknown {
  return member(deployment, 'spec', 'template', 'spec', 'containers', 0)
}

/** The flags of a program: an option that is a list has the singular, and what is on unless said is switched off by `--no-`. */
function flagsOf(file: string): readonly string[] {
  const members = [...read(file).matchAll(/^ {2}readonly (\w+)\??: (.+)$/gm)]
  return members.flatMap(([, name = '', type]) => {
    const flag = name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
    return type === 'readonly string[]' ? [`--${flag.replace(/s$/, '')}`] : [`--${flag}`, `--no-${flag}`]
  })
}

/** The `<group>/<resource>`s that policies judge in what is stored. */
function judgedResources(cards: readonly PolicyCard[]): readonly string[] {
  const found = cards
    .filter(({ match }) => (match.operations ?? ['CREATE']).includes('CREATE'))
    .flatMap(({ match }) => [
      ...(match.kinds ?? []).flatMap(({ apiGroups, kinds }) =>
        apiGroups.flatMap(group => kinds.map(kind => ({ group, kind }))),
      ),
      ...(match.workloads === true ? WORKLOADS : []),
    ])
    .filter(({ group, kind }) => group !== '*' && kind !== '*')
    .map(({ group, kind }) => `${group}/${resourceOf(group, kind).resource}`)
  const isStored = (each: string) => !NOT_STORED.includes(each) && !REMOVED.some(prefix => each.startsWith(prefix))
  return [...new Set(found)].filter(isStored).sort()
}

t.test('the gate lets its own manifests through, without exceptions', async t => {
  const verdicts = await judgeTogether([...everything, ...flux])
  t.ok(verdicts.length > 20, 'the manifests were found')
  t.strictSame(
    verdicts.filter(each => !each.allowed || each.exceptions.length > 0),
    [],
  )
  const warned = verdicts.filter(each => each.violations.length > 0)
  t.strictSame(warned, [
    {
      // The authorizer does not know the name of what is created: the rest of the role has one.
      object: 'ClusterRole lockkeeper-webhook',
      allowed: true,
      violations: ['rbac_admission: warn'],
      exceptions: [],
    },
    {
      // Which Secrets substituteFrom names is not known beforehand: components/no-secrets takes the right away.
      object: 'ClusterRole lockkeeper-flux-secrets',
      allowed: true,
      violations: ['rbac_secrets: warn'],
      exceptions: [],
    },
  ])
})

t.test('kustomizations name every file beside them', t => {
  for (const directory of ['manifests/webhook', 'manifests/monitoring', 'manifests/flux']) {
    const { resources } = load(read(`${directory}/kustomization.yaml`)) as { resources: string[] }
    const files = [...ownObjects(directory)].filter(([, objects]) => objects.length > 0)
    t.strictSame(
      resources.map(each => `${directory}/${each}`).sort(),
      files.map(([file]) => file),
      directory,
    )
  }
  t.end()
})

t.test('everything is in the namespace of the gate, or in none', t => {
  const cluster = everything.filter(each => each.metadata.namespace === undefined)
  t.strictSame(cluster.map(nameOf).sort(), [
    'ClusterRole lockkeeper-controller',
    'ClusterRole lockkeeper-webhook',
    'ClusterRoleBinding lockkeeper-controller',
    'ClusterRoleBinding lockkeeper-webhook',
    'Namespace lockkeeper-system',
    'PriorityClass lockkeeper',
  ])
  const others = everything.filter(each => ![undefined, NAMESPACE].includes(each.metadata.namespace as string))
  t.strictSame(others.map(nameOf), [])
  t.end()
})

t.test('what is beside Flux is what lets the gate in', t => {
  const others = flux.filter(each => each.metadata.namespace !== NAMESPACE)
  t.strictSame(others.map(nameOf).sort(), [
    'ClusterRole lockkeeper-flux',
    'ClusterRole lockkeeper-flux-live',
    'ClusterRole lockkeeper-flux-secrets',
    'ClusterRoleBinding lockkeeper-flux',
    'ClusterRoleBinding lockkeeper-flux-live',
    'ClusterRoleBinding lockkeeper-flux-secrets',
    'CustomResourceDefinition artifactgates.lockkeeper.dev',
    'NetworkPolicy flux-system/lockkeeper-flux',
  ])
  t.end()
})

t.test('the programs are of this version, and get options that they know', t => {
  const gates = [...deployments, ...flux.filter(each => each.kind === 'Deployment')]
  t.equal(gates.length, 3)
  for (const deployment of gates) {
    const found = container(deployment)
    t.equal(member(found, 'image'), `ghcr.io/lockkeeper/lockkeeper:${version}`)
    const [program = '', ...args] = strings(member(found, 'args'))
    const flags = args.filter(each => each.startsWith('--'))
    const known = flagsOf(`${program === 'flux' ? 'plugin/flux' : program}/options.ts`)
    t.ok(flags.length > 5)
    t.strictSame(
      flags.filter(each => !known.includes(each.split('=')[0] ?? '')),
      [],
      program,
    )
  }
  const chart = load(read(`${CHART}/Chart.yaml`)) as { version: string; appVersion: string }
  t.equal(chart.version, version)
  t.equal(chart.appVersion, version)
  t.end()
})

t.test('a replica that drains is given the time to', t => {
  const webhook = deployments.find(each => each.metadata.name === 'lockkeeper-webhook')
  const args = strings(member(container(webhook as KubeObject), 'args'))
  const drainSeconds = Number(args.find(each => each.startsWith('--drain-seconds='))?.split('=')[1])
  const grace = Number(member(webhook, 'spec', 'template', 'spec', 'terminationGracePeriodSeconds'))
  t.ok(drainSeconds > 0)
  t.ok(grace >= drainSeconds + 15, `${grace} s for ${drainSeconds} s`)
  t.end()
})

t.test('no role has a wildcard', t => {
  const roles = [...base, ...flux].filter(each => ['ClusterRole', 'Role'].includes(each.kind))
  t.equal(roles.length, 8)
  for (const role of roles) {
    const rules = rulesOf(role.kind, role.metadata.name as string)
    t.ok(rules.length > 0)
    const words = rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs])
    t.notOk(
      words.some(each => each.includes('*')),
      nameOf(role),
    )
  }
  t.end()
})

t.test('the audit may read what the library judges, but for Secrets', async t => {
  const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
  const { cards } = (await createGate(bundle)).bundle
  const readable = rulesOf('ClusterRole', 'lockkeeper-controller')
    .filter(({ verbs }) => ['get', 'list', 'watch'].every(each => verbs.includes(each)))
    .flatMap(({ apiGroups, resources }) => apiGroups.flatMap(group => resources.map(each => `${group}/${each}`)))
  const judged = judgedResources(cards)
  t.ok(judged.length > 40)
  t.strictSame(
    judged.filter(each => !readable.includes(each)),
    ['/secrets'],
  )
})

t.test('the Flux gate may read of what is live what the audit may, and writes artifacts alone', t => {
  const read = rulesOf('ClusterRole', 'lockkeeper-controller')
    .filter(({ verbs }) => verbs.join() === 'get,list,watch')
    .map(each => ({ ...each, verbs: ['get', 'list'] }))
  t.ok(read.length > 15)
  t.strictSame(
    JSON.parse(JSON.stringify(rulesOf('ClusterRole', 'lockkeeper-flux-live'))),
    JSON.parse(JSON.stringify(read)),
  )
  const written = rulesOf('ClusterRole', 'lockkeeper-flux').flatMap(({ resources, verbs }) =>
    verbs.some(each => !['get', 'list', 'watch'].includes(each)) ? resources : [],
  )
  t.strictSame(written, [
    'artifactgates/status',
    'artifactgates/finalizers',
    'externalartifacts',
    'externalartifacts/status',
    'events',
  ])
  t.end()
})

t.test(
  'the example of Flux passes with the namespace gated, and passes no longer when it goes round the gate',
  async t => {
    const files = new Map(await loadBundleFiles(join(ROOT, 'policies/bundle')))
    files.set('lockkeeper/config.yaml', Buffer.from(read('manifests/examples/flux/lockkeeper-config.yaml')))
    const gate = await createGate(parseBundle(files, { allowUnsigned: true }))
    const objects = objectsOf(read('manifests/examples/flux/shop.yaml'), 'shop.yaml')
    t.equal(objects.length, 3)
    const judge = async (object: KubeObject) => {
      const { userInfo } = gate.bundle.config.prediction
      const decision = await gate.review(buildRequest({ object, base: null, userInfo, namespace: '' }), contextOf({}))
      return decision.violations.map(each => `${each.policy}: ${each.enforcementAction}`)
    }
    for (const each of objects) t.strictSame(await judge(each), [], nameOf(each))
    const kustomization = objects.find(each => each.kind === 'Kustomization')
    const roundabout = { ...kustomization, spec: { sourceRef: { kind: 'GitRepository', name: 'shop' } } } as KubeObject
    t.strictSame(await judge(roundabout), ['flux_source_ungated: deny'])
  },
)

t.test('the default values of the chart fit their schema, and a wrong one does not', t => {
  const validate = new Ajv({ strict: true }).compile(JSON.parse(read(`${CHART}/values.schema.json`)) as object)
  const values = load(read(`${CHART}/values.yaml`)) as Record<string, object>
  t.ok(validate(values), JSON.stringify(validate.errors))
  const wrong: Record<string, object> = {
    'an unknown value': { ...values, typo: true },
    'an unknown value of the image': { ...values, image: { ...values.image, registry: 'ghcr.io' } },
    'an unknown failurePolicy': { ...values, webhook: { ...values.webhook, failurePolicy: 'fail' } },
    'a pattern among exempt namespaces': { ...values, exemptNamespaces: ['team-*'] },
    'a digest that is none': { ...values, image: { ...values.image, digest: 'sha256:abc' } },
  }
  for (const [name, each] of Object.entries(wrong)) t.notOk(validate(each), name)
  t.end()
})

t.test('the files of the chart are those of the bases', t => {
  const rule = everything.find(each => each.kind === 'PrometheusRule')
  t.strictSame(load(read(`${CHART}/files/alerts.yaml`)), JSON.parse(JSON.stringify(rule?.spec)))
  t.equal(read(`${CHART}/files/dashboard.json`), read('manifests/monitoring/lockkeeper.json'))
  t.equal(read(`${CHART}/files/artifact-gate-crd.yaml`), read('manifests/flux/artifact-gate-crd.yaml'))
  t.end()
})

t.test('every component of a base is a Component', t => {
  const files = ['webhook', 'flux'].flatMap(each => filesBelow(`manifests/${each}/components`, 'kustomization.yaml'))
  t.equal(files.length, 6)
  for (const file of files) t.equal((load(read(file)) as { kind: string }).kind, 'Component', file)
  t.end()
})
