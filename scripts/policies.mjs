// The policy library's own build: `build` makes policies/bundle, `check` says whether it is stale, `test` runs the Rego tests.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { policyTools, run } from './policy-tools.mjs'

const root = new URL('../policies/', import.meta.url).pathname
const bundle = join(root, 'bundle')

function compile(directory) {
  const { status } = run(policyTools().compiler, ['-o', directory, '-data', 'data/workloads.json', '.'], { cwd: root })
  if (status !== 0) process.exit(1)
  cpSync(join(root, 'config.yaml'), join(directory, 'lockkeeper', 'config.yaml'))
}

function contents(directory) {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = names.filter(each => each.isFile()).map(each => join(each.parentPath, each.name))
  return new Map(files.map(file => [file.slice(directory.length + 1), readFileSync(file)]))
}

function check() {
  const fresh = mkdtempSync(join(tmpdir(), 'lockkeeper-bundle-'))
  try {
    compile(fresh)
    const [wanted, found] = [contents(fresh), contents(bundle)]
    const stale = [...new Set([...wanted.keys(), ...found.keys()])].filter(
      name => !wanted.get(name)?.equals(found.get(name) ?? Buffer.alloc(0)) || !found.has(name),
    )
    for (const name of stale) console.error(`policies/bundle/${name} is not what the sources give`)
    if (stale.length > 0) {
      console.error('run `npm run policies` and commit the result')
      process.exit(1)
    }
    console.log(`policies/bundle is what the sources give (${wanted.size} files)`)
  } finally {
    rmSync(fresh, { recursive: true })
  }
}

function test() {
  const args = [
    'test',
    '--v1-compatible',
    '--ignore',
    '*.yaml',
    '--ignore',
    'bundle',
    '--ignore',
    'compiler',
    '--ignore',
    'samples',
  ]
  const { stdout, status } = run(policyTools().opa, [...args, '--format', 'json', '.'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const cases = status === 2 && stdout === '' ? [] : JSON.parse(stdout)
  const failed = cases.filter(each => each.fail || each.error)
  for (const each of failed) console.error(`FAIL ${each.package}.${each.name}`)
  console.log(`opa test: ${cases.length - failed.length} passed, ${failed.length} failed`)
  if (status !== 0 || failed.length > 0 || cases.length === 0) process.exit(1)
}

const commands = {
  build: () => {
    compile(bundle)
  },
  check,
  test,
}
const command = commands[process.argv[2] ?? '']
if (command === undefined) {
  console.error('usage: node scripts/policies.mjs build|check|test')
  process.exit(2)
}
command()
