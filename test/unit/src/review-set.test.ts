import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { AdmissionRequest } from '../../../src/admission.js'
import type { Context, Decision, SetViolation } from '../../../src/decision-types.js'
import { createGate, GateError, parseBundle } from '../../../src/gate.js'
import type { JsonObject } from '../../../src/json.js'
import type { Change } from '../../../src/policy/evaluate.js'
import { reviewSetWith, type SetReviewer } from '../../../src/review-set.js'
import { duplicateObjectViolation } from '../../../src/set-decision.js'
import { fixtureBundle } from '../../helpers/bundles.js'
import { admissionRequest, contextOf, pod } from '../../helpers/requests.js'

const config = `apiVersion: lockkeeper.dev/v1alpha1
kind: Config
risk: {onDegraded: allow}
policies: {undefined: {enforcementAction: dryrun}}
`
const files = await fixtureBundle('undefined', { 'lockkeeper/config.yaml': config })
/** Allows every Pod. */
const gate = await createGate(parseBundle(files, { allowUnsigned: true }))
const context = contextOf({ gate: 'argocd' })

const request = (name: string): AdmissionRequest =>
  admissionRequest({ name, object: pod({ metadata: { name, namespace: 'shop' } }) })

const violation = (objects: SetViolation['objects']): SetViolation => ({
  policy: 'whole',
  message: 'together they are too many',
  enforcementAction: 'deny',
  severity: 'low',
  path: '',
  details: null,
  controls: [],
  docs: '',
  objects,
})

interface Fake {
  readonly contexts: Context[]
  readonly changes: (readonly Change[])[]
  peak: number
}

/** Judges with a real gate, late for `slow` and not at all for `broken`. */
function reviewer(fake: Fake, reviewChanges: SetReviewer['reviewChanges'] = () => Promise.resolve([])): SetReviewer {
  let running = 0
  return {
    bundle: gate.bundle.reference,
    atOnce: 3,
    async review(each, itsContext) {
      fake.contexts.push(itsContext)
      fake.peak = Math.max(fake.peak, (running += 1))
      for (let turns = each.name === 'slow' ? 20 : 1; turns > 0; turns -= 1) await setImmediate()
      running -= 1
      if (each.name === 'broken') throw new GateError('GATE_DEADLINE', 'not judged in time')
      if (each.name === 'defect') throw new Error('a defect')
      return gate.review(each, itsContext)
    },
    reviewChanges(changes, itsContext) {
      fake.changes.push(changes)
      fake.contexts.push(itsContext)
      return reviewChanges(changes, itsContext)
    },
  }
}

const newFake = (): Fake => ({ contexts: [], changes: [], peak: 0 })
const names = (decisions: readonly Decision[]) => decisions.map(each => each.resource.name)

t.test('requests are judged in their own context, several at once, and answered in their order', async t => {
  const fake = newFake()
  const own = contextOf({ gate: 'argocd', namespace: 'unknown', base: 'unknown' })
  const items = [
    { request: request('slow'), context: own, place: { file: 'a.yaml', line: 3 } },
    request('b'),
    { request: request('c'), context: own },
    request('d'),
  ]
  const set = await reviewSetWith(reviewer(fake), items, context)
  t.strictSame(
    set.decisions.map(({ resource: { name, file, line } }) => [name, file, line]),
    [
      ['slow', 'a.yaml', 3],
      ['b', undefined, undefined],
      ['c', undefined, undefined],
      ['d', undefined, undefined],
    ],
  )
  t.equal(fake.peak, 3)
  t.strictSame(fake.contexts.slice(0, 3), [own, context, own])
  t.strictSame(fake.contexts.at(-1), { ...context, namespace: null }, 'the changes are in no one namespace')
  t.strictSame(
    fake.changes.map(changes =>
      changes.map(({ operation, object }) => [operation, (object?.metadata as JsonObject).name]),
    ),
    [['slow', 'b', 'c', 'd'].map(name => ['CREATE', name])],
  )
  t.strictSame(set.summary, { judged: 4, allowed: 4, warned: 0, denied: 0, errors: 0 })
  t.equal(set.allowed, true)
})

t.test('what cannot be judged is an error with its place, and the set is not allowed', async t => {
  const fake = newFake()
  const items = [{ request: request('broken'), context, place: { file: 'a.yaml', line: 3 } }, request('b')]
  const set = await reviewSetWith(reviewer(fake), items, context)
  t.strictSame(names(set.decisions), ['b'])
  t.strictSame(set.errors, [{ code: 'GATE_DEADLINE', message: 'not judged in time', file: 'a.yaml', line: 3 }])
  t.strictSame([set.allowed, set.action], [false, 'deny'])
  t.equal(fake.changes[0]?.length, 2, 'set policies see it nevertheless')

  const failing = reviewer(newFake(), () => Promise.reject(new GateError('GATE_DEADLINE', 'too many')))
  t.strictSame((await reviewSetWith(failing, [request('b')], context)).errors, [
    { code: 'GATE_DEADLINE', message: 'too many' },
  ])
})

t.test('a defect is not hidden', async t => {
  await t.rejects(reviewSetWith(reviewer(newFake()), [request('defect')], context), { message: 'a defect' })
  const failing = reviewer(newFake(), () => Promise.reject(new Error('a defect')))
  await t.rejects(reviewSetWith(failing, [], context), { message: 'a defect' })
})

t.test('what was found before and what set policies find is part of the answer', async t => {
  const found = [{ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'b' }]
  const set = await reviewSetWith(
    reviewer(newFake(), () => Promise.resolve([violation(found)])),
    [{ request: request('b'), context, place: { file: 'b.yaml', line: 7 } }],
    context,
    {
      errors: [new GateError('MANIFEST_SYNTAX', 'c.yaml:1: not YAML', { position: { file: 'c.yaml', line: 1 } })],
      violations: [duplicateObjectViolation(found)],
    },
  )
  t.strictSame(
    set.violations.map(({ policy, objects }) => [policy, objects.map(each => each.file)]),
    [
      ['duplicate_object', [undefined]],
      ['whole', ['b.yaml']],
    ],
  )
  t.strictSame(set.errors, [{ code: 'MANIFEST_SYNTAX', message: 'c.yaml:1: not YAML', file: 'c.yaml', line: 1 }])
  t.equal(set.action, 'deny')
})

t.test('a gate judges a set as it judges its requests', async t => {
  const requests = ['a', 'b'].map(request)
  const set = await gate.reviewSet(requests, context)
  t.strictSame(set.decisions, await Promise.all(requests.map(each => gate.review(each, context))))
  t.equal((await gate.reviewSet(requests, context)).id, set.id)
  t.not((await gate.reviewSet([...requests].reverse(), context)).id, set.id)
})
