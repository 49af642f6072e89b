import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { delimiter, join, relative } from 'node:path'
import t, { type Test } from 'tap'
import { GateError } from '../../../../../src/errors.js'
import { render, renderSource } from '../../../../../src/io/render/render.js'
import type { RenderOptions } from '../../../../../src/io/render/rendering.js'
import type { HelmSource, KustomizeSource, RenderSource } from '../../../../../src/io/render/source.js'

const HELM: HelmSource = {
  tool: 'helm',
  releaseName: 'shop',
  apiVersions: [],
  valueFiles: [],
  ignoreMissingValueFiles: false,
  parameters: [],
  fileParameters: [],
  skipCrds: false,
  skipTests: false,
  skipSchemaValidation: false,
}

const KUSTOMIZE: KustomizeSource = {
  tool: 'kustomize',
  images: [],
  replicas: [],
  commonLabels: {},
  commonAnnotations: {},
  commonAnnotationsEnvsubst: false,
  forceCommonLabels: false,
  forceCommonAnnotations: false,
  labelWithoutSelector: false,
  labelIncludeTemplates: false,
  components: [],
  ignoreMissingComponents: false,
  patches: [],
  buildOptions: [],
  apiVersions: [],
}

const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n'

/** A tree with an application's directory in it, and tools of the test's own. */
interface Workplace {
  readonly root: string
  readonly directory: string
  readonly log: string
  /** Installs a shell script as a tool. */
  tool(name: string, script: string): string
  render(source: RenderSource, options?: Partial<RenderOptions>): Promise<readonly { file: string; text: string }[]>
}

function workplace(t: Test, tree: object): Workplace {
  const base = t.testdir({ bin: {}, tree: { app: {}, ...tree }, log: '' })
  const root = join(base, 'tree')
  const log = join(base, 'log')
  const env = { PATH: [join(base, 'bin'), process.env.PATH ?? ''].join(delimiter), LOG: log }
  const directory = join(root, 'app')
  return {
    root,
    directory,
    log,
    tool: (name, script) => {
      const path = join(base, 'bin', name)
      writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
      return path
    },
    render: (source, options = {}) =>
      renderSource(source, { root, directory }, { binaries: {}, env, buildEnvironment: { APP: 'shop' }, ...options }),
  }
}

/** Each argument on a line of its own, an empty line behind each run. */
const LOG_ARGUMENTS = 'printf "%s\\n" "$@" "" >> "$LOG"'

function logged({ log, root }: Workplace): string[][] {
  return readFileSync(log, 'utf8')
    .replaceAll(root, '<root>')
    .replaceAll(/\S*lockkeeper-render-[^/\s]+/g, '<temporary>')
    .trim()
    .split('\n\n')
    .map(run => run.split('\n'))
}

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

t.test('helm is given what Argo CD gives it', async t => {
  const place = workplace(t, {
    app: { 'Chart.yaml': 'name: x\n', 'a, b.yaml': '', values: { 'z.yaml': '', 'y.yaml': '', deep: { 'x.yaml': '' } } },
    shared: { 'note.txt': '' },
  })
  place.tool('helm', `${LOG_ARGUMENTS}; touch Chart.lock; for last; do :; done; echo "# said"; echo warned >&2`)
  const rendered = await place.render({
    ...HELM,
    namespace: 'ns',
    kubeVersion: 'v1.33.04-gke.1',
    apiVersions: ['v1', 'apps/v1/Deployment'],
    valueFiles: ['values/**/*.yaml', '/app/a, b.yaml', 'values/y.yaml', '$APP/gone.yaml'],
    ignoreMissingValueFiles: true,
    values: 'a: 1\n',
    parameters: [
      { name: 'a', value: 'earlier', forceString: false },
      { name: 'commas', value: ',x,y\\,z $APP', forceString: false },
      { name: 'list', value: '{a,b}', forceString: false },
      { name: 'a', value: 'later ${APP},', forceString: false },
      { name: 'text', value: '1', forceString: true },
    ],
    fileParameters: [{ name: 'note', path: '../shared/note.txt' }],
    skipTests: true,
    skipSchemaValidation: true,
  })
  t.strictSame(rendered, [{ file: 'Chart.yaml (rendered)', text: '# said\n' }])
  t.strictSame(logged(place), [
    [
      ...['template', '.', '--name-template', 'shop', '--namespace', 'ns', '--kube-version', '1.33.4'],
      ...[
        '--set',
        'a=later shop\\,',
        '--set',
        'commas=\\,x\\,y\\,z shop',
        '--set',
        'list={a,b}',
        '--set-string',
        'text=1',
      ],
      ...['--set-file', 'note=<root>/shared/note.txt'],
      ...['--values', '<root>/app/values/z.yaml', '--values', '<root>/app/values/deep/x.yaml'],
      ...['--values', '<root>/app/a, b.yaml', '--values', '<root>/app/values/y.yaml'],
      ...['--values', '<temporary>/values.yaml', '--api-versions', 'v1', '--api-versions', 'apps/v1/Deployment'],
      ...['--include-crds', '--skip-schema-validation', '--skip-tests'],
    ],
  ])
  t.notOk(existsSync(join(place.directory, 'Chart.lock')), 'the lock that helm writes is taken away')
  writeFileSync(join(place.directory, 'Chart.lock'), 'own')
  await place.render({ ...HELM, skipCrds: true })
  t.strictSame(logged(place)[1], ['template', '.', '--name-template', 'shop'])
  t.ok(existsSync(join(place.directory, 'Chart.lock')), "the repository's own lock stays")
})

