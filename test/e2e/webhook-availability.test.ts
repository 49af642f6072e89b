import { X509Certificate } from 'node:crypto'
import { cp, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { writeState } from '../../src/io/certificates/certificate-state.js'
import { rotate } from '../../src/io/certificates/rotate.js'
import { LIFETIMES } from '../../src/io/certificates/authority.js'
import { ROOT } from '../helpers/repository.js'
import { admissionCounts, countedBetween } from '../helpers/testbed/admission-counts.js'
import { member } from '../helpers/testbed/api-objects.js'
import { startBalancer, type Backend } from '../helpers/testbed/balancer.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { loadCases } from '../helpers/testbed/load-cases.js'
import { type Load, loadText, startLoad } from '../helpers/testbed/load.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import {
  installWebhookAccount,
  startWebhook,
  WEBHOOK_NAMESPACE,
  type WebhookProcess,
} from '../helpers/testbed/webhook.js'

// What is planned costs no call: two replicas under load are replaced one by one, and get other certificates and other policies.
// The API server refuses what is not answered, so each call that is lost shows in the answers and in its own metrics.

const PER_SECOND = 25
/** On a machine that is busy with something else, what is late must not make all that follows late. */
const MAX_IN_FLIGHT = 16
/** Right answers before and after each change. */
const ANSWERS = 75
/** The authority is to be replaced so long after the start. */
const AUTHORITY_DUE_MS = 45_000
/** More than the time that a new authority is published before it signs. */
const AHEAD_MS = 6 * 60_000

/** With this, SIGUSR2 puts the clock of a process forward. */
const CLOCK = `data:text/javascript,${encodeURIComponent(`
import { isMainThread } from 'node:worker_threads'
const real = Date
let aheadMs = 0
globalThis.Date = class Date extends real {
  constructor(...given) { given.length === 0 ? super(real.now() + aheadMs) : super(...given) }
  static now() { return real.now() + aheadMs }
}
if (isMainThread) process.on('SIGUSR2', () => { aheadMs += ${AHEAD_MS} })
`)}`

const bed = createTestbed(t)
const bundle = join(bed.directory, 'bundle')
await cp(join(ROOT, 'policies/bundle'), bundle, { recursive: true })
const plane = await startControlPlane(bed)
const { admin } = plane
await installWebhookAccount(plane)
const balancer = await startBalancer(bed)

const hosts = ['127.0.0.1']
const dueMs = Date.now() + AUTHORITY_DUE_MS
const made = rotate(null, {
  now: dueMs - LIFETIMES.authorityMs + LIFETIMES.authorityRenewBeforeMs,
  hosts,
  published: new Map(),
})
// The leaf of then has ended; the replicas issue another one when they start.
const data = Object.entries(writeState(made.state)).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/tls',
  metadata: { name: 'lockkeeper-webhook-tls', namespace: WEBHOOK_NAMESPACE },
  data: Object.fromEntries(data) as Record<string, string>,
}
await admin.create(secret)

const start = (name: string, nodeArgs: readonly string[] = []): Promise<WebhookProcess> =>
  startWebhook(bed, plane, { name, urlPort: balancer.port, bundle, nodeArgs })
let replicas = [await start('first', ['--import', CLOCK]), await start('second')]
for (const { backend } of replicas) balancer.add(backend)
await plane.createNamespace('shop')

/** Runs something under load: no call may fail, whoever counts. */
async function underLoad(t: Test, change: (load: Load) => Promise<void>): Promise<void> {
  const before = await admissionCounts(plane)
  const options = { cases: loadCases('shop'), perSecond: PER_SECOND, maxInFlight: MAX_IN_FLIGHT }
  const load = await startLoad(bed, plane, options)
  try {
    await load.answered(ANSWERS)
    await change(load)
    await load.answered(ANSWERS)
  } finally {
    await load.stop()
  }
  const result = load.result()
  t.comment(loadText(result))
  t.strictSame(result.failures, [], 'every answer is what it has to be')
  const counted = countedBetween(before, await admissionCounts(plane))
  t.strictSame(counted.failed, {}, 'the API server counts no failure')
  t.ok(counted.calls >= result.sent, `the API server counts every call: ${counted.calls} for ${result.sent}`)
}

/** The certificate that a new connection is shown. */
function leafOf({ port }: Backend): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw))
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

const leaves = (): Promise<X509Certificate[]> => Promise.all(replicas.map(({ backend }) => leafOf(backend)))

async function published(): Promise<X509Certificate[]> {
  const configuration = await admin.get({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    name: 'lockkeeper',
  })
  const caBundle = Buffer.from(String(member(configuration, 'webhooks', 0, 'clientConfig', 'caBundle')), 'base64')
  const blocks = caBundle.toString().match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  return blocks.map(each => new X509Certificate(each))
}

