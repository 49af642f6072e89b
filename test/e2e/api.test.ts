import t from 'tap'
import { refusal } from '../helpers/testbed/api-error.js'
import { type ApiObject, type Manifest, member } from '../helpers/testbed/api-objects.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import type { User } from '../helpers/testbed/users.js'

function configMap(namespace: string, name: string, more: object = {}): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, ...more }
}

t.test('a client of a control plane without controllers, with other admission and users', async t => {
  const bed = createTestbed(t)
  const level = {
    'enforce-version': 'latest',
    audit: 'restricted',
    'audit-version': 'latest',
    warn: 'restricted',
    'warn-version': 'latest',
  }
  const carol: User = { name: 'carol', groups: ['system:masters'], token: 'token-of-carol' }
  const plane = await startControlPlane(bed, {
    controllers: false,
    users: [carol],
    admissionPlugins: [
      {
        name: 'PodSecurity',
        configuration: {
          apiVersion: 'pod-security.admission.config.k8s.io/v1',
          kind: 'PodSecurityConfiguration',
          defaults: { enforce: 'baseline', ...level },
        },
      },
    ],
    featureGates: { CrossNamespaceVolumeDataSource: true },
    extraArgs: ['--default-not-ready-toleration-seconds=77'],
  })
  const { admin } = plane
  await plane.createNamespace('shop')
  await plane.createNamespace('bank')

  await t.test('the options of the control plane are in force', async t => {
    const pod = (privileged: boolean): Manifest => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { containers: [{ name: 'web', image: 'registry.example/web:1', securityContext: { privileged } }] },
    })
    t.strictSame(await refusal(plane.client(carol).create(pod(true))), {
      status: 403,
      reason: 'Forbidden',
      message:
        'pods "web" is forbidden: violates PodSecurity "baseline:latest": privileged ' +
        '(container "web" must not set securityContext.privileged=true)',
    })
    const created = await plane.client(carol).create(pod(false))
    t.equal(member(created, 'spec', 'tolerations', 0, 'tolerationSeconds'), 77)
    const { text } = await plane.admin.request('GET', '/metrics')
    t.match(text, 'kubernetes_feature_enabled{name="CrossNamespaceVolumeDataSource",stage="ALPHA"} 1')
    t.equal(plane.processes.controllerManager, null)
    t.throws(() => plane.receivedAudit(), { message: 'this control plane was started without an audit receiver' })
  })

  const settings = configMap('shop', 'settings', { data: { a: '1' } })

  await t.test('a dry run leaves nothing', async t => {
    const answer = await admin.create(settings, { dryRun: true, fieldManager: 'painter' })
    const managers = member(answer, 'metadata', 'managedFields', 0, 'manager')
    t.strictSame({ data: answer.data, managers }, { data: { a: '1' }, managers: 'painter' })
    t.equal(await admin.find(settings), null)
  })

  await t.test('every way to change an object', async t => {
    await admin.create(settings)
    const cases: Record<string, { change: () => Promise<ApiObject>; data: unknown }> = {
      'server-side apply': { change: () => admin.apply({ ...settings, data: { a: '2' } }), data: { a: '2' } },
      'merge patch': { change: () => admin.patch(settings, { data: { b: '3' } }), data: { a: '2', b: '3' } },
      'strategic merge patch': {
        change: () => admin.patch(settings, { data: { a: null } }, { type: 'strategic' }),
        data: { b: '3' },
      },
      'JSON patch': {
        change: () => admin.patch(settings, [{ op: 'add', path: '/data/c', value: '4' }], { type: 'json' }),
        data: { b: '3', c: '4' },
      },
      replacement: { change: () => admin.replace({ ...settings, data: { d: '5' } }), data: { d: '5' } },
    }
    for (const [name, { change, data }] of Object.entries(cases)) t.strictSame((await change()).data, data, name)
    t.strictSame((await admin.get(settings)).data, { d: '5' }, 'it was stored')
  })

  await t.test('a text goes out as it is', async t => {
    const path = await admin.collectionPath({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop' })
    const query = { dryRun: 'All', fieldValidation: 'Warn' }
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: raw}\ndata: {a: "1", a: "2"} # twice\n'
    const answer = await admin.request('POST', path, { body, contentType: 'application/yaml', query })
    const data = member(answer.body, 'data')
    t.strictSame(
      { status: answer.status, data, warning: answer.headers.warning },
      {
        status: 201,
        data: { a: '2' },
        warning: '299 - "line 4: key \\"a\\" already set in map"',
      },
    )
    t.strictSame(JSON.parse(answer.text), answer.body)
  })

  await t.test('a list is read page by page', async t => {
    const names = ['page-1', 'page-2', 'page-3', 'page-4', 'page-5']
    for (const name of names) {
      await admin.create(configMap('bank', name, { metadata: { name, namespace: 'bank', labels: { page: '' } } }))
    }
    const pages = await admin.list({ apiVersion: 'v1', kind: 'ConfigMap' }, { pageSize: 2, labelSelector: 'page' })
    const seen = pages.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`)
    t.strictSame(
      seen,
      names.map(name => `v1 ConfigMap ${name}`),
    )
  })

  await t.test('a kind that comes later is found', async t => {
    const gate = { apiVersion: 'example.dev/v1', kind: 'Gate', metadata: { name: 'north', namespace: 'shop' } }
    t.strictSame(await refusal(admin.create(gate)), {
      status: 404,
      reason: '',
      message: 'GET /apis/example.dev/v1: HTTP 404: 404 page not found\n',
    })
    const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }
    const names = { plural: 'gates', singular: 'gate', kind: 'Gate' }
    await admin.create({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gates.example.dev' },
      spec: { group: 'example.dev', scope: 'Namespaced', names, versions: [version] },
    })
    const created = await waitFor('the new kind is served', () => admin.create(gate))
    t.equal(created.metadata.namespace, 'shop')
    await t.rejects(admin.create({ ...gate, kind: 'Door' }), {
      message: 'the API server has no Door in example.dev/v1',
    })
  })

  await t.test('what does not come to be is said', async t => {
    const waiting = admin.waitUntil(settings, 'settings are blue', () => false, { timeoutMs: 100 })
    await t.rejects(waiting, { message: /^waited 0\.1 s for "settings are blue" in vain; last seen: .*"d":"5"/ })
  })
})
