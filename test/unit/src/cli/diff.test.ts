import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { canonicalObject } from '../../../../src/canonical.js'
import { runDiff, type DiffOptions } from '../../../../src/cli/diff.js'
import type { CliEnvironment } from '../../../../src/cli/environment.js'
import { runScan } from '../../../../src/cli/scan.js'
import type { SetDecision } from '../../../../src/decision-types.js'
import { GateError } from '../../../../src/errors.js'
import { createPool } from '../../../../src/io/pool.js'
import { findProgram } from '../../../../src/io/render/find-tool.js'
import { readManifests } from '../../../../src/manifest.js'
import { RarityBuilder } from '../../../../src/risk/rarity/snapshot.js'
import { gitEnvironment, gitTree, type GitTree, type TreeChanges } from '../../../helpers/git-tree.js'

// Each case starts a pool of its own.
t.setTimeout(300_000)

/** A Deployment that no policy denies in a namespace with the baseline. */
function deployment(
  name: string,
  { container = '', image = 'registry.example/app:1.2.3', namespace = 'shop' } = {},
): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  replicas: 2
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: main
          image: ${image}
${container === '' ? '' : `          ${container}\n`}`
}

const PRIVILEGED = 'securityContext: {privileged: true}'
const HOST_PORT = 'ports: [{containerPort: 80, hostPort: 80}]'
const NAMESPACE = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}
`
const config = (name: string, value = '1'): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: shop}\ndata: {value: '${value}'}\n`

interface Compared {
  readonly code: number | GateError
  readonly stdout: string
  readonly stderr: string
}

/** Runs the command with the real pool; paths are below the repository. */
async function diff(
  { root }: Pick<GitTree, 'root'>,
  options: Partial<DiffOptions> = {},
  { PATH = process.env.PATH ?? '', run = runDiff } = {},
): Promise<Compared> {
  const written = { stdout: '', stderr: '' }
  const output = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text.replaceAll(`${root}/`, '')
      return true
    },
    once: () => undefined,
  })
  const environment: CliEnvironment = {
    stdin: Readable.from([]),
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: { ...gitEnvironment(), PATH },
    now: new Date('2026-01-02T03:04:05.678Z'),
    signal: new AbortController().signal,
    createPool,
  }
  const { paths = [''], ...others } = options
  const code = await run(
    {
      ...{ format: 'json', base: 'main', mergeBase: true, version: '1.2.3', namespace: 'default', workers: 1 },
      ...{ failOnWarn: false, insecureUnsigned: false, verbose: false, quiet: true },
      ...others,
      paths: paths.map(path => (path === '-' ? path : join(root, path))),
    },
    environment,
  ).catch((error: unknown) => {
    if (error instanceof GateError) return error
    throw error
  })
  return { ...written, code }
}

const set = ({ stdout }: Compared): SetDecision => JSON.parse(stdout) as SetDecision

/** Each object with its action and the policies of more than low severity that deny it, or found nothing new. */
function verdicts(compared: Compared): readonly string[] {
  return set(compared).decisions.map(({ resource, action, unchanged, violations }) => {
    const found = violations
      .filter(each => each.severity !== 'low' && (each.enforcementAction === 'deny' || each.existing))
      .map(({ policy, existing }) => (existing ? `${policy} existing` : policy))
    return [`${resource.kind}/${resource.name}`, unchanged ? 'unchanged' : action, ...found].join(' ')
  })
}

const BASE = {
  'apps/namespace.yaml': NAMESPACE,
  'apps/web.yaml': deployment('web'),
  'apps/agent.yaml': deployment('agent', { container: HOST_PORT }),
  'apps/settings.yaml': config('settings'),
  'README.md': '# not a manifest\n',
}

interface Case {
  readonly change: TreeChanges
  readonly code: number
  readonly verdicts: readonly string[]
  readonly setPolicies?: readonly string[]
}

const CASES: Record<string, Case> = {
  'nothing changes: what was there denies nobody': {
    change: { 'README.md': '# more\n' },
    code: 0,
    verdicts: [
      'Deployment/agent unchanged',
      'Namespace/shop unchanged',
      'ConfigMap/settings unchanged',
      'Deployment/web unchanged',
    ],
  },
  'a sound Deployment becomes privileged beside an old violation': {
    change: {
      'apps/web.yaml': deployment('web', { container: PRIVILEGED }),
      'apps/agent.yaml': deployment('agent', { container: HOST_PORT, image: 'registry.example/app:1.2.4' }),
    },
    code: 1,
    verdicts: [
      'Deployment/agent warn host_ports existing',
      'Namespace/shop unchanged',
      'ConfigMap/settings unchanged',
      'Deployment/web deny privileged_containers',
    ],
  },
  'a file gets another name, in another directory, with its old violation and a new image': {
    change: {
      'apps/agent.yaml': null,
      'agents/node.yaml': deployment('agent', { container: HOST_PORT, image: 'registry.example/app:2.0.0' }),
    },
    code: 0,
    verdicts: [
      'Deployment/agent warn host_ports existing',
      'Namespace/shop unchanged',
      'ConfigMap/settings unchanged',
      'Deployment/web unchanged',
    ],
  },
  'a new object with the same violation is denied': {
    change: { 'apps/agent-2.yaml': deployment('agent-2', { container: HOST_PORT }) },
    code: 1,
    verdicts: [
      'Deployment/agent-2 deny host_ports',
      'Deployment/agent unchanged',
      'Namespace/shop unchanged',
      'ConfigMap/settings unchanged',
      'Deployment/web unchanged',
    ],
  },
  'a namespace is deleted': {
    change: { 'apps/namespace.yaml': null },
    code: 0,
    verdicts: [
      'Deployment/agent unchanged',
      'ConfigMap/settings unchanged',
      'Deployment/web unchanged',
      'Namespace/shop warn',
    ],
    setPolicies: ['stateful_prune'],
  },
}

t.test('a change is judged by what it changes', async t => {
  for (const [name, each] of Object.entries(CASES)) {
    await t.test(name, async t => {
      const tree = gitTree(t, BASE)
      tree.commit(each.change)
      const compared = await diff(tree)
      t.strictSame(verdicts(compared), each.verdicts)
      t.strictSame(
        set(compared).violations.map(({ policy }) => policy),
        each.setPolicies ?? [],
      )
      t.equal(compared.code, each.code)
      t.strictSame([set(compared).errors, compared.stderr], [[], ''])
    })
  }
})

t.test('what is written is one whole SetDecision, with the base as old object', async t => {
  const tree = gitTree(t, { 'a.yaml': config('a'), 'b.yaml': config('b') })
  tree.commit({ 'a.yaml': `# moved\n---\n${config('a', '2')}`, 'b.yaml': null })
  const compared = await diff(tree)
  const { decisions, ...whole } = set(compared)
  const [first, second] = decisions
  const { bundle } = whole
  t.match(bundle, { digest: /^sha256:[0-9a-f]{64}$/ })
  const allow = 'allow' as const
  const same = {
    gate: 'cli',
    allowed: true,
    action: allow,
    actions: { cli: allow, argocd: allow, flux: allow, webhook: allow, audit: allow },
    violations: [],
    anomaly: null,
    provenance: { class: 'approved', evidence: ['predicted'] },
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle,
    inputs: { related: null, rarity: null },
  }
  const degraded = first?.degraded ?? []
  t.strictSame(
    degraded.map(({ code }) => code),
    ['RARITY_COLD'],
  )
  t.match(first?.risk, { kind: 'change', band: 'low', object: { score: Number } }, 'what it says is for others to test')
  const resource = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop' }
  t.strictSame(set(compared), {
    decisions: [
      {
        ...same,
        id: first?.id,
        subject: first?.subject,
        risk: first?.risk,
        degraded,
        resource: { ...resource, name: 'a', file: 'a.yaml', line: 3 },
      },
      {
        ...same,
        id: second?.id,
        subject: second?.subject,
        risk: null,
        degraded: [],
        resource: { ...resource, name: 'b', file: 'b.yaml' },
      },
    ],
    id: whole.id,
    allowed: true,
    action: allow,
    violations: [],
    errors: [],
    bundle,
    summary: { judged: 2, allowed: 2, warned: 0, denied: 0, errors: 0 },
  })
  const again = await diff(tree)
  t.equal(again.stdout, compared.stdout, 'the same change gives the same bytes')
  tree.commit({ 'a.yaml': config('a', '3') })
  t.not(set(await diff(tree)).decisions[0]?.subject, first?.subject, 'another change is another subject')
})

