import { once } from 'node:events'
import type { Logger } from '../../src/io/log.js'
import type { Metrics } from '../metrics.js'
import { openRecordStore, type RecordStore } from './record-store.js'

/** The records of the replica that leads: nobody else writes to their directory, which replicas may share. */
export interface KeptRecords {
  /** null: another replica leads, or none yet. */
  readonly store: Pick<RecordStore, 'append' | 'find'> | null
  /** Keeps them until the signal is aborted. Only the leader may run it. @throws GateError FILE_UNWRITABLE */
  run(signal: AbortSignal): Promise<void>
}

export function createKeptRecords(
  directory: string,
  { metrics, log }: { readonly metrics: Pick<Metrics, 'readings'>; readonly log: Logger },
): KeptRecords {
  let store: RecordStore | null = null
  metrics.readings.records = () => store?.count ?? 0
  metrics.readings.recordsBytes = () => store?.bytes ?? 0
  return {
    get store() {
      return store
    },
    run: async signal => {
      const opened = await openRecordStore({ directory, log })
      store = opened
      try {
        if (!signal.aborted) await once(signal, 'abort')
      } finally {
        store = null
        // What is being appended is waited for.
        await opened.close()
      }
    },
  }
}
