import type { Json, JsonObject } from '../../src/json.js'

/** What a generated Pod, or the template of a workload, is made of. */
export interface GeneratedPod {
  readonly annotations: Readonly<Record<string, string>>
  readonly spec: JsonObject
}

/** A source of choices that a seed determines. */
export interface Random {
  /** 0 to below `limit`. */
  integer(limit: number): number
  pick<T>(values: readonly T[]): T
  /** True in `share` of all cases. */
  chance(share: number): boolean
}

/** A small generator of good quality (mulberry32): the same seed gives the same choices on every machine. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const integer = (limit: number) => Math.floor(next() * limit)
  return {
    integer,
    pick: <T>(values: readonly T[]) => values[integer(values.length)] as T,
    chance: share => next() < share,
  }
}

/** A member that is left out. */
const ABSENT = Symbol('absent')
type Choice = Json | typeof ABSENT

const FLAGS: readonly Choice[] = [true, false, null, ABSENT]
const USERS: readonly Choice[] = [0, 1, 1000, 65535, null, ABSENT]
const SECCOMP: readonly Choice[] = [
  { type: 'RuntimeDefault' },
  { type: 'Unconfined' },
  { type: 'Localhost', localhostProfile: 'profiles/web.json' },
  null,
  ABSENT,
]
const APP_ARMOR: readonly Choice[] = [
  { type: 'RuntimeDefault' },
  { type: 'Unconfined' },
  { type: 'Localhost', localhostProfile: 'web' },
  null,
  ABSENT,
]
const SELINUX: readonly Choice[] = [
  ...['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t', 'spc_t', 'container', null].map(
    type => ({ type }),
  ),
  ...['', 'system_u', null].map(user => ({ user, level: 's0:c1,c2' })),
  ...['', 'system_r', null].map(role => ({ role })),
  { type: 'spc_t', user: 'root', role: 'object_r', level: 's0' },
  {},
  null,
  ABSENT,
]
const CAPABILITIES = [
  ...['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP'],
  ...['SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT', 'NET_BIND_SERVICE', 'NET_BIND_SERVICE'],
  ...['NET_RAW', 'NET_ADMIN', 'SYS_PTRACE', 'SYS_TIME', 'BPF', 'ALL', 'CAP_CHOWN', 'chown', 'net_bind_service', ''],
]
const DROPS: readonly Choice[] = [
  ['ALL'],
  ['ALL'],
  ['NET_RAW', 'ALL'],
  ['NET_RAW'],
  ['all'],
  ['CAP_ALL'],
  [],
  null,
  ABSENT,
]
const SYSCTLS = [
  ...['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.ip_local_reserved_ports'],
  ...['net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ping_group_range', 'net.ipv4.tcp_fin_timeout'],
  ...['net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_keepalive_time'],
  ...['net.ipv4.tcp_notsent_lowat', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_slow_start_after_idle'],
  ...['net.ipv4.tcp_syncookies', 'net.ipv4.tcp_wmem', 'net.ipv4.tcp_mem', 'net.core.somaxconn', 'kernel.msgmax'],
  ...['net/ipv4/tcp_syncookies', 'kernel.sem', 'vm.overcommit_memory'],
]
/** Every type of volume that 1.37 knows; the API server takes one without a type for an emptyDir. */
const VOLUMES: readonly JsonObject[] = [
  { configMap: { name: 'settings' } },
  { csi: { driver: 'csi.example.com' } },
  { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
  { emptyDir: {} },
  { emptyDir: null },
  {
    ephemeral: {
      volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
    },
  },
  { image: { reference: 'registry.example.com/data:1.0.0' } },
  { persistentVolumeClaim: { claimName: 'data' } },
  { projected: { sources: [{ configMap: { name: 'settings' } }] } },
  { secret: { secretName: 'keys' } },
  { hostPath: { path: '/var/log' } },
  { hostPath: { path: '/run/x.sock', type: 'Socket' } },
  { hostPath: null, emptyDir: { medium: 'Memory' } },
  { nfs: { server: 'nfs.example.com', path: '/data' } },
  { nfs: null },
  { iscsi: { targetPortal: '10.0.2.15:3260', iqn: 'iqn.2001-04.com.example:storage.disk1', lun: 0 } },
  { glusterfs: { endpoints: 'gluster', path: 'data' } },
  { rbd: { monitors: ['10.0.0.1:6789'], image: 'data' } },
  { cephfs: { monitors: ['10.0.0.1:6789'] } },
  { cinder: { volumeID: 'bd82f7e2' } },
  { fc: { targetWWNs: ['500a0982991b8dc5'], lun: 2 } },
  { flexVolume: { driver: 'example/driver' } },
  { flocker: { datasetName: 'data' } },
  { gcePersistentDisk: { pdName: 'data' } },
  { awsElasticBlockStore: { volumeID: 'vol-1' } },
  { azureDisk: { diskName: 'data', diskURI: 'https://example.com/data.vhd' } },
  { azureFile: { secretName: 'azure', shareName: 'data' } },
  { vsphereVolume: { volumePath: '[store] data' } },
  { quobyte: { registry: 'quobyte:7861', volume: 'data' } },
  { portworxVolume: { volumeID: 'data' } },
  { photonPersistentDisk: { pdID: 'data' } },
  { scaleIO: { gateway: 'https://example.com', system: 'sio', secretRef: { name: 'sio' }, volumeName: 'data' } },
  { storageos: { volumeName: 'data' } },
  { gitRepo: { repository: 'https://git.example.com/data.git' } },
  {},
]
const HOSTS: readonly Choice[] = ['', '', null, ABSENT, ABSENT, '127.0.0.1', 'metadata.example.com']

type Change = (random: Random, pod: Draft) => void

/** A Pod that is being changed. */
interface Draft {
  readonly annotations: Record<string, string>
  readonly spec: JsonObject
  /** All containers that the changes may choose from. */
  readonly containers: readonly JsonObject[]
}

function put(object: JsonObject, key: string, value: Choice): void {
  if (value === ABSENT) Reflect.deleteProperty(object, key)
  else object[key] = structuredClone(value)
}

/** The member, made when it is no object. */
function inside(object: JsonObject, key: string): JsonObject {
  const member = object[key]
  if (typeof member === 'object' && member !== null && !Array.isArray(member)) return member as JsonObject
  const made: JsonObject = {}
  object[key] = made
  return made
}

function nameOf({ name }: JsonObject): string {
  return typeof name === 'string' ? name : ''
}

/** The securityContext of the pod or of one of its containers. */
function anyContext(random: Random, { spec, containers }: Draft): JsonObject {
  return inside(random.chance(0.4) ? spec : random.pick(containers), 'securityContext')
}

function containerContext(random: Random, { containers }: Draft): JsonObject {
  return inside(random.pick(containers), 'securityContext')
}

function handler(random: Random): JsonObject {
  const target: JsonObject = { port: 8080 }
  put(target, 'host', random.pick(HOSTS))
  return random.pick([
    { httpGet: { ...target, path: '/healthz' } },
    { tcpSocket: target },
    { exec: { command: ['true'] } },
  ])
}

function strings(random: Random, values: readonly string[], limit: number): string[] {
  return Array.from({ length: random.integer(limit) }, () => random.pick(values))
}

/** One field of the standard each. What only some values need beside them, the API server's validation asks for. */
const CHANGES: Readonly<Record<string, Change>> = {
  hostNetwork: (random, { spec }) => {
    put(spec, 'hostNetwork', random.pick(FLAGS))
  },
  hostPID: (random, { spec }) => {
    put(spec, 'hostPID', random.pick(FLAGS))
  },
  hostIPC: (random, { spec }) => {
    put(spec, 'hostIPC', random.pick(FLAGS))
  },
  hostUsers: (random, { spec }) => {
    put(spec, 'hostUsers', random.pick([false, ...FLAGS]))
  },
  os: (random, { spec }) => {
    put(spec, 'os', random.pick<Choice>([{ name: 'linux' }, null, ABSENT]))
  },
  securityContext: (random, { spec, containers }) => {
    put(random.chance(0.3) ? spec : random.pick(containers), 'securityContext', random.pick<Choice>([{}, null, ABSENT]))
  },
  runAsNonRoot: (random, draft) => {
    put(anyContext(random, draft), 'runAsNonRoot', random.pick(FLAGS))
  },
  runAsUser: (random, draft) => {
    put(anyContext(random, draft), 'runAsUser', random.pick(USERS))
  },
  rootInUserNamespace: (random, draft) => {
    draft.spec.hostUsers = false
    put(anyContext(random, draft), 'runAsUser', 0)
    put(anyContext(random, draft), 'runAsNonRoot', random.pick(FLAGS))
  },
  seccompProfile: (random, draft) => {
    put(anyContext(random, draft), 'seccompProfile', random.pick(SECCOMP))
  },
  appArmorProfile: (random, draft) => {
    put(anyContext(random, draft), 'appArmorProfile', random.pick(APP_ARMOR))
  },
  seLinuxOptions: (random, draft) => {
    put(anyContext(random, draft), 'seLinuxOptions', random.pick(SELINUX))
  },
  windowsOptions: (random, draft) => {
    put(anyContext(random, draft), 'windowsOptions', random.pick<Choice>([{ hostProcess: false }, {}, null]))
  },
  hostProcess: (_random, draft) => {
    draft.spec.hostNetwork = true
    inside(draft.spec, 'securityContext').windowsOptions = { hostProcess: true }
  },
  hostProcessOfContainers: (_random, draft) => {
    draft.spec.hostNetwork = true
    for (const each of draft.containers) inside(each, 'securityContext').windowsOptions = { hostProcess: true }
  },
  sysctls: (random, draft) => {
    const names = [...new Set(strings(random, SYSCTLS, 4))]
    inside(draft.spec, 'securityContext').sysctls = names.map(name => ({ name, value: '1' }))
  },
  volumes: (random, { spec }) => {
    const count = random.integer(4)
    spec.volumes = Array.from({ length: count }, (_, i) => ({
      name: `v${i}`,
      ...structuredClone(random.pick(VOLUMES)),
    }))
  },
  appArmorAnnotation: (random, { annotations, containers }) => {
    const value = random.pick(['runtime/default', 'unconfined', 'unconfined', 'localhost/web', ''])
    annotations[`container.apparmor.security.beta.kubernetes.io/${nameOf(random.pick(containers))}`] = value
  },
  seccompAnnotation: (random, { annotations, containers }) => {
    const container = `container.seccomp.security.alpha.kubernetes.io/${nameOf(random.pick(containers))}`
    const key = random.pick(['seccomp.security.alpha.kubernetes.io/pod', container])
    annotations[key] = random.pick(['runtime/default', 'docker/default', 'localhost/web.json', 'unconfined'])
  },
  privileged: (random, draft) => {
    const context = containerContext(random, draft)
    put(context, 'privileged', random.pick(FLAGS))
    if (context.privileged === true) context.allowPrivilegeEscalation = random.pick([true, null])
  },
  allowPrivilegeEscalation: (random, draft) => {
    put(containerContext(random, draft), 'allowPrivilegeEscalation', random.pick(FLAGS))
  },
  capabilitiesAdded: (random, draft) => {
    const capabilities = inside(containerContext(random, draft), 'capabilities')
    put(capabilities, 'add', random.chance(0.1) ? null : strings(random, CAPABILITIES, 4))
  },
  powerfulCapability: (random, draft) => {
    const context = containerContext(random, draft)
    context.allowPrivilegeEscalation = true
    inside(context, 'capabilities').add = [random.pick(['SYS_ADMIN', 'CAP_SYS_ADMIN'])]
  },
  capabilitiesDropped: (random, draft) => {
    put(inside(containerContext(random, draft), 'capabilities'), 'drop', random.pick(DROPS))
  },
  capabilities: (random, draft) => {
    put(containerContext(random, draft), 'capabilities', random.pick<Choice>([{}, null, ABSENT]))
  },
  procMount: (random, draft) => {
    put(containerContext(random, draft), 'procMount', random.pick<Choice>(['Default', 'Unmasked', null, ABSENT]))
  },
  unmaskedInUserNamespace: (random, draft) => {
    draft.spec.hostUsers = false
    containerContext(random, draft).procMount = 'Unmasked'
  },
  ports: (random, { containers }) => {
    random.pick(containers).ports = Array.from({ length: random.integer(3) }, (_, i) => {
      const port: JsonObject = { containerPort: 8080 + i, protocol: random.pick(['TCP', 'UDP']) }
      put(port, 'hostPort', random.pick<Choice>([0, null, ABSENT, ABSENT, 8080 + i]))
      return port
    })
  },
  probes: (random, { containers }) => {
    const container = random.pick(containers)
    container[random.pick(['livenessProbe', 'readinessProbe', 'startupProbe'])] = handler(random)
  },
  lifecycle: (random, { containers }) => {
    inside(random.pick(containers), 'lifecycle')[random.pick(['postStart', 'preStop'])] = handler(random)
  },
}

/** Fields with many values are chosen more often. */
const NAMES = [
  ...Object.keys(CHANGES),
  ...['volumes', 'volumes', 'volumes', 'volumes', 'runAsUser', 'runAsUser', 'sysctls', 'ports', 'probes', 'lifecycle'],
  ...['seLinuxOptions', 'seLinuxOptions', 'capabilitiesAdded', 'capabilitiesDropped', 'privileged', 'procMount'],
]

/** What satisfies every control of the standard. */
function hardened(): JsonObject {
  return {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  }
}

function container(random: Random, name: string, isHardened: boolean): JsonObject {
  const context = isHardened ? { securityContext: hardened() } : {}
  const made: JsonObject = { name, image: 'registry.example.com/shop/web:1.4.2', ...context }
  // Only init containers that go on running may have probes and lifecycle hooks.
  if (name.startsWith('init') && random.chance(0.6)) made.restartPolicy = 'Always'
  return made
}

/** A Pod with up to 27 fields of the standard set to valid, unusual or forbidden values. */
export function generatePod(random: Random): GeneratedPod {
  if (random.chance(0.08)) return windowsPod(random)
  const isHardened = random.chance(0.8)
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
  const containers = names('web', 1 + random.integer(2)).map(name => container(random, name, isHardened))
  const initContainers = names('init', random.integer(2)).map(name => container(random, name, isHardened))
  const spec: JsonObject = {
    containers,
    ...(initContainers.length > 0 && { initContainers }),
    ...(isHardened &&
      random.chance(0.6) && { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } }),
  }
  return changed(random, { annotations: {}, spec, containers: [...containers, ...initContainers] }, NAMES)
}

/** The API server refuses most settings of Linux in such a Pod. */
function windowsPod(random: Random): GeneratedPod {
  const containers = [container(random, 'web0', false)]
  const spec: JsonObject = { os: { name: 'windows' }, containers }
  return changed(random, { annotations: {}, spec, containers }, [
    ...['runAsNonRoot', 'windowsOptions', 'hostProcess', 'hostProcessOfContainers', 'volumes', 'ports', 'probes'],
    ...['lifecycle', 'appArmorAnnotation', 'capabilities', 'securityContext'],
  ])
}

function changed(random: Random, draft: Draft, names: readonly string[]): GeneratedPod {
  for (let left = random.integer(random.pick([2, 4, 8, 16, 28])); left > 0; left -= 1) {
    CHANGES[random.pick(names)]?.(random, draft)
  }
  return { annotations: draft.annotations, spec: draft.spec }
}

/** An ephemeral container for a running Pod: it may have a securityContext, but neither ports nor probes. */
export function generateEphemeralContainer(random: Random): JsonObject {
  const made = container(random, 'debugger', random.chance(0.7))
  const draft: Draft = { annotations: {}, spec: {}, containers: [made] }
  const changes = ['privileged', 'capabilitiesAdded', 'capabilitiesDropped', 'capabilities', 'powerfulCapability']
  changes.push('allowPrivilegeEscalation', 'securityContext', 'procMount', 'runAsNonRoot', 'runAsUser')
  changes.push('seccompProfile', 'appArmorProfile', 'seLinuxOptions', 'windowsOptions')
  changed(random, draft, changes)
  return made
}

/** The kinds with a pod template that the standard's plug-in knows. */
export const TEMPLATE_KINDS = [
  ...['CronJob', 'DaemonSet', 'Deployment', 'Job', 'PodTemplate', 'ReplicaSet', 'ReplicationController', 'StatefulSet'],
] as const

/** The Pod as a manifest, or a workload with it as its template. */
export function manifestOf(kind: string, { annotations, spec }: GeneratedPod, namespace: string): JsonObject {
  const labels = { app: 'web' }
  const metadata = { name: 'web', namespace }
  const template = (restartPolicy: string): JsonObject => ({
    metadata: { labels, annotations },
    spec: { ...spec, restartPolicy },
  })
  const selector = { matchLabels: labels }
  switch (kind) {
    case 'Pod':
      return { apiVersion: 'v1', kind, metadata: { ...metadata, labels, annotations }, spec }
    case 'PodTemplate':
      return { apiVersion: 'v1', kind, metadata, template: template('Always') }
    case 'ReplicationController':
      return { apiVersion: 'v1', kind, metadata, spec: { selector: labels, template: template('Always') } }
    case 'Job':
      return { apiVersion: 'batch/v1', kind, metadata, spec: { template: template('Never') } }
    case 'CronJob': {
      const jobTemplate = { spec: { template: template('Never') } }
      return { apiVersion: 'batch/v1', kind, metadata, spec: { schedule: '0 3 * * *', jobTemplate } }
    }
    case 'StatefulSet':
      return {
        apiVersion: 'apps/v1',
        kind,
        metadata,
        spec: { serviceName: 'web', selector, template: template('Always') },
      }
    default:
      return { apiVersion: 'apps/v1', kind, metadata, spec: { selector, template: template('Always') } }
  }
}
