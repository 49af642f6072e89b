import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'

/** A key that signs receipts. */
export interface SigningKey {
  /** The first 16 hex digits of SHA-256 over the public key's SubjectPublicKeyInfo in DER. */
  readonly keyId: string
  /** PKCS #8 */
  readonly privatePem: string
  /** SubjectPublicKeyInfo */
  readonly publicPem: string
}

const KEY_ID_LENGTH = 16

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
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return {
    keyId: createHash('sha256').update(der).digest('hex').slice(0, KEY_ID_LENGTH),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}
