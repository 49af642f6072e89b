// Builds the programs that the end-to-end suite runs against, where the cache does not have them yet.
//   e2e-tools.mjs [group…]   builds the groups (e2e when none is named; bench: the peers of the benchmarks)
//   e2e-tools.mjs --paths    prints where all of them are, as JSON
import { readFileSync } from 'node:fs'
import { build, locate, overrideOf } from './go-programs.mjs'

const programs = JSON.parse(readFileSync(new URL('../test/e2e/tools/programs.json', import.meta.url), 'utf8'))
const args = process.argv.slice(2)

if (args.includes('--paths')) {
  console.log(
    JSON.stringify(Object.fromEntries(Object.entries(programs).map(([name, each]) => [name, locate(name, each)]))),
  )
} else {
  const known = [...new Set(Object.values(programs).map(({ group }) => group))]
  const groups = args.length === 0 ? ['e2e'] : args
  const unknown = groups.filter(each => !known.includes(each))
  if (unknown.length > 0) {
    console.error(`there is no group ${unknown.join(', ')} of programs; there are ${known.join(', ')}`)
    process.exit(2)
  }
  const wanted = Object.entries(programs).filter(([, { group }]) => groups.includes(group))
  const missing = wanted.filter(([name, program]) => !locate(name, program).isBuilt)
  for (const [i, [name, program]] of missing.entries())
    await show(`[${i + 1}/${missing.length}] ${name}`, name, program)
  const replaced = wanted.filter(([name]) => process.env[overrideOf(name)] !== undefined).map(([name]) => name)
  if (replaced.length > 0) console.log(`taken from the environment: ${replaced.join(', ')}`)
  console.log(`${wanted.length} programs are ready, ${missing.length} of them built now`)
}

/** Builds one program and says how far it is: a line that moves on a terminal, a line each minute elsewhere. */
async function show(label, name, program) {
  const start = performance.now()
  const seconds = () => Math.round((performance.now() - start) / 1000)
  let packages = 0
  const line = () => `${label}: ${packages} packages compiled, ${seconds()} s`
  const isTerminal = process.stdout.isTTY === true
  console.log(`${label}: building (${program.package ?? program.files.of})`)
  const timer = setInterval(
    () => process.stdout.write(isTerminal ? `\r${line()}` : `${line()}\n`),
    isTerminal ? 500 : 60_000,
  )
  try {
    await build(name, program, count => (packages = count))
    console.log(`${isTerminal ? '\r' : ''}${line()}, done`)
  } catch (error) {
    console.error(`\n${error.message}`)
    process.exit(1)
  } finally {
    clearInterval(timer)
  }
}
