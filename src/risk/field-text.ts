import { HIDDEN, shownAt } from '../hide-secrets.js'
import { NumberText, type JsonObject } from '../json.js'
import { pointerSegments } from '../remedy/patch.js'
import { oldPlace, valueAt } from './old-place.js'

/** Places that gave a feature its value. */
export interface FieldPlaces {
  /** JSON pointers into the object. */
  readonly paths: readonly string[]
  readonly object: JsonObject
  /** null when nothing is compared. */
  readonly oldObject: JsonObject | null
}

/** What a field holds, in words. */
export interface FieldText {
  readonly text: string
  /** A switch says all there is to say; of anything else it has to be told why it matters. */
  readonly isPlain: boolean
}

/** Longer texts are cut. */
const MAX_SHOWN = 40
/** They say what the object is; a feature's own text says it better. */
const IDENTITY = ['/kind', '/apiVersion']

/**
 * The first field among the places that the change changed, else the first one that holds something: `hostPID is true`,
 * `hostPID false → true`, or its name alone when its value is not for everybody. null: the places are no fields.
 */
export function fieldOf({ paths, object, oldObject }: FieldPlaces): FieldText | null {
  let first: FieldText | null = null
  for (const path of paths) {
    if (path === '' || IDENTITY.includes(path)) continue
    const segments = pointerSegments(path)
    const name = fieldName(segments)
    const now = scalarAt(object, segments)
    if (oldObject === null) {
      if (now !== undefined) return nowText(name, now, '')
      continue
    }
    const oldSegments = oldPlace(oldObject, object, segments)
    const before = oldSegments === null ? undefined : scalarAt(oldObject, oldSegments)
    if (now === undefined && before === undefined) continue
    if (now?.value !== before?.value) return changeText(name, before, now)
    if (now !== undefined) first ??= nowText(name, now, ', as before')
  }
  return first
}

function nowText(name: FieldName, now: Scalar, ending: string): FieldText {
  if (now.shown === null) return { text: name.text, isPlain: false }
  return { text: `${name.text} is ${now.shown}${ending}`, isPlain: typeof now.value === 'boolean' }
}

function changeText(name: FieldName, before: Scalar | undefined, now: Scalar | undefined): FieldText {
  const absent = FALSE_WHEN_ABSENT.has(name.member) ? 'false' : 'unset'
  const [oldText, newText] = [before, now].map(each => (each === undefined ? absent : each.shown))
  if (typeof oldText !== 'string' || typeof newText !== 'string') return { text: name.text, isPlain: false }
  const isPlain = [before, now].some(each => typeof each?.value === 'boolean')
  return { text: `${name.text} ${oldText} → ${newText}`, isPlain }
}

/** Absent, they are `false` for Kubernetes as well; of all else is only said that it is not there. */
const FALSE_WHEN_ABSENT: ReadonlySet<string> = new Set([
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'hostProcess',
  'privileged',
  'readOnlyRootFilesystem',
  'runAsNonRoot',
  'shareProcessNamespace',
  'stdin',
  'tty',
])

interface Scalar {
  /** A number is compared as it was written. */
  readonly value: boolean | string
  /** null when it is not shown. */
  readonly shown: string | null
}

function scalarAt(object: JsonObject, segments: readonly string[]): Scalar | undefined {
  const value = valueAt(object, segments)
  if (typeof value === 'boolean') return { value, shown: String(value) }
  if (typeof value === 'number') return { value: String(value), shown: String(value) }
  if (value instanceof NumberText) return { value: value.text, shown: value.text }
  if (typeof value !== 'string') return undefined
  const shown = shownAt(object, segments)
  // What has spaces is a program or prose, and may hold anything.
  const isShown = typeof shown === 'string' && shown !== HIDDEN && !/\s/.test(shown)
  return { value, shown: isShown ? JSON.stringify(shortened(shown)) : null }
}

/** Both ends of a long text: of an image these are the registry and the tag. */
function shortened(text: string): string {
  const characters = Array.from(text)
  if (characters.length <= MAX_SHOWN) return text
  return `${characters.slice(0, MAX_SHOWN - 16).join('')}…${characters.slice(-15).join('')}`
}

interface FieldName {
  /** The field's own name. */
  readonly member: string
  /** With as much of what is around it as makes it clear. */
  readonly text: string
}

/** They say little without what they are part of. */
const NEEDS_PARENT: ReadonlySet<string> = new Set([
  'add',
  'drop',
  'host',
  'key',
  'kind',
  'name',
  'path',
  'port',
  'type',
  'url',
  'value',
])

/** Their keys are anybody's words. */
const DATA: ReadonlySet<string> = new Set(['data', 'stringData', 'binaryData'])

function fieldName(segments: readonly string[]): FieldName {
  const names = segments.filter(segment => !/^\d+$/.test(segment))
  const [parent = '', member = ''] = names.slice(-2)
  if (names.length < 2) return { member: parent, text: shortened(parent) }
  if (parent === 'annotations' || parent === 'labels') {
    return { member, text: `${parent.slice(0, -1)} ${shortened(member)}` }
  }
  const text = NEEDS_PARENT.has(member) || DATA.has(parent) ? `${parent}.${member}` : member
  return { member, text: shortened(text) }
}
