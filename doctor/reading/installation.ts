import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { GateError } from '../../src/errors.js'
import { createGate } from '../../src/gate.js'
import { builtInBundlePath, loadBundleFiles } from '../../src/io/bundle-source.js'
import { type Bundle, parseBundle } from '../../src/policy/bundle.js'
import type { InstalledBundle } from '../facts.js'

/** What the bundle is, and the bundle itself where it can judge. */
export interface ReadBundle {
  readonly installed: InstalledBundle
  readonly bundle: Bundle | null
}

/** Loads the bundle as a gate does, to the point where it could judge. A bundle that cannot is a result. */
export async function readBundle(path: string | undefined): Promise<ReadBundle> {
  const name = path ?? 'built-in'
  try {
    const files = await loadBundleFiles(path ?? (await builtInBundlePath()))
    const bundle = parseBundle(files, { allowUnsigned: true })
    await createGate(bundle)
    const { reference, cards, exceptions } = bundle
    const signed = files.has('.signatures.json')
    return { installed: { name, ...reference, policies: cards.length, signed, exceptions }, bundle }
  } catch (thrown) {
    if (!(thrown instanceof GateError)) throw thrown
    return { installed: { name, error: `${thrown.message} (${thrown.code})` }, bundle: null }
  }
}

/** Those of the programs that are in no directory of the search path. */
export async function findMissingPrograms(names: readonly string[], searchPath: string): Promise<readonly string[]> {
  const directories = searchPath.split(delimiter).filter(each => each !== '')
  const found = await Promise.all(
    names.map(async name => {
      const tries = await Promise.allSettled(directories.map(each => access(join(each, name), constants.X_OK)))
      return tries.some(each => each.status === 'fulfilled')
    }),
  )
  return names.filter((_, index) => found[index] === false)
}
