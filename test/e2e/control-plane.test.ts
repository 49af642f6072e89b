import t from 'tap'
import type { ApiClient } from '../helpers/testbed/api.js'
import { refusal } from '../helpers/testbed/api-error.js'
import { type Manifest, member } from '../helpers/testbed/api-objects.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { startStaticGuard } from '../helpers/testbed/static-guard.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ADMIN, ALICE, ANONYMOUS, BOB, type User } from '../helpers/testbed/users.js'

const SERVICE_ACCOUNT = 'system:serviceaccount:shop:default'

function configMap(namespace: string, name: string, more: object = {}): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, ...more }
}

function webhookConfiguration(name: string, labels: object = {}): Manifest {
  const kind = 'ValidatingWebhookConfiguration'
  return { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name, labels } }
}

/** Who the API server takes a user for. */
async function whoIs(client: ApiClient): Promise<unknown> {
  const review = await client.create({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' })
  return member(review, 'status', 'userInfo')
}

t.test('a control plane with controllers, an audit webhook and a webhook from a file', async t => {
  const bed = createTestbed(t)
  const guard = await startStaticGuard(bed)
  const start = performance.now()
  const plane = await startControlPlane(bed, { auditWebhook: true, staticWebhooks: [guard] })
  t.comment(`the control plane was ready after ${((performance.now() - start) / 1000).toFixed(1)} s`)
  const { admin } = plane
  await plane.createNamespace('shop', { editors: [ALICE], labels: { team: 'shop' } })
  await plane.createNamespace('bank')
  const alice = plane.client(ALICE)

  await t.test('the first request meets the webhook from a file', async t => {
    const marked = configMap('shop', 'marked', {
      metadata: { name: 'marked', namespace: 'shop', labels: { guarded: '' } },
    })
    t.strictSame(await refusal(admin.create(marked)), {
      status: 403,
      reason: 'Forbidden',
      message: 'admission webhook "guard.lockkeeper.static.k8s.io" denied the request: guarded by a file',
    })
  })

  await t.test('the API does not know the webhook from a file', async t => {
    const { apiVersion, kind } = guard
    t.strictSame(await admin.list({ apiVersion, kind }), [])
    t.strictSame(await refusal(admin.delete(guard)), {
      status: 404,
      reason: 'NotFound',
      message: 'validatingwebhookconfigurations.admissionregistration.k8s.io "guard.static.k8s.io" not found',
    })
  })

  await t.test('the webhook from a file guards webhook configurations of the API', async t => {
    const plain = webhookConfiguration('plain')
    const guarded = webhookConfiguration('guarded', { guarded: '' })
    await admin.create(plain)
    await admin.create(guarded)
    t.equal(await refusal(admin.delete(plain)), null)
    t.strictSame(await refusal(admin.delete(guarded)), {
      status: 403,
      reason: 'Forbidden',
      message: 'admission webhook "guard.lockkeeper.static.k8s.io" denied the request: guarded by a file',
    })
    t.equal(await admin.find(plain), null)
    t.equal((await admin.get(guarded)).metadata.name, 'guarded')
  })

  await t.test('each user is who the API server says it is', async t => {
    const account = await admin.get({ apiVersion: 'v1', kind: 'ServiceAccount', name: 'default', namespace: 'shop' })
    const cases: Record<string, { user: User; uid: string | undefined; groups: readonly string[] }> = {
      'the administrator by a token': { user: ADMIN, uid: 'uid-of-admin', groups: ['system:masters'] },
      'a developer by a token': { user: ALICE, uid: 'uid-of-alice', groups: ['developers'] },
      'a service account by a token it asked for': {
        user: await plane.serviceAccount('shop', 'default'),
        uid: account.metadata.uid,
        groups: ['system:serviceaccounts', 'system:serviceaccounts:shop'],
      },
      'a node by a certificate': {
        user: plane.certificateUser('system:node:node-1', ['system:nodes', 'zone-ü']),
        uid: undefined,
        groups: ['system:nodes', 'zone-ü'],
      },
    }
    for (const [name, { user, uid, groups }] of Object.entries(cases)) {
      const info = await whoIs(plane.client(user))
      const { username, groups: seen, uid: seenUid } = info as { username: string; groups: string[]; uid?: string }
      const expected = { username: user.name, uid, groups: [...groups, 'system:authenticated'] }
      t.strictSame({ username, uid: seenUid, groups: seen }, expected, name)
    }
    t.equal((await plane.serviceAccount('shop', 'default')).name, SERVICE_ACCOUNT)
  })

  await t.test('a user may do what RBAC allows and nothing else', async t => {
    const forbidden = (name: string, resource: string, namespace: string, verb = 'create') => ({
      status: 403,
      reason: 'Forbidden',
      message:
        `${resource} is forbidden: User "${name}" cannot ${verb} resource "${resource.split(' ')[0] ?? ''}" ` +
        `in API group "" in the namespace "${namespace}"`,
    })
    const cases: Record<
      string,
      { user: User; request: (client: ApiClient) => Promise<unknown>; expected: object | null }
    > = {
      'the administrator creates anywhere': {
        user: ADMIN,
        request: client => client.create(configMap('bank', 'probe'), { dryRun: true }),
        expected: null,
      },
      'an editor creates in her namespace': {
        user: ALICE,
        request: client => client.create(configMap('shop', 'probe'), { dryRun: true }),
        expected: null,
      },
      'an editor does not create in another namespace': {
        user: ALICE,
        request: client => client.create(configMap('bank', 'probe'), { dryRun: true }),
        expected: forbidden('alice', 'configmaps', 'bank'),
      },
      'an editor does not change her namespace itself': {
        user: ALICE,
        request: client =>
          client.patch({ apiVersion: 'v1', kind: 'Namespace', name: 'shop' }, { metadata: { labels: { a: 'b' } } }),
        expected: {
          ...forbidden('alice', 'namespaces', 'shop', 'patch'),
          message:
            'namespaces "shop" is forbidden: User "alice" cannot patch resource "namespaces" in API group "" in the namespace "shop"',
        },
      },
      'another developer does not create': {
        user: BOB,
        request: client => client.create(configMap('shop', 'probe'), { dryRun: true }),
        expected: forbidden('bob', 'configmaps', 'shop'),
      },
      'a service account without a role does not list': {
        user: await plane.serviceAccount('shop', 'default'),
        request: client => client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop' }),
        expected: forbidden(SERVICE_ACCOUNT, 'configmaps', 'shop', 'list'),
      },
      'who sends no credentials does not list': {
        user: ANONYMOUS,
        request: client => client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop' }),
        expected: forbidden('system:anonymous', 'configmaps', 'shop', 'list'),
      },
      'a wrong token is nobody': {
        user: { name: 'admin', token: 'wrong' },
        request: client => client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop' }),
        expected: { status: 401, reason: 'Unauthorized', message: 'Unauthorized' },
      },
    }
    for (const [name, { user, request, expected }] of Object.entries(cases)) {
      t.strictSame(await refusal(request(plane.client(user))), expected, name)
    }
  })

  await t.test('kubectl works as any user', async t => {
    const manifest = JSON.stringify(configMap('shop', 'by-kubectl', { data: { a: '1' } }))
    t.strictSame(await plane.kubectl(['apply', '-f', '-'], { as: ALICE, input: manifest }), {
      status: 0,
      stdout: 'configmap/by-kubectl created\n',
      stderr: '',
    })
    const { status, stdout, stderr } = await plane.kubectl(['get', 'configmap', '-n', 'bank'], { as: ALICE })
    t.strictSame({ status, stdout }, { status: 1, stdout: '' })
    t.match(stderr, 'User "alice" cannot list resource "configmaps" in API group "" in the namespace "bank"')
  })

  await t.test('the audit log and the audit webhook tell who did what', async t => {
    await alice.create(configMap('shop', 'audited', { data: { colour: 'blue' } }))
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'audited', namespace: 'shop' } }
    await alice.create({ ...secret, stringData: { password: 'not-to-be-logged' } })
    const log = await waitFor('the requests are in the log', async () => {
      const events = await plane.audit()
      return events.filter(event => event.objectRef?.name === 'audited').length === 2 && events
    })
    const audited = log.filter(event => event.objectRef?.name === 'audited')
    const common = {
      stage: 'ResponseComplete',
      verb: 'create',
      user: 'alice',
      groups: ['developers', 'system:authenticated'],
    }
    t.strictSame(
      audited.map(({ level, stage, verb, user, objectRef, responseStatus, requestObject }) => ({
        level,
        stage,
        verb,
        user: user.username,
        groups: user.groups,
        resource: objectRef?.resource,
        namespace: objectRef?.namespace,
        code: responseStatus?.code,
        data: member(requestObject, 'data'),
      })),
      [
        {
          level: 'RequestResponse',
          ...common,
          resource: 'configmaps',
          namespace: 'shop',
          code: 201,
          data: { colour: 'blue' },
        },
        { level: 'Metadata', ...common, resource: 'secrets', namespace: 'shop', code: 201, data: undefined },
      ],
    )
    t.notMatch(JSON.stringify(log), 'not-to-be-logged')
    const refused = log.filter(event => event.user.username === 'bob').map(event => event.responseStatus?.code)
    t.strictSame(refused, [403])
    const received = await waitFor('the requests were sent to the webhook', async () => {
      const events = plane.receivedAudit().filter(event => event.objectRef?.name === 'audited')
      return Promise.resolve(events.length === 2 && events)
    })
    // The items of a list come without the two fields that say what they are.
    const item = { kind: 'Event', apiVersion: 'audit.k8s.io/v1' }
    t.strictSame(
      received.map(event => ({ ...item, ...event })),
      audited,
    )
  })

  await t.test('the controllers make Pods of what has a template', async t => {
    const template = (restartPolicy: string) => ({
      metadata: { labels: { app: 'web' } },
      spec: { restartPolicy, containers: [{ name: 'web', image: 'registry.example/web:1' }] },
    })
    const selector = { matchLabels: { app: 'web' } }
    const cases: Record<string, { apiVersion: string; owner?: string; spec: object }> = {
      Deployment: { apiVersion: 'apps/v1', owner: 'ReplicaSet', spec: { selector, template: template('Always') } },
      StatefulSet: { apiVersion: 'apps/v1', spec: { selector, template: template('Always') } },
      ReplicationController: { apiVersion: 'v1', spec: { template: template('Always') } },
      Job: { apiVersion: 'batch/v1', spec: { template: template('Never') } },
    }
    for (const [kind, { apiVersion, owner = kind, spec }] of Object.entries(cases)) {
      const namespace = kind.toLowerCase()
      await plane.createNamespace(namespace)
      const workload = { apiVersion, kind, metadata: { name: 'web', namespace }, spec }
      await admin.create(workload)
      const pods = await waitFor(`the ${kind} has a Pod`, async () => {
        const found = await admin.list({ apiVersion: 'v1', kind: 'Pod', namespace })
        return found.length > 0 && found
      })
      t.strictSame(
        pods.map(pod => member(pod, 'metadata', 'ownerReferences', 0, 'kind')),
        [owner],
        kind,
      )
      await admin.delete(workload, { propagationPolicy: 'Foreground' })
      await admin.waitUntilGone(workload)
      t.strictSame(await admin.list({ apiVersion: 'v1', kind: 'Pod', namespace }), [], `${kind} deleted with its Pods`)
    }
  })

  await t.test('a suspended API server does not answer until it goes on', async t => {
    const { pid } = plane.processes.apiServer
    process.kill(pid, 'SIGSTOP')
    try {
      // The signal takes effect a moment later than it is sent.
      const asked = () => admin.request('GET', '/readyz', { timeoutMs: 300 })
      const isSilent = () =>
        asked().then(
          () => false,
          (error: unknown) => String(error).startsWith('Error: GET /readyz: '),
        )
      t.ok(await waitFor('the API server is silent', isSilent))
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    t.equal((await admin.request('GET', '/readyz')).text, 'ok')
  })

  await t.test('a restarted API server has the same objects, and the controllers go on', async t => {
    const before = plane.processes.apiServer.pid
    const audited = await admin.get(configMap('shop', 'audited'))
    await plane.stopApiServer()
    await t.rejects(admin.request('GET', '/readyz'), /ECONNREFUSED/)
    await plane.startApiServer()
    t.not(plane.processes.apiServer.pid, before)
    t.strictSame(await admin.get(configMap('shop', 'audited')), audited)
    await plane.createNamespace('after-restart')
    t.equal(((await whoIs(alice)) as { username: string }).username, 'alice')
  })
})
