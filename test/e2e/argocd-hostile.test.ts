import t from 'tap'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import type { Application } from '../helpers/testbed/argocd-applications.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { prepareSidecar } from '../helpers/testbed/gate-sidecar.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { program } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

// What a repository can do to the plugin through Argo CD; what it can do to renderers is in render.test.ts.

const CHART = {
  'chart/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n',
  'chart/values.yaml': 'mode: sound\n',
  'chart/templates/all.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  mode: {{ .Values.mode }}
{{- if eq .Values.mode "hostile" }}
---
apiVersion: v1
kind: Pod
metadata:
  name: debug
spec:
  hostPID: true
  containers: [{name: main, image: "registry.example.com/tool:1.2.3", securityContext: {privileged: true}}]
{{- end }}
`,
}

/** Swaps what the Application says of its plugin. */
function swapped(plugin: object): Readonly<Record<string, string>> {
  return { 'chart/.argocd-source.yaml': JSON.stringify({ plugin }) }
}

function conditionOf({ status }: Application): string {
  return (status?.conditions ?? []).map(({ message }) => message).join('\n')
}

const FAILED = 'failed exit status 2: could not judge: '

t.test('a hostile repository is judged as it is rendered, or not at all', async t => {
  const bed = createTestbed(t)
  const gate = prepareSidecar(bed, {
    name: 'gate',
    configuration: { failOnWarn: true, binaries: { helm: program('helm') } },
  })
  const hasty = prepareSidecar(bed, { name: 'hasty', configuration: {}, limits: { timeoutSeconds: 2 } })
  const [plane, git] = await together([startControlPlane(bed, {}), startGitServer(bed)])
  const [{ applications }, repository] = await together([
    startArgoCD(bed, plane, { plugins: [gate.plugin, hasty.plugin], appResyncSeconds: 3600 }),
    git.createRepository('shop', CHART),
    plane.createNamespace('shop'),
  ])
  const parameters = [{ name: 'helm-parameters', map: { mode: 'asked-for' } }]
  const settings = async () =>
    (await plane.admin.find({ apiVersion: 'v1', kind: 'ConfigMap', name: 'settings', namespace: 'shop' }))?.data
  await applications.create('shop', {
    source: { repoURL: repository.url, path: 'chart', plugin: { name: gate.pluginName, parameters } },
  })
  await applications.waitUntilSynced('shop')
  t.strictSame(await settings(), { mode: 'asked-for' })

  await t.test('what .argocd-source.yaml makes of the parameters is what is judged', async t => {
    const harmless = await repository.commit(
      swapped({ parameters: [{ name: 'helm-parameters', map: { mode: 'swapped' } }] }),
    )
    await applications.refresh('shop')
    await applications.waitUntilSynced('shop', harmless)
    t.strictSame(await settings(), { mode: 'swapped' }, 'the file has its way')

    const hostile = await repository.commit(
      swapped({ parameters: [{ name: 'helm-parameters', map: { mode: 'hostile' } }] }),
    )
    t.match(
      conditionOf(await applications.refresh('shop')),
      'failed exit status 1: denied: Pod shop/debug: [node_takeover]',
    )
    t.equal(gate.calls('shop', hostile)[0]?.stdout, '')
    t.strictSame(await settings(), { mode: 'swapped' }, 'nothing of it was applied')
  })

  await t.test('.argocd-source.yaml cannot ask for less than the mounted configuration', async t => {
    const revision = await repository.commit(swapped({ env: [{ name: 'LOCKKEEPER_FAIL_ON_WARN', value: 'false' }] }))
    const shown = conditionOf(await applications.refresh('shop'))
    t.match(shown, FAILED)
    t.match(shown, 'LOCKKEEPER_FAIL_ON_WARN: is looser than the mounted configuration')
    t.equal(gate.calls('shop', revision)[0]?.stdout, '')
  })

  await t.test('100,000 documents end in time, and say what took it', async t => {
    const document = (index: number) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `n${index}` } })
    const revision = await repository.commit({
      'many/all.yaml': Array.from({ length: 100_000 }, (_, index) => document(index)).join('\n---\n'),
    })
    await applications.create('many', {
      source: { repoURL: repository.url, path: 'many', plugin: { name: hasty.pluginName } },
      namespace: 'shop',
    })
    const shown = conditionOf(
      await applications.waitUntil('many', 'Application many is held', app => conditionOf(app) !== '', {
        timeoutMs: 60_000,
      }),
    )
    t.match(shown, `${FAILED}it was not done within 2 seconds: `)
    t.match(shown, '(GATE_DEADLINE)')
    t.equal(hasty.calls('many', revision)[0]?.stdout, '')
  })
})
