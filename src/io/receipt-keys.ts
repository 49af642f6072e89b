import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { GateError } from '../errors.js'
import { type ReceiptSigner, receiptKeyId } from '../provenance/receipt.js'
import { readFileBytes, unreadable } from './files.js'

/** The private key that signs: PEM, PKCS #8, Ed25519. */
export const SIGNING_KEY_FILE = 'signing.key'

/** The end of the name of a public key that is trusted as well: PEM, SubjectPublicKeyInfo, Ed25519. */
export const TRUSTED_KEY_SUFFIX = '.pub'

/** The keys of receipts. */
export interface ReceiptKeys {
  /** null: receipts can be checked here, and not made. */
  readonly signer: ReceiptSigner | null
  /** By key id; the key that signs is among them. */
  readonly trusted: ReadonlyMap<string, KeyObject>
}

const MAX_KEY_BYTES = 16 * 1024
/** A rotation has two; more than this is a directory of something else. */
const MAX_FILES = 64

/**
 * Reads a directory that a Secret is mounted as: `signing.key` signs, every `*.pub` is only trusted. While keys change,
 * the old public key stays there until nothing is left that it signed.
 *
 * @returns null for a directory without keys: receipts are neither made nor checked
 * @throws GateError FILE_UNREADABLE, or CONFIG_INVALID with everything that is wrong
 */
export async function loadReceiptKeys(directory: string): Promise<ReceiptKeys | null> {
  const names = await namesIn(directory)
  const problems: string[] = []
  const trusted = new Map<string, KeyObject>()
  let signer: ReceiptSigner | null = null
  for (const name of names) {
    const file = join(directory, name)
    try {
      if (name === SIGNING_KEY_FILE) {
        const privateKey = ed25519(createPrivateKey, await pemIn(file, 'PRIVATE KEY'), file)
        const publicKey = createPublicKey(privateKey)
        signer = signerOf(privateKey, receiptKeyId(publicKey))
        trusted.set(signer.keyId, publicKey)
      } else if (name.endsWith(TRUSTED_KEY_SUFFIX)) {
        const publicKey = ed25519(createPublicKey, await pemIn(file, 'PUBLIC KEY'), file)
        trusted.set(receiptKeyId(publicKey), publicKey)
      } else {
        // Quietly passed over, a misspelt key would be one that is not trusted.
        problems.push(`${file}: is neither ${SIGNING_KEY_FILE} nor *${TRUSTED_KEY_SUFFIX}`)
      }
    } catch (thrown) {
      if (!(thrown instanceof GateError)) throw thrown
      problems.push(thrown.message)
    }
  }
  if (problems.length > 0) throw new GateError('CONFIG_INVALID', `keys of receipts: ${problems.join('; ')}`)
  return trusted.size === 0 ? null : { signer, trusted }
}

/** A mounted Secret keeps its versions in entries that begin with dots. */
async function namesIn(directory: string): Promise<readonly string[]> {
  let names: readonly string[]
  try {
    names = (await readdir(directory)).filter(name => !name.startsWith('.')).sort()
  } catch (error) {
    throw unreadable(directory, error)
  }
  if (names.length <= MAX_FILES) return names
  throw new GateError('CONFIG_INVALID', `keys of receipts: ${directory}: has more than ${MAX_FILES} files`)
}

/** @param label what the PEM block has to be called: a private key is never taken for a public one */
async function pemIn(file: string, label: string): Promise<string> {
  const text = Buffer.from(await readFileBytes(file, MAX_KEY_BYTES)).toString('utf8')
  if (text.trimStart().startsWith(`-----BEGIN ${label}-----`)) return text
  throw new GateError('CONFIG_INVALID', `${file}: does not begin with "-----BEGIN ${label}-----"`)
}

function ed25519(read: (pem: string) => KeyObject, pem: string, file: string): KeyObject {
  let key: KeyObject
  try {
    key = read(pem)
  } catch (cause) {
    // Its message may say something about the key.
    throw new GateError('CONFIG_INVALID', `${file}: is no key that can be read`, { cause })
  }
  if (key.asymmetricKeyType === 'ed25519') return key
  throw new GateError('CONFIG_INVALID', `${file}: is a key for ${key.asymmetricKeyType ?? 'nothing'}, not for ed25519`)
}

function signerOf(privateKey: KeyObject, keyId: string): ReceiptSigner {
  return { keyId, sign: message => sign(null, message, privateKey) }
}
