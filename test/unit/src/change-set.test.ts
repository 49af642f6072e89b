import fc from 'fast-check'
import t from 'tap'
import type { AdmissionRequest } from '../../../src/admission.js'
import {
  buildChangeSet,
  liveTargets,
  manifestItem,
  type ChangeSet,
  type ChangeSetSource,
} from '../../../src/change-set.js'
import { DEFAULT_CONFIG } from '../../../src/config.js'
import { identityOf } from '../../../src/decision.js'
import type { JsonObject } from '../../../src/json.js'
import { objectKey, type LiveAnswer } from '../../../src/live-objects.js'
import type { Manifest } from '../../../src/manifest.js'
import { referenceOf } from '../../../src/related/inventory.js'
import { targetOf } from '../../../src/request.js'
import { manifestsOf, named } from '../../helpers/manifests.js'

const userInfo = { username: 'system:serviceaccount:argocd:deployer' }
const NOW = '2026-06-01T12:00:00Z'
const bundleInfo = { labels: { from: 'bundle' }, annotations: {} }
const liveInfo = { labels: { from: 'cluster' }, annotations: {} }

function liveOf(
  objects: Record<string, JsonObject | null | 'withheld'> = {},
  change: Partial<LiveAnswer> = {},
): LiveAnswer {
  return { objects: new Map(Object.entries(objects)), pruned: [], namespaces: new Map(), ...change }
}

function setOf(objects: readonly JsonObject[], change: Partial<ChangeSetSource> = {}): ChangeSet {
  return buildChangeSet({
    manifests: manifestsOf(objects),
    live: 'unknown',
    userInfo,
    namespace: 'shop',
    now: NOW,
    gate: 'argocd',
    bundle: { config: DEFAULT_CONFIG, namespaces: new Map([['known', bundleInfo]]) },
    ...change,
  })
}

/** `UPDATE ConfigMap shop/a` */
function summary({ items }: Pick<ChangeSet, 'items'>): readonly string[] {
  return items.map(({ request }) => describe(request))
}

