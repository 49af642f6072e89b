/**
 * A JSON number whose value a double cannot hold (beyond 2^53, or with more digits): its text is kept as it was written.
 * Numbers that a double holds exactly are plain `number`s.
 */
export class NumberText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A decimal number as its significant digits and the power of ten of the last one; '' is zero. */
function decimal(text: string): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const all = whole + fraction
  let start = 0
  let end = all.length
  // Loops, because /0+$/ needs quadratic time on long rows of zeros.
  while (start < end && all[start] === '0') start++
  while (end > start && all[end - 1] === '0') end--
  return { digits: all.slice(start, end), exponent: Number(power) - fraction.length + all.length - end }
}

/**
 * Reads the text of a JSON number without ever changing its value.
 *
 * @returns a `number` when printing the double gives the written value again, otherwise the text;
 *   `undefined` when no double is near: beyond 1.8e308, or so small that it would become 0
 */
export function readNumber(text: string): number | NumberText | undefined {
  const number = Number(text)
  // Fifteen digits always survive the way through a double.
  if (text.length <= 15 && Number.isInteger(number) && Math.abs(number) < 1e15) {
    return number === 0 && decimal(text).digits !== '' ? undefined : number
  }
  if (!Number.isFinite(number)) return undefined
  const written = decimal(text)
  if (number === 0) return written.digits === '' ? number : undefined
  const held = decimal(String(number))
  return written.digits === held.digits && written.exponent === held.exponent ? number : new NumberText(text)
}
