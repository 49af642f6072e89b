import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t from 'tap'
import { parse } from 'yaml'
import { runController } from '../../controller/main.js'
import type { ControllerOptions } from '../../controller/options.js'
import { type ApiObject, type Manifest, member } from '../helpers/testbed/api-objects.js'
import { type ControlPlane, startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { programFiles } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ADMIN } from '../helpers/testbed/users.js'

/** What is needed of a tap test. */
interface Test {
  teardown(close: () => Promise<void>): void
}

const REPORT = { apiVersion: 'openreports.io/v1alpha1', kind: 'Report' }
const PASSWORD = 'prom-operator'

function deployment(name: string, securityContext: object): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: name } },
      // Nothing follows from it, so each finding is about the Deployment.
      paused: true,
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'web', image: 'registry.example/web:1.2.3', securityContext }] },
      },
    },
  }
}

/** A controller in this process, what it logs, and where it answers probes. */
async function start(t: Test, options: ControllerOptions) {
  const ending = new AbortController()
  const lines: string[] = []
  const stderr = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString())
      done()
    },
  })
  let listening: (port: number) => void = () => undefined
  const port = new Promise<number>(resolve => (listening = resolve))
  const done = runController(options, {
    inCluster: null,
    stderr,
    signal: ending.signal,
    now: () => new Date(),
    onListening: listening,
  })
  const stop = async () => {
    ending.abort()
    await done
  }
  t.teardown(stop)
  const url = `http://127.0.0.1:${await Promise.race([port, done.then(() => 0)])}`
  return {
    lines,
    stop,
    get: async (path: string) => {
      const response = await fetch(`${url}${path}`)
      return { status: response.status, text: await response.text() }
    },
  }
}

