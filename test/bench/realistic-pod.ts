import type { AdmissionRequest } from '../../src/admission.js'
import type { JsonObject } from '../../src/json.js'

const NAMES = ['checkout', 'envoy', 'metrics-agent', 'config-reloader']

function container(name: string, index: number): JsonObject {
  const probe = (path: string): JsonObject => ({
    httpGet: { path, port: 8080 + index, scheme: 'HTTP' },
    initialDelaySeconds: 5,
    timeoutSeconds: 2,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  })
  return {
    name,
    image: `registry.example/platform/${name}:1.${index + 4}.2@sha256:${'0123456789abcdef'.repeat(4)}`,
    args: ['--listen=0.0.0.0:8080', `--service=${name}`, '--log-format=json', '--log-level=info'],
    ports: [
      { name: 'http', containerPort: 8080 + index, protocol: 'TCP' },
      { name: 'metrics', containerPort: 9090 + index, protocol: 'TCP' },
    ],
    env: Array.from({ length: 9 }, (_, i) =>
      i % 3 === 0
        ? { name: `SECRET_${i}`, valueFrom: { secretKeyRef: { name: `${name}-secrets`, key: `key-${i}` } } }
        : { name: `SETTING_${i}`, value: `https://${name}-${i}.shop.svc.cluster.local:8443/v1` },
    ),
    resources: { limits: { cpu: '500m', memory: '512Mi' }, requests: { cpu: '100m', memory: '256Mi' } },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/config', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
    ],
    livenessProbe: probe('/healthz'),
    readinessProbe: probe('/readyz'),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  }
}

const managedContainer = (name: string): [string, JsonObject] => [
  `k:{"name":"${name}"}`,
  Object.fromEntries(
    [
      '.',
      'args',
      'env',
      'image',
      'imagePullPolicy',
      'livenessProbe',
      'name',
      'ports',
      'readinessProbe',
      'resources',
      'volumeMounts',
    ].map(field => [field === '.' ? field : `f:${field}`, {}]),
  ),
]

/** A Pod of about 13 kB as an API server sends it: four containers, defaults filled in, managedFields. */
export function realisticPod(): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'checkout-7d9c6c5b8f-x2x7k',
      generateName: 'checkout-7d9c6c5b8f-',
      namespace: 'shop',
      uid: 'cc91d1ca-c040-43ac-9ef5-550f8523a21b',
      creationTimestamp: '2026-06-01T12:00:00Z',
      labels: { 'app.kubernetes.io/name': 'checkout', 'pod-template-hash': '7d9c6c5b8f', team: 'payments' },
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9090', 'checksum/config': 'a'.repeat(64) },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'checkout-7d9c6c5b8f',
          uid: 'd1',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: [
        {
          manager: 'kube-controller-manager',
          operation: 'Update',
          apiVersion: 'v1',
          time: '2026-06-01T12:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:spec': { 'f:containers': Object.fromEntries(NAMES.map(managedContainer)) } },
        },
      ],
    },
    spec: {
      containers: NAMES.map(container),
      initContainers: [container('migrate', 4)],
      volumes: [
        { name: 'config', configMap: { name: 'checkout-config', defaultMode: 420 } },
        { name: 'tmp', emptyDir: {} },
        {
          name: 'kube-api-access',
          projected: {
            defaultMode: 420,
            sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }],
          },
        },
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'checkout',
      securityContext: { runAsNonRoot: true, fsGroup: 2000 },
      schedulerName: 'default-scheduler',
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
    },
  }
}

/** The request that creates it, as the ReplicaSet controller sends it. */
export function realisticRequest(): AdmissionRequest {
  return {
    uid: 'd17b8c77-a9a4-4c36-ae8b-49adf82e5643',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    name: 'checkout-7d9c6c5b8f-x2x7k',
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: {
      username: 'system:serviceaccount:kube-system:replicaset-controller',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
    },
    object: realisticPod(),
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  }
}
