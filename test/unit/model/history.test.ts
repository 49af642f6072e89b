import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { readCorpus, type CorpusRecord } from '../../../model/corpus.js'
import { CorpusHistory } from '../../../model/history.js'
import { writeMatrices } from '../../../model/matrices.js'
import { CHANGE_COLUMNS } from '../../../src/risk/change-input.js'
import { canonicalObject } from '../../../src/canonical.js'
import { isJsonObject, parseJson, type JsonObject } from '../../../src/json.js'
import { changeFeatures, FEATURE_VERSION, OBJECT_FEATURES, objectFeatures } from '../../../src/risk/features.js'
import { RarityBuilder, RaritySnapshot } from '../../../src/risk/rarity/snapshot.js'
import { RARITY_FEATURES, rarityFeatures } from '../../../src/risk/rarity/surprise.js'
import { tokenKey } from '../../../src/risk/rarity/tokens.js'

t.setTimeout(120_000)

const pod = (name: string, spec: Record<string, unknown> = {}): JsonObject => {
  const object = parseJson(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { containers: [{ name: 'a', image: 'nginx' }], ...spec },
    }),
  )
  if (!isJsonObject(object)) throw new Error('not an object')
  return canonicalObject(object)
}

interface Told {
  readonly source?: string
  readonly path: string
  readonly object: JsonObject
  readonly old?: JsonObject
  readonly committed?: number
}

const record = ({ source = 'shop', path, object, old, committed }: Told) => ({
  source,
  path,
  object,
  old: old ?? null,
  committed: committed ?? null,
})

const HOST_PID = { context: 'pod', item: 'hostPID' }
const HOST_IPC = { context: 'pod', item: 'hostIPC' }

t.test('what a change can know', t => {
  const history = new CorpusHistory()
  const told: Told[] = [
    { path: 'a.yaml', object: pod('a', { hostPID: true }) },
    { path: 'b.yaml', object: pod('b', { hostPID: true }) },
    { path: 'b.yaml', object: pod('b2', { hostIPC: true }) },
    { path: 'c.yaml', object: pod('c') },
    { source: 'elsewhere', path: 'd.yaml', object: pod('d', { hostPID: true }) },
    { path: 'c.yaml', old: pod('c'), object: pod('c', { hostIPC: true }), committed: 10 },
    { path: 'c.yaml', old: pod('c'), object: pod('c', { hostIPC: true, hostPID: true }), committed: 20 },
    // The same object as lies there today: it counts once.
    { path: 'a.yaml', old: pod('a'), object: pod('a', { hostPID: true }), committed: 15 },
    { path: 'e.yaml', old: pod('e'), object: pod('e', { hostPID: true }) },
  ]
  for (const each of told) history.add(record(each))
  const cases: Record<
    string,
    { readonly change: Told; readonly pid: number; readonly ipc: number; readonly pods: number }
  > = {
    'without a time: the other files of today': {
      change: { path: 'a.yaml', old: pod('a'), object: pod('a') },
      pid: 1,
      ipc: 1,
      // b, b2, c and its own old state.
      pods: 4,
    },
    'the old state counts': {
      change: { path: 'a.yaml', old: pod('a', { hostIPC: true }), object: pod('a') },
      pid: 1,
      ipc: 2,
      pods: 4,
    },
    'a file nobody has': { change: { path: 'z.yaml', old: pod('z'), object: pod('z') }, pid: 2, ipc: 1, pods: 5 },
    'with a time: what was before, the own file included': {
      change: { path: 'c.yaml', old: pod('c', { hostPID: true }), object: pod('c'), committed: 20 },
      // a and b; its own old state.
      pid: 3,
      // b2; its own change at 10.
      ipc: 2,
      pods: 4,
    },
    'nothing of the same second': {
      change: { path: 'z.yaml', old: pod('z'), object: pod('z'), committed: 10 },
      pid: 2,
      ipc: 1,
      pods: 5,
    },
    'another repository': {
      change: { source: 'elsewhere', path: 'z.yaml', old: pod('z'), object: pod('z') },
      pid: 1,
      ipc: 0,
      pods: 2,
    },
    'a repository nobody knows': {
      change: { source: 'new', path: 'z.yaml', old: pod('z', { hostPID: true }), object: pod('z') },
      pid: 1,
      ipc: 0,
      pods: 1,
    },
  }
  for (const [name, { change, pid, ipc, pods }] of Object.entries(cases)) {
    const counts = history.before(record(change))
    const is = [tokenKey(HOST_PID), tokenKey(HOST_IPC), 'pod'].map(key => Math.round(counts.count(key)))
    t.strictSame(is, [pid, ipc, pods], name)
  }
  const counts = history.before(record({ path: 'a.yaml', old: pod('a', { nodeName: 'n' }), object: pod('a') }))
  t.equal(Math.round(counts.distinct('pod')), 4, 'container, hostPID and hostIPC of the others, nodeName of its own')
  t.end()
})

