// Compiles and runs the benchmarks; arguments after `--` go to them.
import { spawnSync } from 'node:child_process'

const cwd = new URL('..', import.meta.url).pathname
const tsc = new URL('../node_modules/.bin/tsc', import.meta.url).pathname
if (spawnSync(tsc, ['-p', 'tsconfig.json'], { cwd, stdio: 'inherit' }).status !== 0) process.exit(1)
const args = ['build/test/bench/bench.js', ...process.argv.slice(2)]
process.exitCode = spawnSync(process.execPath, args, { cwd, stdio: 'inherit' }).status ?? 1
