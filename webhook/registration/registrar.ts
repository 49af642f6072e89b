import { canonicalJson } from '../../src/canonical.js'
import { thrownText } from '../../src/errors.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient } from '../../src/io/cluster/cluster-client.js'
import type { EventFacts } from '../../src/io/cluster/event-recorder.js'
import type { Logger } from '../../src/io/log.js'
import { isJsonObject, type Json, type JsonObject } from '../../src/json.js'
import { publishedAuthorities } from './authorities.js'
import { compareConfigurations, type Comparison, type Tampering } from './comparison.js'
import { CONFIGURATION_NAME, CONFIGURATIONS } from './configuration.js'
import { readEntries } from './entries.js'
import { isSealed, SEAL, sealOf } from './seal.js'

export interface RegistrarOptions {
  readonly client: Pick<ClusterClient, 'find' | 'list' | 'create' | 'replace' | 'watch'>
  readonly name: string
  /** The configuration as it should be now. */
  desired(): JsonObject | Promise<JsonObject>
  /** Asked before a configuration that differs is written: what another replica knows since a moment may be the reason. */
  refresh(): Promise<void>
  /** PEM of every authority that is ours: the last one, this one and the next one. */
  knownAuthorities(): readonly string[]
  /** A secret of all replicas; null: what another version or another bundle registered looks like tampering. */
  sealKey(): Uint8Array | null
  /** Only a leader changes what is there; whoever misses the object makes it, when no leader has for a while. */
  isLeader(): boolean
  readonly log: Logger
  /** Of each restoration, about the configuration. */
  recordEvent(event: EventFacts): void
  /** Counts what was done to the configuration. */
  onRestored(tampering: Tampering): void
  /** Counts a look or a write that the API server refused. */
  onRefused(): void
  /** The configuration was found or made right; told after every look that ends so. */
  onRight(): void
  /** The SHA-256 fingerprints of the authorities that every entry trusts now: only they may sign what the gate shows. */
  onPublished(fingerprints: readonly string[]): void
  readonly clock: Pick<Clock, 'monotonicMs' | 'wait'>
  /** Ends it. */
  readonly signal: AbortSignal
}

export interface Registrar {
  /** Resolves when the signal ends it. */
  run(): Promise<void>
  /** Looks at once: what is desired has changed, or this replica has become the leader. */
  check(): void
}

/** How often is looked without a reason: a watch may have lost an event. */
const INTERVAL_MS = 4000
/** How long anybody but the leader leaves a missing configuration to the leader. */
const TAKEOVER_MS = 3000
const WATCH_RETRY_MS = 1000
const FIRST_PAUSE_MS = 250
/** With an interval, still less than ten seconds. */
const MAX_PAUSE_MS = 5000
/** So many restorations in this time are made at once; then somebody else wants it otherwise, and each has to wait. */
const RESTORATIONS = 5
const RESTORATIONS_MS = 60_000
const MANAGER = 'lockkeeper'
const RESTORING: Readonly<Record<Tampering, string>> = {
  deleted: 'RestoreDeleted',
  weakened: 'RestoreWeakened',
  redirected: 'RestoreRedirected',
}

interface Pause {
  readonly milliseconds: number
  /** A change does not end it. */
  readonly isFirm: boolean
}

const UNTIL_NEXT: Pause = { milliseconds: INTERVAL_MS, isFirm: false }

