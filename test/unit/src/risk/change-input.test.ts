import t from 'tap'
import { canonicalObject } from '../../../../src/canonical.js'
import { changeInput } from '../../../../src/risk/change-input.js'
import { objectFeatures } from '../../../../src/risk/features.js'
import { samples } from '../../../helpers/samples.js'

t.test("the change model's input begins with the object model's for the new object", t => {
  const objects = samples().flatMap(({ manifests }) => manifests.map(({ object }) => canonicalObject(object)))
  for (const [index, object] of objects.entries()) {
    const oldObject = objects[(index + 1) % objects.length] ?? {}
    t.strictSame(changeInput(oldObject, object, null).object, objectFeatures(object).values)
  }
  t.end()
})
