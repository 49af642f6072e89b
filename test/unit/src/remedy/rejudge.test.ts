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

t.test('patches of different places are judged together', t => {
  const at = (path: string) => ({ text: 'fix', patch: [{ op: 'add', path, value: false }] }) as const
  const judgedObjects = (paths: readonly string[], evaluate: (patched: JsonObject) => Outcome[]) => {
    let judged = 0
    const found = paths.map(path => outcome(path, at(path)))
    const offered = offers(found, patched => {
      judged += 1
      return evaluate(patched)
    })
    return { judged, patches: offered.flatMap(each => each.patch?.[0]?.path ?? []) }
  }
  const apart = ['/spec/hostPID', '/spec/hostIPC', '/spec/containers/0/tty']
  t.strictSame(
    judgedObjects(apart, () => []),
    { judged: 1, patches: apart },
  )
  t.strictSame(
    judgedObjects(['/spec/securityContext', '/spec/securityContext', '/spec/hostPID'], () => []),
    { judged: 2, patches: ['/spec/securityContext', '/spec/securityContext', '/spec/hostPID'] },
    'what one patch would write over is judged apart',
  )
  t.strictSame(
    judgedObjects(['/spec/containers/0', '/spec/containers/1'], () => []).judged,
    2,
    'and so are two elements of one list',
  )
  const needed = (patched: JsonObject) =>
    (patched.spec as JsonObject).hostIPC === undefined ? [] : [outcome('hostIPC is needed', null)]
  t.strictSame(
    judgedObjects(apart, needed),
    { judged: 4, patches: ['/spec/hostPID', '/spec/containers/0/tty'] },
    'one that does not help takes no other with it',
  )
  t.end()
})

t.test('the worst violations are tried first', t => {
  const severe = (severity: PolicyCard['severity'], message: string): Outcome => ({
    ...outcome(message, fix),
    card: { id: 'privileged', severity } as PolicyCard,
  })
  const many = Array.from({ length: 20 }, (_, index) => severe('low', `low ${index}`))
  const offered = offeredRemedies(pod(), [...many, severe('critical', 'critical')], () => [])
  t.strictSame(
    [...offered].filter(([, { patch }]) => patch !== undefined).map(([{ finding }]) => finding.message)[0],
    'low 0',
  )
  t.ok([...offered].some(([{ finding }, { patch }]) => finding.message === 'critical' && patch !== undefined))
  t.equal([...offered.values()].filter(({ patch }) => patch !== undefined).length, 16)
  t.end()
})
