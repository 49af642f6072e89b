import { realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { GateError } from '../../src/errors.js'
import { unreadable } from '../../src/io/files.js'
import { isInside, type RenderPlace } from '../../src/io/render/tree.js'

/** The directory below which argocd-cmp-server puts its copies. @see Argo CD 3.5, common.GetCMPWorkDir */
export function workDirectoryOf(env: Readonly<Record<string, string | undefined>>): string {
  const own = env.ARGOCD_CMP_WORKDIR ?? ''
  const temporary = env.TMPDIR ?? ''
  return join(own !== '' ? own : temporary !== '' ? temporary : '/tmp', '_cmp_server')
}

/**
 * Where the source is, and the root of its copy of the repository: what is below the work directory belongs to one copy, and
 * nothing else of the machine is read. Outside of it, on somebody's machine, the root is found by the path of the source.
 *
 * @param isBound whether places outside of the work directory are refused
 * @throws GateError FILE_UNREADABLE, RENDER_FAILED
 */
export async function findPlace(
  directory: string,
  options: { readonly workDirectory: string; readonly sourcePath: string; readonly isBound: boolean },
): Promise<RenderPlace> {
  const { workDirectory, sourcePath, isBound } = options
  const real = await realPathOf(directory)
  const work = await realpath(workDirectory).catch(() => null)
  if (work !== null && isInside(work, real) && real !== work) {
    const [copy = ''] = real.slice(work.length + 1).split(sep)
    return { root: join(work, copy), directory: real }
  }
  if (isBound) {
    throw new GateError('RENDER_FAILED', `${directory}: is outside of the work directory ${workDirectory}`)
  }
  const parts = sourcePath.split('/').filter(part => part !== '' && part !== '.')
  const suffix = parts.map(part => sep + part).join('')
  const isBelow = suffix !== '' && !parts.includes('..') && real.endsWith(suffix)
  return { root: isBelow ? real.slice(0, -suffix.length) || sep : real, directory: real }
}

async function realPathOf(directory: string): Promise<string> {
  try {
    return await realpath(directory)
  } catch (error) {
    throw unreadable(directory, error)
  }
}
