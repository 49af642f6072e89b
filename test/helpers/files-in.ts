import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The texts of all files below a directory, by their relative paths. */
export function filesIn(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(each => each.isFile())
  const paths = files.map(each => join(each.parentPath, each.name))
  return Object.fromEntries(paths.map(path => [path.slice(directory.length + 1), readFileSync(path, 'utf8')]))
}
