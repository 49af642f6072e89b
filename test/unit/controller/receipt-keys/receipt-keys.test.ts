import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { createMetrics } from '../../../../controller/metrics.js'
import { runReceiptKeys } from '../../../../controller/receipt-keys/receipt-keys.js'
import { ClusterError } from '../../../../src/io/cluster/cluster-client.js'
import { stringMembers } from '../../../../src/json.js'
import { FakeClock, settle } from '../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../helpers/fake-cluster.js'
import { silentLog } from '../../../helpers/silent-log.js'

const SECRETS = { group: '', version: 'v1', resource: 'secrets', namespace: 'argocd' }
const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', namespace: 'lockkeeper' }
const NAME = 'lockkeeper-receipt-keys'
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const TIMES = { rotateAfterMs: 2 * HOUR_MS, overlapMs: HOUR_MS, publishMs: 10 * MINUTE_MS }

function secretFiles(cluster: FakeCluster): Record<string, string> {
  const data = stringMembers(cluster.find(SECRETS, 'argocd', NAME)?.data)
  return Object.fromEntries(Object.entries(data).map(([file, text]) => [file, Buffer.from(text, 'base64').toString()]))
}

function publishedFiles(cluster: FakeCluster): Record<string, string> {
  return stringMembers(cluster.find(CONFIG_MAPS, 'lockkeeper', NAME)?.data)
}

/** The id of the public key that belongs to a private one. */
function idOf(privatePem: string | undefined): string {
  const der = createPublicKey(createPrivateKey(privatePem ?? '')).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex').slice(0, 16)
}

function begin(cluster: FakeCluster, clock: FakeClock) {
  const ending = new AbortController()
  const metrics = createMetrics()
  const lines: string[] = []
  const running = runReceiptKeys(
    {
      client: cluster.client,
      namespace: 'lockkeeper',
      secretNamespace: 'argocd',
      times: TIMES,
      metrics,
      log: silentLog(lines),
      clock,
    },
    ending.signal,
  )
  return {
    metrics,
    lines,
    end: async () => {
      ending.abort()
      await settle()
      await running
    },
  }
}

const writes = (cluster: FakeCluster) => cluster.asked.filter(each => !each.startsWith('find'))
/** The files in which a mounted directory has keys. */
const visible = (files: Record<string, string>) =>
  Object.keys(files)
    .filter(each => !each.startsWith('.'))
    .sort()

t.test('a key is made, published first, and then left alone', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  const keys = begin(cluster, clock)
  await settle()
  const secret = secretFiles(cluster)
  const keyId = idOf(secret['signing.key'])
  t.strictSame(visible(secret), ['signing.key', `trusted-${keyId}.pub`])
  t.strictSame(visible(publishedFiles(cluster)), [`trusted-${keyId}.pub`])
  t.equal(publishedFiles(cluster)[`trusted-${keyId}.pub`], secret[`trusted-${keyId}.pub`])
  t.match(secret['signing.key'], /^-----BEGIN PRIVATE KEY-----\n/)
  t.match(secret[`trusted-${keyId}.pub`], /^-----BEGIN PUBLIC KEY-----\n/)
  t.strictSame(writes(cluster), [`create /configmaps lockkeeper/${NAME}`, `create /secrets argocd/${NAME}`])
  t.notMatch(JSON.stringify(publishedFiles(cluster)), 'PRIVATE')
  await clock.advance(HOUR_MS)
  t.equal(writes(cluster).length, 2)
  await keys.end()
  const text = await keys.metrics.registry.metrics()
  t.match(text, 'lockkeeper_receipt_keys_made_total{reason="first"} 1')
  t.match(text, 'lockkeeper_receipt_keys_trusted 1')
  t.notMatch(keys.lines.join(''), /BEGIN|PRIVATE|MC4CAQ|MCowBQ/)
})

