import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockkeeper } from '../helpers/command.js'
import { CLI } from '../helpers/repository.js'
import type { Application } from '../helpers/testbed/argocd-applications.js'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { program } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

const PLUGIN = 'lockkeeper-v1'

/** A Namespace and a Pod; the Namespace says what its Pods may do, so that nothing is assumed. */
function podManifest(namespace: string, pod: Readonly<Record<string, unknown>>): string {
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'credentials', namespace },
      stringData: { password: 'correct-horse' },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings' },
      data: { on: 'yes', octal: '0o17', at: '12:30:45' },
    },
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'debug', namespace }, spec: pod },
  ]
  return objects.map(each => `${JSON.stringify(each)}\n`).join('---\n')
}

const CONTAINER = { name: 'main', image: 'registry.example.com/tool:1.2.3' }
const SOUND = { automountServiceAccountToken: false, containers: [CONTAINER] }
const TAKES_NODE = { hostPID: true, containers: [{ ...CONTAINER, securityContext: { privileged: true } }] }

const CHART = {
  'chart/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n',
  'chart/values.yaml': 'team: nobody\nreplicas: 1_000\n',
  'chart/values-prod.yaml': 'stage: prod\n',
  'chart/templates/settings.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
data:
  team: {{ .Values.team | quote }}
  stage: {{ .Values.stage | quote }}
  text: "a\\u2028b\\u0085c"
`,
}

/** The parts of an Application's status that say how it is. */
function stateOf({ status }: Application) {
  return {
    sync: status?.sync?.status,
    phase: status?.operationState?.phase,
    conditions: (status?.conditions ?? []).map(({ type, message }) => ({ type, message })),
  }
}

t.test('Argo CD with the plugin', async t => {
  const bed = createTestbed(t)
  const bin = join(bed.directory, 'lockkeeper-bin')
  mkdirSync(bin)
  const command = join(bin, 'lockkeeper')
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`)
  chmodSync(command, 0o755)
  const config = join(bin, 'generate.yaml')
  const binaries = { helm: program('helm'), kustomize: program('kustomize') }
  const limits = { slotsDirectory: join(bin, 'slots') }
  const configuration = { apiVersion: 'lockkeeper.dev/v1alpha1', kind: 'GenerateConfiguration', binaries, limits }
  writeFileSync(config, JSON.stringify(configuration))
  const { stdout: manifest } = lockkeeper(['generate', 'plugin', '--config', config])

  const [plane, git] = await together([startControlPlane(bed, {}), startGitServer(bed)])
  const [argocd, repository] = await together([
    startArgoCD(bed, plane, {
      plugins: [{ manifest, env: { PATH: `${bin}:${process.env.PATH ?? ''}` } }],
      appResyncSeconds: 3,
    }),
    git.createRepository('shop', { ...CHART, 'pods/pods.yaml': podManifest('pods', SOUND) }),
    ...['chart', 'pods'].map(name => plane.createNamespace(name)),
  ])
  const { applications } = argocd
  const find = async (kind: string, name: string, namespace: string) =>
    (await plane.admin.find({ apiVersion: 'v1', kind, name, namespace })) ?? null

  t.test('an allowed Application is Synced with the objects of its chart and its parameters', async t => {
    const revision = await repository.resolve('main')
    await applications.create('chart', {
      source: {
        repoURL: repository.url,
        path: 'chart',
        plugin: {
          name: PLUGIN,
          parameters: [
            { name: 'helm-value-files', array: ['values-prod.yaml'] },
            { name: 'helm-parameters', map: { team: 'payments' } },
          ],
        },
      },
    })
    t.strictSame(stateOf(await applications.waitUntilSynced('chart', revision)), {
      sync: 'Synced',
      phase: 'Succeeded',
      conditions: [],
    })
    t.strictSame((await find('ConfigMap', 'chart-settings', 'chart'))?.data, {
      team: 'payments',
      stage: 'prod',
      text: 'a\u2028b\u0085c',
    })
  })

  t.test('texts that YAML could read as something else arrive as they are', async t => {
    await applications.create('pods', { source: { repoURL: repository.url, path: 'pods', plugin: { name: PLUGIN } } })
    const synced = await applications.waitUntil(
      'pods',
      'Application pods is applied',
      ({ status }) => status?.operationState?.phase === 'Succeeded',
    )
    t.strictSame(stateOf(synced).conditions, [])
    t.strictSame((await find('ConfigMap', 'settings', 'pods'))?.data, { on: 'yes', octal: '0o17', at: '12:30:45' })
    t.ok(await find('Pod', 'debug', 'pods'))
  })

  t.test('a denied commit applies nothing, and says why', async t => {
    await repository.commit({ 'pods/pods.yaml': podManifest('pods', TAKES_NODE) })
    const denied = await applications.refresh('pods')
    const text =
      'denied: Pod pods/debug: [node_takeover] container "main" is privileged and sees the node\'s processes: ' +
      "it can enter them and be the node's root\n    fix: remove hostPID and privileged"
    const message =
      'Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = ' +
      'CMP processing failed for application "pods": error generating manifests in cmp: ' +
      'rpc error: code = Unknown desc = error generating manifests: ' +
      `\`lockkeeper generate --config ${config}\` failed exit status 1: ${text}`
    t.strictSame(
      stateOf(denied).conditions.map(each => ({
        ...each,
        message: each.message.replace('Manifest generation error (cached): ', ''),
      })),
      [{ type: 'ComparisonError', message }],
    )
    t.equal(denied.status?.sync?.status, 'Unknown')
    // Only now: before the denial the old commit would bring it back.
    await plane.admin.delete({ apiVersion: 'v1', kind: 'ConfigMap', name: 'settings', namespace: 'pods' })
    const { phase } = await applications.sync('pods')
    t.equal(phase, 'Error')
    t.equal(await find('ConfigMap', 'settings', 'pods'), null, 'nothing of the commit was applied')
  })

  t.test('the next sound commit recovers', async t => {
    const fixed = await repository.commit({ 'pods/pods.yaml': podManifest('pods', SOUND) })
    await applications.refresh('pods')
    const recovered = await applications.waitUntil(
      'pods',
      'Application pods is applied again',
      ({ status }) =>
        status?.operationState?.phase === 'Succeeded' && status.operationState.syncResult?.revision === fixed,
      { timeoutMs: 60_000 },
    )
    t.strictSame(stateOf(recovered).conditions, [])
    t.ok(await find('ConfigMap', 'settings', 'pods'))
  })
})