t.test('a change is compared with what is usual where that was counted', async t => {
  const tree = gitTree(t, BASE)
  tree.commit({ 'apps/web.yaml': deployment('web', { container: PRIVILEGED }) })
  const builder = new RarityBuilder({ asOf: 0, halfLifeDays: 90 })
  const known = [...readManifests(deployment('web'), 'web.yaml')][0]
  if (known === undefined || known instanceof GateError) throw new Error('it is a manifest')
  for (let count = 0; count < 50; count++) builder.add(canonicalObject(known.object))
  const rarity = join(tree.root, 'rarity.bin')
  writeFileSync(rarity, builder.finish())
  const changed = (compared: Compared) => set(compared).decisions.find(({ unchanged }) => !unchanged)
  const [cold, warm] = [changed(await diff(tree)), changed(await diff(tree, { rarity }))]
  t.strictSame([cold?.anomaly, cold?.inputs.rarity], [null, null])
  t.equal(warm?.inputs.rarity, createHash('sha256').update(readFileSync(rarity)).digest('hex'))
  t.ok((warm?.anomaly?.score ?? 0) > 0.3, 'nothing here was privileged')
  writeFileSync(rarity, 'no snapshot')
  t.match(await diff(tree, { rarity }), { code: { code: 'RARITY_INVALID' }, stdout: '' })
})

