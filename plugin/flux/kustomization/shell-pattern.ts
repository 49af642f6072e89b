/** A run of single-character operators, and whether anything may stand before it. */
interface Chunk {
  readonly afterStar: boolean
  readonly text: string
}

/**
 * Whether a shell pattern (`*`, `?`, `[a-z]`, `[^a]`, a backslash before a character) matches all of an ASCII text; `*` also
 * matches a slash. null: the pattern cannot be read; a part that is never reached is not looked at.
 *
 * @see Go's path.Match; Flux's envsubst 1.7, path/match.go, which differs from it in the slash
 */
export function matchesShellPattern(pattern: string, text: string): boolean | null {
  const chunks = chunksOf(pattern)
  let rest = text
  for (const [index, { afterStar, text: chunk }] of chunks.entries()) {
    if (afterStar && chunk === '') return true
    const isLast = index === chunks.length - 1
    const fits = (left: string | false): left is string => left !== false && !(isLast && left !== '')
    let left = matchChunk(chunk, rest)
    if (left === null) return null
    for (let skipped = 1; afterStar && !fits(left) && skipped <= rest.length; skipped++) {
      left = matchChunk(chunk, rest.slice(skipped))
      if (left === null) return null
    }
    if (!fits(left)) return false
    rest = left
  }
  return rest === ''
}

function chunksOf(pattern: string): readonly Chunk[] {
  const chunks: Chunk[] = []
  for (let at = 0; at < pattern.length;) {
    const start = at
    while (pattern[at] === '*') at++
    const from = at
    let isInClass = false
    for (; at < pattern.length && (isInClass || pattern[at] !== '*'); at++) {
      if (pattern[at] === '\\') at++
      else if (pattern[at] === '[') isInClass = true
      else if (pattern[at] === ']') isInClass = false
    }
    chunks.push({ afterStar: from > start, text: pattern.slice(from, at) })
  }
  return chunks
}

/** What is left of a text behind a chunk; false: it does not begin with it; null: the chunk cannot be read. */
function matchChunk(chunk: string, text: string): string | false | null {
  let at = 0
  for (let index = 0; index < chunk.length; index++) {
    const character = text[at]
    if (character === undefined) return false
    at++
    switch (chunk[index]) {
      case '[': {
        const found = matchClass(chunk, index + 1, character)
        if (found === null) return null
        if (!found.matches) return false
        index = found.end
        break
      }
      case '?':
        break
      case '\\':
        index++
        if (index === chunk.length) return null
        if (chunk[index] !== character) return false
        break
      case undefined:
      default:
        if (chunk[index] !== character) return false
    }
  }
  return text.slice(at)
}

/** A class behind its bracket; `end` is the closing bracket's index. */
function matchClass(
  chunk: string,
  start: number,
  character: string,
): { readonly matches: boolean; readonly end: number } | null {
  const isNegated = chunk[start] === '^'
  let index = isNegated ? start + 1 : start
  let isIn = false
  for (let ranges = 0; ; ranges++) {
    if (chunk[index] === ']' && ranges > 0) return { matches: isIn !== isNegated, end: index }
    const low = classCharacter(chunk, index)
    if (low === null) return null
    index = low.next
    let high = low
    if (chunk[index] === '-') {
      const found = classCharacter(chunk, index + 1)
      if (found === null) return null
      high = found
      index = found.next
    }
    isIn ||= low.character <= character && character <= high.character
  }
}

/** A character of a class, behind which something has to stand. */
function classCharacter(chunk: string, index: number): { readonly character: string; readonly next: number } | null {
  const first = chunk[index]
  if (first === undefined || first === '-' || first === ']') return null
  const at = first === '\\' ? index + 1 : index
  const character = chunk[at]
  return character === undefined || at + 1 >= chunk.length ? null : { character, next: at + 1 }
}
