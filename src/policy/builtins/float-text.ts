/** A float's decimal digits without zeros at either end, as 0.d₁d₂d₃… times ten to the power of `point`; '' is zero. */
interface Digits {
  readonly digits: string
  readonly point: number
}

const EXPONENT_BITS = 11n
const FRACTION_BITS = 52n
const BIAS = 1023

interface Bits {
  readonly fraction: bigint
  /** As stored: 0 for numbers without the implicit leading 1. */
  readonly exponent: number
}

function bitsOf(value: number): Bits {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const all = bits.getBigUint64(0)
  return {
    fraction: BigInt.asUintN(Number(FRACTION_BITS), all),
    exponent: Number(BigInt.asUintN(Number(EXPONENT_BITS), all >> FRACTION_BITS)),
  }
}

/** The value as `mantissa` times two to the power of `power`. */
function binary(value: number): { mantissa: bigint; power: number } {
  const { fraction, exponent } = bitsOf(value)
  const mantissa = exponent === 0 ? fraction : fraction | (1n << FRACTION_BITS)
  return { mantissa, power: Math.max(exponent, 1) - BIAS - Number(FRACTION_BITS) }
}

function trimmed(digits: string, point: number): Digits {
  const start = digits.search(/[1-9]/)
  if (start < 0) return { digits: '', point: 0 }
  let end = digits.length
  while (digits[end - 1] === '0') end--
  return { digits: digits.slice(start, end), point: point - start }
}

/** The fewest digits that give the value back. */
function shortest(value: number): Digits {
  const [mantissa = '', power = '0'] = Math.abs(value).toExponential().split('e')
  return trimmed(mantissa.replace('.', ''), Number(power) + 1)
}

/** All digits of the value: every float is a finite decimal number. */
function exact(value: number): Digits {
  const { mantissa, power } = binary(value)
  const scaled = power >= 0 ? mantissa << BigInt(power) : mantissa * 5n ** BigInt(-power)
  const text = scaled.toString()
  return trimmed(text, text.length + Math.min(power, 0))
}

/** Keeps so many digits; a half goes to the even digit, where JavaScript's own toFixed goes up. */
function rounded({ digits, point }: Digits, keep: number): Digits {
  if (keep >= digits.length) return { digits, point }
  if (keep < 0) return { digits: '', point: 0 }
  const kept = digits.slice(0, keep)
  const half = digits[keep] === '5' && digits.length === keep + 1
  const last = Number(kept.at(-1) ?? 0)
  const up = half ? last % 2 === 1 : digits.charAt(keep) >= '5'
  if (!up) return trimmed(kept, point)
  const sum = (BigInt(kept || '0') + 1n).toString().padStart(keep, '0')
  return trimmed(sum, point + sum.length - keep)
}

function exponentText(exponent: number): string {
  return (exponent < 0 ? '-' : '+') + String(Math.abs(exponent)).padStart(2, '0')
}

function withExponent({ digits, point }: Digits, decimals: number, letter: string): string {
  const fraction = digits.slice(1).padEnd(decimals, '0')
  return `${digits[0] ?? '0'}${fraction && `.${fraction}`}${letter}${exponentText(digits === '' ? 0 : point - 1)}`
}

function withoutExponent({ digits, point }: Digits, decimals: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  const fraction = (point < 0 ? '0'.repeat(-point) + digits : digits.slice(Math.max(point, 0))).padEnd(decimals, '0')
  return whole + (fraction && `.${fraction.slice(0, decimals)}`)
}

/** Go's %g: the exponent form for very small and very large numbers. */
function general(value: number, precision: number, letter: string): string {
  const isShortest = precision < 0
  const digits = isShortest ? shortest(value) : rounded(exact(value), precision || 1)
  const count = digits.digits.length
  let limit = isShortest ? 6 : precision || 1
  if (!isShortest && limit > count && count >= digits.point) limit = count
  const exponent = digits.point - 1
  if (exponent < -4 || exponent >= limit) return withExponent(digits, count - 1, letter)
  return withoutExponent(digits, Math.max(count - digits.point, 0))
}

/** Go's %x of a float: a hexadecimal mantissa and a binary exponent. */
function hexadecimal(value: number, precision: number): string {
  let { mantissa, power } = binary(value)
  if (mantissa === 0n) return `0x0${precision > 0 ? `.${'0'.repeat(precision)}` : ''}p+00`
  let shift = Number(FRACTION_BITS) + 1 - mantissa.toString(2).length
  mantissa <<= BigInt(shift)
  power += Number(FRACTION_BITS) - shift
  if (precision >= 0 && precision < 13) {
    shift = Number(FRACTION_BITS) - precision * 4
    const unit = 1n << BigInt(shift)
    const rest = mantissa % unit
    mantissa -= rest
    if (rest * 2n > unit || (rest * 2n === unit && (mantissa / unit) % 2n === 1n)) mantissa += unit
    if (mantissa >> (FRACTION_BITS + 1n) > 0n) {
      mantissa >>= 1n
      power++
    }
  }
  let fraction = BigInt.asUintN(Number(FRACTION_BITS), mantissa).toString(16).padStart(13, '0')
  fraction = precision < 0 ? fraction.replace(/0+$/, '') : fraction.padEnd(precision, '0').slice(0, precision)
  return `0x1${fraction && `.${fraction}`}p${exponentText(power)}`
}

/**
 * A finite float as Go's strconv.FormatFloat writes it (Go 1.26), without its sign.
 *
 * @param precision decimals (significant digits for g and G); -1: as many as the value needs
 */
export function floatText(
  value: number,
  verb: 'b' | 'e' | 'E' | 'f' | 'g' | 'G' | 'x' | 'X',
  precision: number,
): string {
  switch (verb) {
    case 'b': {
      const { mantissa, power } = binary(value)
      return `${mantissa}p${power < 0 ? '' : '+'}${power}`
    }
    case 'e':
    case 'E': {
      const digits = precision < 0 ? shortest(value) : rounded(exact(value), precision + 1)
      return withExponent(digits, Math.max(precision, 0), verb)
    }
    case 'f': {
      if (precision < 0) {
        const digits = shortest(value)
        return withoutExponent(digits, Math.max(digits.digits.length - digits.point, 0))
      }
      const all = exact(value)
      return withoutExponent(rounded(all, all.point + precision), precision)
    }
    case 'g':
      return general(value, precision, 'e')
    case 'G':
      return general(value, precision, 'E')
    case 'x':
      return hexadecimal(value, precision)
    case 'X':
      return hexadecimal(value, precision).toUpperCase()
  }
}
