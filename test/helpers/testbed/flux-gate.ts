import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { parse } from 'yaml'
import { CLI, ROOT } from '../repository.js'
import type { ApiObject, Manifest } from './api-objects.js'
import type { ControlPlane } from './control-plane.js'
import { condition, type Condition, type FluxObject } from './flux-objects.js'
import { FLUX_NAMESPACE } from './flux-install.js'
import { createDefinitions } from './install.js'
import { listen } from './listen.js'
import { freePort } from './ports.js'
import { isServed } from './probes.js'
import { type Process, startProcess } from './processes.js'
import { program } from './programs.js'
import type { Testbed } from './testbed.js'
import type { User } from './users.js'

/** An event as notification-controller would get it. */
export interface NotifiedEvent {
  readonly involvedObject: Readonly<Record<string, string>>
  readonly severity: string
  readonly reason: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** The parts of an ArtifactGate that tests look at. */
export interface GateObject extends FluxObject {
  readonly status?: FluxObject['status'] & {
    readonly lastAllowed?: { readonly revision: string; readonly digest: string; readonly decision: string }
    readonly lastJudged?: {
      readonly revision: string
      readonly action: string
      readonly message: string
      readonly counts: Readonly<Record<string, number>>
      readonly kustomizations: readonly { readonly name: string; readonly action: string; readonly message: string }[]
    }
  }
}

/** The Flux gate as a process, and its surroundings. */
export interface FluxGate {
  readonly storage: string
  readonly process: () => Process
  /** Ends it as the kernel does, and waits. */
  kill(): Promise<void>
  /** Starts it again on the same volume, with the same ports. */
  start(): Promise<void>
  /** What notification-controller would have got so far. */
  events(): readonly NotifiedEvent[]
  /** Puts another file into the bundle, at once. */
  changeBundle(file: string, change: (text: string) => string): void
  metrics(): Promise<string>
  create(name: string, spec: object): Promise<void>
  get(name: string): Promise<GateObject>
  patch(name: string, patch: object): Promise<void>
  /** Waits for the condition Ready with this status that is about this revision, or any. */
  waitForReady(name: string, status: Condition['status'], includes: string): Promise<GateObject>
}

const NAMESPACE = 'lockkeeper-system'
const WAITING = { timeoutMs: 90_000 }

/** What its account is and may do: as a user installs it. */
const ACCOUNT = ['service-account', 'cluster-role', 'live-cluster-role', 'secrets-cluster-role', 'role']

async function installAccount(plane: ControlPlane): Promise<User> {
  const files = ACCOUNT.flatMap(each => ['-f', join(ROOT, 'manifests/flux', `${each}.yaml`)])
  const { status, stderr } = await plane.kubectl(['apply', ...files])
  if (status !== 0) throw new Error(`the manifests were refused: ${stderr}`)
  return plane.serviceAccount(NAMESPACE, 'lockkeeper-flux')
}

/** Starts `lockkeeper flux controller`; Flux is installed. */
export async function startFluxGate(bed: Testbed, plane: ControlPlane): Promise<FluxGate> {
  const own = (...path: string[]) => join(bed.directory, 'flux-gate', ...path)
  mkdirSync(own('storage'), { recursive: true })
  cpSync(join(ROOT, 'policies/bundle'), own('bundle'), { recursive: true })
  await plane.createNamespace(NAMESPACE)
  const definition = parse(readFileSync(join(ROOT, 'manifests/flux/artifact-gate-crd.yaml'), 'utf8')) as Manifest
  await createDefinitions(plane.admin, [definition])
  const events: NotifiedEvent[] = []
  const receiver = await listen(
    bed,
    'notification-controller',
    createServer((request, response) => {
      textOf(request).then(
        text => {
          events.push(JSON.parse(text) as NotifiedEvent)
          response.writeHead(202).end()
        },
        () => response.writeHead(500).end(),
      )
    }),
  )
  const [artifacts, probes] = [await freePort(), await freePort()]
  const kubeconfig = await plane.kubeconfig(await installAccount(plane))
  let running: Process | null = null
  const start = async (): Promise<void> => {
    running = await startProcess(bed, {
      name: 'flux-gate',
      command: process.execPath,
      args: [
        ...[CLI, 'flux', 'controller', '--kubeconfig', kubeconfig, '--namespace', NAMESPACE],
        ...['--bundle', own('bundle'), '--insecure-unsigned', '--kustomize', program('kustomize')],
        ...['--address', '127.0.0.1', '--probe-port', `${probes}`, '--artifact-port', `${artifacts}`],
        ...['--artifact-url', `http://127.0.0.1:${artifacts}`, '--storage', own('storage')],
        ...['--events-addr', `http://127.0.0.1:${receiver}`, '--log-level', 'debug'],
      ],
      ready: () => isServed(`http://127.0.0.1:${probes}/readyz`),
      // A leader that was killed has not given its lease back.
      readyTimeoutMs: 60_000,
    })
  }
  await start()
  const processOf = (): Process => {
    if (running === null) throw new Error('the gate does not run')
    return running
  }
  const reference = (name: string) => ({
    apiVersion: 'lockkeeper.dev/v1alpha1',
    kind: 'ArtifactGate',
    name,
    namespace: FLUX_NAMESPACE,
  })
  return {
    storage: own('storage'),
    process: processOf,
    kill: async () => {
      process.kill(processOf().pid, 'SIGKILL')
      await processOf().exited
    },
    start,
    events: () => events,
    changeBundle: (file, change) => {
      cpSync(own('bundle'), own('next'), { recursive: true })
      mkdirSync(join(own('next'), 'lockkeeper/exceptions'), { recursive: true })
      const path = join(own('next'), file)
      writeFileSync(path, change(readIfThere(path)))
      renameSync(own('bundle'), own('last'))
      renameSync(own('next'), own('bundle'))
      rmSync(own('last'), { recursive: true })
    },
    metrics: async () => (await fetch(`http://127.0.0.1:${probes}/metrics`)).text(),
    create: async (name, spec) => {
      const { apiVersion, kind, namespace } = reference(name)
      await plane.admin.create({ apiVersion, kind, metadata: { name, namespace }, spec })
    },
    get: async name => gateOf(await plane.admin.get(reference(name))),
    patch: async (name, patch) => {
      await plane.admin.patch(reference(name), patch)
    },
    waitForReady: async (name, status, includes) => {
      const isThere = (object: ApiObject) => {
        const found = condition(gateOf(object), 'Ready')
        return found?.status === status && found.message.includes(includes)
      }
      const what = `ArtifactGate ${name} has Ready=${status} with "${includes}"`
      return gateOf(await plane.admin.waitUntil(reference(name), what, isThere, WAITING))
    },
  }
}

function gateOf(object: ApiObject): GateObject {
  return object
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
