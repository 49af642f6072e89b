import { createHmac } from 'node:crypto'
import { GateError } from '../../errors.js'
import type { Clock } from '../cluster/clock.js'
import { ClusterError } from '../cluster/cluster-client.js'
import type { Logger } from '../log.js'
import type { Lifetimes } from './authority.js'
import { bundleOf, type CompleteState } from './certificate-state.js'
import { type CertificateMaterial, type Certificates, materialOf } from './material.js'
import { type RotationContext, switchTime } from './rotation.js'
import { agree, type Agreement, type SecretStore } from './secret-store.js'
import { createWriteBudget } from './write-budget.js'

/** What the certificates of a Secret are kept with. */
export interface CertificatesOptions extends SecretStore {
  /** DNS names and IP addresses; see `servedHosts`. */
  readonly hosts: readonly string[]
  readonly lifetimes?: Lifetimes
  readonly settleMs?: number
  readonly clock: Clock
  readonly log: Logger
  /** Ends everything, as `close` does. */
  readonly signal: AbortSignal
  /** Tells of every change of the Secret from outside; gives what ends it. */
  readonly watchSecret: (onChange: () => void) => () => void
  /** Takes another leaf or bundle; not called for the first one. */
  readonly onChange: (material: CertificateMaterial) => void
}

const INTERVAL_MS = 3_600_000
const JITTER = 0.1
const AFTER_FAILURE_MS = 60_000
const START_PAUSES_MS = [500, 1000, 2000, 4000, 8000]

/**
 * Loads the certificates from the Secret or makes them, and keeps them right as long as it is not closed. Every replica does
 * this; who writes first decides.
 *
 * @throws ClusterError when the Secret can be neither read nor written at the start; one that may pass is waited for a while
 */
export async function createCertificates(options: CertificatesOptions): Promise<Certificates> {
  const { clock, log, name, namespace } = options
  const now = () => clock.date().getTime()
  let since: ReadonlyMap<string, number> = new Map()
  let state: CompleteState | null = null
  let waiting = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let queued: Promise<void> | null = null
  const closing = new AbortController()
  const ended = AbortSignal.any([options.signal, closing.signal])
  const isClosed = () => ended.aborted
  const budget = createWriteBudget(now)

  const context = (): RotationContext => {
    const { hosts, lifetimes, settleMs } = options
    const optional = { ...(lifetimes && { lifetimes }), ...(settleMs !== undefined && { settleMs }) }
    return { now: now(), hosts, published: since, ...optional }
  }
  const consult = async (): Promise<CompleteState> => {
    const agreement = await agree(options, state, context(), ended)
    if (agreement.isWritten) budget.spend()
    tell(log, { name, namespace }, agreement, state)
    return agreement.state
  }

  state = await atStart(consult, options)
  let material = materialOfState(state)

  const schedule = (delayMs: number): void => {
    waiting.abort()
    if (isClosed()) return
    waiting = new AbortController()
    const { signal } = waiting
    void clock.wait(delayMs, signal).then(() => (signal.aborted ? undefined : refresh()))
  }
  const scheduleNext = (held: CompleteState): void => {
    const usual = INTERVAL_MS * (1 - JITTER + 2 * JITTER * clock.random())
    const waits = switchTime(held, context())
    schedule(waits === null ? usual : Math.max(0, Math.min(usual, waits - now())))
  }
  const look = async (): Promise<void> => {
    if (isClosed()) return
    try {
      const agreed = await consult()
      state = agreed
      const latest = materialOfState(agreed)
      const isNew = latest.cert !== material.cert || latest.caBundle !== material.caBundle
      material = latest
      if (isNew) options.onChange(latest)
      scheduleNext(agreed)
    } catch (error) {
      // Its text is our own, or that of `onChange`: no part of the Secret is in it.
      if (isClosed()) return
      log.warn('the certificates could not be looked after', { name, namespace, ...errorFields(error) })
      schedule(AFTER_FAILURE_MS)
    }
  }
  /** One look at a time; who asks during one waits for another, which sees what there was when it was asked for. */
  const refresh = (): Promise<void> => {
    queued ??= running.then(() => {
      queued = null
      running = look()
      return running
    })
    return queued
  }
  const onSecretChange = (): void => {
    if (!budget.isSpent()) {
      void refresh()
      return
    }
    log.warn('the Secret with the certificates is written too often: do the clocks of the replicas agree?', {
      name,
      namespace,
    })
    schedule(AFTER_FAILURE_MS)
  }
  const stopWatching = options.watchSecret(onSecretChange)
  const close = (): void => {
    if (closing.signal.aborted) return
    closing.abort()
    waiting.abort()
    stopWatching()
  }
  options.signal.addEventListener('abort', close, { once: true, signal: closing.signal })
  if (options.signal.aborted) close()
  scheduleNext(state)
  return {
    current: () => material,
    caBundle: () => material.caBundle,
    sealKey: () => (state === null ? null : sealKeyOf(state)),
    published: fingerprints => {
      const at = now()
      since = new Map(fingerprints.map(each => [each, since.get(each) ?? at]))
      if (state !== null && switchTime(state, context()) !== null) scheduleNext(state)
    },
    refresh,
    close,
  }
}

/** Another use of the authority's key needs a key of its own. */
function sealKeyOf({ signer }: CompleteState): Uint8Array {
  return createHmac('sha256', signer.key).update('lockkeeper registration seal').digest()
}

/** What may pass is waited for; a webhook often starts before the API server can be reached. */
async function atStart(
  consult: () => Promise<CompleteState>,
  { clock, log, signal, name, namespace }: CertificatesOptions,
): Promise<CompleteState> {
  for (const pauseMs of START_PAUSES_MS) {
    try {
      return await consult()
    } catch (error) {
      if (!mayPass(error)) throw error
      log.info('waiting for the Secret with the certificates', { name, namespace, ...errorFields(error) })
      await clock.wait(pauseMs, signal)
      if (signal.aborted) throw new GateError('GATE_CLOSED', 'ended before there was a certificate')
    }
  }
  return consult()
}

function mayPass(error: unknown): boolean {
  return error instanceof ClusterError && (error.status === 0 || error.status === 429 || error.status >= 500)
}

function errorFields(error: unknown): { readonly code: string; readonly error: string } {
  if (error instanceof GateError) return { code: error.code, error: error.message }
  return { code: 'INTERNAL', error: error instanceof Error ? error.name : typeof error }
}

function materialOfState(state: CompleteState): CertificateMaterial {
  return materialOf({ ...state.leaf, caBundle: bundleOf(state) })
}

function tell(
  log: Logger,
  names: { readonly name: string; readonly namespace: string },
  { steps, faults, isWritten, state }: Agreement,
  memory: CompleteState | null,
): void {
  if (faults.length > 0) {
    log.warn('the Secret with the certificates could not be used as it was', { ...names, reason: faults.join('; ') })
  }
  if (!isWritten) return
  const { notAfter } = materialOfState(state)
  const fields = { ...names, notAfter: notAfter.toISOString() }
  if (steps.length === 0) log.warn('the Secret with the certificates was made again from memory', fields)
  for (const { step, reason } of steps) {
    const isLoss = step === 'start over' && (memory !== null || faults.length > 0)
    if (isLoss) log.warn(`certificates: ${step}`, { ...fields, reason })
    else log.info(`certificates: ${step}`, { ...fields, reason })
  }
}
