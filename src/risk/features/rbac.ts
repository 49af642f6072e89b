import type { JsonObject } from '../../json.js'
import { objectOr } from '../../canonical/drop.js'
import type { FeatureSpec, Note } from './feature.js'
import { objectsAt, segment, textOr } from './places.js'
import { rightsOf } from './rbac-rules.js'

/** What a role lets its holders do, and to whom a binding gives it. */
export const RBAC_FEATURES = {
  'rbac.everything': { unit: 'count', weight: 4, text: 'allows everything on everything' },
  'rbac.all_verbs': { unit: 'count', weight: 0.75, text: 'allows all verbs' },
  'rbac.all_resources': { unit: 'count', weight: 1, text: 'reaches all resources of its groups' },
  'rbac.all_groups': { unit: 'count', weight: 0.75, text: 'reaches all API groups' },
  'rbac.core_all': { unit: 'count', weight: 1, text: 'reaches all resources of the core group, secrets among them' },
  'rbac.secrets_read': { unit: 'count', weight: 1.5, text: 'reads secrets' },
  'rbac.secrets_write': { unit: 'count', weight: 1, text: 'writes secrets' },
  'rbac.secrets_named': { unit: 'count', weight: 0.25, text: 'reads certain secrets' },
  'rbac.exec': { unit: 'count', weight: 2.5, text: 'enters running containers (exec, attach, port-forward)' },
  'rbac.exec_named': { unit: 'count', weight: 1, text: 'names the right to enter running containers' },
  'rbac.core_named': { unit: 'count', weight: 1.5, text: 'names all resources of the core group, secrets among them' },
  'rbac.pods_all': { unit: 'count', weight: 0.5, text: 'does anything with pods' },
  'rbac.ephemeral': { unit: 'count', weight: 2, text: 'adds containers to running pods' },
  'rbac.pods_write': { unit: 'count', weight: 1, text: 'makes or changes pods' },
  'rbac.workloads_write': { unit: 'count', weight: 0.75, text: 'makes or changes what makes pods' },
  'rbac.escalate': { unit: 'count', weight: 3, text: 'gives rights that it does not have (escalate, bind)' },
  'rbac.impersonate': { unit: 'count', weight: 3, text: 'acts as somebody else (impersonate)' },
  'rbac.grants_write': { unit: 'count', weight: 2, text: 'writes roles or bindings' },
  'rbac.tokens': { unit: 'count', weight: 2, text: 'makes tokens of service accounts' },
  'rbac.accounts_write': { unit: 'count', weight: 0.5, text: 'writes service accounts' },
  'rbac.certificates': { unit: 'count', weight: 2, text: 'requests or approves certificates of the cluster' },
  'rbac.nodes_proxy': {
    unit: 'count',
    weight: 2.5,
    text: 'reaches kubelets or services through the API server (proxy)',
  },
  'rbac.nodes_write': { unit: 'count', weight: 1, text: 'changes nodes' },
  'rbac.admission_write': { unit: 'count', weight: 2, text: 'writes webhooks or admission policies' },
  'rbac.apis_write': { unit: 'count', weight: 1, text: 'writes API services or custom resource definitions' },
  'rbac.volumes_write': { unit: 'count', weight: 1, text: 'writes persistent volumes' },
  'rbac.network_write': {
    unit: 'count',
    weight: 0.5,
    text: 'writes network policies, services, endpoints or ingresses',
  },
  'rbac.config_write': { unit: 'count', weight: 0.5, text: 'writes config maps' },
  'rbac.config_read': { unit: 'count', weight: 0.25, text: 'reads config maps' },
  'rbac.traces_delete': { unit: 'count', weight: 1, text: 'deletes events' },
  'rbac.namespaces_write': { unit: 'count', weight: 0.75, text: 'writes namespaces' },
  'rbac.delete_many': { unit: 'count', weight: 0.25, text: 'deletes whole collections' },
  'rbac.urls_all': { unit: 'count', weight: 2, text: 'reaches every non-resource URL' },
  'rbac.security_policy': { unit: 'count', weight: 1.5, text: 'uses a privileged security policy' },
  'rbac.logs_read': { unit: 'count', weight: 0.25, text: 'reads the logs of pods' },
  'rbac.cluster_wide': { unit: 'flag', weight: 0, text: 'holds in the whole cluster' },
  'rbac.cluster_danger': { unit: 'grade', weight: 0, text: 'gives dangerous rights in the whole cluster' },
  'rbac.aggregates': { unit: 'grade', weight: 1, text: 'adds its rules to a built-in role, or takes those of others' },
  'rbac.grade': { unit: 'grade', weight: 0.25, text: 'gives dangerous rights' },
  'binding.cluster_admin': { unit: 'flag', weight: 3, text: 'gives cluster-admin' },
  'binding.admin': { unit: 'grade', weight: 0.75, text: 'gives a role that is known as powerful' },
  'binding.anonymous': { unit: 'count', weight: 4, text: 'gives rights to everybody without a login' },
  'binding.everybody': {
    unit: 'count',
    weight: 2.5,
    text: 'gives rights to everybody with a login, or to all service accounts',
  },
  'binding.masters': {
    unit: 'count',
    weight: 3,
    text: 'gives rights to system:masters or another group of the control plane',
  },
  'binding.default_account': { unit: 'count', weight: 1, text: 'gives rights to the default service account' },
  'binding.user': { unit: 'count', weight: 0.5, text: 'gives rights to a person' },
  'binding.group': { unit: 'count', weight: 0.25, text: 'gives rights to a group' },
  'binding.account': { unit: 'count', weight: 0, text: 'gives rights to a service account' },
  'binding.foreign_account': {
    unit: 'count',
    weight: 0.5,
    text: 'gives rights to a service account of another namespace',
  },
  'binding.admin_to_account': { unit: 'flag', weight: 1, text: 'gives cluster-admin to a service account' },
  'binding.admin_to_default': {
    unit: 'grade',
    weight: 0.75,
    text: 'gives a powerful role to the account of every pod that names none',
  },
  'binding.admin_to_builder': {
    unit: 'grade',
    weight: 0.5,
    text: 'gives a powerful role to an account that is named like one that builds, tests or deploys',
  },
  'binding.admin_to_impostor': {
    unit: 'grade',
    weight: 0.75,
    text: 'gives a powerful role to an account that is named like the control plane and is not its',
  },
  'binding.admin_to_user': { unit: 'flag', weight: 1, text: 'gives cluster-admin to a person or a group' },
  'binding.cluster_wide': { unit: 'flag', weight: 0, text: 'gives rights in the whole cluster' },
  'binding.grade': { unit: 'grade', weight: 0.25, text: 'gives rights dangerously' },
} as const satisfies Record<string, FeatureSpec>

