import t from 'tap'
import { checkArgoCd } from '../../../doctor/checks/argocd.js'
import type { Level } from '../../../doctor/finding.js'
import type { JsonObject } from '../../../src/json.js'
import { withLooks } from '../../helpers/doctor-facts.js'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

function workload(name: string, ...images: readonly (readonly [string, string])[]): JsonObject {
  const containers = images.map(([container, image]) => ({ name: container, image }))
  return { metadata: { name, namespace: 'argocd' }, spec: { template: { spec: { containers } } } }
}

/** Argo CD with an image, and the gate's with another. */
function findings(image: string, sidecar: string | null, settings: JsonObject | null = null) {
  const own = sidecar === null ? [] : [['lockkeeper', sidecar] as const]
  return checkArgoCd(
    withLooks({
      argoCdDeployments: { seen: [workload('argocd-repo-server', ['argocd-repo-server', image], ...own)] },
      argoCdStatefulSets: { seen: [workload('argocd-application-controller', ['controller', image])] },
      argoCdSettings: { seen: settings },
    }),
  )
}

const brief = (each: { id: string; level: Level; title: string }) => [each.id, each.level, each.title]
const OWN = 'ghcr.io/lockkeeper/lockkeeper:0.1.0'

t.test('a cluster without Argo CD has no finding about it', t => {
  t.strictSame(checkArgoCd(withLooks({})), [])
  t.end()
})

t.test('the version of Argo CD', t => {
  const stale = (version: string) =>
    ['error', `Argo CD ${version} may tell the success of an earlier sync for one that the gate held back`] as const
  const older = (version: string) =>
    ['info', `Argo CD ${version} is older than 3.5.7, which the gate is tested with`] as const
  const unknown = [
    'info',
    'The version of Argo CD cannot be told from its images: it should be 3.5.7 or newer',
  ] as const
  const cases: Record<string, readonly [Level, string]> = {
    'v2.14.21': stale('2.14.21'),
    'v3.3.12': stale('3.3.12'),
    'v3.4.9': stale('3.4.9'),
    'v3.4.10': older('3.4.10'),
    'v3.5.0': stale('3.5.0'),
    'v3.5.1': stale('3.5.1'),
    'v3.5.2': older('3.5.2'),
    'v3.5.6': older('3.5.6'),
    'v3.5.7': ['ok', 'Argo CD 3.5.7'],
    [`v3.5.7@${DIGEST}`]: ['ok', 'Argo CD 3.5.7'],
    'v3.10.0': ['ok', 'Argo CD 3.10.0'],
    'v4.0.0': ['ok', 'Argo CD 4.0.0'],
    latest: unknown,
    'v3.5.7-rc1': unknown,
  }
  for (const [tag, expected] of Object.entries(cases)) {
    const [version] = findings(`quay.io/argoproj/argocd:${tag}`, OWN)
    t.strictSame(version && brief(version), ['argocd.version', ...expected], tag)
  }
  const [version] = findings(`quay.io/argoproj/argocd@${DIGEST}`, OWN)
  t.strictSame(version && brief(version), ['argocd.version', ...unknown], 'a digest tells no version')
  t.end()
})

t.test('the oldest part counts', t => {
  const [version] = checkArgoCd(
    withLooks({
      argoCdDeployments: { seen: [workload('argocd-repo-server', ['a', 'argocd:v3.5.7'])] },
      argoCdStatefulSets: { seen: [workload('argocd-application-controller', ['a', 'argocd:v3.5.1'])] },
    }),
  )
  t.equal(version?.level, 'error')
  t.end()
})

t.test('one part whose version is not known is enough not to know it', t => {
  const [version] = checkArgoCd(
    withLooks({
      argoCdDeployments: { seen: [workload('argocd-repo-server', ['a', 'argocd:v3.5.7'])] },
      argoCdStatefulSets: { seen: [workload('argocd-application-controller', ['a', 'argocd:latest'])] },
    }),
  )
  t.strictSame([version?.level, version?.detail], ['info', 'argocd:latest, argocd:v3.5.7'])
  t.end()
})

