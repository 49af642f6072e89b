import { NumberText } from '../../json/number-text.js'
import { regoText, type RegoValue } from './rego-value.js'
import { formatArgument, plainDirective, type Argument, type Directive } from './verbs.js'

/** Go refuses larger widths, precisions and indexes. */
const MAX_NUMBER = 1e6

/**
 * OPA's sprintf, to the letter: Go's fmt.Sprintf (Go 1.26) on the arguments as OPA 1.22 converts them. Mistakes in the
 * format show in the text (`%!d(string=x)`), as they do there. One thing differs: `%p` of an integer beyond 64 bits is an
 * address in memory there, and a wrong verb here.
 *
 * @see https://pkg.go.dev/fmt
 */
export function sprintf(format: string, values: readonly RegoValue[]): string {
  return new Formatter(format, values.map(toArgument)).format()
}

function toArgument(value: RegoValue): Argument {
  if (typeof value === 'string') return { type: 'string', value }
  if (!(value instanceof NumberText)) return { type: 'string', value: regoText(value) }
  const { text } = value
  if (/[.eE]/.test(text)) {
    const float = Number(text)
    return Number.isFinite(float) ? { type: 'float64', value: float } : { type: 'string', value: text }
  }
  const integer = BigInt(text)
  return { type: BigInt.asIntN(64, integer) === integer ? 'int64' : '*big.Int', value: integer }
}

/** An explicit argument index like [2]: whether there was one, and whether it names an argument. */
interface Index {
  readonly found: boolean
  readonly good: boolean
}

const NO_INDEX: Index = { found: false, good: true }

class Formatter {
  readonly #format: string
  readonly #args: readonly Argument[]
  #at = 0
  /** The argument that comes next. */
  #next = 0
  /** Some argument was named by its index, so nobody can tell which ones are too many. */
  #reordered = false

  constructor(format: string, args: readonly Argument[]) {
    this.#format = format
    this.#args = args
  }

  format(): string {
    let out = ''
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf('%', this.#at)
      if (percent < 0) {
        out += this.#format.slice(this.#at)
        break
      }
      out += this.#format.slice(this.#at, percent)
      this.#at = percent + 1
      out += this.#directive()
    }
    if (this.#reordered || this.#next >= this.#args.length) return out
    const extra = this.#args
      .slice(this.#next)
      .map(each => `${each.type}=${formatArgument(each, 'v', plainDirective())}`)
    return `${out}%!(EXTRA ${extra.join(', ')})`
  }

  /** Reads what follows a percent sign and gives the text that takes its place. */
  #directive(): string {
    let out = ''
    const directive = this.#flags()
    let index = this.#index()
    let { good } = index
    if (this.#skips('*')) {
      const width = this.#starred()
      if (width === null) out += '%!(BADWIDTH)'
      else if (width < 0) Object.assign(directive, { width: -width, minus: true, zero: false })
      else directive.width = width
      index = NO_INDEX
    } else {
      const width = this.#number()
      directive.width = width ?? 0
      if (index.found && width !== null) good = false
    }

    // A dot that ends the format is a verb.
    if (this.#at + 1 < this.#format.length && this.#skips('.')) {
      if (index.found) good = false
      index = this.#index()
      good &&= index.good
      if (this.#skips('*')) {
        const precision = this.#starred()
        if (precision === null || precision < 0) out += '%!(BADPREC)'
        else directive.precision = precision
        index = NO_INDEX
      } else {
        directive.precision = this.#number() ?? 0
      }
    }
    if (!index.found) {
      index = this.#index()
      good &&= index.good
    }

    const codePoint = this.#format.codePointAt(this.#at)
    if (codePoint === undefined) return `${out}%!(NOVERB)`
    const verb = String.fromCodePoint(codePoint)
    this.#at += verb.length
    return out + (verb === '%' ? '%' : this.#verb(verb, directive, good))
  }

  #verb(verb: string, directive: Directive, good: boolean): string {
    const argument = this.#args[this.#next]
    if (!good) return `%!${verb}(BADINDEX)`
    if (argument === undefined) return `%!${verb}(MISSING)`
    if (verb === 'v' || verb === 'w') {
      directive.sharpV = directive.sharp
      directive.plusV = directive.plus
      directive.sharp = directive.plus = false
    }
    this.#next++
    return formatArgument(argument, verb, directive)
  }

  #flags(): Directive {
    const directive = plainDirective()
    for (; ; this.#at++) {
      switch (this.#format.charAt(this.#at)) {
        case '+':
          directive.plus = true
          break
        case '-':
          directive.minus = true
          break
        case '#':
          directive.sharp = true
          break
        case ' ':
          directive.space = true
          break
        case '0':
          directive.zero = true
          break
        default:
          return directive
      }
    }
  }

  #skips(character: string): boolean {
    if (this.#format[this.#at] !== character) return false
    this.#at++
    return true
  }

  #index(): Index {
    if (!this.#skips('[')) return NO_INDEX
    this.#reordered = true
    const close = this.#format.indexOf(']', this.#at)
    if (close < 0) return { found: false, good: false }
    const text = this.#format.slice(this.#at, close)
    this.#at = close + 1
    if (!/^\d+$/.test(text) || Number(text) > MAX_NUMBER * 10) return { found: false, good: false }
    const index = Number(text) - 1
    if (index < 0 || index >= this.#args.length) return { found: true, good: false }
    this.#next = index
    return { found: true, good: true }
  }

  /** The argument that a * stands for; null when it is not an integer of bearable size. */
  #starred(): number | null {
    const argument = this.#args[this.#next]
    if (argument === undefined) return null
    this.#next++
    if (argument.type !== 'int64' || argument.value > MAX_NUMBER || argument.value < -MAX_NUMBER) return null
    return Number(argument.value)
  }

  /** A number in the format; null when there is none. */
  #number(): number | null {
    const digits = /\d*/y
    digits.lastIndex = this.#at
    const text = digits.exec(this.#format)?.[0] ?? ''
    if (text === '') return null
    // Go gives up, and with it the rest of the format, when a digit follows a number that is too large already.
    for (let end = 1; end < text.length; end++) {
      if (Number(text.slice(0, end)) > MAX_NUMBER) {
        this.#at = this.#format.length
        return null
      }
    }
    this.#at += text.length
    return Number(text)
  }
}
