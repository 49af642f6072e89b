// The two Go programs that policies are made with: the compiler beside them, and opa.
import { readdirSync, readFileSync } from 'node:fs'
import { build, locate } from './go-programs.mjs'

const module = 'policies/compiler'

/** @returns the paths of both programs; built first where the cache does not have them for these sources */
export async function policyTools() {
  const files = readdirSync(new URL(`../${module}/`, import.meta.url), { withFileTypes: true })
  const sources = files.filter(each => each.isFile()).map(each => each.name)
  const { opa } = JSON.parse(readFileSync(new URL('../test/e2e/tools/programs.json', import.meta.url), 'utf8'))
  return {
    compiler: await ready('policy-compiler', { module, package: '.', sources: sources.sort() }),
    opa: await ready('opa', opa),
  }
}

async function ready(name, program) {
  if (!locate(name, program).isBuilt) {
    console.error(`building ${name} (once; it is kept in ${locate(name, program).directory})`)
    await build(name, program)
  }
  return locate(name, program).path
}
