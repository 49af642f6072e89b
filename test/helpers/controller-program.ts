import { runController } from '../../controller/main.js'
import type { ControllerOptions } from '../../controller/options.js'

// A controller in a process of its own, for tests that kill it: its options are the one argument, as JSON.
const ending = new AbortController()
process.once('SIGTERM', () => {
  ending.abort()
})
await runController(JSON.parse(process.argv[2] ?? '{}') as ControllerOptions, {
  inCluster: null,
  stderr: process.stderr,
  signal: ending.signal,
  now: () => new Date(),
})