t.test('the text says the verdict, what changed, what was found and who gains what', async t => {
  const tree = gitTree(t, BASE)
  const base = tree.git('rev-parse', '--short=12', 'main')
  tree.commit({
    'apps/agent.yaml': deployment('agent', { container: HOST_PORT, image: 'registry.example/app:1.2.4' }),
    'apps/web.yaml': deployment('web', { container: PRIVILEGED }),
    'apps/settings.yaml': null,
    'apps/rights.yaml': `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: web, namespace: shop}]
`,
  })
  const { stdout, code } = await diff(tree, { format: 'text', quiet: false })
  t.equal(code, 1)
  const expected = `✗ DENIED compared with the merge base of main and HEAD (${base})
1 created, 2 updated, 1 deleted, 1 unchanged
  ~ Deployment shop/agent
  + RoleBinding shop/readers
  ~ Deployment shop/web
  - ConfigMap shop/settings

✗ Deployment shop/web  apps/web.yaml:1  DENIED
  ✗ privileged_containers  critical  web.yaml:14  container "main" is privileged`
  t.equal(stdout.slice(0, expected.length), expected)
  t.match(stdout, /\n5 objects judged: 1 denied, /)
  const end = `
Who gains what
  → ServiceAccount shop/web gains: what ClusterRole view allows in namespace shop, by RoleBinding shop/readers
`
  t.equal(stdout.slice(-end.length), end)
  t.strictSame(await diff(tree, { format: 'text' }), { stdout: '', stderr: '', code: 1 }, '--quiet')
  const github = await diff(tree, { format: 'github' })
  t.match(github.stdout, /^::error file=apps\/web\.yaml,line=14,title=privileged_containers%3A Deployment shop\/web::/m)
  const sarif = JSON.parse((await diff(tree, { format: 'sarif' })).stdout) as { version: string }
  t.equal(sarif.version, '2.1.0')
  const report = join(tree.root, 'report.html')
  t.equal((await diff(tree, { report })).code, 1)
  const page = readFileSync(report, 'utf8')
  t.match(page, /<h2>Deployment shop\/web<\/h2>/)
  t.match(page, /privileged: true <i>← privileged_containers · risk_threshold · /, 'and the page shows where')
  t.match(await diff(tree, { report: join(tree.root, 'missing/report.html') }), { code: { code: 'FILE_UNWRITABLE' } })
  t.match((await diff(tree, { format: 'junit' })).stdout, /<testsuites name="lockkeeper" tests="\d+" failures="1"/)
})

