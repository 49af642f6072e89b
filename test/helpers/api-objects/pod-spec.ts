import { container, initContainer, profile, seLinuxOptions, type Surroundings } from './containers.js'
import type { Choices, Draw } from './draw.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { labelSelector, metadata } from './values.js'
import { volume } from './volumes.js'

/** Where a Pod spec stands: a Pod's own is checked against what the cluster has, a template's is not. */
export interface PodPlace {
  readonly isPod: boolean
  readonly restartPolicies: readonly string[]
  /** Only Pods, Jobs and bare templates may end by themselves. */
  readonly deadline: boolean
}

/** Labels that every template has, so that selectors fit. */
export const TEMPLATE_LABELS: JsonObject = { app: 'shop' }

/** A Pod template with the labels that selectors look for. */
export function podTemplate(draw: Draw, place: PodPlace): JsonObject {
  const meta = metadata(draw)
  const labels = { ...(meta.labels as JsonObject | undefined), ...TEMPLATE_LABELS }
  return { metadata: { ...meta, labels }, spec: podSpec(draw, place) }
}

/** A Pod spec with anything that is valid where it stands. */
export function podSpec(draw: Draw, place: PodPlace): JsonObject {
  const os = draw.pick(['', '', '', 'linux', 'windows'] as const)
  const windows = os === 'windows'
  const hostNetwork = !windows && draw.chance(0.15)
  const hostUsers = hostNetwork || windows || draw.chance(0.8)
  const restartPolicy = draw.pick(place.restartPolicies)
  const count = draw.optional() ? 1 + draw.number(4) : 0
  const names = Array.from({ length: count }, (_, i) => `v${i}`)
  const block = hostUsers && draw.optional() ? ['disk'] : []
  const around: Surroundings = { hostNetwork, hostUsers, os, restartPolicy, volumes: names, blockVolumes: block }
  const volumes: Json[] = [
    ...names.map(name => volume(draw, name)),
    ...block.map(name => ({ name, persistentVolumeClaim: { claimName: 'block' } })),
  ]
  const spec = draw.members(
    {
      containers: [
        container(draw, 'main', around),
        ...(draw.chance(0.25) ? [container(draw, 'second', { ...around, hostNetwork: false, volumes: [] })] : []),
      ],
      ...(draw.optional() && { initContainers: [initContainer(draw, 'setup', around)] }),
      ...(volumes.length > 0 && { volumes }),
      ...((restartPolicy !== 'Always' || draw.chance(0.3)) && { restartPolicy }),
      ...(hostNetwork && { hostNetwork }),
      ...(!hostUsers && { hostUsers }),
      ...(os !== '' && { os: { name: os } }),
    },
    { ...OPTIONAL, ...placeChoices(place), ...(windows ? {} : linuxChoices(draw, hostUsers)) },
  )
  if (!hostNetwork && draw.optional()) spec.hostNetwork = false
  if (spec.dnsPolicy === 'None') spec.dnsConfig = { nameservers: ['10.0.0.53'] }
  // A hook must not sleep longer than the Pod may take to end.
  if (JSON.stringify(spec).includes('"sleep":')) delete spec.terminationGracePeriodSeconds
  const context = spec.securityContext as JsonObject | undefined
  if (hostNetwork || spec.hostIPC === true) delete context?.sysctls
  return withoutHostPorts(spec, hostNetwork)
}

/** Two containers on the network of the node must not ask for the same port. */
function withoutHostPorts(spec: JsonObject, hostNetwork: boolean): JsonObject {
  if (!hostNetwork) return spec
  const [, second] = spec.containers as JsonObject[]
  if (second !== undefined) delete second.ports
  for (const init of (spec.initContainers ?? []) as JsonObject[]) delete init.ports
  return spec
}

const OPTIONAL: Choices = {
  terminationGracePeriodSeconds: [30, 0, 1, 3600],
  dnsPolicy: ['ClusterFirst', 'Default', 'ClusterFirstWithHostNet', 'None'],
  dnsConfig: [
    {},
    { searches: ['example.com'], nameservers: [] },
    { nameservers: ['10.0.0.53'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] },
  ],
  nodeSelector: [{}, { 'kubernetes.io/os': 'linux' }, { disk: '' }],
  automountServiceAccountToken: [false, false, true],
  imagePullSecrets: [[], [{ name: 'registry' }], [{ name: 'registry' }, { name: 'other' }]],
  hostname: ['', 'web'],
  subdomain: ['', 'shop'],
  schedulerName: ['default-scheduler', 'other'],
  hostAliases: [[], [{ ip: '10.0.0.1', hostnames: ['a', 'b.example.com'] }], [{ ip: '10.0.0.2' }]],
  enableServiceLinks: [true, false],
  setHostnameAsFQDN: [false, true],
  readinessGates: [[], [{ conditionType: 'example.com/ready' }]],
  tolerations: [tolerations],
  affinity: [affinity],
  topologySpreadConstraints: [[], topologySpread],
}

