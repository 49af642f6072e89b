import t from 'tap'
import { readKustomizationSpec } from '../../../../../plugin/flux/kustomization/spec.js'
import { parseJson, type JsonObject } from '../../../../../src/json.js'

const read = (object: unknown) => readKustomizationSpec(parseJson(JSON.stringify(object)) as JsonObject)
const SOURCE = { kind: 'GitRepository', name: 'shop' }
const kustomization = (spec: object, apiVersion = 'kustomize.toolkit.fluxcd.io/v1') => ({
  apiVersion,
  kind: 'Kustomization',
  metadata: { name: 'shop', namespace: 'apps', generation: 3 },
  spec: { interval: '1h', prune: true, sourceRef: SOURCE, ...spec },
  status: { anything: true },
})

const PLAIN = {
  namespace: 'apps',
  name: 'shop',
  path: '',
  namePrefix: '',
  nameSuffix: '',
  targetNamespace: '',
  images: [],
  patches: [],
  components: [],
  ignoreMissingComponents: false,
  buildMetadata: [],
  commonLabels: {},
  commonAnnotations: {},
  postBuild: null,
  prune: true,
  serviceAccountName: '',
  isRemote: false,
  isDecrypted: false,
}

t.test('a Kustomization that says little', t => {
  t.strictSame(read(kustomization({})), PLAIN)
  t.strictSame(read(kustomization({}, 'kustomize.toolkit.fluxcd.io/v1beta2')), PLAIN)
  t.end()
})

t.test('a Kustomization that says everything', t => {
  const spec = {
    path: './app',
    namePrefix: 'a-',
    nameSuffix: '-b',
    targetNamespace: 'shop',
    images: [
      { name: 'nginx', newTag: '1' },
      { name: 'redis', newName: 'r', digest: 'sha256:x' },
    ],
    patches: [{ patch: 'a: b' }, { patch: 'c', target: { kind: 'Pod', name: '', labelSelector: 'a=b' } }],
    components: ['c'],
    ignoreMissingComponents: true,
    buildMetadata: ['originAnnotations'],
    commonMetadata: { labels: { a: 'b' }, annotations: { c: 'd' } },
    postBuild: {
      substituteStrategy: 'Always',
      substitute: { A: 'b' },
      substituteFrom: [
        { kind: 'Secret', name: 's' },
        { kind: 'ConfigMap', name: 'c', optional: true },
      ],
    },
    prune: false,
    serviceAccountName: 'deployer',
    kubeConfig: { secretRef: { name: 'k' } },
    decryption: { provider: 'sops' },
    dependsOn: [{ name: 'other' }],
    deletionPolicy: 'Orphan',
    force: true,
    healthCheckExprs: [],
    healthChecks: [],
    retryInterval: '1m',
    suspend: true,
    timeout: '1m',
    wait: true,
    ignore: [{ paths: ['/spec/replicas'], target: { kind: 'Deployment' } }],
  }
  t.strictSame(read(kustomization(spec)), {
    namespace: 'apps',
    name: 'shop',
    path: './app',
    namePrefix: 'a-',
    nameSuffix: '-b',
    targetNamespace: 'shop',
    images: [
      { name: 'nginx', newName: '', newTag: '1', digest: '' },
      { name: 'redis', newName: 'r', newTag: '', digest: 'sha256:x' },
    ],
    patches: [
      { patch: 'a: b', target: null },
      { patch: 'c', target: { kind: 'Pod', labelSelector: 'a=b' } },
    ],
    components: ['c'],
    ignoreMissingComponents: true,
    buildMetadata: ['originAnnotations'],
    commonLabels: { a: 'b' },
    commonAnnotations: { c: 'd' },
    postBuild: {
      always: true,
      substitute: { A: 'b' },
      substituteFrom: [
        { kind: 'Secret', name: 's', optional: false },
        { kind: 'ConfigMap', name: 'c', optional: true },
      ],
    },
    prune: false,
    serviceAccountName: 'deployer',
    isRemote: true,
    isDecrypted: true,
  })
  t.end()
})

t.test('all that is wrong is said at once', t => {
  const wrong = {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v2',
    kind: 'Kustomisation',
    metadata: { namespace: 'apps' },
    spec: {
      sourceRef: {},
      path: 1,
      patches: [{ target: { kind: 'Pod', names: 'x' } }, 'text'],
      images: [{ newTag: '1', tag: '2' }],
      patchesStrategicMerge: [],
      commonMetadata: { labels: { a: 1 }, label: {} },
      postBuild: { substituteFrom: [{ kind: 'Pod', name: 'x' }], substitutes: {}, substituteStrategy: 'Never' },
      ignore: [{}],
    },
  }
  const lines = [
    'Kustomization apps/(without a name) cannot be built:',
    'apiVersion: must be kustomize.toolkit.fluxcd.io/v1, kustomize.toolkit.fluxcd.io/v1beta2, is "kustomize.toolkit.fluxcd.io/v2"',
    'kind: must be Kustomization, is "Kustomisation"',
    'metadata.name: is required',
    'spec.sourceRef.kind: is required',
    'spec.sourceRef.name: is required',
    'spec.path: must be a string, is 1',
    'spec.images[0].name: is required',
    'spec.images[0].tag: is not known here',
    'spec.patches[0].patch: is required',
    'spec.patches[0].target.names: is not known here',
    'spec.patches[1]: must be a mapping, is "text"',
    'spec.patches[1].patch: is required',
    'spec.commonMetadata.labels.a: must be a string',
    'spec.postBuild.substituteStrategy: must be WithVariables, Always, is "Never"',
    'spec.postBuild.substituteFrom[0].kind: must be ConfigMap, Secret, is "Pod"',
    'spec.postBuild.substitutes: is not known here',
    'spec.commonMetadata.label: is not known here',
    'spec.ignore[0].paths: is required',
    'spec.patchesStrategicMerge: is not known here',
  ]
  t.throws(() => read(wrong), { code: 'MANIFEST_INVALID', message: lines.join('\n') })
  t.throws(() => read({}), { code: 'MANIFEST_INVALID' })
  t.end()
})
