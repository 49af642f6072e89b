// Compiles and runs the benchmarks of the engine, or of the webhook or `generate` as processes, or of the risk models; arguments after `--` go to them.
//   bench.mjs [webhook|generate|model] [--name value…]
import { spawnSync } from 'node:child_process'
import { compile, ROOT } from './compile.mjs'

compile()
const given = process.argv.slice(2)
const isNamed = ['webhook', 'generate', 'model'].includes(given[0] ?? '')
if (given[0] === 'generate') {
  // The one benchmark of what is shipped: there the thread of a render is one file.
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
const args = isNamed ? [`build/test/bench/${given[0]}.js`, ...given.slice(1)] : ['build/test/bench/bench.js', ...given]
process.exitCode = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1
