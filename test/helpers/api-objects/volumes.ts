import type { Choices, Draw } from './draw.js'
import type { JsonObject } from '../../../src/json.js'
import { claimSpec } from './claims.js'

const KEYS: Choices[string] = [
  [],
  [{ key: 'a', path: 'a' }],
  [
    { key: 'a', path: 'dir/a', mode: 256 },
    { key: 'b', path: 'b', mode: 0 },
  ],
]
const FIELDS: Choices[string] = [
  [],
  [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }],
  [{ path: 'name', mode: 420, fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } }],
  [{ path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu', divisor: '1m' } }],
  [{ path: 'memory', resourceFieldRef: { containerName: 'main', resource: 'limits.memory', divisor: 0 } }],
]
const MODES: Choices[string] = [420, 256, 0, 511]
const FILE_SYSTEM: Choices = { fsType: ['', 'ext4', 'xfs'], readOnly: [false, true] }
const SECRET: Choices = { secretRef: [{ name: 'keys' }] }
/** Some of the old sources do not ask for the name of the Secret they name. */
const ANY_SECRET: Choices = { secretRef: [{ name: 'keys' }, { name: '' }, {}] }

/** Sources of a Pod's volumes: what must be there, and what may. */
const SOURCES: Readonly<Record<string, (draw: Draw) => JsonObject>> = {
  emptyDir: draw =>
    draw.members({}, { medium: ['', 'Memory', 'HugePages'], sizeLimit: ['0', '1Gi', '1024Mi', 1048576, '1.5G'] }),
  hostPath: draw => draw.members({ path: '/var/lib/x' }, { type: ['', 'Directory', 'DirectoryOrCreate', 'Socket'] }),
  secret: draw => draw.members({ secretName: 'keys' }, { items: KEYS, defaultMode: MODES, optional: [false, true] }),
  configMap: draw => draw.members({ name: 'settings' }, { items: KEYS, defaultMode: MODES, optional: [false, true] }),
  downwardAPI: draw => draw.members({}, { items: FIELDS, defaultMode: MODES }),
  projected: draw =>
    draw.members({ sources: draw.some(PROJECTIONS).map(project => project(draw)) }, { defaultMode: MODES }),
  persistentVolumeClaim: draw => draw.members({ claimName: 'data' }, { readOnly: [false, true] }),
  ephemeral: draw => ({
    volumeClaimTemplate: draw.members(
      { spec: claimSpec(draw, 'Filesystem') },
      { metadata: [{}, { labels: { app: 'shop' } }, { annotations: {} }] },
    ),
  }),
  csi: draw =>
    draw.members(
      { driver: 'csi.example.com' },
      {
        readOnly: [false, true],
        fsType: ['', 'ext4'],
        volumeAttributes: [{}, { a: 'b', empty: '' }],
        nodePublishSecretRef: [{ name: 'keys' }],
      },
    ),
  image: draw =>
    draw.members(
      { reference: draw.pick(['data', 'data:1', 'data:latest']) },
      { pullPolicy: ['IfNotPresent', 'Always'] },
    ),
  nfs: draw => draw.members({ server: 'nfs.example.com', path: '/srv' }, { readOnly: [false, true] }),
  iscsi: draw =>
    draw.members(
      { targetPortal: '10.0.0.9', iqn: 'iqn.2001-04.com.example:storage', lun: draw.pick([0, 3]) },
      { ...FILE_SYSTEM, iscsiInterface: ['default', 'if1'], portals: [[], ['10.0.0.10']], chapAuthSession: [false] },
    ),
  rbd: draw =>
    draw.members(
      { monitors: ['10.0.0.9:6789'], image: 'shop' },
      {
        ...FILE_SYSTEM,
        ...ANY_SECRET,
        pool: ['rbd', 'fast'],
        user: ['admin', 'x'],
        keyring: ['/etc/ceph/keyring', '/k'],
      },
    ),
  cephfs: draw =>
    draw.members(
      { monitors: ['10.0.0.9:6789'] },
      {
        ...ANY_SECRET,
        path: ['/', '/x', ''],
        user: ['admin', 'x'],
        secretFile: ['', '/etc/s'],
        readOnly: [false, true],
      },
    ),
  glusterfs: draw => draw.members({ endpoints: 'cluster', path: 'v' }, { readOnly: [false, true] }),
  cinder: draw => draw.members({ volumeID: 'v' }, { ...FILE_SYSTEM, ...SECRET }),
  fc: draw => draw.members({ targetWWNs: ['500a0982991b8dc5'], lun: draw.pick([0, 2]) }, FILE_SYSTEM),
  flocker: draw => draw.pick([{ datasetName: 'd' }, { datasetUUID: 'u' }]),
  flexVolume: draw =>
    draw.members({ driver: 'example.com/flex' }, { ...FILE_SYSTEM, ...SECRET, options: [{}, { a: 'b' }] }),
  azureDisk: draw =>
    draw.members(
      { diskName: 'd', diskURI: 'https://example.com/d.vhd' },
      { ...FILE_SYSTEM, cachingMode: ['ReadWrite', 'None'], kind: ['Shared'] },
    ),
  azureFile: draw => draw.members({ secretName: 'keys', shareName: 's' }, { readOnly: [false, true] }),
  awsElasticBlockStore: draw => draw.members({ volumeID: 'v' }, { ...FILE_SYSTEM, partition: [0, 1] }),
  gcePersistentDisk: draw => draw.members({ pdName: 'd' }, { ...FILE_SYSTEM, partition: [0, 1] }),
  quobyte: draw =>
    draw.members(
      { registry: 'q.example.com:7861', volume: 'v' },
      { readOnly: [false, true], user: ['', 'u'], group: ['g'] },
    ),
  scaleIO: draw =>
    draw.members(
      { gateway: 'https://example.com/api', system: 's', volumeName: 'v', secretRef: { name: 'keys' } },
      { ...FILE_SYSTEM, storageMode: ['ThinProvisioned', 'ThickProvisioned'], sslEnabled: [false, true] },
    ),
  storageos: draw => draw.members({ volumeName: 'v' }, { ...FILE_SYSTEM, volumeNamespace: ['', 'default'] }),
  vsphereVolume: draw =>
    draw.members({ volumePath: '[store] v' }, { fsType: ['', 'ext4'], storagePolicyName: ['', 'gold'] }),
  portworxVolume: draw => draw.members({ volumeID: 'v' }, FILE_SYSTEM),
  photonPersistentDisk: draw => draw.members({ pdID: 'd' }, { fsType: ['', 'ext4'] }),
}

const PROJECTIONS: readonly ((draw: Draw) => JsonObject)[] = [
  draw => ({ secret: draw.members({ name: 'keys' }, { items: KEYS, optional: [false, true] }) }),
  draw => ({
    configMap: draw.members({ name: 'settings' }, { items: [[], [{ key: 'x', path: 'x' }]], optional: [true] }),
  }),
  draw => ({ downwardAPI: draw.members({}, { items: [[{ path: 'uid', fieldRef: { fieldPath: 'metadata.uid' } }]] }) }),
  draw => ({
    serviceAccountToken: draw.members({ path: 'token' }, { audience: ['', 'vault'], expirationSeconds: [3600, 7200] }),
  }),
]

/** The members of a volume besides its name; without a source it is an empty directory. */
export function volume(draw: Draw, name: string): JsonObject {
  // The sources of our days are drawn as often as all the old ones together.
  const names = Object.keys(SOURCES)
  const source = draw.pick(draw.chance(0.6) ? names.slice(0, 10) : names)
  if (draw.chance(0.06)) return { name }
  return { name, [source]: SOURCES[source]?.(draw) ?? {} }
}
