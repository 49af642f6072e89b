import { thrownText } from '../../errors.js'
import { type GateRecord, recordLine } from '../../provenance/record.js'
import { type ControllerClient, ControllerError } from '../controller-client.js'
import { createFailureNotice } from '../failure-notice.js'
import type { Logger } from '../log.js'
import type { Spool } from './spool.js'

export interface RecorderOptions {
  readonly spool: Spool
  /** null: nobody to send to; what is kept waits for a process that has somebody. */
  readonly client: Pick<ControllerClient, 'send'> | null
  readonly log: Logger
}

/** What became of records. */
export interface RecordCounts {
  readonly sent: number
  /** Not kept, since the disk or the bound of the spool did not allow it, or not taken for what they are. */
  readonly dropped: number
}

/** Takes records from a gate. Nothing here ever fails or waits for the controller. */
export interface Recorder {
  /** Resolves when the records are on the disk, or are given up; they are sent in the background. */
  record(records: readonly GateRecord[]): Promise<void>
  /** Sends what waits until all is sent, the controller is lost, or the time is over: for a program that ends. */
  flush(timeoutMs: number): Promise<void>
  readonly counts: RecordCounts
  /** Gives up what is under way; what was not taken waits on the disk. */
  close(): Promise<void>
}

/** Puts records into a spool, and sends what waits there: also what an earlier process has left. */
export function createRecorder({ spool, client, log }: RecorderOptions): Recorder {
  const ending = new AbortController()
  const isEnding = () => ending.signal.aborted
  let sent = 0
  let dropped = 0
  let sending: Promise<void> | null = null
  let isMore = false
  const notice = createFailureNotice(error => {
    if (error === null) log.info('records are sent again')
    else log.warn('records wait until the controller takes them', { error: thrownText(error) })
  })

  const drop = (count: number, error: unknown) => {
    dropped += count
    log.warn('records were dropped', { count, error: thrownText(error) })
  }

  const sendAll = async (to: Pick<ControllerClient, 'send'>): Promise<void> => {
    for (const batch of await spool.batches()) {
      if (isEnding()) return
      const lines = await spool.read(batch)
      if (isEnding()) return
      if (lines === null) continue
      try {
        await to.send(lines, ending.signal)
        sent += lines.length
        notice(null)
      } catch (thrown) {
        if (isEnding()) return
        if (!(thrown instanceof ControllerError) || thrown.isPassing) {
          notice(thrown)
          return
        }
        // Refused for what it is: sent again it would keep back everything behind it.
        drop(lines.length, thrown)
      }
      await spool.remove(batch)
    }
  }

  const run = async (to: Pick<ControllerClient, 'send'>): Promise<void> => {
    try {
      do {
        isMore = false
        await sendAll(to)
        // What came meanwhile was perhaps not among the batches; set by send().
      } while (isMoreToSend())
    } catch (thrown) {
      notice(thrown)
    } finally {
      sending = null
    }
  }
  const isMoreToSend = () => isMore && !isEnding()

  const send = (): Promise<void> => {
    if (client === null || isEnding()) return Promise.resolve()
    isMore = true
    sending ??= run(client)
    return sending
  }

  return {
    record: async records => {
      if (records.length === 0) return
      try {
        const displaced = await spool.put(records.map(recordLine))
        if (displaced > 0) drop(displaced, 'the spool is full')
      } catch (thrown) {
        drop(records.length, thrown)
      }
      // Never rejects.
      void send()
    },
    flush: async timeoutMs => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, timeoutMs)
      })
      await Promise.race([send(), late])
      clearTimeout(timer)
    },
    get counts() {
      return { sent, dropped }
    },
    close: async () => {
      ending.abort()
      await sending
    },
  }
}
