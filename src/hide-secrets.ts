import { isJsonObject, type Json, type JsonObject } from './json.js'

/** Stands where a value is not shown. */
export const HIDDEN = '(hidden)'
const SECRET_MEMBERS = ['data', 'stringData']
const SECRET =
  '(?:password|passwd|passphrase|token|credentials?|secret|(?:api|private|access|secret|encryption|signing)[-_.]?key)'
/** Names of members and variables that hold a secret; what ends in Name, Ref, Path or File only says where one is. */
const SECRET_NAME = new RegExp(`(?:^|[-_.]|(?<=[a-z])(?=[A-Z]))${SECRET}$`, 'i')
/** `--db-password=…`, `?token=…` */
const SECRET_ARGUMENT = new RegExp(`((?:^|[-_.?&\\s])${SECRET}=)[^\\s&"']+`, 'gi')
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/
const URL_PASSWORD = /(:\/\/[^\s/:@]+:)[^\s/@]+@/g
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/**
 * An object as it may be shown to anybody: without the values of a Secret, of members and variables whose names say that
 * they hold one, of private keys, and of passwords in URLs. Where something stands does not change.
 */
export function hideSecrets(object: JsonObject): JsonObject {
  const shown = hidden(object, '') as JsonObject
  if (object.kind !== 'Secret') return shown
  const { data = null, stringData = null } = shown
  return {
    ...shown,
    ...('data' in shown ? { data: allHidden(data) } : {}),
    ...('stringData' in shown ? { stringData: allHidden(stringData) } : {}),
  }
}

/** What stands at a place of an object (the segments of a JSON pointer) as `hideSecrets` shows it; undefined where nothing is. */
export function shownAt(object: JsonObject, segments: readonly string[]): Json | undefined {
  let [value, name, isSecret]: [Json | undefined, string, boolean] = [object, '', false]
  for (const segment of segments) {
    if (Array.isArray(value)) {
      value = value[Number(segment)]
    } else if (isJsonObject(value) && Object.hasOwn(value, segment)) {
      isSecret ||= segment === 'value' && holdsSecret(value)
      ;[value, name] = [value[segment], segment]
    } else {
      return undefined
    }
  }
  if (value === undefined) return undefined
  if (object.kind === 'Secret' && SECRET_MEMBERS.some(member => member === segments[0])) {
    return segments.length === 1 ? allHidden(value) : HIDDEN
  }
  return isSecret ? HIDDEN : hidden(value, name)
}

function hidden(value: Json, name: string): Json {
  if (typeof value === 'string') {
    if (name === LAST_APPLIED || PRIVATE_KEY.test(value) || (value !== '' && SECRET_NAME.test(name))) return HIDDEN
    return value.replace(URL_PASSWORD, `$1${HIDDEN}@`).replace(SECRET_ARGUMENT, `$1${HIDDEN}`)
  }
  if (Array.isArray(value)) return value.map(each => hidden(each, name))
  if (!isJsonObject(value)) return value
  const isSecret = holdsSecret(value)
  return mapMembers(value, (each, key) => (isSecret && key === 'value' ? HIDDEN : hidden(each, key)))
}

/** `{name: DB_PASSWORD, value: …}`, as containers have their variables. */
function holdsSecret({ name, value }: JsonObject): boolean {
  return typeof name === 'string' && typeof value === 'string' && SECRET_NAME.test(name)
}

function allHidden(value: Json): Json {
  if (value === null) return null
  return isJsonObject(value) ? mapMembers(value, () => HIDDEN) : HIDDEN
}

function mapMembers(object: JsonObject, map: (value: Json, key: string) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
}
