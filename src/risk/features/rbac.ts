import type { JsonObject } from '../../json.js'
import { objectOr } from '../../canonical/drop.js'
import type { FeatureSpec, Note } from './feature.js'
import { objectsAt, segment, textOr, textsOf } from './places.js'

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
  'binding.admin_to_user': { unit: 'flag', weight: 1, text: 'gives cluster-admin to a person or a group' },
  'binding.cluster_wide': { unit: 'flag', weight: 0, text: 'gives rights in the whole cluster' },
  'binding.grade': { unit: 'grade', weight: 0.25, text: 'gives rights dangerously' },
} as const satisfies Record<string, FeatureSpec>

type RbacName = keyof typeof RBAC_FEATURES
type RbacNote = Note<RbacName>

const READS = ['get', 'list', 'watch']
const WRITES = ['create', 'update', 'patch']
const NO_GROUP = ['']
const RBAC_GROUP = ['rbac.authorization.k8s.io']

/** One right: a rule has it where one of the verbs meets one of the resources in one of the groups. */
interface Right {
  readonly name: RbacName
  readonly groups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly grade: number
  /** Holds for rules that name their objects as well. */
  readonly named?: true
}

const RIGHTS: readonly Right[] = [
  { name: 'rbac.secrets_read', groups: NO_GROUP, resources: ['secrets'], verbs: READS, grade: 3 },
  { name: 'rbac.secrets_write', groups: NO_GROUP, resources: ['secrets'], verbs: WRITES, grade: 2 },
  {
    name: 'rbac.exec',
    groups: NO_GROUP,
    resources: ['pods/exec', 'pods/attach', 'pods/portforward'],
    verbs: ['create', 'get'],
    grade: 3,
  },
  { name: 'rbac.ephemeral', groups: NO_GROUP, resources: ['pods/ephemeralcontainers'], verbs: WRITES, grade: 3 },
  { name: 'rbac.pods_write', groups: NO_GROUP, resources: ['pods'], verbs: WRITES, grade: 2 },
  {
    name: 'rbac.workloads_write',
    groups: ['apps', 'batch', 'extensions', ''],
    resources: [
      'deployments',
      'daemonsets',
      'statefulsets',
      'replicasets',
      'jobs',
      'cronjobs',
      'replicationcontrollers',
    ],
    verbs: WRITES,
    grade: 2,
  },
  {
    name: 'rbac.escalate',
    groups: RBAC_GROUP,
    resources: ['clusterroles', 'roles', 'clusterrolebindings', 'rolebindings'],
    verbs: ['escalate', 'bind'],
    grade: 4,
  },
  {
    name: 'rbac.impersonate',
    groups: ['', 'authentication.k8s.io'],
    resources: ['users', 'groups', 'serviceaccounts', 'userextras', 'uids'],
    verbs: ['impersonate'],
    grade: 4,
    named: true,
  },
  {
    name: 'rbac.grants_write',
    groups: RBAC_GROUP,
    resources: ['clusterrolebindings', 'rolebindings', 'clusterroles', 'roles'],
    verbs: WRITES,
    grade: 3,
  },
  { name: 'rbac.tokens', groups: NO_GROUP, resources: ['serviceaccounts/token'], verbs: ['create'], grade: 3 },
  { name: 'rbac.accounts_write', groups: NO_GROUP, resources: ['serviceaccounts'], verbs: WRITES, grade: 1 },
  {
    name: 'rbac.certificates',
    groups: ['certificates.k8s.io'],
    resources: [
      'certificatesigningrequests',
      'certificatesigningrequests/approval',
      'certificatesigningrequests/status',
      'signers',
    ],
    verbs: ['create', 'update', 'patch', 'approve', 'sign'],
    grade: 3,
    named: true,
  },
  {
    name: 'rbac.nodes_proxy',
    groups: NO_GROUP,
    resources: ['nodes/proxy', 'services/proxy', 'pods/proxy'],
    verbs: ['get', 'create', 'update', 'patch', 'delete'],
    grade: 3,
  },
  {
    name: 'rbac.nodes_write',
    groups: NO_GROUP,
    resources: ['nodes', 'nodes/status'],
    verbs: [...WRITES, 'delete'],
    grade: 2,
  },
  {
    name: 'rbac.admission_write',
    groups: ['admissionregistration.k8s.io'],
    resources: [
      'mutatingwebhookconfigurations',
      'validatingwebhookconfigurations',
      'validatingadmissionpolicies',
      'validatingadmissionpolicybindings',
      'mutatingadmissionpolicies',
      'mutatingadmissionpolicybindings',
    ],
    verbs: [...WRITES, 'delete'],
    grade: 3,
  },
  {
    name: 'rbac.apis_write',
    groups: ['apiregistration.k8s.io', 'apiextensions.k8s.io'],
    resources: ['apiservices', 'customresourcedefinitions'],
    verbs: WRITES,
    grade: 2,
  },
  { name: 'rbac.volumes_write', groups: NO_GROUP, resources: ['persistentvolumes'], verbs: WRITES, grade: 2 },
  {
    name: 'rbac.network_write',
    groups: ['', 'networking.k8s.io', 'extensions', 'discovery.k8s.io'],
    resources: ['networkpolicies', 'services', 'endpoints', 'endpointslices', 'ingresses'],
    verbs: [...WRITES, 'delete'],
    grade: 1,
  },
  { name: 'rbac.config_write', groups: NO_GROUP, resources: ['configmaps'], verbs: WRITES, grade: 1 },
  { name: 'rbac.config_read', groups: NO_GROUP, resources: ['configmaps'], verbs: READS, grade: 0 },
  {
    name: 'rbac.traces_delete',
    groups: ['', 'events.k8s.io'],
    resources: ['events'],
    verbs: ['delete', 'deletecollection'],
    grade: 2,
  },
  {
    name: 'rbac.namespaces_write',
    groups: NO_GROUP,
    resources: ['namespaces'],
    verbs: [...WRITES, 'delete'],
    grade: 1,
  },
  { name: 'rbac.logs_read', groups: NO_GROUP, resources: ['pods/log'], verbs: READS, grade: 0 },
  {
    name: 'rbac.security_policy',
    groups: ['policy', 'extensions', 'security.openshift.io'],
    resources: ['podsecuritypolicies', 'securitycontextconstraints'],
    verbs: ['use'],
    grade: 2,
    named: true,
  },
]

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
  const [verbs, groups, resources, urls] = [rule.verbs, rule.apiGroups, rule.resources, rule.nonResourceURLs].map(
    textsOf,
  ) as [string[], string[], string[], string[]]
  if (urls.includes('*') || urls.includes('/*'))
    note('rbac.urls_all', verbs.length > 0 ? 1 : 0, `${path}/nonResourceURLs`)
  if (resources.length === 0 || verbs.length === 0) return 0
  const isNamed = textsOf(rule.resourceNames).length > 0
  const [allVerbs, allGroups, allResources] = [verbs.includes('*'), groups.includes('*'), resources.includes('*')]
  let grade = 0
  const found = (name: RbacName, value: number): void => {
    note(name, 1, path)
    grade = Math.max(grade, value)
  }
  if (allVerbs && allResources && allGroups) found('rbac.everything', 5)
  if (allVerbs) found('rbac.all_verbs', 1)
  if (allResources) found('rbac.all_resources', 1)
  if (allGroups) found('rbac.all_groups', 1)
  if (allResources && (allGroups || groups.includes('')) && !isNamed) found('rbac.core_all', 3)
  if (verbs.includes('deletecollection')) found('rbac.delete_many', 0)
  for (const right of RIGHTS) {
    if (isNamed && right.named !== true) continue
    if (meets(verbs, right.verbs) && meets(groups, right.groups) && meetsResource(resources, right.resources))
      found(right.name, right.grade)
  }
  if (isNamed && resources.includes('secrets') && meets(verbs, READS)) found('rbac.secrets_named', 1)
  note('rbac.grade', grade, path)
  return grade
}

function meets(held: readonly string[], wanted: readonly string[]): boolean {
  return held.some(each => each === '*' || wanted.includes(each))
}

/** `*` is every resource and subresource, a `*` before a slash that subresource of all. */
function meetsResource(held: readonly string[], wanted: readonly string[]): boolean {
  return held.some(each => {
    if (each === '*' || wanted.includes(each)) return true
    return each.startsWith('*/') && wanted.some(one => one.endsWith(each.slice(1)))
  })
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
    }
    if (grade === 4)
      note(item.kind === 'ServiceAccount' ? 'binding.admin_to_account' : 'binding.admin_to_user', 1, path)
  }
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
