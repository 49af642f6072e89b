import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { ClusterError, type ClusterObject } from '../../../../../src/io/cluster/cluster-client.js'
import type { Clock } from '../../../../../src/io/cluster/clock.js'
import type { LogFields, Logger } from '../../../../../src/io/log.js'
import { stringifyJson, stringMembers } from '../../../../../src/json.js'
import { isIssuedBy } from '../../../../../src/io/certificates/authority.js'
import { writeState } from '../../../../../src/io/certificates/certificate-state.js'
import { createCertificates, type CertificatesOptions } from '../../../../../src/io/certificates/certificates.js'
import type { CertificateMaterial } from '../../../../../src/io/certificates/material.js'
import { certificatesIn, fingerprintsOf } from '../../../../../src/io/certificates/pem.js'
import { SETTLE_MS } from '../../../../../src/io/certificates/rotation.js'
import { agree, type SecretStore } from '../../../../../src/io/certificates/secret-store.js'

const DAY_MS = 86_400_000
const NOW = Date.parse('2026-07-01T12:00:00Z')
const HOSTS = ['gate.lk.svc']
const HOUR_MS = 3_600_000

/** One Secret of an API server, with its optimistic concurrency. */
function createSecrets() {
  let secret: ClusterObject | null = null
  let version = 0
  const failures: (ClusterError | null)[] = []
  const calls: string[] = []
  const refuse = (status: number, reason: string) => new ClusterError(`secrets "s" ${reason}`, { status, reason })
  const call = async (name: string): Promise<void> => {
    calls.push(name)
    await Promise.resolve()
    const failure = failures.shift()
    if (failure !== undefined && failure !== null) throw failure
  }
  const put = (object: ClusterObject): ClusterObject => {
    version += 1
    secret = { ...object, metadata: { ...(object.metadata as object), resourceVersion: String(version) } }
    return secret
  }
  const client: SecretStore['client'] = {
    find: async () => {
      await call('find')
      return secret
    },
    create: async (_, object) => {
      await call('create')
      if (secret !== null) throw refuse(409, 'AlreadyExists')
      return put(object)
    },
    replace: async (_, __, object) => {
      await call('replace')
      if (secret === null) throw refuse(404, 'NotFound')
      const given = object.metadata as { resourceVersion?: string }
      if (given.resourceVersion !== String(version)) throw refuse(409, 'Conflict')
      return put(object)
    },
  }
  return {
    client,
    calls,
    failures,
    put,
    delete: () => {
      secret = null
    },
    get: () => secret,
    texts: () =>
      Object.fromEntries(
        Object.entries(stringMembers(secret?.data)).map(([key, value]) => [
          key,
          Buffer.from(value, 'base64').toString(),
        ]),
      ),
    setTexts: (texts: Record<string, string>) =>
      put({
        ...secret,
        data: Object.fromEntries(
          Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
        ),
      }),
  }
}

function createLog() {
  const lines: string[] = []
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      lines.push(
        `${level}: ${message}${fields.reason === undefined ? '' : `: ${fields.reason}`}${fields.error === undefined ? '' : `: ${fields.error}`}`,
      )
    }
  const log: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  return { log, lines, take: () => lines.splice(0, lines.length) }
}

const context = { now: NOW, hosts: HOSTS, published: new Map<string, number>() }
const storeOf = (secrets: ReturnType<typeof createSecrets>): SecretStore => ({
  client: secrets.client,
  namespace: 'lk',
  name: 'gate-tls',
})

t.test('five replicas that start at once agree on one authority and one leaf', async t => {
  const secrets = createSecrets()
  const agreed = await Promise.all([1, 2, 3, 4, 5].map(() => agree(storeOf(secrets), null, context)))
  const [first] = agreed
  for (const each of agreed) t.strictSame(each.state, first?.state)
  t.equal(agreed.filter(each => each.isWritten).length, 1)
  t.strictSame(Object.keys(secrets.texts()).sort(), ['ca.crt', 'ca.key', 'tls.crt', 'tls.key'])
  const { data: _, ...rest } = secrets.get() ?? {}
  t.strictSame(rest, {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: {
      name: 'gate-tls',
      namespace: 'lk',
      labels: { 'app.kubernetes.io/name': 'lockkeeper', 'app.kubernetes.io/managed-by': 'lockkeeper' },
      resourceVersion: '1',
    },
  })
})