function placeChoices(place: PodPlace): Choices {
  const choices: Choices = place.isPod
    ? {
        serviceAccountName: ['default'],
        serviceAccount: ['default'],
        priorityClassName: ['', 'system-cluster-critical', 'system-node-critical'],
        schedulingGates: [[], [{ name: 'example.com/quota' }]],
      }
    : {
        serviceAccountName: ['default', 'runner', ''],
        priorityClassName: ['', 'important'],
        runtimeClassName: ['sandbox'],
        nodeName: ['', 'node-1'],
        priority: [0],
        preemptionPolicy: ['PreemptLowerPriority', 'Never'],
        overhead: [{}],
        resourceClaims: [
          [],
          [
            { name: 'gpu', resourceClaimName: 'gpu-1' },
            { name: 'net', resourceClaimTemplateName: 'net' },
          ],
        ],
      }
  return { ...choices, ...(place.deadline && { activeDeadlineSeconds: [1, 600] }) }
}

function linuxChoices(draw: Draw, hostUsers: boolean): Choices {
  const shared: Choices = draw.chance(0.5) ? { shareProcessNamespace: [false, true] } : { hostPID: [false, true] }
  return {
    ...(hostUsers && { ...shared, hostIPC: [false, true], hostUsers: [true] }),
    securityContext: [podSecurityContext],
  }
}

function podSecurityContext(draw: Draw): JsonObject {
  return draw.members(
    {},
    {
      runAsUser: [0, 1000],
      runAsGroup: [0, 1000],
      runAsNonRoot: [false, true],
      fsGroup: [0, 2000],
      fsGroupChangePolicy: ['Always', 'OnRootMismatch'],
      supplementalGroups: [[], [0, 4000]],
      supplementalGroupsPolicy: ['Merge', 'Strict'],
      sysctls: [
        [],
        [
          { name: 'net.ipv4.ip_unprivileged_port_start', value: '0' },
          { name: 'kernel.shm_rmid_forced', value: '' },
        ],
      ],
      seLinuxOptions: [() => seLinuxOptions(draw)],
      seLinuxChangePolicy: ['MountOption', 'Recursive'],
      seccompProfile: [() => profile(draw)],
      appArmorProfile: [() => profile(draw)],
    },
  )
}

function tolerations(draw: Draw): Json {
  return draw.some<Json>([
    { operator: 'Exists' },
    { key: 'dedicated', operator: 'Equal', value: 'db', effect: 'NoSchedule' },
    { key: 'dedicated', value: '', effect: 'PreferNoSchedule' },
    { key: 'dedicated' },
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 },
    { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: '' },
  ])
}

function affinity(draw: Draw): JsonObject {
  const term = (): JsonObject =>
    draw.members(
      { topologyKey: 'kubernetes.io/hostname' },
      { labelSelector: [labelSelector], namespaces: [[], ['default', 'shop']], namespaceSelector: [labelSelector] },
    )
  const nodes = (): JsonObject =>
    draw.pick<JsonObject>([
      { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }] },
      { matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['4'] }], matchFields: [] },
      { matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['node-1'] }] },
    ])
  const pods = (): JsonObject =>
    draw.members(
      {},
      {
        requiredDuringSchedulingIgnoredDuringExecution: [[], () => [term()]],
        preferredDuringSchedulingIgnoredDuringExecution: [[], () => [{ weight: 100, podAffinityTerm: term() }]],
      },
    )
  return draw.members(
    {},
    {
      podAffinity: [pods],
      podAntiAffinity: [pods],
      nodeAffinity: [
        {},
        () => ({ requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [nodes()] } }),
        () => ({ preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: nodes() }] }),
      ],
    },
  )
}

function topologySpread(draw: Draw): Json {
  return draw.oneOrMore(['kubernetes.io/hostname', 'topology.kubernetes.io/zone']).map(topologyKey => {
    const whenUnsatisfiable = draw.pick(['DoNotSchedule', 'ScheduleAnyway'])
    return draw.members(
      { maxSkew: draw.pick([1, 3]), topologyKey, whenUnsatisfiable },
      {
        labelSelector: [labelSelector],
        nodeAffinityPolicy: ['Honor', 'Ignore'],
        nodeTaintsPolicy: ['Ignore', 'Honor'],
        matchLabelKeys: [[]],
        ...(whenUnsatisfiable === 'DoNotSchedule' && { minDomains: [1, 2] }),
      },
    )
  })
}

/** Limits and requests of the Pod as a whole, above those of its containers, which mostly ask for nothing then. */
export function podResources(draw: Draw, spec: JsonObject): void {
  for (const each of [...(spec.containers as JsonObject[]), ...((spec.initContainers ?? []) as JsonObject[])]) {
    delete each.resources
    delete each.resizePolicy
    if (draw.chance(0.4))
      each.resources = { requests: { cpu: '50m' }, ...(draw.chance(0.5) && { limits: { cpu: '0.1' } }) }
  }
  spec.resources = draw.pick<JsonObject>([
    { limits: { cpu: '2', memory: '1Gi' } },
    { limits: { cpu: '2' }, requests: { cpu: '1' } },
    { limits: { memory: '1024Mi' }, requests: { memory: '0.5Gi' } },
    { requests: { cpu: '1' } },
    { limits: { cpu: '2000m', memory: '1Gi' }, requests: {} },
  ])
}
