import { canonicalObject } from '../../src/canonical.js'
import { isJsonObject, type Json, type JsonObject } from '../../src/json.js'
import { CANONICAL_EXCEPTIONS } from './canonical-exceptions.js'
import { differences, type Difference } from './difference.js'
import type { Prediction } from './prediction.js'

const KEPT = 'a field that the manifest does not name keeps the live value (a default that no longer fits included)'

/**
 * The exception that explains a difference between built (left) and sent (right): what may differ in canonical forms, and in an update what
 * only the live object has. Undefined: nothing does, so somebody is wrong.
 */
export function exceptionFor(difference: Difference, { built, unknownFields }: Prediction): string | undefined {
  const { path, left, right } = difference
  const { object, oldObject } = built
  if (oldObject !== null && left === undefined && right !== undefined && isAt(oldObject, path, right)) return KEPT
  if (object === null) return undefined
  const found = CANONICAL_EXCEPTIONS.find(each => each.explains(difference, object, unknownFields))
  return found && `${found.title} (${found.because})`
}

/** Whether the object has this value at this place, in whatever spelling. */
function isAt(object: JsonObject, path: string, value: Json): boolean {
  return [object, canonicalObject(object)].some(each => {
    const found = valueAt(each, path)
    return found !== undefined && differences(found, value).length === 0
  })
}

function valueAt(object: JsonObject, path: string): Json | undefined {
  let found: Json | undefined = object
  for (const segment of path.split('/').slice(1)) {
    const key = segment.replace(/~1/g, '/').replace(/~0/g, '~')
    found = Array.isArray(found) ? found[Number(key)] : isJsonObject(found) ? found[key] : undefined
  }
  return found
}
