import { canonicalObject } from '../canonical.js'
import type { JsonObject } from '../json.js'
import { calibrate } from './calibration.js'
import { evaluate } from './ensemble.js'
import { objectFeatures } from './features.js'
import type { Models } from './models.js'

/** The score that the object model gives, at once and without its reasons: for trying what would lower it. */
export function createEstimate({ object: { ensemble, calibrationOf } }: Pick<Models, 'object'>) {
  return (object: JsonObject): number => {
    const { kind } = object
    const { values } = objectFeatures(canonicalObject(object))
    return calibrate(evaluate(ensemble, values), calibrationOf(typeof kind === 'string' ? kind : '')).score
  }
}
