import { Buffer } from 'node:buffer'
import { createHash, type KeyObject, verify } from 'node:crypto'
import { canonicalJson, canonicalObject } from '../canonical.js'
import { GateError } from '../errors.js'
import type { JsonObject } from '../json.js'
import type { KubeObject } from '../manifest.js'

/** Where an object carries its receipt. */
export const RECEIPT_ANNOTATION = 'lockkeeper.dev/receipt'

/** For whom an object was rendered, in Argo CD's own words. */
export interface ReceiptSubject {
  /** As Argo CD names it: with its namespace and `_` before it where it is not in Argo CD's own. */
  readonly application: string
  readonly project: string
  readonly destinationNamespace: string
}

/** Signs with the one private key that is in use. */
export interface ReceiptSigner {
  readonly keyId: string
  /** @returns the 64 bytes of an Ed25519 signature */
  sign(message: Uint8Array): Uint8Array
}

/** The parts of a receipt that is well formed; nothing is said about whether it is true. */
export interface Receipt {
  readonly keyId: string
  /** sha256, base64url */
  readonly digest: string
  readonly signature: Uint8Array
}

/** What a check of a receipt says. */
export type ReceiptCheck = { readonly valid: true } | { readonly valid: false; readonly reason: string }

const VERSION = 'v1'
const MESSAGE_HEAD = 'lockkeeper-receipt-v1'
const DIGEST_BYTES = 32
const SIGNATURE_BYTES = 64
/** 64 bits: a directory holds a handful of keys. */
const KEY_ID_LENGTH = 16
const KEY_ID = /^[0-9a-f]{16}$/
/** What `v1` has, with its dots; nothing longer is looked at. */
const RECEIPT_LENGTH = 2 + 1 + KEY_ID_LENGTH + 1 + 43 + 1 + 86

/** The id of a key: the first 16 hexadecimal digits of the sha256 of its public key (SubjectPublicKeyInfo, DER). */
export function receiptKeyId(publicKey: KeyObject): string {
  const bytes = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(bytes).digest('hex').slice(0, KEY_ID_LENGTH)
}

/**
 * The receipt of a rendered object: it changes when the object does in its canonical form, or its subject or the key,
 * and only then.
 *
 * @throws GateError MANIFEST_INVALID when a part of the subject or a name has a line break
 */
export function receiptFor(object: KubeObject, subject: ReceiptSubject, signer: ReceiptSigner): string {
  const digest = receiptDigest(object, subject)
  const message = messageOf(object, subject, digest)
  if (message === null) {
    throw new GateError('MANIFEST_INVALID', 'a receipt cannot be written: a name has a line break in it')
  }
  return [VERSION, signer.keyId, digest, Buffer.from(signer.sign(message)).toString('base64url')].join('.')
}

/**
 * The digest in a receipt: sha256 of the canonical object, base64url. A namespace that is the destination's counts as none,
 * since Argo CD fills it in where the render left it out.
 */
export function receiptDigest(object: KubeObject, { destinationNamespace }: ReceiptSubject): string {
  const canonical = canonicalJson(canonicalObject(withoutNamespace(object, destinationNamespace)))
  return createHash('sha256').update(canonical).digest('base64url')
}

/** Reads a receipt; what is none gives the reason, which does not quote it. */
export function parseReceipt(text: string): Receipt | string {
  if (text.length !== RECEIPT_LENGTH) return `a receipt has ${RECEIPT_LENGTH} characters, this one has ${text.length}`
  const [version, keyId = '', digest = '', signature = '', ...rest] = text.split('.')
  if (rest.length > 0 || signature === '') return 'a receipt has four parts'
  if (version !== VERSION) return `the version of the receipt is not ${VERSION}`
  if (!KEY_ID.test(keyId)) return 'the key id of the receipt is none'
  const digestBytes = base64url(digest, DIGEST_BYTES)
  const signatureBytes = base64url(signature, SIGNATURE_BYTES)
  if (digestBytes === null) return 'the digest of the receipt is none'
  if (signatureBytes === null) return 'the signature of the receipt is none'
  return { keyId, digest, signature: signatureBytes }
}

/**
 * Whether a receipt was made for just this object and subject by a trusted key. The object is the rendered one, as far as it
 * could be recovered; what it says about itself in `lockkeeper.dev/` annotations does not count.
 *
 * @param trusted public keys by their receiptKeyId
 */
export function verifyReceipt(
  text: string,
  object: KubeObject,
  subject: ReceiptSubject,
  trusted: ReadonlyMap<string, KeyObject>,
): ReceiptCheck {
  const receipt = parseReceipt(text)
  if (typeof receipt === 'string') return { valid: false, reason: receipt }
  const key = trusted.get(receipt.keyId)
  if (key === undefined) return { valid: false, reason: `the receipt is signed by a key that is not trusted` }
  if (receipt.digest !== receiptDigest(object, subject)) {
    return { valid: false, reason: 'the receipt is for another object' }
  }
  const message = messageOf(object, subject, receipt.digest)
  const isTrue =
    message !== null && key.asymmetricKeyType === 'ed25519' && verify(null, message, key, receipt.signature)
  return isTrue ? { valid: true } : { valid: false, reason: 'the signature of the receipt is not for this object' }
}

/** The lines that are signed; null where a part has a line break, so that no two subjects give the same lines. */
function messageOf(object: KubeObject, subject: ReceiptSubject, digest: string): Uint8Array | null {
  const { application, project, destinationNamespace } = subject
  const { metadata, kind } = withoutNamespace(object, destinationNamespace)
  const group = object.apiVersion.includes('/') ? object.apiVersion.slice(0, object.apiVersion.indexOf('/')) : ''
  const lines = [
    MESSAGE_HEAD,
    application,
    project,
    destinationNamespace,
    `${group}/${kind}`,
    `${textOf(metadata, 'namespace')}/${nameOf(metadata)}`,
    digest,
  ]
  return lines.some(line => /[\r\n]/.test(line)) ? null : Buffer.from(lines.join('\n'))
}

function nameOf(metadata: JsonObject): string {
  const name = textOf(metadata, 'name')
  return name === '' ? `${textOf(metadata, 'generateName')}*` : name
}

function textOf(metadata: JsonObject, member: string): string {
  const value = metadata[member]
  return typeof value === 'string' ? value : ''
}

function withoutNamespace(object: KubeObject, destinationNamespace: string): KubeObject {
  const { namespace, ...metadata } = object.metadata
  return namespace === destinationNamespace || namespace === '' ? { ...object, metadata } : object
}

/** The bytes, where the text is the only one that stands for them: the spare bits of its last character are zero. */
function base64url(text: string, bytes: number): Uint8Array | null {
  const decoded = Buffer.from(text, 'base64url')
  return decoded.length === bytes && decoded.toString('base64url') === text ? decoded : null
}
