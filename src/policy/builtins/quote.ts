import { PRINTABLE_CHANGES } from './printable.js'

let changes: readonly number[] | undefined

function printableChanges(): readonly number[] {
  let codePoint = 0
  return PRINTABLE_CHANGES.split(' ').map(distance => (codePoint += parseInt(distance, 36)))
}

/** True for what Go prints as it is: letters, marks, numbers, punctuation, symbols, and the ASCII space. */
export function isPrintable(codePoint: number): boolean {
  if (codePoint < 0x7f) return codePoint >= 0x20
  changes ??= printableChanges()
  let low = 0
  let high = changes.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((changes[middle] ?? 0) <= codePoint) low = middle + 1
    else high = middle
  }
  // An odd number of changes lies at or before it.
  return low % 2 === 1
}

const NAMED_ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
}

function escape(codePoint: number, delimiter: string, ascii: boolean): string {
  const character = String.fromCodePoint(codePoint)
  if (character === delimiter || character === '\\') return `\\${character}`
  if (isPrintable(codePoint) && (!ascii || codePoint < 0x80)) return character
  const named = NAMED_ESCAPES[codePoint]
  if (named !== undefined) return named
  const hex = codePoint.toString(16)
  if (codePoint < 0x20 || codePoint === 0x7f) return `\\x${hex.padStart(2, '0')}`
  return codePoint < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

/** A double-quoted string literal of Go. */
export function quote(text: string, ascii = false): string {
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`
  return `"${Array.from(text, character => escape(character.codePointAt(0) ?? 0, '"', ascii)).join('')}"`
}

/** A single-quoted character literal of Go. */
export function quoteCharacter(codePoint: number, ascii = false): string {
  return `'${escape(codePoint, "'", ascii)}'`
}

/** True when a raw string literal of Go, between back quotes, can hold the text. */
export function canBackquote(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  return !/[\u0000-\u0008\u000a-\u001f`\u007f\ufeff]/.test(text)
}
