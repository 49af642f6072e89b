// Compiles source and tests, runs the test files with tap and closes with one line that counts them all.
//   test.mjs [--jobs=N] [--timeout=seconds] [file or folder below build/…]
import { spawn } from 'node:child_process'
import { bin, compile, ROOT } from './compile.mjs'
import { readTap } from './tap-output.mjs'

compile()

const given = process.argv.slice(2)
const option = (name, otherwise) => given.find(each => each.startsWith(`--${name}=`)) ?? `--${name}=${otherwise}`
const files = given.filter(each => !each.startsWith('--'))
const tap = [
  '--reporter=tap',
  '--disable-coverage',
  '--allow-empty-coverage',
  option('jobs', 2),
  option('timeout', 600),
]
const targets = files.length > 0 ? files : ['build/test/unit', 'build/test/static', 'build/test/parity']
const child = spawn(bin('tap'), ['run', ...tap, ...targets], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
const ended = new Promise(resolve => child.once('close', resolve))

const { passed, failed } = await readTap(child.stdout, line => console.log(line))
const status = await ended
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = status === 0 && failed === 0 ? 0 : 1
