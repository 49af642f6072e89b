import { X509Certificate } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { isIssuedBy } from './authority.js'
import { certificatesIn, notAfterOf } from './pem.js'

/** What a server serves with, and what its callers have to trust. */
export interface CertificateMaterial {
  /** PEM: the leaf first, then what stands between it and its authority. */
  readonly cert: string
  /** PEM */
  readonly key: string
  /** PEM: everything that a `caBundle` has to hold. */
  readonly caBundle: string
  /** The end of the leaf. */
  readonly notAfter: Date
  /** The end of the authority that signed it; of the first one in the bundle where none did. */
  readonly authorityNotAfter: Date
}

/** Where a server has its certificate from. */
export interface Certificates {
  current(): CertificateMaterial
  /** PEM: what callers have to be told, by a registration or a ConfigMap. */
  caBundle(): string
  /** A secret that the replicas share, for the seal of their registration; null where they share none. */
  sealKey(): Uint8Array | null
  /** Takes the fingerprints of what callers have been told; see `fingerprintsOf`. */
  published(fingerprints: readonly string[]): void
  /** Looks for a change at once; before a `caBundle` that somebody else wrote is replaced. Never rejects. */
  refresh(): Promise<void>
  close(): void
}

/** Joins the parts, with the times that they end at. */
export function materialOf(parts: { cert: string; key: string; caBundle: string }): CertificateMaterial {
  const chain = certificatesIn(parts.cert)
  const leaf = chain[0] ?? new X509Certificate(parts.cert)
  const bundle = certificatesIn(parts.caBundle)
  const last = chain.at(-1) ?? leaf
  const authority = bundle.find(each => isIssuedBy(last, each)) ?? bundle[0] ?? leaf
  return { ...parts, notAfter: new Date(notAfterOf(leaf)), authorityNotAfter: new Date(notAfterOf(authority)) }
}

/**
 * What a TLS server is made with, and what `setSecureContext` takes when the certificate changes: connections stay, new ones
 * see the new leaf. It has everything again, since `setSecureContext` keeps nothing of what was before.
 *
 * @param clientCa PEM: the authorities of client certificates
 */
export function secureContextOf({ cert, key }: CertificateMaterial, clientCa?: string): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(clientCa !== undefined && { ca: clientCa }) }
}