t.test('dependencies of a chart are built when helm misses them, once', async t => {
  const chart = (repository: string): string => `name: x\ndependencies:\n- {name: lib, repository: "${repository}"}\n`
  const place = workplace(t, { app: { 'Chart.yaml': chart('https://charts.example.org/a') } })
  const missing = 'found in Chart.yaml, but missing in charts/ directory: lib'
  const fake = (isBuilt: boolean): string => `${LOG_ARGUMENTS}
case "$1" in
template) [ -e charts ] || { echo "Error: ${missing}" >&2; exit 1; } ;;
dependency) ${isBuilt ? 'mkdir charts' : ':'}; touch Chart.lock ;;
esac
mkdir -p "$XDG_CACHE_HOME"
echo "$XDG_CACHE_HOME $XDG_CONFIG_HOME $XDG_DATA_HOME $HELM_CONFIG_HOME" >> "$LOG.homes"`
  place.tool('helm', fake(false))
  await t.rejects(place.render(HELM), {
    code: 'RENDER_FAILED',
    message: `app: helm failed with exit code 1: Error: ${missing}`,
  })
  const template = ['template', '.', '--name-template', 'shop', '--include-crds']
  const build = [
    ['repo', 'add', 'https:--charts.example.org-a', 'https://charts.example.org/a'],
    ['dependency', 'build'],
  ]
  t.strictSame(logged(place), [template, ...build, template], 'not again when that does not help')
  place.tool('helm', fake(true))
  writeFileSync(place.log, '')
  await place.render(HELM)
  await place.render(HELM)
  t.strictSame(logged(place), [template, ...build, template, template], 'not again when they are there')
  t.notOk(existsSync(join(place.directory, 'Chart.lock')))
  const homes = readFileSync(`${place.log}.homes`, 'utf8').trim().split(/\s+/)
  t.notOk(
    homes.some(home => existsSync(home)),
    'what helm kept is gone',
  )
  t.ok(homes.every(home => home.includes('lockkeeper-render-')))

  const outside = workplace(t, { app: { 'Chart.yaml': chart('file://../../other') } })
  outside.tool('helm', fake(true))
  await t.rejects(outside.render(HELM), {
    code: 'RENDER_FAILED',
    message: 'app/Chart.yaml: the dependency file://../../other is outside of the repository',
  })
  t.strictSame(logged(outside), [template])
})

