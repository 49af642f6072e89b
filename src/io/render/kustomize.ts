import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GateError } from '../../errors.js'
import { stringifyJson } from '../../json.js'
import { KUSTOMIZATION_NAMES } from './detect.js'
import { normalizeKubeVersion } from './kube-version.js'
import { checkReach } from './kustomize-reach.js'
import { guardedPath } from './kustomize-tools.js'
import type { Rendering } from './rendering.js'
import type { KustomizeSource } from './source.js'
import { isInside } from './tree.js'
import { outputOf } from './tool-process.js'
import { readYamlFile } from './yaml-file.js'

/**
 * Renders a kustomization by `kustomize build`, after it was changed as Argo CD changes it: by `kustomize edit`, in the
 * directory, which has to be a copy. Bases in other repositories are fetched as Argo CD does; the time is bounded.
 */
export async function renderKustomize(source: KustomizeSource, rendering: Rendering): Promise<Uint8Array> {
  const { place, options } = rendering
  const binary = await rendering.tool('kustomize')
  const env = {
    ...options.env,
    ...options.buildEnvironment,
    PATH: await guardedPath(options.env.PATH, rendering.temporary),
  }
  const run = async (args: readonly string[], cwd: string): Promise<Uint8Array> =>
    outputOf(await rendering.run({ tool: 'kustomize', binary, args, cwd, env }))
  for (const edit of await edits(source, rendering)) await run(['edit', ...edit], place.directory)
  if (source.patches.length > 0) await addPatches(source, rendering)
  await checkReach(rendering)
  return run(['build', place.directory, ...buildFlags(source)], place.root)
}

/** The arguments of each `kustomize edit`; behind `--` nothing that begins with a dash is taken for a flag. */
async function edits(source: KustomizeSource, rendering: Rendering): Promise<readonly (readonly string[])[]> {
  const { substitute } = rendering
  const found: (readonly string[])[] = []
  const add = (command: readonly string[], values: readonly string[]): void => {
    if (values.length > 0) found.push([...command, '--', ...values])
  }
  const pairs = (values: Readonly<Record<string, string>>, change: (value: string) => string) =>
    Object.entries(values).map(([name, value]) => `${name}:${change(value)}`)
  add(['set', 'nameprefix'], text(source.namePrefix))
  add(['set', 'namesuffix'], text(source.nameSuffix))
  add(['set', 'image'], source.images.map(substitute))
  add(
    ['set', 'replicas'],
    source.replicas.map(({ name, count }) => `${name}=${count}`),
  )
  const labelFlags = [
    ...(source.forceCommonLabels ? ['--force'] : []),
    ...(source.labelWithoutSelector ? ['--without-selector'] : []),
    ...(source.labelIncludeTemplates ? ['--include-templates'] : []),
  ]
  add(['add', 'label', ...labelFlags], pairs(source.commonLabels, substitute))
  add(
    ['add', 'annotation', ...(source.forceCommonAnnotations ? ['--force'] : [])],
    pairs(source.commonAnnotations, source.commonAnnotationsEnvsubst ? substitute : value => value),
  )
  add(['set', 'namespace'], text(source.namespace))
  add(['add', 'component'], await presentComponents(source, rendering))
  return found
}

function text(value: string | undefined): readonly string[] {
  return value === undefined || value === '' ? [] : [value]
}

async function presentComponents(source: KustomizeSource, { place }: Rendering): Promise<readonly string[]> {
  if (!source.ignoreMissingComponents) return source.components
  const found: string[] = []
  for (const component of source.components) {
    const path = join(place.directory, component)
    if (isInside(place.root, path) && (await isThere(path))) found.push(component)
  }
  return found
}

/** There is no `kustomize edit` for patches: they go into the file, which is JSON afterwards and thereby still YAML. */
async function addPatches({ patches }: KustomizeSource, { place, shown }: Rendering): Promise<void> {
  const path = await kustomizationFile(place.directory)
  if (path === null) {
    throw new GateError('RENDER_FAILED', `${shown(place.directory)}: there is no kustomization to add patches to`)
  }
  const kustomization = await readYamlFile(path, shown(path))
  const present = kustomization.patches ?? []
  if (!Array.isArray(present)) {
    throw new GateError('RENDER_FAILED', `${shown(path)}: its patches are not a sequence`)
  }
  kustomization.patches = [...present, ...patches]
  await writeFile(path, stringifyJson(kustomization, 2))
}

/** The file that makes a directory a kustomization, or null. */
async function kustomizationFile(directory: string): Promise<string | null> {
  for (const name of KUSTOMIZATION_NAMES) {
    const path = join(directory, name)
    if (await isThere(path)) return path
  }
  return null
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function buildFlags({ buildOptions, kubeVersion, apiVersions }: KustomizeSource): readonly string[] {
  if (!buildOptions.some(option => option.startsWith('--enable-helm'))) return buildOptions
  return [
    ...buildOptions,
    ...(kubeVersion === undefined || kubeVersion === ''
      ? []
      : ['--helm-kube-version', normalizeKubeVersion(kubeVersion)]),
    ...apiVersions.flatMap(version => ['--helm-api-versions', version]),
  ]
}
