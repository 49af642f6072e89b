import { GateError } from '../errors.js'
import { RaritySnapshot } from '../risk/rarity/snapshot.js'
import type { BundleFiles } from './bundle.js'

/** Where a bundle has its rarity snapshot: a file that is named by the SHA-256 of its content. */
export const RARITY_FOLDER = 'rarity/'

/**
 * The rarity snapshot of a bundle's files, or null.
 *
 * It is what one cluster is used to and changes by itself, so it is no part of the bundle's digest; every Decision names it.
 *
 * @throws GateError RARITY_INVALID when there are several, or one is not whole
 */
export function readRarity(files: BundleFiles): RaritySnapshot | null {
  const [found, ...others] = [...files].filter(([path]) => path.startsWith(RARITY_FOLDER))
  if (found === undefined) return null
  if (others.length > 0) {
    throw new GateError('RARITY_INVALID', `the bundle has ${others.length + 1} rarity snapshots, and may have one`)
  }
  const [path, bytes] = found
  const snapshot = new RaritySnapshot(bytes)
  if (path === `${RARITY_FOLDER}${snapshot.digest}`) return snapshot
  const named = `${RARITY_FOLDER}${snapshot.digest}`
  throw new GateError('RARITY_INVALID', `${path} of the bundle is not named by its content, which is ${named}`)
}
