import { setMaxListeners } from 'node:events'
import { thrownText } from '../../src/errors.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import { backoffMs } from '../../src/io/cluster/clock.js'
import type { ClusterClient } from '../../src/io/cluster/cluster-client.js'
import { JudgingQueue } from '../../src/io/judging-queue.js'
import type { Logger } from '../../src/io/log.js'
import { type ArtifactStore, type GateName, openArtifactStore } from './artifact/store.js'
import type { Notice } from './gate/notices.js'
import { createReconciler, type Next, type Reconciler } from './gate/reconciler.js'
import type { TreeJudgement, TreeToJudge } from './judgement/tree-judgement.js'
import type { Metrics } from './metrics.js'
import { createWatches, type Watches } from './watches.js'

export interface GatesOptions {
  readonly client: ClusterClient
  /** The volume. */
  readonly storage: string
  readonly artifactUrl: string
  readonly bundle: () => string
  readonly judge: (tree: TreeToJudge, signal: AbortSignal) => Promise<TreeJudgement>
  readonly onNotice: (notice: Notice) => void
  readonly metrics: Metrics
  readonly log: Logger
  readonly clock: Clock
}

/** The gates of a cluster, while this replica leads. */
export interface Gates {
  /** null while it does not lead. */
  readonly store: ArtifactStore | null
  /** Another bundle is in force, so everything is judged again. */
  bundleChanged(): void
  /** The file of an artifact is not what it was: it is served no more, and made again. */
  lost(gate: GateName, digest: string): void
  /** Judges and publishes until the signal is aborted, and ends what it does then. */
  run(signal: AbortSignal): Promise<void>
}

/** Renders are programs of their own: a few at the same time. */
const WORKERS = 2
const MAX_QUEUE = 10_000
const JUDGE_TIMEOUT_MS = 300_000

export function createGates(options: GatesOptions): Gates {
  const { client, metrics, log, clock } = options
  let running: Running | null = null
  return {
    get store() {
      return running?.store ?? null
    },
    bundleChanged: () => {
      running?.all()
    },
    lost: (gate, digest) => {
      const { store, enqueue } = running ?? {}
      store?.lose(gate, digest).then(
        () => enqueue?.(gate),
        (thrown: unknown) => {
          log.error('an artifact could not be removed', { ...gate, error: thrownText(thrown) })
        },
      )
    },
    run: async signal => {
      const store = await openArtifactStore(options.storage, ({ gate, what }) => {
        metrics.lost.inc()
        log.warn('an artifact was lost', { ...gate, error: what })
      })
      const queue = new JudgingQueue<GateName>(MAX_QUEUE)
      const enqueue = ({ namespace, name }: GateName) => {
        const gate = { namespace, name }
        queue.put(`${namespace}/${name}`, gate, signal).catch((thrown: unknown) => {
          log.error('a gate could not be queued', { ...gate, error: thrownText(thrown) })
        })
      }
      const watches = createWatches({ client, onChange: enqueue, signal, log, clock })
      const reconciler = createReconciler({
        ...options,
        store,
        takersOf: gate => watches.takersOf(gate),
        judgeTimeoutMs: JUDGE_TIMEOUT_MS,
        onVariables: (gate, variables) => {
          watches.watchVariables(gate, variables)
        },
      })
      running = {
        store,
        enqueue,
        all: () => {
          for (const gate of watches.gates()) enqueue(gate)
        },
      }
      metrics.readings.queueLength = () => queue.length
      metrics.readings.gates = () => reconciler.conditions()
      try {
        await Promise.race([watches.synced, endOf(signal)])
        if (signal.aborted) return
        await forgetOthers(store, watches)
        const retries = createRetries(reconciler, enqueue, clock, signal)
        const work = async () => {
          while (!signal.aborted) {
            await queue.take(async gate => {
              retries.settle(gate, await reconciler.reconcile(gate, signal))
            }, signal)
          }
        }
        await Promise.all(Array.from({ length: WORKERS }, work))
        await retries.ended()
      } finally {
        running = null
        // How gates are is for the one who leads to say.
        metrics.readings.queueLength = () => 0
        metrics.readings.gates = () => ({ ready: 0, held: 0, unknown: 0 })
      }
    },
  }
}

interface Running {
  readonly store: ArtifactStore
  readonly enqueue: (gate: GateName) => void
  readonly all: () => void
}

/** Gates that went while nobody listened. */
async function forgetOthers(store: ArtifactStore, watches: Watches): Promise<void> {
  const there = new Set(watches.gates().map(({ namespace, name }) => `${namespace}/${name}`))
  for (const gate of store.gates()) {
    if (!there.has(`${gate.namespace}/${gate.name}`)) await store.forget(gate)
  }
}

/** Looks again at gates that failed: sooner at first, at last as seldom as the gate says. */
function createRetries(
  reconciler: Reconciler,
  enqueue: (gate: GateName) => void,
  clock: Clock,
  signal: AbortSignal,
): { settle(gate: GateName, next: Next): void; ended(): Promise<void> } {
  const waiting = new Map<string, { readonly failures: number; readonly ending: AbortController }>()
  const timers = new Set<Promise<void>>()
  return {
    settle: (gate, next) => {
      const key = `${gate.namespace}/${gate.name}`
      const last = waiting.get(key)
      if (next === 'again') {
        enqueue(gate)
        return
      }
      if (next === 'unchanged') return
      last?.ending.abort()
      waiting.delete(key)
      if (next === 'rest') return
      const failures = (last?.failures ?? 0) + 1
      const ending = new AbortController()
      waiting.set(key, { failures, ending })
      const until = AbortSignal.any([signal, ending.signal])
      setMaxListeners(0, until)
      const timer = clock.wait(backoffMs(failures, clock, next.retryWithinMs), until).then(() => {
        timers.delete(timer)
        if (until.aborted) return
        reconciler.doubt(gate)
        enqueue(gate)
      })
      timers.add(timer)
    },
    ended: async () => {
      await Promise.all(timers)
    },
  }
}

function endOf(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else {
      signal.addEventListener('abort', () => {
        resolve()
      })
    }
  })
}
