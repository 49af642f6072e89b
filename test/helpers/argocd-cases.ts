import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { detectTool } from '../../src/io/render/detect.js'
import type { HelmSource, KustomizeSource, RenderSource } from '../../src/io/render/source.js'
import { isJsonObject, parseJson, stringMembers, type Json, type JsonObject } from '../../src/json.js'
import { ROOT } from './repository.js'
import type { FileChanges } from './testbed/git-repository.js'

/** A repository and the source of an Application in it: `test/golden/argocd/<name>/`. */
export interface ArgoCDCase {
  readonly name: string
  /** What it is there for. */
  readonly shows: string
  /** The source's `path`. */
  readonly path: string
  /** What stands in `spec.source` beside the repository, the path and the revision. */
  readonly source: JsonObject
  /** The code of our error when Argo CD refuses it, too; null when it renders it. */
  readonly refused: string | null
  readonly files: FileChanges
}

/** What Argo CD would take from the Application and its cluster where the source does not say. */
export interface ArgoCDDefaults {
  readonly namespace: string
  readonly kubeVersion: string
  readonly apiVersions: readonly string[]
  /** The cluster-wide flags of `kustomize build`. */
  readonly kustomizeBuildOptions: readonly string[]
}

const DIRECTORY = join(ROOT, 'test/golden/argocd')

/** All cases, by name. */
export function argoCDCases(): readonly ArgoCDCase[] {
  return readdirSync(DIRECTORY)
    .sort()
    .map(name => {
      const described = parseJson(readFileSync(join(DIRECTORY, name, 'case.json'), 'utf8'))
      if (!isJsonObject(described)) throw new Error(`${name}/case.json is not an object`)
      const { shows, path, source = {}, refused } = described
      return {
        name,
        shows: textOf(shows),
        path: textOf(path) || 'app',
        source: objectOf(source),
        refused: typeof refused === 'string' ? refused : null,
        files: filesOf(join(DIRECTORY, name, 'tree')),
      }
    })
}

function filesOf(root: string): FileChanges {
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name))
  return Object.fromEntries(
    paths.map(path => [
      relative(root, path),
      lstatSync(path).isSymbolicLink() ? { linkTo: readlinkSync(path) } : readFileSync(path),
    ]),
  )
}

/** What an Application's source means for rendering. */
export async function renderSourceOf(
  { name, source }: ArgoCDCase,
  directory: string,
  defaults: ArgoCDDefaults,
): Promise<RenderSource> {
  const named = (['helm', 'kustomize', 'directory'] as const).find(tool => tool in source)
  const tool = named ?? (await detectTool(directory))
  const options = objectOf(source[tool] ?? {})
  switch (tool) {
    case 'helm':
      return helmSource(options, name, defaults)
    case 'kustomize':
      return kustomizeSource(options, defaults)
    case 'directory':
      return {
        tool,
        recurse: options.recurse === true,
        include: textOf(options.include),
        exclude: textOf(options.exclude),
      }
  }
}

function helmSource(options: JsonObject, name: string, defaults: ArgoCDDefaults): HelmSource {
  const values = options.valuesObject === undefined ? textOf(options.values) : JSON.stringify(options.valuesObject)
  return {
    tool: 'helm',
    releaseName: textOf(options.releaseName) || name,
    namespace: textOf(options.namespace) || defaults.namespace,
    kubeVersion: textOf(options.kubeVersion) || defaults.kubeVersion,
    apiVersions: options.apiVersions === undefined ? defaults.apiVersions : textsOf(options.apiVersions),
    valueFiles: textsOf(options.valueFiles),
    ignoreMissingValueFiles: options.ignoreMissingValueFiles === true,
    values,
    parameters: objectsOf(options.parameters).map(each => ({
      name: textOf(each.name),
      value: textOf(each.value),
      forceString: each.forceString === true,
    })),
    fileParameters: objectsOf(options.fileParameters).map(each => ({
      name: textOf(each.name),
      path: textOf(each.path),
    })),
    skipCrds: options.skipCrds === true,
    skipTests: options.skipTests === true,
    skipSchemaValidation: options.skipSchemaValidation === true,
  }
}

function kustomizeSource(options: JsonObject, defaults: ArgoCDDefaults): KustomizeSource {
  return {
    tool: 'kustomize',
    namePrefix: textOf(options.namePrefix),
    nameSuffix: textOf(options.nameSuffix),
    namespace: textOf(options.namespace),
    images: textsOf(options.images),
    replicas: objectsOf(options.replicas).map(each => ({ name: textOf(each.name), count: Number(each.count) })),
    commonLabels: stringMembers(options.commonLabels),
    commonAnnotations: stringMembers(options.commonAnnotations),
    commonAnnotationsEnvsubst: options.commonAnnotationsEnvsubst === true,
    forceCommonLabels: options.forceCommonLabels === true,
    forceCommonAnnotations: options.forceCommonAnnotations === true,
    labelWithoutSelector: options.labelWithoutSelector === true,
    labelIncludeTemplates: options.labelIncludeTemplates === true,
    components: textsOf(options.components),
    ignoreMissingComponents: options.ignoreMissingComponents === true,
    patches: objectsOf(options.patches),
    buildOptions: defaults.kustomizeBuildOptions,
    kubeVersion: textOf(options.kubeVersion) || defaults.kubeVersion,
    apiVersions: options.apiVersions === undefined ? defaults.apiVersions : textsOf(options.apiVersions),
  }
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function textsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(textOf) : []
}

function objectOf(value: Json): JsonObject {
  if (!isJsonObject(value)) throw new Error('not an object')
  return value
}

function objectsOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(objectOf) : []
}
