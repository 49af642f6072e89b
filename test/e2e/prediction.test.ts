import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { stringifyJson, type JsonObject } from '../../src/json.js'
import { corpusDirectory, corpusObjects, mixedBySource, withValidNames } from '../helpers/corpus.js'
import { changedObject } from '../helpers/object-change.js'
import { createPredictor, type Outcome } from '../helpers/prediction.js'
import {
  forAll,
  generatedItems as generated,
  isOfRemovedVersion,
  kindOf,
  sampleItems,
  WEBHOOK_GROUP,
  type Item,
} from '../helpers/prediction-items.js'
import { exceptionFor } from '../helpers/prediction-exceptions.js'
import { judge } from '../helpers/prediction-verdict.js'
import { ROOT } from '../helpers/repository.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { permissiveDefinitions } from '../helpers/custom-kinds.js'
import { createDefinitions } from '../helpers/testbed/install.js'
import { startRecorder } from '../helpers/testbed/recorder.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

// The second parity suite: the request that a gate before the sync builds for a manifest is judged as the one that the API server sends.

const GENERATED = 600
const CORPUS = 1500
/** Of so many objects one is created for good, and then changed. */
const UPDATED_OF = 3
/** Kinds that would act on the requests of others. */
const NOT_UPDATED = new Set([
  'APIService',
  'CustomResourceDefinition',
  'FlowSchema',
  'LimitRange',
  'Namespace',
  'PriorityLevelConfiguration',
  'ResourceQuota',
])

const generatedItems = generated(GENERATED)
const corpus = corpusDirectory()
const corpusItems: readonly Item[] =
  corpus === null
    ? []
    : mixedBySource(corpusObjects(corpus)).map(({ source, manifest }) => ({
        name: `${kindOf(manifest)} of ${source}`,
        object: withValidNames(manifest),
      }))

const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)

const bed = createTestbed(t)
// Without controllers: what is created to be updated stays as it is.
const plane = await startControlPlane(bed, { controllers: false })
await createDefinitions(plane.admin, permissiveDefinitions(sampleItems.map(({ object }) => object)))
const { userInfo } = bundle.config.prediction
const [, , namespace = '', name = ''] = userInfo.username.split(':')
await plane.createNamespace(namespace)
await plane.admin.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } })
await plane.admin.create({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'deployer' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'ServiceAccount', name, namespace }],
})
const deployer = plane.client(await plane.serviceAccount(namespace, name))
const recorder = await startRecorder(bed, plane)
const predictor = createPredictor(plane, recorder, deployer, userInfo)

interface Summary {
  compared: number
  sameSubject: number
  /** Objects by the exception that explains a difference of theirs. */
  readonly excepted: Map<string, number>
  /** Differences of the judgement and of what policies read; differences of the object that no exception explains. */
  readonly wrong: string[]
  readonly refused: string[]
  readonly unseen: string[]
  /** Kinds that the API server does not know. */
  readonly unserved: string[]
}

async function summarize(items: readonly Item[], outcomes: readonly Outcome[]): Promise<Summary> {
  const lists = { wrong: [], refused: [], unseen: [], unserved: [] }
  const summary: Summary = { compared: 0, sameSubject: 0, excepted: new Map(), ...lists }
  for (const [index, { name, object, risk = null }] of items.entries()) {
    const outcome = outcomes[index]
    if (outcome?.state === 'refused') summary.refused.push(`${name}: ${outcome.message}`)
    if (outcome?.state === 'unseen') summary.unseen.push(kindOf(object))
    if (outcome?.state === 'unserved') summary.unserved.push(kindOf(object))
    if (outcome?.state !== 'predicted') continue
    const { prediction } = outcome
    // Otherwise connections that the API server closes meanwhile would look usable.
    await setImmediate()
    const judging =
      risk === null
        ? gate
        : await createGate(bundle, {
            riskModel: { assess: () => ({ risk, anomaly: null, isCold: false }) },
          })
    const { differences, objects, sameSubject } = await judge(judging, prediction)
    summary.compared += 1
    if (sameSubject) summary.sameSubject += 1
    summary.wrong.push(...differences.map(each => `${name}: ${each}`))
    if (!sameSubject && objects.length === 0) summary.wrong.push(`${name}: the subjects differ, the objects do not`)
    const titles = new Set<string>()
    for (const { path, left, right } of objects) {
      const exception = exceptionFor({ path, left, right }, prediction)
      if (exception !== undefined) titles.add(exception)
      else summary.wrong.push(`${name}: ${path}: ${stringifyJson(left ?? null)} became ${stringifyJson(right ?? null)}`)
    }
    for (const title of titles) summary.excepted.set(title, (summary.excepted.get(title) ?? 0) + 1)
  }
  return summary
}

