import { Counter, Gauge, Registry } from 'prom-client'

/** What the controller counts; no object's name is in a label. */
export function createMetrics() {
  /** Read when somebody asks. */
  const readings = { queueLength: () => 0, eventsDropped: () => 0 }
  const registry = new Registry()
  const registers = [registry]
  const name = (rest: string) => `lockkeeper_audit_${rest}`
  return {
    registry,
    objects: new Counter({
      name: name('objects_total'),
      help: 'Objects judged by the audit, by result: clean, findings, or failed (could not be judged).',
      labelNames: ['result'] as const,
      registers,
    }),
    findings: new Gauge({
      name: name('findings'),
      help: 'Findings of the last complete audit, by policy and action.',
      labelNames: ['policy', 'action'] as const,
      registers,
    }),
    duration: new Gauge({
      name: name('duration_seconds'),
      help: 'How long the last complete audit took.',
      registers,
    }),
    readings,
    queue: new Gauge({
      name: name('queue_length'),
      help: 'Objects that wait to be judged, or are being judged.',
      registers,
      collect() {
        this.set(readings.queueLength())
      },
    }),
    lastComplete: new Gauge({
      name: name('last_complete_timestamp_seconds'),
      help: 'When the last complete audit ended.',
      registers,
    }),
    leader: new Gauge({ name: name('leader'), help: '1 where this replica leads, and audits.', registers }),
    reports: new Counter({
      name: name('reports_total'),
      help: 'Reports, by what was done: written, deleted, or failed.',
      labelNames: ['operation'] as const,
      registers,
    }),
    unreadable: new Gauge({
      name: name('unreadable_kinds'),
      help: 'Kinds that policies speak of and that could not be listed in the last audit.',
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
  }
}

export type Metrics = ReturnType<typeof createMetrics>