t.test('kustomize is given what Argo CD gives it', async t => {
  const place = workplace(t, {
    app: { 'kustomization.yaml': '# own\nresources: [a.yaml]\npatches: [{path: own.yaml}]\n' },
    components: { a: {} },
  })
  place.tool('kustomize', `${LOG_ARGUMENTS}; echo "$PWD $APP" >> "$LOG.where"`)
  const rendered = await place.render({
    ...KUSTOMIZE,
    namePrefix: '-pre',
    nameSuffix: 'suf',
    namespace: 'ns',
    images: ['a=b:$APP', 'c:1'],
    replicas: [{ name: 'web', count: 2 }],
    commonLabels: { l: '$APP' },
    forceCommonLabels: true,
    labelWithoutSelector: true,
    labelIncludeTemplates: true,
    commonAnnotations: { a: '$APP' },
    forceCommonAnnotations: true,
    components: ['../components/a', '../components/gone', '../../bin'],
    ignoreMissingComponents: true,
    patches: [{ patch: 'x', target: { kind: 'Pod' } }],
    buildOptions: ['--enable-helm'],
    kubeVersion: 'v1.33.4+k3s1',
    apiVersions: ['a/v1'],
  })
  t.strictSame(rendered, [{ file: 'kustomization.yaml (rendered)', text: '' }])
  t.strictSame(logged(place), [
    ['edit', 'set', 'nameprefix', '--', '-pre'],
    ['edit', 'set', 'namesuffix', '--', 'suf'],
    ['edit', 'set', 'image', '--', 'a=b:shop', 'c:1'],
    ['edit', 'set', 'replicas', '--', 'web=2'],
    ['edit', 'add', 'label', '--force', '--without-selector', '--include-templates', '--', 'l:shop'],
    ['edit', 'add', 'annotation', '--force', '--', 'a:$APP'],
    ['edit', 'set', 'namespace', '--', 'ns'],
    ['edit', 'add', 'component', '--', '../components/a'],
    ['build', '<root>/app', '--enable-helm', '--helm-kube-version', '1.33.4', '--helm-api-versions', 'a/v1'],
  ])
  t.strictSame(
    [...new Set(readFileSync(`${place.log}.where`, 'utf8').trim().split('\n'))],
    [`${place.directory} shop`, `${place.root} shop`],
    'edited in the directory, built in the root, with the names of the build environment',
  )
  t.strictSame(JSON.parse(readFileSync(join(place.directory, 'kustomization.yaml'), 'utf8')), {
    resources: ['a.yaml'],
    patches: [{ path: 'own.yaml' }, { patch: 'x', target: { kind: 'Pod' } }],
  })
  await t.rejects(
    workplace(t, { app: {} }).render({ ...KUSTOMIZE, patches: [{}] }, { binaries: { kustomize: '/bin/true' } }),
    {
      message: 'app: there is no kustomization to add patches to',
    },
  )
})

t.test('what kustomize starts is kept from flags and plugins of a kustomization', async t => {
  const place = workplace(t, { app: { 'kustomization.yaml': 'resources: []\n' } })
  place.tool('git', 'echo "git $*" >> "$LOG"')
  place.tool('helm', 'echo "helm $* $HELM_DATA_HOME $HELM_CONFIG_HOME $HELM_PLUGINS" >> "$LOG"')
  place.tool(
    'kustomize',
    `export HELM_DATA_HOME=evil HELM_CONFIG_HOME=evil HELM_PLUGINS=evil
git init; git fetch --depth=1 origin --upload-pack=evil; helm template .; git fetch --upload-pack=evil origin x`,
  )
  await t.rejects(place.render(KUSTOMIZE), {
    message: /kustomize failed with exit code 1: git fetch is not run with these arguments: fetch --upload-pack=evil/,
  })
  const home = '<temporary>/helm-of-kustomize'
  t.strictSame(logged(place), [
    [
      'git init',
      'git fetch --depth=1 --end-of-options origin --upload-pack=evil',
      `helm template . ${home} ${home} ${home}/plugins`,
    ],
  ])
})

t.test('a kustomization builds on nothing outside of the tree', async t => {
  const cases: Record<string, string | null> = {
    'resources: [../base]\n': null,
    'resources: [../../outside]\n': '../../outside',
    '{"resources": ["../../outside"]}': '../../outside',
    'bases: [/etc]\n': '/etc',
    'resources: ["https://example.org/x//y", "git@example.org:x/y", github.com/x/y]\n': null,
    'resources: ["file:///srv/repo//x"]\n': 'file:///srv/repo//x',
    'components: [../deep]\n': '../../../elsewhere',
    'helmGlobals: {chartHome: ../../charts}\n': '../../charts',
  }
  for (const [text, path] of Object.entries(cases)) {
    const place = workplace(t, {
      app: { 'kustomization.yaml': text },
      base: { 'kustomization.yml': 'resources: [../app]\n' },
      deep: { Kustomization: 'resources: [../../../elsewhere]\n' },
    })
    place.tool('kustomize', 'echo "# built"')
    if (path === null) t.equal((await place.render(KUSTOMIZE))[0]?.text, '# built\n', text)
    else {
      const file = text.includes('deep') ? 'deep/Kustomization' : 'app/kustomization.yaml'
      const message = `${file}: ${path} is outside of the repository`
      await t.rejects(place.render(KUSTOMIZE), { code: 'RENDER_FAILED', message }, text)
    }
  }
})

