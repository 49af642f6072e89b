import { X509Certificate } from 'node:crypto'
import { isIssuedBy, isOwnAuthority, type KeyedCertificate } from './authority.js'
import { certificatesIn, notAfterOf, privateKeyOf } from './pem.js'

/** An authority that signs no more; it is trusted until the last leaf that it signed has ended. */
export interface PreviousAuthority {
  /** PEM */
  readonly cert: string
  /** Milliseconds since 1970. */
  readonly until: number
}

/** What the replicas of a webhook share. */
export interface CertificateState {
  /** Signs the leaves. */
  readonly signer: KeyedCertificate
  /** Will sign when everybody trusts it. */
  readonly next: KeyedCertificate | null
  readonly previous: readonly PreviousAuthority[]
  /** null: there is none that could be used. */
  readonly leaf: KeyedCertificate | null
}

/** A state that can be served from. */
export interface CompleteState extends CertificateState {
  readonly leaf: KeyedCertificate
}

/** The values of a Secret as texts; names of members are those of kubernetes.io/tls Secrets where there are such. */
export type SecretTexts = Readonly<Record<string, string>>

const [LEAF, LEAF_KEY, BUNDLE, SIGNER_KEY] = ['tls.crt', 'tls.key', 'ca.crt', 'ca.key']
const NEXT_KEY = 'next-ca.key'
const PREVIOUS = 'previous-ca.json'

/** All authorities whose leaves may be served, PEM: what a `caBundle` has to hold. */
export function bundleOf({ signer, next, previous }: CertificateState): string {
  return [signer, ...(next === null ? [] : [next]), ...previous].map(each => each.cert).join('')
}

/** Writes the state as the texts of a Secret. */
export function writeState(state: CertificateState): SecretTexts {
  const { signer, next, previous, leaf } = state
  const until = previous.map(each => [fingerprintOf(each.cert), new Date(each.until).toISOString()])
  return {
    [LEAF]: leaf?.cert ?? '',
    [LEAF_KEY]: leaf?.key ?? '',
    [BUNDLE]: bundleOf(state),
    [SIGNER_KEY]: signer.key,
    ...(next !== null && { [NEXT_KEY]: next.key }),
    ...(previous.length > 0 && { [PREVIOUS]: JSON.stringify(Object.fromEntries(until)) }),
  }
}

/** What could be read of a Secret, and what was wrong with it, in words that quote none of it. */
export interface ReadState {
  /** null: there is no authority to go on with. */
  readonly state: CertificateState | null
  readonly faults: readonly string[]
}

/**
 * Reads the texts of a Secret. Which authority is which follows from their keys, so that a half-written Secret cannot contradict itself.
 * Whether anything has expired is not looked at.
 */
export function readState(texts: SecretTexts): ReadState {
  const faults: string[] = []
  const bundle = certificatesIn(texts[BUNDLE] ?? '').filter(isOwnAuthority)
  if (bundle.length === 0) faults.push(`${BUNDLE} holds no authority made by lockkeeper`)
  const signer = authorityOf(bundle, texts, SIGNER_KEY, faults)
  if (signer === null) return { state: null, faults }
  const next = texts[NEXT_KEY] === undefined ? null : authorityOf(bundle, texts, NEXT_KEY, faults)
  const keyed = [signer.cert, next?.cert]
  const until = previousTimes(texts[PREVIOUS])
  const previous = bundle
    .filter(each => !keyed.includes(each.toString()))
    .map(each => ({ cert: each.toString(), until: until.get(each.fingerprint256) ?? notAfterOf(each) }))
  const leaf = leafOf(new X509Certificate(signer.cert), texts, faults)
  return { state: { signer, next: next?.cert === signer.cert ? null : next, previous, leaf }, faults }
}

function authorityOf(
  bundle: readonly X509Certificate[],
  texts: SecretTexts,
  name: string,
  faults: string[],
): KeyedCertificate | null {
  const key = privateKeyOf(texts[name] ?? '')
  const certificate = key === null ? undefined : bundle.find(each => each.checkPrivateKey(key))
  if (certificate !== undefined) return { cert: certificate.toString(), key: texts[name] ?? '' }
  faults.push(key === null ? `${name} is missing or no private key` : `${name} belongs to no authority in ${BUNDLE}`)
  return null
}

function leafOf(signer: X509Certificate, texts: SecretTexts, faults: string[]): KeyedCertificate | null {
  const [certificate] = certificatesIn(texts[LEAF] ?? '')
  const key = privateKeyOf(texts[LEAF_KEY] ?? '')
  if (certificate === undefined) faults.push(`${LEAF} is missing or no certificate`)
  else if (key === null) faults.push(`${LEAF_KEY} is missing or no private key`)
  else if (!certificate.checkPrivateKey(key)) faults.push(`${LEAF_KEY} does not belong to ${LEAF}`)
  else if (!isIssuedBy(certificate, signer)) faults.push(`${LEAF} was not signed with ${SIGNER_KEY}`)
  else return { cert: certificate.toString(), key: texts[LEAF_KEY] ?? '' }
  return null
}

/** By fingerprint; a time that cannot be read is left out, and its authority then stays as long as it is valid. */
function previousTimes(text: string | undefined): ReadonlyMap<string, number> {
  try {
    const read = JSON.parse(text ?? '{}') as unknown
    if (typeof read !== 'object' || read === null) return new Map()
    const times = Object.entries(read).map(([key, value]) => [key, Date.parse(String(value))] as const)
    return new Map(times.filter(([, time]) => Number.isFinite(time)))
  } catch {
    return new Map()
  }
}

function fingerprintOf(cert: string): string {
  return new X509Certificate(cert).fingerprint256
}
