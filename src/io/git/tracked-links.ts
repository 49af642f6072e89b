import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { leavesTree } from '../render/tree.js'
import type { Repository } from './repository.js'

/**
 * The symbolic links below the repository's paths that are under version control and lead out of the working tree, relative
 * to its root. A change may bring them along; what the machine's owner has linked into the tree is not Git's.
 *
 * @throws GateError BASE_UNREADABLE
 */
export async function trackedLinksOut(repository: Repository): Promise<readonly string[]> {
  const { root } = repository
  const paths = repository.paths.map(path => (path === '' ? '.' : path))
  const listed = Buffer.from(await repository.run(['ls-files', '-z', '--stage', '--', ...paths])).toString('utf8')
  const found: string[] = []
  for (const record of listed.split('\0')) {
    const path = /^120000 [^\t]*\t([^]+)$/.exec(record)?.[1]
    if (path === undefined) continue
    // Gone, or no link any more.
    const target = await readlink(join(root, path)).catch(() => null)
    if (target !== null && leavesTree(root, join(root, path), target)) found.push(path)
  }
  return [...new Set(found)]
}
