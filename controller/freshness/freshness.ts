import { thrownText } from '../../src/errors.js'
import { type Clock, backoffMs } from '../../src/io/cluster/clock.js'
import { type ClusterClient, ClusterError, type Collection } from '../../src/io/cluster/cluster-client.js'
import { listPages } from '../../src/io/cluster/list-pages.js'
import type { Logger } from '../../src/io/log.js'
import type { Metrics } from '../metrics.js'
import { createAnnouncements } from './announcements.js'
import { failingFirst, type PluginApplication, pluginApplication } from './plugin-applications.js'

export interface FreshnessParts {
  readonly client: Pick<ClusterClient, 'find' | 'create' | 'replace' | 'patch' | 'list'>
  /** Digest of the bundle in force. */
  readonly bundle: () => string
  /** The controller's own: where it is kept what was announced. */
  readonly namespace: string
  /** Where Applications are. */
  readonly applicationNamespaces: readonly string[]
  readonly pluginName: string
  readonly refreshesPerSecond: number
  /** Until the gates before the sync have the bundle as well: what renders earlier is judged, and cached, by the old one. */
  readonly delayMs: number
  readonly metrics: Pick<Metrics, 'refreshes' | 'refreshesLeft' | 'announced'>
  readonly log: Logger
  readonly clock: Clock
}

const POLL_MS = 5_000
/** After a restart so many are asked a second time at most. */
const SAVE_EVERY = 25
const MAX_RETRY_MS = 60_000
const HARD_REFRESH = { metadata: { annotations: { 'argocd.argoproj.io/refresh': 'hard' } } }

/**
 * Argo CD keeps manifests by revision, and errors too, and knows nothing of bundles: with another bundle in force every
 * Application of the plugin is asked for a hard refresh, one after the other, until the signal is aborted. Only the leader
 * may run it.
 */
export async function runFreshness(parts: FreshnessParts, signal: AbortSignal): Promise<void> {
  const { clock, log } = parts
  const announcements = createAnnouncements(parts.client, parts)
  /** The one that everybody was told of. */
  let announced: string | null = null
  let failures = 0
  const isOver = () => signal.aborted
  while (!isOver()) {
    const digest = parts.bundle()
    if (digest !== announced) {
      try {
        if (await announce(parts, announcements, digest, signal)) announced = digest
        failures = 0
      } catch (thrown) {
        if (isOver()) return
        failures += 1
        log.warn('the Applications could not be told of the bundle', { bundle: digest, error: thrownText(thrown) })
        await clock.wait(backoffMs(failures, clock, MAX_RETRY_MS), signal)
        continue
      }
    }
    await clock.wait(POLL_MS, signal)
  }
}

/** @returns whether everybody was told; false where the signal or another bundle came first */
async function announce(
  parts: FreshnessParts,
  announcements: ReturnType<typeof createAnnouncements>,
  bundle: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, delayMs, log, metrics } = parts
  const isOver = () => signal.aborted || parts.bundle() !== bundle
  const known = await announcements.load(signal)
  const isKnown = known?.bundle === bundle
  if (isKnown && known.isComplete) return true
  if (isKnown)
    log.info('Applications are told of the bundle, from where it was left', { bundle, count: known.asked.length })
  // Who has begun has waited.
  else await clock.wait(delayMs, signal)
  if (isOver()) return false

  const asked = new Set(isKnown ? known.asked : [])
  const save = (isComplete: boolean) =>
    announcements.save({ bundle, isComplete, asked: isComplete ? [] : [...asked] }, signal)
  const applications = failingFirst(await findApplications(parts, signal)).filter(({ key }) => !asked.has(key))
  log.info('Applications are asked for a hard refresh', { bundle, count: applications.length })
  await save(false)
  let left = applications.length
  let failure: ClusterError | null = null
  for (const application of applications) {
    if (isOver()) break
    metrics.refreshesLeft.set(left)
    try {
      await refresh(parts, application, signal)
      asked.add(application.key)
    } catch (thrown) {
      if (signal.aborted) break
      if (!(thrown instanceof ClusterError)) throw thrown
      // The others do not wait for it; it is asked again afterwards.
      failure ??= thrown
    }
    left -= 1
    if (asked.size % SAVE_EVERY === 0) await save(false)
    await clock.wait(1000 / parts.refreshesPerSecond, signal)
  }
  metrics.refreshesLeft.set(left)
  if (isOver()) return false
  await save(failure === null)
  if (failure !== null) throw failure
  metrics.announced.set(clock.date().getTime() / 1000)
  log.info('every Application of the plugin was asked for a hard refresh', { bundle, count: asked.size })
  return true
}

async function findApplications(parts: FreshnessParts, signal: AbortSignal): Promise<readonly PluginApplication[]> {
  const found: PluginApplication[] = []
  for (const namespace of parts.applicationNamespaces) {
    try {
      for await (const { items } of listPages(parts.client, collectionIn(namespace), {
        signal,
        whenForgotten: 'go on',
      })) {
        for (const item of items) {
          const application = pluginApplication(item, parts.pluginName)
          if (application !== null) found.push(application)
        }
      }
    } catch (thrown) {
      // A cluster without Argo CD has nothing that is cached.
      if (!(thrown instanceof ClusterError) || thrown.status !== 404) throw thrown
    }
  }
  return found
}

async function refresh(parts: FreshnessParts, application: PluginApplication, signal: AbortSignal): Promise<void> {
  const { client, metrics, log } = parts
  const { namespace, name } = application
  try {
    await client.patch(collectionIn(namespace), name, HARD_REFRESH, { type: 'merge', signal })
    metrics.refreshes.inc({ result: 'asked' })
    log.debug('an Application is asked for a hard refresh', { namespace, name })
  } catch (thrown) {
    if (thrown instanceof ClusterError && thrown.status === 404) {
      metrics.refreshes.inc({ result: 'gone' })
      return
    }
    if (!signal.aborted) {
      metrics.refreshes.inc({ result: 'failed' })
      log.warn('an Application could not be asked for a hard refresh', { namespace, name, error: thrownText(thrown) })
    }
    throw thrown
  }
}

function collectionIn(namespace: string): Collection {
  return { group: 'argoproj.io', version: 'v1alpha1', resource: 'applications', namespace }
}
