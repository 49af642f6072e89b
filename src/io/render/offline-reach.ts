import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { GateError } from '../../errors.js'
import { isJsonObject, type Json } from '../../json.js'
import { pathsOf } from '../kustomization.js'
import {
  isDirectory,
  localTarget,
  outside,
  reachedKustomizations,
  type ReachedKustomization,
} from './kustomize-reach.js'
import type { Rendering } from './rendering.js'
import { isInside } from './tree.js'
import { readText, yamlValues } from './yaml-file.js'

/** What kustomize takes for an address of another repository, or fetches. */
const REMOTE = /^(?:[a-z+:]*:\/\/|git::|gh:|[\w.-]+@[\w.-]+[:/]|github\.com[/:])|[?&](?:ref|version)=/i

/** The members whose texts kustomize and its built-in plugins load from, wherever they stand. */
const LOADED = new Set(['files', 'envs', 'env', 'path', 'paths', 'valuesFile', 'additionalValuesFiles'])

/** Objects that are plugins, with paths of their own. */
const PLUGIN_FIELDS = ['generators', 'transformers', 'validators'] as const

const MAX_PLUGIN_FILES = 1_000

/**
 * Makes sure that neither a kustomization nor any that it builds on is to be fetched from elsewhere.
 *
 * @throws GateError RENDER_FAILED
 */
export async function checkOffline(rendering: Rendering): Promise<void> {
  for await (const reached of reachedKustomizations(rendering)) {
    for (const path of [...pathsOf(reached.kustomization), ...(await loadedPaths(reached, rendering))]) {
      // Beyond what is local by its text there are spellings that only git knows; there is no git for them.
      if (!REMOTE.test(path) || /^file:/i.test(path)) continue
      const message = `${reached.file}: ${path} is in another repository: only what is in the artifact itself is judged`
      throw new GateError('RENDER_FAILED', message, { position: { file: reached.file } })
    }
  }
}

/**
 * Makes sure that no file which a kustomization names, or one that it builds on, is outside of the tree.
 *
 * @throws GateError RENDER_FAILED
 */
export async function checkFilesInside(rendering: Rendering): Promise<void> {
  const { root } = rendering.place
  for await (const reached of reachedKustomizations(rendering)) {
    for (const path of [...pathsOf(reached.kustomization), ...(await loadedPaths(reached, rendering))]) {
      const target = localTarget(reached.directory, path)
      if (target === null || !isInside(root, target)) throw outside(reached.file, path)
    }
  }
}

/** All texts of a kustomization, and of the plugins that it names, by which something may be loaded. */
async function loadedPaths(
  { directory, kustomization }: ReachedKustomization,
  { place, shown }: Rendering,
): Promise<readonly string[]> {
  const values: Json[] = [kustomization]
  const inline = PLUGIN_FIELDS.flatMap(field => textsOf(kustomization[field]))
  const waiting: string[] = []
  for (const text of inline) {
    if (text.includes('\n')) values.push(...parsed(text, 'a plugin'))
    else waiting.push(resolve(directory, text))
  }
  const seen = new Set(waiting)
  for (const path of seen) {
    if (seen.size > MAX_PLUGIN_FILES)
      throw new GateError('RENDER_FAILED', `more than ${MAX_PLUGIN_FILES} files are plugins`)
    if (!isInside(place.root, path)) continue
    if (!isDirectory(path)) {
      values.push(...(await readPlugin(path, shown(path))))
      continue
    }
    // A kustomization that builds plugins: all files beside and below it count.
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory() || /\.ya?ml$|^Kustomization$/.test(entry.name)) seen.add(join(path, entry.name))
    }
  }
  return values.flatMap(textsLoaded)
}

async function readPlugin(path: string, shown: string): Promise<readonly Json[]> {
  // What is not there is kustomize's to complain about.
  if (!existsSync(path)) return []
  return parsed(await readText(path, shown), shown)
}

function parsed(text: string, file: string): readonly Json[] {
  return [...yamlValues(text, file)].map(each => each.value)
}

function textsLoaded(root: Json): readonly string[] {
  const found: string[] = []
  const stack: Json[] = [root]
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (Array.isArray(value)) stack.push(...value)
    else if (isJsonObject(value)) {
      for (const [key, member] of Object.entries(value)) {
        if (LOADED.has(key)) found.push(...textsOf(member))
        stack.push(member)
      }
    }
  }
  // `<key>=<file>`
  return found
    .filter(text => !text.includes('\n'))
    .flatMap(text => (text.includes('=') ? [text.slice(text.indexOf('=') + 1)] : [text]))
}

function textsOf(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) return []
  return value.filter(each => typeof each === 'string')
}
