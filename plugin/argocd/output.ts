import { GateError } from '../../src/errors.js'
import { NumberText, stringifyJson, type Json, type JsonObject } from '../../src/json.js'

/**
 * Characters that JSON allows in a string and a reader of YAML 1.1 does not, or takes for a line break: DEL and the C1
 * controls with NEL, the line and paragraph separators, the byte order mark, and the last two code points of the plane.
 *
 * @see YAML 1.1, 5.1 "Character Set" and 5.4 "Line Break Characters"; go.yaml.in/yaml/v2, readerc.go
 */
const NOT_YAML = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g

/** An escape of JSON for half of a character; YAML has no such escape. */
const LONE_SURROGATE = /\\u[dD][89a-fA-F][0-9a-fA-F]{2}/

/**
 * The longest key of a mapping, in characters with its quotes, that a reader of YAML looks for a colon behind.
 *
 * @see YAML 1.1, 9.1.1 "Double Quoted"; go.yaml.in/yaml/v2, scannerc.go, yaml_simple_key_is_valid
 */
const MAX_KEY_CHARACTERS = 1024

/** Integers beyond these become doubles for every reader, and lose digits. */
const INT64_MAX = 2n ** 63n - 1n
const INTEGER = /^-?\d{1,400}$/

/**
 * Writes objects as one line of JSON each, which a reader of JSON and a reader of YAML 1.1 take for the same values:
 * argocd-cmp-server splits its plugin's output as JSON, and repo-server reads every document again as YAML.
 *
 * @throws GateError MANIFEST_NUMBER, MANIFEST_ENCODING or MANIFEST_INVALID where the two would differ
 */
export function serialize(objects: readonly JsonObject[]): string {
  return objects.map(object => `${serializeObject(object)}\n`).join('')
}

function serializeObject(object: JsonObject): string {
  checkValues(object, nameOf(object))
  const text = stringifyJson(object).replace(NOT_YAML, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  const lone = LONE_SURROGATE.exec(text)
  // An escaped backslash before `ud800` is no escape of a surrogate.
  if (lone !== null && hasLoneSurrogate(object)) {
    throw new GateError(
      'MANIFEST_ENCODING',
      `${nameOf(object)}: a text has half of a surrogate pair, which is not a character`,
    )
  }
  return text
}

function hasLoneSurrogate(object: JsonObject): boolean {
  let found = false
  visit(object, {
    text: text => {
      found ||= /\p{Cs}/u.test(text)
    },
    key: key => {
      found ||= /\p{Cs}/u.test(key)
    },
  })
  return found
}

interface Visitor {
  readonly text?: (text: string) => void
  readonly key?: (key: string) => void
  readonly number?: (text: string) => void
}

/** Visits every key, every text and every number that no double holds; without recursion, for any depth. */
function visit(root: Json, { text, key, number }: Visitor): void {
  const stack: Json[] = [root]
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (typeof value === 'string') text?.(value)
    else if (typeof value !== 'object' || value === null) continue
    else if (Array.isArray(value)) for (const item of value) stack.push(item)
    else if (value instanceof NumberText) number?.(value.text)
    else {
      for (const name of Object.keys(value)) {
        key?.(name)
        const member = value[name]
        if (member !== undefined) stack.push(member)
      }
    }
  }
}

function checkValues(object: JsonObject, what: string): void {
  visit(object, {
    key(key) {
      // Only a long one is worth its exact length.
      if (key.length < MAX_KEY_CHARACTERS / 6) return
      const written = JSON.stringify(key).replace(NOT_YAML, '\\u0000')
      if (Array.from(written).length > MAX_KEY_CHARACTERS) {
        const shown = `${key.slice(0, 40)}…`
        throw new GateError(
          'MANIFEST_INVALID',
          `${what}: the key "${shown}" is too long: Argo CD reads up to ${MAX_KEY_CHARACTERS} characters`,
        )
      }
    },
    number(text) {
      const value = INTEGER.test(text) ? BigInt(text) : 0n
      if (value <= INT64_MAX && value >= -INT64_MAX - 1n) return
      const problem = `the number ${text.slice(0, 40)} is beyond 64 bits and would be rounded; write it as a text`
      throw new GateError('MANIFEST_NUMBER', `${what}: ${problem}`)
    },
  })
}

function nameOf({ kind, metadata }: JsonObject): string {
  const name = typeof metadata === 'object' && metadata !== null && 'name' in metadata ? metadata.name : ''
  return `${typeof kind === 'string' ? kind : 'object'} ${typeof name === 'string' ? name : ''}`.trim()
}
