import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import t from 'tap'
import { createClusterClient } from '../../src/io/cluster/client.js'
import { type Clock, SYSTEM_CLOCK } from '../../src/io/cluster/clock.js'
import { openConnection } from '../../src/io/cluster/connection.js'
import type { LogFields, Logger } from '../../src/io/log.js'
import type { Lifetimes } from '../../src/io/certificates/authority.js'
import { type CertificatesOptions, createCertificates } from '../../src/io/certificates/certificates.js'
import { type CertificateMaterial, secureContextOf } from '../../src/io/certificates/material.js'
import { fingerprintsOf } from '../../src/io/certificates/pem.js'
import { createSecretWatch } from '../../src/io/certificates/secret-watch.js'
import { member } from '../helpers/testbed/api-objects.js'
import { type ControlPlane, startControlPlane } from '../helpers/testbed/control-plane.js'
import { listen } from '../helpers/testbed/listen.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { readBody } from '../helpers/testbed/request-body.js'
import { createTestbed, type Testbed } from '../helpers/testbed/testbed.js'
import { ADMIN } from '../helpers/testbed/users.js'

const MINUTE_MS = 60_000
/**
 * A whole rotation within an hour: certificates begin an hour before they are made, so that the API server, whose clock
 * stands still beside the one of the replicas, accepts every one of them.
 */
const LIFETIMES: Lifetimes = {
  authorityMs: 100 * MINUTE_MS,
  authorityRenewBeforeMs: 70 * MINUTE_MS,
  leafMs: 12 * MINUTE_MS,
  leafRenewBeforeMs: 6 * MINUTE_MS,
}
const SECRET = { apiVersion: 'v1', kind: 'Secret', namespace: 'lk', name: 'gate-tls' }
const REGISTRATION = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' }

/** A clock that the test moves; what waits, waits for ever. */
function createClock() {
  let now = Date.now()
  const clock: Clock = {
    ...SYSTEM_CLOCK,
    date: () => new Date(now),
    wait: (_, signal) =>
      new Promise(resolve => {
        signal?.addEventListener('abort', () => {
          resolve()
        })
      }),
  }
  return {
    clock,
    advance: (ms: number) => {
      now += ms
    },
  }
}

/** A replica with a client of its own, which serves what it holds and allows everything. */
async function startReplica(
  bed: Testbed,
  plane: ControlPlane,
  name: string,
  options: Partial<CertificatesOptions> & Pick<CertificatesOptions, 'clock'>,
) {
  const lines: string[] = []
  const write = (message: string, fields: LogFields = {}): void => {
    lines.push(`${message}${fields.reason === undefined ? '' : `: ${fields.reason}`}`)
  }
  const log: Logger = { debug: write, info: write, warn: write, error: write }
  const ending = new AbortController()
  const { signal } = ending
  const connection = await openConnection({ kubeconfig: await plane.kubeconfig(ADMIN), inCluster: null })
  const client = createClusterClient(connection, { userAgent: name, signal })
  bed.onClose(name, () => {
    ending.abort()
  })
  const target = { client, namespace: SECRET.namespace, name: SECRET.name, log, signal }
  const served = new Set<string>()
  let onChange: (material: CertificateMaterial) => void = () => undefined
  const certificates = await createCertificates({
    ...target,
    hosts: ['127.0.0.1'],
    lifetimes: LIFETIMES,
    settleMs: MINUTE_MS,
    // It reconnects by the time of the machine.
    watchSecret: createSecretWatch({ ...target, clock: SYSTEM_CLOCK }),
    onChange: material => {
      onChange(material)
    },
    ...options,
  })
  let reviews = 0
  const server = createServer(secureContextOf(certificates.current()), (request, response) => {
    readBody(request)
      .then(body => {
        reviews += 1
        served.add(new X509Certificate(certificates.current().cert).serialNumber)
        const uid = member(JSON.parse(body.toString('utf8')), 'request', 'uid')
        // Every review is to make a handshake of its own.
        response.setHeader('connection', 'close').setHeader('content-type', 'application/json')
        const answer = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } }
        response.end(JSON.stringify(answer))
      })
      .catch(() => response.destroy())
  })
  onChange = material => {
    server.setSecureContext(secureContextOf(material))
  }
  let handshakes = 0
  server.on('secureConnection', () => {
    handshakes += 1
  })
  const port = await listen(bed, name, server)
  return { certificates, lines, port, served, reviews: () => reviews, handshakes: () => handshakes }
}

