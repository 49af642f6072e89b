import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { dirname } from 'node:path'
import t from 'tap'
import type { Finding, Level } from '../../doctor/finding.js'
import { signCertificate } from '../../src/io/certificates/signed-certificate.js'
import { CLI } from '../helpers/repository.js'
import { customKind } from '../helpers/registration-gate.js'
import { member } from '../helpers/testbed/api-objects.js'
import { startBalancer } from '../helpers/testbed/balancer.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { program } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ADMIN, ALICE, type User } from '../helpers/testbed/users.js'
import { installWebhookAccount, startWebhooks, WEBHOOK_NAMESPACE } from '../helpers/testbed/webhook.js'

// The doctor at a real API server with the product's own registration. Every fix is followed as it is printed.

const bed = createTestbed(t)
const plane = await startControlPlane(bed)
await installWebhookAccount(plane)
// What the fixes restart; no node runs its Pods, so the gate itself is a process beside it.
const template = {
  metadata: { labels: { app: 'gate' } },
  spec: { containers: [{ name: 'gate', image: 'lockkeeper' }] },
}
await plane.admin.create({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'lockkeeper-webhook', namespace: WEBHOOK_NAMESPACE },
  spec: { replicas: 0, selector: { matchLabels: { app: 'gate' } }, template },
})
const balancer = await startBalancer(bed)
const [webhook] = await startWebhooks(bed, plane, balancer, [{ name: 'webhook' }])
const kubeconfig = await plane.kubeconfig(ADMIN)
const CONFIGURATION = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  name: 'lockkeeper',
}
await waitFor('the gate is registered', async () => (await plane.admin.find(CONFIGURATION)) !== null)
await waitFor('a replica leads', async () => {
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', name: 'lockkeeper-webhook' }
  const found = await plane.admin.find({ ...lease, namespace: WEBHOOK_NAMESPACE })
  return member(found, 'spec', 'holderIdentity') === 'webhook'
})

