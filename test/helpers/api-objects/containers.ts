import type { Choices, Draw } from './draw.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { resources } from './values.js'

const IMAGES = [
  'nginx',
  'nginx:1.29',
  'registry.example/team/shop:latest',
  'registry.example:5000/shop@sha256:' + '0123456789abcdef'.repeat(4),
  'registry.example/shop:v2@sha256:' + 'fedcba9876543210'.repeat(4),
]

/** What is around a container and decides which of its members are valid. */
export interface Surroundings {
  readonly hostNetwork: boolean
  readonly hostUsers: boolean
  /** '' where the Pod does not say. */
  readonly os: '' | 'linux' | 'windows'
  readonly restartPolicy: string
  readonly volumes: readonly string[]
  readonly blockVolumes: readonly string[]
}

/** An app container with anything that is valid where it stands. */
export function container(draw: Draw, name: string, around: Surroundings): JsonObject {
  return draw.members(containerBase(draw, name, around), {
    livenessProbe: [() => probe(draw, 'liveness')],
    readinessProbe: [() => probe(draw, 'readiness')],
    startupProbe: [() => probe(draw, 'startup')],
    lifecycle: [() => lifecycle(draw)],
    ...(around.restartPolicy !== 'Never' && {
      resizePolicy: [
        [],
        [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
        [
          { resourceName: 'cpu', restartPolicy: 'NotRequired' },
          { resourceName: 'memory', restartPolicy: 'RestartContainer' },
        ],
      ],
    }),
  })
}

/** A container that runs before the others, or beside them when it restarts always. */
export function initContainer(draw: Draw, name: string, around: Surroundings): JsonObject {
  const base = containerBase(draw, name, around)
  if (!draw.chance(0.4)) return base
  return draw.members(
    { ...base, restartPolicy: 'Always' },
    { startupProbe: [() => probe(draw, 'startup')], readinessProbe: [() => probe(draw, 'readiness')] },
  )
}

function containerBase(draw: Draw, name: string, around: Surroundings): JsonObject {
  const mounts = draw.some(around.volumes).map((volume, i) => volumeMount(draw, volume, i))
  const devices = draw.some(around.blockVolumes).map((volume, i) => ({ name: volume, devicePath: `/dev/x${i}` }))
  return draw.members(
    {
      name,
      image: draw.pick(IMAGES),
      ...(mounts.length > 0 && { volumeMounts: mounts }),
      ...(devices.length > 0 && { volumeDevices: devices }),
    },
    {
      imagePullPolicy: ['IfNotPresent', 'Always', 'Never'],
      command: [[], ['sleep', '1d'], ['']],
      args: [[], ['--verbose', '', '-x=1']],
      workingDir: ['', '/srv'],
      env: [[], () => environment(draw)],
      envFrom: [() => environmentSources(draw)],
      ports: [[], () => ports(draw, around)],
      resources: [() => resources(draw)],
      securityContext: [() => securityContext(draw, around)],
      terminationMessagePath: ['/dev/termination-log', '', '/tmp/last'],
      terminationMessagePolicy: ['File', 'FallbackToLogsOnError'],
      stdin: [false, true],
      stdinOnce: [false, true],
      tty: [false, true],
    },
  )
}

function volumeMount(draw: Draw, name: string, index: number): JsonObject {
  const mount = draw.members(
    { name, mountPath: `/mnt/${name}-${index}` },
    { mountPropagation: ['None', 'HostToContainer'] },
  )
  if (draw.optional()) mount[draw.pick(['subPath', 'subPathExpr'])] = draw.pick(['', 'data', 'data/inner'])
  if (!draw.optional()) return mount
  mount.readOnly = draw.chance(0.7)
  const recursive = mount.readOnly && mount.mountPropagation !== 'HostToContainer' && draw.optional()
  if (recursive) mount.recursiveReadOnly = draw.pick(['Disabled', 'IfPossible', 'Enabled'])
  return mount
}

function environment(draw: Draw): Json {
  const variables: Json[] = [
    { name: 'PLAIN', value: 'x' },
    { name: 'EMPTY', value: '' },
    { name: 'ABSENT' },
    { name: 'FIELD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'FIELD_WRITTEN_OUT', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['app']" } } },
    {
      name: 'CPU',
      valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: draw.pick<Json>(['0', '1m', 1]) } },
    },
    {
      name: 'MEMORY',
      valueFrom: { resourceFieldRef: { resource: 'requests.memory', divisor: draw.pick(['1Mi', '0']) } },
    },
    { name: 'FROM_CONFIG', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } },
    { name: 'FROM_SECRET', valueFrom: { secretKeyRef: { name: 'keys', key: 'a', optional: draw.chance(0.5) } } },
  ]
  return draw.some(variables)
}

