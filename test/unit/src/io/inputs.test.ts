import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { GateError } from '../../../../src/errors.js'
import { builtInBundlePath, loadBundleFiles } from '../../../../src/io/bundle-source.js'
import { readFileBytes, readStream } from '../../../../src/io/files.js'
import { findInputs } from '../../../../src/io/inputs.js'
import { localPaths } from '../../../../src/io/kustomization.js'
import { readLines } from '../../../../src/io/lines.js'
import { findOwnPackage } from '../../../../src/io/own-package.js'
import { render } from '../../../../src/io/render/render.js'
import type { RenderOptions } from '../../../../src/io/render/rendering.js'

/** The inputs as `kind path`, relative to the directory of the test. */
async function found(root: string, ...paths: string[]): Promise<string[]> {
  const { inputs, errors } = await findInputs(paths.map(path => (path === '-' ? path : join(root, path))))
  const named = (path: string): string => (path.startsWith(root) ? relative(root, path) : path)
  return [
    ...inputs.map(input => `${input.kind}${input.kind === 'file' && input.named ? '!' : ''} ${named(input.path)}`),
    ...errors.map(({ code, position }) => `${code} ${named(position.file ?? '')}`),
  ]
}

t.test('what is found in files and directories', async t => {
  const root = t.testdir({
    plain: {
      'b.yaml': '',
      'a.yml': '',
      'c.json': '',
      'lines.jsonl': '',
      'packed.ndjson.gz': '',
      'README.md': '',
      deeper: { 'd.yaml': '' },
      '.github': { 'workflow.yaml': '' },
      node_modules: { 'x.yaml': '' },
    },
    empty: {},
    chart: { 'Chart.yaml': '', 'values.yaml': '', templates: { 'a.yaml': '' }, charts: { 'b.yaml': '' } },
    kustomized: {
      base: { 'kustomization.yaml': 'resources: [deployment.yaml, ../crds/x.yaml]', 'deployment.yaml': '' },
      component: { 'kustomization.yml': 'kind: Component' },
      crds: { 'x.yaml': '', 'alone.yaml': '' },
      dev: {
        Kustomization: 'resources:\n- ../base\ncomponents:\n- ../component\npatches:\n- path: patches/p.yaml\n',
        patches: { 'p.yaml': '', 'q.yaml': '' },
      },
      prod: { 'kustomization.yaml': 'resources:\n- ../base/\n- https://example.org/x//y\n', 'other.yaml': '' },
      alone: { 'kustomization.yaml': 'resources: [' },
    },
    flux: { 'kustomization.yaml': 'apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n', 'a.yaml': '' },
    'notes.txt': '',
  })
  const cases: Record<string, readonly [readonly string[], readonly string[]]> = {
    'a directory: sorted, by extension, without dot-directories and node_modules': [
      ['plain'],
      [
        'file plain/a.yml',
        'file plain/b.yaml',
        'file plain/c.json',
        'lines plain/lines.jsonl',
        'lines plain/packed.ndjson.gz',
        'file plain/deeper/d.yaml',
      ],
    ],
    'a file by name, whatever it is called': [['notes.txt'], ['file! notes.txt']],
    stdin: [['-'], ['stdin stdin']],
    'an empty directory': [['empty'], []],
    'a path that is not there, among others': [
      ['gone', 'notes.txt'],
      ['file! notes.txt', 'FILE_UNREADABLE gone'],
    ],
    'the same file twice': [['notes.txt', './notes.txt', 'plain/../notes.txt'], ['file! notes.txt']],
    'a file found and named': [['plain/deeper', 'plain/deeper/d.yaml'], ['file! plain/deeper/d.yaml']],
    'a chart: its files are not manifests': [['chart'], ['helm chart/Chart.yaml']],
    'kustomizations: what another one builds on is not rendered by itself': [
      ['kustomized'],
      [
        'kustomize kustomized/alone/kustomization.yaml',
        'file kustomized/crds/alone.yaml',
        'kustomize kustomized/dev/Kustomization',
        'file kustomized/dev/patches/q.yaml',
        'kustomize kustomized/prod/kustomization.yaml',
      ],
    ],
    'a base that is named alone': [['kustomized/base'], ['kustomize kustomized/base/kustomization.yaml']],
    "Flux's own kind in a file of that name": [['flux'], ['file flux/a.yaml', 'file flux/kustomization.yaml']],
  }
  for (const [name, [paths, expected]] of Object.entries(cases))
    t.strictSame(await found(root, ...paths), expected, name)
})

