import type { Clock } from '../clock.js'
import type { ClusterClient } from '../cluster-client.js'
import { discover, type Discovery, type ServedResource } from '../discovery.js'

/** What the API server has for a kind: its resource, `absent` when no version of it is served, `unknown` when that cannot be said. */
export type ServedKind = ServedResource | 'absent' | 'unknown'

/** Finds the resource of a kind. */
export interface ServedKinds {
  /** @throws ClusterError when the API server cannot be asked */
  of(group: string, version: string, kind: string, signal?: AbortSignal): Promise<ServedKind>
}

/** CustomResourceDefinitions come seldom. */
const KEPT_MS = 300_000
/** A kind that is not there may just have been added; who asks for it again and again does not make a burst. */
const MISSED_MS = 5_000

/** Discovery that is kept for five minutes, and for seconds where a kind was missed. */
export function createServedKinds(client: Pick<ClusterClient, 'getText'>, clock: Clock): ServedKinds {
  let kept: { readonly atMs: number; readonly discovery: Discovery } | null = null
  let asking: Promise<Discovery> | null = null

  const load = async (): Promise<Discovery> => {
    try {
      // Without the signal of one who asks: others wait for it, too. The client has a time limit of its own.
      const discovery = await discover(client)
      kept = { atMs: clock.monotonicMs(), discovery }
      return discovery
    } finally {
      asking = null
    }
  }
  const atMost = async (ageMs: number): Promise<Discovery> => {
    if (kept !== null && clock.monotonicMs() - kept.atMs < ageMs) return kept.discovery
    asking ??= load()
    return asking
  }
  return {
    of: async (group, version, kind) => {
      const found = lookUp(await atMost(KEPT_MS), group, version, kind)
      return typeof found === 'string' ? lookUp(await atMost(MISSED_MS), group, version, kind) : found
    },
  }
}

function lookUp({ resources, failures }: Discovery, group: string, version: string, kind: string): ServedKind {
  const ofKind = resources.filter(each => each.group === group && each.kind === kind)
  const exact = ofKind.find(each => each.version === version && each.verbs.includes('get'))
  if (exact !== undefined) return exact
  const isIncomplete = failures.some(({ groupVersion }) => groupVersion.startsWith(`${group}/`))
  // Served, but not in this version, or not to be read: there may be such an object.
  return ofKind.length > 0 || isIncomplete ? 'unknown' : 'absent'
}