t.test('replicas that renew at once agree on one leaf', async t => {
  const secrets = createSecrets()
  const { state } = await agree(storeOf(secrets), null, context)
  const later = { ...context, now: NOW + 60 * DAY_MS }
  const agreed = await Promise.all([1, 2, 3].map(() => agree(storeOf(secrets), state, later)))
  for (const each of agreed) t.strictSame(each.state, agreed[0]?.state)
  t.strictSame(agreed[0]?.state.signer, state.signer)
  t.not(agreed[0]?.state.leaf.cert, state.leaf.cert)
  t.equal(agreed.filter(each => each.isWritten).length, 1)
})

t.test('a Secret that is deleted while it is replaced is made again', async t => {
  const secrets = createSecrets()
  const { state } = await agree(storeOf(secrets), null, context)
  const { client } = secrets
  const store: SecretStore = {
    ...storeOf(secrets),
    client: {
      ...client,
      replace: (...args) => {
        secrets.delete()
        return client.replace(...args)
      },
    },
  }
  const agreed = await agree(store, state, { ...context, now: NOW + 60 * DAY_MS })
  t.strictSame(agreed.state.signer, state.signer)
  t.strictSame(secrets.texts(), writeState(agreed.state))
})

t.test('who is always too late gives up', async t => {
  const secrets = createSecrets()
  const conflict = () => Promise.reject(new ClusterError('somebody else', { status: 409, reason: 'AlreadyExists' }))
  const store: SecretStore = { ...storeOf(secrets), client: { ...secrets.client, create: conflict } }
  await t.rejects(agree(store, null, context), {
    status: 409,
    message: 'the Secret lk/gate-tls was written by others 8 times in a row',
  })
  t.equal(secrets.calls.length, 8)
})

t.test('no error says what is in the Secret', async t => {
  const secrets = createSecrets()
  const leak = async (_: unknown, object: ClusterObject): Promise<never> => {
    await Promise.resolve()
    throw new ClusterError(`invalid: ${stringifyJson(object)}`, { status: 422, reason: 'Invalid', cause: object })
  }
  const store: SecretStore = { ...storeOf(secrets), client: { ...secrets.client, create: leak } }
  const error = await agree(store, null, context).catch((thrown: unknown) => thrown)
  t.ok(error instanceof ClusterError)
  const { message, status, reason, cause } = error as ClusterError
  t.strictSame(
    { message, status, reason, cause },
    {
      message: 'the Secret lk/gate-tls could not be written: Invalid',
      status: 422,
      reason: 'Invalid',
      cause: undefined,
    },
  )
})

/** A replica by hand: its clock, its timer and its watch. */
async function startReplica(
  secrets: ReturnType<typeof createSecrets>,
  options: Partial<CertificatesOptions> & { wait?: Clock['wait'] } = {},
) {
  const { log, take, lines } = createLog()
  const clock = { now: NOW }
  const timers: { delayMs: number; callback: () => void }[] = []
  const time: Clock = {
    monotonicMs: () => clock.now,
    date: () => new Date(clock.now),
    random: () => 0.5,
    wait: (delayMs, signal) =>
      new Promise(resolve => {
        const timer = { delayMs, callback: resolve }
        timers.push(timer)
        signal?.addEventListener('abort', () => {
          timers.splice(timers.indexOf(timer), 1)
          resolve()
        })
      }),
  }
  const changes: CertificateMaterial[] = []
  let onSecretChange: () => void = () => undefined
  const watches = { stopped: 0 }
  const closing = new AbortController()
  const certificates = await createCertificates({
    ...storeOf(secrets),
    hosts: HOSTS,
    clock: { ...time, ...(options.wait && { wait: options.wait }) },
    log,
    signal: closing.signal,
    watchSecret: onChange => {
      onSecretChange = onChange
      return () => {
        watches.stopped += 1
      }
    },
    onChange: material => changes.push(material),
    ...options,
  })
  return {
    certificates,
    clock,
    changes,
    take,
    lines,
    closing,
    watches,
    delays: () => timers.map(each => each.delayMs),
    tell: () => {
      onSecretChange()
    },
    /** What the Secret's watch tells, and what follows. */
    notice: async () => {
      onSecretChange()
      await certificates.refresh()
    },
    /** Lets the one timer end. */
    wait: async () => {
      const [timer] = timers.splice(0, 1)
      clock.now += timer?.delayMs ?? 0
      timer?.callback()
      await certificates.refresh()
    },
  }
}

