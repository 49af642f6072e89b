import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { parseJson, stringifyJson, type Json, type JsonObject } from '../../src/json.js'
import { createPolicyHost } from '../../src/policy/host.js'
import { compileModule } from '../../src/gate.js'
import { buildRequest } from '../../src/request.js'
import type { AdmissionRequest } from '../../src/admission.js'
import { contextOf } from '../helpers/requests.js'
import { CLI, filesBelow, policyIds, ROOT } from '../helpers/repository.js'
import { realisticRequest } from './realistic-pod.js'

const { values } = parseArgs({
  options: {
    corpus: { type: 'string' },
    opa: { type: 'string' },
    reviews: { type: 'string', default: '200000' },
    out: { type: 'string', default: join(ROOT, 'test/bench/results.json') },
  },
})
const ROUNDS = 5
const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)
const context = contextOf()

/** CPU time (user and system) of one call in µs: the mean over as many calls as fill about 400 ms. */
async function cpuMicros(call: () => Promise<unknown> | undefined): Promise<number> {
  let calls = 0
  const started = process.cpuUsage()
  const until = performance.now() + 400
  while (performance.now() < until) {
    for (let i = 0; i < 20; i += 1) await call()
    calls += 20
  }
  const { user, system } = process.cpuUsage(started)
  return (user + system) / calls
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
const rounded = (value: number): number => Math.round(value * 100) / 100

function corpusRequests(directory: string): AdmissionRequest[] {
  const files = readdirSync(directory).filter(name => /^(train|validation)\.jsonl\.gz$/.test(name))
  const lines = files.flatMap(name =>
    gunzipSync(readFileSync(join(directory, name)))
      .toString()
      .trim()
      .split('\n'),
  )
  return lines.map(line => {
    const { manifest } = parseJson(line) as { manifest: Json }
    const { userInfo } = bundle.config.prediction
    return buildRequest({ object: manifest as JsonObject, base: null, userInfo, namespace: 'default' })
  })
}

/** `opa bench` on the same policies and input: wall ns of one evaluation, which is less than its CPU time. */
function nativeMicros(opa: string, directory: string): number {
  const query = `x := [${bundle.entrypoints.map(each => `data.${each.replaceAll('/', '.')}`).join(', ')}]`
  const sources = [...filesBelow('policies/lib', '.rego'), ...policyIds().map(id => `policies/${id}/policy.rego`)]
  const data = [...sources.filter(each => !each.endsWith('_test.rego')), 'policies/data/workloads.json'].flatMap(
    each => ['-d', each],
  )
  const args = [
    'bench',
    '--v1-compatible',
    '--format',
    'json',
    '--count',
    '1',
    '-i',
    join(directory, 'input.json'),
    ...data,
    query,
  ]
  const printed = execFileSync(opa, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 })
  const result = JSON.parse(printed) as { N: number; T: number } | { N: number; T: number }[]
  const { N, T } = Array.isArray(result) ? (result[0] ?? { N: 1, T: 0 }) : result
  return T / N / 1_000
}

async function engine(): Promise<JsonObject> {
  const request = realisticRequest()
  const host = createPolicyHost({ module: compileModule(bundle.wasm), data: bundle.data, parameters: [] })
  const input = new TextEncoder().encode(stringifyJson({ review: request, parameters: {} } as unknown as Json))
  const parse = (): undefined => {
    host.begin(input)
    host.end()
  }
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-bench-'))
  try {
    const full = {
      review: request,
      parameters: {},
      risk: null,
      provenance: context.provenance,
      related: null,
      violations: [],
      now: context.now,
    }
    writeFileSync(join(directory, 'input.json'), stringifyJson(full as unknown as Json))
    await cpuMicros(() => gate.review(request, context))
    const rounds: { review: number; floor: number; native: number | null }[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      rounds.push({
        floor: await cpuMicros(parse),
        review: await cpuMicros(() => gate.review(request, context)),
        native: values.opa === undefined ? null : nativeMicros(values.opa, directory),
      })
    }
    const review = median(rounds.map(each => each.review))
    const floor = median(rounds.map(each => each.floor))
    const native = values.opa === undefined ? null : median(rounds.map(each => each.native ?? 0))
    return {
      podBytes: stringifyJson(request.object).length,
      policies: bundle.cards.length,
      reviewMicros: rounded(review),
      parseFloorMicros: rounded(floor),
      reviewToFloor: rounded(median(rounds.map(each => each.review / each.floor))),
      opaBenchMicros: native === null ? null : rounded(native),
      reviewToOpaBench:
        native === null ? null : rounded(median(rounds.map(each => each.review / (each.native ?? NaN)))),
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function corpusMix(directory: string): Promise<JsonObject> {
  const requests = corpusRequests(directory)
  const started = process.cpuUsage()
  let denied = 0
  let warned = 0
  for (const request of requests) {
    const { action } = await gate.review(request, contextOf({ namespace: 'unknown' }))
    if (action === 'deny') denied += 1
    if (action === 'warn') warned += 1
  }
  const { user, system } = process.cpuUsage(started)
  return { objects: requests.length, denied, warned, reviewMicros: rounded((user + system) / requests.length) }
}

async function memory(reviews: number): Promise<JsonObject> {
  const request = realisticRequest()
  const sizes: number[] = []
  const warmUp = Math.min(20_000, Math.floor(reviews / 10))
  for (let done = 1; done <= reviews + warmUp; done += 1) {
    // Alternating sizes: a heap that is not reset would show here.
    await gate.review(done % 2 === 0 ? request : { ...request, object: { ...request.object, spec: {} } }, context)
    if (done === warmUp || (done > warmUp && (done - warmUp) % Math.ceil(reviews / 10) === 0))
      sizes.push(process.memoryUsage().rss / 2 ** 20)
  }
  const [before = 0] = sizes
  const after = sizes.at(-1) ?? 0
  return {
    reviews,
    rssMebibytes: sizes.map(rounded),
    rssGrowthPercent: rounded(((after - before) / before) * 100),
    wasmMebibytes: rounded(gate.memoryBytes / 2 ** 20),
  }
}

function scanSpeed(directory: string): JsonObject {
  const files = readdirSync(directory)
    .filter(name => /^(train|validation)\.jsonl\.gz$/.test(name))
    .map(name => join(directory, name))
  const script = `const {spawnSync}=require('child_process');const r=spawnSync(process.execPath,JSON.parse(process.argv[1]),{stdio:['ignore','ignore','inherit']});`
  const started = performance.now()
  const args = [CLI, 'scan', '--format', 'json', ...files]
  const printed = spawnSync(
    process.execPath,
    [
      '-e',
      `${script}console.log(JSON.stringify({status:r.status,usage:process.resourceUsage()}))`,
      JSON.stringify(args),
    ],
    {
      encoding: 'utf8',
    },
  )
  const seconds = (performance.now() - started) / 1_000
  return { files: files.length, wallSeconds: rounded(seconds), exit: printed.stdout.trim().slice(0, 40) }
}

const results: JsonObject = {
  machine: { cores: availableParallelism(), model: cpus()[0]?.model ?? '', node: process.version },
  bundle: { ...bundle.reference },
  engine: await engine(),
  ...(values.corpus === undefined ? {} : { corpus: await corpusMix(values.corpus), scan: scanSpeed(values.corpus) }),
  memory: await memory(Number(values.reviews)),
}
console.log(JSON.stringify(results, null, 2))
writeFileSync(values.out, `${JSON.stringify(results, null, 2)}\n`)
