import t from 'tap'
import { dangerIsNotHiddenByDanger, dangerIsNotHiddenByDisguise, FEATURE_JUDGES } from '../../../helpers/monotone.js'

t.setTimeout(240_000)

t.test('danger is never hidden by more danger', t => {
  t.equal(dangerIsNotHiddenByDanger(FEATURE_JUDGES, 1500), 1500)
  t.end()
})

t.test('danger is never hidden by what changes nothing', t => {
  t.equal(dangerIsNotHiddenByDisguise(FEATURE_JUDGES, 1500), 1500)
  t.end()
})
