import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import forge from 'node-forge'

/** A distinguished name; Kubernetes reads organizations as the groups of a user. */
export interface DistinguishedName {
  readonly commonName: string
  readonly organizations?: readonly string[]
}

/** What a certificate says; the times have a resolution of seconds. */
export interface CertificateContent {
  readonly subject: DistinguishedName
  readonly publicKey: KeyObject
  readonly issuer: DistinguishedName
  readonly notBefore: Date
  readonly notAfter: Date
  /** An authority signs other certificates, which are no authorities. */
  readonly isAuthority?: boolean
  readonly usages?: readonly ('serverAuth' | 'clientAuth')[]
  /** DNS names and IP addresses a server answers at. */
  readonly hosts?: readonly string[]
}

const { asn1, pki } = forge
/** With the one function that is missing in node-forge's types. */
const builder = pki as unknown as { getTBSCertificate(certificate: forge.pki.Certificate): forge.asn1.Asn1 }
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14'
const KEY_IDENTIFIER_BYTES = 20
const SERIAL_BYTES = 16
/** An uncompressed point of P-256, which ends its SubjectPublicKeyInfo. */
const POINT_BYTES = 65

/** Where a certificate's content has the algorithm and the public key (RFC 5280, section 4.1). */
const ALGORITHM = 2
const PUBLIC_KEY = 6

/** A point can look like DER; it is not to be read as such. */
const AS_IT_IS = { strict: true, decodeBitStrings: false } as unknown as boolean

/** node-forge builds certificates for RSA keys only: this one stands where the P-256 key is put in the end. */
const PLACEHOLDER = pki.setRsaPublicKey(new forge.jsbn.BigInteger('65537'), new forge.jsbn.BigInteger('65537'))

/**
 * Signs a certificate with a P-256 key (ECDSA with SHA-256): node-forge builds it, the platform's own cryptography signs it.
 *
 * @returns PEM
 */
export function signCertificate(content: CertificateContent, issuerKey: KeyObject): string {
  const certificate = pki.createCertificate()
  certificate.serialNumber = randomSerial()
  certificate.validity.notBefore = content.notBefore
  certificate.validity.notAfter = content.notAfter
  certificate.setSubject(attributesOf(content.subject))
  certificate.setIssuer(attributesOf(content.issuer))
  certificate.setExtensions(extensionsOf(content, createPublicKey(issuerKey)))
  certificate.publicKey = PLACEHOLDER
  certificate.signatureOid = ECDSA_WITH_SHA256
  certificate.siginfo.algorithmOid = ECDSA_WITH_SHA256
  const toBeSigned = builder.getTBSCertificate(certificate)
  const members = toBeSigned.value as forge.asn1.Asn1[]
  const algorithm = sequence(primitive(asn1.Type.OID, asn1.oidToDer(ECDSA_WITH_SHA256).getBytes()))
  members[ALGORITHM] = algorithm
  members[PUBLIC_KEY] = asn1.fromDer(subjectPublicKeyInfo(content.publicKey).toString('binary'), AS_IT_IS)
  const signature = sign('sha256', Buffer.from(asn1.toDer(toBeSigned).getBytes(), 'binary'), issuerKey)
  // A bit string begins with the number of bits that its last byte leaves unused.
  const bits = primitive(asn1.Type.BITSTRING, `\0${signature.toString('binary')}`)
  const whole = asn1.toDer(sequence(toBeSigned, algorithm, bits))
  return new X509Certificate(Buffer.from(whole.getBytes(), 'binary')).toString()
}

/** Positive, and without a leading zero, whatever the random bytes are. */
function randomSerial(): string {
  return `01${randomBytes(SERIAL_BYTES - 1).toString('hex')}`
}

function extensionsOf(
  { publicKey, isAuthority = false, usages = [], hosts = [] }: CertificateContent,
  issuer: KeyObject,
) {
  const identifier = primitive(asn1.Type.OCTETSTRING, keyIdentifier(publicKey))
  const altNames = hosts.map(host => (isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host }))
  return [
    { name: 'basicConstraints', critical: true, cA: isAuthority, ...(isAuthority && { pathLenConstraint: 0 }) },
    isAuthority
      ? { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true }
      : { name: 'keyUsage', critical: true, digitalSignature: true },
    ...(usages.length > 0 ? [{ name: 'extKeyUsage', ...Object.fromEntries(usages.map(each => [each, true])) }] : []),
    // By its number, with its value: node-forge would compute one from the placeholder.
    { id: SUBJECT_KEY_IDENTIFIER, value: identifier },
    { name: 'authorityKeyIdentifier', keyIdentifier: keyIdentifier(issuer) },
    ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
  ]
}

/** The first 160 bits of the key's SHA-256 (RFC 7093, section 2, method 1), as node-forge's binary text. */
function keyIdentifier(publicKey: KeyObject): string {
  const point = subjectPublicKeyInfo(publicKey).subarray(-POINT_BYTES)
  return createHash('sha256').update(point).digest().subarray(0, KEY_IDENTIFIER_BYTES).toString('binary')
}

function subjectPublicKeyInfo(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' })
}

function sequence(...value: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, value)
}

function primitive(type: forge.asn1.Type, value: string): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, false, value)
}

function attributesOf({ commonName, organizations = [] }: DistinguishedName): forge.pki.CertificateField[] {
  // Names with a colon and more are no PrintableString, which is what it would write.
  const valueTagClass = asn1.Type.UTF8 as unknown as forge.asn1.Class
  return [
    ...organizations.map(value => ({ name: 'organizationName', value, valueTagClass })),
    { name: 'commonName', value: commonName, valueTagClass },
  ]
}
