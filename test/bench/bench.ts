import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import type { SetDecision } from '../../src/decision-types.js'
import { compileModule, createGate, GateError, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { createPool } from '../../src/io/pool.js'
import { isJsonObject, parseJson, stringifyJson, type Json, type JsonObject } from '../../src/json.js'
import { entrypointOf } from '../../src/policy/bundle.js'
import { createPolicyHost } from '../../src/policy/host.js'
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

interface Native {
  /** The query `data.lockkeeper`: everything the library defines, as one asks a running OPA for it. */
  readonly wholePackage: number
  /** All rules of all policies in one query, which share what they compute; none has parameters of its own. */
  readonly oneQuery: number
  /** One query for each policy, as policies with parameters of their own need it; the sum. */
  readonly queryPerPolicy: number
}

/** `opa bench` on the same policies and input: wall µs of evaluations, which is less than their CPU time. */
function nativeMicros(opa: string, directory: string): Native {
  const sources = [...filesBelow('policies/lib', '.rego'), ...policyIds().map(id => `policies/${id}/policy.rego`)]
  const tables = filesBelow('policies/data', '.json').filter(each => !each.endsWith('/defaults.json'))
  const data = [...sources.filter(each => !each.endsWith('_test.rego')), ...tables]
  const files = data.flatMap(each => ['-d', each])
  const listOf = (entrypoints: readonly string[]): string =>
    `x := [${entrypoints.map(each => `data.${each.replaceAll('/', '.')}`).join(', ')}]`
  const bench = (query: string): number => {
    const options = ['--v1-compatible', '--format', 'json', '--count', '1', '-i', join(directory, 'input.json')]
    const printed = execFileSync(opa, ['bench', ...options, ...files, query], { cwd: ROOT, encoding: 'utf8' })
    const { N, T } = JSON.parse(printed) as { N: number; T: number }
    return T / N / 1_000
  }
  // Policies that do not match a Pod are not evaluated by us, so they are not counted against OPA either.
  const matching = bundle.cards.filter(card => card.match.workloads === true || card.match.kinds === undefined)
  const queries = matching.map(card => card.rules.map(rule => entrypointOf(card, rule)))
  return {
    wholePackage: bench('data.lockkeeper'),
    oneQuery: bench(listOf(queries.flat())),
    queryPerPolicy: queries.reduce((sum, query) => sum + bench(listOf(query)), 0),
  }
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
    // As the pool and the webhook call it: they have the request as JSON.
    const options = { requestText: stringifyJson(request as unknown as Json) }
    const review = () => gate.review(request, context, options)
    await cpuMicros(review)
    const rounds: { review: number; floor: number; native: Native | null }[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      rounds.push({
        floor: await cpuMicros(parse),
        review: await cpuMicros(review),
        native: values.opa === undefined ? null : nativeMicros(values.opa, directory),
      })
    }
    const ratio = (of: (native: Native) => number): number | null =>
      values.opa === undefined
        ? null
        : rounded(median(rounds.map(each => each.review / (each.native === null ? NaN : of(each.native)))))
    const native = (of: (native: Native) => number): number | null =>
      values.opa === undefined
        ? null
        : rounded(median(rounds.map(each => (each.native === null ? NaN : of(each.native)))))
    const each = (of: typeof native): JsonObject => ({
      queryPerPolicy: of(each => each.queryPerPolicy),
      wholePackage: of(each => each.wholePackage),
      oneQuery: of(each => each.oneQuery),
    })
    return {
      podBytes: stringifyJson(request.object).length,
      policies: bundle.cards.length,
      reviewMicros: rounded(median(rounds.map(each => each.review))),
      parseFloorMicros: rounded(median(rounds.map(each => each.floor))),
      reviewToFloor: rounded(median(rounds.map(each => each.review / each.floor))),
      opaBenchMicros: each(native),
      reviewToOpaBench: each(ratio),
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

/** The recorded changes have no names. */
function named(object: JsonObject): JsonObject {
  return { ...object, metadata: { name: 'object', ...(isJsonObject(object.metadata) ? object.metadata : {}) } }
}

/** Real and hostile changes, old to new: what the ratchet leaves. */
async function corpusChanges(directory: string): Promise<JsonObject> {
  const files = readdirSync(directory).filter(name => /^changes-.*\.jsonl\.gz$/.test(name))
  const summary = { changes: 0, refused: 0, unchanged: 0, allow: 0, warn: 0, deny: 0 }
  const started = process.cpuUsage()
  for (const name of files) {
    for (const line of gunzipSync(readFileSync(join(directory, name)))
      .toString()
      .trim()
      .split('\n')) {
      const { old, new: changed } = parseJson(line) as { old: JsonObject; new: JsonObject }
      summary.changes += 1
      try {
        const { userInfo } = bundle.config.prediction
        const request = buildRequest({ object: named(changed), base: named(old), userInfo, namespace: 'default' })
        const decision = await gate.review(request, contextOf({ namespace: 'unknown' }))
        summary[decision.action] += 1
        if (decision.unchanged) summary.unchanged += 1
      } catch (error) {
        if (!(error instanceof GateError)) throw error
        summary.refused += 1
      }
    }
  }
  const { user, system } = process.cpuUsage(started)
  return { ...summary, reviewMicros: rounded((user + system) / summary.changes) }
}

async function memory(reviews: number): Promise<JsonObject> {
  const request = realisticRequest()
  const sizes: number[] = []
  // V8 enlarges its young generation once, between the first 20,000 and 24,000 of these reviews.
  const warmUp = Math.floor(reviews / 5)
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

/** How long after a policy's deadline its request is answered, by a thread that took over. */
async function takeover(): Promise<JsonObject> {
  const policyTimeoutMs = 200
  const files = await loadBundleFiles(join(ROOT, 'test/fixtures/bundles/spinning/bundle'))
  const pool = await createPool({ files, allowUnsigned: true, workers: 1, policyTimeoutMs })
  // Not counted: the threads are started with the first request.
  await pool.review(realisticRequest(), context)
  const waits: number[] = []
  for (let round = 0; round < 10; round += 1) {
    const started = performance.now()
    await pool.review(realisticRequest(), context)
    waits.push(performance.now() - started - policyTimeoutMs)
  }
  await pool.close()
  return { rounds: waits.length, medianMs: rounded(median(waits)), maximumMs: rounded(Math.max(...waits)) }
}

/** The whole program on files: CPU seconds and peak memory of its process, as the system counts them. */
function scanSpeed(directory: string): JsonObject {
  const files = readdirSync(directory)
    .filter(name => name.endsWith('.jsonl.gz'))
    .map(name => join(directory, name))
  return Object.fromEntries(
    files.map(file => {
      const started = performance.now()
      const script =
        "process.on('exit',()=>{const{userCPUTime,systemCPUTime,maxRSS}=process.resourceUsage();" +
        "process.stderr.write('\\n'+JSON.stringify({cpu:(userCPUTime+systemCPUTime)/1e6,mib:maxRSS/1024}))})"
      const observer = `data:text/javascript,${encodeURIComponent(script)}`
      const args = ['--import', observer, CLI, 'scan', '--quiet', '--format', 'json', file]
      const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 30 })
      const { summary } = JSON.parse(stdout) as SetDecision
      const usage = JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}') as { cpu: number; mib: number }
      const wallSeconds = rounded((performance.now() - started) / 1_000)
      return [
        basename(file),
        { status, ...summary, wallSeconds, cpuSeconds: rounded(usage.cpu), peakMebibytes: rounded(usage.mib) },
      ]
    }),
  )
}

const results: JsonObject = {
  machine: { cores: availableParallelism(), model: cpus()[0]?.model ?? '', node: process.version },
  bundle: { ...bundle.reference },
  // First, while the process has not been anything larger yet.
  memory: await memory(Number(values.reviews)),
  engine: await engine(),
  ...(values.corpus === undefined
    ? {}
    : {
        corpus: await corpusMix(values.corpus),
        changes: await corpusChanges(values.corpus),
        scan: scanSpeed(values.corpus),
      }),
  takeover: await takeover(),
}
console.log(JSON.stringify(results, null, 2))
writeFileSync(values.out, `${JSON.stringify(results, null, 2)}\n`)