t.test('symbolic links are followed inside the root, once', async t => {
  const root = t.testdir({ outside: { 'secret.yaml': '' }, in: { real: { 'a.yaml': '' }, '.data': { 'm.yaml': '' } } })
  symlinkSync('..', join(root, 'in', 'real', 'loop'))
  symlinkSync('self.yaml', join(root, 'in', 'self.yaml'))
  symlinkSync('nowhere', join(root, 'in', 'dangling.yaml'))
  symlinkSync('../outside', join(root, 'in', 'out'))
  symlinkSync('../outside/secret.yaml', join(root, 'in', 'out.yaml'))
  symlinkSync('real', join(root, 'in', 'again'))
  symlinkSync('.data/m.yaml', join(root, 'in', 'mounted.yaml'))
  t.strictSame(await found(root, 'in'), [
    'file in/dangling.yaml',
    'file in/mounted.yaml',
    'file in/self.yaml',
    'file in/again/a.yaml',
  ])
  symlinkSync('in', join(root, 'link'))
  t.strictSame((await found(root, 'link/real')).length, 1, 'a root that is a link is followed')
})

t.test('a file that cannot be read says why', async t => {
  const root = t.testdir({ directory: {}, 'big.yaml': 'x'.repeat(11) })
  symlinkSync('loop', join(root, 'loop'))
  const cases = {
    'it is not there': ['gone', 'FILE_UNREADABLE', 'cannot be read: there is no such file or directory'],
    'it is a directory': ['directory', 'FILE_UNREADABLE', 'cannot be read: it is a directory'],
    'it is a link to itself': ['loop', 'FILE_UNREADABLE', 'cannot be read: its symbolic links never end'],
    'it is too large': ['big.yaml', 'MANIFEST_TOO_LARGE', 'is larger than 0 MiB'],
  } as const
  for (const [name, [file, code, problem]] of Object.entries(cases)) {
    const path = join(root, file)
    await t.rejects(readFileBytes(path, 10), { code, message: `${path}: ${problem}`, position: { file: path } }, name)
  }
  t.equal((await readFileBytes(join(root, 'big.yaml'), 11)).length, 11)
  await t.rejects(readStream(Readable.from([Buffer.alloc(6), Buffer.alloc(6)]), 'stdin', 10), {
    code: 'MANIFEST_TOO_LARGE',
  })
  t.equal(Buffer.from(await readStream(Readable.from(['a', Buffer.from('b')]), 'stdin', 10)).toString(), 'ab')
})

async function lines(path: string, maxLineBytes?: number): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const line of readLines(path, maxLineBytes)) {
    found.push([line.number, 'error' in line ? line.error.code : Buffer.from(line.text).toString()])
  }
  return found
}

