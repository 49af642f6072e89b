import { GateError } from '../../errors.js'
import type { DecisionLogEvent } from './event.js'
import { createFileSink } from './file-sink.js'
import { createHttpSink } from './http-sink.js'
import type { Sink, SinkEvents } from './sink.js'

/** How a decision log is kept; what is not given is as OPA or a small Pod would have it. */
export interface DecisionLogOptions extends SinkEvents {
  /** A file, or an http(s) URL that events are POSTed to as they would be to OPA's `/logs`. */
  readonly target: string
  /** Beside what the API says, for instance `authorization`; for URLs only. */
  readonly headers?: Readonly<Record<string, string>>
  readonly limits?: Partial<DecisionLogLimits>
}

/** The bounds of a decision log. */
export interface DecisionLogLimits {
  readonly maxEventBytes: number
  readonly maxQueueBytes: number
  readonly maxFileBytes: number
  readonly oldFiles: number
  readonly maxBatchBytes: number
  readonly flushIntervalMs: number
  readonly maxInFlight: number
  readonly timeoutMs: number
  readonly backoff: { readonly minMs: number; readonly maxMs: number; readonly retries: number }
  readonly closeTimeoutMs: number
}

const MIB = 1024 * 1024

const LIMITS: DecisionLogLimits = {
  maxEventBytes: MIB,
  maxQueueBytes: 16 * MIB,
  maxFileBytes: 64 * MIB,
  oldFiles: 3,
  maxBatchBytes: MIB / 2,
  flushIntervalMs: 1000,
  maxInFlight: 2,
  timeoutMs: 10_000,
  // An hour of pauses: what has not been taken by then is not worth the place in the queue.
  backoff: { minMs: 250, maxMs: 30_000, retries: 120 },
  closeTimeoutMs: 5000,
}

/** Where a door puts its events; nothing of it throws or waits but `close`. */
export interface DecisionLog {
  /** Takes one event, or drops and counts it. */
  write(event: DecisionLogEvent): void
  /** Delivers what waits, within a bound. */
  close(): Promise<void>
}

/**
 * Opens a decision log. Nothing is written or sent before the first event.
 *
 * @throws GateError CONFIG_INVALID for a URL that is none
 */
export function createDecisionLog(options: DecisionLogOptions): DecisionLog {
  const limits = { ...LIMITS, ...options.limits }
  const sink = createSink(options, limits)
  return {
    write: event => {
      let line: string
      try {
        line = JSON.stringify(event)
      } catch (error) {
        options.onDropped(1)
        options.onFailing(error)
        return
      }
      if (Buffer.byteLength(line) > limits.maxEventBytes) options.onDropped(1)
      else sink.write(line)
    },
    close: () => sink.close(),
  }
}

function createSink({ target, headers, ...events }: DecisionLogOptions, limits: DecisionLogLimits): Sink {
  const common = { ...limits, onWritten: events.onWritten, onDropped: events.onDropped, onFailing: events.onFailing }
  if (!/^https?:/i.test(target)) return createFileSink({ ...common, path: target })
  if (!URL.canParse(target)) throw new GateError('CONFIG_INVALID', `decision log: ${target} is not a URL`)
  return createHttpSink({ ...common, url: new URL(target), headers: headers ?? {} })
}
