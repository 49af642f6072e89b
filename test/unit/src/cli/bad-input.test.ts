import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { Decision, SetDecision } from '../../../../src/decision-types.js'
import { CLI, ROOT } from '../../../helpers/repository.js'
import { BAD, BUILT_IN, changedBundle, file, GOOD } from '../../../helpers/scan-inputs.js'

// Every case starts the program, which takes long where other tests run beside it.
t.setTimeout(180_000)

const fixture = (name: string): string => join(ROOT, 'test/fixtures/bundles', name, 'bundle')

/** Starts the real program; several at a time, because each start costs more than its work. */
async function run(args: readonly string[], input: string) {
  const child = spawn(process.execPath, [CLI, ...args], { cwd: ROOT, stdio: 'pipe' })
  // A program that reads no stdin closes it early.
  child.stdin.on('error', () => undefined).end(input)
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { status, stdout, stderr }
}

function billionLaughs(): string {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const items = level === 0 ? '"lol"' : Array.from({ length: 10 }, () => `*l${level - 1}`).join(', ')
    return `l${level}: &l${level} [${items}]\n`
  })
  return `${GOOD}${levels.join('')}`
}

interface BadInput {
  /** Writes what is needed and gives the arguments of `scan`. */
  readonly args: (t: Test) => string[]
  readonly input?: string
  readonly status: number
  /** What stderr has to have, each on its own. */
  readonly says?: readonly (string | RegExp)[]
  readonly summary?: Partial<SetDecision['summary']>
  readonly check?: (t: Test, set: SetDecision) => void
}

