// Compiles source and tests, runs the test files with tap and closes with one line that counts them all.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

const bin = name => new URL(`../node_modules/.bin/${name}`, import.meta.url).pathname
const cwd = new URL('..', import.meta.url).pathname

// From nothing: a test whose source was deleted must not live on.
rmSync(new URL('../build', import.meta.url), { recursive: true, force: true })
const compiled = spawnSync(bin('tsc'), ['-p', 'tsconfig.json'], { cwd, stdio: 'inherit' })
if (compiled.status !== 0) process.exit(1)

const files = process.argv.slice(2)
const tap = ['--reporter=tap', '--jobs=2', '--disable-coverage', '--allow-empty-coverage', '--timeout=300']
const targets = files.length > 0 ? files : ['build/test/unit', 'build/test/static', 'build/test/parity']
const result = spawnSync(bin('tap'), ['run', ...tap, ...targets], { cwd, encoding: 'utf8', maxBuffer: 1 << 28 })
// Passing assertions are thousands of lines that nobody reads.
const lines = result.stdout.split('\n').filter(line => !/^\s*ok \d+|^\s*1\.\.\d+$|^\s*$|^\s*# Subtest/.test(line))
process.stdout.write(`${lines.join('\n')}\n`)
process.stderr.write(result.stderr)
const summary = /^# \{ total: (\d+)(.*) \}$/m.exec(result.stdout)
const count = key => Number(new RegExp(`${key}: (\\d+)`).exec(summary?.[2] ?? '')?.[1] ?? 0)
const failed = count('fail') + (summary === null ? 1 : 0)
console.log(`${count('pass')} passed, ${failed} failed`)
process.exitCode = result.status === 0 && failed === 0 ? 0 : 1
