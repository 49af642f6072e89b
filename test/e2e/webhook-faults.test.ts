import { cp, rename, rm, truncate } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { ROOT } from '../helpers/repository.js'
import { soundDeployment, soundPod } from '../helpers/sound-pod.js'
import { refusal } from '../helpers/testbed/api-error.js'
import type { Manifest } from '../helpers/testbed/api-objects.js'
import { startBalancer } from '../helpers/testbed/balancer.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { BOB } from '../helpers/testbed/users.js'
import {
  installWebhookAccount,
  startWebhook,
  WEBHOOK_NAMESPACE,
  webhookKubeconfig,
} from '../helpers/testbed/webhook.js'

// What goes wrong around one webhook process in front of a real API server: nothing is allowed by accident, whoever has no part in it is
// answered as ever, and the process lives.

const IDLE_CONNECTIONS = 5000
const FAULTS = join(ROOT, 'test/fixtures/bundles/faults/bundle')
const BUILT_IN = join(ROOT, 'policies/bundle')
const ENFORCE = 'pod-security.kubernetes.io/enforce'

const bed = createTestbed(t)
const plane = await startControlPlane(bed, {
  controllers: false,
  // The API server's own Pod Security would answer before any webhook is asked.
  extraArgs: ['--disable-admission-plugins=PodSecurity,ServiceAccount'],
})
await installWebhookAccount(plane)
await plane.createNamespace('shop', { labels: { [ENFORCE]: 'baseline' } })

const binding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', name: 'lockkeeper-webhook' }
const kept = await plane.admin.get(binding)

// Whoever holds a place at the API server while the webhook finds none; the gate itself would not let him be bound.
await plane.admin.create({
  apiVersion: binding.apiVersion,
  kind: binding.kind,
  metadata: { name: BOB.name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: BOB.name }],
})

const bundle = join(bed.directory, 'bundle')
await cp(FAULTS, bundle, { recursive: true })
// While the gate cannot be reached, nobody can be bound.
const kubeconfig = await webhookKubeconfig(plane)
const balancer = await startBalancer(bed)
const webhook = await startWebhook(bed, plane, { name: 'webhook', urlPort: balancer.port, bundle })
balancer.add(webhook.backend)

const DENIED = 'admission webhook "namespaced.lockkeeper.dev" denied the request:'
let pods = 0

/** A Pod with labels and annotations of its own; no two have a name in common. */
function pod(metadata: object = {}, container: object = {}, namespace = 'shop'): Manifest {
  const made = soundPod(`pod-${++pods}`, namespace, {}, container)
  return { ...made, metadata: { ...made.metadata, ...metadata } }
}

/** What the API server says to a dry-run create: null when it takes it. */
async function answer(manifest: Manifest): Promise<string | null> {
  return (await refusal(plane.admin.create(manifest, { dryRun: true })))?.message ?? null
}

/**
 * What is said in the end of an object that takes long: where others have the machine to themselves a policy may be stopped, which denies.
 */
async function settled(ask: () => Promise<string | null>): Promise<string | null> {
  const isStopped = (said: string | null): boolean => said?.includes(' ms and was stopped') === true
  return waitFor('no policy is stopped', async () => {
    const said = await ask()
    return isStopped(said) ? null : { said }
  }).then(({ said }) => said)
}

const PRIVILEGED = { securityContext: { privileged: true } }

/** What those who have no part in a fault see meanwhile, again and again until `during` is over. */
async function bystanders<T>(t: Test, denied: string, during: () => Promise<T>, namespace = 'shop'): Promise<T> {
  const state = { isOver: false, requests: 0 }
  const watch = async (): Promise<void> => {
    do {
      const [sound, privileged] = [await answer(pod({}, {}, namespace)), await answer(pod({}, PRIVILEGED, namespace))]
      if (sound !== null) t.equal(sound, null, 'a sound Pod is taken')
      if (privileged?.startsWith(denied) !== true) t.match(privileged, denied, 'a privileged one is denied')
      state.requests += 2
    } while (!state.isOver)
  }
  const watching = Promise.all([watch(), watch()])
  try {
    return await during()
  } finally {
    state.isOver = true
    await watching
    t.comment(`${state.requests} requests of others meanwhile`)
  }
}

