import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { loadReceiptKeys, type ReceiptKeys } from '../../../../src/io/receipt-keys.js'
import { receiptFor, receiptKeyId, type ReceiptSigner, verifyReceipt } from '../../../../src/provenance/receipt.js'

const ONE = generateKeyPairSync('ed25519')
const TWO = generateKeyPairSync('ed25519')
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 })
const privatePem = ({ privateKey }: { privateKey: KeyObject }) =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const publicPem = ({ publicKey }: { publicKey: KeyObject }) =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString()

function signerOf(keys: ReceiptKeys | null): ReceiptSigner {
  const signer = keys?.signer ?? null
  if (signer === null) throw new Error('there is no signer')
  return signer
}

const OBJECT = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } }
const SUBJECT = { application: 'shop', project: 'default', destinationNamespace: 'shop' }

t.test('one key signs and is trusted, older ones are only trusted', async t => {
  const before = await loadReceiptKeys(t.testdir({ 'signing.key': privatePem(ONE) }))
  const receipt = receiptFor(OBJECT, SUBJECT, signerOf(before))
  const directory = t.testdir({
    '..data': { 'signing.key': 'a version of a mounted Secret' },
    'signing.key': privatePem(TWO),
    'older.pub': publicPem(ONE),
  })
  const after = await loadReceiptKeys(directory)
  t.equal(after?.signer?.keyId, receiptKeyId(TWO.publicKey))
  t.strictSame(
    [...(after?.trusted.keys() ?? [])].sort(),
    [receiptKeyId(ONE.publicKey), receiptKeyId(TWO.publicKey)].sort(),
  )
  t.strictSame(verifyReceipt(receipt, OBJECT, SUBJECT, after?.trusted ?? new Map()), { valid: true })
  const next = receiptFor(OBJECT, SUBJECT, signerOf(after))
  t.strictSame(verifyReceipt(next, OBJECT, SUBJECT, after?.trusted ?? new Map()), { valid: true })
})

t.test('public keys alone check and do not sign', async t => {
  const keys = await loadReceiptKeys(t.testdir({ 'one.pub': publicPem(ONE) }))
  t.equal(keys?.signer, null)
  t.strictSame([...(keys?.trusted.keys() ?? [])], [receiptKeyId(ONE.publicKey)])
})

t.test('a directory without keys is none', async t => {
  t.equal(await loadReceiptKeys(t.testdir({ '..data': {} })), null)
})

t.test('what is wrong is said, all at once, and never a key', async t => {
  const directory = t.testdir({
    'signing.key': publicPem(ONE),
    'private.pub': privatePem(TWO),
    'rsa.pub': publicPem(RSA),
    'broken.pub': '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n',
    'singing.key': privatePem(TWO),
  })
  const file = (name: string) => join(directory, name)
  await t.rejects(loadReceiptKeys(directory), {
    code: 'CONFIG_INVALID',
    message: [
      `keys of receipts: ${file('broken.pub')}: is no key that can be read`,
      `${file('private.pub')}: does not begin with "-----BEGIN PUBLIC KEY-----"`,
      `${file('rsa.pub')}: is a key for rsa, not for ed25519`,
      `${file('signing.key')}: does not begin with "-----BEGIN PRIVATE KEY-----"`,
      `${file('singing.key')}: is neither signing.key nor *.pub`,
    ].join('; '),
  })
  await t.rejects(loadReceiptKeys(file('nothing')), { code: 'FILE_UNREADABLE' })
})
