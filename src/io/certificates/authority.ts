import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { signCertificate } from './signed-certificate.js'

/** A certificate with its private key, both PEM; named as the options of node:tls are. */
export interface KeyedCertificate {
  readonly cert: string
  readonly key: string
}

const DAY_MS = 86_400_000

/** How long certificates hold and when they are renewed; each `renewBeforeMs` is well below its lifetime. */
export interface Lifetimes {
  readonly authorityMs: number
  readonly authorityRenewBeforeMs: number
  readonly leafMs: number
  readonly leafRenewBeforeMs: number
}

/** A day is added to the 90 and 30 days that always remain, since nobody looks more often than every hour. */
export const LIFETIMES: Lifetimes = {
  authorityMs: 365 * DAY_MS,
  authorityRenewBeforeMs: 91 * DAY_MS,
  leafMs: 90 * DAY_MS,
  leafRenewBeforeMs: 31 * DAY_MS,
}

/** Certificates begin this long before they are made: the clock of the API server may be behind. */
const BACKDATED_MS = 3_600_000

const LEAF_NAME = 'lockkeeper'
const AUTHORITY_NAME = /^CN=lockkeeper CA \d{4}-\d\d-\d\d [0-9a-f]{8}$/

/**
 * Makes an authority with a key of its own. Its name tells it from those before it.
 *
 * @param now milliseconds since 1970
 */
export function createAuthority(now: number, lifetimes: Lifetimes = LIFETIMES): KeyedCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const day = new Date(now).toISOString().slice(0, 10)
  const name = { commonName: `${LEAF_NAME} CA ${day} ${randomBytes(4).toString('hex')}` }
  const cert = signCertificate(
    {
      subject: name,
      publicKey,
      issuer: name,
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: wholeSeconds(now + lifetimes.authorityMs),
      isAuthority: true,
    },
    privateKey,
  )
  return { cert, key: pemOf(privateKey) }
}

/**
 * Issues a server certificate for `hosts`, with a new key. It never outlives its authority.
 *
 * @param authority one that `createAuthority` made
 * @param hosts DNS names and IP addresses
 * @param now milliseconds since 1970
 */
export function issueLeaf(
  authority: KeyedCertificate,
  hosts: readonly string[],
  now: number,
  lifetimes: Lifetimes = LIFETIMES,
): KeyedCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = new X509Certificate(authority.cert)
  const cert = signCertificate(
    {
      subject: { commonName: LEAF_NAME },
      publicKey,
      issuer: { commonName: commonNameOf(issuer) },
      notBefore: new Date(Math.max(now - BACKDATED_MS, Date.parse(issuer.validFrom))),
      notAfter: leafNotAfter(issuer, now, lifetimes),
      usages: ['serverAuth'],
      hosts,
    },
    createPrivateKey(authority.key),
  )
  return { cert, key: pemOf(privateKey) }
}

/** Whether `createAuthority` made this certificate; another one's name or key may be none that leaves can be issued by. */
export function isOwnAuthority(certificate: X509Certificate): boolean {
  return certificate.ca && AUTHORITY_NAME.test(certificate.subject) && isIssuedBy(certificate, certificate)
}

/** Whether the names, the key usage and the signature say so. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** When a leaf that is issued now ends. */
export function leafNotAfter(issuer: X509Certificate, now: number, lifetimes: Lifetimes): Date {
  return wholeSeconds(Math.min(now + lifetimes.leafMs, Date.parse(issuer.validTo)))
}

/** The resolution of times in certificates. */
function wholeSeconds(timeMs: number): Date {
  return new Date(Math.floor(timeMs / 1000) * 1000)
}

/** Node writes one attribute a line; the authorities made here have but one. */
function commonNameOf(authority: X509Certificate): string {
  return authority.subject.slice('CN='.length)
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