t.test('the plugin', t => {
  const cases: Record<string, { sidecar: string | null; expected: readonly [Level, string] }> = {
    'it is not there': { sidecar: null, expected: ['info', 'Argo CD is here without the gate before the sync'] },
    'it is of this version': { sidecar: OWN, expected: ['ok', 'The gate before the sync is there: 0.1.0'] },
    'it is of another version': {
      sidecar: 'ghcr.io/lockkeeper/lockkeeper:0.0.9',
      expected: ['warn', 'The gate before the sync is 0.0.9, this program is 0.1.0'],
    },
    'its image tells no version': {
      sidecar: `ghcr.io/lockkeeper/lockkeeper@${DIGEST}`,
      expected: [
        'warn',
        'The gate before the sync is of a version that its image does not tell, this program is 0.1.0',
      ],
    },
  }
  for (const [name, { sidecar, expected }] of Object.entries(cases)) {
    const found = findings('argocd:v3.5.7', sidecar).find(each => each.id === 'argocd.plugin')
    t.strictSame(found && brief(found), ['argocd.plugin', ...expected], name)
  }
  t.end()
})

t.test('the tools that go past it', t => {
  const cases: Record<string, { data: JsonObject; title: string }> = {
    'by default': { data: {}, title: 'helm, kustomize, plain directories' },
    'Helm is off': { data: { 'helm.enable': 'false' }, title: 'kustomize, plain directories' },
    'both are off': { data: { 'helm.enable': 'false', 'kustomize.enable': 'false' }, title: 'plain directories' },
  }
  for (const [name, { data, title }] of Object.entries(cases)) {
    const found = findings('argocd:v3.5.7', OWN, { data }).find(each => each.id === 'argocd.built-in-tools')
    t.equal(found?.title, `Applications can be rendered past the gate: ${title}`, name)
    t.equal(found?.level, 'info')
  }
  const unseen = findings('argocd:v3.5.7', OWN, null).map(each => each.id)
  t.notOk(unseen.includes('argocd.built-in-tools'), 'nothing is said of settings that were not seen')
  t.end()
})

t.test('whom the plugin asks what is live', t => {
  const caller = 'system:serviceaccount:argocd:argocd-repo-server'
  const nobody =
    'The gate before the sync has nobody to ask what is live: every object is judged as new, and old debt at most warned of'
  const cases: Record<string, { args: readonly string[] | null; expected: readonly [Level, string, string] | null }> = {
    'the controller answers it': {
      args: ['controller', `--api-caller=${caller}`],
      expected: ['ok', 'The gate before the sync may ask the controller what is live', ''],
    },
    'the flag and its value are two arguments': {
      args: ['--api-caller', 'another', '--api-caller', caller],
      expected: ['ok', 'The gate before the sync may ask the controller what is live', ''],
    },
    'it serves nobody': {
      args: ['controller', '--receipt-keys'],
      expected: [
        'warn',
        nobody,
        'Add the component manifests/argocd/controller to the kustomization that installs the controller.',
      ],
    },
    'it answers somebody else': {
      args: ['--api-caller=system:serviceaccount:gitops:argocd-repo-server'],
      expected: ['warn', nobody, `Give the controller --api-caller=${caller}.`],
    },
    'the controller could not be seen': { args: null, expected: null },
  }
  const right = { verb: 'list', target: 'deployments.apps', namespace: 'lockkeeper-system', name: null } as const
  for (const [name, { args, expected }] of Object.entries(cases)) {
    const spec = { serviceAccountName: 'argocd-repo-server', containers: [{ name: 'lockkeeper', image: OWN }] }
    const container = { name: 'controller', args: [...(args ?? [])] }
    const deployments = {
      seen: [{ metadata: { name: 'c' }, spec: { template: { spec: { containers: [container] } } } }],
    }
    const found = checkArgoCd(
      withLooks({
        argoCdDeployments: { seen: [{ metadata: { name: 'argocd-repo-server' }, spec: { template: { spec } } }] },
        deployments: args === null ? { seen: undefined, right, error: 'refused', user: null } : deployments,
      }),
    ).find(each => each.id === 'argocd.base')
    t.strictSame(found === undefined ? null : [found.level, found.title, found.fix], expected, name)
  }
  t.equal(
    findings('argocd:v3.5.7', null).find(each => each.id === 'argocd.base'),
    undefined,
    'nothing asks',
  )
  t.end()
})
