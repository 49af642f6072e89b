import t, { type Test } from 'tap'
import { admissionCounts } from '../helpers/testbed/admission-counts.js'
import { refusal } from '../helpers/testbed/api-error.js'
import { type Manifest, member } from '../helpers/testbed/api-objects.js'
import { startBalancer } from '../helpers/testbed/balancer.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { loadCases } from '../helpers/testbed/load-cases.js'
import { type Load, type LoadFailure, loadText, startLoad } from '../helpers/testbed/load.js'
import { startNodes } from '../helpers/testbed/nodes.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import {
  installWebhookAccount,
  startWebhook,
  webhookKubeconfig,
  type WebhookProcess,
} from '../helpers/testbed/webhook.js'

// What nobody has planned: replicas and the API server die, hang and come back under load. Some calls fail, none is allowed by
// accident, and all is well again without hands. How long that took is printed; the bounds only say that it ends.

const PER_SECOND = 25
/** So many right answers in a row mean that all is well. */
const ANSWERS = 100
/** More than a timeout of the webhook on a busy machine. */
const BOUND_MS = 15_000
const BLOCKED_MS = 5_000

/** With this, SIGUSR2 blocks the event loop of a process. */
const BLOCKER = `data:text/javascript,${encodeURIComponent(`
import { isMainThread } from 'node:worker_threads'
if (isMainThread) process.on('SIGUSR2', () => {
  const end = performance.now() + ${BLOCKED_MS}
  while (performance.now() < end);
})
`)}`

const bed = createTestbed(t)
const plane = await startControlPlane(bed)
const { admin } = plane
await installWebhookAccount(plane)
const balancer = await startBalancer(bed)
// A token for the time when nobody but a node gets one.
const kubeconfig = await webhookKubeconfig(plane)

let started = 0
async function start(): Promise<WebhookProcess> {
  started += 1
  const name = `webhook-${started}`
  const options = { name, urlPort: balancer.port, kubeconfig, nodeArgs: ['--import', BLOCKER] }
  const webhook = await startWebhook(bed, plane, options)
  balancer.add(webhook.backend)
  return webhook
}

let [one, two] = await Promise.all([start(), start()])
await plane.createNamespace('shop')

const isReady = ({ backend }: WebhookProcess): boolean => balancer.ready().includes(backend)
const areReady = (): Promise<boolean> => Promise.resolve(isReady(one) && isReady(two))

function signal({ process: { pid } }: WebhookProcess, name: NodeJS.Signals): void {
  process.kill(pid, name)
}

/** A process that the kernel ended; its place is taken by another one. */
async function kill(webhook: WebhookProcess): Promise<void> {
  signal(webhook, 'SIGKILL')
  await webhook.process.exited
}

/** The one of both that the API server asks now: its connections last, so that it may be one alone. */
async function busier(): Promise<WebhookProcess> {
  const reviews = async (webhook: WebhookProcess): Promise<number> => {
    const counts = (await webhook.metrics()).matchAll(/^lockkeeper_admission_requests_total\{.*\} (\d+)$/gm)
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
  }
  const before = [await reviews(one), await reviews(two)]
  await new Promise(resolve => setTimeout(resolve, 1000))
  const [first, second] = [(await reviews(one)) - (before[0] ?? 0), (await reviews(two)) - (before[1] ?? 0)]
  t.comment(`${one.process.name} was asked ${first} times in a second, ${two.process.name} ${second} times`)
  return first > second ? one : two
}

/** Waits until a run of creates is answered as it has to be. */
async function awaitHealth(load: Load): Promise<void> {
  await waitFor(
    'all is well',
    async () => {
      const before = load.result().failures.length
      await load.answered(ANSWERS)
      return load.result().failures.length === before
    },
    { timeoutMs: 60_000 },
  )
}

interface Fault {
  /** When it began; failures before are none of its. */
  readonly beganMs: number
  /** When there was no cause for a failure any more. */
  readonly endedMs: number
}

