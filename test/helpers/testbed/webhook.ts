import { join } from 'node:path'
import { CLI, ROOT } from '../repository.js'
import type { Backend, Balancer } from './balancer.js'
import type { ControlPlane } from './control-plane.js'
import { freePort } from './ports.js'
import { isServed } from './probes.js'
import { type Process, startProcess } from './processes.js'
import type { Testbed } from './testbed.js'

export const WEBHOOK_NAMESPACE = 'lockkeeper-system'
const ACCOUNT = 'lockkeeper-webhook'
const MANIFESTS = ['service-account', 'cluster-role', 'role'].map(each =>
  join(ROOT, 'manifests/webhook/webhook', `${each}.yaml`),
)

export interface WebhookProcessOptions {
  /** Of the process, and its identity. */
  readonly name: string
  /** Where the API server calls: mostly a balancer's port. */
  readonly urlPort: number
  readonly bundle?: string
  /** More flags. */
  readonly args?: readonly string[]
  /** Flags of node. */
  readonly nodeArgs?: readonly string[]
  /** As `webhookKubeconfig` made it; made anew when not said, which an API server without a gate refuses. */
  readonly kubeconfig?: string
  /** How long it may take until it is ready; longer than a busy machine needs. */
  readonly readyTimeoutMs?: number
}

/** One replica of the webhook, with the rights that the manifests give it. */
export interface WebhookProcess {
  readonly process: Process
  readonly backend: Backend
  /** The text of /metrics. */
  metrics(): Promise<string>
}

/** Makes the namespace, the account and the roles as the manifests have them. */
export async function installWebhookAccount(plane: ControlPlane): Promise<void> {
  await plane.createNamespace(WEBHOOK_NAMESPACE)
  const { status, stderr } = await plane.kubectl(['apply', ...MANIFESTS.flatMap(each => ['-f', each])])
  if (status !== 0) throw new Error(`the manifests were refused: ${stderr}`)
}

/** The path of a kubeconfig for the account of the webhook, with a token as a kubelet would ask for it. */
export async function webhookKubeconfig(plane: ControlPlane): Promise<string> {
  return plane.kubeconfig(await plane.serviceAccount(WEBHOOK_NAMESPACE, ACCOUNT))
}

/** Starts `lockkeeper webhook` as a process outside the cluster, and waits until it is ready. */
export async function startWebhook(
  bed: Testbed,
  plane: ControlPlane,
  options: WebhookProcessOptions,
): Promise<WebhookProcess> {
  const { name, urlPort, bundle = join(ROOT, 'policies/bundle'), args = [], nodeArgs = [] } = options
  const [port, probePort] = [await freePort(), await freePort()]
  const kubeconfig = options.kubeconfig ?? (await webhookKubeconfig(plane))
  const readyUrl = `http://127.0.0.1:${probePort}/readyz`
  const running = await startProcess(bed, {
    name,
    command: process.execPath,
    args: [
      ...nodeArgs,
      CLI,
      'webhook',
      ...['--kubeconfig', kubeconfig, '--namespace', WEBHOOK_NAMESPACE],
      ...['--address', '127.0.0.1', '--port', String(port), '--probe-port', String(probePort)],
      ...['--url', `https://127.0.0.1:${urlPort}`, '--bundle', bundle, '--insecure-unsigned'],
      ...['--drain-seconds', '2'],
      ...args,
    ],
    env: { POD_NAME: name },
    ready: () => isServed(readyUrl),
    readyTimeoutMs: options.readyTimeoutMs ?? 60_000,
    // It drains first.
    killAfterMs: 20_000,
  })
  return {
    process: running,
    backend: { port, readyUrl },
    metrics: async () => (await fetch(`http://127.0.0.1:${probePort}/metrics`)).text(),
  }
}

/** Starts replicas behind a balancer and waits until the API server asks them. */
export async function startWebhooks(
  bed: Testbed,
  plane: ControlPlane,
  balancer: Balancer,
  replicas: readonly Omit<WebhookProcessOptions, 'urlPort'>[],
): Promise<readonly WebhookProcess[]> {
  const started = await Promise.all(replicas.map(each => startWebhook(bed, plane, { ...each, urlPort: balancer.port })))
  for (const { backend } of started) balancer.add(backend)
  return started
}
