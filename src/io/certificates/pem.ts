import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

/** More than this in one bundle is a mistake, and would make every look at it slow. */
const MAX_CERTIFICATES = 64
const BLOCKS = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** The certificates of a PEM text that can be read, in its order; others are left out. */
export function certificatesIn(text: string): readonly X509Certificate[] {
  const found: X509Certificate[] = []
  for (const [block] of text.matchAll(BLOCKS)) {
    const certificate = certificateOf(block)
    if (certificate !== null) found.push(certificate)
    if (found.length === MAX_CERTIFICATES) break
  }
  return found
}

/** SHA-256 over each certificate of a PEM text; what the registration says is published. */
export function fingerprintsOf(text: string): readonly string[] {
  return certificatesIn(text).map(fingerprintOf)
}

/** SHA-256 over a certificate in hexadecimal, lower case without colons: as the registration writes it. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

/** A private key in PEM, or null when it cannot be read. */
export function privateKeyOf(text: string): KeyObject | null {
  try {
    return createPrivateKey(text)
  } catch {
    // What it says may quote the key.
    return null
  }
}

/** Whether a time lies in the certificate's validity. */
export function isValidAt(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now < notAfterOf(certificate)
}

/** Milliseconds since 1970. */
export function notAfterOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo)
}

function certificateOf(block: string): X509Certificate | null {
  try {
    return new X509Certificate(block)
  } catch {
    return null
  }
}
