#!/usr/bin/env node
import type { CliEnvironment } from './environment.js'
import { plainRender } from './plain-render.js'

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
  const render = plainRender(args)
  if (render === null) return (await import('./command-line.js')).runCommandLine(args, environment)
  try {
    return await (await import('./render-once.js')).renderOnce(render.config, environment)
  } catch (error) {
    if (interruption.signal.aborted) return INTERRUPTED
    const { failureOf } = await import('./failure.js')
    process.stderr.write(failureOf(error, { debug: false }).text)
    return FAILED
  }
}
