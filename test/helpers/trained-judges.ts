import { readFileSync } from 'node:fs'
import { changeInput } from '../../src/risk/change-input.js'
import { evaluate } from '../../src/risk/ensemble.js'
import { objectFeatures } from '../../src/risk/features.js'
import { readModels } from '../../src/risk/models.js'
import type { Judge } from './monotone.js'

const FOLDER = new URL('../../../model/trained/', import.meta.url)

/** The released models: a score is strictly monotone in the logit that each gives. */
export function trainedJudges(): readonly Judge[] {
  const names = ['objects.onnx', 'changes.onnx', 'isolation.onnx', 'golden.json']
  const { object, change } = readModels(
    new Map(names.map(name => [`model/${name}`, readFileSync(new URL(name, FOLDER))])),
  )
  return [
    {
      about: 'object',
      names: ['the logit'],
      of: (_old, manifest) => [evaluate(object.ensemble, objectFeatures(manifest).values)],
    },
    {
      about: 'change',
      names: ['the logit'],
      of: (old, manifest) => [evaluate(change.ensemble, changeInput(old, manifest, null).vector.values)],
    },
  ]
}
