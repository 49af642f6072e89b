import t from 'tap'
import { checkFluxDoors } from '../../../doctor/checks/flux-doors.js'
import { checkFlux } from '../../../doctor/checks/flux.js'
import type { ClusterFacts, ClusterLooks } from '../../../doctor/facts.js'
import type { Finding } from '../../../doctor/finding.js'
import type { JsonObject } from '../../../src/json.js'
import { healthyFacts, served, withLooks } from '../../helpers/doctor-facts.js'

const KUSTOMIZATIONS = ['kustomize.toolkit.fluxcd.io', 'kustomizations'] as const
const ARTIFACTS = ['source.toolkit.fluxcd.io', 'externalartifacts'] as const
const GATES = ['lockkeeper.dev', 'artifactgates'] as const

function serving(...resources: readonly (readonly [string, string])[]): Partial<ClusterLooks> {
  const more = resources.map(([group, resource]) => served(group, resource, true))
  const { seen } = healthyFacts().looks.discovery
  return seen === undefined ? {} : { discovery: { seen: { ...seen, resources: [...seen.resources, ...more] } } }
}

function deployment(name: string, ...args: readonly string[]): JsonObject {
  return { metadata: { name }, spec: { template: { spec: { containers: [{ args: [...args] }] } } } }
}

function object(kind: string, name: string, spec: JsonObject, namespace = 'shop'): JsonObject {
  return { kind, metadata: { name, namespace }, spec }
}

const brief = ({ id, level, title, detail, fix }: Finding) => [id, level, title, detail, fix]
const ids = (findings: readonly Finding[]) => findings.map(({ id, level }) => `${id}: ${level}`)

t.test('a cluster without Flux has no finding about it', t => {
  t.strictSame([...checkFlux(withLooks({})), ...checkFluxDoors(withLooks({}))], [])
  t.end()
})

t.test('Flux without the gate before it', t => {
  t.strictSame(checkFlux(withLooks(serving(KUSTOMIZATIONS, ARTIFACTS))).map(brief), [
    [
      'flux.gate',
      'info',
      'Flux is here without the gate before it applies',
      'What it applies is judged at admission alone, and a denial there leaves a Kustomization half applied.',
      'kubectl apply -k manifests/flux',
    ],
  ])
  t.end()
})

t.test('a Flux that knows no ExternalArtifact', t => {
  t.strictSame(ids(checkFlux(withLooks(serving(KUSTOMIZATIONS, GATES)))), ['flux.version: error'])
  t.end()
})

t.test('the feature gate of kustomize-controller', t => {
  const gateOf = (...args: readonly string[]) =>
    checkFlux(
      withLooks({
        ...serving(KUSTOMIZATIONS, ARTIFACTS, GATES),
        fluxDeployments: { seen: [deployment('kustomize-controller', ...args)] },
      }),
    )
  const cases: Record<string, { args: readonly string[]; level: string }> = {
    'it is not named': { args: ['--log-level=info'], level: 'error' },
    'it is on': { args: ['--feature-gates=ExternalArtifact=true'], level: 'ok' },
    'it is on among others': { args: ['--feature-gates=A=true, ExternalArtifact=true,B=false'], level: 'ok' },
    'it is on in an argument of its own': { args: ['--feature-gates', 'ExternalArtifact=true'], level: 'ok' },
    'it is on behind others': {
      args: ['--feature-gates=A=true', '--feature-gates=ExternalArtifact=true'],
      level: 'ok',
    },
    'it is off': { args: ['--feature-gates=ExternalArtifact=false'], level: 'error' },
    'it is off at last': {
      args: ['--feature-gates=ExternalArtifact=true', '--feature-gates=ExternalArtifact=false'],
      level: 'error',
    },
    'another begins alike': { args: ['--feature-gates=ExternalArtifactX=true'], level: 'error' },
  }
  for (const [name, { args, level }] of Object.entries(cases)) {
    t.strictSame(ids(gateOf(...args)), [`flux.kustomize-controller: ${level}`], name)
  }
  const [missing] = gateOf()
  t.equal(
    missing?.fix,
    `kubectl -n flux-system patch deployment kustomize-controller --type=json -p '[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--feature-gates=ExternalArtifact=true"}]'\n` +
      'Where Flux is installed from Git, the same patch belongs there: manifests/examples/flux/controllers.yaml.',
  )
  t.end()
})

