import type { Manifest } from './testbed/api-objects.js'

/** A Pod that no policy of the built-in bundle has anything to say about. */
export function soundPod(name: string, namespace: string, spec: object = {}, container: object = {}): Manifest {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: soundPodSpec(spec, container) }
}

/** A Deployment of which the same is true. */
export function soundDeployment(name: string, namespace: string, spec: object = {}, container: object = {}): Manifest {
  const labels = { app: name }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: soundPodSpec(spec, container) },
    },
  }
}

function soundPodSpec(change: object, container: object = {}): object {
  return {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'web',
        image: `registry.k8s.io/pause@sha256:${'a'.repeat(64)}`,
        command: ['/pause'],
        resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '64Mi' } },
        livenessProbe: { httpGet: { path: '/healthz', port: 8080 } },
        readinessProbe: { httpGet: { path: '/', port: 8080 } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        ...container,
      },
    ],
    ...change,
  }
}
