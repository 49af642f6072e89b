import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import pRetry, { AbortError } from 'p-retry'
import { createFailureNotice } from '../failure-notice.js'
import { EventQueue, type Batch } from './event-queue.js'
import { createPoster, type Post } from './post.js'
import type { Sink, SinkEvents } from './sink.js'

/** How a decision log is sent to a receiver of OPA's decision log service API. */
export interface HttpSinkOptions extends SinkEvents {
  readonly url: URL
  /** Beside what the API says, for instance `authorization`. */
  readonly headers: Readonly<Record<string, string>>
  readonly maxQueueBytes: number
  /** Of JSON before it is compressed. */
  readonly maxBatchBytes: number
  /** An event waits no longer than this for others to travel with. */
  readonly flushIntervalMs: number
  readonly maxInFlight: number
  /** For one POST. */
  readonly timeoutMs: number
  readonly backoff: { readonly minMs: number; readonly maxMs: number; readonly retries: number }
  readonly closeTimeoutMs: number
}

/** What is tried again while the sink is closing; its time is bounded anyway. */
const CLOSING_RETRIES = 3

/** The receiver does not want these very events, however often they come. */
const REFUSED: readonly number[] = [400, 413, 422]

const compress = promisify(gzip)

/** POSTs events as gzipped JSON arrays, again with growing pauses while the receiver is away. */
export function createHttpSink(options: HttpSinkOptions): Sink {
  const { maxQueueBytes, maxBatchBytes, flushIntervalMs, maxInFlight, closeTimeoutMs, onWritten, onDropped } = options
  const { minMs, maxMs, retries } = options.backoff
  const queue = new EventQueue(maxQueueBytes)
  const poster = createPoster({ url: options.url, timeoutMs: options.timeoutMs })
  const notice = createFailureNotice(options.onFailing)
  /** Ends the pauses between attempts when the sink is closed. */
  const patience = new AbortController()
  const inFlight = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let givenUp = false

  const deliver = async (batch: Batch): Promise<void> => {
    const post = await postOf(batch)
    const outcome = { isDelivered: false }
    const attempt = async (): Promise<void> => {
      if (givenUp) throw new AbortError('the decision log was closed before everything was sent')
      const status = await poster.post(post)
      if (REFUSED.includes(status)) throw new AbortError(`the receiver refuses events with status ${status}`)
      if (status < 200 || status > 299) throw new Error(`the receiver answers with status ${status}`)
      outcome.isDelivered = true
    }
    const pauses = { minTimeout: minMs, maxTimeout: maxMs, factor: 2, randomize: true, unref: true }
    const onFailedAttempt = ({ error }: { error: Error }): void => {
      if (!outcome.isDelivered) notice(error)
    }
    try {
      await pRetry(attempt, { ...pauses, retries, onFailedAttempt, signal: patience.signal })
    } catch (error) {
      // The signal also ends a call whose attempt just came through.
      if (outcome.isDelivered) return
      if (!patience.signal.aborted) throw error
      await pRetry(attempt, { ...pauses, unref: false, retries: CLOSING_RETRIES, onFailedAttempt })
    }
  }

  const postOf = async ({ lines }: Batch): Promise<Post> => ({
    body: await compress(`[${lines.join(',')}]`),
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', ...options.headers },
  })

  const send = async (batch: Batch): Promise<void> => {
    const count = batch.lines.length
    try {
      await deliver(batch)
      onWritten(count)
      notice(null)
    } catch (error) {
      onDropped(count)
      notice(error)
    }
    queue.settle(batch)
  }

  const pump = (): void => {
    clearTimeout(timer)
    timer = undefined
    while (inFlight.size < maxInFlight) {
      const batch = queue.take(maxBatchBytes)
      if (batch === null) return
      const sending = send(batch).finally(() => {
        inFlight.delete(sending)
        schedule()
      })
      inFlight.add(sending)
    }
  }

  /** Sends what is worth a batch, and everything on closing; the rest waits for its time. */
  const schedule = (): void => {
    if (queue.waitingBytes === 0) return
    if (closed || queue.waitingBytes >= maxBatchBytes) pump()
    else timer ??= setTimeout(pump, flushIntervalMs).unref()
  }

  return {
    write: line => {
      if (closed || !queue.push(line)) onDropped(1)
      else schedule()
    },
    close: async () => {
      closed = true
      patience.abort(new Error('the decision log is closing'))
      const deadline = setTimeout(() => {
        givenUp = true
        poster.close()
      }, closeTimeoutMs)
      pump()
      // Each one that ends starts the next; after the deadline all of them end at once.
      while (inFlight.size > 0) await Promise.race(inFlight)
      clearTimeout(deadline)
      poster.close()
    },
  }
}
