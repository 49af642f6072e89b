import { createFailureNotice } from '../failure-notice.js'
import { EventQueue } from './event-queue.js'
import { RotatingFile } from './rotating-file.js'
import type { Sink, SinkEvents } from './sink.js'

/** How a decision log is kept in a file. */
export interface FileSinkOptions extends SinkEvents {
  readonly path: string
  readonly maxQueueBytes: number
  /** The file is rotated before it gets larger. */
  readonly maxFileBytes: number
  readonly oldFiles: number
  readonly closeTimeoutMs: number
}

/** What is written at once. */
const MAX_BATCH_BYTES = 1024 * 1024

/** Appends events to a file as JSON lines. A batch that cannot be written is dropped: a full disk does not fill the memory. */
export function createFileSink(options: FileSinkOptions): Sink {
  const { path, maxQueueBytes, maxFileBytes, oldFiles, closeTimeoutMs, onWritten, onDropped } = options
  const queue = new EventQueue(maxQueueBytes)
  const file = new RotatingFile(path, { maxBytes: maxFileBytes, oldFiles })
  const notice = createFailureNotice(options.onFailing)
  let writing: Promise<void> | null = null
  let closed = false
  let givenUp = false

  const drain = async (): Promise<void> => {
    for (let batch = queue.take(MAX_BATCH_BYTES); batch !== null; batch = queue.take(MAX_BATCH_BYTES)) {
      const count = batch.lines.length
      try {
        if (givenUp) throw new Error('the decision log was closed before everything was written')
        await file.append(batch.lines.map(line => `${line}\n`).join(''))
        onWritten(count)
        notice(null)
      } catch (error) {
        onDropped(count)
        notice(error)
      }
      queue.settle(batch)
    }
    writing = null
  }

  return {
    write: line => {
      if (closed || !queue.push(line)) onDropped(1)
      else writing ??= drain()
    },
    close: async () => {
      closed = true
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, closeTimeoutMs)
      })
      const finished = (async () => {
        await writing
        await file.close()
      })()
      await Promise.race([finished.catch(notice), late])
      clearTimeout(timer)
      givenUp = true
    },
  }
}
