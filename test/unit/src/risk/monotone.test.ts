import t from 'tap'
import { dangerIsNotHiddenByDanger, dangerIsNotHiddenByDisguise, FEATURE_JUDGES } from '../../../helpers/monotone.js'
import { trainedJudges } from '../../../helpers/trained-judges.js'

t.setTimeout(240_000)

const JUDGES = [...FEATURE_JUDGES, ...trainedJudges()]

t.test('danger is never hidden by more danger', t => {
  t.equal(dangerIsNotHiddenByDanger(JUDGES, 1500), 1500)
  t.end()
})

t.test('danger is never hidden by what changes nothing', t => {
  t.equal(dangerIsNotHiddenByDisguise(JUDGES, 1500), 1500)
  t.end()
})
