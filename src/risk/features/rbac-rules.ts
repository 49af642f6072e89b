import type { JsonObject } from '../../json.js'
import { textsOf } from './places.js'
import type { RbacName } from './rbac.js'

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

/** What a rule of a role allows. */
export interface RuleRights {
  readonly names: readonly RbacName[]
  /** How dangerous the worst of it is, from 0 to 5. */
  readonly grade: number
}

/** Finds what a rule allows: the rights of the table, and everything at once. */
export function rightsOf(rule: JsonObject): RuleRights {
  const [verbs, groups, resources, urls] = [rule.verbs, rule.apiGroups, rule.resources, rule.nonResourceURLs].map(
    textsOf,
  ) as [string[], string[], string[], string[]]
  const names: RbacName[] = []
  let grade = 0
  const found = (name: RbacName, value: number): void => {
    names.push(name)
    grade = Math.max(grade, value)
  }
  if (verbs.length > 0 && (urls.includes('*') || urls.includes('/*'))) found('rbac.urls_all', 0)
  if (resources.length === 0 || verbs.length === 0) return { names, grade }
  const isNamed = textsOf(rule.resourceNames).length > 0
  const [allVerbs, allGroups, allResources] = [verbs.includes('*'), groups.includes('*'), resources.includes('*')]
  if (allVerbs && allResources && allGroups) found('rbac.everything', 5)
  if (allVerbs) found('rbac.all_verbs', 1)
  if (allResources) found('rbac.all_resources', 1)
  if (allGroups) found('rbac.all_groups', 1)
  if (allResources && (allGroups || groups.includes('')) && !isNamed) found('rbac.core_all', 3)
  if (!isNamed) {
    // A wildcard has these as well, and many operators that have it do nothing with them: who writes them down wants them.
    if (resources.some(each => each === 'pods/exec' || each === 'pods/attach') && meets(verbs, ['create', 'get']))
      found('rbac.exec_named', 3)
    if (allResources && groups.includes('')) found('rbac.core_named', 3)
    if (resources.includes('pods') && allVerbs) found('rbac.pods_all', 2)
  }
  if (verbs.includes('deletecollection')) found('rbac.delete_many', 0)
  for (const right of RIGHTS) {
    if (isNamed && right.named !== true) continue
    if (meets(verbs, right.verbs) && meets(groups, right.groups) && meetsResource(resources, right.resources))
      found(right.name, right.grade)
  }
  if (isNamed && resources.includes('secrets') && meets(verbs, READS)) found('rbac.secrets_named', 1)
  return { names, grade }
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
