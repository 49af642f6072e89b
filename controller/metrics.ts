import { Counter, Gauge, Registry } from 'prom-client'

/** What the controller counts; no object's name is in a label. */
export function createMetrics() {
  /** Read when somebody asks. */
  const readings = { queueLength: () => 0, eventsDropped: () => 0, records: () => 0, recordsBytes: () => 0 }
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
    apiRequests: new Counter({
      name: 'lockkeeper_api_requests_total',
      help: 'Requests of gates before the sync, by path and HTTP status.',
      labelNames: ['route', 'status'] as const,
      registers,
    }),
    liveObjects: new Counter({
      name: 'lockkeeper_api_live_objects_total',
      help: 'Live objects that gates asked for: found, absent, or withheld (never read, or not allowed to be).',
      labelNames: ['result'] as const,
      registers,
    }),
    recordsReceived: new Counter({
      name: 'lockkeeper_records_received_total',
      help: 'Records of gates, by result: appended, or known already.',
      labelNames: ['result'] as const,
      registers,
    }),
    records: new Gauge({
      name: 'lockkeeper_records',
      help: 'Records that are kept.',
      registers,
      collect() {
        this.set(readings.records())
      },
    }),
    recordsBytes: new Gauge({
      name: 'lockkeeper_records_bytes',
      help: 'Bytes of the records that are kept.',
      registers,
      collect() {
        this.set(readings.recordsBytes())
      },
    }),
    refreshes: new Counter({
      name: 'lockkeeper_freshness_refreshes_total',
      help: 'Hard refreshes of Argo CD Applications because of another bundle, by result: asked, gone, or failed.',
      labelNames: ['result'] as const,
      registers,
    }),
    refreshesLeft: new Gauge({
      name: 'lockkeeper_freshness_refreshes_left',
      help: 'Applications that have still to be asked for a refresh because of the bundle in force.',
      registers,
    }),
    announced: new Gauge({
      name: 'lockkeeper_freshness_announced_timestamp_seconds',
      help: 'When every Application of the plugin had been asked for a refresh; 0 when this replica has not done so.',
      registers,
    }),
    bundlesRefused: new Counter({
      name: 'lockkeeper_controller_bundles_refused_total',
      help: 'Bundles that could not be used; the last good one goes on.',
      registers,
    }),
    receiptKeysMade: new Counter({
      name: 'lockkeeper_receipt_keys_made_total',
      help: 'Keys made to sign receipts with, by why: first, lost, or rotation.',
      labelNames: ['reason'] as const,
      registers,
    }),
    receiptKeysTrusted: new Gauge({
      name: 'lockkeeper_receipt_keys_trusted',
      help: 'Public keys that receipts are checked with.',
      registers,
    }),
    receiptKeyCreated: new Gauge({
      name: 'lockkeeper_receipt_keys_signing_created_timestamp_seconds',
      help: 'When the key was made that signs receipts.',
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