t.test('what others have merged since is no change of the branch, unless it is asked for', async t => {
  const tree = gitTree(t, BASE)
  tree.commit({ 'apps/settings.yaml': config('settings', '2') })
  tree.git('checkout', '--quiet', 'main')
  tree.commit({ 'apps/other.yaml': config('other') })
  tree.git('checkout', '--quiet', 'feature')
  t.notMatch(verdicts(await diff(tree)).join(), 'other')
  t.match(verdicts(await diff(tree, { mergeBase: false })).join(), 'ConfigMap/other allow')
  tree.write({ 'apps/untracked.yaml': deployment('untracked', { container: HOST_PORT }) })
  t.match(verdicts(await diff(tree)).join(), 'Deployment/untracked deny host_ports', 'what is not committed counts')
  t.strictSame(verdicts(await diff(tree, { paths: ['apps/settings.yaml'] })), ['ConfigMap/settings allow'])
})

t.test('what cannot be read is an error in the working tree, and judged as new where it was so before', async t => {
  const broken = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n'
  const tree = gitTree(t, { 'a.yaml': broken, 'b.yaml': config('b'), 'c.yaml': config('c') })
  tree.commit({ 'a.yaml': config('a') })
  const mended = await diff(tree, { quiet: false })
  t.equal(mended.code, 0)
  t.strictSame(verdicts(mended), ['ConfigMap/a allow', 'ConfigMap/b unchanged', 'ConfigMap/c unchanged'])
  t.match(
    mended.stderr,
    /note: what cannot be read at the merge base of main and HEAD \([0-9a-f]{12}\) is judged as new: a\.yaml:\d+: /,
  )
  tree.git('branch', '--force', 'main', tree.commit({}))
  tree.commit({ 'b.yaml': broken, 'c.yaml': null })
  const wrong = await diff(tree)
  t.equal(wrong.code, 2)
  t.strictSame(verdicts(wrong), ['ConfigMap/a unchanged', 'ConfigMap/c allow'], 'b is not taken for deleted')
  t.strictSame(
    set(wrong).errors.map(({ code, file }) => [code, file?.replace(/.*\//, '')]),
    [['MANIFEST_SYNTAX', 'b.yaml']],
  )
  t.match(wrong.stderr, /^lockkeeper: b\.yaml:/)
})

t.test('a link out of the tree is refused, and not followed at the base', async t => {
  const tree = gitTree(t, { 'apps/a.yaml': config('a') })
  tree.commit({ 'apps/out.yaml': { link: '/etc/hostname' } })
  const brought = await diff(tree)
  t.equal(brought.code, 2)
  t.match(brought.stderr, 'apps/out.yaml: is a symbolic link out of the tree (RENDER_FAILED)')
  tree.git('branch', '--force', 'main', 'feature')
  tree.commit({ 'apps/out.yaml': null })
  const removed = await diff(tree, { quiet: false })
  t.equal(removed.code, 0)
  t.match(removed.stderr, 'is judged as new: apps/out.yaml: is a symbolic link out of the tree (RENDER_FAILED)')
})

t.test('what cannot be compared is said before anything is judged', async t => {
  // A place of its own: other tests have temporary directories, too.
  const { TMPDIR } = process.env
  const temporary = mkdtempSync(join(tmpdir(), 'lockkeeper-test-'))
  process.env.TMPDIR = temporary
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
    rmSync(temporary, { recursive: true, force: true })
  })
  const tree = gitTree(t, { 'a.yaml': config('a'), 'empty/README.md': '' })
  const cases: Record<string, readonly [Partial<DiffOptions>, string, RegExp]> = {
    stdin: [{ paths: ['-'] }, 'USAGE', /stdin/],
    'a revision that is not there': [{ base: 'nope' }, 'BASE_UNREADABLE', /^nope is no commit/],
    'a path that was never there': [
      { paths: ['gone'] },
      'FILE_UNREADABLE',
      /gone: is neither in the working tree nor at the merge base/,
    ],
    'no such bundle': [{ bundle: '/nonexistent' }, 'BUNDLE_UNREADABLE', /./],
  }
  for (const [name, [options, code, message]] of Object.entries(cases)) {
    const compared = await diff(tree, options)
    t.match(compared.code, { code, message }, name)
    t.equal(compared.stdout, '', name)
  }
  const nothing = await diff(tree, { paths: ['empty'] })
  t.equal(nothing.code, 2)
  t.strictSame(
    set(nothing).errors.map(({ code }) => code),
    ['MANIFEST_NONE'],
  )
  t.strictSame(readdirSync(temporary), [], 'no temporary directory is left')
})

/** The PATH with a tool on it; null where it is not at hand. */
async function pathWith(t: Test, tool: string): Promise<string | null> {
  const programs = join(process.env.HOME ?? '', '.cache/lockkeeper/programs')
  const built = existsSync(programs)
    ? readdirSync(programs).filter(each => each.replace(/-[0-9a-f]+$/, '') === tool)
    : []
  const PATH = [...built.map(each => join(programs, each)), process.env.PATH ?? ''].join(delimiter)
  const found = await findProgram(tool, PATH)
  if (found === null) t.comment(`${tool} is not at hand`)
  return found === null ? null : [dirname(found), process.env.PATH ?? ''].join(delimiter)
}

t.test('kustomizations are rendered on both sides, with what they build on elsewhere in the tree', async t => {
  const PATH = await pathWith(t, 'kustomize')
  if (PATH === null) return
  const tree = gitTree(t, {
    'base/kustomization.yaml': 'resources: [web.yaml, namespace.yaml]\n',
    'base/web.yaml': deployment('web'),
    'base/namespace.yaml': NAMESPACE,
    'envs/prod/kustomization.yaml': 'resources: [../../base]\n',
  })
  tree.commit({ 'base/web.yaml': deployment('web', { container: HOST_PORT }) })
  const compared = await diff(tree, { paths: ['envs/prod'] }, { PATH })
  t.strictSame(verdicts(compared), ['Namespace/shop unchanged', 'Deployment/web deny host_ports'])
  t.equal(set(compared).decisions[1]?.resource.file, 'envs/prod/kustomization.yaml')
  tree.commit({ 'envs/prod': null, 'base/web.yaml': deployment('web') })
  const gone = await diff(tree, { paths: ['envs/prod'] }, { PATH })
  t.strictSame(
    set(gone).decisions.map(({ resource: { kind, file } }) => [kind, file]),
    [
      ['Deployment', 'envs/prod/kustomization.yaml'],
      ['Namespace', 'envs/prod/kustomization.yaml'],
    ],
    'a directory that is gone deletes what it rendered',
  )
})

t.test('charts are rendered on both sides', async t => {
  const PATH = await pathWith(t, 'helm')
  if (PATH === null) return
  const tree = gitTree(t, {
    'chart/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
    'chart/values.yaml': 'image: registry.example/app:1.2.3\n',
    'chart/templates/web.yaml':
      deployment('web', { container: HOST_PORT, image: '{{ .Values.image }}' }) + `---\n${NAMESPACE}`,
  })
  tree.commit({ 'chart/values.yaml': 'image: registry.example/app:1.2.4\n' })
  const compared = await diff(tree, {}, { PATH })
  t.strictSame(verdicts(compared), ['Namespace/shop unchanged', 'Deployment/web warn host_ports existing'])
  t.equal(set(compared).decisions[1]?.resource.file, 'chart/templates/web.yaml')
})

t.test('where everything is new, a diff says what a scan says', async t => {
  const tree = gitTree(t, { 'README.md': '' })
  tree.commit({ ...BASE, 'apps/web.yaml': deployment('web', { container: PRIVILEGED }) })
  const compared = await diff(tree, { paths: ['apps'] })
  const scanned = await diff(tree, { paths: ['apps'] }, { run: runScan })
  t.strictSame(
    set(compared).decisions.map(({ violations }) => violations),
    set(scanned).decisions.map(({ violations }) => violations),
  )
  t.equal(compared.code, 1)
})
