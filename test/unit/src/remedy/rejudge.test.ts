import t from 'tap'
import type { JsonObject } from '../../../../src/json.js'
import type { Outcome } from '../../../../src/policy/evaluate.js'
import type { PolicyCard } from '../../../../src/policy/policy-types.js'
import type { PolicyFinding } from '../../../../src/policy/results.js'
import { offeredRemedies } from '../../../../src/remedy/rejudge.js'
import { pod } from '../../../helpers/requests.js'

const card = { id: 'privileged' } as PolicyCard

function outcome(message: string, remedy: PolicyFinding['remedy']): Outcome {
  return {
    card,
    rule: 'deny',
    finding: { message, path: '/spec/hostPID', details: null, remedy },
    failure: null,
    assumed: false,
  }
}

const fix = { text: 'take hostPID out', patch: [{ op: 'add', path: '/spec/hostPID', value: false }] } as const
const offers = (
  outcomes: Outcome[],
  evaluate: (patched: JsonObject) => Outcome[],
  object: JsonObject | null = pod(),
) => [...offeredRemedies(object, outcomes, evaluate).values()]

t.test('a patch is offered', t => {
  const seen: JsonObject[] = []
  const offered = offers([outcome('bad', fix)], patched => {
    seen.push(patched)
    return []
  })
  t.strictSame(offered, [fix], 'when its violation is gone')
  t.equal((seen[0]?.spec as JsonObject).hostPID, false, 'and the patched object is what was judged')

  const other = outcome('other', null)
  t.strictSame(
    offers([outcome('bad', fix), other], () => [other]),
    [fix],
    'when the others are still there',
  )
  t.end()
})

t.test('only the advice is left', t => {
  const advice = [{ text: 'take hostPID out' }]
  const one = outcome('bad', fix)
  t.strictSame(
    offers([one], () => [one]),
    advice,
    'when the violation is still there',
  )
  t.strictSame(
    offers([one], () => [outcome('new', null)]),
    advice,
    'when a new violation comes with it',
  )
  t.strictSame(
    offers([one, one], () => [one, one]),
    [...advice],
    'when the same text is found as often as before',
  )
  t.strictSame(
    offers([one], () => [], null),
    advice,
    'when there is no object to patch',
  )
  const misfit = outcome('bad', { text: 'take hostPID out', patch: [{ op: 'remove', path: '/spec/nothing' }] })
  t.strictSame(
    offers([misfit], () => []),
    advice,
    'when the patch does not fit',
  )
  t.strictSame(
    offers([outcome('bad', { text: '', patch: misfit.finding.remedy?.patch ?? [] })], () => []),
    [],
    'nothing without advice',
  )
  t.end()
})

t.test('a request with very many violations is not re-judged for all of them', t => {
  let judged = 0
  const outcomes = Array.from({ length: 100 }, (_, index) => outcome(`bad ${index}`, fix))
  const offered = offers(outcomes, () => {
    judged += 1
    return []
  })
  t.equal(judged, 16)
  t.equal(offered.length, 100)
  t.equal(offered.filter(each => each.patch).length, 16)
  t.end()
})
