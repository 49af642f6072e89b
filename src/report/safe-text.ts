/**
 * Text from manifests and policies as it may be shown on a terminal: control characters, escape sequences, line and
 * direction marks are written out (`\u{1b}`), so that a name cannot move the cursor or hide what follows.
 */
export function safeText(text: string): string {
  return text.replace(UNSAFE, character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** As `safeText`, over several lines: line feeds stay and each further line is indented. */
export function safeLines(text: string, indent: string): string {
  return text
    .split(/\r?\n/)
    .map(line => safeText(line.replaceAll('\t', '  ')))
    .join(`\n${indent}`)
}

// Control characters (Cc), format characters such as right-to-left marks (Cf), line and paragraph separators, lone surrogates.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
