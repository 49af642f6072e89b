import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { evaluate } from '../../../model/evaluate.js'
import { figuresOf, targetOf, thresholdAt, upperBound, type ScoredRecord } from '../../../model/metrics.js'

t.setTimeout(240_000)

type Told = readonly [
  label: string,
  score: number,
  more?: Partial<ScoredRecord> & { severity?: string; family?: string },
]

function records(told: readonly Told[]): ScoredRecord[] {
  return told.map(([label, score, { severity, family, ...more } = {}], index) => ({
    id: `r-${index}`,
    source: 'shop',
    truth: { label, severity: severity ?? (label === 'benign' ? null : 'high'), family: family ?? null },
    score,
    anomaly: null,
    band: 'low',
    group: 'pod',
    ...more,
  }))
}

const round = (value: number | null | undefined): number => Math.round((value ?? NaN) * 1e4) / 1e4

t.test('what a model has to find', t => {
  const cases: Record<string, [label: string, severity: string | null, target: boolean | null]> = {
    'an attack': ['hostile', 'high', true],
    'a severe weakness': ['insecure', 'high', true],
    'a weakness': ['insecure', 'medium', null],
    'what a tool refuses': ['fail-fixture', 'high', true],
    'what a tool refuses for its hygiene': ['fail-fixture', 'low', null],
    'what a tool accepts': ['pass-fixture', 'high', false],
    'real manifests': ['benign', null, false],
    'anything else': ['', null, null],
  }
  for (const [name, [label, severity, target]] of Object.entries(cases)) {
    t.equal(targetOf({ label, severity, family: null }), target, name)
  }
  t.end()
})

t.test('a threshold lets through as many as the rate says', t => {
  const hundred = Array.from({ length: 100 }, (_, index) => index)
  t.equal(thresholdAt(hundred, 0.01), 98, 'one of 100 is above')
  t.equal(thresholdAt(hundred, 0.001), 99, 'none is above')
  t.equal(thresholdAt([5], 1), 5)
  t.equal(thresholdAt([], 0.01), -Infinity)
  t.end()
})

t.test('bounds of a share are those of Clopper and Pearson', t => {
  // 1 - 0.1^(1/n) without a hit; the others by the beta distribution: ppf(0.9, hits + 1, trials - hits).
  const cases: readonly (readonly [hits: number, trials: number, bound: number])[] = [
    [0, 100, 0.0228],
    [1, 100, 0.0383],
    [5, 50, 0.1776],
    [1000, 20_000, 0.052],
    [3, 3, 1],
  ]
  for (const [hits, trials, bound] of cases) t.equal(round(upperBound(hits, trials)), bound, `${hits} of ${trials}`)
  t.end()
})

t.test('figures of a hundred benign records and some others', t => {
  const benign: Told[] = Array.from({ length: 100 }, (_, index) => [
    'benign',
    index / 200,
    {
      source: `s${index % 4}`,
      group: index < 60 ? 'role' : 'pod',
      band: index === 99 ? 'high' : index > 95 ? 'elevated' : 'low',
      ...(index < 10 ? { family: 'routine-label' } : {}),
    },
  ])
  const all = records([
    ...benign,
    ['hostile', 0.9, { family: 'miner', source: 'authored', band: 'high' }],
    ['hostile', 0.495, { family: 'miner', source: 'authored', band: 'elevated' }],
    // Just the threshold of 1 %, and so not found.
    ['fail-fixture', 0.49, { source: 'tool' }],
    ['insecure', 0.2, { severity: 'medium', band: 'high' }],
    ['pass-fixture', 0.1],
  ])
  const figures = figuresOf(all)
  const { recalls, calibrationError, ...rest } = figures
  const positive = { warned: 0, denied: 0 }
  t.strictSame(
    JSON.parse(JSON.stringify(rest, (_key, value: unknown) => (typeof value === 'number' ? round(value) : value))),
    {
      records: 105,
      positives: 3,
      benign: 100,
      leftOut: 1,
      falsePositives: { benign: 100, warned: 0.04, warnedUpper: 0.0783, denied: 0.01, deniedUpper: 0.0383 },
      groups: {
        'smaller groups': { benign: 100, warned: 0.04, warnedUpper: 0.0783, denied: 0.01, deniedUpper: 0.0383 },
      },
      families: { miner: { count: 2, at: [1, 0.5], warned: 1, denied: 0.5 } },
      sources: {
        authored: { count: 2, at: [1, 0.5], warned: 1, denied: 0.5 },
        tool: { count: 1, at: [0, 0], ...positive },
      },
      routine: { 'routine-label': { benign: 10, warned: 0, warnedUpper: 0.2057, denied: 0, deniedUpper: 0.2057 } },
    },
  )
  t.strictSame(
    recalls.map(({ falsePositiveRate, recall, benignAbove }) => [falsePositiveRate, round(recall), benignAbove]),
    [
      [0.01, 0.6667, 1],
      [0.001, 0.3333, 0],
    ],
  )
  for (const { low, high, recall } of recalls) {
    t.ok(low !== null && high !== null && low <= recall && recall <= high && low < high, `${low} to ${high}`)
  }
  t.strictSame(figuresOf(all), figures, 'the same each time')
  t.ok((calibrationError ?? 0) > 0.2)
  t.end()
})

t.test('each group with enough benign records stands for itself', t => {
  const told = (group: string, count: number): Told[] => Array.from({ length: count }, () => ['benign', 0.1, { group }])
  const { groups } = figuresOf(records([...told('role', 100), ...told('pod', 99), ...told('job', 3)]))
  t.strictSame(
    Object.entries(groups).map(([name, { benign }]) => [name, benign]),
    [
      ['role', 100],
      ['smaller groups', 102],
    ],
  )
  t.end()
})

