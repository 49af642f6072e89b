import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import t from 'tap'
import type { ControllerOptions } from '../../controller/options.js'
import { ControllerError, createControllerClient } from '../../src/io/controller-client.js'
import { createRecorder } from '../../src/io/records/recorder.js'
import { createSpool } from '../../src/io/records/spool.js'
import { isJsonObject } from '../../src/json.js'
import type { LiveQuery } from '../../src/live-query.js'
import { recordLine, renderRecord } from '../../src/provenance/record.js'
import { FACTS, WEB } from '../helpers/gate-records.js'
import { silentLog } from '../helpers/silent-log.js'
import type { Manifest } from '../helpers/testbed/api-objects.js'
import { member } from '../helpers/testbed/api-objects.js'
import { createCertificateAuthority } from '../helpers/testbed/certificates.js'
import { type ControlPlane, startControlPlane } from '../helpers/testbed/control-plane.js'
import { freePort } from '../helpers/testbed/ports.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { requestToken } from '../helpers/testbed/service-accounts.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ADMIN } from '../helpers/testbed/users.js'

const AUDIENCE = 'lockkeeper-controller'
const ACCOUNT = 'argocd-repo-server'
const PASSWORD = 'hunter2-hunter2'

const APPLICATIONS: Manifest = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'applications.argoproj.io' },
  spec: {
    group: 'argoproj.io',
    names: { kind: 'Application', plural: 'applications' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}

function configMap(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' }, data: { name } }
}

const entry = (kind: string, name: string) => ({ version: 'v1', kind, namespace: 'shop', name })

async function installApplication({ admin }: ControlPlane): Promise<void> {
  await admin.apply(APPLICATIONS)
  await admin.waitUntil(APPLICATIONS, 'the definition is established', object =>
    ((member(object, 'status', 'conditions') as { type: string; status: string }[] | undefined) ?? []).some(
      each => each.type === 'Established' && each.status === 'True',
    ),
  )
  await admin.apply({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'shop', namespace: 'argocd' },
    spec: { destination: { server: 'https://kubernetes.default.svc', namespace: 'shop' } },
    status: { resources: [entry('ConfigMap', 'web'), entry('ConfigMap', 'going'), entry('Secret', 'db')] },
  })
}

