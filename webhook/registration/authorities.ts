import { createHash } from 'node:crypto'
import type { JsonObject } from '../../src/json.js'
import { readEntries } from './entries.js'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g

/** The SHA-256 fingerprint of every certificate in a PEM text, in hexadecimal, in the order of the text. */
export function fingerprints(pem: string): readonly string[] {
  return [...pem.matchAll(CERTIFICATE)].map(([, body = '']) =>
    createHash('sha256').update(Buffer.from(body, 'base64')).digest('hex'),
  )
}

/** The fingerprints in a `caBundle`, which is PEM in base64. */
export function bundleFingerprints(caBundle: string): readonly string[] {
  return fingerprints(Buffer.from(caBundle, 'base64').toString('utf8'))
}

/** The authorities that every entry of a configuration trusts: a certificate of another one would be refused by some. */
export function publishedAuthorities(configuration: JsonObject): readonly string[] {
  const [first, ...others] = readEntries(configuration).map(entry => bundleFingerprints(entry.caBundle))
  return [...new Set(first ?? [])].filter(each => others.every(other => other.includes(each))).sort()
}
