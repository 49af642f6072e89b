import t from 'tap'
import { AUTHORITY_CONFIG_MAP, runAuthority } from '../../../../controller/api/authority.js'
import { fingerprintsOf } from '../../../../src/io/certificates/pem.js'
import { ClusterError } from '../../../../src/io/cluster/cluster-client.js'
import { stringMembers } from '../../../../src/json.js'
import { FakeClock, settle } from '../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../helpers/fake-cluster.js'
import { silentLog } from '../../../helpers/silent-log.js'
import { createCertificateAuthority } from '../../../helpers/testbed/certificates.js'

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', namespace: 'argocd' }
const FIRST = createCertificateAuthority().certificate
const SECOND = createCertificateAuthority().certificate

function begin(cluster: FakeCluster) {
  const ending = new AbortController()
  const clock = new FakeClock()
  const lines: string[] = []
  const published: (readonly string[])[] = []
  let bundle = FIRST
  const certificates = {
    caBundle: () => bundle,
    published: (fingerprints: readonly string[]) => {
      published.push(fingerprints)
    },
  }
  const parts = { client: cluster.client, certificates, namespace: 'argocd', log: silentLog(lines), clock }
  const running = runAuthority(parts, ending.signal)
  return {
    clock,
    lines,
    published,
    renew: () => (bundle = `${FIRST}${SECOND}`),
    told: () => stringMembers(cluster.find(CONFIG_MAPS, 'argocd', AUTHORITY_CONFIG_MAP)?.data),
    end: async () => {
      ending.abort()
      await settle()
      await running
    },
  }
}

t.test('the ConfigMap is made, follows the authority, and is repaired; nothing is written without need', async t => {
  const cluster = new FakeCluster()
  const run = begin(cluster)
  await settle()
  t.strictSame(run.told(), { 'ca.crt': FIRST })
  t.strictSame(run.published, [fingerprintsOf(FIRST)], 'only what gates are told counts as published')

  run.renew()
  await run.clock.advance(30_000)
  t.strictSame(run.told(), { 'ca.crt': `${FIRST}${SECOND}` })
  t.equal(run.published.at(-1)?.length, 2)

  cluster.put(CONFIG_MAPS, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: AUTHORITY_CONFIG_MAP, namespace: 'argocd' },
    data: { 'ca.crt': 'somebody else', other: 'kept' },
  })
  await run.clock.advance(30_000)
  t.strictSame(run.told(), { 'ca.crt': `${FIRST}${SECOND}`, other: 'kept' })

  const writes = () => cluster.asked.filter(each => !each.startsWith('find')).length
  const before = writes()
  await run.clock.advance(120_000)
  t.equal(writes(), before)
  await run.end()
})

t.test('an authority that could not be published does not count as published, and is tried again', async t => {
  const cluster = new FakeCluster()
  cluster.refuse = asked => {
    if (asked.startsWith('create')) throw new ClusterError('forbidden', { status: 403, reason: 'Forbidden' })
  }
  const run = begin(cluster)
  await settle()
  t.strictSame(run.published, [])
  t.equal(run.lines.filter(each => each.includes('gates cannot be told the authority of the API')).length, 1)
  cluster.refuse = () => undefined
  await run.clock.advance(120_000)
  t.strictSame(run.told(), { 'ca.crt': FIRST })
  t.ok(run.published.length > 0)
  await run.end()
})
