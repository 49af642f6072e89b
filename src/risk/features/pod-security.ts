import { objectOr } from '../../canonical/drop.js'
import { isJsonObject, type Json, type JsonObject } from '../../json.js'
import { capabilityClass } from './capabilities.js'
import type { FeatureSpec, Note } from './feature.js'
import { hostPathClass } from './host-paths.js'
import { NODE_ACCESS_FEATURES, noteNodeAccess } from './node-access.js'
import { objectsAt, segment, textOr, textsOf, type ContainerPlace, type Places, type PodPlace } from './places.js'

/** What a pod may do to its node, by the values that let it. */
export const POD_FEATURES = {
  'pod.privileged': { unit: 'count', weight: 1.5, text: 'runs a privileged container' },
  'pod.host_pid': { unit: 'flag', weight: 1.5, text: 'sees the processes of the node (hostPID)' },
  'pod.host_ipc': { unit: 'flag', weight: 2, text: 'shares the memory of the node (hostIPC)' },
  'pod.host_network': { unit: 'flag', weight: 1, text: 'uses the network of the node (hostNetwork)' },
  'pod.host_namespaces': { unit: 'count', weight: 0.5, text: 'enters namespaces of the node' },
  'pod.host_port': { unit: 'count', weight: 0.25, text: 'opens a port of the node' },
  'pod.host_process': { unit: 'flag', weight: 3, text: 'runs as a process of a Windows node' },
  'pod.host_path_root': { unit: 'count', weight: 1.5, text: 'mounts the root of the node' },
  'pod.host_path_socket': {
    unit: 'count',
    weight: 1.5,
    text: 'mounts the socket of the container runtime, or its directory',
  },
  'pod.host_path_credentials': {
    unit: 'count',
    weight: 1.25,
    text: 'mounts a directory of the node that holds credentials or starts programs',
  },
  'pod.host_path_kernel': {
    unit: 'count',
    weight: 1,
    text: 'mounts a view of the kernel or of the devices of the node',
  },
  'pod.host_path_system': { unit: 'count', weight: 1, text: 'mounts a system directory of the node' },
  'pod.host_path_other': { unit: 'count', weight: 0.5, text: 'mounts a path of the node' },
  'pod.host_path_grade': { unit: 'grade', weight: 0, text: 'mounts a dangerous path of the node' },
  'pod.host_path_writable': { unit: 'grade', weight: 0.25, text: 'may write to a dangerous path of the node' },
  'pod.capability_all': { unit: 'flag', weight: 3, text: 'adds all capabilities' },
  'pod.capability_kernel': { unit: 'count', weight: 2, text: 'adds a capability that is as good as root on the node' },
  'pod.capability_network': { unit: 'count', weight: 0.75, text: 'adds a capability to change or read the network' },
  'pod.capability_files': {
    unit: 'count',
    weight: 0.75,
    text: 'adds a capability to pass over file permissions or identities',
  },
  'pod.capability_other': { unit: 'count', weight: 0.25, text: 'adds another capability' },
  'pod.capability_grade': { unit: 'grade', weight: 0, text: 'adds a dangerous capability' },
  'pod.unmasked_proc': { unit: 'flag', weight: 2, text: 'has an unmasked /proc' },
  'pod.seccomp_unconfined': { unit: 'flag', weight: 1, text: 'switches seccomp off' },
  'pod.apparmor_unconfined': { unit: 'flag', weight: 1, text: 'switches AppArmor off' },
  'pod.selinux_type': { unit: 'flag', weight: 1.5, text: 'chooses its own SELinux type, user or role' },
  'pod.sysctl_unsafe': { unit: 'grade', weight: 0.5, text: 'sets a sysctl that is not safe' },
  'pod.escalation_allowed': { unit: 'flag', weight: 0.5, text: 'says that a process may gain privileges' },
  'pod.root_user': { unit: 'flag', weight: 0.5, text: 'says that it runs as root' },
  'pod.shares_processes': { unit: 'flag', weight: 0.25, text: 'lets its containers see each other’s processes' },
  'pod.token_wanted': { unit: 'flag', weight: 0.25, text: 'says that it wants the token of its service account' },
  'pod.admin_account': {
    unit: 'grade',
    weight: 1.5,
    text: 'runs as a service account that is named like an administrator or the control plane',
  },
  'pod.node_chosen': { unit: 'flag', weight: 0.5, text: 'names the node it runs on' },
  'pod.control_plane_node': { unit: 'flag', weight: 0.5, text: 'asks for a node of the control plane' },
  'pod.tolerates_all': { unit: 'flag', weight: 0.25, text: 'tolerates every taint' },
  'pod.system_priority': { unit: 'flag', weight: 0.25, text: 'takes the priority of a system component' },
  'pod.literal_credential': {
    unit: 'count',
    weight: 0.5,
    text: 'has a credential in the value of an environment variable',
  },
  'pod.cloud_credential': {
    unit: 'count',
    weight: 1.5,
    text: 'has a key of a cloud or a code host in the value of an environment variable',
  },
  'pod.preloaded_library': {
    unit: 'count',
    weight: 0.5,
    text: 'loads a library of its image into every program it runs',
  },
  'pod.loader_variable': { unit: 'count', weight: 2, text: 'has an environment variable that loads foreign code' },
  'pod.proxy_variable': {
    unit: 'count',
    weight: 0.75,
    text: 'sends traffic through a proxy by an environment variable',
  },
  'pod.token_for_others': { unit: 'flag', weight: 1, text: 'asks for a service account token for another audience' },
  'pod.device': { unit: 'flag', weight: 1, text: 'opens a block device' },
  'pod.external_volume': {
    unit: 'count',
    weight: 0.5,
    text: 'mounts a file system from elsewhere or fetches a repository',
  },
  'pod.host_alias': { unit: 'flag', weight: 0.5, text: 'changes what host names mean' },
  'pod.own_dns': { unit: 'flag', weight: 0.5, text: 'asks a name server of its own choice' },
  'pod.terminal': { unit: 'flag', weight: 0.5, text: 'keeps a terminal open' },
  'pod.not_non_root': { unit: 'flag', weight: 0, text: 'may run as root: nothing says that it does not' },
  'pod.not_dropped': { unit: 'flag', weight: 0, text: 'keeps the default capabilities' },
  'pod.not_read_only': { unit: 'flag', weight: 0, text: 'may write to its own file system' },
  'pod.not_confined': { unit: 'flag', weight: 0, text: 'has no seccomp profile' },
  'pod.not_limited': { unit: 'flag', weight: 0, text: 'may take all the memory or CPU of its node' },
  'pod.may_escalate': { unit: 'flag', weight: 0, text: 'may gain privileges: nothing says that it may not' },
  'pod.has_token': { unit: 'flag', weight: 0, text: 'has the token of its service account' },
  'pod.sa_mounted_by_hand': { unit: 'flag', weight: 0.75, text: 'mounts a service account token as a secret' },
  ...NODE_ACCESS_FEATURES,
} as const satisfies Record<string, FeatureSpec>