t.test('the calibration error weighs how far each bin is off', t => {
  const error = (...told: Told[]): number => round(figuresOf(records(told)).calibrationError)
  t.equal(error(['benign', 0.1], ['hostile', 0.9]), 0.1)
  t.equal(error(['benign', 0.5], ['hostile', 0.5]), 0, 'one of two in one bin')
  t.equal(error(['benign', 0.5], ['benign', 0.5]), 0.5)
  t.equal(error(['hostile', 1], ['benign', 0], ['insecure', 0.5, { severity: 'medium' }]), 0, 'others do not count')
  t.equal(
    error(['benign', 0.02], ['hostile', 0.98], ['benign', 0.02], ['hostile', 0.5]),
    round((0.04 + 0.02 + 0.5) / 4),
  )
  t.equal(figuresOf([]).calibrationError, null)
  t.strictSame(figuresOf(records([['benign', 0.5]])).recalls, [])
  t.end()
})

t.test('records of one source are drawn together', t => {
  // In one of two groups all is found, in the other nothing; so a draw finds none, half or all.
  const told = (of: (group: string) => { source: string; family?: string }): Told[] => [
    ...Array.from({ length: 10 }, (): Told => ['hostile', 0.9, of('a')]),
    ...Array.from({ length: 10 }, (): Told => ['hostile', 0.1, of('b')]),
    ...Array.from({ length: 50 }, (): Told => ['benign', 0.2, of('a')]),
    ...Array.from({ length: 50 }, (): Told => ['benign', 0.2, of('b')]),
  ]
  const drawn = (low: number, high: number) =>
    [0.01, 0.001].map(falsePositiveRate => ({ falsePositiveRate, recall: 0.5, low, high, benignAbove: 0 }))
  const cases: Record<string, [of: (group: string) => { source: string; family?: string }, low: number, high: number]> =
    {
      'two repositories': [source => ({ source }), 0, 1],
      'two families that were written for the corpus': [family => ({ source: 'authored', family }), 0, 1],
      'two families of one repository': [family => ({ source: 'shop', family }), 0.5, 0.5],
    }
  for (const [name, [of, low, high]] of Object.entries(cases)) {
    t.strictSame(figuresOf(records(told(of))).recalls, drawn(low, high), name)
  }
  t.end()
})

// --- The whole of it ---

const pod = (name: string, spec: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'a', image: 'nginx' }], ...spec },
})

t.test('a corpus is scored by several threads as by one', async t => {
  const directory = t.testdir()
  const write = (name: string, lines: readonly unknown[]): string => {
    const path = join(directory, name)
    writeFileSync(path, gzipSync(lines.map(each => `${JSON.stringify(each)}\n`).join('')))
    return path
  }
  const files = {
    manifests: write('manifests.jsonl.gz', [
      ...Array.from({ length: 30 }, (_, index) => ({
        ...{
          id: `m-${index}`,
          source_repo: 'shop',
          path: `${index}.yaml`,
          label: 'benign',
          manifest: pod(`p${index}`),
        },
      })),
      {
        ...{ id: 'm-30', source_repo: 'authored', path: 'x', label: 'hostile', severity: 'high', family: 'escape' },
        manifest: pod('x', { hostPID: true, hostIPC: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
      },
    ]),
    changes: write('changes.jsonl.gz', [
      { id: 'c-0', source_repo: 'shop', path: 'x', label: 'benign', old: pod('x'), new: pod('x', { hostPID: true }) },
      { id: 'c-1', source_repo: 'new', path: 'x', label: 'benign', old: pod('x'), new: pod('x', { hostPID: true }) },
    ]),
  }
  const scorer = new URL('../../helpers/prior-scorer.js', import.meta.url)
  const scores = join(directory, 'scores.jsonl')
  const three = await evaluate({ files, scorer, threads: 3, scores })
  const lines = readFileSync(scores, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  t.strictSame(
    lines.map(({ id }) => id),
    [...Array.from({ length: 31 }, (_, index) => `m-${index}`), 'c-0', 'c-1'],
  )
  t.strictSame(Object.keys(lines[0] ?? {}), ['id', 'score', 'anomaly', 'band'])
  const [known, unknown] = lines.slice(-2).map(({ anomaly }) => Number(anomaly))
  t.ok((known ?? 0) > 0.3, `${known} where hostPID is unusual`)
  t.equal(unknown, 0, 'where nothing is known')
  t.equal(lines[30]?.anomaly, null)
  t.equal(three.manifests.recalls[0]?.recall, 1)
  t.strictSame([three.manifests.records, three.changes.records], [31, 2])
  t.strictSame(await evaluate({ files, scorer, threads: 1 }), three)
  await t.rejects(evaluate({ files: { ...files, changes: join(directory, 'none.jsonl') }, scorer, threads: 2 }), {
    code: 'FILE_UNREADABLE',
  })
  await t.rejects(evaluate({ files, scorer, threads: 1, scores: join(directory, 'no', 'such') }), {
    code: 'FILE_UNWRITABLE',
  })
  const broken = join(directory, 'broken.mjs')
  writeFileSync(
    broken,
    `const scored = { score: NaN, anomaly: null, band: 'low', group: 'a' }
     export const createScorer = () => ({ scoreObject: () => scored, scoreChange: () => scored })`,
  )
  await t.rejects(evaluate({ files, scorer: new URL(`file://${broken}`), threads: 2 }), {
    code: 'INTERNAL',
    message: /manifests\.jsonl\.gz:[12]: the score of m-[01] is not a number/,
  })
})
