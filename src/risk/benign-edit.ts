import { equalJson, objects } from '../canonical/drop.js'
import type { PatchOperation } from '../decision-types.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'
import { pointerSegments } from '../remedy/patch.js'
import { oldPlace, valueAt } from './old-place.js'

type Segments = readonly string[]

/** Without these an object is another one, or none; as they were before they would take all of a change back. */
const IDENTITY = /^(?:|\/apiVersion|\/kind|\/metadata(?:\/(?:name|namespace|generateName))?|.*\/(?:spec|template))$/
/** Members that their object cannot be without; what would be harmless in their place is not known. */
const REQUIRED: ReadonlySet<string> = new Set([
  'apiGroup',
  'apiVersion',
  'container',
  'containers',
  'externalName',
  'image',
  'jobTemplate',
  'kind',
  'name',
  'roleRef',
  'schedule',
  'spec',
  'template',
  'url',
])
/** Lists of what an object runs: an element that was always there is not taken out as if it were a setting. */
const PARTS: ReadonlySet<string> = new Set(['containers', 'steps', 'templates'])

/**
 * What makes one place of an object harmless: a switch is turned, a list element or a member goes, and what a change
 * changed is as it was. null: nothing is known that does.
 *
 * @param oldObject null when the object is new
 * @param path a JSON pointer into the object, as a feature names it
 */
export function benignEdit(object: JsonObject, oldObject: JsonObject | null, path: string): PatchOperation[] | null {
  if (IDENTITY.test(path)) return null
  const segments = wholeOf(pointerSegments(path))
  return oldObject === null ? harmless(object, segments) : restored(object, oldObject, segments)
}

/** What is taken out or put back together: a volume with its path, a profile with its type, a variable with its value. */
function wholeOf(segments: Segments): Segments {
  const [grandparent = '', parent = '', member = ''] = segments.slice(-3)
  const isVolume = parent === 'hostPath' && member === 'path' && isIndex(grandparent)
  if (isVolume) return segments.slice(0, -2)
  const isPart = (member === 'type' && parent.endsWith('Profile')) || (member === 'value' && isIndex(parent))
  return isPart ? segments.slice(0, -1) : segments
}

function harmless(object: JsonObject, segments: Segments): PatchOperation[] | null {
  const value = valueAt(object, segments)
  if (value === undefined) return null
  if (typeof value === 'boolean') return [{ op: 'replace', path: pointerOf(segments), value: !value }]
  const [list = '', member = ''] = segments.slice(-2)
  return REQUIRED.has(member) || (isIndex(member) && PARTS.has(list)) ? null : removed(object, segments)
}

function restored(object: JsonObject, oldObject: JsonObject, segments: Segments): PatchOperation[] | null {
  const place = oldPlace(oldObject, object, segments)
  if (place === null) return harmless(object, segments) ?? removed(object, newElement(object, oldObject, segments))
  const [now, before] = [valueAt(object, segments), valueAt(oldObject, place)]
  if (before === undefined) return now === undefined ? null : harmless(object, segments)
  if (now !== undefined) {
    return equalJson(now, before) ? null : [{ op: 'replace', path: pointerOf(segments), value: before }]
  }
  // What is missing may be missing with all that it was in.
  const length = segments.findIndex((_, index) => valueAt(object, segments.slice(0, index + 1)) === undefined) + 1
  const value = valueAt(oldObject, place.slice(0, length))
  return value === undefined ? null : [{ op: 'add', path: pointerOf(segments.slice(0, length)), value }]
}

/** The outermost list element on the way that the old object did not have. */
function newElement(object: JsonObject, oldObject: JsonObject, segments: Segments): Segments {
  const index = segments.findIndex((_, at) => oldPlace(oldObject, object, segments.slice(0, at + 1)) === null)
  return segments.slice(0, index + 1)
}

function removed(object: JsonObject, segments: Segments): PatchOperation[] {
  const mounts = segments.at(-2) === 'volumes' ? mountsOf(object, segments) : []
  return [...mounts, segments].map(each => ({ op: 'remove', path: pointerOf(each) }))
}

/** A pod whose containers mount a volume that it does not have would be refused. */
function mountsOf(object: JsonObject, volume: Segments): Segments[] {
  const pod = volume.slice(0, -2)
  const name = memberOf(valueAt(object, volume), 'name')
  return ['containers', 'initContainers', 'ephemeralContainers'].flatMap(list =>
    objects(valueAt(object, [...pod, list])).flatMap((container, index) =>
      ['volumeMounts', 'volumeDevices'].flatMap(mounts =>
        elements(container[mounts]).flatMap((mount, at) =>
          memberOf(mount, 'name') === name ? [[...pod, list, String(index), mounts, String(at)]] : [],
        ),
      ),
    ),
  )
}

function elements(list: Json | undefined): readonly Json[] {
  return Array.isArray(list) ? list : []
}

function memberOf(value: Json | undefined, member: string): Json | undefined {
  return isJsonObject(value) ? value[member] : undefined
}

function isIndex(segment: string): boolean {
  return /^\d+$/.test(segment)
}

function pointerOf(segments: Segments): string {
  return segments.map(segment => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