/** A controller in a process of its own, which can be killed. */
async function startController(options: ControllerOptions) {
  const child: ChildProcess = fork(
    new URL('../helpers/controller-program.js', import.meta.url),
    [JSON.stringify(options)],
    { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
  )
  let log = ''
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const stop = async (signal: 'SIGKILL' | 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
  const logged = (text: string) =>
    waitFor(text, () => {
      if (child.exitCode !== null) throw new Error(`the controller ended: ${log}`)
      return Promise.resolve(log.includes(text))
    })
  t.teardown(() => stop('SIGKILL'))
  await logged('the API is served')
  return { kill: () => stop('SIGKILL'), end: () => stop('SIGTERM'), leads: () => logged('"records are kept"') }
}

t.test('gates ask the controller with tokens of a real API server', async t => {
  const bed = createTestbed(t)
  const plane = await startControlPlane(bed, { controllers: false })
  const { admin } = plane
  for (const namespace of ['lockkeeper-system', 'argocd']) await plane.createNamespace(namespace)
  await plane.createNamespace('shop')
  await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { team: 'a' } } })
  for (const name of [ACCOUNT, 'somebody']) {
    await admin.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'argocd' } })
  }
  await installApplication(plane)
  for (const name of ['web', 'going']) await admin.apply(configMap(name))
  await admin.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'db', namespace: 'shop' },
    stringData: { password: PASSWORD },
  })
  for (let i = 0; i < 12; i += 1) await admin.apply(configMap(`many-${i}`))

  const authority = createCertificateAuthority()
  const { cert, key } = authority.issue({ commonName: 'controller', hosts: ['127.0.0.1'] })
  const file = (name: string) => join(bed.directory, name)
  writeFileSync(file('tls.crt'), cert)
  writeFileSync(file('tls.key'), key)
  writeFileSync(file('ca.crt'), authority.certificate)
  const port = await freePort()
  const probePort = await freePort()
  const options: ControllerOptions = {
    address: '127.0.0.1',
    probePort,
    insecureUnsigned: false,
    kubeconfig: await plane.kubeconfig(ADMIN),
    namespace: 'lockkeeper-system',
    identity: 'one',
    reports: 'none',
    auditIntervalSeconds: 3600,
    exemptNamespaces: [],
    logLevel: 'debug',
    api: {
      certificate: { certFile: file('tls.crt'), keyFile: file('tls.key') },
      port,
      callers: [`system:serviceaccount:argocd:${ACCOUNT}`],
      applicationsNamespace: 'argocd',
      recordsDirectory: file('records'),
      warningEvents: false,
      warningAnnotations: false,
    },
  }
  let controller = await startController(options)
  await controller.leads()

  const url = new URL(`https://127.0.0.1:${port}`)
  const client = createControllerClient({ url, caFile: file('ca.crt'), tokenFile: file('token') })
  t.teardown(() => {
    client.close()
  })
  const useToken = async (account: string, audiences: readonly string[]) => {
    writeFileSync(file('token'), await requestToken(admin, 'argocd', account, audiences))
  }
  const query: LiveQuery = {
    application: 'shop',
    project: 'default',
    destinationNamespace: 'shop',
    objects: [
      { group: '', version: 'v1', kind: 'ConfigMap', name: 'web' },
      { group: '', version: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'new' },
      { group: '', version: 'v1', kind: 'Secret', namespace: 'shop', name: 'other' },
      { group: 'example.com', version: 'v1', kind: 'Thing', name: 'one' },
      ...Array.from({ length: 12 }, (_, i) => ({ group: '', version: 'v1', kind: 'ConfigMap', name: `many-${i}` })),
    ],
  }

  await t.test('a token for another audience, or of another account, is refused', async t => {
    const statusOf = async () => {
      try {
        await client.live(query)
        return 200
      } catch (thrown) {
        return thrown instanceof ControllerError ? thrown.status : thrown
      }
    }
    const cases = [
      [ACCOUNT, [AUDIENCE], 200],
      [ACCOUNT, [], 401],
      [ACCOUNT, ['somebody-else'], 401],
      ['somebody', [AUDIENCE], 403],
    ] as const
    for (const [account, audiences, status] of cases) {
      await useToken(account, audiences)
      t.equal(await statusOf(), status, `${account} for ${audiences.join()}`)
    }
    writeFileSync(file('token'), 'no token at all')
    t.equal(await statusOf(), 401)
  })

  await t.test('live objects, what would be pruned, and the namespace', async t => {
    await useToken(ACCOUNT, [AUDIENCE])
    const answer = await client.live(query)
    t.strictSame(
      [...answer.objects].slice(0, 4).map(([key, each]) => [key, isJsonObject(each) ? each.data : each]),
      [
        ['/ConfigMap//web', Object.assign(Object.create(null), { name: 'web' })],
        ['/ConfigMap/shop/new', null],
        ['/Secret/shop/other', 'withheld'],
        ['example.com/Thing//one', null],
      ],
    )
    t.ok(
      Array.from({ length: 12 }, (_, i) => answer.objects.get(`/ConfigMap//many-${i}`)).every(isJsonObject),
      'those that were listed',
    )
    t.strictSame(
      answer.pruned.map(each => [each.kind, member(each, 'metadata', 'name'), member(each, 'data', 'name')]),
      [
        ['ConfigMap', 'going', 'going'],
        ['Secret', 'db', undefined],
      ],
    )
    t.equal(answer.namespaces.get('shop')?.labels.team, 'a')
    t.notOk(JSON.stringify(answer.pruned).includes(PASSWORD), 'the Secret was not read')
    const reads = (await plane.audit()).filter(
      each => each.objectRef?.resource === 'secrets' && ['get', 'list', 'watch'].includes(each.verb),
    )
    t.strictSame(
      reads.filter(each => each.userAgent?.startsWith('lockkeeper') === true).map(each => each.requestURI),
      [],
      'not even asked for',
    )
  })

  await t.test('records outlive a controller that is killed, and wait while there is none', async t => {
    const spool = createSpool({ directory: file('spool'), now: () => Date.now() })
    const recorder = createRecorder({ spool, client, log: silentLog() })
    const records = ['digest-a', 'digest-b'].map(digest => renderRecord(FACTS, WEB, digest))
    await recorder.record(records.slice(0, 1))
    await recorder.flush(20_000)
    t.strictSame(recorder.counts, { sent: 1, dropped: 0 })

    await controller.kill()
    await recorder.record(records.slice(1))
    await recorder.flush(20_000)
    t.strictSame(recorder.counts, { sent: 1, dropped: 0 }, 'nobody is there')
    const [segment = ''] = readdirSync(file('records'))
    const whole = readFileSync(join(file('records'), segment), 'utf8')
    writeFileSync(join(file('records'), segment), `${whole}{"id":"half a li`)

    controller = await startController(options)
    await controller.leads()
    await recorder.flush(20_000)
    t.strictSame(recorder.counts, { sent: 2, dropped: 0 })
    for (const [i, digest] of ['digest-a', 'digest-b'].entries()) {
      t.strictSame(await find(digest), { records: [records[i]] }, digest)
    }
    const metrics = await (await fetch(`http://127.0.0.1:${probePort}/metrics`)).text()
    t.match(metrics, /^lockkeeper_records 2$/m)
    t.match(metrics, /^lockkeeper_records_received_total\{result="appended"\} 1$/m)
    await recorder.close()
  })

  await t.test('every replica answers what is live, and the one that leads takes records', async t => {
    const otherPort = await freePort()
    const { api } = options
    if (api === undefined) throw new Error('there is no API')
    const other = await startController({
      ...options,
      identity: 'two',
      probePort: await freePort(),
      api: { ...api, port: otherPort },
    })
    const otherUrl = new URL(`https://127.0.0.1:${otherPort}`)
    const otherClient = createControllerClient({ url: otherUrl, caFile: file('ca.crt'), tokenFile: file('token') })
    t.teardown(() => {
      otherClient.close()
    })
    const answer = await otherClient.live(query)
    t.ok(isJsonObject(answer.objects.get('/ConfigMap//web')))
    const record = [recordLine(renderRecord(FACTS, WEB, 'digest-c'))]
    await t.rejects(otherClient.send(record), { code: 'CONTROLLER_REFUSED', message: /the replica that leads/ })
    t.strictSame(await find('digest-c'), { records: [] })

    await controller.end()
    await other.leads()
    await otherClient.send(record)
    t.strictSame(await find('digest-c', otherUrl), { records: [renderRecord(FACTS, WEB, 'digest-c')] })
    t.strictSame(await find('digest-a', otherUrl), { records: [renderRecord(FACTS, WEB, 'digest-a')] }, 'from before')
  })

  /** Reads records by digest, over the API. */
  function find(digest: string, at = url): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        new URL(`/v1/records?digest=${digest}`, at),
        {
          ca: authority.certificate,
          agent: false,
          headers: { authorization: `Bearer ${readFileSync(file('token'), 'utf8')}` },
        },
        response => {
          let text = ''
          response.on('data', (chunk: Buffer) => (text += chunk.toString()))
          response.on('end', () => {
            resolve(JSON.parse(text))
          })
        },
      )
      request.on('error', reject)
      request.end()
    })
  }
})
