import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { startFluxGate } from '../helpers/testbed/flux-gate.js'
import { FLUX_NAMESPACE } from '../helpers/testbed/flux-install.js'
import { condition, type FluxObject } from '../helpers/testbed/flux-objects.js'
import { startFlux } from '../helpers/testbed/flux.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

// The Flux gate killed at twenty random points, and with two hundred gates.

const KILLS = 20
const GATES = 200
const IDLE_MS = 20_000
/** Of /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100
const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' }

const settings = (step: string): string =>
  JSON.stringify({ ...CONFIG_MAP, metadata: { name: 'settings' }, data: { step } })

/** A Pod that may enter every process of its node. */
const HOSTILE = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'debug' },
  spec: {
    hostPID: true,
    automountServiceAccountToken: false,
    containers: [{ name: 'main', image: 'registry.example.com/tool:1.2.3', securityContext: { privileged: true } }],
  },
})

t.test('the Flux gate in the long run', async t => {
  const bed = createTestbed(t)
  const [plane, git] = await together([startControlPlane(bed, {}), startGitServer(bed)])
  const [{ objects }, repository] = await together([
    startFlux(bed, plane),
    git.createRepository('shop', { 'shop/settings.yaml': settings('first') }),
    plane.createNamespace('shop'),
  ])
  const gate = await startFluxGate(bed, plane)
  await objects.createGitRepository('shop', { url: repository.url })
  const take = (name: string, more: object = {}) =>
    objects.createKustomization(name, {
      sourceRef: { kind: 'ExternalArtifact', name },
      path: './shop',
      targetNamespace: 'shop',
      interval: '2s',
      ...more,
    })
  const gateSpec = { sourceRef: { kind: 'GitRepository', name: 'shop' } }

  t.test('killed at any point it loses nothing, and publishes nothing that is denied', async t => {
    await take('shop')
    await gate.create('shop', gateSpec)
    await gate.waitForReady('shop', 'True', 'is allowed')
    const denied = new Set<string>()
    const published = async () => (await objects.get('ExternalArtifact', 'shop')).status?.artifact
    for (let round = 0; round < KILLS; round += 1) {
      const isBad = round % 3 === 2
      const changes = { 'shop/settings.yaml': settings(`round ${round}`), 'shop/debug.yaml': isBad ? HOSTILE : null }
      const revision = `main@sha1:${await repository.commit(changes)}`
      if (isBad) denied.add(revision)
      await objects.reconcile('GitRepository', 'shop')
      await wait(Math.random() * 800)
      await gate.kill()
      t.notOk(denied.has((await published())?.revision ?? ''), 'nothing that is denied is published')
      await gate.start()
      await gate.waitForReady('shop', isBad ? 'False' : 'True', revision)
      const artifact = await published()
      t.equal(denied.has(artifact?.revision ?? ''), false)
      const answer = await fetch(artifact?.url ?? '')
      t.equal(answer.status, 200, 'what is published is served')
      const file = join(gate.storage, FLUX_NAMESPACE, 'shop', `${artifact?.digest.slice(7) ?? ''}.tar.gz`)
      t.ok(readFileSync(file).equals(Buffer.from(await answer.arrayBuffer())))
    }
    t.ok(readdirSync(join(gate.storage, FLUX_NAMESPACE, 'shop')).length <= 3, 'nothing is left over')
    t.equal(await plane.admin.find({ apiVersion: 'v1', kind: 'Pod', name: 'debug', namespace: 'shop' }), null)
  })

  t.test('two hundred gates', async t => {
    const names = Array.from({ length: GATES }, (_, i) => `gate-${i}`)
    const revision = `main@sha1:${await repository.commit({ 'shop/settings.yaml': settings('many'), 'shop/debug.yaml': null })}`
    await objects.reconcile('GitRepository', 'shop')
    const are = (wanted: string) => async () => {
      const all = await plane.admin.list({ apiVersion: 'lockkeeper.dev/v1alpha1', kind: 'ArtifactGate' })
      return all.filter(each => condition(each as FluxObject, 'Ready')?.message.includes(wanted)).length > GATES
    }
    for (const name of names) {
      await take(name, { suspend: true })
      await gate.create(name, gateSpec)
    }
    await waitFor('all gates are ready', are(revision), { timeoutMs: 300_000, everyMs: 500 })
    const next = `main@sha1:${await repository.commit({ 'shop/settings.yaml': settings('next') })}`
    const began = performance.now()
    await objects.reconcile('GitRepository', 'shop')
    await gate.waitForReady('shop', 'True', next)
    const firstMs = performance.now() - began
    await waitFor('all gates follow', are(next), { timeoutMs: 300_000, everyMs: 500 })
    const lastMs = performance.now() - began
    // What was written is heard of once more.
    await wait(5000)
    const before = cpuSeconds(gate.process().pid)
    await wait(IDLE_MS)
    const idle = cpuSeconds(gate.process().pid) - before
    t.comment(
      `${GATES} gates: ${residentMiB(gate.process().pid)} MiB; a commit is published by one gate after ${Math.round(firstMs)} ms, ` +
        `by all after ${Math.round(lastMs)} ms; idle ${((idle * 100_000) / IDLE_MS).toFixed(2)} % of a core`,
    )
    t.match(await gate.metrics(), /^lockkeeper_flux_gates\{condition="ready"\} 201$/m)
  })
})

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function residentMiB(pid: number): number {
  const [, kibibytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kibibytes) / 1024)
}