type PodNote = Note<keyof typeof POD_FEATURES>

/** As the baseline level of the Pod Security Standards lists them (Kubernetes 1.37). */
const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
])
const CREDENTIAL_NAME =
  /(?:passw(?:or)?d|passphrase|secret|token|(?:api|access|private|secret|signing|encryption|account)_?key|credential|connection_?string|(?:^|_)(?:pwd|pass))s?$/i
/** Keys that open more than the application they are given to. */
const CLOUD_CREDENTIAL_NAME =
  /^(?:AWS_(?:SECRET_ACCESS_KEY|SESSION_TOKEN)|(?:AZURE|ARM)_CLIENT_SECRET|AZURE_STORAGE_KEY|GOOGLE_(?:CREDENTIALS|APPLICATION_CREDENTIALS_JSON)|GCP_(?:SA_)?KEY|(?:GITHUB|GH|GITLAB|CI_JOB|NPM|PYPI|SLACK(?:_BOT)?|DOCKER(?:HUB)?|VAULT|CONSUL_HTTP|DIGITALOCEAN(?:_ACCESS)?|DO|HCLOUD|LINODE|CLOUDFLARE(?:_API)?|CF_API|KUBE|KUBERNETES|K8S)_(?:TOKEN|PAT)|ALICLOUD_SECRET_KEY|TENCENTCLOUD_SECRET_KEY|OS_PASSWORD|KUBECONFIG_DATA)$/i
