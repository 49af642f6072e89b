import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient } from '../../src/io/cluster/cluster-client.js'
import { createTokenReviewer } from '../../src/io/cluster/token-review.js'
import type { Logger } from '../../src/io/log.js'
import { createLiveAnswers } from '../live/live-answers.js'
import type { Metrics } from '../metrics.js'
import type { ApiOptions } from '../options.js'
import { openRecordStore } from '../records/record-store.js'
import { CONTROLLER_AUDIENCE, createCallerCheck } from './caller.js'
import { createListener } from './listener.js'
import { createRoutes } from './routes.js'
import { type ApiServer, startApiServer } from './server.js'

export interface ApiParts {
  readonly client: ClusterClient
  readonly address: string
  readonly options: ApiOptions
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Logger
}

/** Starts what gates before the sync ask: live objects, and where their records are kept. @throws GateError */
export async function startApi({ client, address, options, metrics, clock, log }: ApiParts): Promise<ApiServer> {
  const records =
    options.recordsDirectory === undefined ? null : await openRecordStore({ directory: options.recordsDirectory, log })
  if (records !== null) {
    metrics.readings.records = () => records.count
    metrics.readings.recordsBytes = () => records.bytes
  }
  const routes = createRoutes({
    live: createLiveAnswers(client, { applicationsNamespace: options.applicationsNamespace, clock, log }),
    records,
    onAppended: ({ appended, known }) => {
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
  const { certFile, keyFile, port } = options
  try {
    const server = await startApiServer({ address, port, certFile, keyFile, listener, clock, log })
    log.info('the API is served', { address, port: server.port })
    return {
      port: server.port,
      close: async () => {
        await server.close()
        await records?.close()
      },
    }
  } catch (error) {
    await records?.close()
    throw error
  }
}