t.test('helm-controller needs the feature where a release takes an artifact', t => {
  const facts = (chartRef: JsonObject) =>
    withLooks({
      ...serving(KUSTOMIZATIONS, ARTIFACTS, GATES),
      fluxDeployments: { seen: [deployment('helm-controller')] },
      artifactGates: { seen: [object('ArtifactGate', 'shop', {})] },
      helmReleases: { seen: [object('HelmRelease', 'redis', { chartRef })] },
    })
  t.strictSame(ids(checkFlux(facts({ kind: 'ExternalArtifact', name: 'shop' }))), ['flux.helm-controller: error'])
  t.strictSame(ids(checkFlux(facts({ kind: 'OCIRepository', name: 'shop' }))), [])
  t.end()
})

t.test('the bundles of admission and of the gate before Flux', t => {
  const bundles = (webhook: readonly string[], flux: readonly string[] | null) =>
    checkFlux(
      withLooks({
        ...serving(KUSTOMIZATIONS, ARTIFACTS, GATES),
        deployments: {
          seen: [
            deployment('lockkeeper-webhook', ...webhook),
            ...(flux === null ? [] : [deployment('lockkeeper-flux', ...flux)]),
          ],
        },
      }),
    )
  t.strictSame(ids(bundles(['--bundle=/a'], ['--bundle=/a'])), [])
  t.strictSame(ids(bundles(['--bundle=/a', '--bundle=/b'], ['--bundle=/b'])), [], 'the last one counts')
  t.strictSame(ids(bundles(['--bundle=/a'], null)), [], 'it is elsewhere')
  t.strictSame(ids(bundles([], [])), [])
  t.strictSame(bundles(['--bundle=/a'], []).map(brief), [
    [
      'flux.bundle',
      'warn',
      'The gate before Flux judges by another bundle than admission',
      'lockkeeper-flux: the built-in one, lockkeeper-webhook: /a',
      'Give both the same bundle: the component manifests/webhook/components/bundle-configmap does, for all gates of a kustomization.',
    ],
  ])
  t.end()
})

/** A cluster with gates, whose bundle has these parameters. */
function doors(looks: Partial<ClusterLooks>, gatedNamespaces: string[] = ['shop']): readonly Finding[] {
  const facts: ClusterFacts = withLooks(looks)
  const cards = facts.gate.cards.map(card => ({
    ...card,
    parameters: { ...card.parameters, ...('gatedNamespaces' in card.parameters && { gatedNamespaces }) },
  }))
  return checkFluxDoors({ ...facts, gate: { ...facts.gate, cards } })
}

const GATE = object('ArtifactGate', 'shop', { kustomizations: [{ name: 'shop' }] })
const fromGate = object('Kustomization', 'shop', { sourceRef: { kind: 'ExternalArtifact', name: 'shop' } })
const fromGit = object('Kustomization', 'shop', { sourceRef: { kind: 'GitRepository', name: 'shop' } })

t.test('all is as it should be', t => {
  t.strictSame(ids(doors({ artifactGates: { seen: [GATE] }, kustomizations: { seen: [fromGate] } })), [
    'flux.moved: ok',
    'flux.gated-namespaces: ok',
  ])
  t.end()
})

t.test('a Kustomization that does not take what its ArtifactGate publishes', t => {
  const found = doors({ artifactGates: { seen: [GATE] }, kustomizations: { seen: [fromGit] } }, ['elsewhere'])
  t.strictSame(found.slice(0, 1).map(brief), [
    [
      'flux.not-moved',
      'warn',
      'Kustomizations are judged by an ArtifactGate and do not take what it publishes',
      'shop/shop takes GitRepository shop/shop, not shop/shop',
      `kubectl -n shop patch kustomization shop --type=merge -p '{"spec":{"sourceRef":{"kind":"ExternalArtifact","name":"shop","namespace":null}}}'\n` +
        'Where a Kustomization is in Git, its sourceRef is changed there.',
    ],
  ])
  const artifact = { kind: 'ExternalArtifact', name: 'shop', namespace: 'web' }
  const elsewhere = object('Kustomization', 'shop', { sourceRef: artifact })
  t.strictSame(ids(doors({ artifactGates: { seen: [GATE] }, kustomizations: { seen: [elsewhere] } })), [
    'flux.not-moved: warn',
    'flux.gated-namespaces: ok',
  ])
  t.end()
})

t.test('an ArtifactGate that names what is not there, or that nothing takes from', t => {
  t.strictSame(ids(doors({ artifactGates: { seen: [GATE] } })), [
    'flux.no-kustomization: warn',
    'flux.gated-namespaces: ok',
  ])
  const idle = object('ArtifactGate', 'shop', {})
  t.strictSame(ids(doors({ artifactGates: { seen: [idle] } })), ['flux.idle: info', 'flux.gated-namespaces: ok'])
  t.strictSame(ids(doors({ artifactGates: { seen: [idle] }, kustomizations: { seen: [fromGate] } })), [
    'flux.moved: ok',
    'flux.gated-namespaces: ok',
  ])
  t.end()
})