/** The name of one of them. */
export type RbacName = keyof typeof RBAC_FEATURES
type RbacNote = Note<RbacName>

/** Notes what a role allows, or what a binding gives to whom. */
export function noteRbac(object: JsonObject, note: RbacNote): void {
  const { kind } = object
  const group = textOr(object.apiVersion)
  if (!group.includes('rbac') && !group.includes('authorization')) return
  if (kind === 'ClusterRole' || kind === 'Role') noteRole(object, note)
  if (kind === 'ClusterRoleBinding' || kind === 'RoleBinding') noteBinding(object, note)
}

function noteRole(object: JsonObject, note: RbacNote): void {
  const isClusterWide = object.kind === 'ClusterRole'
  if (isClusterWide) note('rbac.cluster_wide', 1, '/kind')
  let grade = 0
  for (const { item, path } of objectsAt(object.rules, '/rules')) grade = Math.max(grade, noteRule(item, path, note))
  if (isClusterWide) note('rbac.cluster_danger', grade, '/rules')
  const labels = objectOr(objectOr(object.metadata).labels)
  for (const key in labels) {
    const [, target] = /^rbac\.authorization\.k8s\.io\/aggregate-to-(.+)$/.exec(key) ?? []
    if (target === undefined || textOr(labels[key]) !== 'true') continue
    note('rbac.aggregates', target === 'view' ? 1 : 2, `/metadata/labels/${segment(key)}`)
  }
  objectsAt(objectOr(object.aggregationRule).clusterRoleSelectors, '').forEach(({ item }, index) => {
    note('rbac.aggregates', Object.keys(item).length === 0 ? 3 : 1, `/aggregationRule/clusterRoleSelectors/${index}`)
  })
}

