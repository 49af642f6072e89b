import t from 'tap'
import { parseBundle } from '../../../../src/gate.js'
import type { JsonObject } from '../../../../src/json.js'
import { parseJson } from '../../../../src/json.js'
import { createInputParts, preparePath } from '../../../../src/policy/input-parts.js'
import { joinPaths, overlaps, pathKey, type InputPath } from '../../../../src/policy/input-path.js'
import { fixtureBundle } from '../../../helpers/bundles.js'

const path = (pointer: string, without: readonly string[] = []): InputPath => ({ pointer, without })
const { inputs } = parseBundle(await fixtureBundle('inputs'), { allowUnsigned: true })

const entrypoints: Record<string, readonly string[] | null> = {
  'reads/deny': ['/review/object/spec/containers'],
  'reads/warn': ['/review/object/metadata/labels'],
  'reads/violation': [
    '/review/name',
    '/review/object/metadata/name',
    '/review/object/with~1slash/and~0tilde',
    '/review/userInfo/username',
  ],
  'forms/deny': ['/parameters/verbs', '/review/object/aggregationRule', '/review/object/parts', '/review/object/rules'],
  'forms/warn': ['/namespace/labels/level', '/risk/band'],
  'forms/violation': ['/review/object ["metadata","status"]', '/review/oldObject/kind', '/review/oldObject/marks'],
  'late/deny': ['/now', '/violations'],
  'dynamic/deny': null,
  'dynamic/warn': ['/review/object/metadata', '/review/oldObject/metadata', '/review/operation'],
  'dynamic/violation': ['/review/object'],
  'unknown/deny': null,
  'unknown/violation': null,
}

t.test('the compiler finds what each entrypoint can read', t => {
  for (const [name, wanted] of Object.entries(entrypoints)) {
    t.strictSame(inputs.get(`lockkeeper/${name}`)?.map(pathKey) ?? null, wanted, name)
  }
  t.end()
})

t.test('a call to the network makes a result that is not kept', async t => {
  const bundle = parseBundle(await fixtureBundle('missing-builtin'), { allowUnsigned: true })
  t.equal(bundle.inputs.size, 0)
})

t.test('what was found holds for the module that it was found in', async t => {
  const files = await fixtureBundle('inputs')
  const manifest = JSON.parse(Buffer.from(files.get('.manifest') ?? '').toString()) as {
    metadata: { lockkeeper: { module: string; inputs: Record<string, unknown> } }
  }
  const read = async (change: (found: typeof manifest.metadata.lockkeeper) => void) => {
    const changed = structuredClone(manifest)
    change(changed.metadata.lockkeeper)
    return parseBundle(await fixtureBundle('inputs', { '.manifest': JSON.stringify(changed) }), {
      allowUnsigned: true,
    }).inputs
  }
  t.equal((await read(() => undefined)).size, inputs.size)
  t.equal((await read(found => (found.module = `sha256:${'0'.repeat(64)}`))).size, 0)
  for (const wrong of ['/review', [1], ['review'], [{ path: '/review', without: [1] }], [{ path: '/review' }]]) {
    await t.rejects(
      read(found => (found.inputs['lockkeeper/late/deny'] = wrong)),
      {
        code: 'BUNDLE_INVALID',
        message: /\.manifest\.metadata\.lockkeeper\.inputs\.lockkeeper\/late\/deny: must be a list of paths/,
      },
      JSON.stringify(wrong),
    )
  }
})

t.test('a policy depends on what any of its rules reads, each part once and without its parameters', t => {
  const joined = (...lists: InputPath[][]) =>
    joinPaths(new Map(lists.map((list, index) => [`${index}`, list])), [...lists.keys()].map(String))?.map(pathKey)
  t.strictSame(joined([path('/now'), path('/parameters/level'), path('/parameters')], [path('/namespace/labels')]), [
    '/namespace/labels',
    '/now',
  ])
  t.strictSame(joined([path('/review/object')], [path('/review/object/spec'), path('/review/objects')]), [
    '/review/object',
    '/review/objects',
  ])
  const rest = path('/review/object', ['metadata', 'a/b'])
  t.strictSame(joined([rest, path('/review/object/spec'), path('/review/object/metadata/name')]), [
    pathKey(rest),
    '/review/object/metadata/name',
  ])
  t.strictSame(joined([rest, path('/review/object/a~1b')]), [pathKey(rest), '/review/object/a~1b'])
  t.strictSame(joined([rest], [path('/review/object', ['metadata'])]), ['/review/object ["metadata"]'])
  t.strictSame(joined([rest], [path('/review/object')]), ['/review/object'])
  t.equal(joinPaths(new Map([['a', []]]), ['a', 'b']), null, 'of one rule nothing is known')
  t.end()
})