t.test('a command prints the manifests of its directory', async t => {
  const place = workplace(t, { app: { 'a.yaml': CONFIG_MAP, 'evil.sh': '#!/bin/sh\necho evil\n' } })
  const tool = place.tool('print', `echo "# $# $1 $APP"; cat a.yaml; echo warned >&2`)
  const text = `# 1 $(touch x); * shop\n${CONFIG_MAP}`
  const command = (...args: string[]): RenderSource => ({ tool: 'command', command: args })
  t.strictSame(await place.render(command('print', '$(touch x); *')), [{ file: 'print (rendered)', text }])
  t.strictSame(await place.render(command(tool, '$(touch x); *')), [{ file: `${tool} (rendered)`, text }])
  for (const name of ['./evil.sh', relative(process.cwd(), tool), 'gone', '']) {
    await t.rejects(place.render(command(name)), { code: 'RENDER_TOOL_MISSING' }, `"${name}"`)
  }
})

t.test('a renderer is bounded, whatever it does', async t => {
  const place = workplace(t, {})
  const source: RenderSource = { tool: 'command', command: ['evil'] }
  const run = (script: string, options: Partial<RenderOptions> = {}) => {
    place.tool('evil', script)
    return place.render(source, options)
  }
  await t.rejects(
    run('while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done', { maxBytes: 1024 * 1024 }),
    { code: 'MANIFEST_TOO_LARGE', message: 'app: the output of evil: is larger than 1 MiB' },
    'it writes gigabytes',
  )
  const noise = await run('while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >&2; done', { timeoutMs: 300 }).catch(
    (error: unknown) => error,
  )
  t.match(noise, { code: 'RENDER_FAILED', message: /^app: evil was stopped after 0\.3 seconds: …x/ })
  t.ok((noise as Error).message.length < 700, 'it complains without an end')
  await t.rejects(
    run(`echo '${CONFIG_MAP}'; echo "out of luck" >&2; kill -9 $$`),
    { code: 'RENDER_FAILED', message: 'app: evil was killed: out of luck' },
    'it dies half-way',
  )
  await t.rejects(
    run(`echo "repo add --password s3cret --username=me $PWD https://me:s3cret@example.org/x" >&2; exit 7`),
    {
      code: 'RENDER_FAILED',
      message:
        'app: evil failed with exit code 7: repo add --password ****** --username ****** ./app https://******@example.org/x',
    },
    'it prints credentials',
  )
  await t.rejects(
    run('', { env: { PATH: join(place.root, '../bin'), LONG: 'x'.repeat(300_000) } }),
    { code: 'RENDER_FAILED', message: /^app: evil could not be started \(.*E2BIG/ },
    'it is given too much',
  )
  // Elsewhere the memory of another process is not known.
  if (process.platform === 'linux') {
    const eats = `"${process.execPath}" -e 'const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))' & wait`
    await t.rejects(
      run(eats, { maxMemoryBytes: 200 * 1024 * 1024 }),
      { code: 'RENDER_FAILED', message: 'app: evil was stopped when it had more than 200 MiB of memory' },
      'a process that it started needs too much memory',
    )
  }
  const reason = new Error('no longer needed')
  const abort = new AbortController()
  const aborted = run('kill -USR1 "$PPID"; while :; do :; done', { signal: abort.signal })
  process.once('SIGUSR1', () => {
    abort.abort(reason)
  })
  await t.rejects(aborted, reason, 'it is aborted')
  await t.rejects(run('', { signal: AbortSignal.abort(reason) }), reason)
})

t.test('whatever a renderer started ends with it', async t => {
  const place = workplace(t, {})
  const cases = {
    'it ignores SIGTERM and its children run': [
      "trap '' TERM HUP INT; exec 3> fifo; sleep 50 & wait",
      /was stopped after 0\.5/,
    ],
    'it ends and leaves children that hold its output': ['exec 3> fifo; sleep 50 & exit 0', null],
  } as const
  for (const [name, [script, problem]] of Object.entries(cases)) {
    const fifo = join(place.directory, 'fifo')
    execFileSync('rm', ['-f', fifo])
    execFileSync('mkfifo', [fifo])
    // It ends when nobody is left who could write into it.
    const closed = readFile(fifo)
    place.tool('evil', script)
    const rendered = place.render(
      { tool: 'command', command: ['evil'] },
      { timeoutMs: problem === null ? 30_000 : 500 },
    )
    if (problem === null) t.strictSame(await rendered, [{ file: 'evil (rendered)', text: '' }], name)
    else await t.rejects(rendered, { code: 'RENDER_FAILED', message: problem }, name)
    // It may have been stopped before it came to open it; then nobody else would end the wait for a writer.
    closeSync(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK))
    t.equal((await closed).length, 0, `${name}: nobody is left`)
  }
})

