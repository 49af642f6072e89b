import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { splitDocuments, decodeUtf8 } from '../../../src/document.js'
import { GateError } from '../../../src/errors.js'
import { buildOffline } from '../../../src/io/render/offline-kustomize.js'
import type { RenderOptions } from '../../../src/io/render/rendering.js'
import { yamlValues } from '../../../src/io/render/yaml-file.js'
import { readManifests, type Manifest } from '../../../src/manifest.js'
import { finishObject } from './finish-object.js'
import { withKustomization } from './kustomization-file.js'
import { isNotSubstituted } from './marks.js'
import type { KustomizationSpec } from './spec.js'
import { substitute } from './substitute.js'
import { SubstitutionFault } from './substitution-functions.js'

/** How a Kustomization is built. */
export interface BuildOptions extends RenderOptions {
  /** A variable that nobody has set is empty, as with the feature gate StrictPostBuildSubstitutions=false of kustomize-controller. */
  readonly isLenient?: boolean
}

/**
 * Builds a Kustomization from its artifact's tree, as kustomize-controller does before it applies the objects. The tree has to be
 * a copy: its kustomization is another one meanwhile.
 *
 * @param root the tree, without links
 * @param variables what is substituted
 * @returns the objects as they are sent to the API server; encrypted values stay as they are
 * @throws GateError RENDER_FAILED, RENDER_TOOL_MISSING, MANIFEST_TOO_LARGE, or what is wrong with a file or an object
 * @see kustomize-controller 1.9, reconcile and build
 */
export async function buildKustomization(
  spec: KustomizationSpec,
  root: string,
  variables: ReadonlyMap<string, string>,
  options: BuildOptions,
): Promise<readonly Manifest[]> {
  const directory = join(root, pathInside(spec.path))
  const found = await stat(directory).catch(() => null)
  if (found?.isDirectory() !== true)
    throw failed(`the path ${JSON.stringify(spec.path)} is no directory of the artifact`)
  const file = sourceName(spec)
  const output = await withKustomization(spec, { root, directory }, () => buildOffline({ root, directory }, options))
  const text = decodeUtf8(output, file)
  const { postBuild } = spec
  const isSubstituted = postBuild !== null && (postBuild.always || variables.size > 0)
  const final = isSubstituted ? substituted(text, variables, options.isLenient !== true, file) : text
  return readAll(final, file).map(each => ({ ...each, object: finishObject(each.object, spec) }))
}

/** What messages call the objects' file. */
export function sourceName({ namespace, name }: Pick<KustomizationSpec, 'namespace' | 'name'>): string {
  return `Kustomization ${namespace}/${name}`
}

/** A path with its `..` going up to the root at most. */
function pathInside(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

function substituted(text: string, variables: ReadonlyMap<string, string>, isStrict: boolean, file: string): string {
  return [...splitDocuments(text)]
    .map(({ text: document }) => {
      const [found] = yamlValues(document, file)
      if (found === undefined || isNotSubstituted(found.value)) return document
      const result = explained(found.value, () => substitute(document, variables, isStrict))
      if ([...splitDocuments(result)].length === 1) return result
      throw failed(`what is substituted in ${nameOf(found.value)} leaves something else than one document`)
    })
    .join('')
}

function explained(object: unknown, substituteIt: () => string): string {
  try {
    return substituteIt()
  } catch (error) {
    if (!(error instanceof SubstitutionFault)) throw error
    throw failed(`variables cannot be substituted in ${nameOf(object)}: ${error.message}`, error)
  }
}

/** @throws GateError for the first that cannot be read, or that kustomize-controller would not take for an object */
function readAll(text: string, file: string): readonly Manifest[] {
  const found: Manifest[] = []
  for (const manifest of readManifests(text, file)) {
    if (manifest instanceof GateError) throw manifest
    const { apiVersion, kind, metadata } = manifest.object
    // A file of kustomize's among the resources is nothing to apply.
    if (kind.toLowerCase() === 'kustomization' && apiVersion.startsWith('kustomize.config.k8s.io/')) continue
    if (typeof metadata.name !== 'string' || metadata.name === '') {
      throw failed(`an object of kind ${kind} has no name: kustomize-controller applies none without`)
    }
    found.push(manifest)
  }
  return found
}

function nameOf(value: unknown): string {
  const { kind, metadata } = value as {
    readonly kind?: unknown
    readonly metadata?: { readonly name?: unknown } | null
  }
  return `${typeof kind === 'string' ? kind : 'an object'} ${typeof metadata?.name === 'string' ? metadata.name : ''}`.trim()
}

function failed(message: string, cause?: unknown): GateError {
  return new GateError('RENDER_FAILED', message, { cause })
}
