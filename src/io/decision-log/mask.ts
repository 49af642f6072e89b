import { GateError } from '../../errors.js'
import { isJsonObject, type Json } from '../../json.js'

/** A JSON pointer (RFC 6901) into an event; a segment `*` stands for every member and element. */
export type Mask = readonly string[]

/** OPA lets a mask touch these and nothing else of an event. */
const ROOTS = ['input', 'result']

/**
 * Reads JSON pointers such as `/input/actor/groups`; `*` may stand for the index of a violation.
 *
 * @throws GateError CONFIG_INVALID naming every pointer that is none, or that leads to something else than OPA lets a mask erase
 */
export function parseMasks(pointers: readonly string[]): readonly Mask[] {
  const problems: string[] = []
  const masks = pointers.map(pointer => {
    const [empty, ...segments] = pointer.split('/')
    if (empty !== '' || /~(?![01])/.test(pointer)) problems.push(`${pointer}: is no JSON pointer`)
    else if (!ROOTS.includes(segments[0] ?? '')) problems.push(`${pointer}: must begin with /input or /result`)
    return segments.map(unescapeSegment)
  })
  if (problems.length === 0) return masks
  throw new GateError('CONFIG_INVALID', `masks of the decision log: ${problems.join('; ')}`)
}

/**
 * Takes what the masks point to out of a value, in place. An element of a list goes as a whole, and the rest move up; a
 * pointer to nothing is ignored.
 *
 * @returns the pointers of what is gone, as they were before anything was, sorted
 */
export function erase(root: Json, masks: readonly Mask[]): readonly string[] {
  const found = new Map<string, () => void>()
  for (const mask of masks) collect(root, mask, [], found)
  const pointers = [...found.keys()].sort(byPosition)
  // From behind, so that what moves up is done with.
  for (const pointer of pointers.toReversed()) found.get(pointer)?.()
  return pointers
}

function collect(value: Json, mask: Mask, at: readonly string[], found: Map<string, () => void>): void {
  const [segment, ...rest] = mask
  if (segment === undefined || !(Array.isArray(value) || isJsonObject(value))) return
  const keys = Array.isArray(value) ? [...value.keys()].map(String) : Object.keys(value)
  for (const key of segment === '*' ? keys : keys.filter(each => each === segment)) {
    const here = [...at, key]
    if (rest.length > 0) {
      collect((Array.isArray(value) ? value[Number(key)] : value[key]) as Json, rest, here, found)
    } else {
      found.set(here.map(each => `/${escapeSegment(each)}`).join(''), () => {
        if (Array.isArray(value)) value.splice(Number(key), 1)
        else Reflect.deleteProperty(value, key)
      })
    }
  }
}

/** The elements of a list in their order: `/9` before `/10`. */
const byPosition = new Intl.Collator('en', { numeric: true }).compare

function unescapeSegment(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~')
}

function escapeSegment(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1')
}