t.test('all runs of one source have one time-out', async t => {
  const place = workplace(t, { app: { 'kustomization.yaml': 'resources: []\n' } })
  place.tool('kustomize', '[ "$1" = edit ] || exec sleep 50')
  await t.rejects(place.render({ ...KUSTOMIZE, namePrefix: 'a' }, { timeoutMs: 300 }), {
    code: 'RENDER_FAILED',
    message: 'app: kustomize was stopped after 0.3 seconds',
  })
})

t.test('hostile trees are refused before a tool sees them', async t => {
  const place = workplace(t, { app: { 'Chart.yaml': 'name: x\n', 'kustomization.yaml': '' }, other: {}, '.git': {} })
  const link = (target: string, path: string): void => {
    execFileSync('rm', ['-f', join(place.root, 'other/link')])
    symlinkSync(target, join(place.root, path))
  }
  const sources: readonly RenderSource[] = [
    HELM,
    KUSTOMIZE,
    { tool: 'directory', recurse: false, include: '', exclude: '' },
    { tool: 'command', command: ['helm'] },
  ]
  place.tool('helm', LOG_ARGUMENTS)
  place.tool('kustomize', LOG_ARGUMENTS)
  symlinkSync('/etc/passwd', join(place.root, '.git/link'))
  for (const target of ['/etc/passwd', '../../outside', '../../tree/app', join(place.root, 'app'), 'x/../../../y']) {
    link(target, 'other/link')
    for (const source of sources) {
      await t.rejects(
        place.render(source),
        { code: 'RENDER_FAILED', message: 'other/link: is a symbolic link out of the tree' },
        `${source.tool}: ${target}`,
      )
    }
  }
  link('../app', 'other/link')
  writeFileSync(join(place.directory, 'huge.yaml'), '')
  truncateSync(join(place.directory, 'huge.yaml'), 1024 ** 3)
  for (const source of sources.slice(0, 3)) {
    await t.rejects(
      place.render(source),
      { code: 'MANIFEST_TOO_LARGE', message: /huge\.yaml: is larger than 64 MiB$/ },
      `${source.tool}: a file of 1 GiB`,
    )
  }
  t.equal(readFileSync(place.log, 'utf8'), '', 'no tool was started')
  const elsewhere = { root: place.directory, directory: place.root }
  await t.rejects(renderSource(HELM, elsewhere, { binaries: {}, env: {}, buildEnvironment: {} }), {
    message: `${place.root}: is outside of the tree that may be read`,
  })
})

t.test('values files stay inside of the tree', async t => {
  const place = workplace(t, { app: { 'Chart.yaml': 'name: x\n', 'a.yaml': '', more: { 'b.yaml': '' } } })
  place.tool('helm', LOG_ARGUMENTS)
  const refused = {
    '../../outside.yaml': 'is outside of the repository',
    '..': 'is outside of the repository',
    '/../x.yaml': 'is outside of the repository',
    '/': 'is outside of the repository',
    'https://example.org/values.yaml': 'files are taken from the repository only, not from https: URLs',
    'file:///etc/passwd': 'files are taken from the repository only, not from file: URLs',
  }
  for (const [name, problem] of Object.entries(refused)) {
    for (const source of [
      { ...HELM, valueFiles: [name] },
      { ...HELM, fileParameters: [{ name: 'x', path: name }] },
    ]) {
      await t.rejects(place.render(source), { code: 'RENDER_FAILED', message: `${name}: ${problem}` }, name)
    }
  }
  await t.rejects(place.render({ ...HELM, valueFiles: ['more/*.yml'] }), {
    message: 'the pattern more/*.yml of values files has no file',
  })
  writeFileSync(join(place.root, 'huge.yaml'), '')
  truncateSync(join(place.root, 'huge.yaml'), 1024 ** 3)
  await t.rejects(place.render({ ...HELM, valueFiles: ['/huge.yaml'] }), {
    code: 'MANIFEST_TOO_LARGE',
    message: 'huge.yaml: is larger than 64 MiB',
  })
})

