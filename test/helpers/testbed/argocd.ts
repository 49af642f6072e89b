import { chmodSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Applications } from './argocd-applications.js'
import { ARGOCD_ACCOUNT, ARGOCD_NAMESPACE, installArgoCD } from './argocd-install.js'
import { startPlugin, type ArgoCDPlugin } from './argocd-plugin.js'
import type { ControlPlane } from './control-plane.js'
import { freePort } from './ports.js'
import type { ProgramChange } from './program-change.js'
import { askOnce, isServed } from './probes.js'
import { startProcess, type Process } from './processes.js'
import { program, programFiles } from './programs.js'
import type { Testbed } from './testbed.js'
import { together } from './together.js'

export interface ArgoCDOptions {
  readonly plugins?: readonly ArgoCDPlugin[]
  /** How often an Application is compared when nobody asks; 10 when not said. */
  readonly appResyncSeconds?: number
  /** Further entries of argocd-cm. */
  readonly settings?: Readonly<Record<string, string>>
  readonly repoServer?: ProgramChange
  readonly controller?: ProgramChange
}

/** A running Argo CD: its parts by name, and its Applications. */
export interface ArgoCD {
  readonly applications: Applications
  readonly controller: Process
  readonly repoServer: Process
  /** Where the parts keep what they have computed. */
  readonly redisPort: number
  readonly repoServerPort: number
  /** Its programs, by their names. */
  readonly bin: string
  /** argocd-cmp-server processes, in the order of the options. */
  readonly plugins: readonly Process[]
}

/** One binary that does what its name says; with ARGOCD_BINARY_NAME instead, field managers would be called `argocd`. */
const PARTS = [
  'argocd',
  'argocd-application-controller',
  'argocd-cmp-server',
  'argocd-repo-server',
  'argocd-server',
] as const

/** Starts Argo CD without its server and UI: Redis, plugins, repo-server, application-controller. */
export async function startArgoCD(bed: Testbed, plane: ControlPlane, options: ArgoCDOptions = {}): Promise<ArgoCD> {
  const directory = join(bed.directory, 'argocd')
  const bin = prepareBin(directory)
  const base = baseEnvironment(directory, bin)
  const [redisPort, repoServerPort] = [await freePort(), await freePort()]
  const redis = `127.0.0.1:${redisPort}`

  const [, , repoServer, plugins] = await together([
    installArgoCD(plane, options.settings ?? {}),
    startRedis(bed, redisPort),
    startRepoServer(bed, { directory, bin, env: base, redis, port: repoServerPort, change: options.repoServer }),
    together(
      (options.plugins ?? []).map(plugin =>
        startPlugin(bed, plugin, { command: join(bin, 'argocd-cmp-server'), directory, env: base }),
      ),
    ),
  ])

  const metricsPort = await freePort()
  const kubeconfig = await plane.kubeconfig(await plane.serviceAccount(ARGOCD_NAMESPACE, ARGOCD_ACCOUNT))
  const controller = await startProcess(bed, {
    name: 'argocd-application-controller',
    command: join(bin, 'argocd-application-controller'),
    args: [
      ...['--kubeconfig', kubeconfig, '--namespace', ARGOCD_NAMESPACE],
      ...['--repo-server', `127.0.0.1:${repoServerPort}`, '--repo-server-plaintext', '--redis', redis],
      ...['--metrics-port', `${metricsPort}`],
      ...['--app-resync', `${options.appResyncSeconds ?? 10}`, '--app-resync-jitter', '0'],
      // Else a repository that cannot be read keeps an Application Synced for three minutes.
      ...['--repo-error-grace-period-seconds', '0'],
      ...(options.controller?.args ?? []),
    ],
    env: { ...base, ARGOCD_FAKE_IN_CLUSTER: 'true', KUBECONFIG: kubeconfig, ...options.controller?.env },
    ready: () => isServed(`http://127.0.0.1:${metricsPort}/healthz`),
  })
  return {
    applications: new Applications(plane.admin),
    controller,
    repoServer,
    redisPort,
    repoServerPort,
    bin,
    plugins,
  }
}

/** The programs under the names they go by in Argo CD's image. */
function prepareBin(directory: string): string {
  const bin = join(directory, 'bin')
  mkdirSync(bin, { recursive: true })
  for (const part of PARTS) symlinkSync(program('argocd'), join(bin, part))
  // repo-server runs it for every Git source, also without signatures; files of a Go module are not executable.
  const wrapper = join(bin, 'git-verify-wrapper.sh')
  copyFileSync(join(programFiles('argocd'), 'hack/git-verify-wrapper.sh'), wrapper)
  chmodSync(wrapper, 0o755)
  return bin
}

function baseEnvironment(directory: string, bin: string): Readonly<Record<string, string>> {
  const own = (name: string) => {
    mkdirSync(join(directory, name), { recursive: true })
    return join(directory, name)
  }
  return {
    PATH: `${bin}:${process.env.PATH ?? ''}`,
    HOME: own('home'),
    TMPDIR: own('tmp'),
    ARGOCD_GPG_ENABLED: 'false',
    ARGOCD_TLS_DATA_PATH: own('tls'),
    ARGOCD_SSH_DATA_PATH: own('ssh'),
    GIT_CONFIG_NOSYSTEM: '1',
  }
}

function startRedis(bed: Testbed, port: number): Promise<Process> {
  return startProcess(bed, {
    name: 'redis-server',
    command: 'redis-server',
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', bed.directory],
    ready: async () => (await askOnce(port, 'PING')) === '+PONG',
  })
}

interface RepoServerOptions {
  readonly directory: string
  readonly bin: string
  readonly env: Readonly<Record<string, string>>
  readonly redis: string
  readonly port: number
  readonly change: ProgramChange | undefined
}

async function startRepoServer(bed: Testbed, options: RepoServerOptions): Promise<Process> {
  const { directory, bin, env, redis, port, change } = options
  const metricsPort = await freePort()
  return startProcess(bed, {
    name: 'argocd-repo-server',
    command: join(bin, 'argocd-repo-server'),
    args: [
      ...['--address', '127.0.0.1', '--port', `${port}`],
      ...['--metrics-address', '127.0.0.1', '--metrics-port', `${metricsPort}`],
      ...['--disable-tls', '--client-ca-path=', '--redis', redis],
      // Else a push is not seen for three minutes.
      ...['--revision-cache-expiration', '1s'],
      ...(change?.args ?? []),
    ],
    env: {
      ...env,
      ARGOCD_PLUGINSOCKFILEPATH: join(directory, 'sockets'),
      // Else all repo-servers of a machine share one in /tmp.
      ARGOCD_ASK_PASS_SOCK: join(directory, 'ask-pass.sock'),
      ...change?.env,
    },
    ready: () => isServed(`http://127.0.0.1:${metricsPort}/healthz?full=true`),
  })
}
