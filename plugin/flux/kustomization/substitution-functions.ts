import { matchesShellPattern } from './shell-pattern.js'

/** What cannot be substituted as kustomize-controller would do it. */
export class SubstitutionFault extends Error {
  override readonly name = 'SubstitutionFault'
}

/** What substitution may still cost; a text that needs more is hostile. */
export interface SubstitutionBudget {
  /** Takes a cost. @throws SubstitutionFault when nothing is left */
  spend(cost: number): void
}

type SubstitutionFunction = (value: string, args: readonly string[], budget: SubstitutionBudget) => string

/**
 * What an operator behind a variable's name makes of its value. Operators that give a default give it for an empty value,
 * too, with a colon or without, and `+` and `?` are among them; an operator that is not in the table does the same.
 *
 * @see Flux's envsubst 1.7, funcs.go and template.go, lookupFunc
 */
export function substitutionFunction(operator: string, hasArguments: boolean): SubstitutionFunction {
  if (operator === '#' && !hasArguments) return value => String(Buffer.byteLength(value))
  return FUNCTIONS[operator] ?? orDefault
}

const FUNCTIONS: Readonly<Record<string, SubstitutionFunction>> = {
  ',': value => changeFirst(value, lowerCase),
  ',,': value => lowerCase(value),
  '^': value => changeFirst(value, upperCase),
  '^^': value => upperCase(value),
  '#': (value, [pattern = ''], budget) => trim(value, pattern, 'shortest', budget),
  '##': (value, [pattern = ''], budget) => trim(value, pattern, 'longest', budget),
  '%': (value, [pattern = ''], budget) => trimEnd(value, pattern, 'shortest', budget),
  '%%': (value, [pattern = ''], budget) => trimEnd(value, pattern, 'longest', budget),
  ':': (value, args) => substring(value, args),
  '/': (value, [from = '', to = '']) => replaceFirst(value, from, to),
  '//': (value, [from = '', to = ''], budget) => replaceAll(value, from, to, budget),
  '/#': (value, [from, to]) =>
    from !== undefined && to !== undefined && value.startsWith(from) ? to + value.slice(from.length) : value,
  '/%': (value, [from, to]) =>
    from !== undefined && to !== undefined && value.endsWith(from)
      ? value.slice(0, value.length - from.length) + to
      : value,
}

function orDefault(value: string, args: readonly string[]): string {
  return value === '' ? args.join('') : value
}

function lowerCase(text: string): string {
  return byCharacter(text, character => character.toLowerCase())
}

function upperCase(text: string): string {
  return byCharacter(text, character => character.toUpperCase())
}

/** Go changes a character for one character; where that is not how it is written here, the two may differ. */
function byCharacter(text: string, change: (character: string) => string): string {
  return Array.from(text, character => {
    const changed = change(character)
    if (Array.from(changed).length === 1) return changed
    throw new SubstitutionFault(`the case of ${JSON.stringify(character)} cannot be changed for one character`)
  }).join('')
}

function changeFirst(text: string, change: (text: string) => string): string {
  const [first = ''] = text
  return change(first) + text.slice(first.length)
}

/** An offset and a length in bytes, each also from the end; one that is no number leaves the value as it is. */
function substring(value: string, [offset, length]: readonly string[]): string {
  const bytes = Buffer.from(value)
  const start = wholeNumber(offset)
  if (start === null) return value
  const from = start < 0 ? Math.max(0, bytes.length + start) : start
  if (length === undefined) return text(bytes.subarray(from))
  const count = wholeNumber(length)
  if (count === null) return value
  const to = count < 0 ? bytes.length + count : from + count
  return to <= from ? '' : text(bytes.subarray(from, to))
}

/** As Go's strconv.Atoi reads it; null: no number. */
function wholeNumber(digits: string | undefined): number | null {
  if (digits === undefined || !/^[+-]?\d{1,100}$/.test(digits)) return null
  const value = BigInt(digits.replace(/^\+/, ''))
  return BigInt.asIntN(64, value) === value ? Number(value) : null
}

function text(bytes: Buffer): string {
  const found = bytes.toString('utf8')
  if (Buffer.from(found).equals(bytes)) return found
  throw new SubstitutionFault('a character would be cut in the middle')
}

function replaceFirst(value: string, from: string, to: string): string {
  const at = value.indexOf(from)
  return at === -1 ? value : value.slice(0, at) + to + value.slice(at + from.length)
}

function replaceAll(value: string, from: string, to: string, budget: SubstitutionBudget): string {
  // Nothing is found before, between and behind all characters.
  const parts = from === '' ? ['', ...Array.from(value), ''] : value.split(from)
  budget.spend(parts.length * (to.length + 1))
  return parts.join(to)
}

function trim(value: string, pattern: string, which: 'shortest' | 'longest', budget: SubstitutionBudget): string {
  // Flux looks at bytes here, and would cut characters.
  if (/[^\0-\x7f]/.test(value + pattern)) throw new SubstitutionFault('a value to trim has characters beyond ASCII')
  let kept = value
  for (let length = value.length; length > 0; length--) {
    budget.spend(length * (pattern.length + 1))
    const isFound = matchesShellPattern(pattern, value.slice(0, length))
    // A pattern that cannot be read changes nothing.
    if (isFound === null) return value
    if (!isFound) continue
    kept = value.slice(length)
    if (which === 'longest') return kept
  }
  return kept
}

/** Value and pattern are turned around, as Flux does it: what a pattern means by brackets and backslashes turns around, too. */
function trimEnd(value: string, pattern: string, which: 'shortest' | 'longest', budget: SubstitutionBudget): string {
  return reversed(trim(reversed(value), reversed(pattern), which, budget))
}

function reversed(text: string): string {
  return Array.from(text).reverse().join('')
}