/** Runs something under load: whatever fails was refused, and the last failure is soon after the fault. */
async function underLoad(t: Test, cause: (load: Load) => Promise<Fault>): Promise<void> {
  await waitFor('both are ready', areReady)
  const load = await startLoad(bed, plane, { cases: loadCases('shop'), perSecond: PER_SECOND })
  let fault: Fault
  try {
    await awaitHealth(load)
    fault = await cause(load)
    await awaitHealth(load)
  } finally {
    await load.stop()
  }
  const result = load.result()
  t.comment(loadText(result))
  const failures = result.failures.filter(each => each.endedMs >= fault.beganMs)
  const lastMs = Math.max(fault.beganMs, ...failures.map(each => each.endedMs))
  t.comment(
    `${failures.length} failed, the last one ${seconds(lastMs - fault.beganMs)} after the beginning of the fault`,
  )
  for (const [text, count] of counted(failures)) t.comment(`${count} times: ${text}`)
  t.strictSame(
    result.failures.filter(each => each.kind !== 'unanswered'),
    [],
    'none is decided by accident',
  )
  t.strictSame(result.failures.length - failures.length, 0, 'none fails before')
  t.ok(
    lastMs - fault.endedMs < BOUND_MS,
    `the last failure is ${seconds(lastMs - fault.endedMs)} after the end of the fault`,
  )
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

function counted(failures: readonly LoadFailure[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { text } of failures) {
    const message = (/"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text).replaceAll(/:\d+/g, '')
    counts.set(message, (counts.get(message) ?? 0) + 1)
  }
  return counts
}

const pod = (name: string, namespace: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { containers: [{ name: 'main', image: 'registry.example/app:1' }] },
})

await waitFor('the webhook is asked', async () => {
  const load = await startLoad(bed, plane, { cases: loadCases('shop'), perSecond: PER_SECOND })
  await new Promise(resolve => setTimeout(resolve, 1000))
  const { failures, denied } = await load.stop()
  return failures.length === 0 && denied > 0
})

t.test('one of two is killed', async t => {
  await underLoad(t, async () => {
    const victim = await busier()
    const beganMs = performance.now()
    await kill(victim)
    balancer.remove(victim.backend)
    if (victim === one) one = two
    return { beganMs, endedMs: beganMs }
  })
  two = await start()
})

t.test('one of two is stopped, and goes on later', async t => {
  await underLoad(t, async load => {
    const victim = await busier()
    const beganMs = performance.now()
    signal(victim, 'SIGSTOP')
    try {
      await waitFor('it gets no more connections', () => Promise.resolve(!isReady(victim)))
      t.comment(`out of the balancer after ${seconds(performance.now() - beganMs)}`)
      await awaitHealth(load)
      t.comment(`all is well after ${seconds(performance.now() - beganMs)}, while it is stopped`)
    } finally {
      signal(victim, 'SIGCONT')
    }
    await waitFor('it is back', areReady)
    return { beganMs, endedMs: performance.now() }
  })
})

t.test('the event loop of one of two is blocked', async t => {
  await underLoad(t, async () => {
    const victim = await busier()
    const beganMs = performance.now()
    signal(victim, 'SIGUSR2')
    await waitFor('it gets no more connections', () => Promise.resolve(!isReady(victim)))
    t.comment(`out of the balancer after ${seconds(performance.now() - beganMs)}`)
    await waitFor('it is back', areReady)
    t.comment(`back after ${seconds(performance.now() - beganMs)}`)
    return { beganMs, endedMs: performance.now() }
  })
})

t.test('the API server is stopped and started', async t => {
  await underLoad(t, async () => {
    const beganMs = performance.now()
    await plane.stopApiServer()
    await plane.startApiServer()
    t.comment(`started after ${seconds(performance.now() - beganMs)}`)
    return { beganMs, endedMs: performance.now() }
  })
  const { failed } = await admissionCounts(plane)
  t.comment(`what it counts since its start: ${JSON.stringify(failed)}`)
  await waitFor('the registration is seen to again', async () => {
    const metrics = await Promise.all([one.metrics(), two.metrics()])
    return metrics.every(each => each.includes('lockkeeper_registration_state{state="right"} 1'))
  })
})

t.test('all are gone and come back', async t => {
  const agent = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'network', namespace: 'kube-system' },
    spec: {
      selector: { matchLabels: { app: 'network' } },
      template: { metadata: { labels: { app: 'network' } }, spec: pod('', '').spec },
    },
  }
  await admin.create(agent)
  await admin.waitUntil(
    agent,
    'its controller has seen it',
    ({ status }) => member(status, 'observedGeneration') === 1,
    { timeoutMs: 60_000 },
  )
  await Promise.all([kill(one), kill(two)])
  const goneMs = performance.now()

  const refused = await waitFor('a Pod is refused', () => refusal(admin.create(pod('web', 'shop'))))
  t.match(refused.message, /failed calling webhook "namespaced\.lockkeeper\.dev"/, 'nobody can say that it is right')
  t.equal(refused.status, 500)
  const { names } = await startNodes(bed, plane, { count: 2 })
  await admin.waitUntil(
    agent,
    'every node has a ready Pod',
    ({ status }) => member(status, 'numberReady') === names.length,
    { timeoutMs: 60_000 },
  )
  const pods = await admin.list({ apiVersion: 'v1', kind: 'Pod', namespace: 'kube-system' })
  const nodeNames = pods.map(each => member(each, 'spec', 'nodeName') as string)
  t.strictSame(nodeNames.sort(), names, 'their Pods were made, bound and started meanwhile')
  t.comment(`two new nodes with their system Pods ${seconds(performance.now() - goneMs)} after the gates had gone`)
  t.match(await refusal(admin.create(pod('web', 'shop'))), { status: 500 }, 'still nobody can say')

  const startMs = performance.now()
  for (const { backend } of [one, two]) balancer.remove(backend)
  ;[one, two] = await Promise.all([start(), start()])
  await waitFor('a Pod is let in', async () => (await refusal(admin.create(pod('web', 'shop')))) === null)
  t.comment(`the first Pod is let in ${seconds(performance.now() - startMs)} after the start of the processes`)
  await underLoad(t, () => Promise.resolve({ beganMs: performance.now(), endedMs: performance.now() }))
})