t.test('a replica follows the Secret', async t => {
  const secrets = createSecrets()
  const one = await startReplica(secrets)
  const two = await startReplica(secrets)
  t.strictSame(one.take(), ['info: certificates: start over: there is no authority'])
  t.strictSame(two.take(), [])
  t.strictSame(two.certificates.current(), one.certificates.current())
  t.equal(one.certificates.caBundle(), one.certificates.current().caBundle)
  t.equal(one.certificates.current().notAfter.toISOString(), '2026-09-29T12:00:00.000Z')
  t.equal(one.certificates.current().authorityNotAfter.toISOString(), '2027-07-01T12:00:00.000Z')
  t.strictSame(one.delays(), [HOUR_MS])

  const before = two.certificates.current()
  one.clock.now += 60 * DAY_MS
  two.clock.now += 60 * DAY_MS
  await one.wait()
  t.strictSame(one.take(), ['info: certificates: issue leaf: the leaf ends soon'])
  t.strictSame(one.delays(), [HOUR_MS])
  t.equal(one.changes.length, 1)
  t.strictSame(two.certificates.current(), before)
  await two.notice()
  t.strictSame(two.certificates.current(), one.certificates.current())
  t.strictSame(two.changes, [one.certificates.current()])
  t.strictSame(two.take(), [])

  two.certificates.close()
  t.equal(two.watches.stopped, 1)
  t.strictSame(two.delays(), [])
  one.closing.abort()
  t.equal(one.watches.stopped, 1)
  t.strictSame(one.delays(), [])
  const asked = secrets.calls.length
  await one.notice()
  t.equal(secrets.calls.length, asked, 'nothing is asked after the end')
})

t.test('a Secret that is gone or broken comes back as it was', async t => {
  const secrets = createSecrets()
  const replica = await startReplica(secrets)
  replica.take()
  const texts = secrets.texts()
  const material = replica.certificates.current()
  secrets.delete()
  await replica.notice()
  t.strictSame(secrets.texts(), texts)
  t.strictSame(replica.take(), ['warn: the Secret with the certificates was made again from memory'])
  secrets.setTexts({ 'tls.crt': 'garbage' })
  await replica.notice()
  t.strictSame(secrets.texts(), texts)
  t.strictSame(replica.take(), [
    'warn: the Secret with the certificates could not be used as it was: ca.crt holds no authority made by lockkeeper; ca.key is missing or no private key',
    'warn: the Secret with the certificates was made again from memory',
  ])
  t.strictSame(replica.certificates.current(), material)
  t.strictSame(replica.changes, [])
})

t.test('a broken Secret at the start gives a new authority', async t => {
  const secrets = createSecrets()
  secrets.setTexts({ 'tls.crt': 'garbage', 'ca.key': 'garbage' })
  const replica = await startReplica(secrets)
  t.strictSame(replica.take(), [
    'warn: the Secret with the certificates could not be used as it was: ca.crt holds no authority made by lockkeeper; ca.key is missing or no private key',
    'warn: certificates: start over: there is no authority',
  ])
  t.equal(certificatesIn(replica.certificates.caBundle()).length, 1)
})

t.test('four hundred days later there is a new authority', async t => {
  const secrets = createSecrets()
  const replica = await startReplica(secrets)
  replica.take()
  const before = replica.certificates.caBundle()
  replica.clock.now += 400 * DAY_MS
  await replica.wait()
  t.strictSame(replica.take(), ['warn: certificates: start over: the authority is not valid at this time'])
  t.not(replica.certificates.caBundle(), before)
  t.equal(replica.changes.length, 1)
})

