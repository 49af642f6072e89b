import type { Draw } from './draw.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { labelSelector, metadata } from './values.js'
import type { Make } from './workloads.js'

/** Kinds of the network. */
export const NETWORKING: Readonly<Record<string, Make>> = {
  'v1/Service': draw => ({ metadata: metadata(draw), spec: serviceSpec(draw) }),
  'v1/Endpoints': draw => ({
    metadata: metadata(draw),
    subsets: draw.some<Json>([
      { addresses: [{ ip: '10.1.0.1' }], ports: [{ port: 80 }] },
      { addresses: [{ ip: '10.1.0.2', hostname: 'a', nodeName: 'node-1' }], ports: [{ port: 53, protocol: 'UDP' }] },
      {
        notReadyAddresses: [{ ip: '10.1.0.3', targetRef: { kind: 'Pod', name: 'p', namespace: 'default' } }],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'http' }],
      },
    ]),
  }),
  'discovery.k8s.io/v1/EndpointSlice': draw =>
    draw.members(
      {
        metadata: metadata(draw),
        addressType: 'IPv4',
        endpoints: draw.some<Json>([
          { addresses: ['10.1.0.1'] },
          { addresses: ['10.1.0.2'], conditions: {} },
          { addresses: ['10.1.0.3'], conditions: { ready: true, serving: false, terminating: false }, zone: 'a' },
          { addresses: ['10.1.0.4'], hostname: 'b', nodeName: 'node-1', hints: { forZones: [{ name: 'a' }] } },
        ]),
      },
      {
        ports: [
          [],
          [{ port: 80 }],
          [
            { name: '', port: 80, protocol: 'TCP' },
            { name: 'dns', port: 53, protocol: 'UDP' },
          ],
        ],
      },
    ),
  'networking.k8s.io/v1/Ingress': draw => ({
    metadata: metadata(draw),
    spec: draw.members(draw.chance(0.5) ? { defaultBackend: backend(draw) } : { rules: rules(draw) }, {
      ingressClassName: ['nginx'],
      tls: [[], [{ hosts: ['shop.example.com'] }], [{ hosts: [], secretName: 'tls' }]],
    }),
  }),
  'networking.k8s.io/v1/IngressClass': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { controller: 'example.com/ingress' },
      {
        parameters: [
          { apiGroup: 'example.com', kind: 'Parameters', name: 'p' },
          { kind: 'ConfigMap', name: 'p', scope: 'Namespace', namespace: 'default' },
          { apiGroup: 'example.com', kind: 'Parameters', name: 'p', scope: 'Cluster' },
        ],
      },
    ),
  }),
  'networking.k8s.io/v1/NetworkPolicy': draw => ({ metadata: metadata(draw), spec: networkPolicy(draw) }),
}

function serviceSpec(draw: Draw): JsonObject {
  const type = draw.pick(['', 'ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName', 'headless'])
  if (type === 'ExternalName') {
    return draw.members({ type, externalName: 'shop.example.com' }, { ports: [[], [{ port: 80 }]], selector: [{}] })
  }
  const isOutside = type === 'NodePort' || type === 'LoadBalancer'
  const spec = draw.members(
    {
      ...(type === 'headless' ? { clusterIP: 'None' } : type !== '' && { type }),
      ports: servicePorts(draw),
    },
    {
      selector: [{}, { app: 'shop' }, { app: 'shop', tier: '' }],
      publishNotReadyAddresses: [false, true],
      internalTrafficPolicy: ['Cluster', 'Local'],
      externalIPs: [[], ['203.0.113.7']],
      ipFamilyPolicy: ['SingleStack', 'PreferDualStack'],
      ipFamilies: [['IPv4']],
      sessionAffinity: ['None'],
      ...(isOutside && { externalTrafficPolicy: ['Cluster', 'Local'] }),
      ...(type === 'LoadBalancer' && {
        allocateLoadBalancerNodePorts: [true, false],
        loadBalancerClass: ['example.com/lb'],
        loadBalancerIP: ['', '203.0.113.9'],
        loadBalancerSourceRanges: [[], ['10.0.0.0/8']],
      }),
    },
  )
  if (draw.optional()) {
    const config = draw.pick<JsonObject | null>([
      null,
      {},
      { clientIP: {} },
      { clientIP: { timeoutSeconds: 10800 } },
      { clientIP: { timeoutSeconds: 60 } },
    ])
    spec.sessionAffinity = 'ClientIP'
    if (config !== null) spec.sessionAffinityConfig = config
  }
  return spec
}

function servicePorts(draw: Draw): Json {
  const port = (name: string, number: number): JsonObject =>
    draw.members(
      { name, port: number },
      {
        protocol: ['TCP', 'UDP', 'SCTP'],
        targetPort: [number, 8080, 'http', String(number) === '0' ? 1 : 'web', 0],
        appProtocol: ['http', 'kubernetes.io/h2c'],
        nodePort: [0],
      },
    )
  if (draw.chance(0.5)) {
    const { name: _name, ...only } = port('', 80)
    return [draw.chance(0.3) ? { ...only, name: '' } : only]
  }
  return [port('http', 80), port('https', 443)]
}

function backend(draw: Draw): JsonObject {
  return draw.pick<JsonObject>([
    { service: { name: 'shop', port: { number: 80 } } },
    { service: { name: 'shop', port: { name: 'http' } } },
    { resource: { apiGroup: 'example.com', kind: 'Bucket', name: 'static' } },
  ])
}

function rules(draw: Draw): Json {
  const path = (): JsonObject =>
    draw.members(
      { pathType: 'Prefix', path: '/', backend: backend(draw) },
      { pathType: ['Exact', 'ImplementationSpecific'] },
    )
  return draw.oneOrMore<Json>([
    { host: 'shop.example.com', http: { paths: [path()] } },
    { host: '*.example.com', http: { paths: [path(), { ...path(), path: '/x' }] } },
    { http: { paths: [path()] } },
    { host: 'bare.example.com' },
  ])
}

function networkPolicy(draw: Draw): JsonObject {
  const peer = (): JsonObject =>
    draw.pick<JsonObject>([
      { podSelector: labelSelector(draw) },
      { namespaceSelector: labelSelector(draw) },
      { podSelector: {}, namespaceSelector: labelSelector(draw) },
      { ipBlock: { cidr: '10.0.0.0/8' } },
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
      { ipBlock: { cidr: '10.0.0.0/8', except: [] } },
    ])
  const ports = [
    [],
    [{}],
    [{ port: 80 }],
    [{ protocol: 'UDP', port: 'dns' }],
    [{ protocol: 'TCP', port: 80, endPort: 90 }],
  ]
  const rule = (side: 'from' | 'to'): JsonObject => draw.members({}, { [side]: [[], () => [peer()]], ports })
  const spec = draw.members(
    { podSelector: labelSelector(draw) },
    { ingress: [[], () => [rule('from')], () => [{}]], egress: [[], () => [rule('to')], () => [{}]] },
  )
  if (draw.optional())
    spec.policyTypes = draw.pick([['Ingress'], ['Egress'], ['Ingress', 'Egress'], ['Egress', 'Ingress'], []])
  const types = spec.policyTypes as string[] | undefined
  if (types?.includes('Ingress') === false && types.length > 0) delete spec.ingress
  if (types?.includes('Egress') === false && types.length > 0) delete spec.egress
  return spec
}