const CLOUD_CREDENTIAL =
  /^(?:AKIA|ASIA)[0-9A-Z]{8}|^gh[pousr]_\w{10}|^github_pat_|^xox[abpr]-|^glpat-|-----BEGIN [A-Z ]{0,20}PRIVATE KEY/
/** A variable that ends like a credential and only says where one is. */
const NOT_A_CREDENTIAL = /^(?:|true|false|\d{1,4}|\/.*|https?:.*|\$[({].*)$/i
const LOADER_VARIABLES =
  /^(?:LD_PRELOAD|LD_LIBRARY_PATH|LD_AUDIT|BASH_ENV|ENV|PROMPT_COMMAND|PYTHONSTARTUP|PYTHONPATH|NODE_OPTIONS|JAVA_TOOL_OPTIONS|RUBYOPT|PERL5OPT|PERL5LIB|GIT_SSH_COMMAND)$/
/** Settings of these that load code; most of what people put there is memory and garbage collection. */
const LOADING_VALUE =
  /(?:^|[\s:=])(?:\/(?:tmp|dev\/shm|var\/tmp|host|mnt)\/|-javaagent|-agentpath|--require|-r |--import|curl |wget |sh -c|https?:)/
/** Libraries where an image keeps its own, such as another allocator. */
const OWN_LIBRARY = /^(?!.*\.\.)(?:\/(?:usr|lib|lib64|opt)\/[\w./+-]*|[\w.+-]+)\.so[\d.]*$/
const PROXY_VARIABLE = /^(?:https?|all|ftp|socks)_proxy$/i
const ADMIN_ACCOUNT =
  /(?:^|[-:._])(?:cluster-?admin|admin|root|superuser|super-?admin|kube-?admin|administrator|system:masters)(?:$|[-:._])/i
const CONTROL_PLANE_ACCOUNT =
  /^(?:kube-controller-manager|kube-scheduler|kube-apiserver|tiller|[a-z]+(?:-[a-z]+)?-controller|namespace-controller|generic-garbage-collector|default)$/
const CONTROL_PLANE_NODE = /^node-role\.kubernetes\.io\/(?:master|control-plane)$/

/** Notes what the pods and containers of an object may do. */
export function notePods({ pods, containers }: Places, note: PodNote): void {
  for (const pod of pods) {
    notePod(pod, note)
    noteNodeAccess(pod, note)
  }
  for (const container of containers) noteContainer(container, note)
}

function notePod({ path, spec, metadata, metadataPath }: PodPlace, note: PodNote): void {
  const flag = (name: Parameters<PodNote>[0], isSet: boolean, member: string): void => {
    if (isSet) note(name, 1, `${path}/${member}`)
  }
  flag('pod.host_pid', spec.hostPID === true, 'hostPID')
  flag('pod.host_ipc', spec.hostIPC === true, 'hostIPC')
  flag('pod.host_network', spec.hostNetwork === true, 'hostNetwork')
  for (const member of ['hostPID', 'hostIPC', 'hostNetwork']) flag('pod.host_namespaces', spec[member] === true, member)
  flag('pod.shares_processes', spec.shareProcessNamespace === true, 'shareProcessNamespace')
  flag('pod.token_wanted', spec.automountServiceAccountToken === true, 'automountServiceAccountToken')
  flag('pod.node_chosen', textOr(spec.nodeName) !== '', 'nodeName')
  flag('pod.host_alias', Array.isArray(spec.hostAliases) && spec.hostAliases.length > 0, 'hostAliases')
  flag('pod.own_dns', textsOf(objectOr(spec.dnsConfig).nameservers).length > 0, 'dnsConfig')
  flag('pod.system_priority', textOr(spec.priorityClassName).startsWith('system-'), 'priorityClassName')
  for (const member of ['serviceAccountName', 'serviceAccount']) {
    note('pod.admin_account', accountGrade(textOr(spec[member])), `${path}/${member}`)
  }
  notePlacement(spec, path, note)
  noteMissing(spec, path, note)
  noteSecurityContext(objectOr(spec.securityContext), `${path}/securityContext`, note)
  const annotations = objectOr(metadata?.annotations)
  for (const [key, value] of Object.entries(annotations)) {
    if (value !== 'unconfined') continue
    if (key.startsWith('container.apparmor.security.beta.kubernetes.io/'))
      note('pod.apparmor_unconfined', 1, `${metadataPath}/annotations/${segment(key)}`)
    if (/^(?:container\.)?seccomp\.security\.alpha\.kubernetes\.io\//.test(key))
      note('pod.seccomp_unconfined', 1, `${metadataPath}/annotations/${segment(key)}`)
  }
  noteVolumes(spec, path, note)
}

/** What is missing in any container; a privileged one has nothing, whatever it says. */
function noteMissing(spec: JsonObject, path: string, note: PodNote): void {
  const pod = objectOr(spec.securityContext)
  if (spec.automountServiceAccountToken !== false) note('pod.has_token', 1, path)
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const { item, path: at } of objectsAt(spec[list], `${path}/${list}`)) {
      const own = objectOr(item.securityContext)
      const isVoid =
        own.privileged === true ||
        textsOf(objectOr(own.capabilities).add).some(each => /^(?:CAP_)?(?:ALL|SYS_ADMIN)$/i.test(each))
      const missing = (name: Parameters<PodNote>[0], isThere: boolean): void => {
        if (isVoid || !isThere) note(name, 1, at)
      }
      const user = own.runAsUser ?? pod.runAsUser
      missing(
        'pod.not_non_root',
        (own.runAsNonRoot ?? pod.runAsNonRoot) === true || (typeof user === 'number' && user > 0),
      )
      missing(
        'pod.not_dropped',
        textsOf(objectOr(own.capabilities).drop).some(each => /^(?:CAP_)?ALL$/i.test(each)),
      )
      missing('pod.not_read_only', own.readOnlyRootFilesystem === true)
      missing('pod.not_confined', isConfined(own.seccompProfile ?? pod.seccompProfile))
      missing('pod.may_escalate', own.allowPrivilegeEscalation === false)
      const limits = objectOr(objectOr(item.resources).limits)
      missing('pod.not_limited', limits.memory !== undefined && limits.cpu !== undefined)
    }
  }
}

function isConfined(profile: Json | undefined): boolean {
  return isJsonObject(profile) && !isUnconfined(profile)
}

function accountGrade(name: string): number {
  if (ADMIN_ACCOUNT.test(name)) return 2
  return name !== 'default' && CONTROL_PLANE_ACCOUNT.test(name) ? 1 : 0
}

function notePlacement(spec: JsonObject, path: string, note: PodNote): void {
  for (const key in objectOr(spec.nodeSelector)) {
    if (CONTROL_PLANE_NODE.test(key)) note('pod.control_plane_node', 1, `${path}/nodeSelector`)
  }
  for (const { item, path: at } of objectsAt(spec.tolerations, `${path}/tolerations`)) {
    if (item.operator === 'Exists' && textOr(item.key) === '') note('pod.tolerates_all', 1, at)
  }
}

function noteVolumes(spec: JsonObject, path: string, note: PodNote): void {
  const grades = new Map<string, { readonly grade: number; readonly path: string }>()
  for (const { item, path: at } of objectsAt(spec.volumes, `${path}/volumes`)) {
    if (isJsonObject(item.hostPath)) {
      const { name, grade } = hostPathClass(textOr(item.hostPath.path))
      note(`pod.host_path_${name}`, 1, `${at}/hostPath/path`)
      note('pod.host_path_grade', grade, `${at}/hostPath/path`)
      grades.set(textOr(item.name), { grade, path: at })
    }
    for (const member of ['nfs', 'iscsi', 'gitRepo', 'glusterfs', 'cephfs', 'flexVolume']) {
      if (isJsonObject(item[member])) note('pod.external_volume', 1, `${at}/${member}`)
    }
    if (/-token-[a-z0-9]{5}$/.test(textOr(objectOr(item.secret).secretName))) {
      note('pod.sa_mounted_by_hand', 1, `${at}/secret/secretName`)
    }
    for (const { item: source, path: sourceAt } of objectsAt(
      objectOr(item.projected).sources,
      `${at}/projected/sources`,
    )) {
      const audience = textOr(objectOr(source.serviceAccountToken).audience)
      if (audience !== '') note('pod.token_for_others', 1, `${sourceAt}/serviceAccountToken/audience`)
    }
  }
  if (grades.size === 0) return
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const { item, path: at } of objectsAt(spec[list], `${path}/${list}`)) {
      for (const { item: mount, path: mountAt } of objectsAt(item.volumeMounts, `${at}/volumeMounts`)) {
        const grade = grades.get(textOr(mount.name))?.grade
        if (grade !== undefined && mount.readOnly !== true) note('pod.host_path_writable', grade, mountAt)
      }
    }
  }
}

