import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { ROOT } from '../helpers/repository.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { type GateObject, startFluxGate } from '../helpers/testbed/flux-gate.js'
import { FLUX_NAMESPACE } from '../helpers/testbed/flux-install.js'
import { condition } from '../helpers/testbed/flux-objects.js'
import { startFlux } from '../helpers/testbed/flux.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

// A real source-controller, kustomize-controller and API server with the gate between them.

const DAY_MS = 86_400_000
const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' }
const WAITING = { timeoutMs: 90_000 }

function settings(data: Readonly<Record<string, string>>): string {
  return JSON.stringify({ ...CONFIG_MAP, metadata: { name: 'settings' }, data })
}

/** A Pod that may enter every process of its node. */
function hostile(name: string): string {
  const container = { name: 'main', image: 'registry.example.com/tool:1.2.3', securityContext: { privileged: true } }
  const spec = { hostPID: true, automountServiceAccountToken: false, containers: [container] }
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec })
}

t.test('Flux with the gate', async t => {
  const bed = createTestbed(t)
  const [plane, git] = await together([startControlPlane(bed, {}), startGitServer(bed)])
  const [flux, repository] = await together([
    startFlux(bed, plane),
    git.createRepository('shop', { 'shop/settings.yaml': settings({ step: 'first', who: '${who}' }) }),
    plane.createNamespace('shop'),
  ])
  const { objects } = flux
  const gate = await startFluxGate(bed, plane)
  t.teardown(() => {
    if (!t.passing()) t.comment(gate.process().logs(20_000))
  })

  const data = async (): Promise<unknown> =>
    (await plane.admin.find({ ...CONFIG_MAP, name: 'settings', namespace: 'shop' }))?.data ?? null
  const dataBecomes = (wanted: Readonly<Record<string, string>>) =>
    plane.admin.waitUntil(
      { ...CONFIG_MAP, name: 'settings', namespace: 'shop' },
      `settings are ${JSON.stringify(wanted)}`,
      object => JSON.stringify(object.data) === JSON.stringify(wanted),
      WAITING,
    )
  const commit = async (changes: Readonly<Record<string, string | null>>): Promise<string> => {
    const revision = `main@sha1:${await repository.commit(changes)}`
    await objects.reconcile('GitRepository', 'shop')
    return revision
  }
  const artifactOf = async () => (await objects.get('ExternalArtifact', 'shop')).status?.artifact
  const variables = { ...CONFIG_MAP, name: 'variables', namespace: FLUX_NAMESPACE }
  const setVariables = (who: string) =>
    plane.admin.apply({ ...CONFIG_MAP, metadata: { name: 'variables', namespace: FLUX_NAMESPACE }, data: { who } })

  await setVariables('everybody')
  await objects.createGitRepository('shop', { url: repository.url })
  await objects.createKustomization('shop', {
    sourceRef: { kind: 'ExternalArtifact', name: 'shop' },
    path: './shop',
    targetNamespace: 'shop',
    interval: '3s',
    retryInterval: '2s',
    postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'variables' }] },
  })
  await gate.create('shop', {
    sourceRef: { kind: 'GitRepository', name: 'shop' },
    paths: ['shop'],
    kustomizations: [{ name: 'shop' }],
  })
  const first = `main@sha1:${await repository.resolve('main')}`
  let good: string = first
  let digest = ''

  t.test('a good commit is published and applied', async t => {
    const ready = await gate.waitForReady('shop', 'True', first)
    await objects.waitUntilApplied('shop', first, WAITING)
    t.strictSame(await data(), { step: 'first', who: 'everybody' })
    const artifact = await artifactOf()
    t.equal(artifact?.revision, first)
    t.equal(ready.status?.lastAllowed?.digest, artifact?.digest)
    t.equal(ready.status?.lastJudged?.action, 'allow')
    t.strictSame(ready.status?.lastJudged?.counts, { judged: 1, allowed: 1, warned: 0, denied: 0, errors: 0 })
    const bytes = Buffer.from(await (await fetch(artifact?.url ?? '')).arrayBuffer())
    t.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, artifact?.digest)
    digest = artifact?.digest ?? ''
  })

  t.test('nothing of a bad commit is applied, and who looks is told why', async t => {
    const bad = await commit({
      'shop/settings.yaml': settings({ step: 'bad', who: '${who}' }),
      'shop/debug.yaml': hostile('debug'),
    })
    const held = await gate.waitForReady('shop', 'False', bad)
    t.equal(condition(held, 'Ready')?.reason, 'Denied')
    t.match(condition(held, 'Ready')?.message, `${first} stays in force`)
    t.match(held.status?.lastJudged?.kustomizations[0], { name: 'shop', action: 'deny', message: /node_takeover/ })
    t.equal((await artifactOf())?.digest, digest)
    await objects.reconcile('Kustomization', 'shop')
    t.strictSame(await data(), { step: 'first', who: 'everybody' })
    t.equal(await plane.admin.find({ apiVersion: 'v1', kind: 'Pod', name: 'debug', namespace: 'shop' }), null)
    const event = await waitFor('an event of the Kustomization', () =>
      Promise.resolve(
        gate.events().find(each => each.involvedObject.kind === 'Kustomization' && each.message.includes(bad)),
      ),
    )
    t.match(event, {
      involvedObject: { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', name: 'shop', namespace: FLUX_NAMESPACE },
      severity: 'error',
      reason: 'Denied',
      message: /node_takeover/,
      metadata: { 'kustomize.toolkit.fluxcd.io/revision': bad },
      reportingController: 'lockkeeper-flux',
    })
    const columns = await plane.kubectl(['get', 'artifactgate', '-n', FLUX_NAMESPACE])
    t.match(columns.stdout, /NAME\s+SOURCE\s+READY\s+STATUS/)
    t.match(columns.stdout, /shop\s+shop\s+False\s+main@sha1:/)
  })

  t.test('drift is put right to the last allowed revision while the bad one is held', async t => {
    await plane.admin.patch({ ...CONFIG_MAP, name: 'settings', namespace: 'shop' }, { data: { step: 'by hand' } })
    await dataBecomes({ step: 'first', who: 'everybody' })
    t.equal((await objects.get('Kustomization', 'shop')).status?.lastAppliedRevision, first)
  })

  t.test('an exception in the bundle takes effect without hands', async t => {
    const exception = {
      apiVersion: 'lockkeeper.dev/v1alpha1',
      kind: 'Exception',
      metadata: { name: 'node-debugging' },
      spec: {
        policies: ['node_takeover'],
        scope: { group: '', kind: 'Pod', namespace: 'shop', name: 'debug' },
        reason: 'the node is being looked at',
        ticket: 'OPS-7',
        owner: 'alice',
        approvedBy: 'bob',
        notAfter: new Date(Date.now() + 7 * DAY_MS).toISOString(),
      },
    }
    gate.changeBundle('lockkeeper/exceptions/node-debugging.yaml', () => JSON.stringify(exception))
    const revision = `main@sha1:${await repository.resolve('main')}`
    const ready = await gate.waitForReady('shop', 'True', revision)
    await dataBecomes({ step: 'bad', who: 'everybody' })
    t.equal(ready.status?.lastAllowed?.revision, revision)
  })

  t.test('so does a bundle that asks for less, and one that asks for more', async t => {
    const config = 'lockkeeper/config.yaml'
    const strict = readFileSync(join(ROOT, 'policies/bundle', config), 'utf8')
    const second = await commit({ 'shop/second.yaml': hostile('second') })
    await gate.waitForReady('shop', 'False', second)
    // It ends with what it says of policies.
    gate.changeBundle(config, text => `${text}  node_takeover:\n    enforcementAction: warn\n`)
    await gate.waitForReady('shop', 'True', second)
    const pod = { apiVersion: 'v1', kind: 'Pod', name: 'second', namespace: 'shop' }
    await plane.admin.waitUntil(pod, 'it is applied', () => true, WAITING)
    const before = await judgements()
    gate.changeBundle(config, () => strict)
    await waitFor('it is judged by the strict bundle', async () => (await judgements()) > before, WAITING)
    const third = await commit({ 'shop/third.yaml': hostile('third') })
    const held = await gate.waitForReady('shop', 'False', third)
    t.equal(held.status?.lastAllowed?.revision, second)
  })

  t.test('a fix is applied', async t => {
    good = await commit({
      'shop/settings.yaml': settings({ step: 'fixed', who: '${who}' }),
      'shop/debug.yaml': null,
      'shop/second.yaml': null,
      'shop/third.yaml': null,
    })
    await gate.waitForReady('shop', 'True', good)
    await objects.waitUntilApplied('shop', good, WAITING)
    t.strictSame(await data(), { step: 'fixed', who: 'everybody' })
  })

  t.test('what cannot be rendered is held, too', async t => {
    const broken = await commit({ 'shop/settings.yaml': 'kind: [' })
    const held = await gate.waitForReady('shop', 'False', broken)
    t.equal(condition(held, 'Ready')?.reason, 'NotJudged')
    good = await commit({ 'shop/settings.yaml': settings({ step: 'whole', who: '${who}' }) })
    await gate.waitForReady('shop', 'True', good)
    await dataBecomes({ step: 'whole', who: 'everybody' })
  })

  t.test('a changed variable is judged', async t => {
    const before = await judgements()
    await setVariables('nobody')
    await waitFor('another judgement', async () => (await judgements()) > before, WAITING)
    await gate.waitForReady('shop', 'True', good)
    await dataBecomes({ step: 'whole', who: 'nobody' })
    await plane.admin.delete(variables)
    await gate.waitForReady('shop', 'False', 'variables')
    await setVariables('everybody')
    await gate.waitForReady('shop', 'True', good)
    t.pass('a variable that is missing holds it, and one that comes lets it go')
  })

  t.test('a status that somebody else writes is put right', async t => {
    const artifact = await artifactOf()
    const forged = { ...artifact, revision: 'main@sha1:forged', digest: `sha256:${'0'.repeat(64)}` }
    const reference = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'ExternalArtifact', name: 'shop' }
    const target = { ...reference, namespace: FLUX_NAMESPACE }
    await plane.admin.patch(target, { status: { artifact: forged } }, { subresource: 'status' })
    await plane.admin.waitUntil(
      target,
      'the artifact is the allowed one',
      object => (object as GateObject).status?.artifact?.digest === artifact?.digest,
      WAITING,
    )
    await plane.admin.delete(target)
    await plane.admin.waitUntil(
      target,
      'it is there again',
      object => (object as GateObject).status?.artifact?.digest === artifact?.digest,
      WAITING,
    )
    t.strictSame(await artifactOf(), artifact)
  })

  t.test('a file on the volume that was tampered with is not applied, and made again', async t => {
    const folder = join(gate.storage, FLUX_NAMESPACE, 'shop')
    const { digest: of = '' } = (await artifactOf()) ?? {}
    const file = join(folder, `${of.replace('sha256:', '')}.tar.gz`)
    const original = readFileSync(file)
    writeFileSync(file, Buffer.from(original).fill(0, 20, 40))
    // kustomize-controller fetches it at every interval, and so the gate sees it.
    await waitFor('the file is made again', () => Promise.resolve(original.equals(readFileSync(file))), WAITING)
    await objects.reconcile('Kustomization', 'shop')
    t.strictSame(await data(), { step: 'whole', who: 'everybody' })
  })

  t.test('a source that is deleted leaves what is in force', async t => {
    await plane.admin.delete({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      name: 'shop',
      namespace: FLUX_NAMESPACE,
    })
    const held = await gate.waitForReady('shop', 'Unknown', 'there is no GitRepository')
    t.equal(held.status?.lastAllowed?.revision, good)
    await plane.admin.patch({ ...CONFIG_MAP, name: 'settings', namespace: 'shop' }, { data: { step: 'by hand' } })
    await dataBecomes({ step: 'whole', who: 'everybody' })
    await objects.createGitRepository('shop', { url: repository.url })
    await gate.waitForReady('shop', 'True', good)
  })

  t.test('a request to reconcile is honoured', async t => {
    const requestedAt = new Date().toISOString()
    const before = await judgements()
    await gate.patch('shop', { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': requestedAt } } })
    await waitFor('it is handled', async () => (await gate.get('shop')).status?.lastHandledReconcileAt === requestedAt)
    t.equal(await judgements(), before + 1)
  })

  t.test('a gate that is killed while it works goes on where it was', async t => {
    for (const [round, delayMs] of [0, 150, 400, 900, 1600].entries()) {
      const revision = await commit({ 'shop/settings.yaml': settings({ step: `round ${round}`, who: '${who}' }) })
      await wait(delayMs)
      await gate.kill()
      for (const name of readdirSync(join(gate.storage, FLUX_NAMESPACE))) t.equal(name, 'shop')
      await gate.start()
      good = revision
      await gate.waitForReady('shop', 'True', revision)
      await dataBecomes({ step: `round ${round}`, who: 'everybody' })
    }
    const files = readdirSync(join(gate.storage, FLUX_NAMESPACE, 'shop'))
    t.equal(files.length, 3, `the record and two versions: ${files.join(' ')}`)
    t.equal((await artifactOf())?.revision, good)
  })

  async function judgements(): Promise<number> {
    const text = await gate.metrics()
    return [...text.matchAll(/^lockkeeper_flux_judgements_total\{.*\} (\d+)$/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    )
  }
})
