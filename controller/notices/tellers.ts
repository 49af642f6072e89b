import type { ClusterClient } from '../../src/io/cluster/cluster-client.js'
import type { EventRecorder } from '../../src/io/cluster/event-recorder.js'
import { namesOf } from '../../src/io/cluster/object-names.js'
import { isJsonObject, stringMembers } from '../../src/json.js'
import type { Teller } from './notices.js'

/** On an Application: what its last render was warned of. */
export const WARNINGS_ANNOTATION = 'lockkeeper.dev/warnings'
const ANNOTATION_INTERVAL_MS = 60_000
/** An Event that comes again sooner is counted as the same one, with the words of the first. */
const EVENT_INTERVAL_MS = 400_000
const MAX_TOLD = 4096

/**
 * Keeps the annotation right. It is written where it says something else, and taken away with the last warning: Argo CD compares
 * an Application because of its spec, so that no render follows from it.
 */
export function annotationTeller(client: Pick<ClusterClient, 'patch'>): Teller {
  return {
    intervalMs: ANNOTATION_INTERVAL_MS,
    tell: async (text, application, collection, signal) => {
      const metadata = isJsonObject(application.metadata) ? application.metadata : {}
      const present = stringMembers(metadata.annotations)[WARNINGS_ANNOTATION] ?? ''
      if (present === text) return
      const annotations = { [WARNINGS_ANNOTATION]: text === '' ? null : text }
      const { name } = namesOf(application)
      await client.patch(collection, name, { metadata: { annotations } }, { type: 'merge', signal })
    },
  }
}

/** Records an Event when the warnings are others than those of the last one. */
export function eventTeller(events: Pick<EventRecorder, 'record'>): Teller {
  const told = new Map<string, string>()
  return {
    intervalMs: EVENT_INTERVAL_MS,
    tell: (text, application) => {
      const { namespace, name, uid } = namesOf(application)
      if ((told.get(uid) ?? '') === text) return Promise.resolve()
      // The oldest ones are told once more than they need be.
      if (told.size >= MAX_TOLD) told.clear()
      told.set(uid, text)
      if (text === '') return Promise.resolve()
      events.record({
        regarding: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', namespace, name, uid },
        type: 'Warning',
        reason: 'PolicyWarnings',
        action: 'Render',
        note: text,
      })
      return Promise.resolve()
    },
  }
}
