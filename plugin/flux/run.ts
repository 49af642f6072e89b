import { setMaxListeners } from 'node:events'
import { GateError, thrownText } from '../../src/errors.js'
import { builtInBundlePath, loadBundleFiles } from '../../src/io/bundle-source.js'
import { createClusterClient } from '../../src/io/cluster/client.js'
import { SYSTEM_CLOCK } from '../../src/io/cluster/clock.js'
import { type InCluster, openConnection } from '../../src/io/cluster/connection.js'
import { createEventRecorder } from '../../src/io/cluster/event-recorder.js'
import { type LeaderElection, startLeaderElection } from '../../src/io/cluster/lease.js'
import { createLivePool } from '../../src/io/live-pool.js'
import { createLogger } from '../../src/io/log.js'
import { startProbeServer } from '../../src/io/probe-server.js'
import { startArtifactServer } from './artifact/server.js'
import { createGates, type Gates } from './controller.js'
import { createClusterParts } from './judgement-parts.js'
import { judgeTree } from './judgement/judge-tree.js'
import { createMetrics } from './metrics.js'
import { createNotifications } from './notifications.js'
import type { FluxOptions } from './options.js'

/** What a process gives the Flux gate. */
export interface FluxEnvironment {
  /** KUBERNETES_SERVICE_HOST and _PORT; null outside of a Pod */
  readonly inCluster: InCluster | null
  /** Of the tools that render; its PATH is searched. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stderr: { write(text: string): unknown }
  /** Ends it: the lease is given back. */
  readonly signal: AbortSignal
  readonly now: () => Date
}

const LEASE = 'lockkeeper-flux'
const BUNDLE_POLL_MS = 5_000

/**
 * `lockkeeper flux controller`: takes part in the election, and while it leads judges the artifacts of sources and publishes what is
 * allowed, until the signal is aborted.
 *
 * @throws GateError when it cannot begin: no bundle, no cluster, a port that is taken
 */
export async function runFlux(options: FluxOptions, environment: FluxEnvironment): Promise<void> {
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
  const log = loggerOf('flux')
  const metrics = createMetrics()
  const bundlePath = options.bundle ?? (await builtInBundlePath())
  let gates: Gates | null = null
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
      gates?.bundleChanged()
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
    const poolInForce = () => {
      if (live.current === null) throw refused ?? new GateError('BUNDLE_UNREADABLE', 'no bundle was loaded')
      return live.current
    }
    // There is nothing to go on with: who starts it is told.
    poolInForce()
    const connection = await openConnection({
      ...(options.kubeconfig !== undefined && { kubeconfig: options.kubeconfig }),
      inCluster: environment.inCluster,
    })
    const client = createClusterClient(connection, { userAgent: 'lockkeeper-flux', clock })
    closers.push(() => {
      client.close()
    })
    const events = createEventRecorder(client, {
      reportingController: 'lockkeeper.dev/flux',
      reportingInstance: options.identity,
      log,
      clock,
    })
    closers.push(() => events.close())
    metrics.readings.eventsDropped = () => events.dropped
    const notifications =
      options.eventsAddr === undefined
        ? null
        : createNotifications({
            url: new URL(options.eventsAddr),
            instance: options.identity,
            metrics,
            log: loggerOf('notifications'),
            clock,
          })
    if (notifications !== null) closers.push(() => notifications.close())

    const partsOf = createClusterParts(client, { clock, log })
    const { kustomize } = options
    const render = {
      binaries: kustomize === undefined ? {} : { kustomize },
      env: environment.env,
      buildEnvironment: {},
      isLenient: options.lenient,
    }
    gates = createGates({
      client,
      storage: options.storage,
      artifactUrl: options.artifactUrl,
      bundle: () => poolInForce().bundle.reference.digest,
      judge: (tree, until) => judgeTree(tree, { gate: poolInForce(), ...partsOf(until), render, signal: until }),
      onNotice: notice => {
        events.record(notice.facts)
        notifications?.send(notice)
      },
      metrics,
      log,
      clock,
    })
    const running = gates
    const served = await startArtifactServer({
      address: options.address,
      port: options.artifactPort,
      store: () => running.store,
      onServed: status => {
        metrics.served.inc({ status: String(status) })
      },
      onCorrupt: (gate, digest) => {
        metrics.lost.inc()
        log.error('an artifact is not what it was', { ...gate, error: digest })
        running.lost(gate, digest)
      },
    })
    closers.push(() => served.close())
    log.info('artifacts are served', { address: options.artifactUrl, port: served.port })

    const failed: { with: Error | null } = { with: null }
    let working: Promise<void> = Promise.resolve()
    let election: LeaderElection | null = null
    const probes = await startProbeServer({
      address: options.address,
      port: options.probePort,
      isLive: () => true,
      // Only the one who leads serves artifacts, so only that one is asked for them.
      notReady: () =>
        election?.isLeader !== true
          ? 'another replica leads, or none yet'
          : running.store === null
            ? 'the volume is not read yet'
            : null,
      metrics: async () => ({ contentType: metrics.registry.contentType, text: await metrics.registry.metrics() }),
    })
    closers.push(() => probes.close())
    log.info('probes and metrics are served', { address: options.address, port: probes.port })

    election = startLeaderElection(client, {
      namespace: options.namespace,
      name: LEASE,
      identity: options.identity,
      onStarted: leading => {
        setMaxListeners(0, leading)
        metrics.leader.set(1)
        working = running.run(leading).catch((thrown: unknown) => {
          // Another replica may do better, and a program that ends is seen.
          failed.with = thrown instanceof Error ? thrown : new Error(thrownText(thrown))
          end()
        })
      },
      onStopped: async () => {
        await working
        metrics.leader.set(0)
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
