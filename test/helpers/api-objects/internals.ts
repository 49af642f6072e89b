import type { Draw } from './draw.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { metadata, STORAGE } from './values.js'
import type { Make } from './workloads.js'

/** Kinds that mostly the parts of a cluster write, not its users. */
export const INTERNALS: Readonly<Record<string, Make>> = {
  'apps/v1/ControllerRevision': draw => ({
    metadata: metadata(draw),
    revision: draw.pick([0, 3]),
    data: draw.pick<JsonObject>([{}, { spec: { template: null, list: [], zero: 0, empty: '' } }]),
  }),
  'v1/Event': draw =>
    draw.members(
      { metadata: metadata(draw), involvedObject: reference(draw) },
      {
        reason: ['', 'Started'],
        message: ['', 'it runs'],
        source: [{}, { component: 'shop', host: '' }],
        firstTimestamp: ['2026-01-01T00:00:00Z'],
        count: [0, 3],
        type: ['', 'Normal'],
      },
    ),
  'events.k8s.io/v1/Event': draw =>
    draw.members(
      {
        metadata: metadata(draw),
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'example.com/shop',
        reportingInstance: 'shop-1',
        action: 'Start',
        reason: 'Started',
        type: 'Normal',
        regarding: reference(draw),
      },
      { note: ['', 'it runs'], series: [{ count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z' }] },
    ),
  'certificates.k8s.io/v1/ClusterTrustBundle': draw => ({
    metadata: metadata(draw),
    spec: draw.members({ trustBundle: CERTIFICATE }, { signerName: [''] }),
  }),
  'networking.k8s.io/v1/ServiceCIDR': draw => ({ metadata: metadata(draw), spec: { cidrs: ['10.200.0.0/24'] } }),
  'networking.k8s.io/v1/IPAddress': draw => ({
    metadata: { ...metadata(draw), name: `10.200.0.${draw.number(250)}` },
    spec: {
      parentRef: draw.members({ resource: 'services', name: 'shop' }, { group: [''], namespace: ['default', ''] }),
    },
  }),
  'storagemigration.k8s.io/v1/StorageVersionMigration': draw => ({
    metadata: metadata(draw),
    spec: {
      resource: draw.pick<JsonObject>([
        { resource: 'secrets', group: '' },
        { resource: 'jobs', group: 'batch' },
      ]),
    },
  }),
  'resource.k8s.io/v1/DeviceTaintRule': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { taint: draw.members({ key: 'example.com/broken', effect: 'NoExecute' }, { value: ['', 'yes'] }) },
      { deviceSelector: [{ driver: 'gpu.example.com' }, { pool: 'a', device: 'gpu-1' }] },
    ),
  }),
  'resource.k8s.io/v1/ResourceSlice': draw => ({
    metadata: metadata(draw),
    spec: {
      driver: 'gpu.example.com',
      pool: { name: 'a', generation: draw.pick([0, 1]), resourceSliceCount: 1 },
      ...draw.pick<JsonObject>([{ nodeName: 'node-1' }, { allNodes: true }]),
      devices: draw.some<Json>([
        { name: 'gpu-1' },
        { name: 'gpu-2', attributes: { model: { string: 'x' }, cores: { int: 0 }, fast: { bool: false } } },
        { name: 'gpu-3', capacity: { memory: { value: draw.pick(STORAGE) } }, attributes: {} },
        { name: 'gpu-4', taints: [{ key: 'example.com/broken', effect: 'NoSchedule' }] },
      ]),
    },
  }),
}

function reference(draw: Draw): JsonObject {
  return draw.members(
    { kind: 'Pod', namespace: 'default', name: 'shop-1' },
    { apiVersion: ['v1'], fieldPath: ['', 'spec.containers{main}'], uid: [''] },
  )
}

/** A certificate without meaning (P-256, CN=shop, for a hundred years); nobody has its key. */
const CERTIFICATE_BODY = [
  'MIIBdTCCARugAwIBAgIUQwdNR6NTaiTR2Te1XaaAGXOu+UEwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEc2hvcDAgFw0yNjExMjMw',
  'MjQ3MjZaGA8yMTI2MTAzMDAyNDcyNlowDzENMAsGA1UEAwwEc2hvcDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAf2jA+QsjIz',
  '9/5Bp1HIyYQnpNYQFTMb1OjfS1sV5ylTCIUf4zrFDrrkqFvXPlRRNXMyOYABXr9JnnYotCK9EcujUzBRMB0GA1UdDgQWBBRqa42P',
  'aXCitL9uShCUzSpSaeOkwDAfBgNVHSMEGDAWgBRqa42PaXCitL9uShCUzSpSaeOkwDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49',
  'BAMCA0gAMEUCIQCbkObcBZ1z6Q7oQVQ6OQaIzljbp6DQYqqhKM3/AUZWLQIgFpfwwH9mvqS+EPrzs48ptKN1zbv+i50rHoaFdC8V',
  'E/8=',
].join('')
const CERTIFICATE = `-----BEGIN CERTIFICATE-----\n${CERTIFICATE_BODY.replaceAll(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`
