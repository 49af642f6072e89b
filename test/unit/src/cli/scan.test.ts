import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { gzipSync } from 'node:zlib'
import type { AdmissionRequest } from '../../../../src/admission.js'
import type { CliEnvironment } from '../../../../src/cli/environment.js'
import { runScan, type ScanOptions } from '../../../../src/cli/scan.js'
import { DEFAULT_CONFIG } from '../../../../src/config.js'
import type { Context, Decision, SetDecision, SetViolation } from '../../../../src/decision-types.js'
import { GateError } from '../../../../src/errors.js'
import type { ReviewPool } from '../../../../src/io/pool.js'
import { isJsonObject, type JsonObject } from '../../../../src/json.js'
import type { Bundle } from '../../../../src/policy/bundle.js'
import type { Change } from '../../../../src/policy/evaluate.js'
import { ROOT } from '../../../helpers/repository.js'

/** What a scan asked of the gate. */
interface Asked {
  readonly request: AdmissionRequest
  readonly context: Context
}

interface FakePool {
  readonly asked: Asked[]
  readonly changes: (readonly Change[])[]
  closed: number
  /** The most reviews that ran at once. */
  peak: number
}

/** Only read: the fake gate judges. */
const BUNDLE = join(ROOT, 'test/fixtures/bundles/parameters/bundle')

const DIGEST = `sha256:${'12'.repeat(32)}`

/** A gate that answers as the object's label `answer` says; `slow` answers come after all others that wait. */
function fakePool(fake: FakePool, { changeset = false, workers = 2 } = {}): ReviewPool {
  let running = 0
  const card = { scope: changeset ? 'changeset' : 'object' }
  const bundle = {
    reference: { digest: DIGEST, revision: 'r1' },
    cards: [card],
    config: DEFAULT_CONFIG,
    namespaces: new Map([['known', { labels: { from: 'bundle' }, annotations: {} }]]),
  } as unknown as Bundle
  return {
    bundle,
    workers,
    async review(request, context) {
      fake.asked.push({ request, context })
      running += 1
      fake.peak = Math.max(fake.peak, running)
      const labels = request.object?.metadata
      const answer = isJsonObject(labels) && isJsonObject(labels.labels) ? labels.labels.answer : undefined
      for (let turns = answer === 'slow' ? 20 : 1; turns > 0; turns -= 1) await setImmediate()
      running -= 1
      if (answer === 'error') throw new GateError('GATE_DEADLINE', 'not judged in time')
      if (answer === 'defect') throw new Error('a defect')
      return decisionFor(request, answer === 'deny' ? 'deny' : answer === 'warn' ? 'warn' : 'allow')
    },
    reviewChanges(changes) {
      fake.changes.push(changes)
      const first = changes[0]?.object
      const violation = { ...SET_VIOLATION, objects: [{ apiVersion: 'v1', kind: 'Pod', name: nameOf(first ?? null) }] }
      return Promise.resolve([violation])
    },
    close() {
      fake.closed += 1
      return Promise.resolve()
    },
  }
}

const SET_VIOLATION: SetViolation = {
  policy: 'whole',
  message: 'together they are too many',
  enforcementAction: 'warn',
  severity: 'low',
  path: '',
  details: null,
  controls: [],
  docs: '',
  objects: [],
}

function nameOf(object: JsonObject | null): string {
  const metadata = object?.metadata
  return isJsonObject(metadata) && typeof metadata.name === 'string' ? metadata.name : ''
}

