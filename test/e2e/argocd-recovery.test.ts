import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadReceiptKeys } from '../../src/io/receipt-keys.js'
import { readManifests } from '../../src/manifest.js'
import { RECEIPT_ANNOTATION, verifyReceipt } from '../../src/provenance/receipt.js'
import { lockkeeper } from '../helpers/command.js'
import { CLI, ROOT } from '../helpers/repository.js'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { startProcess } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'
import { ADMIN } from '../helpers/testbed/users.js'

// What is held back recovers by another bundle, without anybody's hands; what is allowed stays as it is.

const PLUGIN = 'lockkeeper-v1'
const DAY_MS = 86_400_000

const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { on: 'yes' } }

/** A Pod that may enter every process of its node, and a ConfigMap beside it. */
function hostile(namespace: string): string {
  const container = { name: 'main', image: 'registry.example.com/tool:1.2.3', securityContext: { privileged: true } }
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'debug', namespace },
    spec: { hostPID: true, automountServiceAccountToken: false, containers: [container] },
  }
  return [settings, pod].map(each => `${JSON.stringify(each)}\n`).join('---\n')
}

t.test('Argo CD with the plugin and the controller', async t => {
  const bed = createTestbed(t)
  const own = (...path: string[]) => join(bed.directory, 'lockkeeper', ...path)
  for (const each of ['', 'keys']) mkdirSync(own(each), { recursive: true })
  const command = own('lockkeeper')
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`)
  chmodSync(command, 0o755)
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(own('keys', 'signing.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  cpSync(join(ROOT, 'policies/bundle'), own('bundle'), { recursive: true })
  const config = own('generate.yaml')
  const configuration = {
    apiVersion: 'lockkeeper.dev/v1alpha1',
    kind: 'GenerateConfiguration',
    bundle: { path: own('bundle'), insecureUnsigned: true },
    keys: { directory: own('keys') },
    limits: { slotsDirectory: own('slots') },
  }
  writeFileSync(config, JSON.stringify(configuration))
  const { stdout: manifest } = lockkeeper(['generate', 'plugin', '--config', config])

  /** Puts another bundle in the place at once, as a mounted volume does. */
  const changeBundle = (file: string, text: string): void => {
    cpSync(own('bundle'), own('next'), { recursive: true })
    mkdirSync(join(own('next'), 'lockkeeper/exceptions'), { recursive: true })
    writeFileSync(join(own('next'), file), text)
    renameSync(own('bundle'), own('last'))
    renameSync(own('next'), own('bundle'))
    rmSync(own('last'), { recursive: true })
  }

  const [plane, git] = await together([startControlPlane(bed, {}), startGitServer(bed)])
  const [argocd, repository] = await together([
    startArgoCD(bed, plane, {
      plugins: [{ manifest, env: { PATH: `${own()}:${process.env.PATH ?? ''}` } }],
      appResyncSeconds: 3,
    }),
    git.createRepository('shop', {
      'sound/settings.yaml': JSON.stringify(settings),
      'excused/pod.yaml': hostile('excused'),
      'relaxed/pod.yaml': hostile('relaxed'),
      'deleted/settings.yaml': JSON.stringify(settings),
    }),
    ...['sound', 'excused', 'relaxed', 'deleted'].map(name => plane.createNamespace(name)),
    plane.createNamespace('lockkeeper-system'),
  ])
  const { applications } = argocd
  await startProcess(bed, {
    name: 'controller',
    command: process.execPath,
    args: [
      ...[CLI, 'controller', '--kubeconfig', await plane.kubeconfig(ADMIN), '--namespace', 'lockkeeper-system'],
      ...['--bundle', own('bundle'), '--insecure-unsigned', '--reports', 'none'],
      ...['--address', '127.0.0.1', '--probe-port', '0', '--refresh-applications', '--refresh-delay-seconds', '1'],
    ],
    ready: () => Promise.resolve(true),
  })
  const find = async (kind: string, name: string, namespace: string) =>
    (await plane.admin.find({ apiVersion: 'v1', kind, name, namespace })) ?? null
  const create = (name: string) =>
    applications.create(name, { source: { repoURL: repository.url, path: name, plugin: { name: PLUGIN } } })
  const waiting = { timeoutMs: 120_000 }
  const conditionOf = async (name: string) => (await applications.get(name)).status?.conditions?.[0]?.message ?? ''
  const held = (name: string) =>
    applications.waitUntil(
      name,
      `Application ${name} is held`,
      ({ status }) => status?.conditions?.some(each => each.message.includes('[node_takeover]')) === true,
      waiting,
    )
  const isApplied = (name: string) =>
    applications.waitUntil(
      name,
      `Application ${name} is applied`,
      ({ status }) => status?.operationState?.phase === 'Succeeded' && (status.conditions ?? []).length === 0,
      waiting,
    )

  await together(['sound', 'excused', 'relaxed', 'deleted'].map(create))
  await together([applications.waitUntilSynced('sound'), held('excused'), held('relaxed')])
  const { resourceVersion, annotations } = (await find('ConfigMap', 'settings', 'sound'))?.metadata ?? {}

  t.test('what is applied has a receipt that its key vouches for', async t => {
    const [object] = readManifests(JSON.stringify(settings), 'settings.yaml')
    if (object === undefined || object instanceof Error) throw new Error('the manifest cannot be read')
    const subject = { application: 'sound', project: 'default', destinationNamespace: 'sound' }
    const { trusted } = (await loadReceiptKeys(own('keys'))) ?? { trusted: new Map() }
    const receipt = annotations?.[RECEIPT_ANNOTATION] ?? ''
    t.strictSame(verifyReceipt(receipt, object.object, subject, trusted), { valid: true })
  })

  t.test('an Application that is held can be deleted, with what it had applied', async t => {
    await applications.waitUntilSynced('deleted')
    t.ok(await find('ConfigMap', 'settings', 'deleted'))
    await repository.commit({ 'deleted/pod.yaml': hostile('deleted') })
    await held('deleted')
    const reference = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      name: 'deleted',
      namespace: 'argocd',
    }
    await applications.patch('deleted', { metadata: { finalizers: ['resources-finalizer.argocd.argoproj.io'] } })
    await plane.admin.delete(reference)
    await plane.admin.waitUntilGone(reference, waiting)
    t.equal(await find('ConfigMap', 'settings', 'deleted'), null)
  })

  t.test('an exception in the bundle lets one Application go on, and no other', async t => {
    t.equal(await find('ConfigMap', 'settings', 'excused'), null, 'nothing of it was applied')
    const exception = {
      apiVersion: 'lockkeeper.dev/v1alpha1',
      kind: 'Exception',
      metadata: { name: 'node-debugging' },
      spec: {
        policies: ['node_takeover'],
        scope: { group: '', kind: 'Pod', namespace: 'excused', name: 'debug' },
        reason: 'the node is being looked at',
        ticket: 'OPS-7',
        owner: 'alice',
        approvedBy: 'bob',
        notAfter: new Date(Date.now() + 7 * DAY_MS).toISOString(),
      },
    }
    changeBundle('lockkeeper/exceptions/node-debugging.yaml', JSON.stringify(exception))
    await isApplied('excused')
    t.ok(await find('Pod', 'debug', 'excused'))
    t.match(await conditionOf('relaxed'), '[node_takeover]', 'the other one is held still')
    t.equal(await find('ConfigMap', 'settings', 'relaxed'), null)
  })

  t.test('a bundle that asks for less lets the other one go on', async t => {
    // It ends with what it says of policies.
    const text = readFileSync(join(own('bundle'), 'lockkeeper/config.yaml'), 'utf8')
    changeBundle('lockkeeper/config.yaml', `${text}  node_takeover:\n    enforcementAction: warn\n`)
    await isApplied('relaxed')
    t.ok(await find('Pod', 'debug', 'relaxed'))
  })

  t.test('ten comparisons, another commit and other bundles change nothing about what is applied', async t => {
    await repository.commit({ 'elsewhere/settings.yaml': JSON.stringify(settings) })
    for (let round = 0; round < 10; round += 1) {
      const { status } = await applications.refresh('sound', round % 2 === 0 ? 'normal' : 'hard')
      t.strictSame([status?.sync?.status, status?.conditions ?? []], ['Synced', []])
    }
    const { metadata } = (await find('ConfigMap', 'settings', 'sound')) ?? {}
    t.strictSame([metadata?.resourceVersion, metadata?.annotations], [resourceVersion, annotations])
  })
})