/** Creates the configuration where it is missing, and restores it as soon as it is changed. */
export function createRegistrar(options: RegistrarOptions): Registrar {
  const { client, log, signal, clock } = options
  const now = () => clock.monotonicMs()
  let woken = new AbortController()
  let accepted: JsonObject | null = null
  let published = ''
  let wasThere = false
  let missingSince: number | null = null
  let refusals = 0
  let restorations: number[] = []

  const check = () => {
    woken.abort()
  }
  signal.addEventListener('abort', check, { once: true })
  // A function: the signal is aborted meanwhile.
  const isClosed = () => signal.aborted

  const follow = async () => {
    while (!isClosed()) {
      try {
        const fieldSelector = `metadata.name=${options.name}`
        const { resourceVersion } = await client.list(CONFIGURATIONS, { fieldSelector, signal })
        check()
        for await (const { type } of client.watch(CONFIGURATIONS, { resourceVersion, fieldSelector, signal })) {
          if (type !== 'BOOKMARK') check()
        }
      } catch (error) {
        if (!isClosed()) log.warn('the watch of the webhook configuration broke', { error: thrownText(error) })
      }
      await clock.wait(WATCH_RETRY_MS, signal)
    }
  }

  const keep = async () => {
    while (!isClosed()) {
      woken = new AbortController()
      const { milliseconds, isFirm } = await look()
      if (!isClosed()) await clock.wait(milliseconds, isFirm ? signal : woken.signal)
    }
  }

  const look = async (): Promise<Pause> => {
    try {
      const live = await client.find(CONFIGURATIONS, options.name, { signal })
      if (live !== null) publish(live)
      let desired = await options.desired()
      let comparison = compare(live, desired)
      if (live !== null && comparison.state !== 'equal') {
        await options.refresh()
        desired = await options.desired()
        comparison = compare(live, desired)
      }
      missingSince = live === null ? (missingSince ?? now()) : null
      const isDeleted = live === null && wasThere
      wasThere = wasThere || live !== null
      if (comparison.state === 'equal') {
        options.onRight()
        return succeeded(UNTIL_NEXT)
      }
      if (!options.isLeader()) {
        if (missingSince === null) return succeeded(UNTIL_NEXT)
        const left = missingSince + TAKEOVER_MS - now()
        if (left > 0) return succeeded({ milliseconds: left, isFirm: false })
      }
      const answer = await write(live, desired)
      accepted = answer
      wasThere = true
      publish(answer)
      options.onRight()
      return succeeded(
        tell(live, answer, isDeleted ? { ...comparison, state: 'tampered', tampering: ['deleted'] } : comparison),
      )
    } catch (error) {
      return refused(error)
    }
  }

  const compare = (live: JsonObject | null, desired: JsonObject): Comparison => {
    const key = options.sealKey()
    const isOwn = live !== null && accepted !== null && entriesText(live) === entriesText(accepted)
    const sealed = key === null || live === null ? (isOwn ? true : null) : isSealed(live, key)
    return compareConfigurations(live, desired, {
      knownAuthorities: options.knownAuthorities(),
      isSealed: sealed,
      accepted,
    })
  }

  const write = (live: JsonObject | null, desired: JsonObject): Promise<JsonObject> => {
    const key = options.sealKey()
    const object = withMetadata(desired, live, key === null ? {} : { [SEAL]: sealOf(desired, key) })
    const request = { fieldManager: MANAGER, signal }
    return live === null
      ? client.create(CONFIGURATIONS, object, request)
      : client.replace(CONFIGURATIONS, nameOf(desired), object, request)
  }

  /** Says what was done; the pause is longer the more often it had to be. */
  const tell = (live: JsonObject | null, answer: JsonObject, comparison: Comparison): Pause => {
    const { state, changes, tampering } = comparison
    const name = nameOf(answer)
    if (state !== 'tampered') {
      log.info(live === null ? 'created the webhook configuration' : 'brought the webhook configuration up to date', {
        name,
        changes,
      })
      return UNTIL_NEXT
    }
    for (const kind of tampering) options.onRestored(kind)
    const what = tampering.includes('deleted') ? ['it was deleted'] : changes
    const hint = live === null ? null : lastManager(live)
    log.warn('restored the webhook configuration', {
      name,
      reason: tampering.join(','),
      changes: what,
      ...(hint !== null && { managerHint: hint }),
    })
    options.recordEvent({
      type: 'Warning',
      reason: 'AdmissionConfigurationRestored',
      // A series of Events tells the first note only: what was done differently is another action.
      action: tampering.map(kind => RESTORING[kind]).join(''),
      note: `restored: ${what.join('; ')}`,
      regarding: {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        namespace: '',
        name,
        uid: metadataText(answer, 'uid'),
      },
    })
    restorations = [...restorations.filter(each => each > now() - RESTORATIONS_MS), now()]
    const tooMany = restorations.length - RESTORATIONS
    return tooMany <= 0 ? UNTIL_NEXT : { milliseconds: pauseMs(tooMany), isFirm: true }
  }

  const succeeded = (pause: Pause): Pause => {
    refusals = 0
    return pause
  }

  const refused = (error: unknown): Pause => {
    if (isClosed()) return UNTIL_NEXT
    refusals += 1
    options.onRefused()
    log.warn('could not see to the webhook configuration', { error: thrownText(error), count: refusals })
    return { milliseconds: pauseMs(refusals), isFirm: true }
  }

  const publish = (live: JsonObject) => {
    const authorities = publishedAuthorities(live)
    if (authorities.join() === published) return
    published = authorities.join()
    options.onPublished(authorities)
  }

  return {
    run: async () => {
      await Promise.all([follow(), keep()])
    },
    check,
  }
}

function pauseMs(count: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), MAX_PAUSE_MS)
}

/** What others wrote into labels and annotations stays; owners of theirs and finalizers, by which it could be taken away, do not. */
function withMetadata(desired: JsonObject, live: JsonObject | null, annotations: Record<string, string>): JsonObject {
  const wanted = member(desired, 'metadata')
  const there = live === null ? {} : member(live, 'metadata')
  return {
    ...desired,
    metadata: {
      name: wanted.name ?? CONFIGURATION_NAME,
      labels: { ...member(there, 'labels'), ...member(wanted, 'labels') },
      annotations: { ...member(there, 'annotations'), ...member(wanted, 'annotations'), ...annotations },
      ...(wanted.ownerReferences !== undefined && { ownerReferences: wanted.ownerReferences }),
      ...(typeof there.resourceVersion === 'string' && { resourceVersion: there.resourceVersion }),
    },
  }
}

function member(object: JsonObject, key: string): JsonObject {
  const value = object[key]
  return isJsonObject(value) ? value : {}
}

function metadataText(object: JsonObject, key: string): string {
  const value = member(object, 'metadata')[key]
  return typeof value === 'string' ? value : ''
}

function nameOf(object: JsonObject): string {
  return metadataText(object, 'name')
}

function entriesText(configuration: JsonObject): string {
  return canonicalJson(readEntries(configuration) as unknown as Json)
}

/** The field manager that wrote last: the requester's own word, so a hint and no evidence. */
function lastManager(live: JsonObject): string | null {
  const { managedFields } = member(live, 'metadata')
  const entries = (Array.isArray(managedFields) ? managedFields.filter(isJsonObject) : [])
    .flatMap(({ manager, time }) =>
      typeof manager === 'string' && typeof time === 'string' ? [{ manager, time }] : [],
    )
    .sort((a, b) => (a.time < b.time ? -1 : 1))
  return entries.findLast(each => each.manager !== MANAGER)?.manager ?? null
}