const badInputs: Record<string, BadInput> = {
  'an empty file': { args: t => [file(t, '')], status: 2, says: ['(MANIFEST_NONE)'] },
  'a file of comments': { args: t => [file(t, '# nothing\n---\n')], status: 2, says: ['(MANIFEST_NONE)'] },
  'an empty directory': { args: t => [t.testdir({})], status: 2, says: ['(MANIFEST_NONE)'] },
  'an empty stdin': { args: () => ['-'], status: 2, says: ['no manifest was found in -', '(MANIFEST_NONE)'] },
  'a binary file': { args: t => [file(t, gzipSync('x'.repeat(1000)))], status: 2, says: ['(MANIFEST_ENCODING)'] },
  'a file with control characters': {
    args: t => [file(t, `${GOOD}data:\n  a: "\u0001"\n`)],
    status: 2,
    says: ['(MANIFEST_SYNTAX)'],
  },
  'invalid UTF-8': {
    args: t => [file(t, Buffer.concat([Buffer.from(`${GOOD}data:\n  a: `), Buffer.from([0xff, 0xfe])]))],
    status: 2,
    says: ['(MANIFEST_ENCODING)'],
  },
  'a document of 50 MB': {
    args: t => [file(t, `${GOOD}data:\n  a: ${'x'.repeat(50_000_000)}\n---\n${GOOD}`)],
    status: 2,
    says: ['(MANIFEST_TOO_LARGE)'],
    summary: { judged: 1, errors: 1 },
  },
  'a file over the limit': {
    args: t => [file(t, Buffer.alloc(65 * 1024 * 1024, ' '))],
    status: 2,
    says: ['is larger than 64 MiB (MANIFEST_TOO_LARGE)'],
  },
  'a nesting of 10,000 in JSON': {
    args: t => [
      file(
        t,
        `{"apiVersion":"v1","kind":"X","metadata":{"name":"x"},"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
        'x.json',
      ),
    ],
    status: 2,
    says: ['(MANIFEST_TOO_DEEP)'],
  },
  'a nesting of 10,000 in YAML': {
    args: t => [file(t, `${GOOD}a: ${'['.repeat(10_000)}${']'.repeat(10_000)}\n`)],
    status: 2,
    says: ['(MANIFEST_TOO_DEEP)'],
  },
  'billion laughs': { args: t => [file(t, billionLaughs())], status: 2, says: ['(MANIFEST_EXPANSION)'] },
  'a duplicate key': {
    args: t => [file(t, `${GOOD}kind: Secret\n---\n${GOOD}`)],
    status: 2,
    says: [/x\.yaml:6: .*"kind".* \(MANIFEST_DUPLICATE_KEY\)/],
    summary: { judged: 1, allowed: 1, errors: 1 },
  },
  'keys that every JavaScript object has': {
    args: t => [
      file(
        t,
        `${GOOD}data:\n  __proto__: a\n  constructor: b\n  toString: c\n__proto__:\n  kind: Pod\nconstructor: {}\n`,
      ),
    ],
    status: 0,
    summary: { judged: 1, allowed: 1 },
  },
  'half of a surrogate pair': {
    args: t => [
      file(t, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"\\ud800"}}', 'x.json'),
    ],
    status: 2,
    says: ['(MANIFEST_ENCODING)'],
  },
  'half of a surrogate pair in YAML': { args: t => [file(t, `${GOOD}data:\n  a: "\\ud800"\n`)], status: 2 },
  'an object without kind': {
    args: t => [file(t, 'apiVersion: v1\nmetadata: {name: x}\n')],
    status: 2,
    says: [':1: ', '(MANIFEST_INVALID)'],
  },
  'a kind that nobody knows': {
    args: t => [file(t, 'apiVersion: example.org/v1\nkind: Surprise\nmetadata: {name: x}\nspec: {any: thing}\n')],
    status: 0,
    summary: { judged: 1, allowed: 1 },
  },
  'a kind that nobody knows, with a password in it': {
    args: t => [
      file(t, 'apiVersion: example.org/v1\nkind: Surprise\nmetadata: {name: x}\nspec: 1\n'),
      '--fail-on-warn',
    ],
    status: 0,
  },
  'a List of 10,000': {
    args: t => {
      const items = Array.from({ length: 10_000 }, (_, index) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `c${index}` },
      }))
      return [file(t, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'x.json')]
    },
    status: 0,
    summary: { judged: 10_000, allowed: 10_000 },
  },
  'a number that no double holds': {
    args: t => [file(t, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"n":1e400}', 'x.json')],
    status: 2,
    says: ['(MANIFEST_NUMBER)'],
  },
  'a file that cannot be read, among others': {
    args: t => {
      const path = file(t, GOOD)
      symlinkSync('nowhere', join(dirname(path), 'dangling.yaml'))
      return [dirname(path)]
    },
    status: 2,
    says: ['dangling.yaml: cannot be read: there is no such file or directory (FILE_UNREADABLE)'],
    summary: { judged: 1, allowed: 1, errors: 1 },
  },
  'a command line of 60 KiB, as a shell makes it of *.yaml': {
    args: t => [
      file(t, GOOD),
      ...Array.from({ length: 1_000 }, (_, index) => `/nowhere/${'x'.repeat(50)}/${index}.yaml`),
    ],
    status: 2,
    says: ['/0.yaml: cannot be read: there is no such file or directory (FILE_UNREADABLE)'],
    summary: { judged: 1, allowed: 1, errors: 1_000 },
  },
  'a directory that is called like a file': {
    args: t => [t.testdir({ 'x.yaml': {} })],
    status: 2,
    says: ['(MANIFEST_NONE)'],
  },
  'an object without a name': {
    args: () => ['-'],
    input: 'apiVersion: v1\nkind: Pod\nmetadata: {namespace: shop}\n',
    status: 2,
    says: ['the Pod has neither metadata.name nor metadata.generateName', '(MANIFEST_INVALID)'],
  },
  'the configuration of a program, found among manifests': {
    args: t => {
      const path = file(t, GOOD)
      writeFileSync(join(dirname(path), 'kind.yaml'), 'apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n')
      writeFileSync(join(dirname(path), 'review.json'), '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}')
      return [dirname(path)]
    },
    status: 0,
    summary: { judged: 1 },
  },
  'the configuration of a program, named': {
    args: t => [file(t, 'apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n')],
    status: 2,
    says: ['the Cluster has neither metadata.name nor metadata.generateName'],
  },
  'a loop of symbolic links': {
    args: t => {
      const path = file(t, GOOD)
      symlinkSync('.', join(dirname(path), 'loop'))
      return [dirname(path)]
    },
    status: 0,
    summary: { judged: 1 },
  },
  'a link to itself': {
    args: t => {
      const path = join(t.testdir({}), 'x.yaml')
      symlinkSync('x.yaml', path)
      return [path]
    },
    status: 2,
    says: ['x.yaml: cannot be read: its symbolic links never end (FILE_UNREADABLE)'],
  },
  'a bundle that is not there': {
    args: t => [file(t, GOOD), '--bundle', '/nowhere', '--insecure-unsigned'],
    status: 2,
    says: ['/nowhere: cannot be read: there is no such file or directory (BUNDLE_UNREADABLE)'],
  },
  'a bundle that is not signed': {
    args: t => [file(t, GOOD), '--bundle', BUILT_IN],
    status: 2,
    says: ['(BUNDLE_UNSIGNED)'],
  },
  'a bundle with broken Wasm': {
    args: t => ['-', '--bundle', changedBundle(t, { 'policy.wasm': 'not wasm' }), '--insecure-unsigned'],
    input: GOOD,
    status: 2,
    says: ['(BUNDLE_INVALID)'],
  },
  'a bundle without its manifest': {
    args: t => ['-', '--bundle', changedBundle(t, { '.manifest': null }), '--insecure-unsigned'],
    input: GOOD,
    status: 2,
    says: ['the bundle has no .manifest (BUNDLE_INVALID)'],
  },
  'a bundle that is broken JSON': {
    args: t => ['-', '--bundle', changedBundle(t, { 'data.json': '{' }), '--insecure-unsigned'],
    input: GOOD,
    status: 2,
    says: ['(BUNDLE_INVALID)'],
  },
  'a bundle that is a text': {
    args: t => ['-', '--bundle', file(t, 'no archive'), '--insecure-unsigned'],
    input: GOOD,
    status: 2,
    says: ['(BUNDLE_UNREADABLE)'],
  },
  'a bundle without entrypoints': {
    args: t => [
      '-',
      '--bundle',
      changedBundle(t, { '.manifest': '{"revision":"","roots":[""],"wasm":[]}' }),
      '--insecure-unsigned',
    ],
    input: GOOD,
    status: 2,
    says: ['(BUNDLE_NO_ENTRYPOINTS)'],
  },
  'a bundle that needs a missing built-in': {
    args: () => ['-', '--bundle', fixture('missing-builtin'), '--insecure-unsigned'],
    input: GOOD,
    status: 2,
    says: ['http.send', '(BUNDLE_BUILTIN_MISSING)'],
  },
  'a configuration with three mistakes': {
    args: t => {
      const config = `apiVersion: lockkeeper.dev/v1alpha1
kind: Config
policies:
  host_ports:
    enforcementAction: block
  no_such_policy: {}
risk:
  onDegraded: 7
`
      return ['-', '--bundle', changedBundle(t, { 'lockkeeper/config.yaml': config }), '--insecure-unsigned']
    },
    input: GOOD,
    status: 2,
    says: [
      '(CONFIG_INVALID)',
      'policies.host_ports.enforcementAction: ',
      'policies.no_such_policy: ',
      'risk.onDegraded: ',
    ],
  },
  'an exception that expired': {
    args: t => {
      const exception = `apiVersion: lockkeeper.dev/v1alpha1
kind: Exception
metadata: {name: legacy}
spec:
  policies: [node_takeover]
  scope: {group: "", kind: Pod, namespace: shop, name: debug}
  reason: it was needed
  ticket: OPS-1
  owner: ann
  approvedBy: bob
  notAfter: 2026-01-31T00:00:00Z
`
      const bundle = changedBundle(t, { 'lockkeeper/exceptions/legacy.yaml': exception })
      return ['-', '--bundle', bundle, '--insecure-unsigned', '--now', '2026-02-01T00:00:00Z']
    },
    input: BAD,
    status: 1,
    summary: { judged: 1, denied: 1 },
    check: (t, { decisions }) => {
      t.strictSame(
        decisions[0]?.exceptions.map(({ name, state, reason }) => ({ name, state, reason })),
        [{ name: 'legacy', state: 'expired', reason: 'expired at 2026-01-31T00:00:00Z' }],
      )
    },
  },
  'a policy that never ends': {
    args: () => ['-', '--bundle', fixture('spinning'), '--insecure-unsigned'],
    input: BAD,
    status: 1,
    summary: { judged: 1, denied: 1 },
    check: (t, { decisions }) => {
      t.strictSame(degraded(decisions[0]), ['POLICY_KILLED spinning'])
    },
  },
  'a policy that returns a string': {
    args: () => ['-', '--bundle', fixture('mixed'), '--insecure-unsigned'],
    input: BAD,
    status: 1,
    summary: { judged: 1, denied: 1 },
    check: (t, { decisions }) => {
      t.ok(degraded(decisions[0]).includes('POLICY_FAILED text'))
      const violation = decisions[0]?.violations.find(({ policy }) => policy === 'text')
      t.match(violation?.message, 'returned a string where a set of violations is expected')
      t.equal(violation?.enforcementAction, 'deny')
    },
  },
}

function degraded(decision: Decision | undefined): string[] {
  return (decision?.degraded ?? [])
    .filter(({ policy }) => policy !== undefined)
    .map(({ code, policy }) => `${code} ${policy ?? ''}`)
}

t.test('bad input has its exit code and says why', t => {
  t.jobs = 3
  for (const [name, { args, input, status, says = [], summary, check }] of Object.entries(badInputs)) {
    t.test(name, { buffered: true }, async t => {
      const result = await run(['scan', '--format', 'json', ...args(t)], input ?? '')
      t.equal(result.status, status, result.stderr)
      for (const text of says) t.match(result.stderr, text)
      t.notMatch(result.stderr, '(INTERNAL)')
      if (result.stdout === '') t.equal(status, 2)
      else {
        const set = JSON.parse(result.stdout) as SetDecision
        t.equal(set.allowed, status === 0)
        t.match(set.summary, summary ?? {})
        check?.(t, set)
      }
    })
  }
  t.end()
})
