import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { canonicalObject } from '../../src/canonical.js'
import { buildChangeSet, type ChangeSet } from '../../src/change-set.js'
import type { Decision, SetDecision, SetViolation } from '../../src/decision-types.js'
import { createGate, GateError, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { createPool } from '../../src/io/pool.js'
import { stringifyJson, type Json, type JsonObject } from '../../src/json.js'
import { objectKey, type LiveAnswer } from '../../src/live-objects.js'
import { readManifests } from '../../src/manifest.js'
import { targetOf } from '../../src/request.js'
import { lockkeeper } from '../helpers/command.js'
import { contextOf } from '../helpers/requests.js'
import { ROOT } from '../helpers/repository.js'
import { changesSamples, samples, type ChangesSample } from '../helpers/samples.js'

// The samples of set policies through what doors have: manifests, what is live, and threads that judge.

const NOW = '2026-06-01T12:00:00Z'
const files = await loadBundleFiles(join(ROOT, 'policies/bundle'))
const bundle = parseBundle(files, { allowUnsigned: true })
const gate = await createGate(bundle)
const context = contextOf({ gate: 'argocd', now: NOW, namespace: null })
const { userInfo } = bundle.config.prediction

const text = (value: unknown): string => stringifyJson(value as Json)

function reference({ changes }: Pick<ChangesSample, 'changes'>): readonly SetViolation[] {
  return gate.reviewChanges(changes, context)
}

/** What is said of which objects; their places in the list of changes and in files are the door's affair. */
function answer(violations: readonly SetViolation[]): readonly Json[] {
  return violations.map(({ details: _, objects, ...rest }) => {
    const names = objects.map(({ apiVersion, kind, namespace = '', name }) => [apiVersion, kind, namespace, name])
    return { ...rest, objects: names.map(each => each.join(' ')).sort() } as unknown as Json
  })
}

/** The sample as a render over a cluster, where each of its changes is what has to be done. */
function changeSetOf({ path, changes }: ChangesSample): ChangeSet {
  const rendered = changes.flatMap(({ object }) => object ?? [])
  const manifests = [...readManifests(rendered.map(each => stringifyJson(each)).join('\n'), path)].map(each => {
    if (each instanceof GateError) throw each
    return each
  })
  const live: LiveAnswer = {
    objects: new Map(changes.flatMap(({ object, oldObject }) => (object ? [[keyOf(object), oldObject]] : []))),
    pruned: changes.flatMap(({ operation, oldObject }) => (operation === 'DELETE' && oldObject ? [oldObject] : [])),
    namespaces: new Map(),
  }
  return buildChangeSet({ manifests, live, userInfo, namespace: 'shop', now: NOW, gate: 'argocd', bundle })
}

function keyOf(object: JsonObject): string {
  const { group, kind, namespace, name = '' } = targetOf(object, 'shop')
  return objectKey(group, kind, namespace, name)
}

t.test('a render and what is live say what the sample says', async t => {
  const pool = await createPool({ files, allowUnsigned: true, workers: 2 })
  t.teardown(() => pool.close())
  for (const sample of changesSamples()) {
    const { items, errors, violations } = changeSetOf(sample)
    t.strictSame([errors, violations], [[], []], sample.path)
    const operations = (all: readonly { readonly operation: string }[]) => all.map(each => each.operation).sort()
    t.strictSame(operations(items.map(each => each.request)), operations(sample.changes), sample.path)
    const decision = await gate.reviewSet(items, context, { errors, violations })
    t.strictSame(answer(decision.violations), answer(reference(sample)), sample.path)
    const isFound = decision.violations.some(each => each.policy === sample.policy)
    t.equal(isFound, sample.isDenied, `${sample.path} is named for what its policy says`)
    const threaded = await pool.reviewSet(items, context, { errors, violations })
    t.equal(text(threaded), text(decision), sample.path)
  }
})

t.test('a set is judged as its items are one by one', async t => {
  const pool = samples().flatMap(each => each.manifests)
  const chosen = fc.sample(fc.shuffledSubarray(pool, { minLength: 1, maxLength: 30 }), { numRuns: 5, seed: 1 })
  for (const manifests of chosen) {
    const source = { userInfo, namespace: 'default', now: NOW, gate: 'argocd' as const, bundle }
    const { items, errors, violations } = buildChangeSet({ ...source, manifests, live: 'unknown' })
    const set = await gate.reviewSet(items, context, { errors, violations })
    const decisions: Decision[] = []
    for (const { request, context, place } of items) {
      const decision = await gate.review(request, context)
      decisions.push({ ...decision, resource: { ...decision.resource, ...place } })
    }
    t.equal(text(set.decisions), text(decisions))
    t.strictSame(set.errors, [])
    const found = gate.reviewChanges(
      items.map(({ request: { operation, object, oldObject } }) => ({ operation, object, oldObject, risk: null })),
      context,
    )
    const all = [...violations, ...found].map(each => each.policy).sort()
    t.strictSame(set.violations.map(each => each.policy).sort(), all)
  }
})

t.test('the command line says the same of a first install', t => {
  const installs = changesSamples().filter(({ changes }) => changes.every(each => each.operation === 'CREATE'))
  t.ok(installs.length > 1, `${installs.length} samples`)
  for (const sample of installs) {
    const input = sample.changes.map(({ object }) => stringifyJson(object)).join('\n')
    const args = ['scan', '--format', 'json', '--workers', '1', '--now', NOW, '-']
    const { violations } = JSON.parse(lockkeeper(args, { input }).stdout) as SetDecision
    t.strictSame(answer(violations), answer(reference(sample)), sample.path)
  }
  t.end()
})

t.test('the canonical form of a change has the same answer', t => {
  for (const sample of changesSamples()) {
    const form = (object: JsonObject | null) => (object === null ? null : canonicalObject(object))
    const changes = sample.changes.map(({ object, oldObject, ...rest }) => ({
      ...rest,
      object: form(object),
      oldObject: form(oldObject),
    }))
    t.strictSame(answer(reference({ changes })), answer(reference(sample)), sample.path)
  }
  t.end()
})
