/** A matchCondition: a webhook is asked when all of its conditions are true. */
export interface MatchCondition {
  readonly name: string
  /** CEL over `request`, `object` and `oldObject` */
  readonly expression: string
}

/** As the manifests name them: what they write in their own namespace must not wait for a gate. */
export const SERVICE_ACCOUNTS: readonly string[] = ['lockkeeper-webhook', 'lockkeeper-controller']

/** Who needs what while no gate answers. */
export interface ConditionOptions {
  /** The gate's own namespace. */
  readonly namespace: string
  /** Names of the gate's own service accounts, in its own namespace. */
  readonly serviceAccounts: readonly string[]
  /** Namespaces that a cold cluster starts with; the own one is always among them. */
  readonly bootstrapNamespaces: readonly string[]
}

// Absent and null members are errors in CEL, and an error refuses the request: every member that may be absent has a guard.
const USER = '(has(request.userInfo.username) ? request.userInfo.username : "")'
const GROUPS = '(has(request.userInfo.groups) ? request.userInfo.groups : [])'
const SUBRESOURCE = '(has(request.subResource) ? request.subResource : "")'
const NAMESPACE = '(has(request.namespace) ? request.namespace : "")'
const NAME = '(has(request.name) ? request.name : "")'

const IS_NODE = `"system:nodes" in ${GROUPS}`
const IS_BOOTSTRAPPER = `"system:bootstrappers" in ${GROUPS}`
const CONTROLLER_USERS = ['system:kube-controller-manager', 'system:kube-scheduler', 'system:cloud-controller-manager']
/** The controllers of the cluster: their service accounts are in kube-system, or they are known by name. */
const IS_CONTROLLER = `("system:serviceaccounts:kube-system" in ${GROUPS} || ${oneOf(USER, CONTROLLER_USERS)})`
const KUBELET_SIGNERS = ['kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving']

/** Pods get no address before these are written: the objects of usual network plug-ins, and of what small distributions start with. */
const NETWORK_GROUPS = [
  'acn.azure.com',
  'cilium.io',
  'crd.antrea.io',
  'crd.projectcalico.org',
  'k3s.cattle.io',
  'k8s.ovn.org',
  'kubeovn.io',
  'networking.gke.io',
  'projectcalico.org',
  'vpcresources.k8s.aws',
  'whereabouts.cni.cncf.io',
]

/** Requests that no entry asks about, with the reason: each is false for what is left out. */
export function leftOut({ namespace, serviceAccounts }: ConditionOptions): readonly MatchCondition[] {
  const accounts = accountNames(namespace, serviceAccounts)
  return [
    // Leader elections and the heartbeats of nodes: many a second, and a late one costs a node or a leader.
    not('no-leases', `${group('coordination.k8s.io')} && ${resource('leases', 'leasecandidates')}`),
    // A note about what has happened already; a refused one is lost.
    not('no-events', `${group('', 'events.k8s.io')} && ${resource('events')}`),
    // Questions to the API server, among them the one whether the gate's own callers may come in. Nothing is stored.
    not('no-questions', group('authentication.k8s.io', 'authorization.k8s.io')),
    not(
      'no-heartbeats',
      `${group('')} && ${resource('nodes')} && ${SUBRESOURCE} == "status" && ${USER} == "system:node:" + ${NAME}`,
    ),
    // How a human switches the gate off, also while it denies everything: to zero, then without the configuration.
    not(
      'no-own-scale',
      `${group('apps')} && ${resource('deployments')} && ${SUBRESOURCE} == "scale" && ${NAMESPACE} == ${text(namespace)}`,
    ),
    // What our own audit found: it runs nothing, comes in thousands, and to judge it would be to judge our own judgement.
    // Anybody else's reports are judged: who forges one wants something to look clean.
    not('no-own-reports', `${group('openreports.io', 'wgpolicyk8s.io')} && ${oneOf(USER, accounts)}`),
  ]
}

/**
 * What a cluster needs to start while no gate answers, by name: each expression is true for what is needed. It is judged like
 * everything else as soon as a gate answers.
 */
