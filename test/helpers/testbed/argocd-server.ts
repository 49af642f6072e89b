import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ARGOCD_NAMESPACE } from './argocd-install.js'
import type { ArgoCD } from './argocd.js'
import type { ControlPlane } from './control-plane.js'
import { freePort } from './ports.js'
import { isServed } from './probes.js'
import { startProcess } from './processes.js'
import type { Testbed } from './testbed.js'
import { ADMIN } from './users.js'

/** What `argocd` said. */
export interface ArgoCDAnswer {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Argo CD's API server, as people at a terminal use it. */
export interface ArgoCDServer {
  /** Runs `argocd` with the arguments; it may take a minute. */
  argocd(...args: readonly string[]): Promise<ArgoCDAnswer>
}

const TIMEOUT_MS = 60_000

/** Starts argocd-server beside an Argo CD; nobody has to log in. */
export async function startArgoCDServer(bed: Testbed, plane: ControlPlane, argocd: ArgoCD): Promise<ArgoCDServer> {
  const { bin, redisPort, repoServerPort } = argocd
  const home = join(bed.directory, 'argocd-user')
  mkdirSync(home)
  const [port, metricsPort, kubeconfig] = [await freePort(), await freePort(), await plane.kubeconfig(ADMIN)]
  await startProcess(bed, {
    name: 'argocd-server',
    command: join(bin, 'argocd-server'),
    args: [
      ...['--kubeconfig', kubeconfig, '--namespace', ARGOCD_NAMESPACE],
      ...['--insecure', '--disable-auth', '--address', '127.0.0.1', '--port', `${port}`],
      ...['--metrics-address', '127.0.0.1', '--metrics-port', `${metricsPort}`],
      ...['--repo-server', `127.0.0.1:${repoServerPort}`, '--repo-server-plaintext'],
      ...['--redis', `127.0.0.1:${redisPort}`],
    ],
    env: { HOME: home, TMPDIR: home, ARGOCD_FAKE_IN_CLUSTER: 'true', KUBECONFIG: kubeconfig },
    ready: () => isServed(`http://127.0.0.1:${port}/healthz`),
  })
  const server = ['--server', `127.0.0.1:${port}`, '--plaintext', '--config', join(home, 'config')]
  return {
    argocd: (...args) =>
      new Promise((resolve, reject) => {
        const child = spawn(join(bin, 'argocd'), [...args, ...server], {
          env: { PATH: process.env.PATH, HOME: home, TMPDIR: home },
          stdio: ['ignore', 'pipe', 'pipe'],
          timeout: TIMEOUT_MS,
        })
        const text = { stdout: '', stderr: '' }
        for (const name of ['stdout', 'stderr'] as const) {
          child[name].setEncoding('utf8').on('data', (chunk: string) => (text[name] += chunk))
        }
        child.once('error', reject)
        child.once('close', code => {
          resolve({ code, ...text })
        })
      }),
  }
}