function decisionFor(request: AdmissionRequest, action: Decision['action']): Decision {
  const name = nameOf(request.object)
  const violation = {
    policy: 'answers',
    message: `${name} asked for it`,
    enforcementAction: action === 'warn' ? ('warn' as const) : ('deny' as const),
    severity: 'medium' as const,
    path: '/metadata/labels/answer',
    details: null,
    controls: [],
    existing: false,
    docs: '',
  }
  return {
    id: `id-${name}`,
    subject: `subject-${name}`,
    gate: 'cli',
    allowed: action !== 'deny',
    action,
    actions: { cli: action, argocd: action, flux: action, webhook: action, audit: action },
    violations: action === 'allow' ? [] : [violation],
    risk: null,
    anomaly: null,
    provenance: { class: 'approved', evidence: ['predicted'] },
    degraded: [{ code: 'MODEL_MISSING', text: '' }],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle: { digest: DIGEST, revision: 'r1' },
    inputs: { related: null, rarity: null },
    resource: {
      apiVersion: 'v1',
      kind: request.kind.kind,
      ...(request.namespace === undefined ? {} : { namespace: request.namespace }),
      name,
    },
  }
}

/** A Pod as YAML. */
function pod(name: string, { namespace, answer }: { namespace?: string; answer?: string } = {}): string {
  const where = namespace === undefined ? '' : `, namespace: ${namespace}`
  return `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}${where.replace(', ', '\n  ')}\n  labels:\n    answer: ${answer ?? 'allow'}\nspec: {}\n`
}

interface Scanned extends FakePool {
  readonly code: number | GateError
  readonly stdout: string
  readonly stderr: string
}

async function scan(
  options: Partial<ScanOptions> & { paths: readonly string[] },
  environment: { stdin?: string; changeset?: boolean; PATH?: string; tty?: boolean } = {},
): Promise<Scanned> {
  const fake: FakePool = { asked: [], changes: [], closed: 0, peak: 0 }
  const written = { stdout: '', stderr: '' }
  const output = (name: 'stdout' | 'stderr') => ({
    isTTY: environment.tty === true,
    write: (text: string) => {
      written[name] += text
      return true
    },
    once: () => undefined,
  })
  const cli: CliEnvironment = {
    stdin: Readable.from([environment.stdin ?? '']),
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: { PATH: environment.PATH ?? '', TERM: 'xterm' },
    now: new Date('2026-01-02T03:04:05.678Z'),
    signal: new AbortController().signal,
    createPool: () => Promise.resolve(fakePool(fake, environment)),
  }
  const code = await runScan(
    {
      format: 'text',
      version: '1.2.3',
      failOnWarn: false,
      namespace: 'default',
      bundle: BUNDLE,
      insecureUnsigned: true,
      verbose: false,
      quiet: false,
      ...options,
    },
    cli,
  ).catch((error: unknown) => {
    if (error instanceof GateError) return error
    throw error
  })
  return { ...fake, ...written, code }
}

/** The SetDecision on stdout. */
function set({ stdout }: Scanned): SetDecision {
  return JSON.parse(stdout) as SetDecision
}

const names = ({ asked }: Scanned): string[] => asked.map(({ request }) => nameOf(request.object))

t.test('exit codes: what could not be judged goes before denied, warned and allowed', async t => {
  const root = t.testdir({
    'allow.yaml': pod('allow'),
    'warn.yaml': pod('warn', { answer: 'warn' }),
    'deny.yaml': pod('deny', { answer: 'deny' }),
    'error.yaml': pod('error', { answer: 'error' }),
    'broken.yaml': 'a: b: c\n',
    'empty.yaml': '# nothing\n---\n',
    'values.yaml': 'image: nginx\nkind_of: x\n',
    empty: {},
    foreign: {
      'values.yaml': 'replicas: 2\n',
      'package.json': '{"name": "x", "nested": {"kind": "y"}}',
      'list.json': '[1]',
    },
    half: { 'half.yaml': 'kind: Pod\n', 'allow.yaml': pod('allow') },
  })
  const cases: Record<string, readonly [string, number, (number | 'json')?]> = {
    'all is allowed': ['allow.yaml', 0],
    'a warning': ['allow.yaml warn.yaml', 0, 3],
    'a denial': ['allow.yaml warn.yaml deny.yaml', 1, 1],
    'an error beside a denial': ['deny.yaml broken.yaml', 2, 2],
    'the gate could not judge one': ['deny.yaml error.yaml', 2, 2],
    'a path that is not there': ['allow.yaml gone.yaml', 2, 2],
    'an empty file': ['empty.yaml', 2],
    'an empty directory': ['empty', 2],
    'only files without Kubernetes objects': ['foreign', 2],
    'a file of something else that was named': ['allow.yaml values.yaml', 2],
    'an object that lacks its apiVersion, in a directory': ['half', 2],
  }
  for (const [name, [paths, code, failOnWarn = code]] of Object.entries(cases)) {
    const options = { paths: paths.split(' ').map(path => join(root, path)) }
    t.equal((await scan(options)).code, code, name)
    t.equal((await scan({ ...options, failOnWarn: true })).code, failOnWarn, `${name}, with --fail-on-warn`)
    const json = await scan({ ...options, format: 'json' })
    t.equal(set(json).allowed, code === 0, `${name}, as JSON`)
    t.equal(json.closed, 1)
  }
})

