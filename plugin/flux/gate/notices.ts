import type { EventFacts, EventSubject } from '../../../src/io/cluster/event-recorder.js'
import { namesOf } from '../../../src/io/cluster/object-names.js'
import { type JsonObject, stringMembers } from '../../../src/json.js'
import type { StoredVersion } from '../artifact/stored-version.js'
import { isAllowed, type Judged, readyCondition } from './outcome.js'

/** What is told about an object: as an Event of Kubernetes, and to notification-controller. */
export interface Notice {
  readonly facts: EventFacts
  /** As Flux names them: `kustomize.toolkit.fluxcd.io/revision`. */
  readonly metadata: Readonly<Record<string, string>>
}

/** Annotations with it are meant for whoever receives the events of an object. */
const EVENT_PREFIX = 'event.toolkit.fluxcd.io/'

/**
 * What is to be told of a judgement: of the gate always, and of the Kustomizations that keep it from being published. That a
 * revision is applied is for kustomize-controller to say.
 *
 * @param before the judgement that was told last; nothing is told of the same result of the same revision again
 */
export function noticesOf(
  gate: JsonObject,
  kustomizations: readonly JsonObject[],
  judged: Judged,
  {
    before,
    kept,
  }: { readonly before: Pick<Judged, 'revision' | 'action' | 'message'> | null; readonly kept: StoredVersion | null },
): readonly Notice[] {
  if (before !== null && before.revision === judged.revision && resultOf(before) === resultOf(judged)) return []
  const { reason, message } = readyCondition({ judged }, kept)
  const ok = isAllowed(judged)
  const revision = { revision: judged.revision, digest: judged.digest }
  const ofGate = noticeOf(gate, { type: ok ? 'Normal' : 'Warning', reason, message, keys: revision })
  if (ok) return [ofGate]
  const ofKustomizations = judged.kustomizations.flatMap(each => {
    if (each.action !== 'deny' && each.action !== 'error') return []
    const object = kustomizations.find(other => {
      const names = namesOf(other)
      return names.namespace === each.namespace && names.name === each.name
    })
    const said = `${judged.revision} is held: ${each.message}`
    const event = { type: 'Warning', reason, message: said, keys: { revision: judged.revision } } as const
    return object === undefined ? [] : [noticeOf(object, event)]
  })
  return [ofGate, ...ofKustomizations]
}

function noticeOf(
  object: JsonObject,
  event: {
    readonly type: EventFacts['type']
    readonly reason: string
    readonly message: string
    readonly keys: Readonly<Record<string, string>>
  },
): Notice {
  const regarding = subjectOf(object)
  const [group = ''] = regarding.apiVersion.split('/')
  const annotations = Object.entries(stringMembers((object.metadata as JsonObject | undefined)?.annotations))
  return {
    facts: { regarding, type: event.type, reason: event.reason, action: 'Judge', note: event.message },
    metadata: {
      ...Object.fromEntries(Object.entries(event.keys).map(([key, value]) => [`${group}/${key}`, value])),
      ...Object.fromEntries(annotations.filter(([key]) => key.startsWith(EVENT_PREFIX))),
    },
  }
}

function subjectOf(object: JsonObject): EventSubject {
  const { apiVersion = '', kind = '' } = stringMembers(object)
  const { namespace, name, uid } = namesOf(object)
  return { apiVersion, kind, namespace, name, uid }
}

function resultOf({ action, message }: Pick<Judged, 'action' | 'message'>): string {
  return action === 'deny' || action === 'error' ? `${action} ${message}` : 'allowed'
}
