import { CommanderError, type Command } from 'commander'
import { GateError } from '../errors.js'
import { findOwnPackage } from '../io/own-package.js'
import type { CliEnvironment } from './environment.js'
import { failureOf } from './failure.js'
import { createProgram, helpFor } from './program.js'

const INTERRUPTED = 130
const FAILED = 2

/** Reads the arguments and does what they say. @returns the exit code; what is wrong was said on stderr */
export async function runCommandLine(args: readonly string[], environment: CliEnvironment): Promise<number> {
  const program = createProgram(environment, (await findOwnPackage()).version)
  try {
    await program.command.parseAsync(args, { from: 'user' })
    return program.exitCode
  } catch (error) {
    if (environment.signal.aborted) return INTERRUPTED
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    const answer = error instanceof CommanderError ? usageError(error, program.command, args) : error
    environment.stderr.write(failureOf(answer, { debug: args.includes('--debug') }).text)
    return FAILED
  }
}

/** What commander says, as one of our own errors; where it printed the help, the help is the answer. */
function usageError(error: CommanderError, command: Command, args: readonly string[]): GateError {
  const message = error.code === 'commander.help' ? 'which command?' : error.message.replace(/^error: /, '')
  return new GateError('USAGE', `${message}\nsee ${helpFor(command, args)}`, { cause: error })
}