t.test('lines are read one by one, packed or not', async t => {
  const text = '{"a":1}\n\n \t\r\n{"b":"ü"}\r\nlong enough\nlast'
  const expected = [
    [1, '{"a":1}'],
    [4, '{"b":"ü"}\r'],
    [5, 'long enough'],
    [6, 'last'],
  ]
  const root = t.testdir({
    'a.jsonl': text,
    'a.jsonl.gz': gzipSync(text),
    'broken.jsonl.gz': gzipSync('x'.repeat(100_000)).subarray(0, 60),
    'not-packed.jsonl.gz': text,
    'many.jsonl': `${'x'.repeat(99_999)}\n`.repeat(3),
  })
  t.strictSame(await lines(join(root, 'a.jsonl')), expected)
  t.strictSame(await lines(join(root, 'a.jsonl.gz')), expected)
  t.strictSame(
    await lines(join(root, 'a.jsonl'), 10),
    expected.map(([number, line]) => [number, number === 5 || number === 4 ? 'MANIFEST_TOO_LARGE' : line]),
    'a long line is an error, and the next one is read',
  )
  t.strictSame(
    (await lines(join(root, 'many.jsonl'))).map(line => (line as [number, string])[1].length),
    [99_999, 99_999, 99_999],
    'lines longer than a chunk',
  )
  for (const file of ['broken.jsonl.gz', 'not-packed.jsonl.gz', 'gone.jsonl', 'gone.jsonl.gz']) {
    await t.rejects(lines(join(root, file)), { code: 'FILE_UNREADABLE', position: { file: join(root, file) } }, file)
  }
})

t.test('the paths that a kustomization builds on', t => {
  const text = `---
resources: [a.yaml, ../base, "https://example.org/x", "git::ssh://x"]
patchesStrategicMerge:
- p.yaml
- |-
  apiVersion: v1
  kind: Pod
patches:
- path: q.yaml
  target: {kind: Pod}
- patch: |-
    - op: remove
transformers: [t]
namespace: x
`
  t.strictSame(localPaths(text), ['a.yaml', '../base', 'git::ssh://x', 't', 'p.yaml', 'q.yaml'])
  t.strictSame(localPaths('apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nbases: [b]\n'), ['b'])
  t.strictSame(localPaths('resources: ['), [])
  t.end()
})

