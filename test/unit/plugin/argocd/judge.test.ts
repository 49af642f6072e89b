import { join } from 'node:path'
import t from 'tap'
import { judgeRendered, type JudgeParts } from '../../../../plugin/argocd/judge.js'
import type { JudgeTask } from '../../../../plugin/argocd/judge-messages.js'
import type { SetDecision } from '../../../../src/decision-types.js'
import { createGate, parseBundle } from '../../../../src/gate.js'
import { loadBundleFiles } from '../../../../src/io/bundle-source.js'
import { parseJson, type JsonObject } from '../../../../src/json.js'
import { objectKey } from '../../../../src/live-objects.js'
import type { Target } from '../../../../src/request.js'
import { ROOT } from '../../../helpers/repository.js'

const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)

const SETTINGS = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"a":"b"}}'
const HOOK = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"hook","annotations":{"argocd.argoproj.io/hook":"PreSync"}}}`
const NAMESPACE = '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}'
const SECRET = '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"p":"debugger"}}'
const HOSTILE =
  '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"hostPID":true,"containers":[{"name":"debugger","image":"a:1","securityContext":{"privileged":true}}]}}'
const LATEST =
  '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx:latest"}]}}'

async function judge(texts: readonly string[], task: Partial<JudgeTask> = {}, more: Partial<JudgeParts> = {}) {
  const steps: string[] = []
  const asked: (readonly Target[])[] = []
  const judged: SetDecision[] = []
  const answer = await judgeRendered(
    {
      rendered: [{ file: 'a.yaml', text: texts.join('\n---\n') }],
      subject: { application: 'web', project: 'p', destinationNamespace: 'shop' },
      revision: '',
      now: '2026-01-02T03:04:05Z',
      failOnWarn: false,
      seeAll: 'lockkeeper scan .',
      ...task,
    },
    {
      gate,
      live: (_subject, targets) => {
        asked.push(targets)
        return Promise.resolve('unknown')
      },
      annotations: () => ({}),
      judged: set => {
        judged.push(set)
        return Promise.resolve()
      },
      notes: () => [],
      step: step => steps.push(step),
      ...more,
    },
  )
  return { ...answer, steps, asked, judged }
}

t.test('what is allowed is printed, hooks too, in its order', async t => {
  const { exitCode, stdout, stderr, steps, asked, judged } = await judge([SETTINGS, HOOK])
  t.strictSame([exitCode, stderr], [0, ''])
  t.equal(stdout, `${SETTINGS}\n${HOOK}\n`)
  t.strictSame(steps, ['reading the manifests', 'asking for the live objects', 'judging', 'writing the manifests'])
  t.strictSame(
    asked[0]?.map(({ kind, namespace, name }) => [kind, namespace, name]),
    [
      ['ConfigMap', 'shop', 'settings'],
      ['ConfigMap', 'shop', 'hook'],
    ],
  )
  t.equal(judged[0]?.allowed, true)
})

t.test('of an object that is there twice only what was judged is printed', async t => {
  const { stdout, stderr } = await judge([SETTINGS, SETTINGS.replace('"b"', '"c"')])
  t.equal(stdout, `${SETTINGS.replace('"b"', '"c"')}\n`)
  t.match(stderr, /^allowed with 1 warning .*\n {2}ConfigMap settings.*: \[duplicate_object\] /)
})

t.test('judged objects get their annotations beside their own', async t => {
  const { stdout } = await judge(
    [HOOK],
    {},
    { annotations: ({ kind }) => ({ 'lockkeeper.dev/receipt': `v1.${kind}` }) },
  )
  const { metadata } = parseJson(stdout) as JsonObject
  t.strictSame(JSON.parse(JSON.stringify(metadata)), {
    name: 'hook',
    annotations: { 'argocd.argoproj.io/hook': 'PreSync', 'lockkeeper.dev/receipt': 'v1.ConfigMap' },
  })
})

t.test('nothing is printed of a set with a denied object, and no Secret in the reason', async t => {
  const { exitCode, stdout, stderr } = await judge([NAMESPACE, SETTINGS, SECRET, HOSTILE])
  t.strictSame([exitCode, stdout], [1, ''])
  t.match(stderr, /^denied: Pod shop\/p: \[node_takeover\] container "\[redacted\]" is privileged/)
  t.notMatch(stderr, /debugger/)
})

t.test('the base is known as soon as somebody could be asked', async t => {
  const judgedOver = async (live: JsonObject | null) => {
    const objects = new Map([[objectKey('', 'Pod', 'shop', 'p'), live]])
    const answer = { objects, pruned: [], namespaces: new Map() }
    return (await judge([NAMESPACE, LATEST], { failOnWarn: false }, { live: () => Promise.resolve(answer) })).judged[0]
  }
  const isBaseUnknown = (set: SetDecision | undefined) =>
    set?.decisions
      .at(-1)
      ?.degraded.map(each => each.code)
      .includes('BASE_UNKNOWN')
  t.equal(isBaseUnknown(await judgedOver(null)), false)
  t.equal(isBaseUnknown((await judge([NAMESPACE, LATEST])).judged[0]), true)
})

t.test('with failOnWarn a warning denies', async t => {
  const allowed = await judge([LATEST])
  t.equal(allowed.exitCode, 0)
  t.match(allowed.stderr, /^allowed with \d+ warnings/)
  const denied = await judge([LATEST], { failOnWarn: true })
  t.strictSame([denied.exitCode, denied.stdout], [1, ''])
  t.match(denied.stderr, /^denied: Pod shop\/p: \[/)
})

t.test('a render without objects, and one that cannot be read, is no empty success', async t => {
  const empty = await judge(['# nothing'])
  t.strictSame([empty.exitCode, empty.stdout, empty.judged.length], [2, '', 0])
  t.match(empty.stderr, /^could not judge: the source renders to no manifest .*\(MANIFEST_NONE\)\n$/)
  const broken = await judge([SETTINGS, 'a: [', 'kind: Pod'])
  t.strictSame([broken.exitCode, broken.stdout], [2, ''])
  t.match(
    broken.stderr,
    /^could not judge: a\.yaml:\d+: .*\(MANIFEST_SYNTAX\)\n {2}a\.yaml:\d+: .*\(MANIFEST_INVALID\)\n$/,
  )
})
