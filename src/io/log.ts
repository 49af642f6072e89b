import { pino, type DestinationStream } from 'pino'
import type { LogLevel } from './log-levels.js'

/** Every key a log line may have: identifiers and figures, never an object's body, a Secret's data or a token. */
export interface LogFields {
  readonly uid?: string
  readonly operation?: string
  readonly group?: string
  readonly kind?: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  readonly username?: string
  readonly policy?: string
  readonly policies?: readonly string[]
  readonly action?: string
  readonly decision?: string
  readonly dryRun?: boolean
  readonly code?: string
  readonly error?: string
  readonly status?: number
  readonly durationMs?: number
  readonly count?: number
  readonly bundle?: string
  readonly revision?: string
  readonly file?: string
  readonly address?: string
  readonly port?: number
  readonly notAfter?: string
  readonly resourceVersion?: string
  readonly reason?: string
  readonly changes?: readonly string[]
  /** Who wrote last, in their own words: a hint, no evidence. */
  readonly managerHint?: string
}

/** JSON lines on one stream. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** A logger of one component (`webhook`, `certificates`, …); lines below `level` are not written. */
export function createLogger(options: {
  readonly component: string
  readonly level: LogLevel
  readonly stream: DestinationStream
}): Logger {
  const { component, level, stream } = options
  const logger = pino(
    {
      level,
      base: { component },
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
    },
    stream,
  )
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  }
}
