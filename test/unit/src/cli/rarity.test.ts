import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import type { CliEnvironment } from '../../../../src/cli/environment.js'
import { buildRarity, type RarityOptions } from '../../../../src/cli/rarity.js'
import { RaritySnapshot } from '../../../../src/risk/rarity/snapshot.js'

t.setTimeout(120_000)

const pod = (name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'a', image: 'nginx' }] },
  })

interface Answer {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

async function run(options: RarityOptions, stdin: readonly string[] = []): Promise<Answer> {
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
  return { exitCode: await buildRarity(options, environment), stdout, stderr }
}

t.test('the manifests of a directory and of stdin become a snapshot', async t => {
  const directory = t.testdir({ 'a.yaml': `${pod('one')}\n---\n${pod('two')}\n`, 'notes.json': '{"a": 1}' })
  const out = join(directory, 'rarity.bin')
  const { exitCode, stdout, stderr } = await run({ paths: [directory, '-'], out }, [pod('three')])
  const snapshot = new RaritySnapshot(readFileSync(out))
  t.strictSame(
    { exitCode, stdout, stderr },
    {
      exitCode: 0,
      stdout: `3 objects counted, rarity/${snapshot.digest} written to ${out} (3112 bytes)\n`,
      stderr: '',
    },
  )
  t.equal(snapshot.objects, 3)
  t.equal(snapshot.asOf, Date.parse('2026-06-04T08:00:00Z') / 1000)
  t.equal(Math.round(snapshot.count('pod\ncontainer')), 3)
  await run({ paths: [directory], out, now: new Date(5_000_000) })
  t.equal(new RaritySnapshot(readFileSync(out)).asOf, 5000, 'another time')
})

t.test('what cannot be read makes no snapshot', async t => {
  const directory = t.testdir({ 'a.yaml': pod('one'), 'b.yaml': 'kind: [', empty: {} })
  const out = join(directory, 'rarity.bin')
  const { exitCode, stdout, stderr } = await run({ paths: [directory, join(directory, 'none.yaml')], out })
  t.equal(exitCode, 2)
  t.equal(stdout, '')
  t.match(stderr, /none\.yaml[^\n]*FILE_UNREADABLE[\s\S]*b\.yaml:1[^\n]*MANIFEST_SYNTAX/)
  t.equal(existsSync(out), false)
  await t.rejects(run({ paths: [join(directory, 'empty')], out }), { code: 'MANIFEST_NONE' })
  await t.rejects(run({ paths: [join(directory, 'a.yaml')], out: join(directory, 'no', 'such') }), {
    code: 'FILE_UNWRITABLE',
  })
})
