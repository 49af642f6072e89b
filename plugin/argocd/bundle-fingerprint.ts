import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const MAX_FILES = 10_000

/**
 * A text that changes when a bundle's files do: their names, sizes and times. It is far cheaper than reading them. '' for the
 * built-in bundle, which does not change, and where nothing can be seen.
 */
export async function bundleFingerprint(path: string | undefined): Promise<string> {
  if (path === undefined) return ''
  try {
    const own = await stat(path)
    if (!own.isDirectory()) return entry(path, own)
    const names = (await readdir(path, { recursive: true })).sort().slice(0, MAX_FILES)
    const files = await Promise.all(names.map(async name => entry(name, await stat(join(path, name)))))
    return files.join('\n')
  } catch {
    return ''
  }
}

function entry(name: string, { size, mtimeMs, ino }: { size: number; mtimeMs: number; ino: number }): string {
  return `${name} ${size} ${mtimeMs} ${ino}`
}
