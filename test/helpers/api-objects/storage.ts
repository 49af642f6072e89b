import { claimSpec } from './claims.js'
import type { Choices, Draw } from './draw.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { metadata, STORAGE } from './values.js'
import type { Make } from './workloads.js'

/** Kinds of storage. */
export const STORAGE_KINDS: Readonly<Record<string, Make>> = {
  'v1/PersistentVolumeClaim': draw => ({ metadata: metadata(draw), spec: claimSpec(draw) }),
  'v1/PersistentVolume': draw => ({ metadata: metadata(draw), spec: volumeSpec(draw) }),
  'storage.k8s.io/v1/StorageClass': draw =>
    draw.members(
      { metadata: metadata(draw), provisioner: 'csi.example.com' },
      {
        reclaimPolicy: ['Delete', 'Retain'],
        volumeBindingMode: ['Immediate', 'WaitForFirstConsumer'],
        allowVolumeExpansion: [false, true],
        mountOptions: [[], ['noatime']],
        parameters: [{}, { type: 'ssd', empty: '' }],
        allowedTopologies: [[], [{ matchLabelExpressions: [{ key: 'zone', values: ['a'] }] }]],
      },
    ),
  'storage.k8s.io/v1/CSIDriver': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      {},
      {
        attachRequired: [true, false],
        podInfoOnMount: [false, true],
        storageCapacity: [false, true],
        fsGroupPolicy: ['ReadWriteOnceWithFSType', 'File', 'None'],
        volumeLifecycleModes: [['Persistent'], ['Ephemeral', 'Persistent'], []],
        tokenRequests: [[], [{ audience: '' }], [{ audience: 'vault', expirationSeconds: 3600 }]],
        requiresRepublish: [false, true],
        seLinuxMount: [false, true],
        nodeAllocatableUpdatePeriodSeconds: [10],
      },
    ),
  }),
  'storage.k8s.io/v1/CSIStorageCapacity': draw =>
    draw.members(
      { metadata: metadata(draw), storageClassName: 'fast' },
      {
        capacity: STORAGE,
        maximumVolumeSize: STORAGE,
        nodeTopology: [{}, { matchLabels: { zone: 'a' } }],
      },
    ),
  'storage.k8s.io/v1/CSINode': draw => ({
    metadata: metadata(draw),
    spec: {
      drivers: draw.some<Json>([
        { name: 'csi.example.com', nodeID: 'n', topologyKeys: ['zone'], allocatable: { count: 4 } },
        { name: 'other.example.com', nodeID: 'n', topologyKeys: [], allocatable: {} },
      ]),
    },
  }),
  'storage.k8s.io/v1/VolumeAttributesClass': draw => ({
    metadata: metadata(draw),
    driverName: 'csi.example.com',
    parameters: draw.pick<JsonObject>([{ iops: '1000' }, { iops: '1000', empty: '' }]),
  }),
  'storage.k8s.io/v1/VolumeAttachment': draw => ({
    metadata: metadata(draw),
    spec: { attacher: 'csi.example.com', nodeName: 'node-1', source: { persistentVolumeName: 'disk-1' } },
  }),
}

const FILE_SYSTEM: Choices = { fsType: ['', 'ext4'], readOnly: [false, true] }
const SECRET: Choices = { secretRef: [{ name: 'keys', namespace: 'default' }] }

const SOURCES: Readonly<Record<string, (draw: Draw) => JsonObject>> = {
  hostPath: draw => draw.members({ path: '/data' }, { type: ['', 'DirectoryOrCreate'] }),
  nfs: draw => draw.members({ server: 'nfs.example.com', path: '/srv' }, { readOnly: [false, true] }),
  csi: draw =>
    draw.members(
      { driver: 'csi.example.com', volumeHandle: 'h' },
      {
        ...FILE_SYSTEM,
        volumeAttributes: [{}, { a: '' }],
        nodeStageSecretRef: [{ name: 'keys', namespace: 'default' }],
        controllerExpandSecretRef: [{ name: 'keys', namespace: 'default' }],
      },
    ),
  local: draw => draw.members({ path: '/mnt/disk' }, { fsType: ['ext4'] }),
  iscsi: draw =>
    draw.members(
      { targetPortal: '10.0.0.9', iqn: 'iqn.2001-04.com.example:storage', lun: 0 },
      { ...FILE_SYSTEM, iscsiInterface: ['default', 'if1'] },
    ),
  rbd: draw =>
    draw.members(
      { monitors: ['10.0.0.9:6789'], image: 'shop' },
      { ...FILE_SYSTEM, ...SECRET, pool: ['rbd', 'fast'], user: ['admin'], keyring: ['/etc/ceph/keyring', '/k'] },
    ),
  cephfs: draw => draw.members({ monitors: ['10.0.0.9'] }, { ...SECRET, path: ['/', '/x'], user: ['admin', ''] }),
  fc: draw => draw.members({ wwids: ['3600508b400105e210000900000490000'] }, FILE_SYSTEM),
  glusterfs: draw => draw.members({ endpoints: 'cluster', path: 'v' }, { endpointsNamespace: ['default'] }),
  azureFile: draw => draw.members({ secretName: 'keys', shareName: 's' }, { secretNamespace: ['default'] }),
  azureDisk: draw =>
    draw.members(
      { diskName: 'd', diskURI: 'https://example.com/d.vhd' },
      { ...FILE_SYSTEM, cachingMode: ['ReadWrite', 'ReadOnly'], kind: ['Shared'] },
    ),
  awsElasticBlockStore: draw => draw.members({ volumeID: 'v' }, FILE_SYSTEM),
  gcePersistentDisk: draw => draw.members({ pdName: 'd' }, FILE_SYSTEM),
  cinder: draw => draw.members({ volumeID: 'v' }, { ...FILE_SYSTEM, ...SECRET }),
  flexVolume: draw => draw.members({ driver: 'example.com/flex' }, { ...FILE_SYSTEM, ...SECRET, options: [{}] }),
  scaleIO: draw =>
    draw.members(
      { gateway: 'https://example.com/api', system: 's', volumeName: 'v', secretRef: { name: 'keys', namespace: 'a' } },
      { storageMode: ['ThinProvisioned', 'ThickProvisioned'], fsType: ['xfs', 'ext4'] },
    ),
  storageos: draw => draw.members({ volumeName: 'v' }, FILE_SYSTEM),
  vsphereVolume: draw => draw.members({ volumePath: '[store] v' }, { fsType: ['', 'ext4'] }),
}

function volumeSpec(draw: Draw): JsonObject {
  const source = draw.pick(Object.keys(SOURCES))
  const affinity = {
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }] },
  }
  return draw.members(
    {
      capacity: { storage: draw.pick(STORAGE) },
      accessModes: draw.pick([['ReadWriteOnce'], ['ReadWriteMany', 'ReadOnlyMany']]),
      [source]: SOURCES[source]?.(draw) ?? {},
      ...(source === 'local' && { nodeAffinity: affinity }),
    },
    {
      persistentVolumeReclaimPolicy: ['Retain', 'Delete'],
      storageClassName: ['', 'fast'],
      volumeMode: ['Filesystem'],
      mountOptions: [[], ['noatime']],
      nodeAffinity: [affinity],
      claimRef: [
        { name: 'data', namespace: 'default' },
        { kind: 'PersistentVolumeClaim', name: 'data', namespace: 'default' },
      ],
    },
  )
}
