// The gate before the sync and the controller with the flags and the configuration that manifests/argocd installs, and the rights
// it gives: only paths, ports and the address are those of this machine. The test does what the kubelet does, and no more.
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t from 'tap'
import { kustomized } from '../helpers/kustomized.js'
import { CLI, ROOT } from '../helpers/repository.js'
import { type Manifest, member } from '../helpers/testbed/api-objects.js'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { freePort } from '../helpers/testbed/ports.js'
import { isServed } from '../helpers/testbed/probes.js'
import { startProcess, waitFor } from '../helpers/testbed/processes.js'
import { program } from '../helpers/testbed/programs.js'
import { requestToken } from '../helpers/testbed/service-accounts.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

const CONTROLLER = 'system:serviceaccount:lockkeeper-system:lockkeeper-controller'
const SERVICE = 'lockkeeper-controller.lockkeeper-system.svc'
const WAITING = { timeoutMs: 120_000 }

/** Everybody may read what is in the namespace, also without a login: a policy for old debt denies that when it is new. */
function publicBinding(name: string, labels: Readonly<Record<string, string>> = {}): Manifest {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name, namespace: 'shop', labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:anonymous' }],
  }
}

/** What is live already, with another label. */
const DEBT = publicBinding('debt', { team: 'shop' })

const yaml = (...objects: readonly Manifest[]) => objects.map(each => `${JSON.stringify(each)}\n`).join('---\n')
const named = (objects: readonly unknown[], kind: string, name: string) =>
  objects.find(each => member(each, 'kind') === kind && member(each, 'metadata', 'name') === name)
const containerOf = (deployment: unknown, name: string) =>
  (member(deployment, 'spec', 'template', 'spec', 'containers') as { name: string; args: readonly string[] }[]).find(
    each => each.name === name,
  )

