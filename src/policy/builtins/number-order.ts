/** A decimal number: 0.d₁d₂d₃… times ten to the power of `point`; no digits is zero. */
interface Decimal {
  readonly negative: boolean
  readonly digits: string
  readonly point: number
}

function parseDecimal(text: string): Decimal {
  const negative = text.startsWith('-')
  const [mantissa = '', power = '0'] = text.replace(/^[-+]/, '').split(/[eE]/)
  const [whole = '', fraction = ''] = mantissa.split('.')
  const all = whole + fraction
  let start = 0
  while (all[start] === '0') start++
  let end = all.length
  while (end > start && all[end - 1] === '0') end--
  return { negative, digits: all.slice(start, end), point: whole.length - start + Number(power) }
}

/** Compares two JSON numbers by their exact values, without a double between: negative, 0 or positive. */
export function compareNumberText(a: string, b: string): number {
  if (a === b) return 0
  const left = parseDecimal(a)
  const right = parseDecimal(b)
  const sign = signOf(left)
  if (sign !== signOf(right)) return sign - signOf(right)
  return sign * compareMagnitudes(left, right)
}

function signOf({ digits, negative }: Decimal): number {
  if (digits === '') return 0
  return negative ? -1 : 1
}

function compareMagnitudes(a: Decimal, b: Decimal): number {
  if (a.point !== b.point) return a.point - b.point
  // Digits are of the same places now, so their order as text is that of the numbers.
  if (a.digits === b.digits) return 0
  return a.digits < b.digits ? -1 : 1
}
