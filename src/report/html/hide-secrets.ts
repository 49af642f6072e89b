import { isJsonObject, type Json, type JsonObject } from '../../json.js'

const HIDDEN = '(hidden)'
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

function hidden(value: Json, name: string): Json {
  if (typeof value === 'string') {
    if (name === LAST_APPLIED || PRIVATE_KEY.test(value) || (value !== '' && SECRET_NAME.test(name))) return HIDDEN
    return value.replace(URL_PASSWORD, `$1${HIDDEN}@`).replace(SECRET_ARGUMENT, `$1${HIDDEN}`)
  }
  if (Array.isArray(value)) return value.map(each => hidden(each, name))
  if (!isJsonObject(value)) return value
  // `{name: DB_PASSWORD, value: …}`, as containers have their variables.
  const isSecret = typeof value.name === 'string' && typeof value.value === 'string' && SECRET_NAME.test(value.name)
  return mapMembers(value, (each, key) => (isSecret && key === 'value' ? HIDDEN : hidden(each, key)))
}

function allHidden(value: Json): Json {
  if (value === null) return null
  return isJsonObject(value) ? mapMembers(value, () => HIDDEN) : HIDDEN
}

function mapMembers(object: JsonObject, map: (value: Json, key: string) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
}