t.test('as installed, a change is judged against what is live', async t => {
  const bed = createTestbed(t)
  const own = (...path: string[]) => join(bed.directory, 'lockkeeper', ...path)
  for (const each of ['', 'bin', 'keys', 'ca', 'token', 'records', 'kustomization'])
    mkdirSync(own(each), { recursive: true })
  const argocdObjects = kustomized(own('kustomization'), {
    namespace: 'argocd',
    resources: ['test/fixtures/argocd-repo-server.yaml'],
    components: ['manifests/argocd/repo-server', 'manifests/argocd/egress'],
  })
  const ownObjects = kustomized(own('kustomization'), {
    resources: ['manifests/webhook'],
    components: ['manifests/argocd/controller'],
  })

  const command = own('bin', 'lockkeeper')
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`)
  chmodSync(command, 0o755)
  const port = await freePort()
  const probePort = await freePort()
  const places: readonly (readonly [string, string])[] = [
    [`https://${SERVICE}:8443`, `https://127.0.0.1:${port}`],
    ['/app/policies/bundle', join(ROOT, 'policies/bundle')],
    ['/etc/lockkeeper/generate.yaml', own('generate.yaml')],
    ['/etc/lockkeeper-keys', own('keys')],
    ['/etc/lockkeeper-ca', own('ca')],
    ['/var/run/secrets/lockkeeper', own('token')],
    ['/var/spool/lockkeeper', own('spool')],
    ['/opt/argocd/helm', program('helm')],
    ['/opt/argocd/kustomize', program('kustomize')],
    ['--probe-port=8081', `--probe-port=${probePort}`],
    ['--api-port=8443', `--api-port=${port}`],
    ['--records-directory=/records', `--records-directory=${own('records')}`],
  ]
  const here = (text: string) => places.reduce((changed, [there, place]) => changed.replaceAll(there, place), text)
  const textIn = (name: string, key: string) =>
    here(String(member(named(argocdObjects, 'ConfigMap', name), 'data', key)))
  writeFileSync(own('generate.yaml'), textIn('lockkeeper-generate', 'generate.yaml'))

  const [plane, git] = await together([startControlPlane(bed, {}), startGitServer(bed)])
  const { admin } = plane
  await plane.createNamespace('argocd')
  const objects = [...ownObjects, ...argocdObjects]
  for (const each of [...objects.filter(({ kind }) => kind === 'Namespace'), ...objects]) {
    await admin.apply(JSON.parse(JSON.stringify(each)) as Manifest)
  }
  await admin.apply({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'argocd-repo-server', namespace: 'argocd' },
  })
  const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { on: 'yes' } }
  const [argocd, repository] = await together([
    startArgoCD(bed, plane, {
      plugins: [
        {
          manifest: textIn('lockkeeper-plugin', 'plugin.yaml'),
          env: { PATH: `${own('bin')}:${process.env.PATH ?? ''}`, HOME: own() },
        },
      ],
      appResyncSeconds: 3,
    }),
    git.createRepository('shop', { 'shop/objects.yaml': yaml(settings, DEBT) }),
    plane.createNamespace('shop'),
  ])
  const { applications } = argocd
  await admin.apply(publicBinding('debt'))

  const args = containerOf(named(ownObjects, 'Deployment', 'lockkeeper-controller'), 'controller')?.args ?? []
  const account = await plane.serviceAccount('lockkeeper-system', 'lockkeeper-controller')
  const controller = await startProcess(bed, {
    name: 'controller',
    command: process.execPath,
    args: [
      ...[CLI, ...args.map(here)],
      ...['--kubeconfig', await plane.kubeconfig(account), '--namespace', 'lockkeeper-system'],
      ...['--address', '127.0.0.1', '--api-url', `https://127.0.0.1:${port}`],
      // Not installed by default; the rights for them are.
      ...['--warning-events', '--warning-annotations'],
    ],
    ready: () => isServed(`http://127.0.0.1:${probePort}/readyz`),
  })

  // What is mounted into the sidecar.
  const authority = await admin.waitUntil(
    { apiVersion: 'v1', kind: 'ConfigMap', name: 'lockkeeper-controller-ca', namespace: 'argocd' },
    'the authority of the API is published',
    () => true,
  )
  const ca = String(member(authority, 'data', 'ca.crt'))
  writeFileSync(own('ca', 'ca.crt'), ca)
  const keys = await admin.waitUntil(
    { apiVersion: 'v1', kind: 'Secret', name: 'lockkeeper-receipt-keys', namespace: 'argocd' },
    'there is a key for receipts',
    () => true,
  )
  for (const [file, text] of Object.entries(member(keys, 'data') as Record<string, string>)) {
    writeFileSync(own('keys', file), Buffer.from(text, 'base64'))
  }
  const volumes = member(
    named(argocdObjects, 'Deployment', 'argocd-repo-server'),
    'spec',
    'template',
    'spec',
    'volumes',
  )
  const token = (volumes as { name: string }[]).find(each => each.name === 'lockkeeper-token')
  const [projected] = member(token, 'projected', 'sources') as {
    serviceAccountToken: { audience: string; path: string }
  }[]
  const { audience = '', path = '' } = projected?.serviceAccountToken ?? {}
  writeFileSync(own('token', path), await requestToken(admin, 'argocd', 'argocd-repo-server', [audience]))

  /** The decisions that the controller has of an object, the oldest first. */
  const recorded = (name: string) =>
    readdirSync(own('records'))
      .sort()
      .flatMap(file => readFileSync(own('records', file), 'utf8').split('\n'))
      .filter(line => line !== '')
      .map(
        line => JSON.parse(line) as { resource: { name: string }; application: string; decision: { action: string } },
      )
      .filter(each => each.resource.name === name)
      .map(({ application, decision }) => [application, decision.action])

  /** How often it was asked what is live: once for each render. */
  const liveRequests = async () => {
    const text = await (await fetch(`http://127.0.0.1:${probePort}/metrics`)).text()
    return Number(/^lockkeeper_api_requests_total\{route="\/v1\/live",status="200"\} (\d+)$/m.exec(text)?.[1] ?? 0)
  }

  await t.test('debt that is live is only warned of', async t => {
    await applications.create('shop', {
      source: { repoURL: repository.url, path: 'shop', plugin: { name: 'lockkeeper-v1' } },
    })
    const synced = await applications.waitUntilSynced('shop', undefined, WAITING)
    t.strictSame(synced.status?.conditions ?? [], [])
    await waitFor('the record arrives', () => Promise.resolve(recorded('debt').length > 0))
    t.strictSame(recorded('debt')[0], ['shop', 'warn'])
    const applied = await admin.get({ apiVersion: 'v1', kind: 'ConfigMap', name: 'settings', namespace: 'shop' })
    t.match(
      applied.metadata.annotations,
      { 'lockkeeper.dev/receipt': /^v1\./ },
      'signed with the key of the controller',
    )
  })

  await t.test('people are told the warnings at the Application, and no render follows from it', async t => {
    const told = await applications.waitUntil(
      'shop',
      'the warnings are told',
      ({ metadata }) => metadata.annotations?.['lockkeeper.dev/warnings'] !== undefined,
      WAITING,
    )
    const revision = await repository.resolve('main')
    const text = `1 object with warnings at ${revision.slice(0, 8)}: RoleBinding shop/debt: anonymous_binding`
    t.equal(told.metadata.annotations?.['lockkeeper.dev/warnings'], text)
    let notes: readonly unknown[] = []
    await waitFor('the Event is there', async () => {
      const items = await admin.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace: 'argocd' })
      notes = items.filter(each => each.reason === 'PolicyWarnings').map(each => [each.regarding, each.note])
      return notes.length > 0
    })
    t.match(notes, [[{ kind: 'Application', name: 'shop' }, text]])

    const rendered = await liveRequests()
    for (let round = 0; round < 3; round += 1) {
      const { status, metadata } = await applications.refresh('shop')
      t.strictSame([status?.sync?.status, metadata.annotations?.['lockkeeper.dev/warnings']], ['Synced', text])
    }
    t.equal(await liveRequests(), rendered)
  })

  await t.test('the same that is new is denied, which nobody does without a base', async t => {
    await repository.commit({ 'shop/objects.yaml': yaml(settings, DEBT, publicBinding('fresh')) })
    const held = await applications.waitUntil(
      'shop',
      'Application shop is held',
      ({ status }) => (status?.conditions ?? []).length > 0,
      WAITING,
    )
    const message = held.status?.conditions?.[0]?.message ?? ''
    t.match(message, /denied: RoleBinding shop\/fresh: \[anonymous_binding\]/)
    t.notMatch(message, /RoleBinding shop\/debt/)
    await waitFor('the record arrives', () => Promise.resolve(recorded('fresh').length > 0))
    t.strictSame(recorded('fresh')[0], ['shop', 'deny'])
    const metrics = await (await fetch(`http://127.0.0.1:${probePort}/metrics`)).text()
    t.ok((await liveRequests()) > 0)
    t.notMatch(metrics, /route="\/v1\/live",status="[345]/, 'every question was answered')
  })

  await t.test('the name that the configuration calls is one of the certificate', async t => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: SERVICE })
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    t.ok(socket.authorized)
    socket.destroy()
    const service = named(ownObjects, 'Service', 'lockkeeper-controller')
    t.match(member(service, 'spec', 'ports'), [{ port: 8443, targetPort: 'api' }])
    const container = containerOf(named(ownObjects, 'Deployment', 'lockkeeper-controller'), 'controller')
    const ports = member(container, 'ports') as { name: string; containerPort: number }[]
    t.match(
      ports.find(each => each.name === 'api'),
      { containerPort: 8443 },
    )
    t.ok(container?.args.includes('--api-port=8443'))
  })

  await t.test('its rights suffice, and no Secret of others was read', async t => {
    const events = (await plane.audit()).filter(each => each.user.username === CONTROLLER)
    const isRefused = (each: (typeof events)[number]) => each.responseStatus?.code === 403
    // The audit tries to list what policies speak of, and says what it may not: Secrets, and what the cluster keeps for itself.
    const refused = events.filter(each => isRefused(each) && each.verb !== 'list')
    t.strictSame([...new Set(refused.map(each => `${each.verb} ${each.requestURI}`))], [])
    const lines = controller.logs(1024 * 1024).split('\n')
    t.strictSame(
      lines.filter(each => /forbidden/i.test(each) && !each.includes('"component":"audit"')),
      [],
    )
    const secrets = events.filter(each => each.objectRef?.resource === 'secrets' && each.verb !== 'create')
    const names = secrets.filter(each => !isRefused(each)).map(each => each.objectRef?.name ?? each.requestURI)
    t.strictSame([...new Set(names)].sort(), ['lockkeeper-controller-tls', 'lockkeeper-receipt-keys'])
  })
})
