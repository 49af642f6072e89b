import t from 'tap'
import type { PatchOperation } from '../../../../src/decision-types.js'
import type { JsonObject } from '../../../../src/json.js'
import { ByteCache } from '../../../../src/policy/byte-cache.js'
import type { Outcome } from '../../../../src/policy/evaluate.js'
import type { PolicyCard } from '../../../../src/policy/policy-types.js'
import { knownHelp } from '../../../../src/remedy/known-help.js'
import { offeredRemedies } from '../../../../src/remedy/rejudge.js'
import { pod } from '../../../helpers/requests.js'

const card = { id: 'privileged', severity: 'high' } as PolicyCard
const fix: PatchOperation = { op: 'add', path: '/spec/hostPID', value: false }
const label: PatchOperation = { op: 'add', path: '/metadata/labels', value: {} }

function outcome(message: string, patch: readonly PatchOperation[], failure: Outcome['failure'] = null): Outcome {
  const finding = { message, path: '/spec/hostPID', details: null, remedy: { text: 'better', patch } }
  return { card, rule: 'deny', finding, failure, assumed: false }
}

interface Review {
  readonly outcomes: readonly Outcome[]
  readonly after?: readonly Outcome[]
  readonly seen?: string | null
  readonly object?: JsonObject
}

/** Judges objects one after the other with one cache. @returns how many operations were offered and how often it was evaluated, of each */
function judged(...reviews: readonly Review[]): readonly (readonly [offered: number, evaluations: number])[] {
  const cache = new ByteCache(10_000)
  return reviews.map(({ outcomes, after = [], seen = 'the same', object = pod() }) => {
    let evaluations = 0
    const evaluate = (): readonly Outcome[] => {
      evaluations += 1
      return after
    }
    const remedies = offeredRemedies(
      object,
      outcomes,
      evaluate,
      knownHelp(cache, () => seen),
    )
    return [[...remedies.values()].reduce((sum, each) => sum + (each.patch?.length ?? 0), 0), evaluations] as const
  })
}

t.test('what a patch does is seen once', t => {
  const bad = { outcomes: [outcome('bad', [fix])] }
  t.strictSame(judged(bad, bad), [[1, 1], [1, 0]], 'where it helps') // prettier-ignore
  const worse = { ...bad, after: [outcome('worse', [])] }
  t.strictSame(judged(worse, worse), [[0, 1], [0, 0]], 'and where it does not') // prettier-ignore
  t.end()
})

t.test('it is tried again', t => {
  const bad = { outcomes: [outcome('bad', [fix])] }
  const again = (name: string, ...reviews: readonly Review[]): void => {
    t.strictSame(judged(...reviews).map(([, evaluations]) => evaluations), [1, 1], name) // prettier-ignore
  }
  again('when the policies could read something else', bad, { ...bad, seen: 'other' })
  again('when it cannot be told what they read', { ...bad, seen: null }, { ...bad, seen: null })
  again('for another violation', bad, { outcomes: [outcome('other', [fix])] })
  again('with another value', bad, { outcomes: [outcome('bad', [{ ...fix, value: 'no' }])] })
  const failing = { ...bad, after: [outcome('failed', [], 'POLICY_FAILED')] }
  again('when a policy failed the first time', failing, failing)
  const relabelled = { outcomes: [outcome('bad', [label])] }
  again('when it changes the metadata, by which policies are chosen', relabelled, relabelled)
  t.end()
})

t.test('a patch that does not fit this object is not offered, whatever it did for another', t => {
  const bad = { outcomes: [outcome('bad', [fix])] }
  const object = { ...pod(), spec: null }
  t.strictSame(judged(bad, { ...bad, object }), [[1, 1], [0, 0]]) // prettier-ignore
  t.end()
})

t.test('what policies could read is asked for where the patch changes something', t => {
  const asked: unknown[] = []
  const second: PatchOperation = { op: 'remove', path: '/spec/containers/0' }
  const known = knownHelp(new ByteCache(10_000), changed => `${asked.push(changed)}`)
  const evaluated: unknown[] = []
  offeredRemedies(
    pod({ spec: { containers: [{ name: 'web' }] } }),
    [outcome('bad', [fix, second]), outcome('labelled', [label])],
    (_, changed) => {
      evaluated.push(changed)
      return []
    },
    known,
  )
  t.strictSame(evaluated, [null], 'together they change the metadata')
  t.strictSame(asked, [])
  offeredRemedies(
    pod({ spec: { containers: [{ name: 'web' }] } }),
    [outcome('bad', [fix, second])],
    (_, changed) => {
      evaluated.push(changed)
      return []
    },
    known,
  )
  const places = ['/spec/hostPID', '/spec/containers']
  t.strictSame(evaluated, [null, places], 'of an element that goes, the list')
  t.strictSame(asked, [places], 'and once, to look and to keep')
  t.end()
})

t.test('what is known of one patch for one violation is known of nothing else', t => {
  const known = knownHelp(new ByteCache(10_000), () => 'the same')
  const [targets, others, patch, another] = [['bad'], ['worse'], [fix], [label]]
  known?.keep(targets, patch, [], true)
  const asked: readonly (readonly [string[], PatchOperation[]])[] = [
    [targets, patch],
    [targets, another],
    [others, another],
    [others, patch],
    [targets, patch],
  ]
  const found = asked.map(([each, operations]) => known?.find(each, operations, []))
  t.strictSame(found, [true, undefined, undefined, undefined, true])
  t.end()
})

t.test('without a cache nothing is known', t => {
  t.equal(
    knownHelp(null, () => 'the same'),
    null,
  )
  t.end()
})
