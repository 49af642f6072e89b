import t from 'tap'
import { createBodyBudget } from '../../../webhook/body-budget.js'
import { answerTimeMs } from '../../../webhook/deadline.js'

t.test('the time to answer is what the API server gives, minus a margin', t => {
  const cases: Record<string, { timeout: unknown; ms: number }> = {
    'five seconds': { timeout: '5s', ms: 4_500 },
    'one second': { timeout: '1s', ms: 900 },
    'several units': { timeout: '0m1.5s500ms', ms: 1_800 },
    'so little that the margin would take all': { timeout: '100ms', ms: 50 },
    'the most that the API server allows': { timeout: '30s', ms: 27_000 },
    'more than it allows': { timeout: '1h', ms: 27_000 },
    'nothing said': { timeout: undefined, ms: 9_000 },
    'said twice': { timeout: ['1s', '2s'], ms: 9_000 },
    'no duration': { timeout: '5', ms: 9_000 },
    zero: { timeout: '0s', ms: 9_000 },
    'a long text': { timeout: '1s'.repeat(100), ms: 9_000 },
  }
  for (const [name, { timeout, ms }] of Object.entries(cases)) t.equal(answerTimeMs(timeout), ms, name)
  t.end()
})

t.test('bodies share a budget', t => {
  const budget = createBodyBudget(100)
  const first = budget.take(60)
  t.equal(budget.take(41), null, 'more than is left')
  const second = budget.take(40)
  t.equal(budget.takenBytes, 100)
  first?.()
  first?.()
  t.equal(budget.takenBytes, 40, 'given back once')
  second?.()
  t.type(budget.take(1_000), 'function', 'one that is larger than everything may come alone')
  t.equal(budget.take(1), null)
  t.end()
})