function print(t: Test, { compared, sameSubject, excepted, refused, unseen }: Summary): void {
  t.comment(`${compared} compared, ${sameSubject} with the same subject`)
  for (const [title, count] of [...excepted].sort()) t.comment(`${count}: ${title}`)
  const unseenKinds = [...new Set(unseen)].sort().join(', ')
  if (unseen.length > 0) t.comment(`${unseen.length} that no webhook is asked about: ${unseenKinds}`)
  if (refused.length > 0) t.comment(`${refused.length} refused by the API server, among them`)
  for (const each of refused.slice(0, 10)) t.comment(`  ${each.slice(0, 200)}`)
}

t.test('every sample is judged as the API server will have it judged', async t => {
  const outcomes = await forAll(sampleItems, ({ object }) => predictor.create(object))
  const summary = await summarize(sampleItems, outcomes)
  print(t, summary)
  t.strictSame(summary.wrong, [])
  t.strictSame(summary.refused, [])
  t.strictSame(
    summary.unserved.filter(each => !isOfRemovedVersion(each)),
    [],
    'all but removed versions are served',
  )
  t.strictSame(
    summary.unseen.filter(each => !each.startsWith(WEBHOOK_GROUP)),
    [],
    'webhooks see all but their own configuration',
  )
  t.equal(summary.compared + summary.unserved.length + summary.unseen.length, sampleItems.length)
})

t.test('so are objects of all kinds', async t => {
  const outcomes = await forAll(generatedItems, ({ object }) => predictor.create(object))
  const summary = await summarize(generatedItems, outcomes)
  print(t, summary)
  t.strictSame(summary.wrong, [])
  t.strictSame(summary.refused, [])
  t.strictSame(
    summary.unseen.filter(each => !each.startsWith(WEBHOOK_GROUP)),
    [],
    'webhooks see all but their own configuration',
  )
  t.ok(summary.compared >= 500, `${summary.compared} objects`)
})

t.test('so are changes of some of them', async t => {
  const summary = await updates([...sampleItems, ...generatedItems])
  print(t, summary)
  t.strictSame(summary.wrong, [])
  t.ok(summary.compared >= 150, `${summary.compared} objects`)
})

t.test('so are published objects', { skip: corpus === null && 'LOCKKEEPER_CORPUS names none' }, async t => {
  const served: Item[] = []
  const outcomes: Outcome[] = []
  let unserved = 0
  for (let next = 0; served.length < CORPUS && next < corpusItems.length;) {
    const batch = corpusItems.slice(next, (next += CORPUS - served.length))
    const results = await forAll(batch, ({ object }) => predictor.create(object))
    for (const [index, outcome] of results.entries()) {
      if (outcome.state === 'unserved') {
        unserved += 1
        continue
      }
      served.push(batch[index] as Item)
      outcomes.push(outcome)
    }
  }
  const summary = await summarize(served, outcomes)
  print(t, summary)
  t.comment(`${unserved} of kinds that the API server does not know`)
  t.strictSame(summary.wrong, [])
  t.ok(summary.compared >= 1000, `${summary.compared} objects`)

  const changes = await updates(served.filter((_, index) => outcomes[index]?.state === 'predicted'))
  print(t, changes)
  t.strictSame(changes.wrong, [], 'and their changes')
  t.ok(changes.compared >= 250, `${changes.compared} changes`)
})

/** The first of each name: two that are updated side by side would be one object. */
function differentlyNamed(items: readonly Item[]): readonly Item[] {
  const names = new Set<string>()
  return items.filter(({ object }) => {
    const { namespace = 'default', name } = object.metadata as JsonObject
    const key = stringifyJson([kindOf(object), namespace, name ?? null])
    return names.size < names.add(key).size
  })
}

async function updates(items: readonly Item[]): Promise<Summary> {
  const possible = items.filter(({ object }) => {
    const [kind = ''] = kindOf(object).split('/').slice(-1)
    const isKept = NOT_UPDATED.has(kind) || kindOf(object).startsWith(WEBHOOK_GROUP)
    return !isKept && (object.metadata as JsonObject).name !== undefined
  })
  const some = differentlyNamed(possible).filter((_, index) => index % UPDATED_OF === 0)
  const outcomes = await forAll(some, ({ object }, index) => predictor.update(object, changedObject(object, index)))
  return summarize(some, outcomes)
}