function noteContainer({ path, container }: ContainerPlace, note: PodNote): void {
  noteSecurityContext(objectOr(container.securityContext), `${path}/securityContext`, note)
  if (container.stdin === true && container.tty === true) note('pod.terminal', 1, `${path}/tty`)
  for (const { item, path: at } of objectsAt(container.ports, `${path}/ports`)) {
    if (typeof item.hostPort === 'number' && item.hostPort > 0) note('pod.host_port', 1, `${at}/hostPort`)
  }
  if (Array.isArray(container.volumeDevices) && container.volumeDevices.length > 0) {
    note('pod.device', 1, `${path}/volumeDevices`)
  }
  for (const { item, path: at } of objectsAt(container.env, `${path}/env`)) {
    const [name, value] = [textOr(item.name), textOr(item.value)]
    if (value === '') continue
    if (CREDENTIAL_NAME.test(name) && !NOT_A_CREDENTIAL.test(value)) note('pod.literal_credential', 1, `${at}/value`)
    if (CLOUD_CREDENTIAL.test(value) || (CLOUD_CREDENTIAL_NAME.test(name) && !NOT_A_CREDENTIAL.test(value)))
      note('pod.cloud_credential', 1, `${at}/value`)
    if (PROXY_VARIABLE.test(name)) note('pod.proxy_variable', 1, at)
    const preloads = /^LD_(?:PRELOAD|AUDIT)$/.test(name)
    if (preloads && OWN_LIBRARY.test(value)) note('pod.preloaded_library', 1, at)
    else if (preloads || (LOADER_VARIABLES.test(name) && LOADING_VALUE.test(value))) {
      note('pod.loader_variable', 1, at)
    }
  }
}

