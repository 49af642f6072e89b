// The policy library's own build: `build` makes policies/bundle, `check` says whether it is stale, `test` runs the Rego
// tests, and `mutate` proves that they would notice: with any one rule switched off, a test of its policy must fail. With
// policies named behind it, `mutate` is about those only.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { policyTools } from './policy-tools.mjs'

const root = new URL('../policies/', import.meta.url).pathname
const bundle = join(root, 'bundle')
const trained = new URL('../model/trained/', import.meta.url).pathname
/** What scores, and the rows that it is checked with when a bundle is loaded; the figures of training stay behind. */
const MODEL_FILES = ['objects.onnx', 'changes.onnx', 'isolation.onnx', 'golden.json']
/** What policies look up. In defaults.json is what the core itself needs. */
const dataFiles = readdirSync(join(root, 'data'))
  .filter(each => each !== 'defaults.json')
  .map(each => `data/${each}`)

/** Runs one of the tools, and ends this program when it cannot be started. */
function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error) {
    console.error(`${program} could not be started: ${result.error.message}`)
    process.exit(2)
  }
  return result
}

function compile(directory) {
  const { status } = run(tools.compiler, ['-o', directory, ...dataFiles.flatMap(each => ['-data', each]), '.'])
  if (status !== 0) process.exit(1)
  // The sources stand beside the bundle in this repository already.
  for (const id of sourceFolders()) rmSync(join(directory, id), { recursive: true })
  cpSync(join(root, 'config.yaml'), join(directory, 'lockkeeper', 'config.yaml'))
  for (const name of MODEL_FILES) cpSync(join(trained, name), join(directory, 'model', name))
}

/** The policies' folders, and lib. */
function sourceFolders() {
  return readdirSync(root).filter(each => each === 'lib' || existsSync(join(root, each, 'policy.rego')))
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

/** Runs the Rego tests below `directory` that `paths` name; the cases as opa prints them. */
async function regoTests(directory, paths) {
  const ignored = ['samples', 'bundle', 'compiler'].flatMap(each => ['--ignore', each])
  const args = ['test', '--v1-compatible', '--format', 'json', ...ignored, ...paths]
  const child = spawn(tools.opa, args, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] })
  const printed = text(child.stdout)
  // It ends with a status of its own where a test failed.
  await once(child, 'close')
  const stdout = await printed
  return stdout === '' ? [] : JSON.parse(stdout)
}

const isFailed = each => each.fail === true || each.error !== undefined

async function test() {
  // A data file in a directory that is given would get the directory's name as a prefix.
  const cases = await regoTests(root, [...sourceFolders(), ...dataFiles])
  const failed = cases.filter(isFailed)
  for (const each of failed) console.error(`FAIL ${each.package}.${each.name}`)
  console.log(`rego tests: ${cases.length - failed.length} passed, ${failed.length} failed`)
  if (failed.length > 0 || cases.length === 0) process.exit(1)
}

/** Switches each rule of a policy off, one after the other. @returns how many of them its tests noticed, and missed */
async function mutatePolicy(id) {
  const copy = mkdtempSync(join(tmpdir(), 'lockkeeper-mutants-'))
  let noticed = 0
  let missed = 0
  try {
    for (const each of ['lib', 'data', id]) cpSync(join(root, each), join(copy, each), { recursive: true })
    const source = readFileSync(join(root, id, 'policy.rego'), 'utf8')
    const rules = [...source.matchAll(/^(deny|warn|violation) contains .* if \{$/gm)]
    if (rules.length === 0) throw new Error(`${id}: no rule was found`)
    for (const rule of rules) {
      const end = rule.index + rule[0].length
      writeFileSync(join(copy, id, 'policy.rego'), `${source.slice(0, end)}\n\tfalse\n${source.slice(end)}`)
      const cases = await regoTests(copy, ['lib', id, ...dataFiles])
      if (cases.some(isFailed)) {
        noticed += 1
      } else {
        missed += 1
        console.error(
          `MISSED ${id}: no test fails without the rule on line ${source.slice(0, rule.index).split('\n').length}`,
        )
      }
    }
  } finally {
    rmSync(copy, { recursive: true })
  }
  return { noticed, missed }
}

async function mutate() {
  const chosen = process.argv.slice(3)
  const left = sourceFolders()
    .filter(each => each !== 'lib' && (chosen.length === 0 || chosen.includes(each)))
    .values()
  let noticed = 0
  let missed = 0
  const lane = async () => {
    for (const id of left) {
      const found = await mutatePolicy(id)
      noticed += found.noticed
      missed += found.missed
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  console.log(`rules switched off: ${noticed} passed, ${missed} failed`)
  if (missed > 0 || noticed === 0) process.exit(1)
}

const commands = {
  build: () => {
    compile(bundle)
  },
  check,
  test,
  mutate,
}
const command = commands[process.argv[2] ?? '']
if (command === undefined) {
  console.error('usage: node scripts/policies.mjs build|check|test|mutate [policy…]')
  process.exit(2)
}
const tools = await policyTools()
await command()