t.test('the files of a directory', async t => {
  const place = workplace(t, {
    app: {
      'b.yaml': CONFIG_MAP,
      'B.json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}',
      'a.yml': CONFIG_MAP,
      'c.yaml': { 'd.yaml': CONFIG_MAP },
      'values.yaml': 'a: 1\n',
      'list.yaml': '- 1\n',
      'empty.yaml': '# nothing\n',
      'skipped.yaml': `# +argocd:skip-file-rendering\n${CONFIG_MAP}`,
      'e.txt': CONFIG_MAP,
      '.f': { 'g.yaml': CONFIG_MAP },
    },
    shared: { 'x.yaml': CONFIG_MAP },
  })
  symlinkSync('../shared', join(place.directory, 'shared'))
  symlinkSync('../shared', join(place.directory, 'shared.yaml'))
  symlinkSync('../shared/x.yaml', join(place.directory, 'z.yaml'))
  symlinkSync('nothing', join(place.directory, 'y.yaml'))
  execFileSync('mkfifo', [join(place.directory, 'pipe.yaml')])
  // Large files that are no manifests are nobody's business.
  writeFileSync(join(place.directory, 'large.txt'), '')
  truncateSync(join(place.directory, 'large.txt'), 1024 ** 3)
  const files = async (recurse: boolean, include = '', exclude = ''): Promise<string[]> =>
    (await place.render({ tool: 'directory', recurse, include, exclude })).map(({ file }) => file)
  t.strictSame(await files(false), ['B.json', 'a.yml', 'b.yaml', 'z.yaml'])
  t.strictSame(await files(true), ['.f/g.yaml', 'B.json', 'a.yml', 'b.yaml', 'c.yaml/d.yaml', 'z.yaml'])
  t.strictSame(await files(true, '{c*,?.y*}', 'a.*'), ['b.yaml', 'c.yaml/d.yaml', 'z.yaml'])
  await t.rejects(files(true, '{'), {
    code: 'RENDER_FAILED',
    message: 'the glob pattern "{" cannot be read: a { has no }',
  })

  const broken: Record<string, readonly [string, string, RegExp]> = {
    'YAML that looks like a manifest': ['a.yaml', `${CONFIG_MAP}  x: [\n`, /^MANIFEST_SYNTAX a\.yaml:/],
    'YAML with keys in quotes': [
      'a.yaml',
      '{"kind": "A", "apiVersion": "v1", "metadata": {"a": 1, "a": 2}}',
      /^MANIFEST_DUPLICATE_KEY a\.yaml:1/,
    ],
    'something else behind a manifest': ['a.yaml', `${CONFIG_MAP}---\nx: 1\n`, /^MANIFEST_INVALID a\.yaml:6/],
    'a kind without an apiVersion': ['a.yaml', 'kind: A\n', /^MANIFEST_INVALID a\.yaml:1/],
    'JSON that is no manifest': ['a.json', '{}', /^MANIFEST_INVALID a\.json:1/],
    'JSON with more behind it': [
      'a.json',
      '{"kind":"A","apiVersion":"v1"}{}',
      /^MANIFEST_SYNTAX a\.json: .*one JSON value/,
    ],
    'YAML in a JSON file': ['a.json', CONFIG_MAP, /^MANIFEST_SYNTAX a\.json/],
    Jsonnet: ['a.jsonnet', '{}', /^RENDER_FAILED a\.jsonnet: Jsonnet is not evaluated here/],
    'bytes that are no text': ['a.yaml', 'a: \0', /^MANIFEST_ENCODING a\.yaml/],
  }
  for (const [name, [file, text, expected]] of Object.entries(broken)) {
    const each = workplace(t, { app: { [file]: text } })
    const error = await each
      .render({ tool: 'directory', recurse: false, include: '', exclude: '' })
      .catch((thrown: unknown) => thrown)
    t.ok(error instanceof GateError, name)
    if (error instanceof GateError) t.match(`${error.code} ${error.message}`, expected, name)
  }
  const many = workplace(t, { app: { 'a.yaml': `#${'x'.repeat(700_000)}`, 'b.yaml': `#${'x'.repeat(700_000)}` } })
  await t.rejects(
    many.render({ tool: 'directory', recurse: false, include: '', exclude: '' }, { maxBytes: 1024 * 1024 }),
    { code: 'MANIFEST_TOO_LARGE', message: 'b.yaml: the files up to here have more than 1 MiB together' },
  )
  await t.rejects(place.render({ tool: 'directory', recurse: true, include: '', exclude: '' }, { timeoutMs: 0 }), {
    code: 'RENDER_FAILED',
    message: 'app: reading was stopped after 0 seconds',
  })
})
