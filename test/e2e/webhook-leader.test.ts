import t from 'tap'
import { type Manifest, member } from '../helpers/testbed/api-objects.js'
import { startBalancer } from '../helpers/testbed/balancer.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import {
  installWebhookAccount,
  startWebhooks,
  WEBHOOK_NAMESPACE,
  type WebhookProcess,
} from '../helpers/testbed/webhook.js'

// One of two replicas keeps the registration right, and the other one does when it has gone.

/** So soon a registration that somebody has changed is right again. */
const RESTORED_MS = 10_000
/** A lease that is not given back lasts 15 s; then somebody has to look. */
const TAKEOVER_MS = 60_000

const bed = createTestbed(t)
const plane = await startControlPlane(bed)
const { admin } = plane
await installWebhookAccount(plane)
const balancer = await startBalancer(bed)
let replicas = await startWebhooks(bed, plane, balancer, [{ name: 'first' }, { name: 'second' }])

const configuration = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  name: 'lockkeeper',
}
const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: WEBHOOK_NAMESPACE,
  name: 'lockkeeper-webhook',
}

const entries = async (): Promise<unknown> => (await admin.find(configuration))?.webhooks ?? null
const right = await waitFor('it is registered', entries)
const isRight = async (): Promise<boolean> => JSON.stringify(await entries()) === JSON.stringify(right)

async function leader(): Promise<WebhookProcess | undefined> {
  const holder = member(await admin.find(lease), 'spec', 'holderIdentity')
  return replicas.find(each => each.process.name === holder)
}

/** How often each replica says that it has restored something, by what was done. */
async function restored(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const text of await Promise.all(replicas.map(each => each.metrics()))) {
    for (const [, reason = '', count] of text.matchAll(
      /^lockkeeper_registration_restored_total\{reason="(\w+)"\} (\d+)$/gm,
    )) {
      counts[reason] = (counts[reason] ?? 0) + Number(count)
    }
  }
  return counts
}

/** The notes of the Events about it, a repeated one as often as it was told. */
async function notes(): Promise<readonly string[]> {
  const events = await admin.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace: 'default' })
  return events.filter(each => each.reason === 'AdmissionConfigurationRestored').map(each => String(each.note))
}

const change = async (entry: object): Promise<void> => {
  const [first, ...others] = right as readonly Manifest[]
  await admin.patch(configuration, { webhooks: [{ ...first, ...entry }, ...others] })
}
const clientConfig = member(right, 0, 'clientConfig') as { readonly caBundle: string }

const attacks: Record<string, { attack: () => Promise<void>; reason: string; note: RegExp }> = {
  'it is deleted': { attack: () => admin.delete(configuration), reason: 'deleted', note: /it was deleted/ },
  'it is weakened': {
    attack: () => change({ failurePolicy: 'Ignore' }),
    reason: 'weakened',
    note: /failurePolicy Fail became Ignore/,
  },
  'it is redirected': {
    attack: () => change({ clientConfig: { ...clientConfig, url: 'https://127.0.0.1:1/validate' } }),
    reason: 'redirected',
    note: /clientConfig https:.* became https:\/\/127\.0\.0\.1:1\/validate/,
  },
}

await waitFor('one leads', leader)

for (const [name, { attack, reason, note }] of Object.entries(attacks)) {
  t.test(name, async t => {
    const [before, notesBefore] = [await restored(), await notes()]
    const beganMs = performance.now()
    await attack()
    await waitFor('it is right again', isRight, { timeoutMs: RESTORED_MS, everyMs: 10 })
    t.comment(`right again after ${Math.round(performance.now() - beganMs)} ms`)
    const count = (before[reason] ?? 0) + 1
    await waitFor('the metric counts it', async () => (await restored())[reason] === count)
    t.strictSame(await restored(), { ...before, [reason]: count }, 'it is counted once, and as what it was')
    const told = await waitFor('an Event says so', async () => {
      const added = (await notes()).filter(each => !notesBefore.includes(each))
      return added.length > 0 && added
    })
    t.equal(told.length, 1)
    t.match(told[0], note)
  })
}

t.test('the leader is killed', async t => {
  const old = await leader()
  if (old === undefined) throw new Error('nobody leads')
  const others = replicas.filter(each => each !== old)
  const beganMs = performance.now()
  process.kill(old.process.pid, 'SIGKILL')
  await old.process.exited
  balancer.remove(old.backend)
  replicas = others
  const before = await restored()
  await change({ failurePolicy: 'Ignore' })
  await waitFor('the other one leads', async () => (await leader()) === others[0], { timeoutMs: TAKEOVER_MS })
  t.comment(`the other one leads after ${Math.round(performance.now() - beganMs)} ms`)
  await waitFor('it is right again', isRight, { timeoutMs: RESTORED_MS })
  t.comment(`what was done meanwhile is right again after ${Math.round(performance.now() - beganMs)} ms`)
  await waitFor('the metric counts it', async () => (await restored()).weakened === (before.weakened ?? 0) + 1)
})

t.test('the leader ends in order', async t => {
  const [old] = replicas
  if (old === undefined) throw new Error('nobody is left')
  const [next] = await startWebhooks(bed, plane, balancer, [{ name: 'third' }])
  if (next === undefined) throw new Error('nobody has come')
  replicas = [...replicas, next]
  const beganMs = performance.now()
  const ended = old.process.stop()
  await waitFor('the next one leads', async () => (await leader()) === next, { timeoutMs: TAKEOVER_MS })
  t.comment(`the next one leads ${Math.round(performance.now() - beganMs)} ms after the SIGTERM`)
  await ended
  balancer.remove(old.backend)
  replicas = [next]
  await change({ failurePolicy: 'Ignore' })
  await waitFor('it keeps the registration', isRight, { timeoutMs: RESTORED_MS })
})
