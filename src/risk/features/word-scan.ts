/** A word, and what is noted where it is found: a bit of a 32-bit number. */
export interface ScannedWord {
  /** Of any case; a digit means any digit. A `=` before it means that it stands alone. */
  readonly word: string
  readonly bit: number
}

interface Found {
  readonly length: number
  readonly bits: number
  /** Nothing of a word may stand before or behind it. */
  readonly alone: boolean
}

const CODES = 128

/**
 * Finds many words in one pass over a text (Aho and Corasick): the time is that of the text, however many words there are and
 * whatever is in it.
 *
 * @returns a function that gives the bits of all words in a text
 */
export function createWordScan(words: readonly ScannedWord[]): (text: string) => number {
  const classes = new Uint8Array(CODES)
  let classCount = 1
  for (const { word } of words) {
    for (const code of codesOf(word)) if (classes[code] === 0) classes[code] = classCount++
  }
  // Upper case is lower case, and every digit is 0.
  for (let code = 0; code < CODES; code += 1) classes[code] = classes[folded(code)] ?? 0
  const { next, found } = automaton(words, classes, classCount)
  const all = words.reduce((bits, { bit }) => bits | bit, 0)
  return text => {
    let [state, bits] = [0, 0]
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      state = next[state * classCount + (code < CODES ? (classes[code] ?? 0) : 0)] ?? 0
      const here = found[state]
      if (here === undefined) continue
      for (const { length, bits: each, alone } of here) {
        if (!alone || (!isWord(text, at - length) && !isWord(text, at + 1))) bits |= each
      }
      if (bits === all) break
    }
    return bits
  }
}

function automaton(
  words: readonly ScannedWord[],
  classes: Uint8Array,
  classCount: number,
): { readonly next: Int16Array; readonly found: readonly (readonly Found[] | undefined)[] } {
  const children = [new Map<number, number>()]
  const found: Found[][] = [[]]
  for (const { word, bit } of words) {
    let state = 0
    for (const code of codesOf(word)) {
      const kind = classes[code] ?? 0
      let child = children[state]?.get(kind)
      if (child === undefined) {
        child = children.length
        children[state]?.set(kind, child)
        children.push(new Map())
        found.push([])
      }
      state = child
    }
    const alone = word.startsWith('=')
    found[state]?.push({ length: word.length - (alone ? 1 : 0), bits: bit, alone })
  }
  const next = new Int16Array(children.length * classCount)
  const fallback = new Int16Array(children.length)
  // In the order of length, so that what a state falls back to is whole.
  for (let queue = [0]; queue.length > 0;) {
    const longer: number[] = []
    for (const state of queue) {
      const back = fallback[state] ?? 0
      for (let kind = 0; kind < classCount; kind += 1) {
        const otherwise = state === 0 ? 0 : (next[back * classCount + kind] ?? 0)
        const child = children[state]?.get(kind)
        next[state * classCount + kind] = child ?? otherwise
        if (child === undefined) continue
        fallback[child] = otherwise
        found[child]?.push(...(found[otherwise] ?? []))
        longer.push(child)
      }
    }
    queue = longer
  }
  return { next, found: found.map(each => (each.length === 0 ? undefined : each)) }
}

function codesOf(word: string): number[] {
  const text = word.startsWith('=') ? word.slice(1) : word
  return Array.from(text, each => folded(each.charCodeAt(0)))
}

function folded(code: number): number {
  if (code >= 65 && code <= 90) return code + 32
  return code >= 48 && code <= 57 ? 48 : code
}

function isWord(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95
}
