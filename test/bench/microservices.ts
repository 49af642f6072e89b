import { soundDeployment } from '../helpers/sound-pod.js'
import type { Manifest } from '../helpers/testbed/api-objects.js'

const NAMESPACE = 'shop'
/** Of each five objects. */
const OBJECTS = 5

/** An application in one namespace: so many objects of services that each have what a service has. */
export function microservices(objects: number): readonly Manifest[] {
  return Array.from({ length: objects / OBJECTS }, (_, index) => microservice(`service-${index}`)).flat()
}

function microservice(name: string): readonly Manifest[] {
  const labels = { app: name }
  const metadata = { name, namespace: NAMESPACE, labels }
  const data = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`SETTING_${index}`, `${name}-${index}`]))
  const env = Object.keys(data).map(key => ({ name: key, valueFrom: { configMapKeyRef: { name, key } } }))
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
    soundDeployment(name, NAMESPACE, { serviceAccountName: name }, { env }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      spec: {
        podSelector: { matchLabels: labels },
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }],
      },
    },
  ]
}