function describe({ operation, kind, namespace, object, oldObject }: AdmissionRequest): string {
  const { name = '' } = referenceOf(object ?? oldObject ?? {}) ?? {}
  return `${operation} ${kind.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
}

const settings = (name: string, data: JsonObject = {}): JsonObject => named('v1', 'ConfigMap', name, { data })

t.test('a manifest is', t => {
  const old = settings('a', { key: 'old' })
  const cases: Record<
    string,
    { live: LiveAnswer | 'unknown'; is: string; base: string; oldObject: JsonObject | null }
  > = {
    'updated where there is a live object': {
      live: liveOf({ '/ConfigMap/shop/a': old }),
      is: 'UPDATE ConfigMap shop/a',
      base: 'known',
      oldObject: old,
    },
    'created where there is none': {
      live: liveOf({ '/ConfigMap/shop/a': null }),
      is: 'CREATE ConfigMap shop/a',
      base: 'known',
      oldObject: null,
    },
    'judged as new where the live object is withheld': {
      live: liveOf({ '/ConfigMap/shop/a': 'withheld' }),
      is: 'CREATE ConfigMap shop/a',
      base: 'unknown',
      oldObject: null,
    },
    'judged as new where the answer leaves it out': {
      live: liveOf(),
      is: 'CREATE ConfigMap shop/a',
      base: 'unknown',
      oldObject: null,
    },
    'judged as new where nobody could be asked': {
      live: 'unknown',
      is: 'CREATE ConfigMap shop/a',
      base: 'unknown',
      oldObject: null,
    },
  }
  for (const [name, { live, is, base, oldObject }] of Object.entries(cases)) {
    const { items, errors, violations } = setOf([settings('a')], { live })
    t.strictSame([errors, violations], [[], []], name)
    t.strictSame(
      items.map(({ request, context, place }) => [describe(request), context.base, request.oldObject, place]),
      [[is, base, oldObject, { file: 'rendered.yaml', line: 1 }]],
      name,
    )
    t.strictSame(items[0]?.request.userInfo, userInfo, name)
    t.strictSame([items[0]?.context.gate, items[0]?.context.now], ['argocd', NOW], name)
  }
  t.end()
})

t.test('deletions come after the manifests, in one order, and nothing that is named goes', t => {
  const pruned = [settings('z'), named('v1', 'Namespace', 'old'), settings('b'), settings('a'), settings('b')]
  const set = setOf([settings('a'), settings('c')], {
    live: liveOf({ '/ConfigMap/shop/c': settings('c') }, { pruned }),
  })
  t.strictSame(summary(set), [
    'CREATE ConfigMap shop/a',
    'UPDATE ConfigMap shop/c',
    'DELETE ConfigMap shop/b',
    'DELETE ConfigMap shop/z',
    'DELETE Namespace old/old',
  ])
  t.strictSame(
    set.items.slice(2).map(({ manifest, context, request }) => [manifest, context.base, request.object]),
    [
      [null, 'known', null],
      [null, 'known', null],
      [null, 'known', null],
    ],
  )
  t.end()
})

t.test('of an object that is defined twice the last manifest counts, in whatever file', t => {
  const manifests = [
    ...manifestsOf([settings('a', { key: 'first' })], 'one/a.yaml'),
    ...manifestsOf([settings('b')], 'one/b.yaml'),
    ...manifestsOf([settings('a', { key: 'last' })], 'two/a.yaml'),
  ]
  const { items, violations } = setOf([], { manifests })
  t.strictSame(
    items.map(({ request, place }) => [request.object?.data, place?.file]),
    [
      [{}, 'one/b.yaml'],
      [{ key: 'last' }, 'two/a.yaml'],
    ].map(([data, file]) => [Object.assign(Object.create(null) as object, data), file]),
  )
  t.strictSame(
    violations.map(({ policy, message, objects }) => [policy, message, objects.map(each => each.file)]),
    [
      [
        'duplicate_object',
        'ConfigMap shop/a is defined 2 times (one/a.yaml:1, two/a.yaml:1): only the last one would count',
        ['one/a.yaml', 'two/a.yaml'],
      ],
    ],
  )
  t.end()
})

t.test('the labels of a namespace are of the nearest that knows them', t => {
  const rendered = { ...named('v1', 'Namespace', 'shop'), metadata: { name: 'shop', labels: { from: 'render' } } }
  const inNamespace = (namespace: string): JsonObject => ({ ...settings('a'), metadata: { name: 'a', namespace } })
  const live = liveOf(
    {},
    {
      namespaces: new Map([
        ['shop', liveInfo],
        ['known', liveInfo],
        ['live', liveInfo],
      ]),
    },
  )
  const namespaceOf = (objects: JsonObject[], change: Partial<ChangeSetSource>) =>
    setOf(objects, change).items.at(-1)?.context.namespace
  t.strictSame(
    namespaceOf([rendered, settings('a')], { live }),
    { labels: { from: 'render' }, annotations: {} },
    'the Namespace in the same render',
  )
  t.equal(namespaceOf([inNamespace('known')], { live }), bundleInfo, "the bundle's table")
  t.equal(namespaceOf([inNamespace('live')], { live }), liveInfo, 'the live answer')
  t.equal(namespaceOf([inNamespace('other')], { live }), 'unknown', 'nobody')
  t.equal(namespaceOf([inNamespace('live')], { live: 'unknown' }), 'unknown', 'nobody could be asked')
  t.equal(namespaceOf([named('v1', 'PersistentVolume', 'a')], { live }), null, 'an object of the cluster')
  t.equal(namespaceOf([], { live: { ...live, pruned: [settings('a')] } }), liveInfo, 'of a deletion as well')
  t.end()
})

t.test('what cannot be a request is an error with its place, and the others are judged', t => {
  const nameless = { ...settings('a'), metadata: {} }
  const { items, errors } = setOf([settings('b'), nameless], {
    live: liveOf({}, { pruned: [nameless, { kind: 'x' }] }),
  })
  t.strictSame(summary({ items }), ['CREATE ConfigMap shop/b'])
  t.strictSame(
    errors.map(({ code, position }) => [code, position]),
    [
      ['MANIFEST_INVALID', { file: 'rendered.yaml', line: 2, document: 2 }],
      ['MANIFEST_INVALID', {}],
      ['MANIFEST_INVALID', {}],
    ],
  )
  t.end()
})

t.test('an object whose name the server makes up is new', t => {
  const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { generateName: 'migrate-' } }
  const { items } = setOf([job, job], { live: liveOf() })
  t.strictSame(
    items.map(({ request, context }) => [request.operation, context.base]),
    [
      ['CREATE', 'known'],
      ['CREATE', 'known'],
    ],
  )
  t.end()
})

t.test('an object of a kind nobody knows goes where the live one is', t => {
  const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' } }
  const live = { ...widget, metadata: { name: 'a', namespace: 'shop' } }
  const { items } = setOf([widget], { live: liveOf({ 'example.com/Widget//a': live }) })
  t.strictSame(summary({ items }), ['UPDATE Widget shop/a'])
  t.end()
})

t.test('what only the server made is no change, as admission says', t => {
  const last = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(settings('a', { key: 'x' })) }
  const live: JsonObject = {
    ...settings('a', { key: 'x' }),
    metadata: {
      name: 'a',
      namespace: 'shop',
      uid: 'u',
      resourceVersion: '7',
      annotations: { ...last, other: 'controller' },
    },
  }
  const [item] = setOf([settings('a', { key: 'x' })], { live: liveOf({ '/ConfigMap/shop/a': live }) }).items
  if (item === undefined) throw new Error('no item')
  const { subject, unchanged } = identityOf(item.request)
  t.equal(unchanged, true)
  t.equal(subject, identityOf({ ...item.request, object: live }).subject)
  t.end()
})

t.test('roles and bindings come with what they are related to, and what they give is told', t => {
  const objects = [
    named('rbac.authorization.k8s.io/v1', 'Role', 'reader', { rules: [] }),
    named('rbac.authorization.k8s.io/v1', 'RoleBinding', 'reader', {
      roleRef: { kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'default' }],
    }),
    named('apps/v1', 'Deployment', 'web', { spec: { template: { spec: {} } } }),
  ]
  const { items, grants } = setOf(objects)
  t.strictSame(
    items.map(({ context: { related } }) => related && [related.objects.length, related.complete]),
    [[2, false], [2, false], null],
  )
  t.strictSame(
    grants.map(({ subject, workloads }) => [subject.name, workloads.map(each => each.name)]),
    [['default', ['web']]],
  )
  t.end()
})

t.test('a cluster is asked for each object once, where it goes', t => {
  const objects = [
    { ...settings('a'), metadata: { name: 'a' } },
    settings('a'),
    named('v1', 'Namespace', 'shop'),
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { generateName: 'x-' } },
  ]
  t.strictSame(liveTargets(manifestsOf(objects), 'shop'), [
    { group: '', version: 'v1', kind: 'ConfigMap', resource: 'configmaps', namespace: 'shop', name: 'a' },
    { group: '', version: 'v1', kind: 'Namespace', resource: 'namespaces', name: 'shop' },
  ])
  t.end()
})

t.test('one manifest may be given another place', t => {
  const [manifest] = manifestsOf([settings('a')])
  const item = manifestItem(
    manifest as Manifest,
    null,
    { userInfo, namespace: 'shop', now: NOW, gate: 'cli', namespaceOf: () => undefined },
    { file: 'chart/templates/a.yaml' },
  )
  t.strictSame(
    [item.place, item.context.base, item.context.namespace],
    [{ file: 'chart/templates/a.yaml' }, 'known', 'unknown'],
  )
  t.end()
})

const kind = fc.constantFrom<[string, string]>(
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'Namespace'],
  ['example.com/v1', 'Widget'],
)
const manifest = fc.record({
  type: kind,
  name: fc.constantFrom('a', 'b', 'c', ''),
  namespace: fc.constantFrom('shop', 'other', undefined),
  state: fc.constantFrom<'live' | 'absent' | 'withheld' | 'left out'>('live', 'absent', 'withheld', 'left out'),
})

t.test('every manifest is one item, one error, or replaced by a later one', t => {
  fc.assert(
    fc.property(fc.array(manifest, { maxLength: 12 }), fc.boolean(), (all, isKnown) => {
      const objects = all.map(({ type: [apiVersion, kind], name, namespace }): JsonObject => ({
        apiVersion,
        kind,
        metadata: { ...(name === '' ? {} : { name }), ...(namespace === undefined ? {} : { namespace }) },
      }))
      const answers = objects.flatMap((object, index): [string, JsonObject | null | 'withheld'][] => {
        const { group, kind, namespace, name } = targetOf(object, 'shop')
        const { state } = all[index] ?? {}
        if (name === undefined || state === 'left out') return []
        const answer = state === 'live' ? { ...object, data: {} } : state === 'absent' ? null : 'withheld'
        return [[objectKey(group, kind, namespace, name), answer]]
      })
      const manifests = manifestsOf(objects)
      const live = isKnown ? liveOf(Object.fromEntries(answers)) : 'unknown'
      const { items, errors, violations } = setOf([], { manifests, live })
      const replaced = violations.reduce((sum, { objects }) => sum + objects.length - 1, 0)
      const given = items.map(each => each.manifest)
      t.equal(items.length + errors.length + replaced, manifests.length)
      t.equal(new Set(given).size, items.length)
      t.strictSame(
        given,
        manifests.filter(each => given.includes(each)),
      )
      for (const { request, context } of items) {
        t.equal(request.operation, request.oldObject === null ? 'CREATE' : 'UPDATE')
        if (context.base === 'unknown' || !isKnown) t.equal(request.operation, 'CREATE')
        if (!isKnown) t.equal(context.base, 'unknown')
      }
    }),
    { numRuns: 200 },
  )
  t.end()
})
