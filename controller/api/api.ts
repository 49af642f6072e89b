import { setMaxListeners } from 'node:events'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient } from '../../src/io/cluster/cluster-client.js'
import { createTokenReviewer } from '../../src/io/cluster/token-review.js'
import type { Logger } from '../../src/io/log.js'
import type { GateRecord } from '../../src/provenance/record.js'
import { createLiveAnswers } from '../live/live-answers.js'
import type { Metrics } from '../metrics.js'
import type { ApiOptions } from '../options.js'
import { createKeptRecords } from '../records/kept-records.js'
import { runAuthority } from './authority.js'
import { CONTROLLER_AUDIENCE, createCallerCheck } from './caller.js'
import { openCertificates } from './certificates.js'
import { createListener } from './listener.js'
import { createRoutes } from './routes.js'
import { type ApiServer, startApiServer } from './server.js'

export interface ApiParts {
  readonly client: ClusterClient
  readonly address: string
  readonly options: ApiOptions
  /** The controller's own. */
  readonly namespace: string
  /** Told of records that are kept now, or were before. */
  readonly onRecords: (records: readonly GateRecord[]) => void
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Logger
}

/** What gates before the sync ask. */
export interface Api {
  readonly port: number
  /** What only the replica that leads does for it. */
  readonly works: readonly ((signal: AbortSignal) => Promise<void>)[]
  close(): Promise<void>
}

/**
 * Starts what gates before the sync ask: what is live every replica answers, which asks the API server anew; records only the
 * one that leads takes.
 *
 * @throws GateError
 */
export async function startApi(parts: ApiParts): Promise<Api> {
  const { client, address, options, namespace, onRecords, metrics, clock, log } = parts
  const { applicationsNamespace, recordsDirectory, certificate } = options
  const records = recordsDirectory === undefined ? null : createKeptRecords(recordsDirectory, { metrics, log })
  const routes = createRoutes({
    live: createLiveAnswers(client, { applicationsNamespace, clock, log }),
    records,
    onAppended: ({ appended, known }, received) => {
      onRecords(received)
      metrics.recordsReceived.inc({ result: 'appended' }, appended)
      metrics.recordsReceived.inc({ result: 'known' }, known)
    },
    onLive: counts => {
      for (const [result, count] of Object.entries(counts)) metrics.liveObjects.inc({ result }, count)
    },
  })
  const review = createTokenReviewer(client, { audiences: [CONTROLLER_AUDIENCE], clock })
  const listener = createListener({
    routes,
    callerOf: createCallerCheck(review, options.callers),
    onAnswered: (route, status) => {
      metrics.apiRequests.inc({ route, status: String(status) })
    },
    clock,
    log,
  })
  const ending = new AbortController()
  const { signal } = ending
  // Every watch listens to it.
  setMaxListeners(0, signal)
  let server: ApiServer | null = null
  try {
    const certificates = await openCertificates(certificate, {
      ...{ client, namespace, clock, log, signal },
      onChange: material => server?.use(material),
    })
    server = await startApiServer({ address, port: options.port, material: certificates.current(), listener })
    // It may have changed meanwhile.
    server.use(certificates.current())
    const started = server
    const { port } = started
    log.info('the API is served', { address, port })
    const isOwn = 'secret' in certificate
    return {
      port,
      works: [
        ...(records === null ? [] : [(leading: AbortSignal) => records.run(leading)]),
        ...(isOwn
          ? [
              (leading: AbortSignal) =>
                runAuthority({ client, certificates, namespace: applicationsNamespace, log, clock }, leading),
            ]
          : []),
      ],
      close: async () => {
        ending.abort()
        await started.close()
      },
    }
  } catch (error) {
    ending.abort()
    throw error
  }
}