t.test('the text is for people: what, where, why, and how many', async t => {
  const root = t.testdir({
    'a.yaml': `# first\n${pod('fine')}---\n${pod('bad', { answer: 'deny', namespace: 'shop' })}`,
    'b.json': JSON.stringify(
      {
        apiVersion: 'v1',
        kind: 'List',
        items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', labels: { answer: 'warn' } } }],
      },
      null,
      2,
    ),
    'c.yaml': 'a: b: c\n',
    'd.yaml': 'values: 1',
  })
  const expected = `✗ Pod shop/bad  ${root}/a.yaml:10  DENIED
  ✗ answers  medium  a.yaml:16  bad asked for it

! Pod default/x  ${root}/b.json:5  ALLOWED WITH WARNINGS
  ! answers  medium  b.json:11  x asked for it (warning)

note: the bundle has no risk model: policies alone decided (MODEL_MISSING, 3 objects)
note: 1 file without Kubernetes objects skipped
3 objects judged: 1 denied, 1 allowed with warnings, 1 allowed, 1 error (bundle ${BUNDLE}, sha256:121212121212, revision r1)
`
  const scanned = await scan({ paths: [root] })
  t.equal(scanned.stdout, expected)
  t.match(scanned.stderr, new RegExp(`^lockkeeper: ${root}/c.yaml:1: .* \\(MANIFEST_SYNTAX\\)\\n$`))
  t.match((await scan({ paths: [root], verbose: true })).stdout, `✓ Pod default/fine  ${root}/a.yaml:2  ALLOWED\n`)
  t.equal((await scan({ paths: [root], quiet: true })).stdout, '')
  const nothing = await scan({ paths: [join(root, 'c.yaml')] })
  t.equal(nothing.stdout, '', 'nothing was judged: nothing on stdout')
  t.notMatch(scanned.stdout, '\u001b')
  t.match((await scan({ paths: [root], color: true })).stdout, '\u001b[31m✗\u001b[39m')
  t.match((await scan({ paths: [root] }, { tty: true })).stdout, '\u001b[31m✗\u001b[39m')
  t.notMatch((await scan({ paths: [root], color: false }, { tty: true })).stdout, '\u001b')
})

t.test('the JSON is one SetDecision in the order of the input, however long single answers take', async t => {
  const objects = Array.from({ length: 40 }, (_, index) =>
    pod(`p${index}`, { answer: index % 7 === 0 ? 'slow' : index % 5 === 0 ? 'deny' : 'allow' }),
  )
  const root = t.testdir({
    'a.yaml': objects.slice(0, 30).join('---\n'),
    'b.yaml': 'a: b: c\n',
    'c.yaml': objects.slice(30).join('---\n'),
  })
  const scanned = await scan({ paths: [root], format: 'json' })
  const { decisions, errors, summary, allowed, action, bundle, violations } = set(scanned)
  t.strictSame(
    decisions.map(({ resource }) => resource.name),
    objects.map((_, index) => `p${index}`),
  )
  t.strictSame(decisions[31]?.resource, {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: 'default',
    name: 'p31',
    file: join(root, 'c.yaml'),
    line: 9,
  })
  t.strictSame(
    errors.map(({ code, file, line, document }) => ({ code, file, line, document })),
    [{ code: 'MANIFEST_SYNTAX', file: join(root, 'b.yaml'), line: 1, document: 1 }],
  )
  t.strictSame(summary, { judged: 40, allowed: 34, warned: 0, denied: 6, errors: 1 })
  t.strictSame(
    { allowed, action, bundle, violations },
    { allowed: false, action: 'deny', bundle: { digest: DIGEST, revision: 'r1' }, violations: [] },
  )
  t.equal(scanned.peak, 4, 'no more than two for each worker are in flight')
})

