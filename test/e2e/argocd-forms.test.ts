import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isJsonObject } from '../../src/json.js'
import { RECEIPT_ANNOTATION } from '../../src/provenance/receipt.js'
import { CLI } from '../helpers/repository.js'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import type { Application } from '../helpers/testbed/argocd-applications.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { prepareSidecar } from '../helpers/testbed/gate-sidecar.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { startLiveController } from '../helpers/testbed/live-controller.js'
import { startProcess } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

// Whichever container of the gate is asked, and whether it judges in place or asks a scorer: the answer is the same.

const CONTAINER = { name: 'main', image: 'registry.example.com/tool:1.2.3' }
const SOUND = { automountServiceAccountToken: false, containers: [CONTAINER] }
const TAKES_NODE = { hostPID: true, containers: [{ ...CONTAINER, securityContext: { privileged: true } }] }

function manifests(text: string, pod: Readonly<Record<string, unknown>>): string {
  const objects = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { text } },
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'debug' }, spec: pod },
  ]
  return objects.map(each => `${JSON.stringify(each)}\n`).join('---\n')
}

function conditionOf({ status }: Application): string {
  return (status?.conditions ?? []).map(({ message }) => message).join('\n')
}

t.test('all forms of the gate say the same', async t => {
  const bed = createTestbed(t)
  const keys = join(bed.directory, 'keys')
  mkdirSync(keys)
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(join(keys, 'signing.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const [plane, git] = await together([startControlPlane(bed, {}), startGitServer(bed)])
  await plane.createNamespace('argocd')
  const controller = await startLiveController(bed, plane)

  const spools = join(bed.directory, 'spools')
  const configuration = (name: string) => ({
    controller: controller.configuration,
    keys: { directory: keys },
    records: { spoolDirectory: join(spools, name) },
  })
  const cold = ['first', 'second'].map(name => prepareSidecar(bed, { name, configuration: configuration(name) }))
  const socket = join(bed.directory, 'scorer.sock')
  const warm = prepareSidecar(bed, {
    name: 'warm',
    socket,
    configuration: {
      ...configuration('warm'),
      workDirectory: join(bed.directory, 'argocd/plugin-work/warm-v1/_cmp_server'),
    },
  })
  const gates = [...cold, warm]
  const startScorer = () =>
    startProcess(bed, {
      name: 'lockkeeper-scorer',
      command: process.execPath,
      args: [CLI, 'generate', 'serve', '--socket', socket, '--config', warm.config],
      env: { TMPDIR: bed.directory },
      // It listens when the bundle is loaded.
      ready: () => Promise.resolve(existsSync(socket)),
    })
  const scorer = await startScorer()
  const [argocd, repository] = await together([
    startArgoCD(bed, plane, { plugins: gates.map(({ plugin }) => plugin), appResyncSeconds: 3600 }),
    git.createRepository('shop', { 'shop/all.yaml': manifests('as it was', SOUND) }),
    plane.createNamespace('shop'),
  ])
  const { applications } = argocd
  const use = (pluginName: string) =>
    applications
      .patch('shop', { spec: { source: { plugin: { name: pluginName } } } })
      .then(() => applications.refresh('shop'))
  const [first] = cold
  await applications.create('shop', {
    source: { repoURL: repository.url, path: 'shop', plugin: { name: first?.pluginName ?? '' } },
    syncPolicy: {},
  })
  t.equal((await applications.sync('shop')).phase, 'Succeeded')

  /** What each gate said of a commit when it was asked by argocd-cmp-server, and what Argo CD shows of it. */
  const answers = async (revision: string) => {
    const found = []
    for (const gate of gates) {
      const shown = conditionOf(await use(gate.pluginName))
      const [call] = gate.calls('shop', revision)
      if (call === undefined) throw new Error(`${gate.pluginName} was not asked`)
      found.push({ ...call, shown })
    }
    return found
  }
  /** A record is kept once, however often it is said: it has its Decision's id, which is made of all that the gate saw. */
  const kept = (revision: string) =>
    controller
      .records()
      .filter(each => each.revision === revision && each.kind === 'decision')
      .map(({ resource }) => (isJsonObject(resource) ? resource.kind : resource))
  const unsent = () => readdirSync(spools, { recursive: true }).filter(name => String(name).endsWith('.jsonl'))
  const knownBefore = await controller.knownRecords()

  await t.test('an allowed commit', async t => {
    const revision = await repository.commit({ 'shop/all.yaml': manifests('changed', SOUND) })
    const [one, ...others] = await answers(revision)
    t.match(one, { code: 0, shown: '' })
    t.equal(one?.stdout.split(RECEIPT_ANNOTATION).length, 3, 'both objects have a receipt')
    for (const each of others) t.strictSame(each, one)
    t.strictSame(kept(revision), ['ConfigMap', 'Pod'])
    t.equal((await controller.knownRecords()) - knownBefore, 4, 'the other two told the same of both objects')
  })

  await t.test('a denied commit', async t => {
    const revision = await repository.commit({ 'shop/all.yaml': manifests('changed', TAKES_NODE) })
    const [one, ...others] = await answers(revision)
    t.match(one, { code: 1, stdout: '' })
    t.match(one?.stderr, /^denied: Pod shop\/debug: \[node_takeover\]/)
    const reason = ({ shown }: { readonly shown?: string } = {}) =>
      /failed exit status 1: (.*)$/s.exec(shown ?? '')?.[1]
    t.match(reason(one), /^denied: Pod shop\/debug: \[node_takeover\]/)
    for (const each of others) {
      t.strictSame({ ...each, shown: '' }, { ...one, shown: '' })
      t.equal(reason(each), reason(one))
    }
    t.strictSame(kept(revision), ['ConfigMap', 'Pod'])
    // A denial is not kept by repo-server: it asks again, and how often is its own affair.
    t.ok((await controller.knownRecords()) - knownBefore >= 8, 'the other two told the same of both objects')
    t.strictSame(unsent(), [], 'nothing waits to be told')
  })
  await t.test('a scorer that is gone is a failure, and the next one goes on', async t => {
    // argocd-cmp-server has killed the process group of every call by now.
    t.ok(process.kill(scorer.pid, 0), 'the scorer is still the one of the beginning')
    await scorer.stop()
    const revision = await repository.commit({ 'shop/all.yaml': manifests('changed again', SOUND) })
    const shown = conditionOf(await use(warm.pluginName))
    t.match(shown, `failed exit status 2: could not judge: the scorer behind ${socket} cannot be asked: connect ENOENT`)
    t.strictSame(
      warm.calls('shop', revision).map(({ code, stdout }) => ({ code, stdout })),
      [{ code: 2, stdout: '' }],
    )
    await startScorer()
    t.equal(conditionOf(await use(warm.pluginName)), '')
    t.equal((await applications.sync('shop')).phase, 'Succeeded')
  })
})
