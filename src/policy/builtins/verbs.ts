import { floatText } from './float-text.js'
import { canBackquote, isPrintable, quote, quoteCharacter } from './quote.js'

/** What Go's fmt sees of a Rego value: OPA hands over numbers and strings, and the text of everything else. */
export type Argument =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'int64'; readonly value: bigint }
  | { readonly type: 'float64'; readonly value: number }
  | { readonly type: '*big.Int'; readonly value: bigint }

/** Flags, width and precision of one directive; `plusV` and `sharpV` stand for + and # in front of v. */
export interface Directive {
  plus: boolean
  minus: boolean
  sharp: boolean
  space: boolean
  zero: boolean
  plusV: boolean
  sharpV: boolean
  /** 0: none was given. */
  width: number
  precision: number | null
}

/** A directive of a verb alone. */
export function plainDirective(): Directive {
  return {
    plus: false,
    minus: false,
    sharp: false,
    space: false,
    zero: false,
    plusV: false,
    sharpV: false,
    width: 0,
    precision: null,
  }
}

const MAX_CODE_POINT = 0x10ffffn
const REPLACEMENT = 0xfffd

/** One argument as one verb prints it; a verb that does not fit the argument shows as `%!d(string=x)`. */
export function formatArgument(argument: Argument, verb: string, directive: Directive): string {
  if (verb === 'T') return padded(truncated(argument.type, directive), directive)
  switch (argument.type) {
    case 'string':
      return formatString(argument.value, verb, directive) ?? wrongVerb(argument, verb, directive)
    case 'int64':
      return formatInteger(argument.value, verb, directive) ?? wrongVerb(argument, verb, directive)
    case 'float64':
      return formatFloat(argument.value, verb, directive) ?? wrongVerb(argument, verb, directive)
    case '*big.Int':
      return formatBigInteger(argument.value, verb, directive)
  }
}

function wrongVerb(argument: Argument, verb: string, directive: Directive): string {
  return `%!${verb}(${argument.type}=${formatArgument(argument, 'v', directive)})`
}

/** Fills up to the width, which counts code points; zeros go to the left only. */
function padded(text: string, { width, minus, zero }: Directive): string {
  const missing = width - Array.from(text).length
  if (missing <= 0) return text
  if (minus) return text + ' '.repeat(missing)
  return (zero ? '0' : ' ').repeat(missing) + text
}

function spacePadded(text: string, directive: Directive): string {
  return padded(text, { ...directive, zero: false })
}

function truncated(text: string, { precision }: Directive): string {
  return precision === null ? text : Array.from(text).slice(0, precision).join('')
}

function formatString(text: string, verb: string, directive: Directive): string | undefined {
  switch (verb) {
    case 'v':
      return directive.sharpV ? quoted(text, directive) : padded(truncated(text, directive), directive)
    case 's':
      return padded(truncated(text, directive), directive)
    case 'q':
      return quoted(text, directive)
    case 'x':
    case 'X': {
      const hex = hexText(text, directive)
      return verb === 'X' ? hex.toUpperCase() : hex
    }
    default:
      return undefined
  }
}

function quoted(text: string, directive: Directive): string {
  const shown = truncated(text, directive)
  if (directive.sharp && canBackquote(shown)) return padded(`\`${shown}\``, directive)
  return padded(quote(shown, directive.plus), directive)
}

/** The bytes of a text's UTF-8 in hexadecimal; the precision counts bytes. */
function hexText(text: string, directive: Directive): string {
  const bytes = new TextEncoder().encode(text).subarray(0, directive.precision ?? undefined)
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0'))
  if (hex.length === 0) return padded('', directive)
  const prefix = directive.sharp ? '0x' : ''
  return padded(prefix + hex.join(directive.space ? ` ${prefix}` : ''), directive)
}

const BASES: Readonly<Record<string, number>> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 }

function formatInteger(value: bigint, verb: string, directive: Directive): string | undefined {
  const base = BASES[verb]
  if (base !== undefined) return integerText(value, base, verb, directive)
  if (verb === 'U') return unicodeText(BigInt.asUintN(64, value), directive)
  if (verb !== 'c' && verb !== 'q') return undefined
  const codePoint = toCodePoint(value)
  return padded(verb === 'c' ? String.fromCodePoint(codePoint) : quoteCharacter(codePoint, directive.plus), directive)
}

/** The code point, or the replacement character for numbers that are none. */
function toCodePoint(value: bigint): number {
  const surrogate = value >= 0xd800n && value < 0xe000n
  return value < 0n || value > MAX_CODE_POINT || surrogate ? REPLACEMENT : Number(value)
}

function signText(negative: boolean, { plus, space }: Directive): string {
  if (negative) return '-'
  if (plus) return '+'
  return space ? ' ' : ''
}