t.test('a history counts as a snapshot of the same objects does', t => {
  const objects = Array.from({ length: 40 }, (_, index) =>
    pod(`p${index}`, {
      ...(index % 3 === 0 ? { hostPID: true } : {}),
      ...(index % 8 === 0 ? { priority: index } : {}),
    }),
  )
  const history = new CorpusHistory()
  const builder = new RarityBuilder({ asOf: 0, halfLifeDays: 90 }, 14)
  const old = pod('own')
  objects.forEach((object, index) => history.add(record({ path: `${index}.yaml`, object })))
  for (const object of [...objects, old]) builder.add(object)
  const now = pod('own', { hostPID: true, hostNetwork: true, priorityClassName: 'high' })
  const ofHistory = rarityFeatures(old, now, history.before(record({ path: 'own.yaml', old, object: now }))).values
  t.strictSame([...ofHistory], [...rarityFeatures(old, now, new RaritySnapshot(builder.finish())).values])
  t.ok((ofHistory[0] ?? 0) > 2, 'and something surprises')
  t.end()
})

t.test('a corpus becomes matrices with the rarity of each change', async t => {
  const directory = t.testdir()
  const path = (name: string): string => join(directory, name)
  const write = (name: string, records: readonly unknown[]): string => {
    writeFileSync(path(name), gzipSync(records.map(each => `${JSON.stringify(each)}\n`).join('')))
    return path(name)
  }
  const files = {
    manifests: write(
      'manifests.jsonl.gz',
      Array.from({ length: 30 }, (_, index) => ({
        ...{ id: `m-${index}`, source_repo: 'shop', path: `${index}.yaml`, label: 'benign' },
        manifest: pod(`p${index}`),
      })),
    ),
    changes: write('changes.jsonl.gz', [
      { id: 'c-0', source_repo: 'shop', path: 'x', old: pod('x'), new: pod('x', { hostPID: true }), label: 'hostile' },
      { id: 'c-1', source_repo: 'other', path: 'x', old: pod('x'), new: pod('x', { hostPID: true }), committed: 5 },
    ]),
  }
  t.strictSame(await writeMatrices(files, path('out')), { objects: 30, changes: 2 })
  const header = (name: string) =>
    JSON.parse(readFileSync(join(path('out'), `${name}.json`), 'utf8')) as Record<string, unknown>
  t.strictSame(header('changes').columns, CHANGE_COLUMNS)
  t.strictSame(header('objects').columns, OBJECT_FEATURES)
  t.strictSame(
    [header('changes').shape, header('changes').featureVersion],
    [[2, CHANGE_COLUMNS.length], FEATURE_VERSION],
  )
  const rowsOf = (name: string, columns: number): number[][] => {
    const bytes = readFileSync(join(path('out'), `${name}.f32`))
    return Array.from({ length: bytes.length / 4 / columns }, (_, row) =>
      Array.from({ length: columns }, (_each, column) => bytes.readFloatLE((row * columns + column) * 4)),
    )
  }
  t.strictSame(rowsOf('objects', OBJECT_FEATURES.length)[0], [...objectFeatures(pod('p0')).values])
  const [known, unknown] = rowsOf('changes', CHANGE_COLUMNS.length)
  const features = [...changeFeatures(pod('x'), pod('x', { hostPID: true })).values]
  t.strictSame(unknown, [...features, ...RARITY_FEATURES.map(() => 0)])
  t.strictSame(known?.slice(0, features.length), features)
  const history = new CorpusHistory()
  for await (const each of readCorpus(files.manifests)) history.add(each)
  let change: CorpusRecord | undefined
  for await (const each of readCorpus(files.changes)) change ??= each
  if (change === undefined) throw new Error('no change')
  t.strictSame(known?.slice(features.length), [
    ...rarityFeatures(change.old, change.object, history.before(change)).values,
  ])
  t.ok((known?.[features.length] ?? 0) > 2)
  t.strictSame(change.truth, { label: 'hostile', severity: null, family: null })
})

t.test('a corpus with a broken line is refused', async t => {
  const directory = t.testdir()
  const file = join(directory, 'a.jsonl')
  const cases = {
    'no JSON': { line: '{"id": ', code: 'MANIFEST_SYNTAX', says: `${file}:1: the text ends where JSON needs a value` },
    'no record': { line: '[]', code: 'MANIFEST_INVALID', says: `${file}:1: is not a record` },
    'no id': { line: '{"source_repo": "a"}', code: 'MANIFEST_INVALID', says: `${file}:1: has no id or no source_repo` },
    'nothing to judge': {
      line: '{"id": "a", "source_repo": "a", "old": {}}',
      code: 'MANIFEST_INVALID',
      says: `${file}:1: has neither a manifest nor an old and a new object`,
    },
  }
  for (const [name, { line, code, says }] of Object.entries(cases)) {
    writeFileSync(file, `${line}\n`)
    const read = async (): Promise<void> => {
      for await (const _record of readCorpus(file)) t.fail(name)
    }
    await t.rejects(read(), { code, message: says }, name)
  }
})
