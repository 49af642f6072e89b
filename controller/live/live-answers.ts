import { GateError } from '../../src/errors.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient } from '../../src/io/cluster/cluster-client.js'
import { createLiveReading } from '../../src/io/cluster/live/live-reading.js'
import type { Logger } from '../../src/io/log.js'
import { isJsonObject, type JsonObject, stringMembers } from '../../src/json.js'
import type { LiveAnswer } from '../../src/live-objects.js'
import type { LiveQuery } from '../../src/live-query.js'
import { readApplication } from './application.js'

export interface LiveAnswersOptions {
  /** Where Argo CD keeps Applications whose name comes without a namespace. */
  readonly applicationsNamespace: string
  readonly maxAnswerBytes?: number
  readonly clock: Clock
  readonly log: Logger
}

/** Answers what is live in this cluster. */
export type LiveAnswers = (query: LiveQuery, signal: AbortSignal) => Promise<LiveAnswer>

/** Argo CD's own names for the cluster that it runs in. */
const OWN_CLUSTER: readonly string[] = ['https://kubernetes.default.svc', 'in-cluster']
const NO_PRUNE = /(?:^|,)\s*Prune=false\s*(?:,|$)/

/**
 * Reads what a gate asks for through the cluster client.
 *
 * The returned function rejects with a ClusterError when the API server cannot be asked, and with CONTROLLER_REFUSED for an
 * Application that is not known, or that deploys to another cluster.
 */
export function createLiveAnswers(client: ClusterClient, options: LiveAnswersOptions): LiveAnswers {
  const { applicationsNamespace, log } = options
  const read = createLiveReading(client, options)
  return async (query, signal) => {
    const { destinationNamespace, objects } = query
    const state = await readApplication(client, query.application, applicationsNamespace, signal)
    if (state === null) {
      log.warn('there is no such Application: where it deploys to and what it has are not known', {
        namespace: applicationsNamespace,
        name: query.application,
      })
      // "Nothing would be pruned", and objects of a cluster that may be another, would be taken for answers.
      throw new GateError('CONTROLLER_REFUSED', 'there is no such Application')
    }
    if (state.destination !== '' && !OWN_CLUSTER.includes(state.destination)) {
      throw new GateError(
        'CONTROLLER_REFUSED',
        'the Application deploys to another cluster than the one of this controller',
      )
    }
    return read({ objects, applied: state.resources, destinationNamespace, isPrunable }, signal)
  }
}

function isPrunable(object: JsonObject): boolean {
  const metadata = isJsonObject(object.metadata) ? object.metadata : {}
  const { 'argocd.argoproj.io/sync-options': options = '' } = stringMembers(metadata.annotations)
  return !NO_PRUNE.test(options)
}
