import t from 'tap'
import { dangerIsNotHiddenByDanger, dangerIsNotHiddenByDisguise, FEATURE_JUDGES } from '../helpers/monotone.js'
import { trainedJudges } from '../helpers/trained-judges.js'

t.setTimeout(600_000)

const JUDGES = [...FEATURE_JUDGES, ...trainedJudges()]

t.test('danger is never hidden by more danger, in many cases', t => {
  t.equal(dangerIsNotHiddenByDanger(JUDGES, 20_000), 20_000)
  t.end()
})

t.test('danger is never hidden by what changes nothing, in many cases', t => {
  t.equal(dangerIsNotHiddenByDisguise(JUDGES, 20_000), 20_000)
  t.end()
})
