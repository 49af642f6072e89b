import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { leafNotAfter, type Lifetimes, LIFETIMES } from './authority.js'
import type { CertificateState } from './certificate-state.js'
import { fingerprintOf, isValidAt, notAfterOf } from './pem.js'

/** What a rotation goes by. */
export interface RotationContext {
  /** Milliseconds since 1970. */
  readonly now: number
  /** What the leaf has to be valid for. */
  readonly hosts: readonly string[]
  /** The fingerprints (`fingerprintOf`) in the `caBundle` that the API server has, and since when (milliseconds since 1970). */
  readonly published: ReadonlyMap<string, number>
  readonly lifetimes?: Lifetimes
  /** An authority counts as trusted when it has been published this long: API servers learn of it one by one. */
  readonly settleMs?: number
}

/** One change of the state. */
export type RotationStep =
  /** Nothing can be kept: another authority and leaf. */
  | { readonly step: 'start over'; readonly reason: string }
  /** Another authority goes into the bundle; it signs nothing yet. */
  | { readonly step: 'introduce authority'; readonly reason: string }
  /** The introduced authority signs from now on, a leaf at once. */
  | { readonly step: 'switch authority'; readonly reason: string }
  | { readonly step: 'issue leaf'; readonly reason: string; readonly hosts: readonly string[] }
  /** Authorities leave the bundle, after the last leaf that they signed. */
  | { readonly step: 'drop authorities'; readonly reason: string }

/** As long as a watch of the API server may take to start again. */
export const SETTLE_MS = 5 * 60_000

/**
 * Says what has to be done next with the certificates, or null when nothing has.
 *
 * The order keeps one law: as long as the published `caBundle` lags behind, the leaf is signed by an authority in it.
 *
 * @param state null when there is none
 */
export function planRotation(state: CertificateState | null, context: RotationContext): RotationStep | null {
  if (state === null) return { step: 'start over', reason: 'there is no authority' }
  const { now, published, lifetimes = LIFETIMES, settleMs = SETTLE_MS } = context
  const signer = new X509Certificate(state.signer.cert)
  const next = state.next === null ? null : new X509Certificate(state.next.cert)
  const canSwitch = next !== null && isValidAt(next, now)
  if (!isValidAt(signer, now)) {
    const reason = 'the authority is not valid at this time'
    return { step: canSwitch ? 'switch authority' : 'start over', reason }
  }
  if (next !== null && !canSwitch) {
    return { step: 'introduce authority', reason: 'the next authority is not valid at this time' }
  }
  if (next !== null && isSettled(published.get(fingerprintOf(next)), now, settleMs)) {
    return { step: 'switch authority', reason: 'the next authority is published' }
  }
  if (next === null && notAfterOf(signer) - now <= lifetimes.authorityRenewBeforeMs) {
    return { step: 'introduce authority', reason: 'the authority ends soon' }
  }
  if (state.previous.some(each => !isStillTrusted(each, now))) {
    return { step: 'drop authorities', reason: 'the last leaf by a previous authority has ended' }
  }
  return planLeaf(state, signer, { ...context, lifetimes })
}

/** When the next authority may sign, in milliseconds since 1970; null while nothing waits for that. */
export function switchTime(state: CertificateState, context: RotationContext): number | null {
  const fingerprint = state.next === null ? '' : fingerprintOf(new X509Certificate(state.next.cert))
  const since = context.published.get(fingerprint)
  return since === undefined ? null : since + (context.settleMs ?? SETTLE_MS)
}

/** Whether a previous authority stays in the bundle. */
export function isStillTrusted(previous: CertificateState['previous'][number], now: number): boolean {
  return now < previous.until && now < notAfterOf(new X509Certificate(previous.cert))
}

function isSettled(since: number | undefined, now: number, settleMs: number): boolean {
  return since !== undefined && now - since >= settleMs
}

function planLeaf(
  { leaf }: CertificateState,
  signer: X509Certificate,
  { now, hosts, lifetimes }: RotationContext & { readonly lifetimes: Lifetimes },
): RotationStep | null {
  if (leaf === null) return { step: 'issue leaf', reason: 'there is no leaf', hosts }
  const certificate = new X509Certificate(leaf.cert)
  if (!isValidAt(certificate, now)) {
    return { step: 'issue leaf', reason: 'the leaf is not valid at this time', hosts }
  }
  if (hosts.some(host => !isFor(certificate, host))) {
    // Replicas of two versions may want different names: with those of both in it they do not replace it in turn.
    const union = [...new Set([...hosts, ...namesOf(certificate)])]
    return { step: 'issue leaf', reason: 'the leaf lacks a name', hosts: union }
  }
  // One that would end no later helps nobody: the authority itself is about to end.
  const endsSoon = notAfterOf(certificate) - now <= lifetimes.leafRenewBeforeMs
  const endsLater = leafNotAfter(signer, now, lifetimes).getTime() > notAfterOf(certificate)
  return endsSoon && endsLater ? { step: 'issue leaf', reason: 'the leaf ends soon', hosts } : null
}

function isFor(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined
}

/** The names and addresses a certificate is for; an IPv6 address as Node writes it. */
function namesOf(certificate: X509Certificate): readonly string[] {
  const names = certificate.subjectAltName ?? ''
  return names
    .split(', ')
    .filter(each => /^(?:DNS|IP Address):/.test(each))
    .map(each => each.slice(each.indexOf(':') + 1))
}
