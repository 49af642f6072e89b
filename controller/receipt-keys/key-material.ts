import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { receiptKeyId } from '../../src/provenance/receipt.js'

/** A key that signs receipts. */
export interface SigningKey {
  /** As receipts name it. */
  readonly keyId: string
  /** PKCS #8 */
  readonly privatePem: string
  /** SubjectPublicKeyInfo */
  readonly publicPem: string
}

export function makeSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { ...publicPartOf(privatePem), privatePem }
}

/** The key in a PEM text; null where there is none of Ed25519. */
export function readSigningKey(privatePem: string): SigningKey | null {
  try {
    if (createPrivateKey(privatePem).asymmetricKeyType !== 'ed25519') return null
    return { ...publicPartOf(privatePem), privatePem }
  } catch {
    // What OpenSSL says may quote the text.
    return null
  }
}

function publicPartOf(privatePem: string): Omit<SigningKey, 'privatePem'> {
  const publicKey = createPublicKey(createPrivateKey(privatePem))
  return { keyId: receiptKeyId(publicKey), publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}