function noteSecurityContext(context: JsonObject, path: string, note: PodNote): void {
  if (context.privileged === true) note('pod.privileged', 1, `${path}/privileged`)
  if (context.allowPrivilegeEscalation === true) note('pod.escalation_allowed', 1, `${path}/allowPrivilegeEscalation`)
  if (context.runAsUser === 0) note('pod.root_user', 1, `${path}/runAsUser`)
  if (context.runAsNonRoot === false) note('pod.root_user', 1, `${path}/runAsNonRoot`)
  if (context.procMount === 'Unmasked') note('pod.unmasked_proc', 1, `${path}/procMount`)
  if (isUnconfined(context.seccompProfile)) note('pod.seccomp_unconfined', 1, `${path}/seccompProfile/type`)
  if (isUnconfined(context.appArmorProfile)) note('pod.apparmor_unconfined', 1, `${path}/appArmorProfile/type`)
  const { type, user, role } = objectOr(context.seLinuxOptions)
  const isOwnType = textOr(type) !== '' && !/^container_(?:init_|kvm_|engine_)?t$/.test(textOr(type))
  if (isOwnType || textOr(user) !== '' || textOr(role) !== '') note('pod.selinux_type', 1, `${path}/seLinuxOptions`)
  if (objectOr(context.windowsOptions).hostProcess === true)
    note('pod.host_process', 1, `${path}/windowsOptions/hostProcess`)
  for (const { item, path: at } of objectsAt(context.sysctls, `${path}/sysctls`)) {
    const name = textOr(item.name).replaceAll('/', '.')
    if (!SAFE_SYSCTLS.has(name))
      note('pod.sysctl_unsafe', name.startsWith('kernel.') || name.startsWith('vm.') ? 3 : 1, at)
  }
  const { add } = objectOr(context.capabilities)
  textsOf(add).forEach((name, index) => {
    const { kind, grade } = capabilityClass(name)
    note(`pod.capability_${kind}`, 1, `${path}/capabilities/add/${index}`)
    note('pod.capability_grade', grade, `${path}/capabilities/add/${index}`)
  })
}

function isUnconfined(profile: Json | undefined): boolean {
  return isJsonObject(profile) && profile.type === 'Unconfined'
}