t.test('the context of a review says what is known before a sync', async t => {
  const namespace = (name: string, label: string): string =>
    `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}, labels: {from: ${label}}}\n`
  const root = t.testdir({
    apps: {
      'a.yaml':
        pod('a', { namespace: 'shop' }) +
        '---\n' +
        pod('b', { namespace: 'known' }) +
        '---\n' +
        pod('c', { namespace: 'elsewhere' }),
      'z.yaml': namespace('shop', 'near'),
      'l.yaml': pod('g', { namespace: 'lonely' }),
    },
    other: {
      'ns.yaml': [namespace('shop', 'far'), namespace('twice', 'one'), namespace('lonely', 'alone')].join('---\n'),
      'p.yaml': pod('d', { namespace: 'twice' }),
    },
    third: {
      'ns.yaml': namespace('twice', 'two'),
      'p.yaml': pod('e', { namespace: 'shop' }) + '---\n' + pod('f', { namespace: 'twice' }),
    },
    role: 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n',
  })
  const scanned = await scan({ paths: [root, join(root, 'role')], namespace: 'mine' })
  const known = Object.fromEntries(
    scanned.asked.map(({ request, context }) => [nameOf(request.object), context.namespace]),
  )
  const info = (from: string) => ({ labels: { from }, annotations: {} })
  t.strictSame(
    JSON.parse(
      JSON.stringify({
        a: known.a,
        b: known.b,
        c: known.c,
        d: known.d,
        e: known.e,
        f: known.f,
        g: known.g,
        r: known.r,
      }),
    ),
    {
      a: info('near'),
      b: info('bundle'),
      c: 'unknown',
      d: info('one'),
      e: 'unknown',
      f: info('two'),
      g: info('alone'),
      r: null,
    },
  )
  const { request, context } = scanned.asked.find(each => nameOf(each.request.object) === 'a') ?? {}
  t.strictSame(
    { operation: request?.operation, userInfo: request?.userInfo, oldObject: request?.oldObject },
    { operation: 'CREATE', userInfo: DEFAULT_CONFIG.prediction.userInfo, oldObject: null },
  )
  t.strictSame(
    { ...context, namespace: null },
    {
      gate: 'cli',
      now: '2026-01-02T03:04:05Z',
      namespace: null,
      base: 'known',
      related: null,
      provenance: { class: 'approved', evidence: ['predicted'] },
      holds: [],
      approvals: [],
      rarity: null,
    },
  )
  const later = await scan({
    paths: [join(root, 'third')],
    namespace: 'mine',
    now: new Date('2030-01-01T00:00:00Z'),
  })
  t.equal(later.asked[0]?.context.now, '2030-01-01T00:00:00Z')
  const stdin = await scan({ paths: ['-'], namespace: 'mine' }, { stdin: pod('x') })
  t.equal(stdin.asked[0]?.request.namespace, 'mine')
  t.match(stdin.stdout, '1 object judged: 1 allowed')
})