t.test('nothing is said of Kustomizations that could not be seen', t => {
  const right = { verb: 'list', target: 'kustomizations', namespace: null, name: null } as const
  const unseen = { seen: undefined, right, error: '', user: null }
  t.strictSame(ids(doors({ artifactGates: { seen: [GATE] }, kustomizations: unseen })), ['flux.gated-namespaces: ok'])
  t.end()
})

t.test('what takes its source past the gate in a gated namespace', t => {
  const chart = { spec: { sourceRef: { kind: 'HelmRepository', name: 'charts' } } }
  const found = doors({
    artifactGates: { seen: [object('ArtifactGate', 'shop', {})] },
    kustomizations: { seen: [fromGate, object('Kustomization', 'web', fromGit.spec as JsonObject, 'web')] },
    helmReleases: { seen: [object('HelmRelease', 'redis', { chart })] },
  }).find(each => each.id === 'flux.ungated')
  t.equal(found?.level, 'warn')
  t.equal(found?.detail, 'HelmRelease shop/redis: HelmRepository shop/charts', 'the namespace web is not gated')
  t.end()
})

t.test('namespaces that nothing holds to their gates', t => {
  const gates = ['shop', 'team-a', 'web'].map(each => object('ArtifactGate', 'gate', {}, each))
  const found = doors({ artifactGates: { seen: gates } }, ['team-*', 'web']).find(
    each => each.id === 'flux.gated-namespaces',
  )
  t.strictSame(found && brief(found).slice(1), [
    'warn',
    'Nothing holds these namespaces to their ArtifactGates: shop',
    'A Kustomization can be pointed past the gate, and the artifact be written by others.',
    'In lockkeeper/config.yaml of the bundle:\nparameters:\n  gatedNamespaces: [team-*, web, shop]',
  ])
  t.end()
})

t.test('who may write the status of ExternalArtifacts', t => {
  const role = (
    name: string,
    apiGroup: string,
    resource: string,
    verb: string,
    labels: JsonObject = {},
  ): JsonObject => ({
    metadata: { name, labels },
    rules: [{ apiGroups: [apiGroup], resources: [resource], verbs: [verb] }],
  })
  const SOURCES = 'source.toolkit.fluxcd.io'
  const aggregate = { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' }
  const clusterRoles = {
    seen: [
      role('flux-edit-flux-system', SOURCES, '*', 'patch', aggregate),
      role('publisher', SOURCES, 'externalartifacts/status', 'update'),
      role('everything', '*', '*/status', '*'),
      role('reader', SOURCES, '*', 'get'),
      role('objects', SOURCES, 'externalartifacts', 'update'),
      role('others', 'kustomize.toolkit.fluxcd.io', '*', 'update'),
      role('cluster-admin', '*', '*', '*'),
      role('lockkeeper-flux', SOURCES, 'externalartifacts/status', 'update'),
    ],
  }
  const found = (gated: string[]) =>
    doors({ artifactGates: { seen: [GATE] }, clusterRoles }, gated).find(each => each.id === 'flux.artifact-writers')
  const title =
    'Roles that may write the status of ExternalArtifacts, and with it what is applied: everything, flux-edit-flux-system, publisher'
  const whom = 'Whoever may edit or administer a namespace has the rights of flux-edit-flux-system there.'
  const open = found(['web'])
  t.strictSame(open && brief(open).slice(1), [
    'warn',
    title,
    `Admission denies it in gated namespaces only. ${whom}`,
    'Name the namespaces of the ArtifactGates in gatedNamespaces, and take externalartifacts/status out of these roles:\n' +
      'kubectl edit clusterrole flux-edit-flux-system\nkubectl edit clusterrole publisher\nkubectl edit clusterrole everything',
  ])
  const held = found(['shop'])
  t.strictSame(held && brief(held).slice(1), [
    'info',
    title,
    `Admission denies it in the gated namespaces. ${whom}`,
    '',
  ])
  t.end()
})

t.test('values that come from objects which no policy knows', t => {
  const substituteFrom = ['cluster-settings', 'region'].map(name => ({ kind: 'ConfigMap', name }))
  const spec = { ...(fromGate.spec as JsonObject), postBuild: { substituteFrom } }
  const found = doors({
    artifactGates: { seen: [GATE] },
    kustomizations: { seen: [object('Kustomization', 'shop', spec), object('Kustomization', 'shop', spec, 'web')] },
  }).find(each => each.id === 'flux.substitutes')
  t.equal(found?.level, 'info')
  t.equal(found?.title, 'Values are put into manifests of gated namespaces from ConfigMap shop/region')
  t.equal(found?.fix, 'kubectl -n shop label configmap region reconcile.fluxcd.io/watch=Enabled')
  t.end()
})