const wake = async (reason: string): Promise<void> => {
  await admin.patch(secret, { metadata: { annotations: { woken: reason } } })
}

const metric = async (webhook: WebhookProcess, line: string): Promise<string | undefined> =>
  (await webhook.metrics()).split('\n').find(each => each.startsWith(line))

await waitFor('the webhook is asked', async () => {
  const load = await startLoad(bed, plane, { cases: loadCases('shop'), perSecond: PER_SECOND })
  await new Promise(resolve => setTimeout(resolve, 1000))
  const { failures, denied } = await load.stop()
  return failures.length === 0 && denied > 0
})

t.test('another leaf', async t => {
  const [old] = await leaves()
  await underLoad(t, async () => {
    await admin.patch(secret, { data: { 'tls.crt': '' } })
    await waitFor('both show a new one', async () => {
      const [first, second] = await leaves()
      return first?.fingerprint256 === second?.fingerprint256 && first?.fingerprint256 !== old?.fingerprint256
    })
  })
  const [leaf] = await leaves()
  t.equal(leaf?.issuer, old?.issuer, 'by the same authority')
})

t.test('another authority', async t => {
  const [old] = await published()
  const began = performance.now()
  await underLoad(t, async load => {
    await waitFor('the authority is due', () => Promise.resolve(Date.now() > dueMs), { timeoutMs: AUTHORITY_DUE_MS })
    await wake('the authority is due')
    const [, next] = await waitFor('the next one is published', async () => {
      const found = await published()
      return found.length === 2 && found
    })
    t.comment(`published after ${Math.round(performance.now() - began)} ms`)
    await load.answered(ANSWERS)
    const issuers = (await leaves()).map(each => each.issuer)
    t.strictSame(issuers, [old?.subject, old?.subject], 'it signs nothing yet')
    process.kill(replicas[0]?.process.pid ?? 0, 'SIGUSR2')
    await wake('it has been published for long')
    await waitFor('both show a leaf by it', async () =>
      (await leaves()).every(each => each.issuer === next?.subject && each.verify(next.publicKey)),
    )
    await waitFor('both authorities are trusted', async () => {
      const subjects = (await published()).map(each => each.subject)
      return subjects.length === 2 && subjects.includes(old?.subject ?? '') && subjects.includes(next?.subject ?? '')
    })
  })
  for (const each of replicas) {
    const restored = (await each.metrics()).match(/^lockkeeper_registration_restored_total\{.*$/gm)
    t.strictSame(
      restored?.map(line => line.split(' ')[1]),
      ['0', '0', '0', '0'],
      `${each.process.name}: that was no attack`,
    )
  }
})

t.test('other policies', async t => {
  const other = join(bed.directory, 'other')
  await cp(bundle, other, { recursive: true })
  const manifest = await readFile(join(other, '.manifest'), 'utf8')
  await writeFile(join(other, '.manifest'), manifest.replace(/"revision":"\w+"/, '"revision":"another"'))
  let swappedMs = 0
  await underLoad(t, async () => {
    await rename(bundle, join(bed.directory, 'old'))
    await rename(other, bundle)
    await waitFor('both have the new bundle', async () => {
      const infos = await Promise.all(replicas.map(each => metric(each, 'lockkeeper_bundle_info{')))
      return infos.every(each => each?.includes('revision="another"'))
    })
    swappedMs = Date.now()
  })
  const info = await Promise.all(replicas.map(each => metric(each, 'lockkeeper_bundle_info{')))
  const digest = /digest="([^"]+)"/.exec(info[0] ?? '')?.[1]
  t.type(digest, 'string')
  const decided = (await plane.audit())
    .filter(each => Date.parse(String(each.requestReceivedTimestamp)) > swappedMs)
    .flatMap(({ annotations = {} }) =>
      Object.entries(annotations).flatMap(([key, value]) => (key.endsWith('/bundle-digest') ? [value] : [])),
    )
  t.ok(decided.length >= ANSWERS, `${decided.length} decisions say by which bundle`)
  t.strictSame([...new Set(decided)], [digest], 'by the new one')
})

t.test('other processes', async t => {
  await underLoad(t, async load => {
    for (const [index, old] of replicas.entries()) {
      const next = await start(`next-${index}`)
      balancer.add(next.backend)
      await waitFor('it is ready', () => Promise.resolve(balancer.ready().includes(next.backend)))
      replicas = replicas.map(each => (each === old ? next : each))
      // A Service learns at about the same time as the Pod that the Pod ends; the second time it learns nothing but by the probe.
      if (index === 0) balancer.remove(old.backend)
      await old.process.stop()
      t.strictSame(await old.process.exited, { code: 0, signal: null }, `${old.process.name} ends by itself`)
      balancer.remove(old.backend)
      await load.answered(ANSWERS)
    }
  })
})
