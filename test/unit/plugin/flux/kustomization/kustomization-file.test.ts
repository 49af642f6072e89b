import { existsSync, linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { withKustomization } from '../../../../../plugin/flux/kustomization/kustomization-file.js'
import { readKustomizationSpec } from '../../../../../plugin/flux/kustomization/spec.js'
import { withWorkingCopy } from '../../../../../plugin/flux/kustomization/working-copy.js'
import { parseJson, type JsonObject } from '../../../../../src/json.js'

function specOf(spec: object) {
  const object = {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'shop', namespace: 'apps' },
    spec: { interval: '1h', prune: true, sourceRef: { kind: 'GitRepository', name: 'shop' }, ...spec },
  }
  return readKustomizationSpec(parseJson(JSON.stringify(object)) as JsonObject)
}

function write(t: Test, files: Readonly<Record<string, string>>): string {
  const root = t.testdir({})
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return root
}

/** The kustomization that a build would see, and that the tree is as before afterwards. */
async function seen(t: Test, files: Readonly<Record<string, string>>, spec: object = {}, name = 'kustomization.yaml') {
  const root = write(t, files)
  const path = join(root, name)
  const before = existsSync(path) ? readFileSync(path, 'utf8') : null
  const found = await withKustomization(specOf(spec), { root, directory: root }, () =>
    Promise.resolve(JSON.parse(readFileSync(path, 'utf8')) as unknown),
  )
  t.equal(existsSync(path) ? readFileSync(path, 'utf8') : null, before)
  return found
}

const GENERATED = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }

t.test('a kustomization is made of all YAML files where there is none', async t => {
  const files = {
    'b.yaml': '',
    'a.yml': '',
    'B.yaml': '',
    'x.json': '',
    'x.yaml.bak': '',
    'sub/c.yaml': '',
    'own/Kustomization': '',
    'own/d.yaml': '',
    '.hidden/e.yaml': '',
    'kustomization.yaml.d/f.yaml': '',
  }
  const resources = [
    './.hidden/e.yaml',
    './B.yaml',
    './a.yml',
    './b.yaml',
    './kustomization.yaml.d/f.yaml',
    './own',
    './sub/c.yaml',
  ]
  t.strictSame(await seen(t, files), { ...GENERATED, resources })
  t.strictSame(await seen(t, { 'x.txt': '' }), GENERATED, 'nothing there')
  const ofSpec = await seen(t, { 'a.yaml': '' }, { targetNamespace: 'shop', namePrefix: 'a-', nameSuffix: '-b' })
  t.strictSame(ofSpec, { ...GENERATED, resources: ['./a.yaml'], namespace: 'shop', namePrefix: 'a-', nameSuffix: '-b' })
})

t.test('a kustomization that is there is changed', async t => {
  const files = {
    'kustomization.yml': `resources: [a.yaml]
namespace: other
namePrefix: kept-
patches: [{path: p.yaml}]
components: [c]
images:
  - {name: a, newTag: "1"}
  - {name: b, digest: "sha256:1"}
  - {name: c, newName: d, newTag: "1"}
nobodyKnows: 1
buildMetadata: [managedByLabel]
sortOptions: null
`,
    'there/x': '',
  }
  const spec = {
    targetNamespace: 'shop',
    patches: [{ patch: 'a', target: { kind: 'Pod' } }, { patch: 'b' }],
    components: ['there', 'missing'],
    ignoreMissingComponents: true,
    images: [
      { name: 'a', newName: 'z' },
      { name: 'b', newTag: '2' },
      { name: 'c', digest: 'sha256:2' },
      { name: 'n', newTag: '3' },
    ],
  }
  t.strictSame(await seen(t, files, spec, 'kustomization.yml'), {
    resources: ['a.yaml'],
    namespace: 'shop',
    namePrefix: 'kept-',
    patches: [{ path: 'p.yaml' }, { patch: 'a', target: { kind: 'Pod' } }, { patch: 'b' }],
    components: ['c', 'there'],
    images: [
      { name: 'a', newTag: '1', newName: 'z' },
      { name: 'b', digest: '', newTag: '2' },
      { name: 'c', newName: 'd', newTag: '', digest: 'sha256:2' },
      { name: 'n', newTag: '3', digest: '' },
    ],
    buildMetadata: ['managedByLabel'],
  })
})

t.test('origins are asked for where there are no resources', async t => {
  const files = { Kustomization: 'configMapGenerator: []\nbuildMetadata: [managedByLabel]\n' }
  const all = { configMapGenerator: [], buildMetadata: ['originAnnotations'] }
  t.strictSame(await seen(t, files, {}, 'Kustomization'), all)
  const own = { buildMetadata: ['transformerAnnotations'] }
  t.strictSame(await seen(t, files, own, 'Kustomization'), { ...all, ...own }, 'what the spec says counts')
})

const refusals: Record<string, { files?: Record<string, string>; spec?: object; says: string }> = {
  'a field in another case': {
    files: { 'kustomization.yaml': 'Resources: [a]\n' },
    says: 'Resources has to be written resources',
  },
  'a field that is no list': {
    files: { 'kustomization.yaml': 'patches: a\n' },
    spec: { patches: [{ patch: 'a' }] },
    says: 'patches is not a sequence',
  },
  'a component in another repository': {
    spec: { components: ['https://example.org/a'] },
    says: 'the component https://example.org/a has to be a path relative to the kustomization',
  },
  'an absolute component': {
    spec: { components: ['/etc'] },
    says: 'the component /etc has to be a path relative to the kustomization',
  },
}

for (const [name, { files = {}, spec = {}, says }] of Object.entries(refusals)) {
  t.test(`refuses ${name}`, async t => {
    const root = write(t, files)
    await t.rejects(
      withKustomization(specOf(spec), { root, directory: root }, () => Promise.resolve()),
      { code: 'RENDER_FAILED', message: `kustomization.yaml: ${says}` },
    )
  })
}

t.test(
  'a kustomization is as it was after a build that fails, and a file of another tree is never changed',
  async t => {
    const root = write(t, { 'tree/kustomization.yaml': 'resources: [a.yaml]\n' })
    linkSync(join(root, 'tree/kustomization.yaml'), join(root, 'original.yaml'))
    const place = { root, directory: join(root, 'tree') }
    const failing = withKustomization(specOf({ targetNamespace: 'shop' }), place, () => {
      t.equal(readFileSync(join(root, 'original.yaml'), 'utf8'), 'resources: [a.yaml]\n')
      return Promise.reject(new Error('no'))
    })
    await t.rejects(failing, { message: 'no' })
    t.equal(readFileSync(join(root, 'tree/kustomization.yaml'), 'utf8'), 'resources: [a.yaml]\n')
  },
)

t.test('a working copy is gone when it was used', async t => {
  const root = write(t, { 'a/b.yaml': 'b', 'c.yaml': 'c' })
  const copy = await withWorkingCopy(root, copy => {
    t.equal(readFileSync(join(copy, 'a/b.yaml'), 'utf8'), 'b')
    t.equal(statSync(join(copy, 'c.yaml')).size, 1)
    return Promise.resolve(copy)
  })
  t.notOk(existsSync(copy))
  t.ok(existsSync(join(root, 'a/b.yaml')))
})

t.test('a working copy of a tree with links is refused', async t => {
  const root = t.testdir({ link: t.fixture('symlink', '/etc') })
  await t.rejects(
    withWorkingCopy(root, () => Promise.resolve()),
    {
      code: 'RENDER_FAILED',
      message: 'link: is neither a file nor a directory',
    },
  )
})