t.test('the certificates of two replicas and the real API server', async t => {
  const bed = createTestbed(t)
  const plane = await startControlPlane(bed, { controllers: false })
  const { admin } = plane
  await plane.createNamespace('lk')
  await plane.createNamespace('shop')
  const { clock, advance } = createClock()
  const [one, two] = await Promise.all([
    startReplica(bed, plane, 'one', { clock }),
    startReplica(bed, plane, 'two', { clock }),
  ])
  const bundleInSecret = async () => {
    const secret = await admin.find(SECRET)
    return Buffer.from(String(member(secret, 'data', 'ca.crt')), 'base64').toString('utf8')
  }

  await t.test('who starts at the same time agrees on one authority', async t => {
    t.strictSame(one.certificates.current(), two.certificates.current())
    t.equal(await bundleInSecret(), one.certificates.caBundle())
    t.equal([...one.lines, ...two.lines].filter(line => line.includes('start over')).length, 1)
  })

  await t.test('a Secret that is deleted, or overwritten, comes back', async t => {
    const before = one.certificates.current()
    const { metadata } = await admin.get(SECRET)
    await admin.delete(SECRET)
    const back = await waitFor('the Secret is back', async () => {
      const found = await admin.find(SECRET)
      return found !== null && found.metadata.uid !== metadata.uid
    })
    t.ok(back)
    t.equal(await bundleInSecret(), before.caBundle)
    await admin.patch(SECRET, { data: { 'ca.crt': Buffer.from('x').toString('base64'), 'ca.key': null } })
    await waitFor('the Secret is whole again', async () => (await bundleInSecret()) === before.caBundle)
    for (const { certificates } of [one, two]) {
      await certificates.refresh()
      t.strictSame(certificates.current(), before)
    }
  })

  await t.test('no call fails while the authority is replaced', async t => {
    const publish = async () => {
      const caBundle = one.certificates.caBundle()
      const encoded = Buffer.from(caBundle, 'utf8').toString('base64')
      const webhooks = [one, two].map(({ port }, index) => ({
        name: `gate-${index}.lockkeeper.dev`,
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        timeoutSeconds: 5,
        clientConfig: { url: `https://127.0.0.1:${port}/validate`, caBundle: encoded },
        rules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'], scope: '*' },
        ],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
      }))
      await admin.apply({ ...REGISTRATION, metadata: { name: 'gate' }, webhooks })
      one.certificates.published(fingerprintsOf(caBundle))
    }
    const outcomes: string[] = []
    const create = async () => {
      const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'shop' } }
      const outcome = await admin.create(manifest, { dryRun: true }).then(
        () => 'created',
        (error: unknown) => String(error),
      )
      outcomes.push(outcome)
    }
    await publish()
    await waitFor('the API server calls both', async () => {
      await create()
      return one.reviews() > 0 && two.reviews() > 0
    })
    outcomes.splice(0, outcomes.length)

    let isOver = false
    const load = async () => {
      while (!isOver) await create()
    }
    const loads = [load(), load()]
    const bundles = new Set<string>()
    for (let minute = 1; minute <= 50; minute += 1) {
      advance(MINUTE_MS)
      // The second one learns of what the first did from the watch.
      await one.certificates.refresh()
      if (!bundles.has(one.certificates.caBundle())) await publish()
      bundles.add(one.certificates.caBundle())
      const done = outcomes.length
      await waitFor('twenty calls', () => Promise.resolve(outcomes.length >= done + 20))
    }
    isOver = true
    await Promise.all(loads)

    const steps = one.lines.filter(line => /^certificates: (?!issue|start)/.test(line))
    t.strictSame(steps, [
      'certificates: introduce authority: the authority ends soon',
      'certificates: switch authority: the next authority is published',
      'certificates: drop authorities: the last leaf by a previous authority has ended',
    ])
    t.strictSame(
      [...bundles].map(each => fingerprintsOf(each).length),
      [1, 2, 2, 1],
    )
    t.strictSame(
      outcomes.filter(each => each !== 'created'),
      [],
    )
    for (const each of [one, two]) t.ok(each.handshakes() >= outcomes.length, 'each call looked at the certificate')
    await two.certificates.refresh()
    t.strictSame(two.certificates.current(), one.certificates.current())
    t.ok(two.served.size > 5, 'the second replica served one leaf after the other')
    t.comment(`${outcomes.length} calls through two replicas with ${one.served.size} and ${two.served.size} leaves`)
  })
})