/** The value of a metric's series. */
async function metric(series: string): Promise<number> {
  const line = (await webhook.metrics()).split('\n').find(each => each.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1))
}

const residentMiB = (): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${webhook.process.pid}/status`, 'utf8'))?.[1]) / 1024)

/** The end of every test: it is the process that was started. */
async function isAlive(t: Test): Promise<void> {
  t.equal(await Promise.race([webhook.process.exited, Promise.resolve('running')]), 'running')
  t.comment(`${residentMiB()} MiB resident`)
}

const OF_FAULTS = `${DENIED} [privileged] container "web" must not be privileged`
const OF_BUILT_IN = `${DENIED} [privileged_containers] container "web" is privileged`

await waitFor('the webhook is asked', async () => (await answer(pod({}, PRIVILEGED)))?.startsWith(OF_FAULTS))

t.test('a policy that never ends is stopped and named, and others are judged meanwhile', async t => {
  const killed = `${DENIED} [spinning] the policy could not be evaluated: it ran for more than 1000 ms and was stopped`
  await bystanders(t, OF_FAULTS, async () => {
    for (let round = 0; round < 3; round += 1) {
      t.equal(await answer(pod({ labels: { fault: 'spinning' } })), killed)
    }
  })
  await isAlive(t)
})

t.test('more of them than there are threads: none is allowed, and it ends', async t => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => answer(pod({ labels: { fault: 'spinning' } }))))
  t.strictSame(
    answers.filter(each => each === null),
    [],
  )
  t.comment([...new Set(answers)].join('\n'))
  t.equal(await answer(pod()), null)
  t.match(await answer(pod({}, PRIVILEGED)), OF_FAULTS)
  await isAlive(t)
})

t.test('a policy that takes all memory fails alone', async t => {
  const failed = `${DENIED} [allocating] the policy could not be evaluated: opa_malloc: failed`
  await bystanders(t, OF_FAULTS, async () => {
    for (let round = 0; round < 5; round += 1) {
      t.equal(await answer(pod({ labels: { fault: 'allocating' } })), failed)
    }
  })
  await isAlive(t)
})

t.test('regular expressions that take other engines for ever are matched', async t => {
  const texts = {
    '^(a+)+$': `${'a'.repeat(50_000)}b`,
    '^(a|aa)+$': `${'a'.repeat(50_000)}b`,
    '(x+x+)+y': 'x'.repeat(100_000),
    '^(([a-z])+.)+[A-Z]([a-z])+$': 'a'.repeat(50_000),
  }
  await bystanders(t, OF_FAULTS, async () => {
    for (const [pattern, text] of Object.entries(texts)) {
      const annotations = { 'example/pattern': pattern, 'example/text': text }
      t.equal(await answer(pod({ annotations })), `${DENIED} [matching] the text does not match the pattern`, pattern)
    }
  })
  await isAlive(t)
})

/** Puts another bundle where the webhook's is, file by file at once as a mount does. */
async function swap(source: string, change: (directory: string) => Promise<void> = () => Promise.resolve()) {
  const next = join(bed.directory, 'next')
  await cp(source, next, { recursive: true })
  await change(next)
  await rename(bundle, join(bed.directory, 'last'))
  await rename(next, bundle)
  await rm(join(bed.directory, 'last'), { recursive: true })
}

const LOADS = 'lockkeeper_bundle_loads_total'

t.test('a bad bundle is refused, and the last good one stays', async t => {
  const activated = await metric(`${LOADS}{result="activated"}`)
  const refused = await metric(`${LOADS}{result="refused"}`)
  const BREAKS: Readonly<Record<string, (directory: string) => Promise<void>>> = {
    'half a policy.wasm': directory => truncate(join(directory, 'policy.wasm'), 100_000),
    'no policy.wasm': directory => rm(join(directory, 'policy.wasm')),
  }
  let count = refused
  for (const [name, change] of Object.entries(BREAKS)) {
    count += 1
    await bystanders(t, OF_FAULTS, async () => {
      await swap(BUILT_IN, change)
      await waitFor(name, async () => (await metric(`${LOADS}{result="refused"}`)) >= count, { timeoutMs: 60_000 })
    })
  }
  t.equal(await metric(`${LOADS}{result="activated"}`), activated)
  await bystanders(t, `${DENIED} [privileged`, async () => {
    await swap(BUILT_IN)
    const series = `${LOADS}{result="activated"}`
    await waitFor('the good one', async () => (await metric(series)) === activated + 1, { timeoutMs: 60_000 })
  })
  t.match(await answer(pod({}, PRIVILEGED)), OF_BUILT_IN)
  await isAlive(t)
})

t.test('500 containers and 5,000 variables are judged', async t => {
  await bystanders(t, OF_BUILT_IN, async () => {
    const [sound] = (soundPod('x', 'shop').spec as { containers: object[] }).containers
    const containers = Array.from({ length: 500 }, (_, index) => ({ ...sound, name: `c${index}` }))
    const many = { ...pod(), spec: { ...(soundPod('x', 'shop').spec as object), containers } }
    t.equal(await settled(() => answer(many)), null)
    const last = [...containers.slice(1), { ...sound, name: 'last', ...PRIVILEGED }]
    const one = { ...many, spec: { ...many.spec, containers: last } }
    t.match(
      await settled(() => answer(one)),
      /^admission webhook .*: \[privileged_containers\] container "last" is privileged/,
    )
    const env = Array.from({ length: 5000 }, (_, index) => ({ name: `VARIABLE_${index}`, value: `value ${index}` }))
    t.equal(await settled(() => answer(pod({}, { env }))), null)
    t.match(await settled(() => answer(pod({}, { env, ...PRIVILEGED }))), OF_BUILT_IN)
  })
  await isAlive(t)
})

t.test('the largest update that the API server takes is judged', async t => {
  // etcd keeps 1.5 MiB of an object; what is tried is bounded by the API server alone, to 3 MiB.
  const large = (bytes: number, change: object = {}) => {
    const env = Array.from({ length: 100 }, (_, index) => ({ name: `V${index}`, value: 'x '.repeat(bytes / 200) }))
    return soundDeployment('large', 'shop', {}, { env, ...change })
  }
  const replace = async (change: object = {}): Promise<string | null> =>
    (await refusal(plane.admin.replace(large(3_100_000, change), { dryRun: true })))?.message ?? null
  t.equal(await settled(async () => (await refusal(plane.admin.create(large(1_400_000))))?.message ?? null), null)
  t.equal(await settled(() => replace()), null)
  t.match(await settled(() => replace(PRIVILEGED)), OF_BUILT_IN)
  await bystanders(t, OF_BUILT_IN, async () => {
    for (let round = 0; round < 3; round += 1) t.notSame(await replace(PRIVILEGED), null)
  })
  await isAlive(t)
})

t.test('5,000 idle connections keep nobody out', async t => {
  const sockets: TLSSocket[] = []
  let open = 0
  try {
    await bystanders(t, OF_BUILT_IN, async () => {
      for (let count = 0; count < IDLE_CONNECTIONS; count += 50) {
        await Promise.all(Array.from({ length: 50 }, () => idleConnection(sockets)))
      }
      open = sockets.filter(each => !each.destroyed).length
    })
    await bystanders(t, OF_BUILT_IN, async () => {
      for (let round = 0; round < 20; round += 1) await answer(pod())
    })
    t.equal(sockets.length, IDLE_CONNECTIONS)
    t.comment(
      `${open} open when the last was made, ${sockets.filter(each => !each.destroyed).length} after more requests`,
    )
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  await isAlive(t)
})

function idleConnection(sockets: TLSSocket[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: webhook.backend.port, rejectUnauthorized: false }, resolve)
    // It is closed by the other side when it has said nothing for long.
    socket.once('error', reject)
    socket.resume()
    sockets.push(socket)
  })
}

t.test('a certificate that is deleted comes back, and no request fails', async t => {
  const secret = { apiVersion: 'v1', kind: 'Secret', name: 'lockkeeper-webhook-tls', namespace: WEBHOOK_NAMESPACE }
  const { uid } = (await plane.admin.get(secret)).metadata
  await bystanders(t, OF_BUILT_IN, async () => {
    await plane.admin.delete(secret)
    await plane.admin.waitUntil(secret, 'the Secret is there again', ({ metadata }) => metadata.uid !== uid)
    for (let round = 0; round < 20; round += 1) await answer(pod())
  })
  await isAlive(t)
})

const THROTTLE: readonly Manifest[] = [
  {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    metadata: { name: 'nothing' },
    spec: {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 0, borrowingLimitPercent: 0, limitResponse: { type: 'Reject' } },
    },
  },
  {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name: 'throttled' },
    spec: {
      matchingPrecedence: 2,
      priorityLevelConfiguration: { name: 'nothing' },
      rules: [
        {
          subjects: [
            { kind: 'User', user: { name: BOB.name } },
            { kind: 'ServiceAccount', serviceAccount: { name: 'lockkeeper-webhook', namespace: WEBHOOK_NAMESPACE } },
          ],
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
          nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        },
      ],
    },
  },
]

/** Holds the one place that even a priority level without any has; everybody else of the level is refused. */
function holdPlace(): () => void {
  const held = request(`${plane.url}/api/v1/namespaces/shop/configmaps`, {
    method: 'POST',
    ca: plane.ca,
    headers: { authorization: `Bearer ${BOB.token ?? ''}`, 'content-type': 'application/json', 'content-length': 1000 },
  })
  held.on('error', () => undefined)
  // The rest of it never comes.
  held.write('{')
  return () => held.destroy()
}

async function restoreBinding(): Promise<void> {
  const { roleRef, subjects } = kept
  const { apiVersion, kind, name } = binding
  await plane.admin.create({ apiVersion, kind, metadata: { name }, roleRef, subjects })
}

/** Why a namespace cannot be looked up: what is done once the webhook may read none, and how it ends. */
const UNKNOWN: Readonly<Record<string, { readonly says: RegExp; readonly begin: () => Promise<() => Promise<void>> }>> =
  {
    'may not read namespaces': { says: /: HTTP 403 Forbidden: /, begin: () => Promise.resolve(restoreBinding) },
    'is throttled': {
      // It is asked again until the time for it is over.
      says: / was given up$/,
      begin: async () => {
        for (const each of THROTTLE) await plane.admin.create(each)
        const release = holdPlace()
        const account = plane.client(await plane.serviceAccount(WEBHOOK_NAMESPACE, 'lockkeeper-webhook'))
        await waitFor('its requests are refused', async () => {
          return (await account.request('GET', '/api/v1/namespaces/default')).status === 429
        })
        await restoreBinding()
        return async () => {
          release()
          for (const each of [...THROTTLE].reverse()) await plane.admin.delete(each)
        }
      },
    },
  }

for (const [name, { says, begin }] of Object.entries(UNKNOWN)) {
  t.test(`a webhook that ${name} judges in namespaces it knows, and refuses in new ones`, async t => {
    const fresh = `unknown-${pods}`
    await plane.admin.delete(binding)
    // Its watches end with the API server, and cannot be opened again.
    await plane.stopApiServer()
    await plane.startApiServer()
    await waitFor('the webhook is asked again', async () =>
      (await answer(pod({}, PRIVILEGED)))?.startsWith(OF_BUILT_IN),
    )
    const end = await begin()
    await plane.admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: fresh } })
    await bystanders(t, OF_BUILT_IN, async () => {
      for (let round = 0; round < 5; round += 1) {
        const refused = await answer(pod({}, {}, fresh))
        if (round === 0) t.comment(refused ?? 'it was taken')
        t.match(refused, new RegExp(`denied the request: \\[NAMESPACE_LOOKUP_FAILED\\] the namespace ${fresh} `))
        t.match(refused, says)
      }
    })
    await end()
    await waitFor('the new namespace is known', async () => (await answer(pod({}, {}, fresh))) === null, {
      timeoutMs: 60_000,
    })
    t.match(await answer(pod({}, PRIVILEGED)), OF_BUILT_IN)
    await isAlive(t)
  })
}

t.test('a new namespace that no watch tells of is looked up, with its labels', async t => {
  const role = { apiVersion: binding.apiVersion, kind: 'ClusterRole', metadata: { name: 'asks-for-namespaces' } }
  const rules = [{ apiGroups: [''], resources: ['namespaces'], verbs: ['get'] }]
  const asks = { ...role, kind: binding.kind }
  await plane.admin.create({ ...role, rules })
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: role.kind, name: role.metadata.name }
  await plane.admin.create({ ...asks, roleRef, subjects: kept.subjects })
  await plane.admin.delete(binding)
  await plane.stopApiServer()
  await plane.startApiServer()
  await waitFor('the webhook is asked again', async () => (await answer(pod({}, PRIVILEGED)))?.startsWith(OF_BUILT_IN))
  for (const [level, isDenied] of Object.entries({ privileged: false, baseline: true, restricted: true })) {
    const name = `asked-${level}`
    await plane.admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { [ENFORCE]: level } } })
    const answers = await Promise.all(Array.from({ length: 8 }, () => answer(pod({}, PRIVILEGED, name))))
    t.strictSame(
      answers.map(each => each?.startsWith(OF_BUILT_IN) === true),
      answers.map(() => isDenied),
      level,
    )
  }
  await restoreBinding()
  for (const each of [role, asks]) await plane.admin.delete(each)
  await isAlive(t)
})

t.test('while the API server is away the webhook waits for it', async t => {
  await plane.stopApiServer()
  const response = await fetch(webhook.backend.readyUrl)
  t.equal(response.status, 200)
  await plane.startApiServer()
  await bystanders(t, OF_BUILT_IN, async () => {
    const fresh = `later-${pods}`
    await plane.admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: fresh } })
    t.equal(await answer(pod({}, {}, fresh)), null)
  })
  await isAlive(t)
})

/** Node's flag that moves the clock of a process, as a machine without a time server has it. */
function clockAhead(days: number): readonly string[] {
  const code = `const { now } = Date
    Date.now = () => now() + ${days * 86_400_000}
    globalThis.Date = new Proxy(Date, {
      construct: (target, values) => (values.length === 0 ? new target(target.now()) : new target(...values)),
    })`
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`]
}

t.test('a clock that is 400 days ahead lets nothing through, and the right one repairs what it left', async t => {
  balancer.remove(webhook.backend)
  await webhook.process.stop()
  const options = { name: 'webhook', urlPort: balancer.port, bundle: BUILT_IN, kubeconfig }
  const ahead = await startWebhook(bed, plane, { ...options, name: 'webhook-ahead', nodeArgs: clockAhead(400) })
  balancer.add(ahead.backend)
  await waitFor('its certificate is the one that is served', async () =>
    (await answer(pod()))?.includes('not yet valid'),
  )
  t.match(await answer(pod()), /x509: certificate has expired or is not yet valid/)
  t.match(await answer(pod({}, PRIVILEGED)), /x509: certificate has expired or is not yet valid/)
  t.equal(await Promise.race([ahead.process.exited, Promise.resolve('running')]), 'running')

  balancer.remove(ahead.backend)
  await ahead.process.stop()
  const right = await startWebhook(bed, plane, options)
  balancer.add(right.backend)
  await waitFor('it is trusted again', async () => (await answer(pod())) === null)
  t.match(await answer(pod({}, PRIVILEGED)), OF_BUILT_IN)
})
