import type { JsonObject } from '../../json.js'
import { groupOf } from '../../workload.js'
import type { FeatureSpec, Note } from './feature.js'
import { textOr } from './places.js'

const ONLY_DESCRIBES = { unit: 'flag', weight: 0, direction: 0 } as const

/** What sort of object it is: it describes, and is never danger by itself. */
export const KIND_FEATURES = {
  'kind.pod': { ...ONLY_DESCRIBES, text: 'is a bare Pod' },
  'kind.daemon_set': { ...ONLY_DESCRIBES, text: 'runs on every node' },
  'kind.job': { ...ONLY_DESCRIBES, text: 'runs once or at times' },
  'kind.workload': { ...ONLY_DESCRIBES, text: 'is a workload that stays' },
  'kind.role': { ...ONLY_DESCRIBES, text: 'is a role' },
  'kind.binding': { ...ONLY_DESCRIBES, text: 'is a binding' },
  'kind.service': { ...ONLY_DESCRIBES, text: 'leads traffic' },
  'kind.config': { ...ONLY_DESCRIBES, text: 'holds configuration' },
  'kind.admission': { ...ONLY_DESCRIBES, text: 'is asked at admission' },
  'kind.built_in': { ...ONLY_DESCRIBES, text: 'is of a kind that Kubernetes brings' },
} as const satisfies Record<string, FeatureSpec>

type KindName = keyof typeof KIND_FEATURES

const KINDS: Readonly<Record<string, KindName>> = {
  Pod: 'kind.pod',
  DaemonSet: 'kind.daemon_set',
  Job: 'kind.job',
  CronJob: 'kind.job',
  Deployment: 'kind.workload',
  StatefulSet: 'kind.workload',
  ReplicaSet: 'kind.workload',
  ReplicationController: 'kind.workload',
  Role: 'kind.role',
  ClusterRole: 'kind.role',
  RoleBinding: 'kind.binding',
  ClusterRoleBinding: 'kind.binding',
  Service: 'kind.service',
  Ingress: 'kind.service',
  NetworkPolicy: 'kind.service',
  ConfigMap: 'kind.config',
  Secret: 'kind.config',
  MutatingWebhookConfiguration: 'kind.admission',
  ValidatingWebhookConfiguration: 'kind.admission',
}

/** Notes what sort of object it is. */
export function noteKind(object: JsonObject, note: Note<KindName>): void {
  const group = groupOf(textOr(object.apiVersion))
  const isBuiltIn = !group.includes('.') || group.endsWith('.k8s.io')
  if (isBuiltIn) note('kind.built_in', 1, '/apiVersion')
  const kind = textOr(object.kind)
  const name = isBuiltIn && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (name !== undefined) note(name, 1, '/kind')
}
