import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { parseAdmissionReview, type AdmissionRequest } from '../../../src/admission.js'
import { canonicalJson, canonicalObject } from '../../../src/canonical.js'
import { isJsonObject, type JsonObject } from '../../../src/json.js'
import { buildRequest, type RequestSource } from '../../../src/request.js'

const userInfo = { username: 'alice', groups: ['system:authenticated'] }

function request(source: Partial<RequestSource> & { object: JsonObject }): AdmissionRequest {
  return buildRequest({ base: null, userInfo, namespace: 'default', ...source })
}

function captured(name: string): AdmissionRequest {
  return parseAdmissionReview(JSON.parse(readFileSync(`test/fixtures/admission-reviews/${name}.json`, 'utf8')))
}

function lastApplied({ object }: AdmissionRequest): JsonObject {
  const annotations = isJsonObject(object?.metadata) ? object.metadata.annotations : undefined
  const text = isJsonObject(annotations) ? annotations['kubectl.kubernetes.io/last-applied-configuration'] : undefined
  return JSON.parse(text as string) as JsonObject
}

/** A request as data, without what only the client or the server knows: uid, field manager, metadata of the server, defaults. */
function comparable({ uid, options, object, oldObject, ...rest }: AdmissionRequest): unknown {
  const form = (value: JsonObject | null): unknown =>
    value === null ? null : (JSON.parse(canonicalJson(canonicalObject(value))) as unknown)
  return {
    ...rest,
    uid: typeof uid,
    options: { kind: options?.kind, apiVersion: options?.apiVersion },
    object: form(object),
    oldObject: form(oldObject),
  }
}

t.test('the request that the API server sent for the same manifest', t => {
  for (const name of ['user-deployment-create-client-side-apply', 'argocd-secret-create']) {
    const sent = captured(name)
    const built = request({ object: lastApplied(sent), userInfo: sent.userInfo })
    t.strictSame(comparable(built), comparable(sent), name)
  }
  const update = captured('user-deployment-update-client-side-apply')
  t.strictSame(
    comparable(request({ object: lastApplied(update), base: update.oldObject, userInfo: update.userInfo })),
    comparable(update),
    'an update',
  )
  const namespace = captured('user-namespace-create')
  t.strictSame(
    comparable(
      request({
        object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo-tmp' } },
        userInfo: namespace.userInfo,
      }),
    ),
    comparable(namespace),
    'a Namespace is in itself',
  )
  const binding = captured('user-clusterrolebinding-create')
  t.strictSame(
    comparable(
      request({
        object: {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name: 'robot-cluster-admin', namespace: 'ignored' },
          roleRef: { kind: 'ClusterRole', name: 'cluster-admin' },
          subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: 'demo' }],
        },
        userInfo: binding.userInfo,
      }),
    ),
    comparable(binding),
    'a cluster-scoped object loses its namespace',
  )
  const deleted = captured('user-deployment-delete')
  const live = deleted.oldObject ?? {}
  const built = request({ object: live, base: live, userInfo: deleted.userInfo, operation: 'DELETE' })
  t.strictSame(comparable(built), comparable(deleted), 'a delete')
  const job = captured('user-job-generate-name-create')
  const { name, ...unnamed } = comparable(job) as Record<string, unknown>
  t.equal(name, 'once-wkgkt')
  t.strictSame(
    comparable(
      request({
        object: {
          apiVersion: 'batch/v1',
          kind: 'Job',
          metadata: { generateName: 'once-' },
          spec: {
            template: {
              spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'registry.example/job:1' }] },
            },
          },
        },
        userInfo: job.userInfo,
        namespace: 'demo',
      }),
    ),
    unnamed,
    'a generated name is absent',
  )
  t.end()
})

t.test('the whole request', t => {
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: {} }
  const built = request({ object, namespace: 'shop' })
  t.strictSame(JSON.parse(JSON.stringify(built)), {
    uid: built.uid,
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    requestKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    requestResource: { group: 'apps', version: 'v1', resource: 'deployments' },
    name: 'web',
    namespace: 'shop',
    operation: 'CREATE',
    userInfo,
    object: { ...object, metadata: { name: 'web', namespace: 'shop' } },
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  })
  t.match(built.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.strictSame(object.metadata, { name: 'web' }, 'the manifest is untouched')
  t.equal(
    request({ object: structuredClone(object), namespace: 'shop' }).uid,
    built.uid,
    'the same content, the same uid',
  )
  t.not(request({ object, namespace: 'other' }).uid, built.uid)
  t.not(request({ object, namespace: 'shop', userInfo: { username: 'bob' } }).uid, built.uid)
  t.end()
})

