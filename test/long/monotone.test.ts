import t from 'tap'
import { dangerIsNotHiddenByDanger, dangerIsNotHiddenByDisguise, FEATURE_JUDGES } from '../helpers/monotone.js'

t.setTimeout(600_000)

t.test('danger is never hidden by more danger, in many cases', t => {
  t.equal(dangerIsNotHiddenByDanger(FEATURE_JUDGES, 20_000), 20_000)
  t.end()
})

t.test('danger is never hidden by what changes nothing, in many cases', t => {
  t.equal(dangerIsNotHiddenByDisguise(FEATURE_JUDGES, 20_000), 20_000)
  t.end()
})
