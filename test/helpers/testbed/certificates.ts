import { generateKeyPairSync } from 'node:crypto'
import { type DistinguishedName, signCertificate } from '../../../src/io/certificates/signed-certificate.js'

/** A certificate with its private key, both PEM; named as the options of node:tls are. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** What a certificate is about: a server by its hosts, or a user by name and groups. */
export interface CertificateSubject extends DistinguishedName {
  /** DNS names and IP addresses a server answers at. */
  readonly hosts?: readonly string[]
}

/** Issues certificates for one test bed; no OpenSSL program is needed. */
export interface CertificateAuthority {
  /** PEM, what clients and servers are told to trust. */
  readonly certificate: string
  issue(subject: CertificateSubject): Certificate
}

const HOUR_MS = 3_600_000

/** An authority with a fresh P-256 key. Its certificates hold from an hour ago for ten days. */
export function createCertificateAuthority(commonName = 'test bed'): CertificateAuthority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = { commonName }
  const notBefore = new Date(Date.now() - HOUR_MS)
  const notAfter = new Date(Date.now() + 240 * HOUR_MS)
  const validity = { notBefore, notAfter }
  return {
    certificate: signCertificate({ subject: issuer, publicKey, issuer, ...validity, isAuthority: true }, privateKey),
    issue: ({ hosts = [], ...subject }) => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const usages = ['serverAuth', 'clientAuth'] as const
      const content = { subject, publicKey: pair.publicKey, issuer, ...validity, usages, hosts }
      return {
        cert: signCertificate(content, privateKey),
        key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      }
    },
  }
}

/** A private key that signs the tokens of service accounts; SEC 1, the only PEM the API server also takes a public EC key from. */
export function createTokenSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'sec1', format: 'pem' }).toString()
}
