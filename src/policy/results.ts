import type { PatchOperation } from '../decision-types.js'
import { GateError } from '../errors.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'

/** What a policy says about one object, before anything is decided. */
export interface PolicyFinding {
  readonly message: string
  readonly path: string
  readonly details: Json
  readonly remedy: { readonly text: string; readonly patch: readonly PatchOperation[] } | null
}

/**
 * Reads the set that a rule returned. Anything else than a set of strings or of `{msg, path?, details?, remedy?}` is an
 * error: a policy whose answer cannot be read must not count as silent.
 *
 * @throws GateError POLICY_RESULT
 */
export function parseFindings(result: Json): readonly PolicyFinding[] {
  if (!Array.isArray(result)) throw wrongShape(`returned ${typeName(result)} where a set of violations is expected`)
  return result.map(parseFinding)
}

function parseFinding(value: Json): PolicyFinding {
  if (typeof value === 'string') return { message: value, path: '', details: null, remedy: null }
  if (!isJsonObject(value))
    throw wrongShape(`returned a set with ${typeName(value)} where a string or an object is expected`)
  const { msg, path = '', details = null, remedy = null } = value
  if (typeof msg !== 'string') throw wrongShape('returned a violation without a msg')
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/'))) {
    throw wrongShape('returned a violation whose path is not a JSON pointer')
  }
  return { message: msg, path, details, remedy: remedy === null ? null : parseRemedy(remedy) }
}

function parseRemedy(value: Json): PolicyFinding['remedy'] {
  if (!isJsonObject(value)) throw wrongShape('returned a remedy that is not an object')
  const { text = '', patch = [] } = value
  if (typeof text !== 'string' || !Array.isArray(patch))
    throw wrongShape('returned a remedy without text or with a patch that is no list')
  return { text, patch: patch.map(parseOperation) }
}

function parseOperation(value: Json): PatchOperation {
  const operation: JsonObject = isJsonObject(value) ? value : {}
  const { op, path } = operation
  if (typeof path !== 'string' || !path.startsWith('/')) throw wrongShape('returned a remedy whose patch has no path')
  if (op === 'remove') return { op, path }
  if ((op === 'add' || op === 'replace') && operation.value !== undefined) return { op, path, value: operation.value }
  throw wrongShape('returned a remedy whose patch has an operation other than add, replace or remove')
}

function wrongShape(message: string): GateError {
  return new GateError('POLICY_RESULT', message)
}

function typeName(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a set or array'
  if (typeof value === 'object') return 'an object'
  return `a ${typeof value}`
}