export function coldStart(options: ConditionOptions): readonly MatchCondition[] {
  const { namespace, serviceAccounts } = options
  const namespaces = [...new Set([...options.bootstrapNamespaces, namespace])].sort()
  const isBootstrap = oneOf(NAMESPACE, namespaces)
  const isObject = `${SUBRESOURCE} == ""`
  const isWritten = '(request.operation == "CREATE" || request.operation == "UPDATE")'
  const isKubeletRequest =
    `object != null && has(object.spec) && has(object.spec.signerName) && ` +
    oneOf('object.spec.signerName', KUBELET_SIGNERS)
  return [
    // Its roles, its Services and the registrations of its groups: without them an API server of a new version does not start.
    { name: 'api-server', expression: `${USER} == "system:apiserver"` },
    // Whoever: clouds write them under names of their own, and no Pod is scheduled before the last taint of a new node is gone.
    {
      name: 'nodes',
      expression:
        `(${group('')} && ${resource('nodes')} || ${group('storage.k8s.io')} && ${resource('csinodes')}) && ` +
        `${isObject} && ${isWritten}`,
    },
    {
      name: 'kubelet-certificates',
      expression:
        `${group('certificates.k8s.io')} && ${resource('certificatesigningrequests')} && ` +
        `(request.operation == "CREATE" && ${isObject} && (${IS_NODE} || ${IS_BOOTSTRAPPER}) || ` +
        `request.operation == "UPDATE" && ${SUBRESOURCE} == "approval" && ` +
        `${oneOf(USER, ['system:kube-controller-manager', 'system:serviceaccount:kube-system:certificate-controller'])}) && ` +
        isKubeletRequest,
    },
    {
      name: 'system-pods',
      expression:
        `${group('')} && ${resource('pods')} && ${oneOf(SUBRESOURCE, ['', 'binding', 'eviction'])} && ` +
        `${isBootstrap} && (${IS_CONTROLLER} || ${IS_NODE})`,
    },
    // The API server sees to it that a node gets tokens for the Pods it runs only.
    {
      name: 'tokens',
      expression:
        `request.operation == "CREATE" && (` +
        `${group('')} && ${resource('serviceaccounts')} && ${SUBRESOURCE} == "token" && (${IS_NODE} || ` +
        `${NAMESPACE} == "kube-system" && ${oneOf(USER, ['system:kube-controller-manager', 'system:cloud-controller-manager'])}) || ` +
        `${group('certificates.k8s.io')} && ${resource('podcertificaterequests')} && ${isObject} && ${IS_NODE})`,
    },
    // The gate is reached by them, and so is everything else while it is away.
    {
      name: 'endpoints',
      expression:
        `(${group('discovery.k8s.io')} && ${resource('endpointslices')} || ${group('')} && ${resource('endpoints')}) && ` +
        `${isObject} && ${IS_CONTROLLER}`,
    },
    {
      name: 'network',
      expression:
        `${oneOf('request.resource.group', NETWORK_GROUPS)} && ` +
        oneOfGroups(
          namespaces.filter(each => each !== namespace).map(each => `system:serviceaccounts:${each}`),
          IS_NODE,
        ),
    },
    // Without its certificate no gate would ever answer.
    {
      name: 'own-certificate',
      expression:
        `${group('')} && ${resource('secrets')} && ${isObject} && ${NAMESPACE} == ${text(namespace)} && ` +
        oneOf(USER, accountNames(namespace, serviceAccounts)),
    },
  ]
}

/** True when one of these is: of conditions it is the exact opposite of `noneOf`. */
export function anyOf(name: string, conditions: readonly MatchCondition[]): MatchCondition {
  return { name, expression: conditions.map(each => `(${each.expression})`).join(' || ') }
}

/** True, all together, when none of these is. */
export function noneOf(conditions: readonly MatchCondition[]): readonly MatchCondition[] {
  return conditions.map(each => not(`not-${each.name}`, each.expression))
}

function not(name: string, expression: string): MatchCondition {
  return { name, expression: `!(${expression})` }
}

function group(...names: readonly string[]): string {
  return oneOf('request.resource.group', names)
}

function resource(...names: readonly string[]): string {
  return oneOf('request.resource.resource', names)
}

function oneOf(value: string, names: readonly string[]): string {
  return names.length === 1 && names[0] !== undefined
    ? `${value} == ${text(names[0])}`
    : `${value} in [${names.map(text).join(', ')}]`
}

function oneOfGroups(names: readonly string[], otherwise: string): string {
  return `(${[...names.map(name => `${text(name)} in ${GROUPS}`), otherwise].join(' || ')})`
}

/** A CEL string: for the names of Kubernetes it is written as JSON is. */
function text(value: string): string {
  return JSON.stringify(value)
}

function accountNames(namespace: string, accounts: readonly string[]): readonly string[] {
  return accounts.map(account => `system:serviceaccount:${namespace}:${account}`)
}
