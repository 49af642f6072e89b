import type { PatchOperation } from '../decision-types.js'
import { emptyObject, isJsonObject, type Json, type JsonObject } from '../json.js'

/** Splits a JSON pointer (RFC 6901) into its unescaped segments; '' is the whole document. */
export function pointerSegments(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(segment => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/**
 * Applies a JSON Patch of add, replace and remove (RFC 6902) to a copy that shares what did not change.
 *
 * @returns null when an operation does not fit the object
 */
export function applyPatch(object: JsonObject, patch: readonly PatchOperation[]): JsonObject | null {
  let current: Json = object
  for (const operation of patch) {
    const next = applyAt(current, pointerSegments(operation.path), operation)
    if (next === undefined) return null
    current = next
  }
  return isJsonObject(current) ? current : null
}

function applyAt(target: Json, segments: readonly string[], operation: PatchOperation): Json | undefined {
  const [key, ...rest] = segments
  if (key === undefined) return undefined
  if (Array.isArray(target)) return applyToArray(target, key, rest, operation)
  if (!isJsonObject(target)) return undefined
  const exists = Object.hasOwn(target, key)
  const copy = Object.assign(emptyObject(), target)
  if (rest.length > 0) {
    const child = exists ? applyAt(target[key] ?? null, rest, operation) : undefined
    if (child === undefined) return undefined
    copy[key] = child
  } else if (operation.op === 'add') {
    copy[key] = operation.value
  } else if (!exists) {
    return undefined
  } else if (operation.op === 'replace') {
    copy[key] = operation.value
  } else {
    // The copy has no prototype and is ours alone.
    Reflect.deleteProperty(copy, key)
  }
  return copy
}

function applyToArray(
  target: Json[],
  key: string,
  rest: readonly string[],
  operation: PatchOperation,
): Json | undefined {
  const index = key === '-' ? target.length : /^(0|[1-9][0-9]*)$/.test(key) ? Number(key) : -1
  if (index < 0 || index > target.length || (index === target.length && (rest.length > 0 || operation.op !== 'add'))) {
    return undefined
  }
  if (rest.length > 0) {
    const child = applyAt(target[index] ?? null, rest, operation)
    return child === undefined ? undefined : target.with(index, child)
  }
  if (operation.op === 'add') return target.toSpliced(index, 0, operation.value)
  return operation.op === 'replace' ? target.with(index, operation.value) : target.toSpliced(index, 1)
}
