import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

/** The root of the repository. */
export const ROOT = new URL('..', import.meta.url).pathname

/** The path of a program that a package brings. */
export const bin = name => new URL(`../node_modules/.bin/${name}`, import.meta.url).pathname

/** Compiles source, tests and benchmarks to build/, from nothing: a test whose source was deleted must not live on. Ends the process where that fails. */
export function compile() {
  rmSync(new URL('../build', import.meta.url), { recursive: true, force: true })
  if (spawnSync(bin('tsc'), ['-p', 'tsconfig.json'], { cwd: ROOT, stdio: 'inherit' }).status !== 0) process.exit(1)
}
