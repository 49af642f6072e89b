import { RegoSet, type RegoValue } from './rego-value.js'
import { sprintf } from './sprintf.js'

/** A built-in function of the host; `undefined` is Rego's undefined, which OPA gives where an operand has a wrong type. */
export type HostBuiltin = (...operands: RegoValue[]) => string | boolean | undefined

/** Go refuses JSON that is nested deeper. */
const MAX_JSON_DEPTH = 10_000
const MAX_COMPILED_PATTERNS = 256

/**
 * What the host supplies to policies in Wasm, with the results of OPA 1.22. The names with a colon are what
 * the policy compiler makes of functions whose Wasm version cannot be used: `replace` never returns when the search string
 * is empty, `json.is_valid` overlooks mistakes, `regex.match` compiles its pattern in every evaluation.
 */
export const HOST_BUILTINS: ReadonlyMap<string, HostBuiltin> = new Map<string, HostBuiltin>([
  ['host:json_is_valid', isValidJson],
  ['host:regex_match', regexMatch],
  ['host:replace', replace],
  ['json.is_valid', isValidJson],
  ['replace', replace],
  [
    'sprintf',
    (format, values) => (typeof format === 'string' && Array.isArray(values) ? sprintf(format, values) : undefined),
  ],
  ['strings.any_prefix_match', (search, base) => anyMatch(search, base, (text, prefix) => text.startsWith(prefix))],
  ['strings.any_suffix_match', (search, base) => anyMatch(search, base, (text, suffix) => text.endsWith(suffix))],
])

function replace(text: RegoValue = null, search: RegoValue = null, replacement: RegoValue = null): string | undefined {
  if (typeof text !== 'string' || typeof search !== 'string' || typeof replacement !== 'string') return undefined
  if (search === replacement) return text
  if (search !== '') return text.split(search).join(replacement)
  // OPA puts it between all bytes, which takes characters beyond ASCII apart; each lone byte reads as U+FFFD then.
  const parts = Array.from(text, character => {
    const bytes = new TextEncoder().encode(character).length
    return bytes === 1 ? [character] : Array<string>(bytes).fill('\ufffd')
  })
  return replacement + parts.flatMap(each => each.map(part => part + replacement)).join('')
}

function strings(value: RegoValue): readonly string[] | undefined {
  if (typeof value === 'string') return [value]
  const elements = value instanceof RegoSet ? value.elements : value
  if (!Array.isArray(elements)) return undefined
  return elements.every(element => typeof element === 'string') ? elements : undefined
}

function anyMatch(
  search: RegoValue = null,
  base: RegoValue = null,
  matches: (text: string, affix: string) => boolean,
): boolean | undefined {
  const texts = strings(search)
  const affixes = strings(base)
  if (texts === undefined || affixes === undefined) return undefined
  return texts.some(text => affixes.some(affix => matches(text, affix)))
}

function isValidJson(text: RegoValue = null): boolean {
  if (typeof text !== 'string') return false
  try {
    JSON.parse(text)
  } catch {
    return false
  }
  // Only the nesting is left to look at: the text is JSON, so quotes and brackets are where they belong.
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') quoted = !quoted
    else if (quoted) at += character === '\\' ? 1 : 0
    else if (character === '[' || character === '{') depth++
    else if (character === ']' || character === '}') depth--
    if (depth > MAX_JSON_DEPTH) return false
  }
  return true
}

/** By pattern, the oldest first: instances share them, as a compiled pattern keeps nothing of the texts. */
const compiledPatterns = new Map<string, RegExp>()

/**
 * The pattern is the policy compiler's translation of one that repeats nothing of unknown length, so that the time is
 * linear in the text: `hostRegex` in policies/compiler/regex.go.
 */
function regexMatch(pattern: RegoValue = null, text: RegoValue = null): boolean | undefined {
  if (typeof pattern !== 'string' || typeof text !== 'string') return undefined
  let compiled = compiledPatterns.get(pattern)
  if (compiled === undefined) {
    compiled = new RegExp(pattern, 'u')
    const [oldest] = compiledPatterns.keys()
    if (oldest !== undefined && compiledPatterns.size >= MAX_COMPILED_PATTERNS) compiledPatterns.delete(oldest)
    compiledPatterns.set(pattern, compiled)
  }
  return compiled.test(text)
}
