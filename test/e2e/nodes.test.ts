import t from 'tap'
import { type ApiObject, type Manifest, member } from '../helpers/testbed/api-objects.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { startNodes } from '../helpers/testbed/nodes.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

const bed = createTestbed(t)
const plane = await startControlPlane(bed)
const { admin } = plane
const { names } = await startNodes(bed, plane, { count: 2 })

function template(app: string, image = 'registry.example/app:1', more: object = {}): object {
  return {
    metadata: { labels: { app } },
    spec: {
      initContainers: [{ name: 'prepare', image: 'registry.example/prepare:1' }],
      containers: [{ name: 'app', image }],
      ...more,
    },
  }
}

function workload(kind: string, app: string, spec: object): Manifest {
  return {
    apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1',
    kind,
    metadata: { name: app, namespace: 'default' },
    spec: kind === 'Job' ? spec : { selector: { matchLabels: { app } }, ...spec },
  }
}

const podsOf = (app: string): Promise<ApiObject[]> =>
  admin.list({ apiVersion: 'v1', kind: 'Pod', namespace: 'default' }, { labelSelector: `app=${app}` })

const imagesOf = (pods: readonly ApiObject[]): unknown[] =>
  pods.map(pod => member(pod, 'spec', 'containers', 0, 'image'))

t.test('nodes are registered, ready and free of taints', async t => {
  const nodes = await admin.list({ apiVersion: 'v1', kind: 'Node' })
  const seen = nodes.map(node => {
    const conditions = member(node, 'status', 'conditions') as readonly { type: string; status: string }[]
    const taints = member(node, 'spec', 'taints')
    return { name: node.metadata.name, conditions: conditions.map(each => `${each.type}=${each.status}`), taints }
  })
  t.strictSame(
    seen,
    names.map(name => ({ name, conditions: ['Ready=True'], taints: undefined })),
  )
})

t.test('a Deployment becomes available, rolls out a new image and scales down', async t => {
  const web = workload('Deployment', 'web', { replicas: 3, template: template('web') })
  await admin.create(web)
  const isAt = (replicas: number) => (object: ApiObject) => {
    const { generation } = object.metadata
    const { status } = object
    return (
      member(status, 'observedGeneration') === generation &&
      ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'].every(
        each => member(status, each) === replicas,
      )
    )
  }
  const available = await admin.waitUntil(web, 'three replicas are available', isAt(3))
  const conditions = member(available, 'status', 'conditions') as readonly { type: string; status: string }[]
  t.equal(conditions.find(each => each.type === 'Available')?.status, 'True')
  const nodes = (await podsOf('web')).map(pod => member(pod, 'spec', 'nodeName'))
  t.strictSame([...new Set(nodes)].sort(), names, 'the Pods are on all nodes')

  await admin.patch(web, {
    spec: { template: template('web', 'registry.example/app:2') },
  })
  await admin.waitUntil(web, 'the new image is rolled out', isAt(3))
  const updated = await waitFor('the old Pods are gone', async () => {
    const pods = await podsOf('web')
    return pods.length === 3 && pods
  })
  t.strictSame(imagesOf(updated), Array(3).fill('registry.example/app:2'))

  await admin.patch(web, { spec: { replicas: 1 } })
  await admin.waitUntil(web, 'it is scaled down', isAt(1))
  const left = await waitFor('two Pods are gone', async () => {
    const pods = await podsOf('web')
    return pods.length === 1 && pods
  })
  t.equal(left[0]?.metadata.deletionTimestamp, undefined, 'the one that is left stays')
})

t.test('a StatefulSet replaces its Pods one by one under their old names', async t => {
  const database = workload('StatefulSet', 'database', {
    serviceName: 'database',
    replicas: 2,
    template: template('database'),
  })
  await admin.create(database)
  const isReady = ({ metadata, status }: ApiObject): boolean =>
    member(status, 'observedGeneration') === metadata.generation &&
    member(status, 'readyReplicas') === 2 &&
    member(status, 'updatedReplicas') === 2
  await admin.waitUntil(database, 'two replicas are ready', isReady)
  const before = await podsOf('database')
  await admin.patch(database, { spec: { template: template('database', 'registry.example/app:2') } })
  await admin.waitUntil(database, 'both replicas have the new image', isReady)
  const after = await podsOf('database')
  t.strictSame(
    after.map(pod => pod.metadata.name),
    before.map(pod => pod.metadata.name),
  )
  t.strictSame(imagesOf(after), Array(2).fill('registry.example/app:2'))
})

