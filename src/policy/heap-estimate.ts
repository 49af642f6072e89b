import type { Json } from '../json.js'
import { NumberText } from '../json/number-text.js'

/** What OPA's Wasm allocator takes for so many bytes: blocks come in four sizes, larger ones as they are (OPA 1.22). */
function block(bytes: number): number {
  const header = 12
  const size = [4, 8, 16, 64].find(each => bytes <= each) ?? bytes
  return header + size
}

const VALUE = block(16)
const NUMBER = block(24)
const MEMBER = block(12)

/**
 * An upper bound for the bytes that a JSON value takes in OPA's Wasm memory once it is parsed, its text included: ten to
 * ninety times as much as the text has. Memory of that size at the start spares growing by 64 KiB at a time.
 */
export function estimateHeapBytes(value: Json): number {
  return block(64) + valueBytes(value)
}

/** The bytes of a value and of its text. */
function valueBytes(value: Json): number {
  if (value === null) return block(1) + 4
  if (typeof value === 'boolean') return 5
  if (typeof value === 'number') return numberBytes(String(value).length)
  if (value instanceof NumberText) return numberBytes(value.text.length)
  if (typeof value === 'string') return stringBytes(value)
  if (Array.isArray(value)) {
    // Each element is kept with its index; the list doubles when it is full, and what it was before stays behind.
    let bytes = VALUE + block(80) + 2
    for (const element of value) bytes += valueBytes(element) + NUMBER + 32 + 1
    return bytes
  }
  let bytes = VALUE + block(64) + 2
  for (const key of Object.keys(value)) {
    bytes += stringBytes(key) + valueBytes(value[key] as Json) + MEMBER + 32 + 2
  }
  return bytes
}

function numberBytes(length: number): number {
  return NUMBER + block(length) + length
}

function stringBytes(text: string): number {
  // A code unit takes up to three bytes of UTF-8, and up to six where JSON escapes it.
  return VALUE + block(text.length * 3) + text.length * 6 + 2
}