t.test('an object that is defined twice: the last one counts in a directory, and all across directories', async t => {
  const root = t.testdir({
    one: {
      'a.yaml': pod('same') + '---\n' + pod('other'),
      'b.yaml': pod('same', { answer: 'warn' }),
      'c.yaml':
        'apiVersion: v1\nkind: Pod\nmetadata: {generateName: g-}\n---\napiVersion: v1\nkind: Pod\nmetadata: {generateName: g-}\n',
    },
    two: { 'a.yaml': pod('same', { namespace: 'default' }) },
  })
  const within = await scan({ paths: [join(root, 'one')], format: 'json' })
  t.strictSame(names(within), ['other', 'same', '', ''])
  t.equal(within.code, 0)
  t.strictSame(
    set(within).violations.map(({ policy, enforcementAction, objects }) => ({ policy, enforcementAction, objects })),
    [
      {
        policy: 'duplicate_object',
        enforcementAction: 'warn',
        objects: [
          { apiVersion: 'v1', kind: 'Pod', name: 'same', file: join(root, 'one/a.yaml'), line: 1 },
          { apiVersion: 'v1', kind: 'Pod', name: 'same', file: join(root, 'one/b.yaml'), line: 1 },
        ],
      },
    ],
  )
  const across = await scan({ paths: [join(root, 'one/b.yaml'), join(root, 'two')], failOnWarn: true })
  t.strictSame(names(across), ['same', 'same'])
  t.equal(across.code, 3)
  t.match(across.stdout, /^! duplicate_object {2}medium {2}Pod same is defined in 2 directories: .*\(warning\)$/m)
})

t.test('each line of a JSON Lines file is a set of its own', async t => {
  const line = (name: string, answer = 'allow') => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { answer } },
  })
  const text = [
    JSON.stringify(line('a')),
    '',
    JSON.stringify({ id: 7, apiVersion: 'v1', kind: 'Pod', manifest: line('b', 'deny') }),
    JSON.stringify({ ...line('a'), manifest: line('c') }),
    JSON.stringify({ kind: 'List', apiVersion: 'v1', items: [line('d'), line('d')] }),
    '{"broken"',
    '{"id": 1}',
    '"text"',
    JSON.stringify(line('e')),
  ].join('\n')
  const root = t.testdir({ 'x.jsonl': text, 'y.jsonl.gz': gzipSync(text) })
  for (const file of ['x.jsonl', 'y.jsonl.gz']) {
    const path = join(root, file)
    const scanned = await scan({ paths: [path], format: 'json' })
    t.strictSame(names(scanned), ['a', 'b', 'a', 'd', 'd', 'e'])
    const { decisions, errors, violations } = set(scanned)
    t.strictSame(
      decisions.map(({ resource }) => resource.line),
      [1, 3, 4, 5, 5, 9],
    )
    t.strictSame(
      errors.map(({ code, line }) => [code, line]),
      [
        ['MANIFEST_SYNTAX', 6],
        ['MANIFEST_INVALID', 7],
        ['MANIFEST_INVALID', 8],
      ],
    )
    t.ok(
      errors.every(({ message }, index) => message.startsWith(`${path}:${index + 6}: `)),
      'messages name file and line',
    )
    t.strictSame(
      violations.map(({ objects }) => objects.map(object => object.line)),
      [[5, 5]],
    )
  }
  const text2 = await scan({ paths: [join(root, 'x.jsonl')] })
  t.match(
    text2.stdout,
    `✗ Pod default/b  ${root}/x.jsonl:3  DENIED\n  ✗ answers  medium  /metadata/labels/answer  b asked for it\n`,
  )
})

