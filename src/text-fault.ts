import type { GateErrorCode } from './errors.js'

/** What is wrong on one line of a text (`line` counts from 1), said before anyone knows which file the text is from. */
export class TextFault extends Error {
  override readonly name = 'TextFault'
  readonly code: GateErrorCode
  readonly line: number

  constructor(code: GateErrorCode, problem: string, line: number) {
    super(problem)
    this.code = code
    this.line = line
  }
}

const LINE_BREAK = /\r\n|\n|\r/g

/** The number of line breaks (LF, CRLF or CR) between two offsets of a text. */
export function countLineBreaks(text: string, start: number, end: number): number {
  return text.slice(start, end).match(LINE_BREAK)?.length ?? 0
}

/** A key or value as a message shows it: quoted, and cut when it is long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