/** Runs a program beside this one, which goes on: the balancer between the API server and the gate is here. */
function run(file: string, args: readonly string[], env: Record<string, string>) {
  return new Promise<{ status: number; stdout: string; stderr: string }>(resolve => {
    const options = { env, timeout: 120_000, maxBuffer: 1 << 26 }
    const child = execFile(file, args, options, (_, stdout, stderr) => {
      resolve({ status: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

/** Without programs to render with, whatever this machine has. */
const doctor = (args: readonly string[]) => run(process.execPath, [CLI, 'doctor', '--cluster', ...args], { PATH: '' })

interface Answer {
  readonly status: number
  readonly findings: readonly Finding[]
}

async function examine(user: User = ADMIN, args: readonly string[] = []): Promise<Answer> {
  const file = await plane.kubeconfig(user)
  const { status, stdout, stderr } = await doctor(['--kubeconfig', file, '--format', 'json', ...args])
  const { findings } = JSON.parse(stdout === '' ? '{"findings":[]}' : stdout) as { findings: Finding[] }
  if (stderr !== '') t.comment(stderr)
  return { status, findings }
}

/** All that is not fine, by id. */
function levels({ findings }: Answer): Record<string, Level> {
  return Object.fromEntries(findings.filter(({ level }) => level !== 'ok').map(({ id, level }) => [id, level]))
}

function finding({ findings }: Answer, id: string): Finding {
  return findings.find(each => each.id === id) ?? { id: 'access.none', level: 'ok', title: '', detail: '', fix: '' }
}

/** Runs lines as a shell does; what is no command is not for it. */
async function follow(fix: string): Promise<string> {
  const script = fix
    .split('\n')
    .filter(each => each.startsWith('kubectl '))
    .join('\n')
  const { status, stdout, stderr } = await run('/bin/sh', ['-ec', script], {
    PATH: `${dirname(program('kubectl'))}:/usr/bin:/bin`,
    HOME: bed.directory,
    KUBECONFIG: kubeconfig,
  })
  return status === 0 ? '' : `${stdout}${stderr}`
}

/** What this bed cannot have: a Service with Pods behind it. The rest is said to whoever asks, in every cluster. */
const USUAL: Record<string, Level> = {
  'coverage.admission-control': 'info',
  'coverage.left-out': 'info',
  'coverage.not-judged': 'info',
  'installation.programs': 'info',
  'registration.bootstrap-namespaces': 'info',
  'replicas.outside': 'info',
}

const DOWN: Record<string, Level> = { ...USUAL, 'replicas.leader': 'warn' }

t.test('a gate that registered itself is found in order', async t => {
  const answer = await examine(ADMIN, ['--fail-on-warn'])
  t.strictSame(levels(answer), USUAL)
  t.equal(answer.status, 0)
  const { stdout: text } = await doctor(['--kubeconfig', kubeconfig, '--context', 'bed'])
  t.comment(text)
  t.match(text, /\n0 errors, 0 warnings, \d+ notes, \d+ fine\n$/)
  const unknown = await doctor(['--kubeconfig', kubeconfig, '--context', 'nowhere'])
  t.equal(unknown.status, 2)
  t.match(unknown.stderr, /context "nowhere" names no cluster and user \(CONFIG_INVALID\)/)
})

t.test('a kind that is new is covered at once', async t => {
  await plane.admin.create(customKind('example.dev', 'Widget', 'widgets'))
  await waitFor('the kind is served', async () => {
    const { body } = await plane.admin.request('GET', '/apis/example.dev/v1')
    return JSON.stringify(body).includes('widgets')
  })
  t.strictSame(levels(await examine()), USUAL)
})

t.test('who may not look is told what could not be looked at, and how to get the right', async t => {
  const before = await examine(ALICE, ['--fail-on-warn'])
  t.equal(before.status, 3)
  t.strictSame(
    Object.keys(levels(before)).filter(id => id.startsWith('access.')),
    [
      'access.apiservices.apiregistration.k8s.io',
      'access.deployments.apps',
      'access.leases.coordination.k8s.io',
      'access.metrics',
      'access.mutatingwebhookconfigurations.admissionregistration.k8s.io',
      'access.namespaces',
      'access.secrets',
      'access.validatingadmissionpolicies.admissionregistration.k8s.io',
      'access.validatingwebhookconfigurations.admissionregistration.k8s.io',
    ],
  )
  for (const { id, fix } of before.findings.filter(each => each.id.startsWith('access.'))) {
    // A role that reads Secrets is what the gate itself warns of.
    if (id !== 'access.secrets') t.equal(await follow(fix), '', fix)
  }
  const after = await examine(ALICE)
  t.strictSame(levels(after), { ...USUAL, 'access.secrets': 'warn' })
})

t.test('without a gate the rest is as before, but for the one who keeps the registration right', async t => {
  await webhook?.process.stop()
  t.strictSame(levels(await examine()), DOWN)
})

/** One thing that is broken while no gate puts it right, and what is said of it. */
interface Break {
  readonly patch: readonly object[]
  readonly expected: Record<string, Level>
  /** Whose fix is followed. */
  readonly id: string
}

function without(all: Record<string, Level>, ...ids: readonly string[]): Record<string, Level> {
  return Object.fromEntries(Object.entries(all).filter(([id]) => !ids.includes(id)))
}

const breaks: Record<string, Break> = {
  'what no gate answers is let through': {
    patch: [{ op: 'replace', path: '/webhooks/1/failurePolicy', value: 'Ignore' }],
    expected: { 'registration.failure-policy': 'error' },
    id: 'registration.failure-policy',
  },
  'only the versions are judged that rules name': {
    patch: [{ op: 'replace', path: '/webhooks/0/matchPolicy', value: 'Exact' }],
    expected: { 'registration.match-policy': 'error' },
    id: 'registration.match-policy',
  },
  'everybody waits half a minute': {
    patch: [{ op: 'replace', path: '/webhooks/0/timeoutSeconds', value: 30 }],
    expected: { 'registration.timeout': 'warn' },
    id: 'registration.timeout',
  },
  'a label that anybody can set exempts a namespace': {
    patch: [
      {
        op: 'replace',
        path: '/webhooks/0/namespaceSelector',
        value: { matchExpressions: [{ key: 'team.example/free', operator: 'DoesNotExist' }] },
      },
    ],
    expected: { 'registration.selectors': 'error' },
    id: 'registration.selectors',
  },
  'a condition leaves somebody out': {
    patch: [
      {
        op: 'add',
        path: '/webhooks/0/matchConditions/0',
        value: { name: 'not-mallory', expression: 'request.userInfo.username != "mallory"' },
      },
    ],
    expected: { 'registration.conditions': 'error' },
    id: 'registration.conditions',
  },
}

for (const [name, { patch, expected, id }] of Object.entries(breaks)) {
  t.test(name, async t => {
    await plane.admin.patch(CONFIGURATION, patch, { type: 'json' })
    const broken = await examine()
    t.strictSame(levels(broken), { ...DOWN, ...expected })
    t.equal(broken.status, Object.values(expected).includes('error') ? 1 : 0)
    t.equal(await follow(finding(broken, id).fix), '', finding(broken, id).fix)
    t.strictSame(levels(await examine()), DOWN, 'the fix settles it')
  })
}

t.test('rules that were taken away are named, and come back', async t => {
  const rules = member(await plane.admin.get(CONFIGURATION), 'webhooks') as { name: string; rules: unknown[] }[]
  for (const [index, { rules: its }] of rules.entries()) {
    await plane.admin.patch(
      CONFIGURATION,
      its.slice(1).map(() => ({ op: 'remove', path: `/webhooks/${index}/rules/1` })),
      { type: 'json' },
    )
  }
  const broken = await examine()
  t.equal(broken.status, 1)
  const errors = broken.findings.filter(({ level }) => level === 'error')
  t.comment(JSON.stringify(errors, null, 1))
  t.ok(errors.length > 0)
  for (const { fix } of errors) t.equal(await follow(fix), '', fix)
  t.strictSame(levels(await examine()), DOWN, 'the fixes settle it')
})

t.test('another webhook that can keep the gate from starting is found', async t => {
  await plane.admin.create({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'sidecars' },
    webhooks: [
      {
        name: 'inject.sidecars.example',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        clientConfig: { url: 'https://127.0.0.1:1/inject' },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  })
  const broken = await examine()
  const mutating = { 'webhooks.mutating': 'info' } as const
  t.strictSame(levels(broken), { ...DOWN, ...mutating, 'webhooks.gate-pods': 'warn', 'webhooks.system-pods': 'warn' })
  // One after the other: the second adds to what the first made.
  t.equal(await follow(finding(broken, 'webhooks.gate-pods').fix), '')
  t.equal(await follow(finding(await examine(), 'webhooks.system-pods').fix), '')
  t.strictSame(levels(await examine()), { ...DOWN, ...mutating })
  await plane.admin.delete({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    name: 'sidecars',
  })
})

t.test('an authority that has ended is found, and a gate that runs again settles it', async t => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = { commonName: 'old' }
  const [notBefore, notAfter] = [new Date('2020-01-01'), new Date('2021-01-01')]
  const content = { subject: name, issuer: name, publicKey, notBefore, notAfter, isAuthority: true }
  const value = Buffer.from(signCertificate(content, privateKey)).toString('base64')
  await plane.admin.patch(
    CONFIGURATION,
    [0, 1, 2].map(index => ({ op: 'replace', path: `/webhooks/${index}/clientConfig/caBundle`, value })),
    { type: 'json' },
  )
  const broken = await examine()
  t.strictSame(levels(broken), { ...DOWN, 'certificate.authority': 'error' })
  t.match(finding(broken, 'certificate.authority').detail, /^cluster\.lockkeeper\.dev: caBundle ended 2021-01-01$/m)

  const { fix } = finding(broken, 'certificate.authority')
  t.match(await follow(fix.split('\n')[2] ?? ''), 'failed calling webhook', 'the first line is needed: no gate answers')
  t.equal(await follow(fix), '', fix)
  const missing = await examine()
  t.strictSame(levels(missing), {
    ...without(DOWN, 'replicas.outside', 'registration.bootstrap-namespaces'),
    'registration.missing': 'error',
  })

  await startWebhooks(bed, plane, balancer, [{ name: 'webhook-again' }])
  await waitFor('the gate is registered again', async () => (await plane.admin.find(CONFIGURATION)) !== null, {
    timeoutMs: 30_000,
  })
  await waitFor(
    'a replica leads again',
    async () => Object.keys(levels(await examine())).length <= Object.keys(USUAL).length,
    { timeoutMs: 60_000 },
  )
  t.strictSame(levels(await examine()), USUAL)
})
