import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { dirname } from 'node:path'
import t from 'tap'
import type { Finding, Level } from '../../doctor/finding.js'
import { signCertificate } from '../../webhook/certificates/signed-certificate.js'
import { lockkeeper } from '../helpers/command.js'
import { customKind } from '../helpers/registration-gate.js'
import { member } from '../helpers/testbed/api-objects.js'
import { startBalancer } from '../helpers/testbed/balancer.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { program } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ADMIN, ALICE, type User } from '../helpers/testbed/users.js'
import { installWebhookAccount, startWebhooks } from '../helpers/testbed/webhook.js'

// The doctor at a real API server with the product's own registration. Every fix is followed as it is printed.

const bed = createTestbed(t)
const plane = await startControlPlane(bed)
await installWebhookAccount(plane)
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
  const found = await plane.admin.find({ ...lease, namespace: 'lockkeeper-system' })
  return member(found, 'spec', 'holderIdentity') === 'webhook'
})

interface Answer {
  readonly status: number | null
  readonly findings: readonly Finding[]
  readonly text: string
}

async function examine(user: User = ADMIN, args: readonly string[] = []): Promise<Answer> {
  const file = await plane.kubeconfig(user)
  const all = ['doctor', '--cluster', '--kubeconfig', file, '--format', 'json', ...args]
  // Without programs to render with, whatever this machine has.
  const { status, stdout, stderr } = lockkeeper(all, { env: { PATH: '' } })
  const { findings } = JSON.parse(stdout === '' ? '{"findings":[]}' : stdout) as { findings: Finding[] }
  return { status, findings, text: `${stdout}${stderr}` }
}

/** All that is not fine, by id. */
function levels({ findings }: Answer): Record<string, Level> {
  return Object.fromEntries(findings.filter(({ level }) => level !== 'ok').map(({ id, level }) => [id, level]))
}

function finding({ findings }: Answer, id: string): Finding {
  return findings.find(each => each.id === id) ?? { id: 'access.none', level: 'ok', title: '', detail: '', fix: '' }
}

/** Runs lines as a shell does; what is no command is not for it. */
function follow(fix: string): string {
  const script = fix
    .split('\n')
    .filter(each => each.startsWith('kubectl '))
    .join('\n')
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-ec', script], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: `${dirname(program('kubectl'))}:/usr/bin:/bin`, HOME: bed.directory, KUBECONFIG: kubeconfig },
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

t.test('a gate that registered itself is found in order', async t => {
  const answer = await examine(ADMIN, ['--fail-on-warn'])
  t.strictSame(levels(answer), USUAL, answer.text)
  t.equal(answer.status, 0)
  const text = lockkeeper(['doctor', '--cluster', '--kubeconfig', kubeconfig, '--context', 'bed']).stdout
  t.comment(text)
  t.match(text, /\n0 errors, 0 warnings, \d+ notes, \d+ fine\n$/)
  const unknown = lockkeeper(['doctor', '--cluster', '--kubeconfig', kubeconfig, '--context', 'nowhere'])
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
  t.equal(before.status, 3, before.text)
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
    if (id !== 'access.secrets') t.equal(follow(fix), '', fix)
  }
  const after = await examine(ALICE)
  t.strictSame(levels(after), { ...USUAL, 'access.secrets': 'warn' }, after.text)
})

await webhook?.process.stop()

/** One thing that is broken while no gate puts it right, and what is said of it. */
interface Break {
  readonly patch: readonly object[]
  readonly expected: Record<string, Level>
  /** Whose fix is followed. */
  readonly id: string
}

const DOWN: Record<string, Level> = { ...USUAL, 'replicas.leader': 'warn' }

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
    t.strictSame(levels(broken), { ...DOWN, ...expected }, broken.text)
    t.equal(broken.status, Object.values(expected).includes('error') ? 1 : 0)
    t.equal(follow(finding(broken, id).fix), '', finding(broken, id).fix)
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
  t.ok(errors.length > 0, broken.text)
  for (const { fix } of errors) t.equal(follow(fix), '', fix)
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
  t.strictSame(
    levels(broken),
    { ...DOWN, ...mutating, 'webhooks.gate-pods': 'warn', 'webhooks.system-pods': 'warn' },
    broken.text,
  )
  // One after the other: the second adds to what the first made.
  t.equal(follow(finding(broken, 'webhooks.gate-pods').fix), '')
  t.equal(follow(finding(await examine(), 'webhooks.system-pods').fix), '')
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
  t.strictSame(levels(broken), { ...DOWN, 'certificate.authority': 'error' }, broken.text)
  t.match(finding(broken, 'certificate.authority').detail, /^cluster\.lockkeeper\.dev: caBundle ended 2021-01-01$/m)

  await plane.admin.delete(CONFIGURATION)
  const missing = await examine()
  t.strictSame(
    levels(missing),
    {
      ...DOWN,
      'registration.missing': 'error',
      'replicas.outside': undefined,
      'registration.bootstrap-namespaces': undefined,
    },
    missing.text,
  )

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
