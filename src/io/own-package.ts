import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GateError } from '../errors.js'
import { readFileBytes } from './files.js'

/** Where lockkeeper itself is installed. */
export interface OwnPackage {
  readonly directory: string
  readonly version: string
}

/**
 * Finds lockkeeper's own package.json upwards from a module, which is compiled to `dist/` or, for tests, to `build/`.
 *
 * @param from the URL of any module of the program
 */
export async function findOwnPackage(from: string = import.meta.url): Promise<OwnPackage> {
  for (let directory = dirname(fileURLToPath(from)); directory !== dirname(directory); directory = dirname(directory)) {
    const found = await readPackage(join(directory, 'package.json'))
    if (found?.name === 'lockkeeper') return { directory, version: String(found.version) }
  }
  throw new GateError('INTERNAL', "lockkeeper's own package.json was not found")
}

async function readPackage(path: string): Promise<{ name?: unknown; version?: unknown } | undefined> {
  try {
    return JSON.parse(Buffer.from(await readFileBytes(path)).toString('utf8')) as { name?: unknown; version?: unknown }
  } catch {
    return undefined
  }
}