t.test('a DaemonSet has a Pod on every node', async t => {
  const agent = workload('DaemonSet', 'agent', { template: template('agent') })
  await admin.create(agent)
  await admin.waitUntil(agent, 'every node has a ready Pod', ({ status }) => member(status, 'numberReady') === 2)
  const nodes = (await podsOf('agent')).map(pod => member(pod, 'spec', 'nodeName'))
  t.strictSame(nodes.sort(), names)
})

t.test('a Job completes', async t => {
  const job = workload('Job', 'migrate', {
    completions: 3,
    parallelism: 2,
    template: template('migrate', 'registry.example/app:1', { restartPolicy: 'Never' }),
  })
  await admin.create(job)
  const complete = await admin.waitUntil(job, 'the Job is complete', ({ status }) => {
    const conditions = (member(status, 'conditions') ?? []) as readonly { type: string; status: string }[]
    return conditions.some(each => each.type === 'Complete' && each.status === 'True')
  })
  t.equal(member(complete, 'status', 'succeeded'), 3)
  const phases = (await podsOf('migrate')).map(pod => member(pod, 'status', 'phase'))
  t.strictSame(phases, Array(3).fill('Succeeded'))
})

t.test('a Pod of nobody runs until it is deleted', async t => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shell', namespace: 'default' },
    spec: { restartPolicy: 'Never', containers: [{ name: 'shell', image: 'registry.example/shell:1' }] },
  }
  await admin.create(pod)
  const running = await admin.waitUntil(pod, 'it runs', ({ status }) => member(status, 'phase') === 'Running')
  const managers = running.metadata.managedFields as readonly { subresource?: string }[]
  t.ok(managers.some(each => each.subresource === 'status'))
  t.ok(names.includes(member(running, 'spec', 'nodeName') as string))
  await admin.delete(pod)
  await admin.waitUntilGone(pod)
})

t.test('a Pod with a scheduling gate waits', async t => {
  const gated = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'gated', namespace: 'default' },
    spec: {
      schedulingGates: [{ name: 'example.com/quota' }],
      containers: [{ name: 'app', image: 'registry.example/app:1' }],
    },
  }
  const marker = {
    ...gated,
    metadata: { name: 'marker', namespace: 'default' },
    spec: { containers: gated.spec.containers },
  }
  await admin.create(gated)
  await admin.create(marker)
  // Pods are taken care of in the order in which they come.
  await admin.waitUntil(marker, 'a later Pod runs', ({ status }) => member(status, 'phase') === 'Running')
  t.equal(member(await admin.get(gated), 'spec', 'nodeName'), undefined)
  await admin.patch(gated, { spec: { schedulingGates: [] } })
  await admin.waitUntil(gated, 'it runs without the gate', ({ status }) => member(status, 'phase') === 'Running')
})

t.test('Pods are bound by the scheduler and reported by their own node', async t => {
  const events = await plane.audit()
  const users = (subresource: string) => [
    ...new Set(
      events
        .filter(({ objectRef }) => objectRef?.resource === 'pods' && objectRef.subresource === subresource)
        .map(({ user }) => user.username),
    ),
  ]
  t.strictSame(users('binding'), ['system:kube-scheduler'])
  t.strictSame(
    users('status').sort(),
    names.map(name => `system:node:${name}`),
  )
})

t.test('it goes on after the API server was away', async () => {
  await plane.stopApiServer()
  await plane.startApiServer()
  const late = workload('Deployment', 'late', { replicas: 2, template: template('late') })
  await admin.create(late)
  await admin.waitUntil(late, 'it is available', ({ status }) => member(status, 'availableReplicas') === 2)
})

t.test('a write that a webhook refuses is tried again', async t => {
  const blocker = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'blocker' },
    webhooks: [
      {
        name: 'blocker.lockkeeper.dev',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        // Nobody listens there.
        clientConfig: { url: 'https://127.0.0.1:1/' },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods/binding'] }],
      },
    ],
  }
  await admin.create(blocker)
  const blocked = workload('Deployment', 'blocked', { replicas: 1, template: template('blocked') })
  await admin.create(blocked)
  const isRefused = async (): Promise<boolean> =>
    (await plane.audit()).some(
      ({ objectRef, responseStatus }) => objectRef?.subresource === 'binding' && responseStatus?.code === 500,
    )
  await waitFor('a binding is refused', isRefused)
  t.strictSame(
    (await podsOf('blocked')).map(pod => member(pod, 'status', 'phase')),
    ['Pending'],
  )
  await admin.delete(blocker)
  await admin.waitUntil(blocked, 'it is available', ({ status }) => member(status, 'availableReplicas') === 1)
})
