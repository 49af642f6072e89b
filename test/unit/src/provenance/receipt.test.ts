import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson, canonicalObject } from '../../../../src/canonical.js'
import { isJsonObject, type JsonObject } from '../../../../src/json.js'
import type { KubeObject } from '../../../../src/manifest.js'
import {
  parseReceipt,
  RECEIPT_ANNOTATION,
  receiptFor,
  receiptKeyId,
  type ReceiptSigner,
  type ReceiptSubject,
  verifyReceipt,
} from '../../../../src/provenance/receipt.js'
import { apiObjects } from '../../../helpers/api-objects.js'
import { ROOT } from '../../../helpers/repository.js'

/** A fresh key that signs, and what trusts it. */
function keyPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const keyId = receiptKeyId(publicKey)
  const signer: ReceiptSigner = { keyId, sign: message => sign(null, message, privateKey) }
  return { signer, publicKey, trusted: new Map([[keyId, publicKey]]) }
}

const KEY = keyPair()
const SUBJECT: ReceiptSubject = { application: 'shop', project: 'default', destinationNamespace: 'shop-prod' }
const OBJECTS = apiObjects(7, 120) as KubeObject[]
const objects = fc.constantFrom(...OBJECTS)
const subjects = fc.record({
  application: fc.stringMatching(/^[a-z0-9_-]{1,20}$/),
  project: fc.stringMatching(/^[a-z0-9-]{1,20}$/),
  destinationNamespace: fc.stringMatching(/^[a-z0-9-]{1,20}$/),
})

const check = (text: string, object: KubeObject, subject = SUBJECT, trusted = KEY.trusted) =>
  verifyReceipt(text, object, subject, trusted)

const CONFIG_MAP: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: { a: '1' } }

t.test('a receipt is made of the canonical object and signed lines', t => {
  const object: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'other' },
    spec: { replicas: 2 },
  }
  const digest = createHash('sha256')
    .update(canonicalJson(canonicalObject(object)))
    .digest('base64url')
  const receipt = receiptFor(object, SUBJECT, KEY.signer)
  const [version, keyId, inReceipt, signature] = receipt.split('.')
  t.strictSame([version, keyId, inReceipt], ['v1', KEY.signer.keyId, digest])
  const lines = ['lockkeeper-receipt-v1', 'shop', 'default', 'shop-prod', 'apps/Deployment', 'other/web', digest].join(
    '\n',
  )
  t.equal(verify(null, Buffer.from(lines), KEY.publicKey, Buffer.from(signature ?? '', 'base64url')), true)
  t.end()
})

t.test('a key id is the beginning of the sha256 of the public key', t => {
  const der = KEY.publicKey.export({ type: 'spki', format: 'der' })
  t.equal(KEY.signer.keyId, createHash('sha256').update(der).digest('hex').slice(0, 16))
  t.end()
})

t.test('what was signed holds, and rendered again it has the same receipt', t => {
  fc.assert(
    fc.property(objects, subjects, (object, subject) => {
      const receipt = receiptFor(object, subject, KEY.signer)
      if (!check(receipt, object, subject).valid) throw new Error('it is not valid')
      const again = structuredClone(object)
      if (receiptFor(again, subject, KEY.signer) !== receipt) throw new Error('the second render has another receipt')
    }),
    { numRuns: 120 },
  )
  t.end()
})

t.test('any canonical change of the object fails', t => {
  fc.assert(
    fc.property(objects, fc.nat(), (object, choice) => {
      const receipt = receiptFor(object, SUBJECT, KEY.signer)
      const changed = withOneLeafChanged(object, choice)
      const isSame = canonicalJson(canonicalObject(changed)) === canonicalJson(canonicalObject(object))
      if (check(receipt, changed).valid !== isSame) throw new Error(JSON.stringify(changed))
    }),
    { numRuns: 600 },
  )
  t.end()
})

t.test('any change of the subject or the key fails', t => {
  const members = fc.constantFrom('application', 'project', 'destinationNamespace')
  fc.assert(
    fc.property(objects, subjects, members, fc.stringMatching(/^[a-z0-9-]{1,3}$/), (object, subject, member, more) => {
      const receipt = receiptFor(object, subject, KEY.signer)
      if (check(receipt, object, { ...subject, [member]: `${subject[member]}${more}` }).valid) {
        throw new Error(`${member} does not matter`)
      }
      // Nothing may move from one line into the next.
      const { application, project } = subject
      const moved = { ...subject, application: application + project.slice(0, 1), project: project.slice(1) }
      if (check(receipt, object, moved).valid) throw new Error('lines run into each other')
    }),
    { numRuns: 120 },
  )
  const other = keyPair()
  const receipt = receiptFor(CONFIG_MAP, SUBJECT, KEY.signer)
  t.strictSame(check(receipt, CONFIG_MAP, SUBJECT, other.trusted), {
    valid: false,
    reason: 'the receipt is signed by a key that is not trusted',
  })
  t.strictSame(
    check(receipt, CONFIG_MAP, SUBJECT, new Map([[KEY.signer.keyId, other.publicKey]])),
    { valid: false, reason: 'the signature of the receipt is not for this object' },
    'another key under the same id',
  )
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  t.equal(check(receipt, CONFIG_MAP, SUBJECT, new Map([[KEY.signer.keyId, rsa]])).valid, false)
  t.end()
})