function environmentSources(draw: Draw): Json {
  return draw.oneOrMore<Json>([
    { configMapRef: { name: 'settings' } },
    { prefix: 'A_', configMapRef: { name: 'settings', optional: true } },
    { prefix: '', secretRef: { name: 'keys', optional: false } },
    { secretRef: { name: 'keys' } },
  ])
}

function ports(draw: Draw, around: Surroundings): Json {
  const first = 1024 + draw.number(20_000)
  return draw.oneOrMore([0, 1, 2]).map(index => {
    const port = draw.members(
      { containerPort: first + index },
      { name: [`p${index}-${first}`], protocol: ['TCP', 'UDP', 'SCTP'], hostIP: ['', '10.0.0.1'] },
    )
    if (draw.optional()) port.hostPort = around.hostNetwork ? first + index : draw.pick([0, first + index + 100])
    return port
  })
}

const HANDLERS: Choices = {
  exec: [{}, { command: ['true'] }, { command: ['sh', '-c', 'exit 0'] }],
  httpGet: [
    { port: 80 },
    { port: 'http', path: '/' },
    { port: 8080, path: '/ready', scheme: 'HTTPS', host: 'example.com' },
    { port: 80, scheme: 'HTTP', httpHeaders: [{ name: 'X-A', value: '' }] },
    { port: 80, path: '', httpHeaders: [] },
  ],
  tcpSocket: [{ port: 80 }, { port: 'http', host: '' }, { port: 5432, host: '10.0.0.1' }],
}

/** The exec of a probe or a hook must name a command. */
function handler(draw: Draw, more: Choices): JsonObject {
  const handlers = { ...HANDLERS, ...more }
  const name = draw.pick(Object.keys(handlers))
  const choices = handlers[name] ?? []
  return { [name]: draw.value(name === 'exec' ? choices.slice(1) : choices) }
}

function probe(draw: Draw, purpose: 'liveness' | 'readiness' | 'startup'): JsonObject {
  return draw.members(
    handler(draw, { grpc: [{ port: 80 }, { port: 80, service: '' }, { port: 80, service: 'ready' }] }),
    {
      initialDelaySeconds: [0, 5],
      timeoutSeconds: [1, 0, 5],
      periodSeconds: [10, 0, 3],
      successThreshold: purpose === 'readiness' ? [1, 0, 2] : [1, 0],
      failureThreshold: [3, 0, 30],
      ...(purpose !== 'readiness' && { terminationGracePeriodSeconds: [30, 1] }),
    },
  )
}

function lifecycle(draw: Draw): JsonObject {
  const sleep: Choices = { sleep: [{ seconds: 1 }, { seconds: 0 }, { seconds: 10 }] }
  return draw.members({}, { postStart: [() => handler(draw, sleep)], preStop: [() => handler(draw, sleep)] })
}

function securityContext(draw: Draw, around: Surroundings): JsonObject {
  const identity: Choices = {
    runAsUser: [0, 1000],
    runAsGroup: [0, 3000],
    runAsNonRoot: [false, true],
    readOnlyRootFilesystem: [false, true],
  }
  if (around.os === 'windows')
    return draw.members({}, { windowsOptions: [() => windowsOptions(draw)], runAsNonRoot: [true, false] })
  const context = draw.members(
    {},
    {
      ...identity,
      capabilities: [{}, { drop: ['ALL'] }, { add: [], drop: [] }, { add: ['NET_ADMIN'], drop: ['ALL'] }],
      seLinuxOptions: [() => seLinuxOptions(draw)],
      seccompProfile: [() => profile(draw)],
      appArmorProfile: [() => profile(draw)],
      ...(around.os === '' && { windowsOptions: [() => windowsOptions(draw)] }),
      procMount: around.hostUsers ? ['Default'] : ['Default', 'Unmasked'],
    },
  )
  if (draw.optional()) context.privileged = draw.chance(0.4)
  if (draw.optional()) context.allowPrivilegeEscalation = context.privileged === true || draw.chance(0.5)
  return context
}

/** Profiles of seccomp and AppArmor are written alike. */
export function profile(draw: Draw): JsonObject {
  return draw.pick<JsonObject>([
    { type: 'RuntimeDefault' },
    { type: 'Unconfined' },
    { type: 'Localhost', localhostProfile: 'profiles/shop.json' },
  ])
}

export function seLinuxOptions(draw: Draw): JsonObject {
  return draw.members({}, { user: ['', 'u'], role: ['', 'r'], type: ['', 't'], level: ['', 's0:c1,c2'] })
}

export function windowsOptions(draw: Draw): JsonObject {
  return draw.members(
    {},
    {
      gmsaCredentialSpecName: ['spec'],
      gmsaCredentialSpec: ['{}'],
      runAsUserName: ['ContainerUser'],
      hostProcess: [false],
    },
  )
}
