import { setMaxListeners } from 'node:events'
import { thrownText } from '../src/errors.js'
import { builtInBundlePath, loadBundleFiles } from '../src/io/bundle-source.js'
import { createClusterClient } from '../src/io/cluster/client.js'
import { SYSTEM_CLOCK } from '../src/io/cluster/clock.js'
import { type InCluster, openConnection } from '../src/io/cluster/connection.js'
import { createEventRecorder } from '../src/io/cluster/event-recorder.js'
import { type LeaderElection, startLeaderElection } from '../src/io/cluster/lease.js'
import { createLogger } from '../src/io/log.js'
import { createPool } from '../src/io/pool.js'
import { startProbeServer } from '../src/io/probe-server.js'
import { startApi } from './api/api.js'
import { runAudit } from './audit/audit.js'
import { createMetrics } from './metrics.js'
import type { ControllerOptions } from './options.js'

/** What a process gives the controller. */
export interface ControllerEnvironment {
  /** KUBERNETES_SERVICE_HOST and _PORT; null outside of a Pod */
  readonly inCluster: InCluster | null
  readonly stderr: { write(text: string): unknown }
  /** Ends it: the lease is given back. */
  readonly signal: AbortSignal
  readonly now: () => Date
  /** Told where probes are answered, which only matters for port 0. */
  readonly onListening?: (port: number) => void
  /** Told where the API is, where one is served. */
  readonly onApiListening?: (port: number) => void
}

const LEASE = 'lockkeeper-controller'

/**
 * `lockkeeper controller`: takes part in the election, and audits the cluster while it leads, until the signal is aborted.
 *
 * @throws GateError when it cannot begin: no bundle, no cluster, a port that is taken
 */
export async function runController(options: ControllerOptions, environment: ControllerEnvironment): Promise<void> {
  const { stderr, now } = environment
  const ending = new AbortController()
  const end = () => {
    ending.abort()
  }
  environment.signal.addEventListener('abort', end)
  if (environment.signal.aborted) end()
  const { signal } = ending
  // Every watch listens to it.
  setMaxListeners(0, signal)

  const clock = { ...SYSTEM_CLOCK, date: now }
  const loggerOf = (component: string) =>
    createLogger({ component, level: options.logLevel, stream: { write: line => void stderr.write(line) } })
  const log = loggerOf('controller')
  const pool = await createPool({
    files: await loadBundleFiles(options.bundle ?? (await builtInBundlePath())),
    allowUnsigned: options.bundle === undefined || options.insecureUnsigned,
    // In the background: one core is enough when nobody says otherwise.
    workers: options.workers ?? 1,
  })
  const { digest, revision } = pool.bundle.reference
  log.info(options.bundle === undefined ? 'judging with the built-in bundle' : 'judging with a bundle', {
    bundle: digest,
    revision,
  })
  const closers: (() => Promise<void> | void)[] = [() => pool.close()]
  try {
    const connection = await openConnection({
      ...(options.kubeconfig !== undefined && { kubeconfig: options.kubeconfig }),
      inCluster: environment.inCluster,
    })
    const client = createClusterClient(connection, { userAgent: 'lockkeeper-controller', clock })
    closers.push(() => {
      client.close()
    })
    const metrics = createMetrics()
    const events = createEventRecorder(client, {
      reportingController: 'lockkeeper.dev/controller',
      reportingInstance: options.identity,
      log,
      clock,
    })
    closers.push(() => events.close())
    metrics.readings.eventsDropped = () => events.dropped

    const failed: { with: Error | null } = { with: null }
    let auditing: Promise<void> = Promise.resolve()
    let election: LeaderElection | null = null
    const probes = await startProbeServer({
      address: options.address,
      port: options.probePort,
      isLive: () => true,
      notReady: () => ((election?.leader ?? '') === '' ? 'the election of a leader was not reached yet' : null),
      metrics: async () => ({ contentType: metrics.registry.contentType, text: await metrics.registry.metrics() }),
    })
    closers.push(() => probes.close())
    environment.onListening?.(probes.port)
    log.info('probes and metrics are served', { address: options.address, port: probes.port })
    if (options.api !== undefined) {
      const { address, api } = options
      const server = await startApi({ client, address, options: api, metrics, clock, log: loggerOf('api') })
      closers.push(() => server.close())
      environment.onApiListening?.(server.port)
    }

    election = startLeaderElection(client, {
      namespace: options.namespace,
      name: LEASE,
      identity: options.identity,
      onStarted: leading => {
        setMaxListeners(0, leading)
        metrics.leader.set(1)
        const parts = {
          client,
          pool,
          events,
          metrics,
          reports: options.reports,
          namespace: options.namespace,
          auditIntervalMs: options.auditIntervalSeconds * 1000,
          exemptNamespaces: options.exemptNamespaces,
          log: loggerOf('audit'),
          clock,
        }
        auditing = runAudit(parts, leading).catch((thrown: unknown) => {
          // A defect: another replica may do better, and a program that ends is seen.
          failed.with = thrown instanceof Error ? thrown : new Error(thrownText(thrown))
          end()
        })
      },
      onStopped: async () => {
        await auditing
        metrics.leader.set(0)
        // What was found is for the one who leads to say.
        metrics.findings.reset()
      },
      signal,
      log,
      clock,
    })
    await election.done
    if (failed.with !== null) throw failed.with
  } finally {
    environment.signal.removeEventListener('abort', end)
    for (const close of closers.reverse()) await close()
  }
}
