import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { canonicalObject } from '../../../../src/canonical.js'
import type { CliEnvironment } from '../../../../src/cli/environment.js'
import { writeFeatures } from '../../../../src/cli/features.js'
import {
  CHANGE_FEATURES,
  changeFeatures,
  FEATURE_VERSION,
  OBJECT_FEATURES,
  objectFeatures,
} from '../../../../src/risk/features.js'

t.setTimeout(120_000)

const pod = (name: string, spec: Record<string, string | boolean>) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  spec: { ...spec, containers: [{ name: 'a', image: 'nginx' }] },
})
const [plain, hosted] = [pod('plain', {}), pod('hosted', { hostPID: true })]

interface Answer {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

async function run(paths: readonly string[], out: string, stdin: readonly string[] = []): Promise<Answer> {
  let [stdout, stderr] = ['', '']
  const environment: CliEnvironment = {
    stdin: Readable.from(stdin.map(each => Buffer.from(each))),
    stdout: { write: text => ((stdout += text), true), once: () => undefined },
    stderr: { write: text => ((stderr += text), true), once: () => undefined },
    env: {},
    now: new Date('2026-06-04T08:00:00Z'),
    signal: new AbortController().signal,
    createPool: () => Promise.reject(new Error('nothing is judged')),
  }
  const exitCode = await writeFeatures({ paths, out }, environment)
  return { exitCode, stdout, stderr }
}

/** The values of a matrix row by row, as another program would read them. */
function matrix(
  out: string,
  name: string,
): { readonly header: unknown; readonly values: number[][]; readonly rows: unknown[] } {
  const bytes = readFileSync(join(out, `${name}.f32`))
  const header = JSON.parse(readFileSync(join(out, `${name}.json`), 'utf8')) as {
    shape: [number, number]
    columns: unknown
  }
  const [rows, columns] = header.shape
  const values = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => bytes.readFloatLE((row * columns + column) * 4)),
  )
  const { columns: _columns, ...rest } = header
  const text = readFileSync(join(out, `${name}.rows.jsonl`), 'utf8')
  return {
    header: rest,
    values,
    rows: text
      .trimEnd()
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as unknown),
  }
}

function headerOf(name: string, out: string, shape: readonly [number, number]): unknown {
  const sha256 = createHash('sha256')
    .update(readFileSync(join(out, `${name}.f32`)))
    .digest('hex')
  return { featureVersion: FEATURE_VERSION, dtype: '<f4', shape, sha256 }
}

t.test('records become matrices of objects and of changes, row by row', async t => {
  const directory = t.testdir()
  const [path, out] = [join(directory, 'records.jsonl.gz'), join(directory, 'made', 'out')]
  const lines = [
    JSON.stringify({ id: 'one', label: 'hostile', manifest: hosted }),
    '{"broken": ',
    JSON.stringify({ id: 'two', old: plain, new: hosted }),
    JSON.stringify(plain),
    JSON.stringify({ id: 'three' }),
  ]
  writeFileSync(path, gzipSync(`${lines.join('\n')}\n`))
  t.strictSame(await run([path], out), {
    exitCode: 2,
    stdout: `2 objects and 1 changes written to ${out}\n`,
    stderr:
      `lockkeeper: ${path}:2: the text ends where JSON needs a value (MANIFEST_SYNTAX)\n` +
      `lockkeeper: ${path}:5: is neither an object nor a record with a manifest or with an old and a new object (MANIFEST_INVALID)\n`,
  })
  const canonical = [plain, hosted].map(each => canonicalObject(each)) as [typeof plain, typeof plain]
  const reference = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop' }
  t.strictSame(matrix(out, 'objects'), {
    header: headerOf('objects', out, [2, OBJECT_FEATURES.length]),
    values: [[...objectFeatures(canonical[1]).values], [...objectFeatures(canonical[0]).values]],
    rows: [
      { id: 'one', file: path, line: 1, ...reference, name: 'hosted' },
      { id: null, file: path, line: 4, ...reference, name: 'plain' },
    ],
  })
  t.strictSame(matrix(out, 'changes'), {
    header: headerOf('changes', out, [1, CHANGE_FEATURES.length]),
    values: [[...changeFeatures(canonical[0], canonical[1]).values]],
    rows: [{ id: 'two', file: path, line: 3, ...reference, name: 'hosted' }],
  })
  const { columns } = JSON.parse(readFileSync(join(out, 'changes.json'), 'utf8')) as { columns: unknown }
  t.strictSame(columns, CHANGE_FEATURES)
})

t.test('manifests of a directory and of stdin are objects', async t => {
  const directory = t.testdir({ 'pod.yaml': JSON.stringify(hosted) })
  const out = join(directory, 'out')
  t.strictSame(await run([join(directory, 'pod.yaml'), '-'], out, [JSON.stringify(plain)]), {
    exitCode: 0,
    stdout: `2 objects and 0 changes written to ${out}\n`,
    stderr: '',
  })
  const reference = { id: null, line: 1, apiVersion: 'v1', kind: 'Pod', namespace: 'shop' }
  t.strictSame(matrix(out, 'objects').rows, [
    { ...reference, file: join(directory, 'pod.yaml'), name: 'hosted' },
    { ...reference, file: 'stdin', name: 'plain' },
  ])
  t.strictSame(matrix(out, 'changes'), {
    header: headerOf('changes', out, [0, CHANGE_FEATURES.length]),
    values: [],
    rows: [],
  })
})

t.test('what is not whole has no header', async t => {
  const directory = t.testdir({ 'pod.json': JSON.stringify(plain), 'empty.yaml': '---\n' })
  const out = join(directory, 'out')
  await run([join(directory, 'pod.json')], out)
  t.ok(existsSync(join(out, 'objects.json')))
  await t.rejects(
    writeFeatures(
      { paths: [join(directory, 'pod.json')], out },
      {
        stdin: Readable.from([]),
        stdout: { write: () => true, once: () => undefined },
        stderr: { write: () => true, once: () => undefined },
        env: {},
        now: new Date(0),
        signal: AbortSignal.abort(new Error('interrupted')),
        createPool: () => Promise.reject(new Error('nothing is judged')),
      },
    ),
    { message: 'interrupted' },
  )
  t.notOk(existsSync(join(out, 'objects.json')))
  await t.rejects(run([join(directory, 'empty.yaml')], out), { code: 'MANIFEST_NONE' })
  await t.rejects(run([join(directory, 'pod.json')], join(directory, 'pod.json', 'x')), { code: 'FILE_UNWRITABLE' })
})

t.test('many rows leave nothing behind on the way', async t => {
  const directory = t.testdir({ 'pods.jsonl': `${JSON.stringify(hosted)}\n`.repeat(600) })
  const warnings: Error[] = []
  const keep = (warning: Error): unknown => warnings.push(warning)
  process.on('warning', keep)
  t.teardown(() => process.off('warning', keep))
  const { exitCode } = await run([join(directory, 'pods.jsonl')], join(directory, 'out'))
  t.equal(exitCode, 0)
  t.equal(matrix(join(directory, 'out'), 'objects').rows.length, 600)
  t.strictSame(warnings, [])
})
