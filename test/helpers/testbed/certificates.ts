import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'
import forge from 'node-forge'

/** A certificate with its private key, both PEM; named as the options of node:tls are. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** What a certificate is about: a server by its hosts, or a user by name and groups. */
export interface CertificateSubject {
  readonly commonName: string
  /** Kubernetes reads them as the groups of a user. */
  readonly organizations?: readonly string[]
  /** DNS names and IPv4 addresses a server answers at. */
  readonly hosts?: readonly string[]
}

/** Issues certificates for one test bed; no OpenSSL program is needed. */
export interface CertificateAuthority {
  /** PEM, what clients and servers are told to trust. */
  readonly certificate: string
  issue(subject: CertificateSubject): Certificate
}

const { asn1, pki } = forge
/** With the one function that is missing in node-forge's types. */
const builder = pki as unknown as { getTBSCertificate(certificate: forge.pki.Certificate): forge.asn1.Asn1 }
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const HOUR_MS = 3_600_000

/** Where a certificate's content has the algorithm and the public key (RFC 5280, section 4.1). */
const ALGORITHM = 2
const PUBLIC_KEY = 6

/** node-forge builds certificates for RSA keys only: this one stands where the P-256 key is put in the end. */
const PLACEHOLDER = pki.setRsaPublicKey(new forge.jsbn.BigInteger('65537'), new forge.jsbn.BigInteger('65537'))

/** An authority with a fresh P-256 key. Its certificates hold from an hour ago for ten days. */
export function createCertificateAuthority(commonName = 'test bed'): CertificateAuthority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer: CertificateSubject = { commonName }
  const isAuthority = { name: 'basicConstraints', cA: true, critical: true }
  return {
    certificate: certificateOf({
      subject: issuer,
      publicKey,
      issuer,
      issuerKey: privateKey,
      extensions: [isAuthority],
    }),
    issue: subject => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const altNames = (subject.hosts ?? []).map(host =>
        isIPv4(host) ? { type: 7, ip: host } : { type: 2, value: host },
      )
      const extensions = [
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
      ]
      const parts = { subject, publicKey: pair.publicKey, issuer, issuerKey: privateKey, extensions }
      return {
        cert: certificateOf(parts),
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

interface CertificateParts {
  readonly subject: CertificateSubject
  readonly publicKey: KeyObject
  readonly issuer: CertificateSubject
  readonly issuerKey: KeyObject
  readonly extensions: object[]
}

/** PEM */
function certificateOf({ subject, publicKey, issuer, issuerKey, extensions }: CertificateParts): string {
  const certificate = pki.createCertificate()
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`
  certificate.validity.notBefore = new Date(Date.now() - HOUR_MS)
  certificate.validity.notAfter = new Date(Date.now() + 240 * HOUR_MS)
  certificate.setSubject(attributesOf(subject))
  certificate.setIssuer(attributesOf(issuer))
  certificate.setExtensions(extensions)
  certificate.publicKey = PLACEHOLDER
  certificate.signatureOid = ECDSA_WITH_SHA256
  certificate.siginfo.algorithmOid = ECDSA_WITH_SHA256
  const content = builder.getTBSCertificate(certificate)
  const members = content.value as forge.asn1.Asn1[]
  const algorithm = constructed(
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(ECDSA_WITH_SHA256).getBytes()),
  )
  members[ALGORITHM] = algorithm
  members[PUBLIC_KEY] = asn1.fromDer(publicKey.export({ type: 'spki', format: 'der' }).toString('binary'))
  const signature = sign('sha256', Buffer.from(asn1.toDer(content).getBytes(), 'binary'), issuerKey)
  // A bit string begins with the number of bits that its last byte leaves unused.
  const bits = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BITSTRING, false, `\0${signature.toString('binary')}`)
  const whole = asn1.toDer(constructed(content, algorithm, bits))
  return forge.pem.encode({ type: 'CERTIFICATE', body: whole.getBytes() })
}

function constructed(...value: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, value)
}

function attributesOf({ commonName, organizations = [] }: CertificateSubject): forge.pki.CertificateField[] {
  // Names with a colon and more are no PrintableString, which is what it would write.
  const valueTagClass = asn1.Type.UTF8 as unknown as forge.asn1.Class
  return [
    ...organizations.map(value => ({ name: 'organizationName', value, valueTagClass })),
    { name: 'commonName', value: commonName, valueTagClass },
  ]
}
