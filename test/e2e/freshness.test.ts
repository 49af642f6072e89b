// What the controller does for Argo CD, as a process on a real API server that knows Argo CD's Application.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { ROOT } from '../helpers/repository.js'
import { type Manifest, member } from '../helpers/testbed/api-objects.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { programFiles } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ADMIN } from '../helpers/testbed/users.js'

/** What is needed of a tap test. */
interface Test {
  teardown(close: () => Promise<void>): void
}

const REFRESH = 'argocd.argoproj.io/refresh'
const ASKING = 'Applications are asked for a hard refresh'
const APPLICATION = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', namespace: 'argocd' }
const SECRET = { apiVersion: 'v1', kind: 'Secret', namespace: 'argocd', name: 'lockkeeper-receipt-keys' }
const PUBLIC = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'lockkeeper', name: 'lockkeeper-receipt-keys' }
const ANNOUNCED = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'lockkeeper', name: 'lockkeeper-freshness' }

function application(name: string, source: object): Manifest {
  return {
    apiVersion: APPLICATION.apiVersion,
    kind: APPLICATION.kind,
    metadata: { name, namespace: 'argocd' },
    spec: {
      project: 'default',
      destination: { server: 'https://kubernetes.default.svc', namespace: 'shop' },
      source: { repoURL: 'https://git.example.org/shop.git', path: '.', targetRevision: 'HEAD', ...source },
    },
  }
}

/** `lockkeeper controller`, and its log lines. */
function startController(t: Test, args: readonly string[]) {
  const program = join(ROOT, 'build/src/cli/main.js')
  const child = spawn(process.execPath, [program, 'controller', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    await exit
  }
  t.teardown(stop)
  const lines = () =>
    text
      .split('\n')
      .filter(each => each.startsWith('{'))
      .map(each => JSON.parse(each) as Record<string, unknown>)
  return { stop, lines, text: () => text }
}

t.test('the controller beside Argo CD', async t => {
  const plane = await startControlPlane(createTestbed(t))
  const { admin } = plane
  const file = join(programFiles('argocd'), 'manifests/crds/application-crd.yaml')
  const definition = parse(readFileSync(file, 'utf8')) as Manifest
  await admin.apply(definition)
  await admin.waitUntil(definition, 'the definition is established', object =>
    ((member(object, 'status', 'conditions') as { type: string; status: string }[] | undefined) ?? []).some(
      each => each.type === 'Established' && each.status === 'True',
    ),
  )
  for (const name of ['argocd', 'lockkeeper']) await plane.createNamespace(name)
  await admin.create(application('gated', { plugin: { name: 'lockkeeper-v1' } }))
  await admin.create(application('plain', {}))
  const gated = { ...APPLICATION, name: 'gated' }
  const isAsked = (object: unknown) => member(object, 'metadata', 'annotations', REFRESH) === 'hard'
  const isAnnounced = (object: unknown) => {
    const text = member(object, 'data', 'announcement')
    return typeof text === 'string' && (JSON.parse(text) as { isComplete: boolean }).isComplete
  }

  const bundle = join(t.testdir(), 'bundle')
  cpSync(join(ROOT, 'policies/bundle'), bundle, { recursive: true })
  const args = [
    ...['--kubeconfig', await plane.kubeconfig(ADMIN), '--namespace', 'lockkeeper', '--reports', 'none'],
    ...['--bundle', bundle, '--insecure-unsigned', '--address', '127.0.0.1', '--probe-port', '0'],
    ...['--refresh-applications', '--refresh-delay-seconds', '1', '--receipt-keys'],
  ]
  const one = startController(t, args)
  const waiting = { timeoutMs: 90_000 }

  await t.test('the Application of the plugin is asked, no other', async t => {
    await admin.waitUntil(gated, 'it is asked', isAsked, waiting)
    await admin.waitUntil(ANNOUNCED, 'everybody was asked', isAnnounced, waiting)
    t.equal(isAsked(await admin.get({ ...APPLICATION, name: 'plain' })), false)
  })

  await t.test('there are keys, and the private one is in the Secret alone', async t => {
    const secret = await admin.waitUntil(SECRET, 'the Secret is there', () => true, waiting)
    const files = Object.keys(member(secret, 'data') as object)
    t.equal(files.length, 2)
    const trusted = files.find(each => /^trusted-[0-9a-f]{16}\.pub$/.test(each)) ?? ''
    t.strictSame(files.sort(), ['signing.key', trusted])
    const published = member(await admin.get(PUBLIC), 'data') as Record<string, string>
    t.strictSame(Object.keys(published).sort(), ['.keys.json', trusted])
    const pem = Buffer.from(String(member(secret, 'data', 'signing.key')), 'base64').toString('utf8')
    t.match(pem, /^-----BEGIN PRIVATE KEY-----/)
    const body = pem.split('\n')[1] ?? 'nothing'
    for (const text of [one.text(), JSON.stringify(published)]) t.equal(text.includes(body), false)
  })

  await t.test('the next leader asks nobody again, and everybody when the bundle changes', async t => {
    await one.stop()
    // What Argo CD does when it has refreshed.
    await admin.patch(gated, { metadata: { annotations: { [REFRESH]: null } } })
    const two = startController(t, args)
    await waitFor(
      'it leads',
      () => Promise.resolve(two.lines().some(each => each.message === 'this replica leads')),
      waiting,
    )
    const manifest = join(bundle, '.manifest')
    const changed = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>
    writeFileSync(`${bundle}.new`, JSON.stringify({ ...changed, revision: 'another' }))
    renameSync(`${bundle}.new`, manifest)
    await admin.waitUntil(gated, 'it is asked again', isAsked, waiting)
    await waitFor(
      'the audit begins anew',
      () => Promise.resolve(two.lines().some(each => each.revision === 'another')),
      waiting,
    )
    const inForce = two.lines().find(each => each.revision === 'another')
    const asking = two.lines().filter(each => each.message === ASKING)
    t.strictSame(
      asking.map(each => [each.bundle, each.count]),
      [[inForce?.bundle, 1]],
    )

    const before = Object.keys(member(await admin.get(PUBLIC), 'data') as object)
    await admin.delete(SECRET)
    const secret = await admin.waitUntil(SECRET, 'the Secret is there again', () => true, waiting)
    const after = Object.keys(member(await admin.get(PUBLIC), 'data') as object)
    t.strictSame([before.length, after.length], [2, 3])
    t.ok(
      before.every(each => after.includes(each)),
      'what was trusted stays so',
    )
    const names = Object.keys(member(secret, 'data') as object)
    t.strictSame(names.filter(each => each.endsWith('.pub')).sort(), after.filter(each => each.endsWith('.pub')).sort())
    await two.stop()
  })
})
