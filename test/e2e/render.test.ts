import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { renderSource } from '../../src/io/render/render.js'
import type { RenderOptions } from '../../src/io/render/rendering.js'
import type { RenderSource } from '../../src/io/render/source.js'
import { argoCDCases, renderSourceOf, type ArgoCDCase } from '../helpers/argocd-cases.js'
import { program } from '../helpers/testbed/programs.js'

const DEFAULTS = { namespace: 'default', kubeVersion: 'v1.33.0', apiVersions: [], kustomizeBuildOptions: [] }

/** A source of one tool without any option. */
async function plainSource(tool: 'helm' | 'kustomize', directory: string): Promise<RenderSource> {
  const plain: ArgoCDCase = { name: 'app', shows: '', path: '.', source: { [tool]: {} }, refused: null, files: {} }
  return renderSourceOf(plain, directory, DEFAULTS)
}

async function rendered(
  t: Test,
  tool: 'helm' | 'kustomize',
  tree: Record<string, string | object>,
  options: Partial<RenderOptions> = {},
): Promise<string> {
  const root = t.testdir(tree as Parameters<typeof t.testdir>[0])
  const path = [dirname(program('helm')), dirname(program('kustomize')), process.env.PATH ?? ''].join(':')
  const source = await plainSource(tool, root)
  const all = await renderSource(
    source,
    { root, directory: root },
    { binaries: {}, env: { PATH: path, HOME: root }, buildEnvironment: {}, ...options },
  )
  return all.map(({ text }) => text).join('')
}

const CHART = 'apiVersion: v2\nname: shop\nversion: 0.1.0\n'

t.test('the real helm is bounded', async t => {
  const chart = (template: string): Record<string, string | object> => ({
    'Chart.yaml': CHART,
    templates: { 'a.yaml': template },
  })
  const endless = '{{ range $i := until 100000 }}{{ range $j := until 100000 }}{{ end }}{{ end }}'
  await t.rejects(rendered(t, 'helm', chart(endless), { timeoutMs: 2000 }), {
    code: 'RENDER_FAILED',
    message: '.: helm was stopped after 2 seconds',
  })
  const much = '{{ range $i := until 30000 }}# {{ repeat 100 "x" }}\n{{ end }}'
  await t.rejects(rendered(t, 'helm', chart(`a: b\n${much}`), { maxBytes: 1024 * 1024 }), {
    code: 'MANIFEST_TOO_LARGE',
    message: '.: the output of helm: is larger than 1 MiB',
  })
  const reads = chart('kind: A\napiVersion: v1\nmetadata: {name: {{ .Files.Get "/etc/hostname" | quote }}}\n')
  t.match(await rendered(t, 'helm', reads), /name: ""/, 'a template reads no files outside of its chart')
  t.end()
})

t.test('the real kustomize is bounded', async t => {
  const big = { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': '' }
  const root = t.testdir(big)
  writeFileSync(join(root, 'a.yaml'), '')
  truncateSync(join(root, 'a.yaml'), 1024 ** 3)
  const options = { binaries: { kustomize: program('kustomize') }, env: { HOME: root }, buildEnvironment: {} }
  await t.rejects(renderSource(await plainSource('kustomize', root), { root, directory: root }, options), {
    code: 'MANIFEST_TOO_LARGE',
    message: 'a.yaml: is larger than 64 MiB',
  })
  const aliases = ['a: &a [x, x, x, x, x, x, x, x, x]']
  for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg', 'ih'].map(each => each.split(''))) {
    aliases.push(`${name ?? ''}: &${name ?? ''} [${Array.from({ length: 9 }, () => `*${before ?? ''}`).join(', ')}]`)
  }
  const bomb = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n${aliases.join('\n')}\n`
  await t.rejects(
    rendered(
      t,
      'kustomize',
      { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': bomb },
      { maxMemoryBytes: 512 * 1024 * 1024 },
    ),
    { code: 'RENDER_FAILED', message: '.: kustomize was stopped when it had more than 512 MiB of memory' },
    'a bomb of aliases',
  )
  const run = 'resources: [cm.yaml]\ngenerators: [generator.yaml]\n'
  const generator = `apiVersion: v1\nkind: Evil\nmetadata:\n  name: evil\n  annotations:\n    config.kubernetes.io/function: "exec: {path: ./evil.sh}"\n`
  await t.rejects(
    rendered(t, 'kustomize', { 'kustomization.yaml': run, 'cm.yaml': '', 'generator.yaml': generator, 'evil.sh': '' }),
    { code: 'RENDER_FAILED' },
    'a program of the repository is not run',
  )
})

t.test('a second render of the same tree is the same', async t => {
  for (const name of ['helm-dependency-missing', 'kustomize-all-options']) {
    const found = argoCDCases().find(each => each.name === name)
    t.ok(found, name)
    if (found === undefined) continue
    const root = t.testdir({})
    for (const [path, content] of Object.entries(found.files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      if (Buffer.isBuffer(content)) writeFileSync(join(root, path), content)
    }
    const directory = join(root, found.path)
    const source = await renderSourceOf(found, directory, DEFAULTS)
    const path = [dirname(program('helm')), dirname(program('kustomize')), process.env.PATH ?? ''].join(':')
    const once = () =>
      renderSource(source, { root, directory }, { binaries: {}, env: { PATH: path, HOME: root }, buildEnvironment: {} })
    const first = await once()
    if (source.tool === 'helm') t.strictSame(await once(), first, name)
    // A label that is there already is a conflict: a kustomization is changed once.
    else await t.rejects(once(), { code: 'RENDER_FAILED' }, name)
  }
})
