// Builds the program and judges the example repository: first what is in production, then a change with a mistake in it.
import { spawnSync } from 'node:child_process'

const cwd = new URL('..', import.meta.url).pathname
const tsc = new URL('../node_modules/.bin/tsc', import.meta.url).pathname
if (spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd, stdio: 'inherit' }).status !== 0) process.exit(1)

const shop = 'manifests/examples/shop'
const steps = [
  { says: 'What the shop runs in production today:', path: `${shop}/envs/prod`, exitCode: 0 },
  { says: 'A change that is on its way there:', path: `${shop}/changes`, exitCode: 1 },
]
for (const { says, path, exitCode } of steps) {
  console.log(`\n${says}\n$ npx lockkeeper scan ${path}\n`)
  const { status } = spawnSync(process.execPath, ['dist/src/cli/main.js', 'scan', path], { cwd, stdio: 'inherit' })
  console.log(`(exit code ${status})`)
  if (status !== exitCode) {
    console.error(`exit code ${exitCode} was expected here`)
    process.exit(1)
  }
}
