import { statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { GateError } from '../../errors.js'
import { isJsonObject, type JsonObject } from '../../json.js'
import { pathsOf } from '../kustomization.js'
import { KUSTOMIZATION_NAMES } from './detect.js'
import type { Rendering } from './rendering.js'
import { isInside } from './tree.js'
import { readYamlFile } from './yaml-file.js'

const MAX_KUSTOMIZATIONS = 10_000

/**
 * Makes sure that neither a kustomization nor any that it builds on names a directory outside of the tree: kustomize keeps
 * files inside of a kustomization, but not directories.
 *
 * @throws GateError RENDER_FAILED
 */
export async function checkReach({ place, shown }: Rendering): Promise<void> {
  const seen = new Set([place.directory])
  for (const directory of seen) {
    if (seen.size > MAX_KUSTOMIZATIONS) {
      throw new GateError('RENDER_FAILED', `more than ${MAX_KUSTOMIZATIONS} directories belong to one kustomization`)
    }
    // What is no directory is a file, which kustomize keeps inside; most are.
    const names = isDirectory(directory) ? await readdir(directory).catch(() => []) : []
    for (const name of names.filter(each => KUSTOMIZATION_NAMES.includes(each))) {
      const file = shown(join(directory, name))
      // What cannot be read here must not be read by kustomize, which may see other paths in it.
      const kustomization = await readYamlFile(join(directory, name), file)
      for (const path of [...pathsOf(kustomization), ...chartHomes(kustomization)]) {
        if (/^[a-z+:]*:\/\//i.test(path) && !/^(?:git::)?file:/i.test(path)) continue
        const target = resolve(directory, path.replace(/^(?:git::)?file:(?:\/\/)?/i, ''))
        if (!isInside(place.root, target)) {
          const message = `${file}: ${path} is outside of the repository`
          throw new GateError('RENDER_FAILED', message, { position: { file } })
        }
        seen.add(target)
      }
    }
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  } catch {
    // Such as a file in the place of a directory above it.
    return false
  }
}

/** Where kustomize looks for charts, with `--enable-helm`. */
function chartHomes({ helmGlobals, helmChartInflationGenerator }: JsonObject): string[] {
  const generators = Array.isArray(helmChartInflationGenerator) ? helmChartInflationGenerator : []
  return [helmGlobals, ...generators]
    .map(each => (isJsonObject(each) ? each.chartHome : undefined))
    .filter(path => typeof path === 'string')
}
