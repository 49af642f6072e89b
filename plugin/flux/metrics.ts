import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** What the Flux gate counts; no object's name is in a label. */
export function createMetrics() {
  /** Read when somebody asks. */
  const readings = {
    queueLength: () => 0,
    eventsDropped: () => 0,
    gates: (): Readonly<Record<GateCondition, number>> => ({ ready: 0, held: 0, unknown: 0 }),
  }
  const registry = new Registry()
  const registers = [registry]
  const name = (rest: string) => `lockkeeper_flux_${rest}`
  return {
    registry,
    readings,
    judgements: new Counter({
      name: name('judgements_total'),
      help: 'Artifacts judged, by action: allow, warn, deny, or error (could not be judged).',
      labelNames: ['action'] as const,
      registers,
    }),
    duration: new Histogram({
      name: name('judgement_duration_seconds'),
      help: 'How long it took to fetch, render and judge an artifact.',
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
      registers,
    }),
    stale: new Counter({
      name: name('stale_judgements_total'),
      help: 'Judgements that were thrown away, for something that they depended on had changed meanwhile.',
      registers,
    }),
    failures: new Counter({
      name: name('failures_total'),
      help: 'Attempts that ended without a judgement, by code.',
      labelNames: ['code'] as const,
      registers,
    }),
    published: new Counter({
      name: name('publications_total'),
      help: 'Times that the status of an ExternalArtifact was written.',
      registers,
    }),
    gates: new Gauge({
      name: name('gates'),
      help: 'ArtifactGates, by condition: ready, held at the last allowed revision, or unknown.',
      labelNames: ['condition'] as const,
      registers,
      collect() {
        for (const [condition, count] of Object.entries(readings.gates())) this.set({ condition }, count)
      },
    }),
    queue: new Gauge({
      name: name('queue_length'),
      help: 'ArtifactGates that wait to be looked at, or are being looked at.',
      registers,
      collect() {
        this.set(readings.queueLength())
      },
    }),
    served: new Counter({
      name: name('served_total'),
      help: 'Requests for artifacts, by HTTP status.',
      labelNames: ['status'] as const,
      registers,
    }),
    lost: new Counter({
      name: name('lost_artifacts_total'),
      help: 'Artifacts on the volume that were not what they had been, or not there.',
      registers,
    }),
    notifications: new Counter({
      name: name('notifications_total'),
      help: 'Events for notification-controller, by result: sent, known (it had it already), dropped, or failed.',
      labelNames: ['result'] as const,
      registers,
    }),
    eventsDropped: new Gauge({
      name: name('events_dropped'),
      help: 'Events that were not written: too many, or refused.',
      registers,
      collect() {
        this.set(readings.eventsDropped())
      },
    }),
    bundlesRefused: new Counter({
      name: name('bundles_refused_total'),
      help: 'Bundles that could not be used; the last good one goes on.',
      registers,
    }),
    leader: new Gauge({ name: name('leader'), help: '1 where this replica leads, judges and serves.', registers }),
  }
}

/** How a gate is. */
export type GateCondition = 'ready' | 'held' | 'unknown'

export type Metrics = ReturnType<typeof createMetrics>