function integerText(value: bigint, base: number, verb: string, directive: Directive): string {
  const { precision, width, sharp } = directive
  if (precision === 0 && value === 0n) return ' '.repeat(width)
  const negative = value < 0n
  const sign = signText(negative, directive)
  let digits = (negative ? -value : value).toString(base)
  if (verb === 'X') digits = digits.toUpperCase()
  const zeros = directive.zero && !directive.minus ? width - sign.length : 0
  digits = digits.padStart(precision ?? zeros, '0')
  let prefix = ''
  if (sharp && base === 2) prefix = '0b'
  if (sharp && base === 8 && !digits.startsWith('0')) prefix = '0'
  if (sharp && base === 16) prefix = verb === 'X' ? '0X' : '0x'
  if (verb === 'O') prefix = `0o${prefix}`
  return spacePadded(sign + prefix + digits, directive)
}

function unicodeText(value: bigint, directive: Directive): string {
  const digits = value
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(directive.precision ?? 0, 4), '0')
  const shown = directive.sharp && value <= MAX_CODE_POINT && isPrintable(Number(value))
  return spacePadded(`U+${digits}${shown ? ` '${String.fromCodePoint(Number(value))}'` : ''}`, directive)
}

/** Integers beyond 64 bits format themselves in Go, a little differently. */
function formatBigInteger(value: bigint, verb: string, directive: Directive): string {
  const base = verb === 's' ? 10 : BASES[verb]
  if (base === undefined) {
    return verb === 'w' ? `%!w(*big.Int=${structText(value, directive)})` : `%!${verb}(big.Int=${value})`
  }
  const negative = value < 0n
  const { precision, width, minus } = directive
  const sign = signText(negative, { ...directive, plus: directive.plus || directive.plusV })
  let prefix = ''
  if (directive.sharp) prefix = { b: '0b', o: '0', x: '0x', X: '0X' }[verb] ?? ''
  if (verb === 'O') prefix = '0o'
  let digits = (negative ? -value : value).toString(base)
  if (verb === 'X') digits = digits.toUpperCase()
  digits = digits.padStart(precision ?? 0, '0')
  if (directive.zero && !minus && precision === null) digits = digits.padStart(width - sign.length - prefix.length, '0')
  return spacePadded(sign + prefix + digits, directive)
}

/** A big.Int as Go shows its fields, in 64-bit words: only %w, which is no verb of sprintf, comes to this. */
function structText(value: bigint, directive: Directive): string {
  const { sharpV, plusV } = directive
  const words: string[] = []
  for (let rest = value < 0n ? -value : value; rest > 0n; rest >>= 64n) {
    const word = BigInt.asUintN(64, rest)
    words.push(
      sharpV ? integerText(word, 16, 'v', { ...directive, sharp: true }) : integerText(word, 10, 'v', directive),
    )
  }
  const negative = padded(String(value < 0n), directive)
  if (sharpV) return `&big.Int{neg:${negative}, abs:big.nat{${words.join(', ')}}}`
  return plusV ? `&{neg:${negative} abs:[${words.join(' ')}]}` : `&{${negative} [${words.join(' ')}]}`
}

function formatFloat(value: number, verb: string, directive: Directive): string | undefined {
  const { precision } = directive
  switch (verb) {
    case 'v':
      return signedFloat(value, floatText(value, 'g', precision ?? -1), 'g', directive)
    case 'b':
    case 'g':
    case 'G':
    case 'x':
    case 'X':
      return signedFloat(value, floatText(value, verb, precision ?? -1), verb, directive)
    case 'e':
    case 'E':
      return signedFloat(value, floatText(value, verb, precision ?? 6), verb, directive)
    case 'f':
    case 'F':
      return signedFloat(value, floatText(value, 'f', precision ?? 6), 'f', directive)
    default:
      return undefined
  }
}

function signedFloat(value: number, magnitude: string, verb: string, directive: Directive): string {
  const negative = value < 0 || Object.is(value, -0)
  const sign = signText(negative, directive)
  const text = directive.sharp && verb !== 'b' ? withPoint(magnitude, verb, directive) : magnitude
  if (sign === '') return padded(text, directive)
  // Zeros go between sign and digits.
  if (directive.zero && !directive.minus) return sign + text.padStart(directive.width - 1, '0')
  return padded(sign + text, directive)
}

/** The # flag: a decimal point always, and the zeros at the end that %g leaves out. */
function withPoint(text: string, verb: string, { precision }: Directive): string {
  const exponentAt = text.search(verb === 'x' || verb === 'X' ? /[pP]/ : /[eE]/)
  let mantissa = exponentAt < 0 ? text : text.slice(0, exponentAt)
  const exponent = exponentAt < 0 ? '' : text.slice(exponentAt)
  let missing = 'gGx'.includes(verb) ? (precision ?? 6) : 0
  missing -= mantissa.replace('.', '').replace(/^0+/, '').length
  if (!mantissa.includes('.')) {
    if (mantissa === '0') missing--
    mantissa += '.'
  }
  return mantissa + '0'.repeat(Math.max(missing, 0)) + exponent
}
