import { SubstitutionFault, substitutionFunction, type SubstitutionBudget } from './substitution-functions.js'

/** How much a text may grow to, in characters, and what the work on it may cost. */
const MAX_LENGTH = 16 * 1024 * 1024
const MAX_COST = 200_000_000
/** `${a:=${b:=…}}` */
const MAX_NESTING = 100

/** The operators that give a default. */
const DEFAULT = /^:?[=\-?+]$/
const IDENTIFIER = /[\p{L}\p{Nd}_]+/uy

/**
 * Puts the values of variables into a text, as kustomize-controller does it: `${NAME}`, the operators of `${NAME:=default}`
 * and the like, `$$` for a `$`. A text that it cannot read is an error for all of it,
 * and so is what it would do by bytes in the middle of a character.
 *
 * @param isStrict a variable that nobody has set is an error where there is no default; else it is empty
 * @throws SubstitutionFault
 * @see Flux's envsubst 1.7, parse/parse.go, parse/scan.go and template.go
 */
export function substitute(text: string, variables: ReadonlyMap<string, string>, isStrict: boolean): string {
  return new Substitution(text, variables, isStrict).run()
}

/** Reading a text once from its beginning to its end; each method begins where the one before has stopped. */
class Substitution {
  readonly #text: string
  readonly #variables: ReadonlyMap<string, string>
  readonly #isStrict: boolean
  readonly #budget: SubstitutionBudget
  #at = 0
  #depth = 0

  constructor(text: string, variables: ReadonlyMap<string, string>, isStrict: boolean) {
    this.#text = text
    this.#variables = variables
    this.#isStrict = isStrict
    let left = MAX_COST
    this.#budget = {
      spend: cost => {
        left -= cost
        if (left < 0) throw new SubstitutionFault('substituting takes too much work')
      },
    }
  }

  run(): string {
    const parts: string[] = []
    let length = 0
    const add = (part: string): void => {
      length += part.length
      if (length > MAX_LENGTH) throw new SubstitutionFault(`the text grows beyond ${MAX_LENGTH} characters`)
      parts.push(part)
    }
    while (this.#at < this.#text.length) {
      const dollar = this.#text.indexOf('$', this.#at)
      if (dollar === -1) {
        add(this.#text.slice(this.#at))
        break
      }
      add(this.#text.slice(this.#at, dollar))
      this.#at = dollar
      if (this.#skip('${')) add(this.#expression())
      // What stands behind an escaped sign is text, whatever it is.
      else if (this.#skip('$$') || this.#skip('$')) add('$')
    }
    return parts.join('')
  }

  /** What stands for an expression, from behind its `${` on to behind its `}`. */
  #expression(): string {
    if (++this.#depth > MAX_NESTING) throw this.#fault('expressions are nested too deeply')
    const isLength = this.#skip('#')
    const name = this.#name()
    const value = this.#variables.get(name)
    const { operator, args } = isLength ? { operator: '#', args: [] } : this.#operation()
    this.#close()
    this.#depth--
    if (value === undefined && this.#isStrict && !DEFAULT.test(operator)) throw this.#fault(`${name} is not set`)
    const result = substitutionFunction(operator, args.length > 0)(value ?? '', args, this.#budget)
    this.#budget.spend(result.length)
    return result
  }

  #operation(): { readonly operator: string; readonly args: readonly string[] } {
    switch (this.#text[this.#at]) {
      case ':':
        return /^[=\-?+]$/.test(this.#text[this.#at + 1] ?? '') ? this.#defaults(2) : this.#substring()
      case '=':
        return this.#defaults(1)
      case ',':
      case '^':
        return { operator: this.#take(/[,^]{1,2}/y), args: [] }
      case '/':
        return this.#replacement()
      case '#':
        return { operator: this.#take(/#{1,2}/y), args: [this.#word(/[^}]/uy, false)] }
      case '%':
        return { operator: this.#take(/%{1,2}/y), args: [this.#word(/[^}]/uy, false)] }
      case undefined:
      default:
        return { operator: '', args: [] }
    }
  }

  /** Words up to the end: there may be several, and none. */
  #defaults(length: number): { readonly operator: string; readonly args: readonly string[] } {
    const operator = this.#text.slice(this.#at, this.#at + length)
    this.#at += length
    const args: string[] = []
    while (this.#text[this.#at] !== '}') args.push(this.#word(/[^}]/uy, false))
    return { operator, args }
  }

  #substring(): { readonly operator: string; readonly args: readonly string[] } {
    this.#at += 1
    // Flux's reader loses its place here.
    if ((this.#text[this.#at] ?? '') > '\x7f') throw this.#fault('an offset is no number')
    const args = [this.#word(/[^:}]/uy, false)]
    // As many colons as there are count for one.
    if (this.#take(/:*/y) !== '') args.push(this.#word(/[^}]/uy, false))
    return { operator: ':', args }
  }

  /** A brace does not end what is looked for: only a slash does. */
  #replacement(): { readonly operator: string; readonly args: readonly string[] } {
    const operator = this.#take(/\/[/#%]?/y)
    const from = this.#word(/[^/]/uy, true)
    if (this.#take(/\/*/y) === '') throw this.#fault('there is no slash behind what is to be replaced')
    const isRemoval = this.#text[this.#at] === '}'
    return { operator, args: isRemoval ? [from] : [from, this.#word(/[^}]/uy, true)] }
  }

  /** Either an expression or a text up to one, of at least one character. */
  #word(accepted: RegExp, withEscapes: boolean): string {
    if (this.#skip('${')) return this.#expression()
    let word = ''
    const start = this.#at
    while (this.#at < this.#text.length && !this.#text.startsWith('${', this.#at)) {
      const escaped = withEscapes ? /\$(\$)|\\([/\\])/y : null
      if (escaped !== null) {
        escaped.lastIndex = this.#at
        const found = escaped.exec(this.#text)
        if (found !== null) {
          word += found[1] ?? found[2] ?? ''
          this.#at = escaped.lastIndex
          continue
        }
      }
      accepted.lastIndex = this.#at
      const [character] = accepted.exec(this.#text) ?? []
      if (character === undefined) break
      word += character
      this.#at += character.length
    }
    if (this.#at === start) throw this.#fault('an expression lacks a word')
    return word
  }

  #name(): string {
    IDENTIFIER.lastIndex = this.#at
    const [name] = IDENTIFIER.exec(this.#text) ?? []
    if (name === undefined) throw this.#fault('an expression has no name of a variable')
    this.#at += name.length
    return name
  }

  #close(): void {
    if (!this.#skip('}')) throw this.#fault('an expression is not closed where it ends')
  }

  #skip(wanted: string): boolean {
    if (!this.#text.startsWith(wanted, this.#at)) return false
    this.#at += wanted.length
    return true
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [found = ''] = pattern.exec(this.#text) ?? []
    this.#at += found.length
    return found
  }

  #fault(problem: string): SubstitutionFault {
    const line = this.#text.slice(0, this.#at).split('\n').length
    return new SubstitutionFault(`${problem} (line ${line} of what is rendered)`)
  }
}