/** A controller in a process of its own. */
function startProcess(t: Test, options: ControllerOptions) {
  const child = fork(new URL('../helpers/controller-program.js', import.meta.url), [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  // What nobody reads would stop it.
  child.stderr?.resume()
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  t.teardown(kill)
  return { kill }
}

async function installReports({ admin }: ControlPlane): Promise<void> {
  const directory = join(programFiles('openreports'), 'config/crd')
  for (const name of readdirSync(directory)) {
    const definition = parse(readFileSync(join(directory, name), 'utf8')) as Manifest
    await admin.apply(definition)
    await admin.waitUntil(definition, 'the definition is established', object =>
      ((member(object, 'status', 'conditions') as { type: string; status: string }[] | undefined) ?? []).some(
        each => each.type === 'Established' && each.status === 'True',
      ),
    )
  }
}

/** The definitions of wgpolicyk8s.io as far as reports of ours go; unlike the real ones they keep only what is named here. */
async function installPolicyReports({ admin }: ControlPlane): Promise<void> {
  const text = { type: 'string' }
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  const fields = ['source', 'policy', 'rule', 'message', 'result', 'severity', 'category']
  const result = {
    type: 'object',
    required: ['policy'],
    properties: {
      ...Object.fromEntries(fields.map(each => [each, text])),
      scored: { type: 'boolean' },
      timestamp: open,
      properties: { type: 'object', additionalProperties: text },
      resources: { type: 'array', items: open },
    },
  }
  const properties = { scope: open, summary: open, results: { type: 'array', items: result } }
  const version = {
    name: 'v1alpha2',
    served: true,
    storage: true,
    schema: { openAPIV3Schema: { type: 'object', properties } },
  }
  for (const kind of ['PolicyReport', 'ClusterPolicyReport']) {
    const plural = `${kind.toLowerCase()}s`
    await admin.apply({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.wgpolicyk8s.io` },
      spec: {
        group: 'wgpolicyk8s.io',
        scope: kind === 'PolicyReport' ? 'Namespaced' : 'Cluster',
        names: { kind, plural, singular: kind.toLowerCase() },
        versions: [version],
      },
    })
    await waitFor(`${kind} is served`, () => admin.list({ apiVersion: 'wgpolicyk8s.io/v1alpha2', kind }))
  }
}

/** A value of a metric by its name and labels as they are written; null when it is not there. */
function metric(text: string, series: string): number | null {
  const line = text.split('\n').find(each => each.startsWith(`${series} `))
  return line === undefined ? null : Number(line.slice(series.length + 1))
}

t.test('the background audit of a real cluster', async t => {
  const bed = createTestbed(t)
  const plane = await startControlPlane(bed)
  const { admin } = plane
  await installReports(plane)
  for (const name of ['shop', 'exempt', 'lockkeeper']) await plane.createNamespace(name)
  const level = (enforce: string) => ({ metadata: { labels: { 'pod-security.kubernetes.io/enforce': enforce } } })
  const shop = { apiVersion: 'v1', kind: 'Namespace', name: 'shop' }
  await admin.patch(shop, level('baseline'))
  const options: ControllerOptions = {
    address: '127.0.0.1',
    probePort: 0,
    insecureUnsigned: false,
    workers: 1,
    kubeconfig: await plane.kubeconfig(ADMIN),
    namespace: 'lockkeeper',
    identity: 'one',
    reports: 'openreports',
    auditIntervalSeconds: 3600,
    exemptNamespaces: ['exempt'],
    logLevel: 'info',
  }
  const nameOf = ({ metadata }: ApiObject) => `lockkeeper-${metadata.uid}`
  const reportOf = (object: ApiObject) => ({ ...REPORT, namespace: 'shop', name: nameOf(object) })

  const bad = await admin.create(deployment('bad', { privileged: true }))
  const good = await admin.create(deployment('doomed', { privileged: true }))
  await admin.create({ ...deployment('bad', { privileged: true }), metadata: { name: 'bad', namespace: 'exempt' } })
  const secret = await admin.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'database', namespace: 'shop' },
    stringData: { 'admin-user': 'admin', 'admin-password': PASSWORD },
  })
  const role = await admin.create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'everybody' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
  })
  const one = await start(t, options)

  await t.test('what was there is reported, and the report belongs to it', async t => {
    const report = await admin.waitUntil(reportOf(bad), 'the report is there', () => true, { timeoutMs: 60_000 })
    t.strictSame(report.metadata.ownerReferences, [
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'bad', uid: bad.metadata.uid },
    ])
    t.strictSame(report.metadata.labels, {
      'app.kubernetes.io/component': 'audit',
      'app.kubernetes.io/managed-by': 'lockkeeper',
    })
    const results = report.results as {
      policy: string
      severity: string
      result: string
      properties: Record<string, string>
    }[]
    const found = results.find(({ policy }) => policy === 'privileged_containers')
    t.match(found, {
      result: 'fail',
      severity: 'critical',
      properties: { enforcementAction: 'deny', path: '/spec/template/spec/containers/0/securityContext/privileged' },
    })
    t.match(found?.properties.controls, 'PSS:baseline')
    const cluster = { apiVersion: REPORT.apiVersion, kind: 'ClusterReport', name: nameOf(role) }
    const binding = await admin.waitUntil(cluster, 'the report of the binding is there', () => true)
    t.match(binding.scope, { kind: 'ClusterRoleBinding', name: 'everybody' })
  })

  await t.test('everything is audited, counted, and said in metrics and Events', async t => {
    const done = 'lockkeeper_audit_last_complete_timestamp_seconds'
    const text = await waitFor(
      'the audit is complete',
      async () => {
        const { text } = await one.get('/metrics')
        return (metric(text, done) ?? 0) > 0 && text
      },
      { timeoutMs: 120_000 },
    )
    t.equal(metric(text, 'lockkeeper_audit_leader'), 1)
    t.equal(metric(text, 'lockkeeper_audit_queue_length'), 0)
    t.equal(metric(text, 'lockkeeper_audit_unreadable_kinds'), 0)
    t.equal(metric(text, 'lockkeeper_audit_findings{policy="privileged_containers",action="deny"}'), 2)
    t.equal(metric(text, 'lockkeeper_audit_objects_total{result="failed"}'), null)
    const [clean, seconds] = ['objects_total{result="clean"}', 'duration_seconds'].map(each =>
      metric(text, `lockkeeper_audit_${each}`),
    )
    t.comment(`${clean ?? 0} clean objects in ${(seconds ?? 0).toFixed(1)} s`)
    t.strictSame(await one.get('/readyz'), { status: 200, text: 'ok\n' })
    const events = await plane.kubectl(['get', 'events', '-n', 'shop', '-o', 'json'])
    const { items } = JSON.parse(events.stdout) as { items: Record<string, unknown>[] }
    const denied = items
      .filter(each => each.reason === 'PolicyViolation')
      .map(each => member(each, 'involvedObject', 'name'))
    t.strictSame([...new Set(denied)].sort(), ['bad', 'doomed'])
  })

  await t.test('nothing is said of an exempt namespace, and no Secret anywhere', async t => {
    t.strictSame(await admin.list({ ...REPORT, namespace: 'exempt' }), [])
    const report = await admin.get(reportOf(secret))
    t.match(report.results, [{ policy: 'default_passwords' }])
    const { stdout } = await plane.kubectl(['get', 'reports.openreports.io,events', '-A', '-o', 'json'])
    for (const text of [PASSWORD, Buffer.from(PASSWORD).toString('base64')]) {
      t.equal(stdout.includes(text), false, 'not in reports and Events')
      t.equal(one.lines.join('').includes(text), false, 'not in the log')
    }
  })

  await t.test('kubectl shows reports in columns', async t => {
    const { stdout } = await plane.kubectl(['get', 'reports.openreports.io', '-n', 'shop', '-o', 'wide'])
    t.match(stdout, /^NAME +KIND +NAME +PASS +FAIL +WARN +ERROR +SKIP +AGE/)
    t.match(stdout, new RegExp(`${nameOf(bad)} +Deployment +bad +0 +[1-9]`))
  })

  await t.test('what is not news is not written', async t => {
    const before = await admin.get(reportOf(bad))
    await admin.patch(bad, { metadata: { annotations: { 'lockkeeper.dev/note': 'seen' } } })
    const next = await admin.create(deployment('marker', { privileged: true }))
    await admin.waitUntil(reportOf(next), 'what came later is judged', () => true)
    t.equal((await admin.get(reportOf(bad))).metadata.resourceVersion, before.metadata.resourceVersion)
    await admin.patch({ ...REPORT, namespace: 'shop', name: nameOf(bad) }, { results: [] })
    await admin.patch(bad, { metadata: { annotations: { 'lockkeeper.dev/note': 'again' } } })
    await admin.waitUntil(
      reportOf(bad),
      'a report that somebody emptied is mended',
      ({ results }) => Array.isArray(results) && results.length > 0,
    )
  })

  await t.test('a report goes when its object is mended, and when it is deleted', async t => {
    const mended = {
      spec: { template: { spec: { containers: [{ name: 'web', securityContext: { privileged: false } }] } } },
    }
    await admin.patch(bad, mended, { type: 'strategic' })
    await admin.waitUntil(
      reportOf(bad),
      'the finding is gone',
      ({ results }) => !(results as { policy: string }[]).some(({ policy }) => policy === 'privileged_containers'),
    )
    await admin.delete(good)
    await admin.waitUntilGone(reportOf(good))
    const clean = await admin.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80 }] },
    })
    await admin.waitUntil(reportOf(clean), 'the Service has a report', () => true)
    await admin.patch(clean, { spec: { type: 'ClusterIP' } })
    await admin.waitUntilGone(reportOf(clean))
    t.pass('it was gone')
  })

  await t.test('other labels of a namespace are other policies', async t => {
    const before = await admin.get(reportOf(bad))
    const denies = ({ results }: ApiObject) =>
      (results as { result: string }[]).filter(({ result }) => result === 'fail').length
    await admin.patch(shop, level('restricted'))
    const after = await admin.waitUntil(reportOf(bad), 'more is denied', report => denies(report) > denies(before))
    t.ok(denies(after) > denies(before))
    await admin.patch(shop, level('baseline'))
    await admin.waitUntil(reportOf(bad), 'it is as before', report => denies(report) === denies(before))
  })

  await t.test('the audit goes on after a restart of the API server', async t => {
    const judged = async () => {
      const { text } = await one.get('/metrics')
      return ['clean', 'findings']
        .map(each => metric(text, `lockkeeper_audit_objects_total{result="${each}"}`) ?? 0)
        .reduce((a, b) => a + b)
    }
    await plane.stopApiServer()
    await plane.startApiServer()
    const before = await judged()
    const next = await admin.create(deployment('after-restart', { privileged: true }))
    await admin.waitUntil(reportOf(next), 'what came after the restart is judged', () => true, { timeoutMs: 60_000 })
    const again = (await judged()) - before
    t.ok(again < 100, `only what changed was judged: ${again} objects`)
  })

  await t.test('another one takes over, and goes on where the first one was', async t => {
    const two = await start(t, { ...options, identity: 'two' })
    await waitFor('two is ready', async () => (await two.get('/readyz')).status === 200)
    t.equal(metric((await two.get('/metrics')).text, 'lockkeeper_audit_leader'), 0)
    await one.stop()
    await waitFor('two leads', async () => metric((await two.get('/metrics')).text, 'lockkeeper_audit_leader') === 1)
    const next = await admin.create(deployment('second', { privileged: true }))
    await admin.waitUntil(reportOf(next), 'two judges', () => true)
    t.match(two.lines.join(''), 'the audit goes on from where it was')
    t.equal(metric((await two.get('/metrics')).text, 'lockkeeper_audit_last_complete_timestamp_seconds'), 0)
    await two.stop()
  })

  await t.test('a leader that is killed is replaced when its lease ends', async t => {
    const three = startProcess(t, { ...options, identity: 'three' })
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      namespace: 'lockkeeper',
      name: 'lockkeeper-controller',
    }
    const leads = (name: string) =>
      admin.waitUntil(lease, `${name} leads`, ({ spec }) => member(spec, 'holderIdentity') === name, {
        timeoutMs: 40_000,
      })
    await leads('three')
    const four = await start(t, { ...options, identity: 'four' })
    await three.kill()
    const killedMs = performance.now()
    const next = await admin.create(deployment('orphan', { privileged: true }))
    await leads('four')
    const seconds = (performance.now() - killedMs) / 1000
    await admin.waitUntil(reportOf(next), 'what happened meanwhile is judged', () => true)
    t.comment(`taken over after ${seconds.toFixed(1)} s`)
    t.ok(seconds > 5, 'not before its lease had ended')
    await four.stop()
  })

  await t.test('reports in the API of the policy working group, for a cluster that has it', async t => {
    await installPolicyReports(plane)
    const five = await start(t, { ...options, identity: 'five', reports: 'wgpolicy' })
    const name = {
      apiVersion: 'wgpolicyk8s.io/v1alpha2',
      kind: 'PolicyReport',
      namespace: 'shop',
      name: nameOf(secret),
    }
    const report = await admin.waitUntil(name, 'the report is there', () => true, { timeoutMs: 60_000 })
    t.match(report, {
      metadata: { ownerReferences: [{ kind: 'Secret', name: 'database' }] },
      scope: { kind: 'Secret', name: 'database' },
      results: [{ source: 'lockkeeper', policy: 'default_passwords', result: 'warn' }],
    })
    await five.stop()
  })
})
