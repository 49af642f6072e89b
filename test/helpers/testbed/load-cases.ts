import type { LoadCase } from './load.js'

const TIDY = {
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    {
      name: 'main',
      image: 'registry.example/shop:1.0',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '16Mi' } },
    },
  ],
}
const TAKEOVER = {
  hostPID: true,
  containers: [{ name: 'main', image: 'registry.example/x:1', securityContext: { privileged: true } }],
}

/** Objects of several kinds and sizes for a load in this namespace; of each answer it is known what it has to be. */
export function loadCases(namespace: string): readonly LoadCase[] {
  const labels = { app: 'load' }
  const metadata = { name: 'load', namespace, labels }
  const workload = (spec: object) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  })
  const many = { ...TIDY, containers: Array.from({ length: 20 }, (_, i) => ({ ...TIDY.containers[0], name: `c${i}` })) }
  return [
    { manifest: { apiVersion: 'v1', kind: 'Pod', metadata, spec: TIDY }, deniedBy: null },
    { manifest: { apiVersion: 'v1', kind: 'Pod', metadata, spec: TAKEOVER }, deniedBy: 'node_takeover' },
    { manifest: workload(TIDY), deniedBy: null },
    { manifest: workload(TAKEOVER), deniedBy: 'node_takeover' },
    { manifest: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'load', labels } }, deniedBy: null },
    {
      manifest: {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'load' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:anonymous' }],
      },
      deniedBy: 'anonymous_binding',
    },
    { manifest: workload(many), deniedBy: null },
  ]
}
