import { stat, writeFile, rm } from 'node:fs/promises'
import { extname, join, relative } from 'node:path'
import { GateError } from '../../../src/errors.js'
import { readFileBytes } from '../../../src/io/files.js'
import { KUSTOMIZATION_NAMES } from '../../../src/io/render/detect.js'
import { readDirectory, shownPath, type RenderPlace } from '../../../src/io/render/tree.js'
import { readYamlFile } from '../../../src/io/render/yaml-file.js'
import { emptyObject, isJsonObject, stringifyJson, type Json, type JsonObject } from '../../../src/json.js'
import type { ImageChange, KustomizationSpec } from './spec.js'

/** What a kustomization may have; kustomize-controller drops what it does not know. */
const KNOWN = [
  'apiVersion',
  'kind',
  'metadata',
  'openapi',
  'namePrefix',
  'nameSuffix',
  'namespace',
  'commonLabels',
  'labels',
  'commonAnnotations',
  'patchesStrategicMerge',
  'patchesJson6902',
  'patches',
  'images',
  'imageTags',
  'replacements',
  'replicas',
  'vars',
  'sortOptions',
  'resources',
  'components',
  'crds',
  'bases',
  'configMapGenerator',
  'secretGenerator',
  'helmGlobals',
  'helmCharts',
  'helmChartInflationGenerator',
  'generatorOptions',
  'configurations',
  'generators',
  'transformers',
  'validators',
  'buildMetadata',
]

/** Kinds of addresses that no component may have. */
const REMOTE_COMPONENT = /^(?:git::|gh:|ssh:\/\/|https:\/\/|http:\/\/|git@|github\.com[:/])./i

const MAX_ENTRIES = 100_000

/**
 * Lets `use` see a directory whose kustomization is changed by what the spec says, or that has one where there was none: one that
 * takes all YAML files below, and directories with a kustomization of their own as such. Afterwards it is as it was.
 *
 * @throws GateError RENDER_FAILED, MANIFEST_INVALID, or what is wrong with the file
 * @see Flux's kustomize package 1.35, Generator.WriteFile
 */
export async function withKustomization<T>(
  spec: KustomizationSpec,
  { root, directory }: RenderPlace,
  use: () => Promise<T>,
): Promise<T> {
  const present = await kustomizationFile(directory)
  const path = present ?? join(directory, 'kustomization.yaml')
  const file = shownPath(root, path)
  const before = present === null ? null : await readFileBytes(present)
  const kustomization = present === null ? await generated(directory) : known(await readYamlFile(present, file), file)
  const changed = await applySpec(kustomization, spec, directory, { file, isPresent: present !== null })
  // Never the file itself, which the tree may share with another one.
  const replace = async (content: string | Uint8Array | null): Promise<void> => {
    await rm(path, { force: true })
    if (content !== null) await writeFile(path, content, { flag: 'wx' })
  }
  await replace(stringifyJson(changed, 2))
  try {
    return await use()
  } finally {
    await replace(before)
  }
}

/** The file that makes a directory a kustomization, or null. */
async function kustomizationFile(directory: string): Promise<string | null> {
  for (const name of KUSTOMIZATION_NAMES) {
    const path = join(directory, name)
    if (await isFile(path)) return path
  }
  return null
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    found => !found.isDirectory(),
    () => false,
  )
}

async function generated(directory: string): Promise<JsonObject> {
  const resources = await manifestsBelow(directory)
  const own = Object.assign(emptyObject(), { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' })
  return Object.assign(own, resources.length === 0 ? {} : { resources: [...resources] })
}

/** Files and kustomizations in the order of Go's directory walk, relative to the directory. */
async function manifestsBelow(directory: string): Promise<readonly string[]> {
  const found: string[] = []
  let entries = 0
  const visit = async (path: string): Promise<void> => {
    for (const entry of await readDirectory(path)) {
      if (++entries > MAX_ENTRIES)
        throw new GateError('RENDER_FAILED', `more than ${MAX_ENTRIES} files are in one directory`)
      const child = join(path, entry.name)
      if (entry.isDirectory()) {
        if ((await kustomizationFile(child)) === null) await visit(child)
        else found.push(child)
      } else if (['.yaml', '.yml'].includes(extname(child))) found.push(child)
    }
  }
  await visit(directory)
  return found.map(path => `./${relative(directory, path)}`)
}

/** Without what kustomize-controller drops. */
function known(kustomization: JsonObject, file: string): JsonObject {
  const kept = emptyObject()
  for (const [key, value] of Object.entries(kustomization)) {
    const field = KNOWN.find(each => each.toLowerCase() === key.toLowerCase())
    if (field === undefined) continue
    if (field !== key) throw invalid(file, `${key} has to be written ${field}`)
    if (value !== null) kept[key] = value
  }
  return kept
}

async function applySpec(
  kustomization: JsonObject,
  spec: KustomizationSpec,
  directory: string,
  { file, isPresent }: { readonly file: string; readonly isPresent: boolean },
): Promise<JsonObject> {
  const list = (key: string): Json[] => {
    const value = kustomization[key] ?? []
    if (Array.isArray(value)) return value
    throw invalid(file, `${key} is not a sequence`)
  }
  const result = Object.assign(emptyObject(), kustomization)
  if (isPresent && list('resources').length === 0) result.buildMetadata = ['originAnnotations']
  if (spec.targetNamespace !== '') result.namespace = spec.targetNamespace
  if (spec.namePrefix !== '') result.namePrefix = spec.namePrefix
  if (spec.nameSuffix !== '') result.nameSuffix = spec.nameSuffix
  const patches = spec.patches.map(({ patch, target }) =>
    Object.assign(emptyObject(), { patch }, target === null ? {} : { target: Object.assign(emptyObject(), target) }),
  )
  if (patches.length > 0) result.patches = [...list('patches'), ...patches]
  const components = await presentComponents(spec, directory, file)
  if (components.length > 0) result.components = [...list('components'), ...components]
  if (spec.images.length > 0) result.images = mergedImages(list('images'), spec.images)
  if (spec.buildMetadata.length > 0) result.buildMetadata = [...spec.buildMetadata]
  return result
}

async function presentComponents(
  { components, ignoreMissingComponents }: KustomizationSpec,
  directory: string,
  file: string,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const component of components) {
    if (REMOTE_COMPONENT.test(component) || /^(?:file:\/\/)?\//i.test(component)) {
      throw invalid(file, `the component ${component} has to be a path relative to the kustomization`)
    }
    const isThere = await stat(join(directory, component)).then(
      () => true,
      () => false,
    )
    if (isThere || !ignoreMissingComponents) found.push(component)
  }
  return found
}

/** An image of the same name is changed part by part; a tag and a digest are one part. */
function mergedImages(present: readonly Json[], changes: readonly ImageChange[]): Json[] {
  const images = [...present]
  for (const { name, newName, newTag, digest } of changes) {
    const index = images.findIndex(each => isJsonObject(each) && each.name === name)
    const own = images[index]
    const image = Object.assign(emptyObject(), isJsonObject(own) ? own : { name })
    if (newName !== '') image.newName = newName
    if (newTag !== '' || digest !== '') Object.assign(image, { newTag, digest })
    if (index === -1) images.push(image)
    else images[index] = image
  }
  return images
}

function invalid(file: string, problem: string): GateError {
  return new GateError('RENDER_FAILED', `${file}: ${problem}`, { position: { file } })
}
