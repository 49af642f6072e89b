import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { thrownText } from '../../src/errors.js'
import { backoffMs, type Clock } from '../../src/io/cluster/clock.js'
import type { Logger } from '../../src/io/log.js'
import type { Notice } from './gate/notices.js'
import type { Metrics } from './metrics.js'

export interface NotificationsOptions {
  /** Where notification-controller takes events. */
  readonly url: URL
  /** The replica. */
  readonly instance: string
  readonly metrics: Pick<Metrics, 'notifications'>
  readonly log: Logger
  readonly clock: Clock
}

/** Sends events to notification-controller in the background. */
export interface Notifications {
  /** Returns at once and never throws. */
  send(notice: Notice): void
  /** Sends what waits, for a few seconds at most. */
  close(): Promise<void>
}

const CONTROLLER = 'lockkeeper-flux'
const MAX_WAITING = 500
const MAX_ATTEMPTS = 4
const TIMEOUT_MS = 5_000
const CLOSE_MS = 5_000
const MAX_MESSAGE_LENGTH = 39_000

/** The body that notification-controller takes: an `Event` of `event.toolkit.fluxcd.io/v1beta1`. */
export function eventBody({ facts, metadata }: Notice, instance: string, date: Date): string {
  const { regarding, type, reason, note } = facts
  const { apiVersion, kind, namespace, name, uid = '' } = regarding
  return JSON.stringify({
    involvedObject: { kind, namespace, name, ...(uid !== '' && { uid }), apiVersion },
    severity: type === 'Warning' ? 'error' : 'info',
    timestamp: date.toISOString().replace(/\.\d+Z$/, 'Z'),
    message: note.slice(0, MAX_MESSAGE_LENGTH),
    reason,
    metadata,
    reportingController: CONTROLLER,
    reportingInstance: instance,
  })
}

export function createNotifications({ url, instance, metrics, log, clock }: NotificationsOptions): Notifications {
  const waiting: string[] = []
  const ending = new AbortController()
  let isClosed = false
  let sending: Promise<void> | null = null

  const sendOne = async (body: string): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      const problem = await post(url, body, ending.signal).then(
        status => (status < 300 || status === 429 ? status : `it answers HTTP ${status}`),
        thrownText,
      )
      if (typeof problem === 'number') {
        // What came within the last minutes already is answered so.
        metrics.notifications.inc({ result: problem === 429 ? 'known' : 'sent' })
        return
      }
      const isRefused = problem.startsWith('it answers HTTP 4')
      if (isRefused || attempt >= MAX_ATTEMPTS || ending.signal.aborted) {
        metrics.notifications.inc({ result: 'failed' })
        log.warn('notification-controller did not take an event', { address: url.host, error: problem })
        return
      }
      await clock.wait(backoffMs(attempt, clock), ending.signal)
    }
  }
  const sendAll = async () => {
    for (let body = waiting.shift(); body !== undefined; body = waiting.shift()) await sendOne(body)
  }
  return {
    send: notice => {
      if (isClosed || waiting.length >= MAX_WAITING) {
        metrics.notifications.inc({ result: 'dropped' })
        return
      }
      waiting.push(eventBody(notice, instance, clock.date()))
      sending ??= sendAll().finally(() => {
        sending = null
      })
    },
    close: async () => {
      isClosed = true
      if (sending === null) return
      const ended = new AbortController()
      const limit = clock.wait(CLOSE_MS, ended.signal).then(() => {
        metrics.notifications.inc({ result: 'dropped' }, waiting.splice(0).length)
        ending.abort()
      })
      await Promise.race([sending, limit])
      ended.abort()
    },
  }
}

function post(url: URL, body: string, signal: AbortSignal): Promise<number> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    request(url, { method: 'POST', agent: false, signal: limit, headers }, response => {
      response.resume()
      response.on('error', reject)
      response.on('end', () => {
        resolve(response.statusCode ?? 0)
      })
    })
      .on('error', reject)
      .end(body)
  })
}