t.test(
  'a key that is old gets a successor: published, then signing, and trusted until the overlap is over',
  async t => {
    const cluster = new FakeCluster()
    const clock = new FakeClock()
    const keys = begin(cluster, clock)
    await settle()
    const first = idOf(secretFiles(cluster)['signing.key'])
    await clock.advance(TIMES.rotateAfterMs - MINUTE_MS)
    t.strictSame(visible(publishedFiles(cluster)), [`trusted-${first}.pub`])
    await clock.advance(2 * MINUTE_MS)
    const announced = secretFiles(cluster)
    const second = idOf(announced['.next.key'])
    t.equal(idOf(announced['signing.key']), first)
    const both = [`trusted-${first}.pub`, `trusted-${second}.pub`].sort()
    t.strictSame(visible(publishedFiles(cluster)), both)
    await clock.advance(TIMES.publishMs)
    t.equal(idOf(secretFiles(cluster)['signing.key']), second)
    t.notOk('.next.key' in secretFiles(cluster))
    t.strictSame(visible(secretFiles(cluster)), ['signing.key', ...both])
    await clock.advance(TIMES.overlapMs - 5 * MINUTE_MS)
    t.strictSame(visible(publishedFiles(cluster)), both)
    await clock.advance(10 * MINUTE_MS)
    t.strictSame(visible(publishedFiles(cluster)), [`trusted-${second}.pub`])
    t.strictSame(visible(secretFiles(cluster)), ['signing.key', `trusted-${second}.pub`])
    await keys.end()
  },
)

t.test('a Secret that is deleted is there again with a new key, and the old receipts stay good', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  const keys = begin(cluster, clock)
  await settle()
  const first = idOf(secretFiles(cluster)['signing.key'])
  cluster.remove(SECRETS, 'argocd', NAME)
  await clock.advance(30_000)
  const second = idOf(secretFiles(cluster)['signing.key'])
  t.not(second, first)
  t.strictSame(visible(publishedFiles(cluster)), [`trusted-${first}.pub`, `trusted-${second}.pub`].sort())
  await keys.end()
})

t.test('a key that was put into the Secret by somebody else is replaced, and never trusted', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  const keys = begin(cluster, clock)
  await settle()
  const first = idOf(secretFiles(cluster)['signing.key'])
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const foreign = idOf(pem)
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  cluster.put(SECRETS, {
    kind: 'Secret',
    metadata: { name: NAME, namespace: 'argocd' },
    data: {
      'signing.key': base64(pem),
      [`trusted-${foreign}.pub`]: base64(publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    },
  })
  await clock.advance(30_000)
  const second = idOf(secretFiles(cluster)['signing.key'])
  t.notOk([first, foreign].includes(second))
  const trusted = [`trusted-${first}.pub`, `trusted-${second}.pub`].sort()
  t.strictSame(visible(publishedFiles(cluster)), trusted)
  t.strictSame(visible(secretFiles(cluster)), ['signing.key', ...trusted])
  t.match(keys.lines.join(''), 'a key that was not made here was in the Secret')
  await keys.end()
})

t.test('who wrote meanwhile is not overwritten', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  const keys = begin(cluster, clock)
  await settle()
  cluster.remove(SECRETS, 'argocd', NAME)
  // Another leader restores it between our look and our write.
  let isFirst = true
  cluster.refuse = asked => {
    if (asked !== `create /secrets argocd/${NAME}` || !isFirst) return
    isFirst = false
    throw new ClusterError('it exists', { status: 409, reason: 'AlreadyExists' })
  }
  await clock.advance(30_000)
  t.equal(cluster.find(SECRETS, 'argocd', NAME), null)
  await clock.advance(1000)
  const signing = idOf(secretFiles(cluster)['signing.key'])
  t.ok(`trusted-${signing}.pub` in publishedFiles(cluster))
  t.notMatch(keys.lines.join(''), 'could not be seen to')
  await keys.end()
})

t.test('a Secret that cannot be written does not make more and more keys', async t => {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  cluster.refuse = asked => {
    if (asked.startsWith('create /secrets')) throw new ClusterError('forbidden', { status: 403 })
  }
  const keys = begin(cluster, clock)
  await clock.advance(HOUR_MS)
  t.equal(visible(publishedFiles(cluster)).length, 1)
  t.match(keys.lines.join(''), 'the keys of receipts could not be seen to')
  await keys.end()
})
