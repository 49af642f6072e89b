import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { CLI, ROOT } from '../helpers/repository.js'

// The webhook as a process, asked as an API server asks: capacity, what it adds to an allow-all webhook, and memory.

const { values } = parseArgs({
  options: {
    reviews: { type: 'string', default: '20000' },
    memory: { type: 'string', default: '500000' },
    out: { type: 'string', default: join(ROOT, 'test/bench/webhook-results.json') },
  },
})

const CONNECTIONS = 8
/** Floor and webhook in turn; the middle one counts. */
const ROUNDS = 5
const FIXTURES = join(ROOT, 'test/fixtures/admission-reviews')
/** The recorded requests, as Go writes them. */
const recorded: readonly string[] = readdirSync(FIXTURES)
  .filter(each => each.endsWith('.json'))
  .map(each => JSON.parse(readFileSync(join(FIXTURES, each), 'utf8')) as { request: object })
  .map(({ request }) => {
    const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request }
    return `${JSON.stringify(review)}\n`
  })

interface Target {
  readonly process: ChildProcess
  readonly port: number
  readonly ca: string
}

async function start(
  args: readonly string[],
  read: (lines: AsyncIterator<string>) => Promise<Omit<Target, 'process'>>,
) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return { process: child, ...(await read(lines)) }
}

