import type { Express } from 'express'
import { GateError } from '../src/errors.js'
import { builtInBundlePath } from '../src/io/bundle-source.js'
import type { InCluster } from '../src/io/cluster/connection.js'
import { readFileBytes } from '../src/io/files.js'
import { createLogger, type Logger } from '../src/io/log.js'
import { packBundle } from '../src/io/bundle-archive.js'
import type { ClusterClient } from '../src/io/cluster/cluster-client.js'
import { createTokenReviewer } from '../src/io/cluster/token-review.js'
import { BUNDLE_AUDIENCE, createBundleApp } from './bundle-server.js'
import { joinCluster } from './in-cluster.js'
import { createWebhookMetrics, type WebhookMetrics } from './metrics.js'
import type { WebhookOptions } from './options.js'
import { startGate, type GateParts, type RunningGate } from './running-gate.js'
import { startServer, type WebhookServer } from './server.js'
import { standAlone } from './standalone.js'
import type { Surroundings } from './surroundings.js'
import { startWatchdog } from './watchdog.js'

export { writeStaticFiles } from './registration/static-files.js'

/** What the program gives the webhook of its process. */
export interface WebhookEnvironment {
  readonly stdout: { write(text: string): unknown }
  /** Takes the log, a JSON object a line. */
  readonly stderr: { write(text: string): unknown }
  readonly version: string
  /** Where the API server of the Pod's cluster is; null: this is no Pod. */
  readonly inCluster: InCluster | null
  /** Different in every replica: the name of the Pod. */
  readonly identity: string
  /** Aborted when the process is told to end. */
  readonly signal: AbortSignal
}

/** Runs the admission webhook until it is told to end. @throws GateError when it cannot start */
export async function runWebhook(options: WebhookOptions, environment: WebhookEnvironment): Promise<void> {
  const { version, identity, stderr } = environment
  const logger = (component: string): Logger =>
    createLogger({ component, level: options.logLevel, stream: { write: text => void stderr.write(text) } })
  const metrics = createWebhookMetrics({ version, now: Date.now })
  const bundlePath = options.bundle ?? (await builtInBundlePath())
  if (options.bundle === undefined) logger('webhook').info('no bundle is named: the built-in one judges')
  const clientCa = options.clientCa === undefined ? null : await readText(options.clientCa)
  const parts = {
    options,
    bundlePath,
    allowUnsigned: options.insecureUnsigned || options.bundle === undefined,
    metrics,
    logger,
    identity,
    version,
    clientCa,
  }
  await (options.standalone ? runAlone(parts, environment) : runInCluster(parts, environment))
}

type Parts = Omit<GateParts, 'surroundings' | 'routes'>

async function runAlone(parts: Parts, { stdout, signal }: WebhookEnvironment): Promise<void> {
  const { options, metrics } = parts
  const { surroundings, authority } = await standAlone(
    [...new Set(['localhost', '127.0.0.1', options.address])],
    Date.now(),
  )
  let gate: RunningGate | null = null
  try {
    gate = await startGate({
      ...parts,
      surroundings,
      routes: app => {
        addProbes(app, metrics, () => (gate?.live.current ?? null) !== null && !signal.aborted)
      },
    })
    if (gate.live.current === null) throw unusable(parts.bundlePath)
    stdout.write(`https://${hostOf(options.address)}:${gate.server.port}/validate\nCA file: ${authority.path}\n`)
    await ended(signal)
    gate.leave()
    await pause(options.drainSeconds)
  } finally {
    await gate?.close()
    await surroundings.close()
  }
}

async function runInCluster(parts: Parts, { inCluster, identity, version, signal }: WebhookEnvironment): Promise<void> {
  const { options, metrics, logger } = parts
  const log = logger('webhook')
  const watchdog = await startWatchdog({
    address: options.address,
    port: options.probePort,
    metrics: () => metrics.text(),
  })
  let surroundings: (Surroundings & { readonly client: ClusterClient }) | null = null
  let gate: RunningGate | null = null
  let bundles: WebhookServer | null = null
  try {
    surroundings = await joinCluster({ options, inCluster, identity, version, metrics, logger })
    gate = await startGate({ ...parts, surroundings })
    bundles = await serveBundle(parts, gate, surroundings)
    log.info('listening', { address: options.address, port: gate.server.port })
    await Promise.race([Promise.all([surroundings.known, judging(gate, signal)]), ended(signal)])
    const { live } = gate
    if (!signal.aborted && live.current !== null) {
      const first = live.current.bundle
      watchdog.setReady(true)
      log.info('ready', { bundle: first.reference.digest })
      surroundings.begin(() => live.current?.bundle ?? first)
      await ended(signal)
    }
    log.info('leaving')
    gate.leave()
    watchdog.setReady(false)
    await Promise.all([surroundings.leave(), pause(options.drainSeconds)])
  } finally {
    await bundles?.close(CLOSE_GRACE_MS)
    await gate?.close()
    await surroundings?.close()
    await watchdog.close()
    log.info('ended')
  }
}

const CLOSE_GRACE_MS = 5_000

/** Gives the bundle to other gates, where that is wanted; on a port of its own, which can be closed to everybody else. */
async function serveBundle(
  { options, logger }: Parts,
  { live }: RunningGate,
  surroundings: Surroundings & { readonly client: ClusterClient },
): Promise<WebhookServer | null> {
  if (options.bundlePort === undefined) return null
  const { client, certificates } = surroundings
  const server = await startServer({
    address: options.address,
    port: options.bundlePort,
    certificate: certificates.current(),
    app: createBundleApp({
      bundle: () =>
        live.current === null || live.files === null
          ? null
          : { files: live.files, digest: live.current.bundle.reference.digest },
      ownerOf: createTokenReviewer(client, { audiences: [BUNDLE_AUDIENCE] }),
      pack: packBundle,
      log: logger('bundle-server'),
    }),
  })
  surroundings.onCertificate(() => {
    server.setCertificate(certificates.current())
  })
  return server
}

const WAIT_FOR_BUNDLE_MS = 1_000

/** Resolves when there is a bundle to judge with, or the signal ends the waiting. */
async function judging({ live }: RunningGate, signal: AbortSignal): Promise<void> {
  while (live.current === null && !signal.aborted) {
    await new Promise(resolve => setTimeout(resolve, WAIT_FOR_BUNDLE_MS))
    await live.refresh()
  }
}

/** Probes and metrics on the gate's own port. */
function addProbes(app: Express, metrics: WebhookMetrics, isReady: () => boolean): void {
  app.get('/livez', (_request, response) => {
    response.type('text/plain').send('ok\n')
  })
  app.get('/readyz', (_request, response) => {
    response
      .status(isReady() ? 200 : 503)
      .type('text/plain')
      .send(isReady() ? 'ok\n' : 'not ready\n')
  })
  app.get('/metrics', async (_request, response) => {
    response.set('content-type', metrics.contentType).send(await metrics.text())
  })
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true }) // prettier-ignore
  })
}

function pause(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000))
}

async function readText(file: string): Promise<string> {
  return Buffer.from(await readFileBytes(file)).toString('utf8')
}

function unusable(path: string): GateError {
  return new GateError('BUNDLE_INVALID', `the bundle ${path} cannot be used: the log above says why`)
}

function hostOf(address: string): string {
  if (address === '127.0.0.1' || address === '0.0.0.0') return 'localhost'
  return address.includes(':') ? `[${address}]` : address
}
