import { GateError } from '../../errors.js'

/** What one place of a pattern stands for. */
type Part =
  | { readonly kind: 'text'; readonly character: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'many' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly has: (character: string) => boolean }
  | { readonly kind: 'either'; readonly branches: readonly (readonly Part[])[] }

/** Nobody writes longer patterns; matching takes the length of the pattern times that of the text. */
const MAX_PATTERN_LENGTH = 2048
const MAX_NESTING = 32

/**
 * Makes a test of a glob pattern: `*` and `**` for anything, a `/` included, `?` for one character, `[a-z]`, `[abc]` and
 * `[!…]`, `{a,b}` for alternatives, `\` before a character that is meant. These are the patterns of a directory's
 * `include` and `exclude` in Argo CD. Matching never takes longer than the product of both lengths.
 *
 * @param negators the characters that negate a class when they come first in it
 * @throws GateError RENDER_FAILED for a pattern that is none
 */
export function compileGlob(pattern: string, negators: '!' | '!^' = '!'): (text: string) => boolean {
  const parts = new GlobParser(pattern, negators).parse()
  return text => {
    const characters = Array.from(text)
    return ends(parts, characters, new Set([0])).has(characters.length)
  }
}

/** Every place in the text where the parts may end when they begin at one of the given places. */
function ends(parts: readonly Part[], text: readonly string[], starts: ReadonlySet<number>): ReadonlySet<number> {
  let places = starts
  for (const part of parts) {
    if (places.size === 0) return places
    places = after(part, text, places)
  }
  return places
}

function after(part: Part, text: readonly string[], places: ReadonlySet<number>): ReadonlySet<number> {
  const found = new Set<number>()
  switch (part.kind) {
    case 'many':
      for (let place = Math.min(...places); place <= text.length; place++) found.add(place)
      return found
    case 'either':
      for (const branch of part.branches) for (const place of ends(branch, text, places)) found.add(place)
      return found
    case 'text':
    case 'one':
    case 'class':
      for (const place of places) {
        const character = text[place]
        if (character !== undefined && fits(part, character)) found.add(place + 1)
      }
      return found
  }
}

function fits(part: Exclude<Part, { kind: 'many' | 'either' }>, character: string): boolean {
  switch (part.kind) {
    case 'text':
      return part.character === character
    case 'one':
      return true
    case 'class':
      return part.has(character) !== part.negated
  }
}

class GlobParser {
  readonly #pattern: string
  readonly #negators: string
  readonly #characters: readonly string[]
  #at = 0

  constructor(pattern: string, negators: string) {
    this.#pattern = pattern
    this.#negators = negators
    if (pattern.length > MAX_PATTERN_LENGTH) throw this.#malformed(`it is longer than ${MAX_PATTERN_LENGTH} characters`)
    this.#characters = Array.from(pattern)
  }

  parse(): readonly Part[] {
    return this.#sequence(0)
  }

  #malformed(problem: string): GateError {
    const shown = this.#pattern.slice(0, 100)
    return new GateError('RENDER_FAILED', `the glob pattern ${JSON.stringify(shown)} cannot be read: ${problem}`)
  }

  /** Up to the end, or inside of braces up to a `,` or `}`, which is left for the caller. */
  #sequence(depth: number): readonly Part[] {
    const parts: Part[] = []
    for (;;) {
      const character = this.#characters[this.#at]
      if (character === undefined || (depth > 0 && (character === ',' || character === '}'))) return parts
      this.#at++
      if (character === '*') {
        if (parts.at(-1)?.kind !== 'many') parts.push({ kind: 'many' })
      } else if (character === '?') parts.push({ kind: 'one' })
      else if (character === '[') parts.push(this.#class())
      else if (character === '{') parts.push(this.#either(depth + 1))
      else if (character === '\\') {
        const meant = this.#characters[this.#at++]
        if (meant !== undefined) parts.push({ kind: 'text', character: meant })
      } else parts.push({ kind: 'text', character })
    }
  }

  #either(depth: number): Part {
    if (depth > MAX_NESTING) throw this.#malformed(`its braces are nested deeper than ${MAX_NESTING} levels`)
    const branches: (readonly Part[])[] = []
    for (;;) {
      branches.push(this.#sequence(depth))
      const end = this.#characters[this.#at++]
      if (end === undefined) throw this.#malformed('a { has no }')
      if (end === '}') return { kind: 'either', branches }
    }
  }

  #class(): Part {
    const first = this.#characters[this.#at]
    const negated = first !== undefined && this.#negators.includes(first)
    if (negated) this.#at++
    const members = new Set<string>()
    const ranges: (readonly [string, string])[] = []
    for (;;) {
      let character = this.#characters[this.#at++]
      if (character === ']') break
      if (character === '\\') character = this.#characters[this.#at++]
      if (character === undefined) throw this.#malformed('a [ has no ]')
      const high = this.#characters[this.#at + 1]
      if (this.#characters[this.#at] === '-' && high !== undefined && high !== ']') {
        if (high < character) throw this.#malformed(`the range ${character}-${high} is empty`)
        ranges.push([character, high])
        this.#at += 2
      } else members.add(character)
    }
    if (members.size + ranges.length === 0) throw this.#malformed('a [ ] is empty')
    const has = (character: string): boolean =>
      members.has(character) || ranges.some(([low, high]) => low <= character && character <= high)
    return { kind: 'class', negated, has }
  }
}