/** Node's options in the image: what is measured is what runs in a cluster. */
const nodeOptions = (
  /^ENTRYPOINT \["node", (.*), "dist/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1] ?? ''
)
  .split(', ')
  .map(each => JSON.parse(each) as string)

function startWebhook(workers: number): Promise<Target> {
  return start(
    [...nodeOptions, CLI, 'webhook', '--standalone', '--port', '0', '--workers', String(workers)],
    async lines => {
      const port = Number(new URL(String((await lines.next()).value)).port)
      const ca = readFileSync(String((await lines.next()).value).replace('CA file: ', ''), 'utf8')
      return { port, ca }
    },
  )
}

function startFloor(): Promise<Target> {
  return start([join(ROOT, 'build/test/bench/allow-all.js')], async lines => {
    return JSON.parse(String((await lines.next()).value)) as { port: number; ca: string }
  })
}

async function stop({ process: child }: Target): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

const uid = (): string =>
  'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () => Math.floor(Math.random() * 16).toString(16))

/** A recorded request under a uid of its own; every third is one that was not seen before. */
function review(index: number, isNew: boolean): string {
  const text = recorded[index % recorded.length] ?? ''
  const named = text.replace(/"uid":"[^"]*"/, `"uid":"${uid()}"`)
  return isNew && index % 3 === 0 ? named.replaceAll('"demo', `"demo-${index}`) : named
}

function ask(target: Target, agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const options = { host: '127.0.0.1', port: target.port, path: '/validate?timeout=30s', method: 'POST', headers }
    const outgoing = request({ ...options, ca: target.ca, agent }, response => {
      response.resume()
      response.once('end', () => {
        if (response.statusCode === 200) resolve()
        else reject(new Error(`HTTP ${response.statusCode ?? 0}`))
      })
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

/** User and system time of a process, in seconds. */
function cpuSeconds({ process: { pid = 0 } }: Target): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function rssMebibytes({ process: { pid = 0 } }: Target): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** So many reviews, as fast as they are answered. */
async function closedLoop(target: Target, count: number, isNew: boolean, each?: (done: number) => void): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  let next = 0
  let done = 0
  const connection = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      await ask(target, agent, review(index, isNew))
      done += 1
      each?.(done)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  agent.destroy()
}

/** At a rate, whatever the answers take. @returns milliseconds of each */
async function openLoop(target: Target, perSecond: number, seconds: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const times: number[] = []
  const running: Promise<void>[] = []
  const started = performance.now()
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const at = started + (index * 1000) / perSecond
    const wait = at - performance.now()
    if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
    running.push(ask(target, agent, review(index, true)).then(() => void times.push(performance.now() - at)))
  }
  await Promise.all(running)
  agent.destroy()
  return times.sort((a, b) => a - b)
}

const at = (sorted: readonly number[], share: number): number => rounded(sorted[Math.floor(sorted.length * share)] ?? 0)
const rounded = (value: number): number => Math.round(value * 100) / 100

/** @param workers one measures what a core can do; the webhook's own number, what the process can do */
async function capacity(workers: number, reviews: number, isNew: boolean) {
  const target = await startWebhook(workers)
  await closedLoop(target, Math.ceil(reviews / 5), isNew)
  const [cpu, wall] = [cpuSeconds(target), performance.now()]
  await closedLoop(target, reviews, isNew)
  const cpuPerReview = (cpuSeconds(target) - cpu) / reviews
  const perSecond = (reviews / (performance.now() - wall)) * 1000
  await stop(target)
  return {
    workers,
    reviews,
    cpuMillisPerReview: rounded(cpuPerReview * 1000),
    perCore: Math.round(1 / cpuPerReview),
    perSecond: Math.round(perSecond),
  }
}

/** What the webhook adds to the floor, at 60 % of the capacity that it just had with as many workers. */
async function latency({ workers, perSecond: most }: Awaited<ReturnType<typeof capacity>>) {
  const perSecond = Math.max(50, Math.round(most * 0.6))
  const rounds: { floor: readonly number[]; webhook: readonly number[] }[] = []
  const [floor, webhook] = [await startFloor(), await startWebhook(workers)]
  for (const each of [floor, webhook]) await closedLoop(each, 3_000, true)
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({ floor: await openLoop(floor, perSecond, 8), webhook: await openLoop(webhook, perSecond, 8) })
  }
  await Promise.all([stop(floor), stop(webhook)])
  const middle = (of: (round: (typeof rounds)[number]) => number): number =>
    rounded(rounds.map(of).sort((a, b) => a - b)[(ROUNDS - 1) / 2] ?? 0)
  return {
    workers,
    perSecond,
    floor: { p50: middle(each => at(each.floor, 0.5)), p99: middle(each => at(each.floor, 0.99)) },
    webhook: { p50: middle(each => at(each.webhook, 0.5)), p99: middle(each => at(each.webhook, 0.99)) },
    addedP50: middle(each => at(each.webhook, 0.5) - at(each.floor, 0.5)),
  }
}

async function memory(reviews: number) {
  const target = await startWebhook(availableParallelism())
  const sizes: number[] = []
  const every = Math.ceil(reviews / 20)
  await closedLoop(target, reviews, true, done => {
    if (done % every === 0) sizes.push(Math.round(rssMebibytes(target)))
  })
  const peak =
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${target.process.pid ?? 0}/status`, 'utf8'))?.[1]) / 1024
  await stop(target)
  const half = sizes.slice(sizes.length / 2)
  const mean = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0) / numbers.length
  const quarter = half.length / 2
  return {
    reviews,
    rssMebibytes: sizes,
    peakMebibytes: Math.round(peak),
    secondHalfGrowthPercent: rounded((mean(half.slice(quarter)) / mean(half.slice(0, quarter)) - 1) * 100),
  }
}

const reviews = Number(values.reviews)
/** As the webhook starts where it is not told otherwise. */
const WORKERS = availableParallelism()
const mixed = await capacity(1, reviews, true)
const shipped = await capacity(WORKERS, reviews, true)
const results = {
  machine: { cores: availableParallelism(), model: cpus()[0]?.model ?? '', node: process.version },
  capacity: { mixed, repeated: await capacity(1, reviews, false), shipped },
  latency: { shipped: await latency(shipped), oneWorker: await latency(mixed) },
  memory: await memory(Number(values.memory)),
}
console.log(JSON.stringify(results, null, 2))
writeFileSync(values.out, `${JSON.stringify(results, null, 2)}\n`)
