import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { ROOT } from '../helpers/repository.js'
import { program } from '../helpers/testbed/programs.js'
import { microservices } from './microservices.js'

// What `lockkeeper generate` adds to the renderer that Argo CD would have run, in CPU time of all processes: started for
// each render, and as a client of a scorer that stays up. What is compared runs in turns.

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    'large-rounds': { type: 'string', default: '3' },
    // What is shipped: `npm run build` makes it, and `npm run bench:generate` runs that before.
    cli: { type: 'string', default: join(ROOT, 'dist/src/cli/main.js') },
    out: { type: 'string', default: join(ROOT, 'test/bench/generate-results.json') },
  },
})

const HERTZ = 100
const MILLIS_PER_TICK = 1000 / HERTZ
const work = mkdtempSync(join(tmpdir(), 'lockkeeper-bench-'))
const env = {
  PATH: [dirname(program('helm')), dirname(program('kustomize')), process.env.PATH ?? ''].join(':'),
  HOME: work,
  TMPDIR: work,
  ARGOCD_APP_NAME: 'shop',
  ARGOCD_APP_NAMESPACE: 'shop',
}
const config = join(work, 'generate.json')
const head = { apiVersion: 'lockkeeper.dev/v1alpha1', kind: 'GenerateConfiguration' }
writeFileSync(
  config,
  JSON.stringify({ ...head, workDirectory: work, limits: { slotsDirectory: join(work, 'slots'), maxRenderedMiB: 64 } }),
)

interface Run {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  /** A process that works for this run and goes on living. */
  readonly server?: number | undefined
}

/** User and system time of a process and of those it waited for, or of those alone. */
function cpuMillis(pid: number | 'self', isOfChildrenOnly: boolean): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const ticks = fields.slice(isOfChildrenOnly ? 13 : 11, 15).reduce((sum, each) => sum + Number(each), 0)
  return ticks * MILLIS_PER_TICK
}

/** @returns what a run costs, with everything that it starts */
function cpuOf({ command, args, cwd, server }: Run): number {
  const spent = () => cpuMillis('self', true) + (server === undefined ? 0 : cpuMillis(server, false))
  const before = spent()
  const { status, stderr } = spawnSync(command, args, { cwd, env, maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${String(status)} ${String(stderr)}`)
  return spent() - before
}

/** The most memory that a process had at once, without what it starts. */
async function peakMebibytes({ command, args, cwd }: Run): Promise<number> {
  const child = spawn(command, args, { cwd, env, stdio: 'ignore' })
  let peak = 0
  const timer = setInterval(() => {
    try {
      const found = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8'))
      if (found !== null) peak = Number(found[1]) / 1024
    } catch {
      // It has just ended.
    }
  }, 10)
  await once(child, 'exit')
  clearInterval(timer)
  return Math.round(peak)
}

/**
 * The least that each took, in CPU milliseconds: what else a machine does only ever adds. One round of all before the next,
 * so that it adds to all of them.
 *
 * @param repeats runs that are measured as one, because the kernel counts in hundredths of a second
 */
function inTurns<Name extends string>(runs: Record<Name, Run>, { rounds, repeats }: Rounds): Record<Name, number> {
  const names = Object.keys(runs) as Name[]
  const least = Object.fromEntries(names.map(name => [name, Infinity])) as Record<Name, number>
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      let sum = 0
      for (let repeat = 0; repeat < repeats; repeat++) sum += cpuOf(runs[name])
      least[name] = Math.min(least[name], Math.round(sum / repeats))
    }
  }
  return least
}

interface Rounds {
  readonly rounds: number
  readonly repeats: number
}

/** What a scorer has judged after its first hour, and all the days that follow. */
const WARM_OBJECTS = 1_500

/** An application of so many objects as a kustomization and as a chart. */
function writeSources(objects: number): Record<'kustomize' | 'helm', string> {
  const texts = microservices(objects).map(each => JSON.stringify(each, null, 2))
  const files = texts.map((_, index) => `object-${index}.yaml`)
  const [kustomize, helm] = [join(work, `kustomize-${objects}`), join(work, `helm-${objects}`)]
  mkdirSync(kustomize)
  mkdirSync(join(helm, 'templates'), { recursive: true })
  const kinds = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }
  writeFileSync(join(kustomize, 'kustomization.yaml'), JSON.stringify({ ...kinds, resources: files }))
  writeFileSync(join(helm, 'Chart.yaml'), JSON.stringify({ apiVersion: 'v2', name: 'shop', version: '1.0.0' }))
  for (const [index, file] of files.entries()) {
    writeFileSync(join(kustomize, file), texts[index] ?? '')
    writeFileSync(join(helm, 'templates', file), texts[index] ?? '')
  }
  return { kustomize, helm }
}

const RENDERERS = {
  kustomize: (cwd: string): Run => ({ command: program('kustomize'), args: ['build', '.'], cwd }),
  helm: (cwd: string): Run => ({
    command: program('helm'),
    args: ['template', '.', '--name-template', 'shop', '--namespace', 'shop', '--include-crds'],
    cwd,
  }),
}

type Tool = keyof typeof RENDERERS

async function measure(
  tools: readonly Tool[],
  objects: number,
  rounds: Rounds,
  scorer: { socket: string; server?: number | undefined },
) {
  const { socket, server } = scorer
  const sources = writeSources(objects)
  const found: Partial<Record<Tool, unknown>> = {}
  for (const tool of tools) {
    const cwd = sources[tool]
    const cold = { command: process.execPath, args: [values.cli, 'generate', '--config', config], cwd }
    const client = join(dirname(values.cli), '../../plugin/argocd/client.cjs')
    const warm = { command: process.execPath, args: [client, socket], cwd, server }
    for (let judged = 0; judged < WARM_OBJECTS; judged += objects) cpuOf(warm)
    const least = inTurns(
      {
        renderer: RENDERERS[tool](cwd),
        node: { command: process.execPath, args: ['-e', '0'], cwd },
        cold,
        warm,
      },
      rounds,
    )
    const { renderer, node } = least
    const added = (all: number) => ({ added: all - renderer, addedToNode: all - renderer - node })
    found[tool] = {
      cpuMillis: least,
      cold: added(least.cold),
      warm: added(least.warm),
      peakMebibytes: { renderer: await peakMebibytes(RENDERERS[tool](cwd)), cold: await peakMebibytes(cold) },
    }
  }
  return found
}

const socket = join(work, 'scorer.sock')
const scorer = spawn(process.execPath, [values.cli, 'generate', 'serve', '--socket', socket, '--config', config], {
  env,
  stdio: ['ignore', 'ignore', 'pipe'],
})
try {
  for await (const line of createInterface({ input: scorer.stderr })) if (line.includes('listening on')) break
  const results = {
    machine: { cores: availableParallelism(), model: cpus()[0]?.model ?? '', node: process.version },
    objects50: await measure(
      ['kustomize', 'helm'],
      50,
      { rounds: Number(values.rounds), repeats: 3 },
      { socket, server: scorer.pid },
    ),
    // kustomize itself takes 22 s of it.
    objects2000: await measure(
      ['helm'],
      2000,
      { rounds: Number(values['large-rounds']), repeats: 1 },
      { socket, server: scorer.pid },
    ),
  }
  console.log(JSON.stringify(results, null, 2))
  writeFileSync(values.out, `${JSON.stringify(results, null, 2)}\n`)
} finally {
  scorer.kill('SIGTERM')
  rmSync(work, { recursive: true, force: true })
}
