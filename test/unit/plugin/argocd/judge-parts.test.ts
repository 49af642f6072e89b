import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULT_CONFIGURATION, type GenerateConfiguration } from '../../../../plugin/argocd/configuration.js'
import type { JudgeTask } from '../../../../plugin/argocd/judge-messages.js'
import { createOutsideParts } from '../../../../plugin/argocd/judge-parts.js'
import type { Decision, SetDecision } from '../../../../src/decision-types.js'
import { createGate, parseBundle } from '../../../../src/gate.js'
import { loadBundleFiles } from '../../../../src/io/bundle-source.js'
import { loadReceiptKeys } from '../../../../src/io/receipt-keys.js'
import { isJsonObject, parseJson } from '../../../../src/json.js'
import type { KubeObject } from '../../../../src/manifest.js'
import { RECEIPT_ANNOTATION, receiptDigest, verifyReceipt } from '../../../../src/provenance/receipt.js'
import { buildRequest } from '../../../../src/request.js'
import { ROOT } from '../../../helpers/repository.js'
import { contextOf } from '../../../helpers/requests.js'

const SUBJECT = { application: 'web', project: 'shop', destinationNamespace: 'shop' }
const SETTINGS = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop' },
  data: { a: 'b' },
} as unknown as KubeObject

const signing = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

const configured = (more: Partial<GenerateConfiguration>): GenerateConfiguration => ({
  ...DEFAULT_CONFIGURATION,
  ...more,
})

t.test('objects get receipts of the key for their project', async t => {
  const directory = t.testdir({ main: { 'signing.key': signing() }, eu: { 'signing.key': signing() } })
  const [main, eu] = [join(directory, 'main'), join(directory, 'eu')]
  const parts = await createOutsideParts(
    configured({ keys: { directory: main, destinations: [{ projects: ['eu-*'], directory: eu }] } }),
  )
  for (const [project, keys] of [
    ['shop', main],
    ['eu-shop', eu],
  ] as const) {
    const subject = { ...SUBJECT, project }
    const { [RECEIPT_ANNOTATION]: receipt = '', ...others } = parts.annotations(SETTINGS, subject)
    t.strictSame(others, {})
    const trusted = (await loadReceiptKeys(keys))?.trusted ?? new Map()
    t.strictSame(verifyReceipt(receipt, SETTINGS, subject, trusted), { valid: true }, project)
    t.equal(parts.annotations(SETTINGS, subject)[RECEIPT_ANNOTATION], receipt, 'a second render gives the same')
  }
  t.strictSame(parts.notes(), [])
})

t.test('without a key nothing is signed, and that is said once', async t => {
  const directory = t.testdir({})
  const cases = {
    'no keys are configured: objects get no receipts': configured({}),
    [`${directory} has no key that signs: objects get no receipts`]: configured({
      keys: { directory, destinations: [] },
    }),
  }
  for (const [note, configuration] of Object.entries(cases)) {
    const parts = await createOutsideParts(configuration)
    t.strictSame(parts.annotations(SETTINGS, SUBJECT), {})
    t.strictSame([parts.notes(), parts.notes()], [[note], []])
    t.equal(await parts.live(SUBJECT, []), 'unknown')
  }
})

t.test('a key that cannot be read is an error, never a render without receipts', async t => {
  const directory = t.testdir({ 'signing.key': 'nothing' })
  await t.rejects(createOutsideParts(configured({ keys: { directory, destinations: [] } })), { code: 'CONFIG_INVALID' })
})

t.test('a controller that cannot be asked costs the base and keeps the records', async t => {
  const directory = t.testdir({ keys: { 'signing.key': signing() } })
  const spoolDirectory = join(directory, 'spool')
  const parts = await createOutsideParts(
    configured({
      keys: { directory: join(directory, 'keys'), destinations: [] },
      controller: {
        url: 'https://127.0.0.1:1',
        caFile: join(directory, 'ca.crt'),
        tokenFile: join(directory, 'token'),
        timeoutMs: 5_000,
      },
      records: { spoolDirectory },
    }),
  )
  t.equal(await parts.live(SUBJECT, []), 'unknown')
  const [note = '', ...others] = parts.notes()
  t.match(note, /^judged without the live objects: the controller at https:\/\/127\.0\.0\.1:1: .*ca\.crt/)
  t.strictSame(others, [])

  const files = await loadBundleFiles(join(ROOT, 'policies/bundle'))
  const gate = await createGate(parseBundle(files, { allowUnsigned: true }))
  const { userInfo } = gate.bundle.config.prediction
  const request = buildRequest({ object: SETTINGS, base: null, userInfo, namespace: 'shop' })
  const set = await gate.reviewSet([request], contextOf({ gate: 'argocd', now: '2026-01-02T03:04:05Z' }))
  const task: JudgeTask = {
    rendered: [],
    subject: SUBJECT,
    revision: 'abc',
    now: '2026-01-02T03:04:05Z',
    failOnWarn: false,
    seeAll: '',
  }
  const denied: SetDecision = { ...set, allowed: false }
  await parts.judged(set, task, [SETTINGS])
  await parts.judged(denied, task, [SETTINGS])
  t.strictSame(parts.notes().length, 1, 'that they wait is said once')
  const lines = readdirSync(spoolDirectory)
    .sort()
    .flatMap(name => readFileSync(join(spoolDirectory, name), 'utf8').trimEnd().split('\n'))
    .map(line => parseJson(line))
  const [decision] = set.decisions as [Decision]
  t.strictSame(
    lines.map(each => (isJsonObject(each) ? [each.kind, each.decisionId, each.digest, each.application] : each)),
    [
      ['decision', decision.id, receiptDigest(SETTINGS, SUBJECT), 'web'],
      ['decision', decision.id, null, 'web'],
    ],
  )
})
