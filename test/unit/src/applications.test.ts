import t from 'tap'
import { compareStates, type StateObject } from '../../../src/applications.js'
import { DEFAULT_CONFIG } from '../../../src/config.js'
import { readManifests } from '../../../src/manifest.js'
import { GateError } from '../../../src/errors.js'

/** A ConfigMap, or another object of the core group, in a file. */
function object(
  file: string,
  name: string,
  more: { value?: string; kind?: string; application?: string; namespace?: string } = {},
): StateObject {
  const { value = '1', kind = 'ConfigMap', application = '', namespace } = more
  const where = namespace === undefined ? '' : `, namespace: ${namespace}`
  const text = `apiVersion: v1\nkind: ${kind}\nmetadata: {${name === '' ? 'generateName: made-' : `name: ${name}`}${where}}\ndata: {value: '${value}'}\n`
  const [manifest] = [...readManifests(text, file)]
  if (manifest === undefined || manifest instanceof GateError) throw new Error('not a manifest')
  return { manifest, place: { file, line: 1 }, application, directory: file.replace(/\/?[^/]*$/, '') || '.' }
}

/** What each application asks for: the operation, the name, the value before and after, and the file. */
function compare(before: readonly StateObject[], after: readonly StateObject[], isGone = () => true) {
  const source = {
    bundle: { config: DEFAULT_CONFIG, namespaces: new Map() },
    userInfo: DEFAULT_CONFIG.prediction.userInfo,
    namespace: 'default',
    now: '2026-01-01T00:00:00Z',
    gate: 'cli' as const,
  }
  const value = (each: { readonly data?: unknown } | null) =>
    (each?.data as { value?: string } | undefined)?.value ?? null
  return compareStates({ before, after, isGone }, source).map(({ items, errors }) => {
    t.strictSame(errors, [])
    return items.map(({ request, place, context }) => {
      t.equal(context.base, 'known')
      t.not(request.oldObject?.metadata, null)
      const { operation, name = '', oldObject, object } = request
      return [operation, name, value(oldObject), value(object), `${place?.file ?? ''}:${place?.line ?? ''}`].join(' ')
    })
  })
}

const a = object('a.yaml', 'a')

const CASES: Record<string, readonly [readonly StateObject[], readonly StateObject[], readonly (readonly string[])[]]> =
  {
    'an object that stays, one that changes, one that comes and one that goes': [
      [a, object('b.yaml', 'b'), object('d.yaml', 'd')],
      [a, object('b.yaml', 'b', { value: '2' }), object('c.yaml', 'c')],
      [['UPDATE a 1 1 a.yaml:1', 'UPDATE b 1 2 b.yaml:1', 'CREATE c  1 c.yaml:1', 'DELETE d 1  d.yaml:']],
    ],
    'a file in another directory is the same object': [
      [object('old/a.yaml', 'a')],
      [object('new/b.yaml', 'a', { value: '2' })],
      [['UPDATE a 1 2 new/b.yaml:1']],
    ],
    'what a file held and a chart renders now is the same object': [
      [object('app/a.yaml', 'a')],
      [object('chart/Chart.yaml', 'a', { application: 'chart' })],
      [['UPDATE a 1 1 chart/Chart.yaml:1'], []],
    ],
    'a copy for another cluster is new': [
      [object('dev/a.yaml', 'a')],
      [object('dev/a.yaml', 'a'), object('prod/a.yaml', 'a')],
      [['UPDATE a 1 1 dev/a.yaml:1'], ['CREATE a  1 prod/a.yaml:1']],
    ],
    'each directory is compared with itself first': [
      [object('dev/a.yaml', 'a', { value: 'dev' }), object('prod/a.yaml', 'a', { value: 'prod' })],
      [object('prod/a.yaml', 'a', { value: 'new' })],
      [['UPDATE a prod new prod/a.yaml:1'], ['DELETE a dev  dev/a.yaml:']],
    ],
    'rendered directories are applications of their own': [
      [
        object('x/k.yaml', 'a', { application: 'x', value: 'x' }),
        object('y/k.yaml', 'a', { application: 'y', value: 'y' }),
      ],
      [object('x/k.yaml', 'a', { application: 'x' }), object('y/k.yaml', 'a', { application: 'y' })],
      [['UPDATE a x 1 x/k.yaml:1'], ['UPDATE a y 1 y/k.yaml:1']],
    ],
    'a namespace that is named is the one that is meant where none is named': [
      [a],
      [object('a.yaml', 'a', { namespace: 'default' })],
      [['UPDATE a 1 1 a.yaml:1']],
    ],
    'another namespace is another object': [
      [a],
      [object('a.yaml', 'a', { namespace: 'shop' })],
      [['CREATE a  1 a.yaml:1', 'DELETE a 1  a.yaml:']],
    ],
    'another kind is another object': [
      [a],
      [object('a.yaml', 'a', { kind: 'Secret' })],
      [['CREATE a  1 a.yaml:1', 'DELETE a 1  a.yaml:']],
    ],
    'a name that the server makes up is never one that is there': [
      [object('a.yaml', '')],
      [object('a.yaml', '')],
      [['CREATE   1 a.yaml:1']],
    ],
    'all is gone': [[a], [], [['DELETE a 1  a.yaml:']]],
  }

for (const [name, [before, after, expected]] of Object.entries(CASES)) {
  t.test(name, t => {
    t.strictSame(compare(before, after), expected)
    t.end()
  })
}

t.test('what could not be read is not gone', t => {
  t.strictSame(
    compare([a], [object('b.yaml', 'b')], () => false),
    [['CREATE b  1 b.yaml:1']],
  )
  t.end()
})
