import { setMaxListeners } from 'node:events'
import { GateError, thrownText } from '../src/errors.js'
import { builtInBundlePath, loadBundleFiles } from '../src/io/bundle-source.js'
import { createClusterClient } from '../src/io/cluster/client.js'
import { SYSTEM_CLOCK } from '../src/io/cluster/clock.js'
import { type InCluster, openConnection } from '../src/io/cluster/connection.js'
import { createEventRecorder } from '../src/io/cluster/event-recorder.js'
import { type LeaderElection, startLeaderElection } from '../src/io/cluster/lease.js'
import { createLogger } from '../src/io/log.js'
import { createLivePool } from '../src/io/live-pool.js'
import { startProbeServer } from '../src/io/probe-server.js'
import { type Api, startApi } from './api/api.js'
import { argoCdWorks } from './argocd-works.js'
import { runAudit } from './audit/audit.js'
import { BundleInForce } from './bundle-in-force.js'
import { createMetrics } from './metrics.js'
import { createNotices } from './notices/notices.js'
import { annotationTeller, eventTeller } from './notices/tellers.js'
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
const BUNDLE_POLL_MS = 5_000

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
  const metrics = createMetrics()
  const bundlePath = options.bundle ?? (await builtInBundlePath())
  const inForce = new BundleInForce()
  let refused: GateError | null = null
  const live = await createLivePool({
    load: () => loadBundleFiles(bundlePath),
    pollMs: BUNDLE_POLL_MS,
    pool: {
      allowUnsigned: options.bundle === undefined || options.insecureUnsigned,
      // In the background: one core is enough when nobody says otherwise.
      workers: options.workers ?? 1,
    },
    onBundle: ({ digest, revision }) => {
      inForce.change()
      log.info(options.bundle === undefined ? 'judging with the built-in bundle' : 'judging with a bundle', {
        bundle: digest,
        revision,
      })
    },
    onRefused: error => {
      refused = error
      metrics.bundlesRefused.inc()
      log.error('the bundle cannot be used', { code: error.code, error: error.message, file: bundlePath })
    },
  })
  const closers: (() => Promise<void> | void)[] = [() => live.drain()]
  try {
    // There is nothing to go on with: who starts it is told.
    const poolInForce = () => {
      if (live.current === null) throw refused ?? new GateError('BUNDLE_UNREADABLE', 'no bundle was loaded')
      return live.current
    }
    poolInForce()
    const connection = await openConnection({
      ...(options.kubeconfig !== undefined && { kubeconfig: options.kubeconfig }),
      inCluster: environment.inCluster,
    })
    const client = createClusterClient(connection, { userAgent: 'lockkeeper-controller', clock })
    closers.push(() => {
      client.close()
    })
    const events = createEventRecorder(client, {
      reportingController: 'lockkeeper.dev/controller',
      reportingInstance: options.identity,
      log,
      clock,
    })
    closers.push(() => events.close())
    metrics.readings.eventsDropped = () => events.dropped

    const failed: { with: Error | null } = { with: null }
    let working: Promise<unknown> = Promise.resolve()
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
    // Before the election: a replica is ready only when it knows who leads, and every one that is ready answers.
    let apiWorks: Api['works'] = []
    if (options.api !== undefined) {
      const { address, api } = options
      const { namespace } = options
      const { applicationsNamespace } = api
      const tellers = [
        ...(api.warningEvents ? [eventTeller(events)] : []),
        ...(api.warningAnnotations ? [annotationTeller(client)] : []),
      ]
      const notices = tellers.map(teller =>
        createNotices(teller, { client, applicationsNamespace, clock, log: loggerOf('notices') }),
      )
      const served = await startApi({
        ...{ client, address, namespace, options: api, metrics, clock, log: loggerOf('api') },
        onRecords: records => {
          for (const each of notices) each.take(records)
        },
      })
      closers.push(() => served.close())
      environment.onApiListening?.(served.port)
      apiWorks = [...served.works, ...notices.map(each => (leading: AbortSignal) => each.run(leading))]
    }

    election = startLeaderElection(client, {
      namespace: options.namespace,
      name: LEASE,
      identity: options.identity,
      onStarted: leading => {
        setMaxListeners(0, leading)
        metrics.leader.set(1)
        const audit = {
          client,
          events,
          metrics,
          reports: options.reports,
          namespace: options.namespace,
          auditIntervalMs: options.auditIntervalSeconds * 1000,
          exemptNamespaces: options.exemptNamespaces,
          log: loggerOf('audit'),
          clock,
        }
        const works = [
          inForce.withEach(until => runAudit({ ...audit, pool: poolInForce() }, until), leading),
          ...argoCdWorks(options, {
            client,
            metrics,
            clock,
            loggerOf,
            bundle: () => poolInForce().bundle.reference.digest,
          }).map(run => run(leading)),
          ...apiWorks.map(run => run(leading)),
        ]
        const watched = works.map(each =>
          each.catch((thrown: unknown) => {
            // A defect: another replica may do better, and a program that ends is seen.
            failed.with = thrown instanceof Error ? thrown : new Error(thrownText(thrown))
            end()
          }),
        )
        working = Promise.all(watched)
      },
      onStopped: async () => {
        await working
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
