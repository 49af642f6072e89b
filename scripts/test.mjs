// Compiles source and tests, runs the test files with tap and closes with one line that counts them all.
//   test.mjs [--jobs=N] [--timeout=seconds] [file or folder below build/…]
import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

const bin = name => new URL(`../node_modules/.bin/${name}`, import.meta.url).pathname
const cwd = new URL('..', import.meta.url).pathname

// From nothing: a test whose source was deleted must not live on.
rmSync(new URL('../build', import.meta.url), { recursive: true, force: true })
const compiled = spawnSync(bin('tsc'), ['-p', 'tsconfig.json'], { cwd, stdio: 'inherit' })
if (compiled.status !== 0) process.exit(1)

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
const child = spawn(bin('tap'), ['run', ...tap, ...targets], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })

let summary = null
for await (const line of createInterface({ input: child.stdout })) {
  // Passing assertions are thousands of lines that nobody reads.
  if (!/^\s*ok \d+|^\s*1\.\.\d+$|^\s*$|^\s*# Subtest/.test(line)) console.log(line)
  summary = /^# \{ total: (\d+)(.*) \}$/.exec(line) ?? summary
}
const status = child.exitCode ?? (await new Promise(resolve => child.once('close', resolve)))
const count = key => Number(new RegExp(`${key}: (\\d+)`).exec(summary?.[2] ?? '')?.[1] ?? 0)
const failed = count('fail') + (summary === null ? 1 : 0)
console.log(`${count('pass')} passed, ${failed} failed`)
process.exitCode = status === 0 && failed === 0 ? 0 : 1