const input = parseJson(
  '{"review":{"object":{"metadata":{"name":"web","a/b":null},"spec":{"list":[{"x":1}],"n":12345678901234567890}}},"violations":[]}',
) as JsonObject

const parts: Record<string, readonly [InputPath, string]> = {
  'a text': [path('/review/object/metadata/name'), '"web"'],
  null: [path('/review/object/metadata/a~1b'), 'null'],
  'a number with its text': [path('/review/object/spec/n'), '12345678901234567890'],
  'an object without a member': [
    path('/review/object', ['metadata']),
    '{"spec":{"list":[{"x":1}],"n":12345678901234567890}}',
  ],
  'a missing member': [path('/review/object/metadata/labels'), '!3 object'],
  'a missing member on the way': [path('/review/oldObject/metadata/labels'), '!1 object'],
  'a member of a text': [path('/review/object/metadata/name/first'), '!4 string'],
  'a member of null': [path('/review/object/metadata/a~1b/c'), '!4 null'],
  'a member of a list': [path('/review/object/spec/list/length'), '!4 array'],
  'a member of a number': [path('/review/object/spec/n/text'), '!4 number'],
  'what only the prototype has': [path('/review/object/toString'), '!2 object'],
}

t.test('a part is known by its text', t => {
  const found = createInputParts(input, new WeakMap())
  for (const [name, [at, wanted]] of Object.entries(parts)) t.equal(found.textOf(preparePath(at)), wanted, name)
  const long = createInputParts({ a: 'x'.repeat(100), b: 'x'.repeat(100), c: 'x'.repeat(101) }, new WeakMap())
  const textOf = (pointer: string) => long.textOf(preparePath(path(pointer)))
  t.match(textOf('/a'), /^#[A-Za-z0-9+/]{43}=$/)
  t.equal(textOf('/a'), textOf('/b'))
  t.not(textOf('/a'), textOf('/c'))
  t.end()
})

t.test('a member that changes changes its parts only', t => {
  const before = createInputParts(input, new WeakMap())
  const at = ['/violations', '/violations/0', '/review/object/metadata/name'].map(each => preparePath(path(each)))
  t.strictSame(at.map(before.textOf), ['[]', '!1 array', '"web"'])
  const isViolations = ({ segments }: { readonly segments: readonly string[] }) => segments[0] === 'violations'
  const after = before.changed({ ...input, violations: [{ policy: 'a' }] }, isViolations)
  t.strictSame(at.map(after.textOf), ['[{"policy":"a"}]', '!1 array', '"web"'])
  t.strictSame(
    before.changed({ ...input, violations: { '0': 1 } }, isViolations).textOf(preparePath(path('/violations/0'))),
    '1',
  )
  t.strictSame(at.map(before.textOf), ['[]', '!1 array', '"web"'])
  t.end()
})

t.test('a path sees a change of what it names, and of what is in or around that', t => {
  const object = path('/review/object', ['metadata'])
  const cases: readonly (readonly [InputPath, string, boolean])[] = [
    [path('/review/object/spec'), '/review/object/spec', true],
    [path('/review/object/spec'), '/review/object/spec/containers/0', true],
    [path('/review/object/spec/containers'), '/review/object/spec', true],
    [path('/review/object/spec'), '/review/object/specs', false],
    [path('/review/object/specs'), '/review/object/spec', false],
    [path('/review/oldObject'), '/review/object/spec', false],
    [object, '/review/object/spec/replicas', true],
    [object, '/review/object/metadata/labels', false],
    [object, '/review/object/metadata', false],
    [object, '/review/object', true],
    [object, '/review', true],
  ]
  for (const [read, changed, wanted] of cases) t.equal(overlaps(read, changed), wanted, `${pathKey(read)}, ${changed}`)
  t.end()
})
