import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function findRoot(directory: string): string {
  return existsSync(join(directory, 'package-lock.json')) ? directory : findRoot(dirname(directory))
}

/** The checkout's root, wherever the compiled tests are. */
export const ROOT = findRoot(dirname(fileURLToPath(import.meta.url)))

/** The compiled program that tests start. */
export const CLI = join(ROOT, 'build/src/cli/main.js')

/** The files below a directory of the checkout whose names end so, as paths from the root, sorted. */
export function filesBelow(directory: string, ending: string): readonly string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter(each => each.isFile() && each.name.endsWith(ending) && !each.parentPath.includes('node_modules'))
    .map(each => join(each.parentPath, each.name).slice(ROOT.length + 1))
    .sort()
}

/** The ids of the library's policies: the folders that have a policy.rego. */
export function policyIds(): readonly string[] {
  return readdirSync(join(ROOT, 'policies')).filter(id => existsSync(join(ROOT, 'policies', id, 'policy.rego')))
}
