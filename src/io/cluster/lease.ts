import { thrownText } from '../../errors.js'
import { emptyObject, isJsonObject, type JsonObject } from '../../json.js'
import type { Logger } from '../log.js'
import { type Clock, microTime, SYSTEM_CLOCK } from './clock.js'
import { type ClusterClient, ClusterError, type ClusterObject, type Collection } from './cluster-client.js'

/** Who leads is written in a Lease of coordination.k8s.io/v1; the times are those of client-go when not said. */
export interface LeaseOptions {
  readonly namespace: string
  readonly name: string
  /** Different in every replica. */
  readonly identity: string
  /** Others wait so long after the last renewal that they saw. */
  readonly leaseDurationMs?: number
  /** A leader that could not renew for so long stops leading; less than the duration, so that there are never two. */
  readonly renewDeadlineMs?: number
  readonly retryPeriodMs?: number
  /** Begins the work; the signal is aborted when leading ends. */
  readonly onStarted: (signal: AbortSignal) => void
  /** Ends the work; others may lead only after it when the lease is given back. */
  readonly onStopped: () => void | Promise<void>
  /** Ends leading, and gives the lease back. */
  readonly signal: AbortSignal
  readonly log: Logger
  readonly clock?: Clock
}

export interface LeaderElection {
  /** By the clock, too: a process that was stopped for a while leads no more when it wakes up. */
  readonly isLeader: boolean
  /** Who leads, as last seen; '' when nobody does. */
  readonly leader: string
  /** When the signal was aborted, the work has ended, and the lease is given back. */
  readonly done: Promise<void>
}

/** What we saw of the lease, and when by our own clock: the clocks of others are never compared with ours. */
interface Observation {
  readonly text: string
  readonly holder: string
  readonly durationMs: number
  readonly atMs: number
}

const NOTHING: Observation = { text: '', holder: '', durationMs: 0, atMs: 0 }
/** client-go's: the tries of several candidates spread. */
const JITTER = 1.2
const RELEASE_TIMEOUT_MS = 5000

/** Takes part in the election until the signal is aborted: leads, loses, and tries again. */
export function startLeaderElection(
  client: Pick<ClusterClient, 'find' | 'create' | 'replace'>,
  options: LeaseOptions,
): LeaderElection {
  const { namespace, name, identity, signal, log, clock = SYSTEM_CLOCK } = options
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2000 } = options
  const collection: Collection = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases', namespace }
  const fields = { namespace, name }
  const isOver = () => signal.aborted
  let seen = NOTHING
  let leads = false
  /** When the last renewal that succeeded began: others saw it later than that. */
  let renewedMs = 0

  const observe = (spec: JsonObject) => {
    const text = JSON.stringify([spec.holderIdentity, spec.renewTime, spec.acquireTime, spec.leaseTransitions])
    if (text === seen.text) return
    const { holderIdentity: holder, leaseDurationSeconds: seconds } = spec
    seen = {
      text,
      holder: typeof holder === 'string' ? holder : '',
      durationMs: typeof seconds === 'number' ? seconds * 1000 : leaseDurationMs,
      atMs: clock.monotonicMs(),
    }
  }

  /** One try to acquire or renew. @returns whether the lease is ours now; a lost race is no error */
  const tryOnce = async (timeoutMs: number): Promise<boolean> => {
    const beganMs = clock.monotonicMs()
    return withLimit(clock, timeoutMs, async limit => {
      const now = microTime(clock.date())
      const lease = await client.find(collection, name, { signal: limit })
      const old = lease === null ? emptyObject() : specOf(lease)
      if (lease !== null) observe(old)
      const isOurs = seen.holder === identity && lease !== null
      const isFree = lease === null || seen.holder === '' || clock.monotonicMs() >= seen.atMs + seen.durationMs
      if (!isOurs && !isFree) return false
      const transitions = typeof old.leaseTransitions === 'number' ? old.leaseTransitions : 0
      const spec = Object.assign(emptyObject(), old, {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
        renewTime: now,
        ...(!isOurs && { acquireTime: now, leaseTransitions: lease === null ? 0 : transitions + 1 }),
      })
      const written =
        lease === null
          ? await client.create(collection, leaseObject(namespace, name, spec), { signal: limit })
          : await client.replace(collection, name, { ...lease, spec }, { signal: limit })
      observe(specOf(written))
      renewedMs = beganMs
      return true
    })
  }
  const attempt = async (timeoutMs: number): Promise<boolean> => {
    try {
      return await tryOnce(timeoutMs)
    } catch (thrown) {
      const isRace = thrown instanceof ClusterError && thrown.status === 409
      if (!isRace) log.warn('the lease could not be written', { ...fields, error: thrownText(thrown) })
      return false
    }
  }

  const lead = async () => {
    const leading = new AbortController()
    leads = true
    log.info('this replica leads', { ...fields, username: identity })
    try {
      options.onStarted(leading.signal)
      await renewUntilLost()
    } finally {
      leads = false
      leading.abort()
      await options.onStopped()
      log.info('this replica leads no more', { ...fields, username: identity })
    }
  }
  const renewUntilLost = async () => {
    while (!isOver()) {
      await clock.wait(Math.min(retryPeriodMs, renewedMs + renewDeadlineMs - clock.monotonicMs()), signal)
      const leftMs = renewedMs + renewDeadlineMs - clock.monotonicMs()
      if (isOver() || leftMs <= 0) return
      const renewed = await attempt(leftMs)
      // Somebody else holds it: nothing to wait for.
      if (!renewed && seen.holder !== identity) return
    }
  }
  const release = async () => {
    const limit = RELEASE_TIMEOUT_MS
    await withLimit(clock, limit, async signal => {
      const lease = await client.find(collection, name, { signal })
      if (lease === null || specOf(lease).holderIdentity !== identity) return
      const now = microTime(clock.date())
      const spec = Object.assign(emptyObject(), specOf(lease), {
        holderIdentity: '',
        leaseDurationSeconds: 1,
        renewTime: now,
        acquireTime: now,
      })
      await client.replace(collection, name, { ...lease, spec }, { signal })
    })
  }

  const run = async () => {
    while (!isOver()) {
      if (await attempt(renewDeadlineMs)) await lead()
      if (!isOver()) await clock.wait(retryPeriodMs * (1 + JITTER * clock.random()), signal)
    }
    try {
      if (seen.holder === identity) await release()
    } catch (thrown) {
      // Others wait for its end then.
      log.warn('the lease could not be given back', { ...fields, error: thrownText(thrown) })
    }
  }
  return {
    get isLeader() {
      return leads && clock.monotonicMs() < renewedMs + renewDeadlineMs
    },
    get leader() {
      return seen.holder
    },
    done: run(),
  }
}

/** Aborts what it runs after the time, by the given clock. */
async function withLimit<T>(clock: Clock, ms: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController()
  const ended = new AbortController()
  const timer = clock.wait(ms, ended.signal).then(() => {
    limit.abort(new Error(`not done within ${ms / 1000} s`))
  })
  try {
    return await run(limit.signal)
  } finally {
    ended.abort()
    await timer
  }
}

function specOf(lease: ClusterObject): JsonObject {
  return isJsonObject(lease.spec) ? lease.spec : emptyObject()
}

function leaseObject(namespace: string, name: string, spec: JsonObject): ClusterObject {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec }
}
