import type { BundleFiles } from '../policy/bundle.js'
import { RARITY_FOLDER } from '../policy/bundle-rarity.js'
import { MAX_SNAPSHOT_BYTES, RaritySnapshot } from '../risk/rarity/snapshot.js'
import { readFileBytes } from './files.js'

/**
 * A bundle's files with a rarity snapshot from a file of its own, instead of one that they have.
 *
 * @throws GateError FILE_UNREADABLE, MANIFEST_TOO_LARGE or RARITY_INVALID
 */
export async function withRarityFile(files: BundleFiles, path: string): Promise<BundleFiles> {
  const bytes = await readFileBytes(path, MAX_SNAPSHOT_BYTES)
  const others = [...files].filter(([name]) => !name.startsWith(RARITY_FOLDER))
  return new Map([...others, [`${RARITY_FOLDER}${new RaritySnapshot(bytes).digest}`, bytes]])
}
