import t from 'tap'
import { appliedObject } from '../../../src/applied.js'
import { canonicalJson } from '../../../src/canonical.js'
import { identityOf } from '../../../src/decision.js'
import { stringifyJson, type JsonObject } from '../../../src/json.js'
import { buildRequest } from '../../../src/request.js'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

const manifest: JsonObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', labels: { team: 'shop' } },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'registry.example.com/shop/web:1.4.2' }] },
    },
  },
}
const { labels: _, ...plainMetadata } = manifest.metadata as JsonObject

/** The manifest as the server keeps it: defaults, bookkeeping, a counter of the controller, replicas of an autoscaler. */
function live({ annotations = {}, spec = {}, metadata = {} }: Record<string, JsonObject> = {}): JsonObject {
  return {
    ...manifest,
    metadata: {
      ...(manifest.metadata as JsonObject),
      uid: '7b6c1c4e-0000-4000-8000-000000000000',
      resourceVersion: '42',
      generation: 3,
      creationTimestamp: '2026-05-01T00:00:00Z',
      ...metadata,
      annotations: { 'deployment.kubernetes.io/revision': '3', ...annotations },
    },
    spec: { ...(manifest.spec as JsonObject), replicas: 4, revisionHistoryLimit: 10, ...spec },
    status: { replicas: 4 },
  }
}

const lastApplied = (object: JsonObject): JsonObject => ({ [LAST_APPLIED]: stringifyJson(object) })

/** As the server lists the members of the manifest that one manager applied. */
const managedFields = (fields: JsonObject, operation = 'Apply') => ({
  managedFields: [{ manager: 'argocd-controller', operation, apiVersion: 'apps/v1', fieldsV1: fields }],
})

t.test('what only the server made is no change', t => {
  for (const [name, base] of Object.entries({
    'after client-side apply': live({ annotations: lastApplied(manifest) }),
    'after server-side apply': live({ metadata: managedFields({ 'f:metadata': { 'f:labels': { 'f:team': {} } } }) }),
  })) {
    const object = appliedObject(manifest, base)
    const request = buildRequest({ object, base, userInfo: { username: 'deployer' }, namespace: 'shop' })
    const { unchanged, subject } = identityOf(request)
    t.equal(unchanged, true, name)
    t.equal(request.oldObject, base, name)
    // What the server sends: the live object, written anew.
    const sent = { ...request, object: { ...base, metadata: { ...(base.metadata as JsonObject), generation: 3 } } }
    t.equal(subject, identityOf(sent).subject, name)
  }
  t.end()
})

t.test('of the live object is kept', t => {
  const spec = manifest.spec as JsonObject
  const applied = { ...manifest, spec: { ...spec, paused: true, strategy: { type: 'Recreate' } } }
  const cases: Record<string, { base: JsonObject; over?: JsonObject; keeps: Record<string, boolean> }> = {
    'what nobody applied': { base: live({ annotations: lastApplied(manifest) }), keeps: { replicas: true } },
    'not what was applied and is not in the manifest any more': {
      base: live({ annotations: lastApplied(applied), spec: { paused: true, strategy: { type: 'Recreate' } } }),
      keeps: { replicas: true, paused: false, strategy: false },
    },
    'nothing of a member that was applied on the client and is gone': {
      base: live({ annotations: lastApplied(applied), spec: { strategy: { type: 'Recreate', other: 'x' } } }),
      keeps: { strategy: false },
    },
    'of a member that was applied on the server what others own': {
      base: live({
        metadata: managedFields({ 'f:spec': { 'f:strategy': { '.': {}, 'f:type': {} } } }),
        spec: { strategy: { type: 'Recreate', other: 'x' } },
      }),
      keeps: { strategy: true },
    },
    'of an empty member that was applied on the server what others own': {
      base: live({
        metadata: managedFields({ 'f:spec': { 'f:strategy': { '.': {} } } }),
        spec: { strategy: { other: 'x' } },
      }),
      keeps: { strategy: true },
    },
    'not a list that was applied on the server': {
      base: live({
        metadata: managedFields({ 'f:spec': { 'f:list': { 'k:{"name":"a"}': { '.': {}, 'f:name': {} } } } }),
        spec: { list: [{ name: 'a' }] },
      }),
      keeps: { list: false },
    },
    'what two managers do not own': {
      base: live({
        metadata: {
          managedFields: [
            managedFields({ 'f:spec': { 'f:paused': {} } }).managedFields,
            managedFields({ 'f:spec': { 'f:replicas': {} } }).managedFields,
          ].flat(),
        },
        spec: { paused: true },
      }),
      keeps: { replicas: false, paused: false, revisionHistoryLimit: true },
    },
    'not what one manager applied on the server': {
      base: live({ metadata: managedFields({ 'f:spec': { 'f:replicas': {} } }) }),
      keeps: { replicas: false, revisionHistoryLimit: true },
    },
    'what a manager only updated': {
      base: live({
        metadata: managedFields({ 'f:spec': { 'f:replicas': {} } }, 'Update'),
        annotations: lastApplied(manifest),
      }),
      keeps: { replicas: true },
    },
    'nothing where it does not say what was applied': { base: live(), keeps: { replicas: false } },
    'nothing where what was applied cannot be read': {
      base: live({ annotations: { [LAST_APPLIED]: '{' } }),
      keeps: { replicas: false },
    },
  }
  for (const [name, { base, over = manifest, keeps }] of Object.entries(cases)) {
    const found = appliedObject(over, base).spec as JsonObject
    t.strictSame(Object.fromEntries(Object.keys(keeps).map(key => [key, found[key] !== undefined])), keeps, name)
  }
  t.end()
})

t.test('annotations of others stay where the last of the manifest goes', t => {
  const noted = { ...manifest, metadata: { ...(manifest.metadata as JsonObject), annotations: { note: 'kept' } } }
  const base = live({ annotations: { note: 'kept', ...lastApplied(noted) } })
  const { annotations } = appliedObject(manifest, base).metadata as JsonObject
  t.equal(canonicalJson(annotations ?? null), '{"deployment.kubernetes.io/revision":"3"}')
  t.end()
})

t.test('the manifest wins, and neither of the two is changed', t => {
  const base = live({
    annotations: lastApplied(manifest),
    metadata: { labels: { team: 'other', extra: 'yes' }, ...managedFields({}) },
  })
  const [before, own] = [canonicalJson(base), canonicalJson(manifest)]
  const object = appliedObject(manifest, base)
  const metadata = {
    ...plainMetadata,
    uid: '7b6c1c4e-0000-4000-8000-000000000000',
    resourceVersion: '42',
    generation: 3,
    creationTimestamp: '2026-05-01T00:00:00Z',
    labels: { team: 'shop', extra: 'yes' },
    annotations: { 'deployment.kubernetes.io/revision': '3' },
  }
  t.equal(canonicalJson(object.metadata ?? null), canonicalJson(metadata as JsonObject))
  t.strictSame([canonicalJson(base), canonicalJson(manifest)], [before, own])
  t.end()
})