function noteRule(rule: JsonObject, path: string, note: RbacNote): number {
  const { names, grade } = rightsOf(rule)
  for (const name of names) note(name, 1, name === 'rbac.urls_all' ? `${path}/nonResourceURLs` : path)
  note('rbac.grade', grade, path)
  return grade
}

const POWERFUL_ROLES: readonly (readonly [pattern: RegExp, grade: number])[] = [
  [/^(?:cluster-admin|system:masters)$/, 4],
  [
    /^(?:admin|system:aggregate-to-admin|system:controller:.+|system:kube-controller-manager|system:node|system:kube-scheduler|system:kubelet-api-admin|sudoer|.*privileged.*)$/,
    3,
  ],
  [/(?:^|[-:])(?:admin|administrator|superuser|root|owner|full-?access|god)(?:$|[-:])/i, 2],
  [/^(?:edit|system:aggregate-to-edit|.*-?(?:editor|write|writer|manager|operator))$/, 1],
]

function noteBinding(object: JsonObject, note: RbacNote): void {
  const isClusterWide = object.kind === 'ClusterRoleBinding'
  if (isClusterWide) note('binding.cluster_wide', 1, '/kind')
  const role = textOr(objectOr(object.roleRef).name)
  const grade = POWERFUL_ROLES.find(([pattern]) => pattern.test(role))?.[1] ?? 0
  if (role === 'cluster-admin') note('binding.cluster_admin', 1, '/roleRef/name')
  note('binding.admin', grade, '/roleRef/name')
  note('binding.grade', grade + (isClusterWide && grade > 0 ? 0.5 : 0), '/roleRef/name')
  const namespace = textOr(objectOr(object.metadata).namespace)
  for (const { item, path } of objectsAt(object.subjects, '/subjects')) {
    const name = textOr(item.name)
    const [feature, weight] = subjectClass(textOr(item.kind), name)
    note(feature, 1, path)
    note('binding.grade', weight, path)
    if (item.kind === 'ServiceAccount') {
      if (feature !== 'binding.account') note('binding.account', 1, path)
      if (!isClusterWide && textOr(item.namespace) !== namespace) note('binding.foreign_account', 1, path)
      if (grade >= 3) noteAccount(name, textOr(item.namespace), isClusterWide ? 2 : 1, path, note)
    }
    if (grade === 4)
      note(item.kind === 'ServiceAccount' ? 'binding.admin_to_account' : 'binding.admin_to_user', 1, path)
  }
}

const BUILDER_ACCOUNT =
  /(?:^|[-_])(?:build(?:er|bot)?|ci|cd|runner|deploy(?:er|bot|ment)?|jenkins|pipeline|bot|test(?:er)?|dev|debug|guest|demo|app|web|helper|backup)(?:$|[-_])/i
const CONTROL_PLANE_NAME =
  /^(?:kube-(?:controller(?:-manager)?|apiserver|scheduler|proxy|system|dns|admin)|etcd|coredns|node-controller|cloud-controller(?:-manager)?)$/

/** What a service account that gets a powerful role is named like, and whether it gets it in the whole cluster. */
function noteAccount(name: string, namespace: string, reach: 1 | 2, path: string, note: RbacNote): void {
  if (name === 'default') note('binding.admin_to_default', reach, path)
  if (BUILDER_ACCOUNT.test(name)) note('binding.admin_to_builder', reach, path)
  if (CONTROL_PLANE_NAME.test(name) && !namespace.startsWith('kube-')) note('binding.admin_to_impostor', reach, path)
}

function subjectClass(kind: string, name: string): readonly [RbacName, number] {
  // The API server takes such names as they are, whatever the kind says.
  if (/^system:(?:anonymous|unauthenticated)$/.test(name)) return ['binding.anonymous', 4.5]
  if (/^system:(?:authenticated|serviceaccounts)(?::.*)?$/.test(name)) return ['binding.everybody', 3]
  if (/^system:(?:masters|nodes|node:.*|kube-.*|cloud-controller-manager|bootstrappers.*)$/.test(name))
    return ['binding.masters', 3]
  if (kind === 'ServiceAccount') return name === 'default' ? ['binding.default_account', 1] : ['binding.account', 0]
  if (name.startsWith('system:serviceaccount:')) return ['binding.account', 0]
  return kind === 'Group' ? ['binding.group', 0] : ['binding.user', 0]
}
