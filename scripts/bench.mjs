// Compiles and runs the benchmarks of the engine, or of the webhook as a process; arguments after `--` go to them.
//   bench.mjs [webhook] [--name value…]
import { spawnSync } from 'node:child_process'
import { compile, ROOT } from './compile.mjs'

compile()
const given = process.argv.slice(2)
const isWebhook = given[0] === 'webhook'
const args = isWebhook ? ['build/test/bench/webhook.js', ...given.slice(1)] : ['build/test/bench/bench.js', ...given]
process.exitCode = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1
