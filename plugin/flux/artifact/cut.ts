import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Removes from a directory what is neither at nor below one of the paths.
 *
 * @param paths relative, without `..`; everything stays where there are none, or where one of them is the root
 */
export async function cutTree(directory: string, paths: readonly string[]): Promise<void> {
  const wanted = paths.map(normalPath)
  if (wanted.length === 0 || wanted.includes('')) return
  await cutBelow(directory, '', wanted)
}

async function cutBelow(directory: string, below: string, wanted: readonly string[]): Promise<void> {
  for (const entry of await readdir(join(directory, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (wanted.some(each => path === each || path.startsWith(`${each}/`))) continue
    const leadsThere = entry.isDirectory() && wanted.some(each => each.startsWith(`${path}/`))
    if (leadsThere) await cutBelow(directory, path, wanted)
    else await rm(join(directory, path), { recursive: true, force: true })
  }
}

function normalPath(path: string): string {
  return path
    .split('/')
    .filter(each => each !== '' && each !== '.')
    .join('/')
}
