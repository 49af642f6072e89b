#!/usr/bin/env node
import { CommanderError, type Command } from 'commander'
import { GateError } from '../errors.js'
import { findOwnPackage } from '../io/own-package.js'
import type { CliEnvironment } from './environment.js'
import { failureOf } from './failure.js'
import { createProgram, helpFor } from './program.js'

const INTERRUPTED = 130
const FAILED = 2

const [, , ...args] = process.argv
const interruption = new AbortController()

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    interruption.abort()
    // Whoever waits for stdin would wait on.
    process.stdin.destroy()
  })
}

// A reader such as `head` has seen enough. Nobody is left to be told, and the scan did not end, so nothing is allowed.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? FAILED : 1)
  })
}

const environment: CliEnvironment = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: { ...process.env },
  now: new Date(),
  signal: interruption.signal,
  createPool: async options => (await import('../io/pool.js')).createPool(options),
}

// A process that ends before its answer is known has not judged, and must not look as if it had allowed.
process.exitCode = FAILED
// Set at the end of everything: the process ends by itself once what was written has been taken.
process.exitCode = await run()

async function run(): Promise<number> {
  const program = createProgram(environment, (await findOwnPackage()).version)
  try {
    await program.command.parseAsync(args, { from: 'user' })
    return program.exitCode
  } catch (error) {
    if (interruption.signal.aborted) return INTERRUPTED
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    const answer = error instanceof CommanderError ? usageError(error, program.command) : error
    process.stderr.write(failureOf(answer, { debug: args.includes('--debug') }).text)
    return FAILED
  }
}

/** What commander says, as one of our own errors; where it printed the help, the help is the answer. */
function usageError(error: CommanderError, command: Command): GateError {
  const message = error.code === 'commander.help' ? 'which command?' : error.message.replace(/^error: /, '')
  return new GateError('USAGE', `${message}\nsee ${helpFor(command, args)}`, { cause: error })
}
