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

/** A kustomization on the way through all that one builds on. */
export interface ReachedKustomization {
  readonly directory: string
  /** Its file, as messages name it. */
  readonly file: string
  readonly kustomization: JsonObject
}

/**
 * Makes sure that neither a kustomization nor any that it builds on names a directory outside of the tree: kustomize keeps
 * files inside of a kustomization, but not directories.
 *
 * @throws GateError RENDER_FAILED
 */
export async function checkReach(rendering: Rendering): Promise<void> {
  const { root } = rendering.place
  for await (const { directory, file, kustomization } of reachedKustomizations(rendering)) {
    for (const path of [...pathsOf(kustomization), ...chartHomes(kustomization)]) {
      const target = localTarget(directory, path)
      if (target !== null && !isInside(root, target)) throw outside(file, path)
    }
  }
}

/**
 * The kustomization of the directory and all that it builds on, each before what it names itself.
 *
 * @throws GateError RENDER_FAILED when there are too many, or what is wrong with a file: what cannot be read here must not be
 *   read by kustomize, which may see other paths in it
 */
export async function* reachedKustomizations({
  place,
  shown,
}: Pick<Rendering, 'place' | 'shown'>): AsyncGenerator<ReachedKustomization> {
  const seen = new Set([place.directory])
  for (const directory of seen) {
    if (seen.size > MAX_KUSTOMIZATIONS) {
      throw new GateError('RENDER_FAILED', `more than ${MAX_KUSTOMIZATIONS} directories belong to one kustomization`)
    }
    // What is no directory is a file, which kustomize keeps inside; most are.
    const names = isDirectory(directory) ? await readdir(directory).catch(() => []) : []
    for (const name of names.filter(each => KUSTOMIZATION_NAMES.includes(each))) {
      const file = shown(join(directory, name))
      const kustomization = await readYamlFile(join(directory, name), file)
      yield { directory, file, kustomization }
      for (const path of [...pathsOf(kustomization), ...chartHomes(kustomization)]) {
        const target = localTarget(directory, path)
        if (target !== null && isInside(place.root, target)) seen.add(target)
      }
    }
  }
}

/** Where a path of a kustomization leads; null: to another host. */
export function localTarget(directory: string, path: string): string | null {
  if (/^[a-z+:]*:\/\//i.test(path) && !/^(?:git::)?file:/i.test(path)) return null
  return resolve(directory, path.replace(/^(?:git::)?file:(?:\/\/)?/i, ''))
}

/** Something that a kustomization names is not in the tree. */
export function outside(file: string, path: string): GateError {
  return new GateError('RENDER_FAILED', `${file}: ${path} is outside of the repository`, { position: { file } })
}

/** Whether there is a directory. */
export function isDirectory(path: string): boolean {
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
