// The gate before the sync as it is installed: rendered by kustomize onto a stand-in of argocd-repo-server, judged by our own
// gate, and taken by a real API server.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import type { KubeObject } from '../../src/manifest.js'
import { kustomized } from '../helpers/kustomized.js'
import { judgeTogether, nameOf } from '../helpers/own-manifests.js'
import { ROOT } from '../helpers/repository.js'
import { type Manifest, member } from '../helpers/testbed/api-objects.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

const CONTROLLER = 'system:serviceaccount:lockkeeper-system:lockkeeper-controller'

interface Mount {
  readonly name: string
  readonly mountPath: string
  readonly readOnly?: boolean
}

/** Every absolute path in a configuration. */
function pathsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.startsWith('/') ? [value] : []
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(pathsIn) : []
}

function load(path: string): Manifest {
  return parse(readFileSync(join(ROOT, path), 'utf8')) as Manifest
}

t.test('the gate before the sync', async t => {
  const directory = t.testdir()
  const argocd = kustomized(directory, {
    namespace: 'argocd',
    resources: ['test/fixtures/argocd-repo-server.yaml'],
    components: ['manifests/argocd/repo-server', 'manifests/argocd/egress'],
  })
  const own = kustomized(directory, {
    resources: ['manifests/webhook'],
    components: ['manifests/argocd/controller'],
  })

  await t.test('our own gate has nothing against it but what is said in the files', async t => {
    const verdicts = await judgeTogether([...argocd, ...own])
    t.strictSame(
      verdicts.filter(each => !each.allowed || each.exceptions.length > 0),
      [],
    )
    t.strictSame(
      verdicts.flatMap(({ object, violations }) => violations.map(each => `${object} ${each}`)),
      ['ClusterRole lockkeeper-webhook rbac_admission: warn'],
    )
  })

  await t.test('the warm form renders in a container of its own', async t => {
    const warm = kustomized(directory, {
      namespace: 'argocd',
      resources: ['test/fixtures/argocd-repo-server.yaml'],
      components: ['manifests/argocd/repo-server', 'manifests/argocd/warm'],
    })
    const verdicts = await judgeTogether(warm)
    t.strictSame(
      verdicts.flatMap(({ object, violations }) => violations.map(each => `${object} ${each}`)),
      [],
    )
    const deployment = warm.find(each => each.kind === 'Deployment')
    const names = (member(deployment, 'spec', 'template', 'spec', 'containers') as { name: string }[]).map(
      each => each.name,
    )
    t.strictSame(names.sort(), ['argocd-repo-server', 'lockkeeper', 'lockkeeper-scorer'])
    const plugin = warm.find(each => each.metadata.name === 'lockkeeper-plugin')
    t.match(member(plugin, 'data', 'plugin.yaml'), '/run/lockkeeper/scorer.sock')
  })

  await t.test(
    'what the mounted configuration names is mounted, and the warm form is configured as the cold one',
    t => {
      const warm = kustomized(directory, {
        namespace: 'argocd',
        resources: ['test/fixtures/argocd-repo-server.yaml'],
        components: ['manifests/argocd/repo-server', 'manifests/argocd/warm'],
      })
      const configurationIn = (objects: readonly KubeObject[]) => {
        const configMap = objects.find(each => each.metadata.name === 'lockkeeper-generate')
        return parse(String(member(configMap, 'data', 'generate.yaml'))) as Record<string, unknown>
      }
      const { workDirectory, ...same } = configurationIn(warm)
      t.strictSame(same, configurationIn(argocd))
      t.equal(workDirectory, '/tmp/_cmp_server')
      for (const [objects, judging] of [
        [argocd, 'lockkeeper'],
        [warm, 'lockkeeper-scorer'],
      ] as const) {
        const spec = member(
          objects.find(each => each.kind === 'Deployment'),
          ...['spec', 'template', 'spec'],
        )
        const container = (member(spec, 'containers') as { name: string; volumeMounts: Mount[] }[]).find(
          each => each.name === judging,
        )
        const volumes = (member(spec, 'volumes') as { name: string }[]).map(each => each.name)
        const mounts = container?.volumeMounts ?? []
        t.strictSame(
          mounts.filter(each => !volumes.includes(each.name)),
          [],
        )
        for (const path of pathsIn(configurationIn(objects))) {
          const [mount] = mounts
            .filter(each => path.startsWith(`${each.mountPath}/`) || path === each.mountPath)
            .sort((a, b) => b.mountPath.length - a.mountPath.length)
          // What the image itself has is not mounted.
          if (path.startsWith('/app/')) continue
          t.equal(mount?.readOnly === true, path !== '/var/spool/lockkeeper' && !path.startsWith('/tmp/'), path)
          t.ok(mount, path)
        }
      }
      t.end()
    },
  )

  await t.test('records are kept on a volume by the one replica that can have it', async t => {
    const kept = kustomized(directory, {
      resources: ['manifests/webhook'],
      components: ['manifests/argocd/controller', 'manifests/argocd/records'],
    })
    const { spec } = JSON.parse(
      JSON.stringify(kept.find(each => nameOf(each) === 'Deployment lockkeeper-system/lockkeeper-controller')),
    ) as Manifest
    t.match(spec, { replicas: 1, strategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } })
    t.strictSame(
      (member(spec, 'template', 'spec', 'volumes') as { name: string }[]).filter(each => each.name === 'records'),
      [{ name: 'records', persistentVolumeClaim: { claimName: 'lockkeeper-records' } }],
    )
    const verdicts = await judgeTogether(kept)
    t.strictSame(
      verdicts.flatMap(({ object, violations }) => violations.map(each => `${object} ${each}`)),
      ['ClusterRole lockkeeper-webhook rbac_admission: warn'],
    )
  })

  await t.test('the values of the Helm chart say the same', t => {
    const values = load('manifests/argocd/values-argo-cd.yaml')
    const sidecar = member(load('manifests/argocd/repo-server/sidecar.yaml'), 'spec', 'template', 'spec')
    const chart = member(values, 'repoServer') as Record<string, unknown>
    t.strictSame(
      { initContainers: chart.initContainers, containers: chart.extraContainers, volumes: chart.volumes },
      sidecar,
    )
    t.strictSame(
      member(values, 'extraObjects'),
      ['plugin', 'generate'].map(each => load(`manifests/argocd/repo-server/${each}.yaml`)),
    )
    const { triggers, templates } = member(values, 'notifications') as Record<string, object>
    const notifications = load('manifests/argocd/notifications/notifications.yaml')
    t.strictSame({ ...triggers, ...templates }, member(notifications, 'data'))
    t.end()
  })

  await t.test('the sidecar is confined, and shares only the sockets with repo-server', t => {
    const deployment = argocd.find(each => each.kind === 'Deployment')
    const containers = member(deployment, 'spec', 'template', 'spec', 'containers') as {
      name: string
      securityContext: unknown
      volumeMounts: { name: string }[]
    }[]
    const mountsOf = (name: string) =>
      containers.filter(each => each.name === name).flatMap(each => each.volumeMounts.map(mount => mount.name))
    const shared = mountsOf('lockkeeper').filter(each => mountsOf('argocd-repo-server').includes(each))
    t.strictSame(shared, ['plugins'])
    t.match(containers.find(each => each.name === 'lockkeeper')?.securityContext, {
      runAsUser: 999,
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    })
    const keys = (member(deployment, 'spec', 'template', 'spec', 'volumes') as { name: string }[]).find(
      each => each.name === 'lockkeeper-keys',
    )
    t.strictSame(JSON.parse(JSON.stringify(keys)), {
      name: 'lockkeeper-keys',
      secret: { secretName: 'lockkeeper-receipt-keys', optional: true },
    })
    t.end()
  })

  await t.test('an API server takes it, and the controller may do what it needs and no more', async t => {
    const plane = await startControlPlane(createTestbed(t))
    const { admin } = plane
    await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'argocd' } })
    const objects = [...own, ...argocd]
    for (const each of [...objects.filter(({ kind }) => kind === 'Namespace'), ...objects]) {
      const object = JSON.parse(JSON.stringify(each)) as Manifest
      const taken = await admin.apply(object, { query: { fieldValidation: 'Strict' } })
      t.equal(taken.metadata.name, each.metadata.name, nameOf(each))
    }
    const applications = { group: 'argoproj.io', resource: 'applications', namespace: 'argocd' }
    const secrets = { resource: 'secrets', namespace: 'argocd' }
    const ownSecrets = { resource: 'secrets', namespace: 'lockkeeper-system' }
    const configMaps = { resource: 'configmaps', namespace: 'lockkeeper-system' }
    const rights: [boolean, Record<string, string>][] = [
      [true, { verb: 'patch', ...applications }],
      [true, { verb: 'get', ...secrets, name: 'lockkeeper-receipt-keys' }],
      [true, { verb: 'update', ...secrets, name: 'lockkeeper-receipt-keys' }],
      [true, { verb: 'create', ...secrets }],
      [true, { verb: 'update', ...configMaps, name: 'lockkeeper-freshness' }],
      [true, { verb: 'update', ...configMaps, name: 'lockkeeper-receipt-keys' }],
      [true, { verb: 'update', resource: 'configmaps', namespace: 'argocd', name: 'lockkeeper-controller-ca' }],
      [true, { verb: 'create', group: 'authentication.k8s.io', resource: 'tokenreviews' }],
      [true, { verb: 'watch', ...ownSecrets, name: 'lockkeeper-controller-tls' }],
      [true, { verb: 'get', group: 'apps', resource: 'deployments', namespace: 'shop' }],
      [false, { verb: 'patch', ...applications, namespace: 'shop' }],
      [false, { verb: 'delete', ...applications }],
      [false, { verb: 'list', ...secrets }],
      [false, { verb: 'get', ...secrets, name: 'argocd-secret' }],
      [false, { verb: 'get', ...ownSecrets, name: 'lockkeeper-webhook-tls' }],
      [false, { verb: 'list', ...ownSecrets }],
      [false, { verb: 'get', resource: 'secrets', namespace: 'shop', name: 'db' }],
      [false, { verb: 'delete', ...secrets, name: 'lockkeeper-receipt-keys' }],
      [false, { verb: 'update', ...configMaps, name: 'another' }],
      [false, { verb: 'update', resource: 'configmaps', namespace: 'argocd', name: 'argocd-cm' }],
    ]
    for (const [allowed, resourceAttributes] of rights) {
      const review = await admin.create({
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: CONTROLLER, groups: [], resourceAttributes },
      })
      t.equal(member(review, 'status', 'allowed') === true, allowed, JSON.stringify(resourceAttributes))
    }
  })
})
