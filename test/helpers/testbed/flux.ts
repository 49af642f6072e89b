import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlPlane } from './control-plane.js'
import { FLUX_NAMESPACE, installFlux, type FluxController } from './flux-install.js'
import { FluxObjects } from './flux-objects.js'
import { freePort } from './ports.js'
import { isServed } from './probes.js'
import type { ProgramChange } from './program-change.js'
import { startProcess, type Process } from './processes.js'
import { program } from './programs.js'
import type { Testbed } from './testbed.js'
import { together } from './together.js'

export interface FluxOptions {
  readonly sourceController?: ProgramChange
  readonly kustomizeController?: ProgramChange
}

/** A running Flux: its two controllers, and its objects. */
export interface Flux {
  readonly objects: FluxObjects
  readonly sourceController: Process
  readonly kustomizeController: Process
}

/** Starts Flux's source-controller and kustomize-controller, the latter with the feature gate for ExternalArtifacts. */
export async function startFlux(bed: Testbed, plane: ControlPlane, options: FluxOptions = {}): Promise<Flux> {
  await installFlux(plane)
  const storage = `127.0.0.1:${await freePort()}`
  const start = starter(bed, plane)
  const [sourceController, kustomizeController] = await together([
    start('source-controller', options.sourceController, directory => [
      `--storage-path=${join(directory, 'storage')}`,
      `--storage-addr=${storage}`,
      `--storage-adv-addr=${storage}`,
    ]),
    start('kustomize-controller', options.kustomizeController, () => [
      '--feature-gates=ExternalArtifact=true',
      // A source without an artifact, and one that cannot be fetched, is looked at again soon.
      '--requeue-dependency=2s',
      '--http-retry=2',
    ]),
  ])
  return { objects: new FluxObjects(plane.admin), sourceController, kustomizeController }
}

/** Starts a controller with its own account and directory. */
function starter(bed: Testbed, plane: ControlPlane) {
  return async (
    name: FluxController,
    change: ProgramChange | undefined,
    args: (directory: string) => readonly string[],
  ): Promise<Process> => {
    const directory = join(bed.directory, name)
    for (const each of ['home', 'tmp', 'storage']) mkdirSync(join(directory, each), { recursive: true })
    const health = `127.0.0.1:${await freePort()}`
    const kubeconfig = await plane.kubeconfig(await plane.serviceAccount(FLUX_NAMESPACE, name))
    return startProcess(bed, {
      name,
      command: program(name),
      args: [
        ...['--metrics-addr=127.0.0.1:0', `--health-addr=${health}`, '--events-addr='],
        ...args(directory),
        ...(change?.args ?? []),
      ],
      env: {
        HOME: join(directory, 'home'),
        TMPDIR: join(directory, 'tmp'),
        KUBECONFIG: kubeconfig,
        RUNTIME_NAMESPACE: FLUX_NAMESPACE,
        ...change?.env,
      },
      ready: () => isServed(`http://${health}/readyz`),
    })
  }
}