t.test('kustomizations and charts are rendered, each as a set of its own', async t => {
  const root = t.testdir({
    bin: {},
    app: { 'kustomization.yaml': 'resources: [pod.yaml]', 'pod.yaml': pod('unrendered') },
    chart: { 'Chart.yaml': 'name: shop', templates: { 'p.yaml': '{{ template }}' } },
    'plain.yaml': pod('rendered'),
    broken: { 'kustomization.yaml': 'resources: [gone.yaml]' },
  })
  const tool = (name: string, output: string, code = 0): void => {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n/bin/cat <<'END'\n${output}END\nexit ${code}\n`, { mode: 0o755 })
  }
  const paths = [join(root, 'app'), join(root, 'chart'), join(root, 'plain.yaml')]
  const missing = await scan({ paths, format: 'json' })
  t.equal(missing.code, 2)
  t.strictSame(names(missing), ['rendered'], 'what needs no tool is judged')
  t.strictSame(
    set(missing).errors.map(({ code, file }) => [code, file]),
    [
      ['RENDER_TOOL_MISSING', join(root, 'app')],
      ['RENDER_TOOL_MISSING', join(root, 'chart')],
    ],
  )

  tool('kustomize', pod('rendered', { answer: 'deny' }))
  tool(
    'helm',
    `---\n# Source: shop/templates/p.yaml\n${pod('a')}---\n# Source: shop/charts/db/templates/q.yaml\n${pod('b')}---\n# Source: shop/templates/bad.yaml\nkind: [\n`,
  )
  const scanned = await scan({ paths, format: 'json' }, { PATH: join(root, 'bin') })
  const { decisions, errors, violations } = set(scanned)
  t.strictSame(
    decisions.map(({ resource: { name, file, line } }) => [name, file, line]),
    [
      ['rendered', join(root, 'app/kustomization.yaml'), undefined],
      ['a', join(root, 'chart/templates/p.yaml'), undefined],
      ['b', join(root, 'chart/charts/db/templates/q.yaml'), undefined],
      ['rendered', join(root, 'plain.yaml'), 1],
    ],
  )
  t.strictSame(violations, [], 'equal objects of two sets are not duplicates')
  t.strictSame(
    errors.map(({ code, file }) => [code, file]),
    [['MANIFEST_SYNTAX', `${join(root, 'chart/Chart.yaml')} (rendered)`]],
  )

  const other = join(root, 'other')
  mkdirSync(other)
  writeFileSync(join(other, 'k'), '#!/bin/sh\necho "Error: gone.yaml" >&2\nexit 1\n', { mode: 0o755 })
  const failed = await scan({ paths: [join(root, 'broken')], kustomize: join(other, 'k') })
  t.equal(failed.code, 2)
  t.equal(
    failed.stderr,
    `lockkeeper: ${join(root, 'broken')}: kustomize failed with exit code 1: Error: gone.yaml (RENDER_FAILED)\n`,
  )
})

t.test('set policies see all changes of a set in their order, and their objects get files', async t => {
  const root = t.testdir({
    'a.yaml': [pod('a', { answer: 'slow' }), pod('b')].join('---\n'),
    'l.jsonl': '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c"}}',
  })
  const scanned = await scan({ paths: [root], format: 'json' }, { changeset: true })
  t.strictSame(
    scanned.changes.map(changes =>
      changes.map(({ operation, object, oldObject, risk }) => [operation, nameOf(object), oldObject, risk]),
    ),
    [
      [['CREATE', 'c', null, null]],
      [
        ['CREATE', 'a', null, null],
        ['CREATE', 'b', null, null],
      ],
    ],
  )
  t.strictSame(
    set(scanned).violations.map(({ objects }) => objects.map(({ file, line, namespace }) => [file, line, namespace])),
    [[[join(root, 'l.jsonl'), 1, 'default']], [[join(root, 'a.yaml'), 1, 'default']]],
  )
})

t.test("a defect is not hidden, and a bundle that cannot be used is nobody's verdict", async t => {
  const root = t.testdir({ 'a.yaml': pod('a', { answer: 'defect' }), 'b.yaml': pod('b') })
  await t.rejects(scan({ paths: [root] }), { message: 'a defect' })
  const gone = await scan({ paths: [join(root, 'b.yaml')], bundle: join(root, 'gone') })
  t.equal(gone.stdout, '')
  t.match(gone.code, { code: 'BUNDLE_UNREADABLE' })
})

t.test('a link that leads nowhere and a loop do not stop a scan', async t => {
  const root = t.testdir({ 'a.yaml': pod('a') })
  symlinkSync('.', join(root, 'loop'))
  t.equal((await scan({ paths: [root] })).code, 0)
  symlinkSync('nowhere', join(root, 'dangling.yaml'))
  const scanned = await scan({ paths: [root], format: 'json' })
  t.equal(scanned.code, 2)
  t.strictSame(names(scanned), ['a'])
  t.strictSame(
    set(scanned).errors.map(({ code, file }) => [code, file]),
    [['FILE_UNREADABLE', join(root, 'dangling.yaml')]],
  )
})
