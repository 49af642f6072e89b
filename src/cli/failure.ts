import { GateError, thrownText, type GateErrorCode } from '../errors.js'
import { safeLines } from '../report/safe-text.js'

/** What an error becomes at the command line. */
export interface Failure {
  readonly code: GateErrorCode
  /** For stderr, with a line feed. */
  readonly text: string
}

/** The one place that turns anything thrown into the program's answer; the exit code is 2 for all of them. */
export function failureOf(thrown: unknown, { debug }: { readonly debug: boolean }): Failure {
  const code = thrown instanceof GateError ? thrown.code : 'INTERNAL'
  const message = thrown instanceof GateError ? thrown.message : `a defect in lockkeeper itself: ${thrownText(thrown)}`
  const [first = '', ...rest] = safeLines(message, '  ').split('\n')
  const lines = [`lockkeeper: ${first} (${code})`, ...rest]
  if (debug && thrown instanceof Error) lines.push(...stacks(thrown))
  else if (code === 'INTERNAL') lines.push('  please report it with the output of the same command and --debug')
  return { code, text: `${lines.join('\n')}\n` }
}

function stacks(error: Error): string[] {
  const stack = (error.stack ?? '').split('\n').map(line => `  ${line}`)
  return error.cause instanceof Error ? [...stack, '  caused by', ...stacks(error.cause)] : stack
}
