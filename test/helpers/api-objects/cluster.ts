import type { Draw } from './draw.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { labelSelector, metadata } from './values.js'
import type { Make } from './workloads.js'

/** Configuration, scaling, quotas, scheduling and what else a cluster has. */
export const CLUSTER: Readonly<Record<string, Make>> = {
  'v1/ConfigMap': draw =>
    draw.members(
      { metadata: metadata(draw) },
      {
        data: [{}, { a: 'b', empty: '' }, { 'file.yaml': 'a: 1\n' }],
        binaryData: [{}, { bytes: 'AAEC' }],
        immutable: [false, true],
      },
    ),
  'v1/Secret': draw =>
    draw.members(
      { metadata: metadata(draw) },
      {
        type: ['Opaque', '', 'example.com/own'],
        data: [{}, { a: 'c2hvcA==', empty: '' }, { long: 'c2hv\ncHNob3A=' }],
        stringData: [{}, { a: 'shop', umlaut: 'ä' }],
        immutable: [false, true],
      },
    ),
  'v1/Namespace': draw =>
    draw.members({ metadata: metadata(draw) }, { spec: [{}, { finalizers: [] }, { finalizers: ['kubernetes'] }] }),
  'v1/ResourceQuota': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      {},
      {
        hard: [
          {},
          { pods: '10', 'requests.cpu': '1500m' },
          { pods: 10, 'limits.memory': '1.5Gi', 'count/jobs.batch': '1k' },
        ],
      },
    ),
  }),
  'v1/LimitRange': draw => ({ metadata: metadata(draw), spec: { limits: limits(draw) } }),
  'v1/Node': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      {},
      {
        podCIDR: ['', '10.5.0.0/24'],
        providerID: ['', 'example://node-1'],
        unschedulable: [false, true],
        taints: [[], [{ key: 'dedicated', effect: 'NoSchedule' }], [{ key: 'a', value: '', effect: 'NoExecute' }]],
      },
    ),
  }),
  'autoscaling/v1/HorizontalPodAutoscaler': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { maxReplicas: 5, scaleTargetRef: scaleTarget(draw) },
      { minReplicas: [1, 2], targetCPUUtilizationPercentage: [80, 50] },
    ),
  }),
  'autoscaling/v2/HorizontalPodAutoscaler': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { maxReplicas: 5, scaleTargetRef: scaleTarget(draw) },
      { minReplicas: [1, 2], metrics: [[], metrics, metrics], behavior: [behavior] },
    ),
  }),
  'policy/v1/PodDisruptionBudget': draw => {
    const budget = draw.pick<JsonObject>([
      {},
      { minAvailable: 1 },
      { minAvailable: '050%' },
      { maxUnavailable: 0 },
      { maxUnavailable: '10%' },
    ])
    const spec = draw.members(budget, {
      selector: [() => labelSelector(draw)],
      unhealthyPodEvictionPolicy: ['IfHealthyBudget', 'AlwaysAllow'],
    })
    return { metadata: metadata(draw), spec }
  },
  'scheduling.k8s.io/v1/PriorityClass': draw =>
    draw.members(
      { metadata: metadata(draw), value: draw.pick([0, 1000, -5]) },
      { globalDefault: [false], description: ['', 'nightly'], preemptionPolicy: ['PreemptLowerPriority', 'Never'] },
    ),
  'node.k8s.io/v1/RuntimeClass': draw =>
    draw.members(
      { metadata: metadata(draw), handler: 'sandbox' },
      {
        overhead: [{}, { podFixed: {} }, { podFixed: { cpu: '0.25', memory: '120Mi' } }],
        scheduling: [
          {},
          { nodeSelector: { sandbox: 'true' } },
          {
            nodeSelector: {},
            tolerations: [
              { key: 'sandbox', operator: 'Exists' },
              { key: 'a', value: '', effect: 'NoSchedule' },
            ],
          },
        ],
      },
    ),
  'coordination.k8s.io/v1/Lease': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      {},
      {
        holderIdentity: ['a'],
        leaseDurationSeconds: [15],
        leaseTransitions: [0, 3],
        renewTime: ['2026-01-01T00:00:00.000000Z'],
      },
    ),
  }),
  'flowcontrol.apiserver.k8s.io/v1/FlowSchema': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { priorityLevelConfiguration: { name: 'workload-low' } },
      {
        matchingPrecedence: [1000, 0, 9000],
        distinguisherMethod: [{ type: 'ByUser' }],
        rules: [
          [],
          [
            {
              subjects: [{ kind: 'User', user: { name: 'alice' } }],
              resourceRules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'], namespaces: ['*'] }],
            },
          ],
          [
            {
              subjects: [{ kind: 'Group', group: { name: '*' } }],
              resourceRules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'], clusterScope: true, namespaces: [] }],
              nonResourceRules: [{ nonResourceURLs: ['*'], verbs: ['*'] }],
            },
          ],
        ],
      },
    ),
  }),
  'flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration': draw => ({
    metadata: metadata(draw),
    spec: {
      type: 'Limited',
      limited: draw.members(
        {
          limitResponse: draw.pick<JsonObject>([
            { type: 'Reject' },
            { type: 'Queue', queuing: {} },
            { type: 'Queue', queuing: { queues: 64, handSize: 0 } },
            { type: 'Queue', queuing: { queues: 32, handSize: 4, queueLengthLimit: 10 } },
          ]),
        },
        { nominalConcurrencyShares: [30, 0, 5], lendablePercent: [0, 50], borrowingLimitPercent: [0, 20] },
      ),
    },
  }),
  'resource.k8s.io/v1/DeviceClass': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      {},
      {
        selectors: [[], [{ cel: { expression: 'device.driver == "gpu.example.com"' } }]],
        config: [[], [{ opaque: { driver: 'gpu.example.com', parameters: { kind: 'Share', zero: 0, none: null } } }]],
        extendedResourceName: ['example.com/gpu'],
      },
    ),
  }),
  'resource.k8s.io/v1/ResourceClaim': draw => ({ metadata: metadata(draw), spec: { devices: devices(draw) } }),
  'resource.k8s.io/v1/ResourceClaimTemplate': draw => ({
    metadata: metadata(draw),
    spec: draw.members({ spec: { devices: devices(draw) } }, { metadata: [{}, { labels: { app: 'shop' } }] }),
  }),
}

