import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Application } from '../helpers/testbed/argocd-applications.js'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import { startArtifactServer } from '../helpers/testbed/artifact-server.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { condition, type FluxObject } from '../helpers/testbed/flux-objects.js'
import { startFlux } from '../helpers/testbed/flux.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' }

/** A manifest with one ConfigMap `settings`. */
function settings(data: Readonly<Record<string, string>>): string {
  return `${JSON.stringify({ ...CONFIG_MAP, metadata: { name: 'settings' }, data })}\n`
}

/** Prints the manifests of its directory with the variables it gets, and fails where it reads "forbidden". */
const GENERATE = `set -eu
if grep -q forbidden *.yaml; then
  echo 'denied: settings are forbidden' >&2
  echo 'policy: no-forbidden-settings' >&2
  exit 1
fi
cat *.yaml | sed "s/TEAM/$ARGOCD_ENV_TEAM/; s/LEVEL/$LEVEL/"
`

/** The plugin `cat-v1.0`. */
function pluginManifest(script: string): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: ConfigManagementPlugin
metadata:
  name: cat
spec:
  version: v1.0
  generate:
    command: [sh, ${script}]
`
}

/** The parts of an Application's status that say how it is. */
function stateOf({ status }: Application) {
  return {
    sync: status?.sync?.status,
    revision: status?.sync?.revision,
    phase: status?.operationState?.phase,
    conditions: (status?.conditions ?? []).map(({ type, message }) => ({ type, message })),
  }
}

function readiness(object: FluxObject) {
  const { status, reason, message } = condition(object, 'Ready') ?? {}
  return { status, reason, message }
}

t.test('Argo CD and Flux with a real API server', async t => {
  const start = performance.now()
  const bed = createTestbed(t)
  const script = join(bed.directory, 'generate.sh')
  writeFileSync(script, GENERATE)
  const [plane, git, artifacts] = await together([
    startControlPlane(bed, {}),
    startGitServer(bed),
    startArtifactServer(bed),
  ])
  const [argocd, flux, repository] = await together([
    startArgoCD(bed, plane, {
      plugins: [{ manifest: pluginManifest(script), env: { LEVEL: 'strict' } }],
      // After a failed sync the next good revision has to wait for this.
      appResyncSeconds: 3,
    }),
    startFlux(bed, plane),
    git.createRepository('shop', {
      'directory/settings.yaml': settings({ from: 'a directory' }),
      'plugin/settings.yaml': settings({ team: 'TEAM', level: 'LEVEL' }),
      'kustomization/settings.yaml': settings({ from: 'a Kustomization' }),
    }),
    ...['directory', 'plugin', 'replaced', 'kustomization', 'external'].map(name => plane.createNamespace(name)),
  ])
  const { applications } = argocd
  const { objects } = flux

  /** The data of a ConfigMap `settings`, or null when there is none. */
  async function dataIn(namespace: string): Promise<unknown> {
    return (await plane.admin.find({ ...CONFIG_MAP, name: 'settings', namespace }))?.data ?? null
  }

  async function deleteIn(namespace: string): Promise<void> {
    await plane.admin.delete({ ...CONFIG_MAP, name: 'settings', namespace })
  }

  t.test('an Application and a Kustomization bring what is in Git to the API server', async t => {
    const revision = await repository.resolve('main')
    await applications.create('plugin', {
      source: {
        repoURL: repository.url,
        path: 'plugin',
        plugin: { name: 'cat-v1.0', env: [{ name: 'TEAM', value: 'payments' }] },
      },
    })
    await applications.create('directory', { source: { repoURL: repository.url, path: 'directory' } })
    await objects.createGitRepository('shop', { url: repository.url })
    await objects.createKustomization('shop', {
      sourceRef: { kind: 'GitRepository', name: 'shop' },
      path: 'kustomization',
      targetNamespace: 'kustomization',
      interval: '3s',
    })
    const [plugin, directory, kustomization] = await together([
      applications.waitUntilSynced('plugin', revision),
      applications.waitUntilSynced('directory', revision),
      objects.waitUntilApplied('shop', `main@sha1:${revision}`),
    ])
    t.comment(`from empty directories to Synced and Ready: ${((performance.now() - start) / 1000).toFixed(1)} s`)

    const synced = { sync: 'Synced', revision, phase: 'Succeeded', conditions: [] }
    t.strictSame(stateOf(plugin), synced)
    t.strictSame(stateOf(directory), synced)
    t.strictSame(readiness(kustomization), {
      status: 'True',
      reason: 'ReconciliationSucceeded',
      message: `Applied revision: main@sha1:${revision}`,
    })
    t.strictSame(await dataIn('plugin'), { team: 'payments', level: 'strict' })
    t.strictSame(await dataIn('directory'), { from: 'a directory' })
    t.strictSame(await dataIn('kustomization'), { from: 'a Kustomization' })
  })

  t.test('they come as their own service accounts', async t => {
    const creators = (await plane.audit())
      .filter(({ verb, objectRef }) => objectRef?.name === 'settings' && (verb === 'create' || verb === 'patch'))
      .map(({ user, objectRef }) => `${objectRef?.namespace ?? ''}: ${user.username}`)
    t.strictSame([...new Set(creators)].sort(), [
      'directory: system:serviceaccount:argocd:argocd-application-controller',
      'kustomization: system:serviceaccount:flux-system:kustomize-controller',
      'plugin: system:serviceaccount:argocd:argocd-application-controller',
    ])
  })

  t.test('a write without a field manager is owned by the name of the process', async t => {
    await applications.create('replaced', {
      source: { repoURL: repository.url, path: 'directory' },
      syncPolicy: { automated: {}, retry: { limit: 0 }, syncOptions: ['Replace=true'] },
    })
    await applications.waitUntilSynced('replaced')
    const { metadata } = await plane.admin.get({ ...CONFIG_MAP, name: 'settings', namespace: 'replaced' })
    const managers = (metadata.managedFields as { manager: string }[]).map(({ manager }) => manager)
    t.strictSame(managers, ['argocd-application-controller'])
  })

  t.test('a plugin that fails', async t => {
    const good = await repository.resolve('main')
    const bad = await repository.commit({ 'plugin/settings.yaml': settings({ team: 'forbidden' }) })
    const message =
      'CMP processing failed for application "plugin": error generating manifests in cmp: ' +
      `rpc error: code = Unknown desc = error generating manifests: \`sh ${script}\` failed exit status 1: ` +
      'denied: settings are forbidden\npolicy: no-forbidden-settings'
    const isCached = 'Manifest generation error (cached): '
    const conditionMessage =
      'Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = '

    await t.test('leaves the last state as it was', async t => {
      const failed = await applications.refresh('plugin')
      const { conditions, ...state } = stateOf(failed)
      t.strictSame(state, { sync: 'Unknown', revision: 'main', phase: 'Succeeded' })
      t.strictSame(
        conditions.map(each => ({ ...each, message: each.message.replace(isCached, '') })),
        [{ type: 'ComparisonError', message: `${conditionMessage}${message}` }],
      )
      t.equal(failed.status?.operationState?.syncResult?.revision, good)
      t.strictSame(await dataIn('plugin'), { team: 'payments', level: 'strict' })
    })

    await t.test('leaves deleted objects deleted, also when a sync is asked for', async t => {
      await deleteIn('plugin')
      await applications.refresh('plugin', 'hard')
      const { phase, message: said = '' } = await applications.sync('plugin')
      t.equal(phase, 'Error')
      t.equal(said.replace(isCached, ''), `ComparisonError: ${conditionMessage}${message}`)
      t.equal(await dataIn('plugin'), null)
    })

    await t.test('recovers with the next commit', async t => {
      const fixed = await repository.commit({
        'plugin/settings.yaml': settings({ team: 'TEAM', level: 'LEVEL', fix: '1' }),
      })
      t.not(fixed, bad)
      await applications.refresh('plugin')
      const recovered = await applications.waitUntilSynced('plugin', fixed, { timeoutMs: 60_000 })
      t.strictSame(stateOf(recovered), { sync: 'Synced', revision: fixed, phase: 'Succeeded', conditions: [] })
      t.strictSame(await dataIn('plugin'), { team: 'payments', level: 'strict', fix: '1' })
    })
  })

  t.test('what is deleted on the API server comes back', async t => {
    const cases = { directory: { from: 'a directory' }, kustomization: { from: 'a Kustomization' } }
    for (const [namespace, data] of Object.entries(cases)) {
      await deleteIn(namespace)
      const reference = { ...CONFIG_MAP, name: 'settings', namespace }
      await plane.admin.waitUntil(reference, `settings are back in ${namespace}`, () => true, { timeoutMs: 60_000 })
      t.strictSame(await dataIn(namespace), data, namespace)
    }
  })

  t.test('a Kustomization follows a new commit when it is asked to', async t => {
    const revision = await repository.commit({ 'kustomization/settings.yaml': settings({ from: 'the second commit' }) })
    const source = await objects.reconcile('GitRepository', 'shop')
    t.equal(source.status?.artifact?.revision, `main@sha1:${revision}`)
    const kustomization = await objects.reconcile('Kustomization', 'shop')
    t.equal(kustomization.status?.lastAppliedRevision, `main@sha1:${revision}`)
    t.strictSame(await dataIn('kustomization'), { from: 'the second commit' })
  })

  t.test('an ExternalArtifact', async t => {
    const first = await artifacts.add('external', { 'settings.yaml': settings({ artifact: 'first' }) })
    const second = await artifacts.add('external', { 'settings.yaml': settings({ artifact: 'second' }) })
    const third = await artifacts.add('external', { 'settings.yaml': settings({ artifact: 'third' }) })
    const waitForReady = (wanted: { status: 'True' | 'False'; reason: string; message: string }) =>
      objects.waitForCondition('Kustomization', 'external', { type: 'Ready', ...wanted })

    await t.test('is waited for', async t => {
      await objects.createExternalArtifact('external')
      await objects.createKustomization('external', {
        sourceRef: { kind: 'ExternalArtifact', name: 'external' },
        targetNamespace: 'external',
        interval: '2s',
      })
      await waitForReady({
        status: 'False',
        reason: 'ArtifactFailed',
        message: 'Source artifact not found, retrying in 2s',
      })
      t.equal(await dataIn('external'), null)
    })

    await t.test('is applied when it is published', async t => {
      await objects.publish('external', first)
      await objects.waitUntilApplied('external', first.revision)
      t.strictSame(await dataIn('external'), { artifact: 'first' })
    })

    await t.test('is not applied when its digest is another one, and nothing is healed then', async t => {
      await deleteIn('external')
      await objects.publish('external', { ...second, digest: third.digest })
      const message =
        `failed to verify archive: computed digest doesn't match provided '${third.digest}' ` +
        '(check whether file size exceeds max download size)'
      await waitForReady({ status: 'False', reason: 'ArtifactFailed', message })
      await objects.reconcile('Kustomization', 'external')
      t.equal(await dataIn('external'), null)
    })

    await t.test('is not applied when it cannot be fetched', async t => {
      await objects.publish('external', { ...second, url: `${second.url}x` })
      const message = 'Source is not ready, artifact not found, retrying in 2s'
      await waitForReady({ status: 'False', reason: 'ArtifactFailed', message })
      t.equal(await dataIn('external'), null)
    })

    await t.test('is what drift is healed with, also when its source is not Ready', async t => {
      await objects.publish('external', third)
      await objects.waitUntilApplied('external', third.revision)
      await objects.publish('external', third, { status: 'False', reason: 'Denied', message: 'the next one is denied' })
      const fetches = artifacts.fetches(third)
      await deleteIn('external')
      const reference = { ...CONFIG_MAP, name: 'settings', namespace: 'external' }
      await plane.admin.waitUntil(reference, 'settings are back', () => true)
      t.strictSame(await dataIn('external'), { artifact: 'third' })
      t.ok(artifacts.fetches(third) > fetches, 'it was fetched again')
      t.strictSame(readiness(await objects.reconcile('Kustomization', 'external')), {
        status: 'True',
        reason: 'ReconciliationSucceeded',
        message: `Applied revision: ${third.revision}`,
      })
    })
  })

  t.test('everything ends with the test bed', async t => {
    const processes = [
      argocd.controller,
      argocd.repoServer,
      ...argocd.plugins,
      flux.sourceController,
      flux.kustomizeController,
    ]
    await bed.close()
    for (const { name, pid } of processes) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, name)
    t.notOk(existsSync(bed.directory))
  })
})

t.test('a part that fails is reported when the others have ended', async t => {
  let hasEnded = false
  const other = new Promise<void>(resolve =>
    setImmediate(() => {
      hasEnded = true
      resolve()
    }),
  )
  await t.rejects(together([Promise.reject(new Error('first')), other]), { message: 'first' })
  t.ok(hasEnded)
  t.strictSame(await together([Promise.resolve(1), 'two']), [1, 'two'])
})
