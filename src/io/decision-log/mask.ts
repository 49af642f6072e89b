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
 * @returns the pointers of what is gone, as they were before anything was, in the order of the value
 */
export function erase(root: Json, masks: readonly Mask[]): readonly string[] {
  const erased: string[] = []
  eraseBelow(root, masks, { at: '', depth: 0, erased })
  return erased
}

interface Place {
  /** The pointer to the value. */
  readonly at: string
  readonly depth: number
  readonly erased: string[]
}

/** @param masks those that fit down to this value */
function eraseBelow(value: Json, masks: readonly Mask[], { at, depth, erased }: Place): void {
  if (!(Array.isArray(value) || isJsonObject(value))) return
  const gone: string[] = []
  for (const key of Object.keys(value)) {
    const fitting = masks.filter(mask => mask[depth] === key || mask[depth] === '*')
    if (fitting.length === 0) continue
    const here = `${at}/${escapeSegment(key)}`
    if (fitting.some(mask => mask.length === depth + 1)) {
      gone.push(key)
      erased.push(here)
    }
    const member = Array.isArray(value) ? value[Number(key)] : value[key]
    eraseBelow(member ?? null, fitting, { at: here, depth: depth + 1, erased })
  }
  // From behind, so that what moves up is done with.
  for (const key of gone.reverse()) {
    if (Array.isArray(value)) value.splice(Number(key), 1)
    else Reflect.deleteProperty(value, key)
  }
}

function unescapeSegment(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~')
}

function escapeSegment(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1')
}
