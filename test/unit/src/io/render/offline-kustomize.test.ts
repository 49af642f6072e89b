import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { buildOffline } from '../../../../../src/io/render/offline-kustomize.js'

/** Builds a tree with a program in the place of kustomize, whose arguments and environment are kept. */
async function build(t: Test, files: Readonly<Record<string, string>>, script = 'echo built') {
  const directory = t.testdir({ tree: {} })
  const root = join(directory, 'tree')
  for (const [path, content] of Object.entries({ 'app/x': '', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  const kustomize = join(directory, 'kustomize')
  const log = join(directory, 'log')
  writeFileSync(kustomize, `#!/bin/sh\necho "$3" >>${log}\n${script}\n`)
  chmodSync(kustomize, 0o755)
  const options = {
    binaries: { kustomize },
    env: { PATH: '/usr/bin:/bin', TOKEN: 'hidden' },
    buildEnvironment: { NAME: 'x' },
  }
  const output = await buildOffline({ root, directory: join(root, 'app') }, options)
  return { output: Buffer.from(output).toString(), restrictors: readFileSync(log, 'utf8').trim().split('\n') }
}

t.test('kustomize is started with nothing around it', async t => {
  const { output, restrictors } = await build(
    t,
    { 'app/kustomization.yaml': 'resources: [x]\n' },
    '/usr/bin/env; echo "$1 ${4##*/tree}"; pwd',
  )
  const lines = output.trim().split('\n')
  const names = lines
    .filter(each => each.includes('='))
    .map(each => each.split('=')[0] ?? '')
    .sort()
  // The shell adds some, and the runner of the tests others.
  t.strictSame(
    names.filter(each => !/^(?:PWD|OLDPWD|SHLVL|_|NODE_OPTIONS|_TAPJS_.*)$/.test(each)),
    ['HOME', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'PATH', 'http_proxy', 'https_proxy'],
  )
  t.match(output, /^PATH=(.*\/home)$/m, 'no program is found')
  t.match(output, /^build \/app$/m)
  t.match(output, /\/tree$/m, 'it runs at the root')
  t.strictSame(restrictors, ['LoadRestrictionsRootOnly'])
})

const remotes: Record<string, Record<string, string>> = {
  'a resource by https': { 'app/kustomization.yaml': 'resources: ["https://example.org/a.yaml"]\n' },
  'a resource by http in capitals': { 'app/kustomization.yaml': 'resources: ["HTTP://example.org/a.yaml"]\n' },
  'a resource by ssh': { 'app/kustomization.yaml': 'resources: ["ssh://git@example.org/a"]\n' },
  'a resource by scp': { 'app/kustomization.yaml': 'resources: ["git@github.com:org/repo"]\n' },
  'a resource on GitHub': { 'app/kustomization.yaml': 'resources: ["github.com/org/repo//base"]\n' },
  'a resource at a revision': { 'app/kustomization.yaml': 'resources: ["example.org/repo?ref=v1"]\n' },
  'a base': { 'app/kustomization.yaml': 'bases: ["git::https://example.org/repo"]\n' },
  'a component': { 'app/kustomization.yaml': 'components: ["https://example.org/repo"]\n' },
  'a patch': { 'app/kustomization.yaml': 'patches: [{path: "https://example.org/patch.yaml"}]\n' },
  'a file of a generator': {
    'app/kustomization.yaml': 'configMapGenerator: [{name: a, files: ["https://example.org/a"]}]\n',
  },
  'a named file of a generator': {
    'app/kustomization.yaml': 'secretGenerator: [{name: a, files: ["key=https://example.org/a"]}]\n',
  },
  'variables of a generator': {
    'app/kustomization.yaml': 'configMapGenerator: [{name: a, envs: ["https://example.org/a"]}]\n',
  },
  'a schema': { 'app/kustomization.yaml': 'openapi: {path: "https://example.org/schema.json"}\n' },
  'a replacement': { 'app/kustomization.yaml': 'replacements: [{path: "https://example.org/a.yaml"}]\n' },
  'a transformer': { 'app/kustomization.yaml': 'transformers: ["https://example.org/a.yaml"]\n' },
  'what a base names': {
    'app/kustomization.yaml': 'resources: [../base]\n',
    'base/kustomization.yaml': 'resources: ["https://example.org/a.yaml"]\n',
  },
  'what a transformer in the text names': {
    'app/kustomization.yaml':
      'transformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: a}\n  path: https://example.org/patch.yaml\n',
  },
  'what a transformer in a file names': {
    'app/kustomization.yaml': 'transformers: [plugin.yaml]\n',
    'app/plugin.yaml':
      'apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: a}\npath: https://example.org/patch.yaml\n',
  },
  'what a transformer in a directory names': {
    'app/kustomization.yaml': 'transformers: [../plugins]\n',
    'plugins/kustomization.yaml': 'resources: [deep/plugin.yaml]\n',
    'plugins/deep/plugin.yaml':
      'apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: a}\nfiles: [a=https://example.org/patch.yaml]\n',
  },
}

for (const [name, files] of Object.entries(remotes)) {
  t.test(`refuses ${name} in another repository`, async t => {
    await t.rejects(build(t, files), {
      code: 'RENDER_FAILED',
      message: /kustomization\.yaml: .* is in another repository: only what is in the artifact itself is judged$/,
    })
  })
}

const REFUSED = `if [ "$3" = LoadRestrictionsRootOnly ]; then echo "security; file '/tmp/x/shared/a' is not in or below '/tmp/x/app'" >&2; exit 1; fi; echo all`

t.test('files beside the kustomization are read where all that it names is in the tree', async t => {
  const within: Record<string, string> = {
    'app/kustomization.yaml':
      'resources: [../base]\nconfigMapGenerator: [{name: a, files: [b=../shared/a, x], literals: ["path=/etc/passwd"]}]\n',
    'base/kustomization.yaml': 'patches: [{path: ../shared/p.yaml}]\ntransformers: [../shared/t.yaml]\n',
    'shared/t.yaml': 'apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: a}\npath: ../shared/p.yaml\n',
    'shared/a': 'a',
  }
  const { output, restrictors } = await build(t, within, REFUSED)
  t.strictSame([output, restrictors], ['all\n', ['LoadRestrictionsRootOnly', 'LoadRestrictionsNone']])
})

const outside: Record<string, { files: Record<string, string>; says: string }> = {
  'a resource': {
    files: { 'app/kustomization.yaml': 'resources: [../../../a.yaml]\n' },
    says: 'app/kustomization.yaml: ../../../a.yaml',
  },
  'an absolute path': {
    files: { 'app/kustomization.yaml': 'resources: [/etc/a.yaml]\n' },
    says: 'app/kustomization.yaml: /etc/a.yaml',
  },
  'a file of a generator': {
    files: { 'app/kustomization.yaml': 'configMapGenerator: [{name: a, files: [key=../../passwd]}]\n' },
    says: 'app/kustomization.yaml: ../../passwd',
  },
  'variables of a generator': {
    files: { 'app/kustomization.yaml': 'secretGenerator: [{name: a, envs: [/proc/self/environ]}]\n' },
    says: 'app/kustomization.yaml: /proc/self/environ',
  },
  'variables in the old way': {
    files: { 'app/kustomization.yaml': 'secretGenerator: [{name: a, env: /proc/self/environ}]\n' },
    says: 'app/kustomization.yaml: /proc/self/environ',
  },
  'a patch of a base': {
    files: {
      'app/kustomization.yaml': 'resources: [../base]\n',
      'base/kustomization.yaml': 'patches: [{path: ../../a.yaml}]\n',
    },
    says: 'base/kustomization.yaml: ../../a.yaml',
  },
  'what a plugin names': {
    files: {
      'app/kustomization.yaml': 'generators: [plugin.yaml]\n',
      'app/plugin.yaml': 'apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: a}\nfiles: [/etc/passwd]\n',
    },
    says: 'app/kustomization.yaml: /etc/passwd',
  },
}

for (const [name, { files, says }] of Object.entries(outside)) {
  t.test(`refuses ${name} outside of the tree`, async t => {
    await t.rejects(build(t, files, REFUSED), {
      code: 'RENDER_FAILED',
      message: `${says} is outside of the repository`,
    })
  })
}

t.test('any other failure is the answer at once', async t => {
  const failing = build(
    t,
    { 'app/kustomization.yaml': 'resources: [x]\n' },
    '[ "$3" = LoadRestrictionsNone ] || { echo "no such field" >&2; exit 1; }',
  )
  await t.rejects(failing, { code: 'RENDER_FAILED', message: 'app: kustomize failed with exit code 1: no such field' })
})