t.test('operations', t => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'b' }, data: { x: 'new' } }
  const base = { ...object, data: { x: 'old' } }
  const cases = {
    'no base: CREATE': { base: null, operation: undefined, expected: ['CREATE', object, null, 'CreateOptions'] },
    'a base: UPDATE': { base, operation: undefined, expected: ['UPDATE', object, base, 'UpdateOptions'] },
    'DELETE of the live object': { base, operation: 'DELETE', expected: ['DELETE', null, base, 'DeleteOptions'] },
    'DELETE of what a manifest names': {
      base: null,
      operation: 'DELETE',
      expected: ['DELETE', null, object, 'DeleteOptions'],
    },
    'CREATE although something is there': {
      base,
      operation: 'CREATE',
      expected: ['CREATE', object, null, 'CreateOptions'],
    },
  } as const
  for (const [name, { base, operation, expected }] of Object.entries(cases)) {
    const built = request({ object, base, ...(operation === undefined ? {} : { operation }) })
    t.strictSame([built.operation, built.object, built.oldObject, built.options?.kind], expected, name)
  }
  t.end()
})

t.test('namespaces', t => {
  const cases: Record<string, { apiVersion: string; kind: string; namespace?: string; expected: string | undefined }> =
    {
      'a namespaced kind gets the default': { apiVersion: 'v1', kind: 'Pod', expected: 'default' },
      'a namespaced kind keeps its own': { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', expected: 'shop' },
      'an empty namespace is none': { apiVersion: 'v1', kind: 'Pod', namespace: '', expected: 'default' },
      'a cluster-scoped kind has none': { apiVersion: 'v1', kind: 'Node', namespace: 'shop', expected: undefined },
      'an unknown kind is what its manifest says': {
        apiVersion: 'example.org/v1',
        kind: 'Thing',
        namespace: 'shop',
        expected: 'shop',
      },
      'an unknown kind without a namespace': { apiVersion: 'example.org/v1', kind: 'Thing', expected: undefined },
    }
  for (const [name, { apiVersion, kind, namespace, expected }] of Object.entries(cases)) {
    const metadata = namespace === undefined ? { name: 'a' } : { name: 'a', namespace }
    const built = request({ object: { apiVersion, kind, metadata } })
    t.equal(built.namespace, expected, name)
    t.equal((built.object?.metadata as JsonObject).namespace, expected, `${name}, in the object too`)
  }
  const generated = request({ object: { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: 'a-' } } })
  t.equal(Object.hasOwn(generated, 'namespace'), false, 'a Namespace whose name is generated')
  t.end()
})

t.test('what is not an object of Kubernetes', t => {
  t.throws(() => request({ object: { kind: 'Pod' } }), { code: 'MANIFEST_INVALID', message: /no apiVersion/ })
  t.throws(() => request({ object: { apiVersion: 'v1', kind: 7 } }), { code: 'MANIFEST_INVALID', message: /no kind/ })
  t.throws(() => request({ object: { apiVersion: 'v1', kind: 'Pod', metadata: 'x' } }), { code: 'MANIFEST_INVALID' })
  const nameless = { code: 'MANIFEST_INVALID', message: /^the Pod has neither metadata.name nor metadata.generateName/ }
  t.throws(() => request({ object: { apiVersion: 'v1', kind: 'Pod' } }), nameless)
  t.throws(() => request({ object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: '' } } }), nameless)
  t.end()
})

t.test('every request that is built is one that could have been sent', t => {
  const word = fc.constantFrom('', 'a', 'Pod', 'Namespace', 'v1', 'apps/v1', '__proto__')
  const metadata = fc.record(
    { name: word, namespace: word, generateName: fc.constant('a-') },
    { requiredKeys: ['generateName'] },
  )
  const object = fc.record({
    apiVersion: fc.constantFrom('v1', 'apps/v1', 'example.org/v1'),
    kind: fc.constantFrom('Pod', 'Namespace', 'Deployment', 'Thing'),
    metadata,
  })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(object, fc.boolean(), (manifest, hasBase) => {
        const built = request({ object: manifest, base: hasBase ? manifest : null })
        const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: built }
        t.strictSame(JSON.stringify(parseAdmissionReview(review).uid), JSON.stringify(built.uid))
      }),
      { numRuns: 100 },
    ),
  )
  t.end()
})
