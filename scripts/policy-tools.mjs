// Builds the two Go programs that policies are made with, `compiler` and `opa`, into a cache outside the checkout.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const source = new URL('../policies/compiler/', import.meta.url).pathname

/** Runs a program and ends this one when it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { stdio: 'inherit', ...options })
  if (result.error) {
    console.error(`${program} could not be started: ${result.error.message}`)
    process.exit(2)
  }
  return result
}

/** @returns the paths of both programs; built first where the cache does not have them for these sources */
export function policyTools() {
  const hash = createHash('sha256')
  const names = readdirSync(source, { withFileTypes: true })
    .filter(each => each.isFile())
    .map(each => each.name)
  for (const name of names.sort()) hash.update(`${name}\n`).update(readFileSync(join(source, name)))
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lockkeeper', 'policy-tools')
  const directory = join(cache, hash.digest('hex').slice(0, 16))
  if (!existsSync(directory)) build(cache, directory)
  return {
    compiler: join(directory, 'compiler'),
    opa: process.env.LOCKKEEPER_OPA ?? join(directory, 'opa'),
  }
}

function build(cache, directory) {
  mkdirSync(cache, { recursive: true })
  // Renamed into place when complete, so that an interrupted build leaves no half-filled cache.
  const partial = mkdtempSync(join(cache, 'building-'))
  const packages = { compiler: '.', opa: 'github.com/open-policy-agent/opa' }
  for (const [name, path] of Object.entries(packages)) {
    console.error(`building ${name} (once; the result is kept in ${directory})`)
    const args = ['build', '-p', '2', '-trimpath', '-ldflags', '-s -w', '-o', join(partial, name), path]
    const { status } = run('go', args, { cwd: source, env: { ...process.env, CGO_ENABLED: '0' } })
    if (status !== 0) {
      rmSync(partial, { recursive: true })
      process.exit(2)
    }
  }
  renameSync(partial, directory)
}
