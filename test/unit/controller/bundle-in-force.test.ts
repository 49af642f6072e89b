import t from 'tap'
import { BundleInForce } from '../../../controller/bundle-in-force.js'
import { settle } from '../../helpers/fake-clock.js'

t.test('work begins anew with every bundle, and ends with the signal', async t => {
  const inForce = new BundleInForce()
  const ending = new AbortController()
  const events: string[] = []
  let runs = 0
  const done = inForce.withEach(async signal => {
    const run = ++runs
    events.push(`begin ${run}`)
    await new Promise(resolve => {
      signal.addEventListener('abort', resolve)
    })
    events.push(`end ${run}`)
  }, ending.signal)
  inForce.change()
  await settle()
  t.strictSame(events, ['begin 1', 'end 1', 'begin 2'])
  ending.abort()
  await done
  t.strictSame(events, ['begin 1', 'end 1', 'begin 2', 'end 2'])
})
