import type { Draw } from './draw.js'
import { STORAGE } from './values.js'
import type { JsonObject } from '../../../src/json.js'

/** The spec of a claim, alone, in a StatefulSet or in an ephemeral volume. */
export function claimSpec(draw: Draw, volumeMode?: 'Filesystem' | 'Block'): JsonObject {
  const size = draw.pick(STORAGE)
  const spec = draw.members(
    {
      accessModes: draw.pick([['ReadWriteOnce'], ['ReadWriteMany', 'ReadOnlyMany'], ['ReadWriteOncePod']]),
      resources: draw.pick([
        { requests: { storage: size } },
        { requests: { storage: size }, limits: { storage: '900Ti' } },
        { requests: { storage: size }, limits: {} },
      ]),
    },
    {
      storageClassName: ['', 'fast'],
      volumeMode: volumeMode === undefined ? ['Filesystem', 'Block'] : [volumeMode],
      volumeName: ['', 'disk-1'],
      selector: [{}, { matchLabels: { disk: 'ssd' } }, { matchExpressions: [{ key: 'disk', operator: 'Exists' }] }],
      volumeAttributesClassName: ['gold'],
    },
  )
  if (!draw.optional()) return spec
  const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'yesterday' }
  const source = draw.pick<JsonObject>([
    { dataSource: { kind: 'PersistentVolumeClaim', name: 'other' } },
    { dataSource: snapshot },
    { dataSourceRef: snapshot },
    { dataSource: snapshot, dataSourceRef: snapshot },
    { dataSourceRef: { apiGroup: 'example.com', kind: 'Backup', name: 'b' } },
  ])
  return { ...spec, ...source }
}
