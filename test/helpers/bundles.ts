import { join } from 'node:path'
import type { BundleFiles } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { ROOT } from './repository.js'

/** The files of a compiled fixture bundle, with some of them changed, added or (null) left out. */
export async function fixtureBundle(
  name: string,
  change: Record<string, string | Uint8Array | null> = {},
): Promise<BundleFiles> {
  const files = new Map(await loadBundleFiles(join(ROOT, 'test/fixtures/bundles', name, 'bundle')))
  for (const [path, content] of Object.entries(change)) {
    if (content === null) files.delete(path)
    else files.set(path, typeof content === 'string' ? Buffer.from(content) : content)
  }
  return files
}