t.test('the next authority signs when it has been published for a while', async t => {
  const secrets = createSecrets()
  const replica = await startReplica(secrets)
  const { certificates } = replica
  const leafIsBy = () => {
    const leaf = new X509Certificate(certificates.current().cert)
    return certificatesIn(certificates.caBundle()).findIndex(each => isIssuedBy(leaf, each))
  }
  const old = certificates.caBundle()
  certificates.published(fingerprintsOf(old))
  replica.clock.now += 275 * DAY_MS
  await replica.wait()
  const both = certificates.caBundle()
  t.ok(both.startsWith(old) && certificatesIn(both).length === 2)
  t.strictSame(replica.delays(), [HOUR_MS], 'nothing waits before it is published')
  replica.take()

  certificates.published(fingerprintsOf(both))
  t.strictSame(replica.delays(), [SETTLE_MS])
  replica.clock.now += 1000
  certificates.published(fingerprintsOf(both))
  t.strictSame(replica.delays(), [SETTLE_MS - 1000], 'what was published stays published since then')
  certificates.published(fingerprintsOf(old))
  await replica.certificates.refresh()
  t.strictSame(replica.take(), [], 'what is no longer published is waited for again')
  certificates.published(fingerprintsOf(both))
  t.strictSame(replica.delays(), [SETTLE_MS])
  const leaf = certificates.current().cert
  await replica.wait()
  t.strictSame(replica.take(), ['info: certificates: switch authority: the next authority is published'])
  t.not(certificates.current().cert, leaf)
  t.equal(leafIsBy(), 0)
  t.strictSame([...fingerprintsOf(certificates.caBundle())].reverse(), fingerprintsOf(both))
})

t.test('a failure is told, and tried again after a minute', async t => {
  const secrets = createSecrets()
  const replica = await startReplica(secrets)
  replica.take()
  secrets.failures.push(new ClusterError('secret text', { status: 403, reason: 'Forbidden' }))
  replica.clock.now += DAY_MS
  const before = replica.certificates.current()
  const asked = secrets.calls.length
  secrets.failures.push(new ClusterError('secret text', { status: 0 }))
  await replica.certificates.refresh()
  t.strictSame(replica.take(), [
    'warn: the certificates could not be looked after: the Secret lk/gate-tls could not be read: Forbidden',
  ])
  t.strictSame(replica.delays(), [60_000])
  await replica.certificates.refresh()
  t.strictSame(replica.take(), [
    'warn: the certificates could not be looked after: the Secret lk/gate-tls could not be read: no answer',
  ])
  t.strictSame(replica.certificates.current(), before)
  t.equal(secrets.calls.length, asked + 2)
  await replica.certificates.refresh()
  t.strictSame(replica.delays(), [HOUR_MS])
})

t.test('an API server that is not there yet is waited for', async t => {
  const secrets = createSecrets()
  secrets.failures.push(...[0, 429, 500, 503].map(status => new ClusterError('not now', { status })))
  const pauses: number[] = []
  const wait: Clock['wait'] = delayMs => {
    pauses.push(delayMs)
    return pauses.length <= 4 ? Promise.resolve() : new Promise(() => undefined)
  }
  const replica = await startReplica(secrets, { wait })
  t.strictSame(pauses, [500, 1000, 2000, 4000, HOUR_MS])
  t.equal(replica.lines.filter(line => line.startsWith('info: waiting for')).length, 4)
})

t.test('an API server that never comes, or refuses, ends the start', async t => {
  const never = createSecrets()
  never.failures.push(...Array.from({ length: 6 }, () => new ClusterError('not now', { status: 0 })))
  const wait: Clock['wait'] = () => Promise.resolve()
  await t.rejects(startReplica(never, { wait }), { code: 'CLUSTER_UNREACHABLE', status: 0 })
  t.equal(never.calls.length, 6)
  const refusing = createSecrets()
  refusing.failures.push(new ClusterError('no', { status: 403, reason: 'Forbidden' }))
  await t.rejects(startReplica(refusing, { wait }), { code: 'CLUSTER_REFUSED', status: 403 })
  const leaving = createSecrets()
  leaving.failures.push(new ClusterError('not now', { status: 0 }))
  await t.rejects(startReplica(leaving, { wait, signal: AbortSignal.abort() }), { code: 'GATE_CLOSED' })
})

t.test('replicas whose clocks do not agree stop writing in turn', async t => {
  const secrets = createSecrets()
  const one = await startReplica(secrets)
  one.take()
  /** Another one, a year ahead. */
  const ahead = async () => agree(storeOf(secrets), null, { ...context, now: NOW + 400 * DAY_MS })
  for (let i = 0; i < 11; i += 1) {
    await ahead()
    await one.notice()
  }
  await ahead()
  one.take()
  const asked = secrets.calls.length
  one.tell()
  t.strictSame(one.take(), [
    'warn: the Secret with the certificates is written too often: do the clocks of the replicas agree?',
  ])
  t.strictSame(one.delays(), [60_000])
  t.equal(secrets.calls.length, asked)
  one.clock.now += HOUR_MS
  await one.notice()
  t.strictSame(one.take(), ['warn: certificates: start over: the authority is not valid at this time'])
})