t.test('kustomize and helm are run without a shell, within bounds', async t => {
  const root = t.testdir({ bin: {}, 'a dir; touch x': {} })
  const directory = join(root, 'a dir; touch x')
  const tool = (name: string, script: string): string => {
    const path = join(root, 'bin', name)
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return path
  }
  const environment = { PATH: join(root, 'bin') }
  const text = async (which: 'kustomize' | 'helm', options: Partial<RenderOptions> = {}): Promise<string> =>
    Buffer.from(await render(which, directory, { binaries: {}, env: environment, ...options })).toString()
  for (const [which, flag] of [
    ['kustomize', '--kustomize'],
    ['helm', '--helm'],
  ] as const) {
    await t.rejects(
      text(which),
      { code: 'RENDER_TOOL_MISSING', message: new RegExp(`needs ${which} .* ${flag} <binary>`) },
      which,
    )
  }
  tool('kustomize', 'echo "kustomize: $*"')
  tool('helm', 'echo "helm: $*"')
  t.equal(await text('kustomize'), `kustomize: build ${directory}\n`)
  t.equal(await text('helm'), `helm: template release-name ${directory}\n`)
  const other = tool('other', 'echo other; echo warned >&2')
  t.equal(await text('helm', { binaries: { helm: other } }), 'other\n', 'a binary by its path')
  t.equal(await text('helm', { binaries: { helm: 'other' } }), 'other\n', 'a binary by its name')
  await t.rejects(text('helm', { binaries: { helm: './gone' } }), {
    code: 'RENDER_TOOL_MISSING',
    message: /\.\/gone cannot be run/,
  })

  const failing = tool('failing', 'echo "Error: no such chart" >&2; exit 3')
  await t.rejects(text('helm', { binaries: { helm: failing } }), {
    code: 'RENDER_FAILED',
    message: `${directory}: helm failed with exit code 3: Error: no such chart`,
  })
  const endless = tool('endless', 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done')
  await t.rejects(text('helm', { binaries: { helm: endless }, maxBytes: 10_000 }), { code: 'MANIFEST_TOO_LARGE' })
  const hanging = tool('hanging', 'while :; do :; done')
  await t.rejects(text('helm', { binaries: { helm: hanging }, timeoutMs: 100 }), {
    code: 'RENDER_FAILED',
    message: `${directory}: helm was stopped after 0.1 seconds`,
  })
  const script = tool('no-interpreter', '')
  writeFileSync(script, '#!/nonexistent\n', { mode: 0o755 })
  await t.rejects(text('helm', { binaries: { helm: script } }), {
    code: 'RENDER_FAILED',
    message: /could not be started/,
  })
})

t.test('a bundle is the same files from a directory, a mounted ConfigMap and an archive', async t => {
  const root = t.testdir({
    plain: { '.manifest': '{}', 'policy.wasm': 'wasm', lockkeeper: { 'config.yaml': 'x' } },
    mounted: { '..2026': { '.manifest': '{}', 'policy.wasm': 'wasm', lockkeeper: { 'config.yaml': 'x' } } },
    archives: {},
    text: 'not an archive',
  })
  symlinkSync('..2026', join(root, 'mounted', '..data'))
  for (const name of ['.manifest', 'policy.wasm', 'lockkeeper'])
    symlinkSync(`..data/${name}`, join(root, 'mounted', name))
  mkdirSync(join(root, 'plain', 'empty'))
  const archive = (name: string, ...args: string[]): string => {
    const path = join(root, 'archives', name)
    execFileSync('tar', ['-czf', path, ...args])
    return path
  }
  const read = async (path: string): Promise<Record<string, string>> => {
    const entries = [...(await loadBundleFiles(path))].map(
      ([name, bytes]) => [name, Buffer.from(bytes).toString()] as const,
    )
    return Object.fromEntries(entries.sort())
  }
  const expected = { '.manifest': '{}', 'lockkeeper/config.yaml': 'x', 'policy.wasm': 'wasm' }
  t.strictSame(await read(join(root, 'plain')), expected)
  t.strictSame(await read(join(root, 'mounted')), expected)
  t.strictSame(await read(archive('dots.tar.gz', '-C', join(root, 'plain'), '.')), expected)
  const slashes = archive(
    'slashes.tar.gz',
    '-P',
    '--transform',
    's,^\\./,/,',
    '-C',
    join(root, 'plain'),
    './.manifest',
    './lockkeeper',
    './policy.wasm',
  )
  t.strictSame(await read(slashes), expected, 'paths as OPA writes them')

  const refused: Record<string, readonly [string, RegExp]> = {
    'nothing there': [join(root, 'gone'), /gone: cannot be read: there is no such file/],
    'no archive': [join(root, 'text'), /cannot be read/],
    'a link in an archive': [
      archive('link.tar.gz', '-C', join(root, 'mounted'), 'policy.wasm'),
      /policy\.wasm is a SymbolicLink/,
    ],
    'a path out of the archive': [
      archive('up.tar.gz', '-P', '--transform', 's,^,../,', '-C', join(root, 'plain'), 'policy.wasm'),
      /\.\.\/policy\.wasm is not a path inside the bundle/,
    ],
    'a file twice': [
      archive('twice.tar.gz', '--hard-dereference', '-C', join(root, 'plain'), 'policy.wasm', './policy.wasm'),
      /policy\.wasm is in it twice/,
    ],
  }
  for (const [name, [path, message]] of Object.entries(refused)) {
    await t.rejects(loadBundleFiles(path), { code: 'BUNDLE_UNREADABLE', message }, name)
  }
})

t.test('the program finds itself', async t => {
  const { directory, version } = await findOwnPackage()
  t.match(version, /^\d+\.\d+\.\d+/)
  t.equal(await builtInBundlePath(), join(directory, 'policies', 'bundle'))
  await t.rejects(
    findOwnPackage('file:///nowhere/x.js'),
    new GateError('INTERNAL', "lockkeeper's own package.json was not found"),
  )
})
