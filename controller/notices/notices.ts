import { thrownText } from '../../src/errors.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import {
  type ClusterClient,
  ClusterError,
  type ClusterObject,
  type Collection,
} from '../../src/io/cluster/cluster-client.js'
import { keepNewest } from '../../src/io/keep-newest.js'
import type { Logger } from '../../src/io/log.js'
import { isJsonObject, type JsonObject, stringMembers } from '../../src/json.js'
import type { GateRecord } from '../../src/provenance/record.js'
import { applicationPlace } from '../live/application.js'
import { laterWarnings, renderWarnings, type RenderWarnings, warningsText } from './warnings.js'

/** One way to tell people what a render of their Application was warned of. */
export interface Teller {
  /** Between two notices about one Application. */
  readonly intervalMs: number
  /** @param text '' where nothing is left to be warned of @throws ClusterError */
  tell(text: string, application: ClusterObject, collection: Collection, signal: AbortSignal): Promise<void>
}

export interface NoticesParts {
  readonly client: Pick<ClusterClient, 'find'>
  readonly applicationsNamespace: string
  readonly log: Logger
  readonly clock: Clock
}

/** Notices that wait for their time. */
export interface Notices {
  take(records: readonly GateRecord[]): void
  /** Tells them until the signal is aborted. Only the leader may run it. */
  run(signal: AbortSignal): Promise<void>
}

interface Waiting {
  readonly render: RenderWarnings
  readonly sinceMs: number
}

const POLL_MS = 5_000
/** In each poll: two a second. */
const AT_ONCE = 10
const MAX_APPLICATIONS = 4096
/** A render of something that is never compared, such as a preview, is nobody's news. */
const GIVE_UP_MS = 600_000

/**
 * Keeps the last render of each Application until Argo CD has compared the Application with it, and tells its warnings then: so a
 * preview of another revision tells nothing, and neither does a render that was denied. Of an Application with several sources it
 * is the source that was rendered last.
 */
export function createNotices(teller: Teller, parts: NoticesParts): Notices {
  const { clock, log, applicationsNamespace } = parts
  const waiting = new Map<string, Waiting>()
  const toldMs = new Map<string, number>()

  const settle = async (application: string, { render, sinceMs }: Waiting, signal: AbortSignal): Promise<void> => {
    const place = applicationPlace(application, applicationsNamespace)
    const object = place === null ? null : await parts.client.find(place.collection, place.name, { signal })
    const isLate = clock.monotonicMs() - sinceMs > GIVE_UP_MS
    if (place !== null && object !== null && !isComparedWith(object, render.revision)) {
      if (isLate) forget(application, render)
      return
    }
    forget(application, render)
    if (place === null || object === null) return
    keepNewest(toldMs, application, clock.monotonicMs(), MAX_APPLICATIONS)
    await teller.tell(warningsText(render), object, place.collection, signal)
  }
  /** Unless another render came meanwhile. */
  const forget = (application: string, render: RenderWarnings): void => {
    if (waiting.get(application)?.render === render) waiting.delete(application)
  }

  const tellOne = async (application: string, each: Waiting, signal: AbortSignal): Promise<void> => {
    const isOver = () => signal.aborted
    if (isOver()) return
    // What cannot be told now lets the others go first.
    if (waiting.get(application) === each) keepNewest(waiting, application, each, MAX_APPLICATIONS)
    try {
      await settle(application, each, signal)
    } catch (thrown) {
      if (isOver()) return
      if (!(thrown instanceof ClusterError)) throw thrown
      forget(application, each.render)
      log.warn('the warnings of an Application could not be told', { name: application, error: thrownText(thrown) })
    }
  }

  return {
    take: records => {
      for (const render of renderWarnings(records)) {
        const { application } = render
        const later = laterWarnings(waiting.get(application)?.render, render)
        keepNewest(waiting, application, { render: later, sinceMs: clock.monotonicMs() }, MAX_APPLICATIONS)
      }
    },
    run: async signal => {
      try {
        while (!signal.aborted) {
          await clock.wait(POLL_MS, signal)
          const nowMs = clock.monotonicMs()
          const due = [...waiting].filter(([application]) => {
            const lastMs = toldMs.get(application)
            return lastMs === undefined || nowMs - lastMs >= teller.intervalMs
          })
          for (const [application, each] of due.slice(0, AT_ONCE)) await tellOne(application, each, signal)
        }
      } finally {
        // The next leader knows better.
        waiting.clear()
      }
    },
  }
}

/** Whether the last comparison succeeded, and was with this revision. */
function isComparedWith(application: ClusterObject, revision: string): boolean {
  const status = isJsonObject(application.status) ? application.status : {}
  const sync: JsonObject = isJsonObject(status.sync) ? status.sync : {}
  const { status: state = 'Unknown', revision: one = '' } = stringMembers(sync)
  const several = Array.isArray(sync.revisions) ? sync.revisions : []
  return state !== 'Unknown' && [one, ...several].includes(revision)
}