function limits(draw: Draw): Json {
  const container = draw.members(
    { type: 'Container' },
    {
      max: [{ cpu: '2', memory: '1Gi' }],
      min: [{ cpu: '50m' }],
      default: [{ cpu: '500m' }],
      defaultRequest: [{ cpu: '0.1' }, {}],
    },
  )
  return [
    container,
    ...draw.some<Json>([
      { type: 'Pod', max: { cpu: '4', memory: '1024Mi' } },
      { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '1Ti' } },
    ]),
  ]
}

function scaleTarget(draw: Draw): JsonObject {
  return draw.pick<JsonObject>([
    { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
    { apiVersion: 'example.com/v1', kind: 'Shop', name: 'shop' },
  ])
}

function metrics(draw: Draw): Json {
  return draw.oneOrMore<Json>([
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1.5Gi' } } },
    { type: 'Pods', pods: { metric: { name: 'requests' }, target: { type: 'AverageValue', averageValue: '1k' } } },
    {
      type: 'Object',
      object: {
        describedObject: { kind: 'Service', name: 'shop' },
        metric: { name: 'load', selector: {} },
        target: { type: 'Value', value: 10 },
      },
    },
    {
      type: 'External',
      external: {
        metric: { name: 'queue', selector: { matchLabels: { q: 'a' } } },
        target: { type: 'Value', value: '30' },
      },
    },
    {
      type: 'ContainerResource',
      containerResource: { name: 'cpu', container: 'main', target: { type: 'Utilization', averageUtilization: 60 } },
    },
  ])
}

function behavior(draw: Draw): JsonObject {
  const policies: Json[] = [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ]
  const scaling = (): JsonObject =>
    draw.members(
      {},
      {
        stabilizationWindowSeconds: [0, 300, 60],
        selectPolicy: ['Max', 'Min', 'Disabled'],
        policies: [policies, policies.slice(0, 1), policies.slice(1), [{ type: 'Pods', value: 1, periodSeconds: 60 }]],
        tolerance: ['0.1', '50m', 0],
      },
    )
  return draw.members({}, { scaleUp: [scaling], scaleDown: [scaling] })
}

function devices(draw: Draw): JsonObject {
  const exactly = (): JsonObject =>
    draw.members(
      { deviceClassName: 'gpu' },
      {
        selectors: [[], [{ cel: { expression: 'true' } }]],
        tolerations: [[], [{ key: 'a', operator: 'Exists' }], [{ key: 'a', value: 'b', effect: 'NoSchedule' }]],
        capacity: [{}, { requests: { memory: '1.5Gi' } }],
      },
    )
  const counted = (): JsonObject => ({
    ...exactly(),
    ...draw.pick([{}, { allocationMode: 'ExactCount' }, { count: 1 }, { count: 2 }, { allocationMode: 'All' }]),
  })
  return draw.members(
    {
      requests: [
        draw.pick<JsonObject>([
          { name: 'gpu', exactly: counted() },
          {
            name: 'gpu',
            firstAvailable: [
              { name: 'big', ...counted() },
              { name: 'small', ...exactly() },
            ],
          },
        ]),
      ],
    },
    {
      constraints: [
        [],
        [{ requests: ['gpu'], matchAttribute: 'gpu.example.com/numa' }],
        [{ requests: [], matchAttribute: 'gpu.example.com/numa' }],
      ],
      config: [[], [{ requests: ['gpu'], opaque: { driver: 'gpu.example.com', parameters: { a: 1.5, list: [] } } }]],
    },
  )
}