t.test('every single character of a receipt counts', t => {
  const receipt = receiptFor(CONFIG_MAP, SUBJECT, KEY.signer)
  t.strictSame(check(receipt, CONFIG_MAP), { valid: true })
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n'
  for (let i = 0; i < receipt.length; i += 1) {
    for (const letter of alphabet) {
      if (letter === receipt[i]) continue
      const changed = receipt.slice(0, i) + letter + receipt.slice(i + 1)
      if (check(changed, CONFIG_MAP).valid) t.fail(`${letter} at ${i} does not matter`)
    }
    if (check(receipt.slice(0, i) + receipt.slice(i + 1), CONFIG_MAP).valid) t.fail(`character ${i} is not needed`)
  }
  t.end()
})

t.test('what the API server fills in, its own members and the order of fields do not matter', t => {
  const deployment: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'registry.example/web:1', resources: { limits: { cpu: '1' } } }] },
      },
    },
  }
  const receipt = receiptFor(deployment, SUBJECT, KEY.signer)
  const live: KubeObject = {
    kind: 'Deployment',
    status: { replicas: 1 },
    spec: {
      template: {
        spec: {
          restartPolicy: 'Always',
          containers: [
            {
              resources: { limits: { cpu: '1000m' } },
              imagePullPolicy: 'IfNotPresent',
              image: 'registry.example/web:1',
              name: 'web',
            },
          ],
        },
        metadata: { labels: { app: 'web' } },
      },
      selector: { matchLabels: { app: 'web' } },
      replicas: 1,
    },
    metadata: {
      name: 'web',
      namespace: 'shop-prod',
      uid: '1',
      resourceVersion: '2',
      managedFields: [{ manager: 'argocd-controller' }],
      annotations: { [RECEIPT_ANNOTATION]: receipt },
    },
    apiVersion: 'apps/v1',
  }
  t.strictSame(check(receipt, live), { valid: true })
  t.equal(receiptFor(live, SUBJECT, KEY.signer), receipt)
  const elsewhere = { ...live, metadata: { ...live.metadata, namespace: 'shop-dev' } }
  t.strictSame(check(receipt, elsewhere), { valid: false, reason: 'the receipt is for another object' })
  t.end()
})

t.test('the order of fields never matters', t => {
  fc.assert(
    fc.property(objects, object => {
      const turned = reversed(object) as KubeObject
      return receiptFor(turned, SUBJECT, KEY.signer) === receiptFor(object, SUBJECT, KEY.signer)
    }),
    { numRuns: 120 },
  )
  t.end()
})

t.test('a generated name is signed with a star, and is another name than one that ends with it', t => {
  const generated = { ...CONFIG_MAP, metadata: { generateName: 'web-' } }
  const receipt = receiptFor(generated, SUBJECT, KEY.signer)
  t.strictSame(check(receipt, generated), { valid: true })
  t.equal(check(receipt, { ...CONFIG_MAP, metadata: { name: 'web-*' } }).valid, false)
  t.end()
})

t.test('a line break in a name is neither signed nor believed', t => {
  const broken = { ...SUBJECT, application: 'shop\ndefault' }
  t.throws(() => receiptFor(CONFIG_MAP, broken, KEY.signer), { code: 'MANIFEST_INVALID' })
  t.equal(check(receiptFor(CONFIG_MAP, SUBJECT, KEY.signer), CONFIG_MAP, broken).valid, false)
  t.end()
})

t.test('malformed receipts give a reason that does not quote them', t => {
  const corpus = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/receipts/malformed.json'), 'utf8')) as object
  t.ok(Object.keys(corpus).length > 20)
  for (const [name, text] of Object.entries(corpus) as [string, string][]) {
    t.type(parseReceipt(text), 'string', name)
    t.equal(check(text, CONFIG_MAP).valid, false, name)
  }
  t.end()
})

t.test('any text is read without an error, and what is a receipt has one spelling', t => {
  const receipt = receiptFor(CONFIG_MAP, SUBJECT, KEY.signer)
  const near = fc
    .tuple(fc.nat(receipt.length), fc.nat(5), fc.string({ maxLength: 5, unit: 'binary' }))
    .map(([at, length, text]) => receipt.slice(0, at) + text + receipt.slice(at + length))
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), near), text => {
      const parsed = parseReceipt(text)
      if (typeof parsed === 'string') return !text.includes(parsed) || text.length < 3
      const { keyId, digest, signature } = parsed
      return ['v1', keyId, digest, Buffer.from(signature).toString('base64url')].join('.') === text
    }),
    { numRuns: 3000 },
  )
  t.end()
})

/** A copy in which one text, number or flag is another. */
function withOneLeafChanged(object: KubeObject, choice: number): KubeObject {
  const copy = structuredClone(object)
  const leaves: (() => void)[] = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach((each, i) => leaf(value as unknown as JsonObject, String(i), each))
    else if (isJsonObject(value)) for (const [key, each] of Object.entries(value)) leaf(value, key, each)
  }
  const leaf = (parent: JsonObject, key: string, value: unknown): void => {
    if (typeof value === 'string') leaves.push(() => (parent[key] = `${value}x`))
    else if (typeof value === 'number') leaves.push(() => (parent[key] = value + 1))
    else if (typeof value === 'boolean') leaves.push(() => (parent[key] = !value))
    else visit(value)
  }
  visit(copy)
  leaves[choice % leaves.length]?.()
  return copy
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, each]) => [key, reversed(each)]),
  )
}
