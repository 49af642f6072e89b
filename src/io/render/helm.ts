import { access, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isJsonObject, type Json } from '../../json.js'
import { GateError } from '../../errors.js'
import { normalizeKubeVersion } from './kube-version.js'
import type { Rendering } from './rendering.js'
import type { HelmSource } from './source.js'
import { isInside } from './tree.js'
import { resolveFile, resolveValueFiles } from './value-files.js'
import { readYamlFile } from './yaml-file.js'

/** What helm says when a chart of `Chart.yaml` or `requirements.yaml` is not there yet. */
const MISSING_DEPENDENCY =
  /found in (?:requirements\.yaml, but missing in charts|Chart\.yaml, but missing in charts\/ directory)/

/**
 * Renders a chart by `helm template`, with the flags that Argo CD gives. When helm misses a dependency, `helm dependency
 * build` fetches it, once; the network is used then and only then.
 */
export async function renderHelm(source: HelmSource, rendering: Rendering): Promise<Uint8Array> {
  const { directory } = rendering.place
  const helm = await rendering.tool('helm')
  const home = join(rendering.temporary, 'helm')
  const env = {
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_DATA_HOME: join(home, 'data'),
    HELM_CONFIG_HOME: join(home, 'config'),
  }
  const run = async (args: readonly string[]) =>
    rendering.run({ tool: 'helm', binary: helm, args, cwd: directory, env })
  const args = await templateArguments(source, rendering)
  // Both commands write one, and a lock that is not the repository's own would fail the next build.
  const lock = join(directory, 'Chart.lock')
  const hadLock = await exists(lock)
  try {
    const first = await run(args)
    if (first.failure === null) return first.output
    if (!MISSING_DEPENDENCY.test(first.said)) throw first.failure
    for (const repository of await dependencyRepositories(rendering)) {
      const added = await run(['repo', 'add', repository.replaceAll('/', '-'), repository])
      if (added.failure !== null) throw added.failure
    }
    const built = await run(['dependency', 'build'])
    if (built.failure !== null) throw built.failure
    const second = await run(args)
    if (second.failure !== null) throw second.failure
    return second.output
  } finally {
    if (!hadLock) await rm(lock, { force: true })
  }
}

async function templateArguments(source: HelmSource, rendering: Rendering): Promise<readonly string[]> {
  const { place, substitute } = rendering
  const args = ['template', '.', '--name-template', source.releaseName]
  if (source.namespace !== undefined && source.namespace !== '') args.push('--namespace', source.namespace)
  if (source.kubeVersion !== undefined && source.kubeVersion !== '')
    args.push('--kube-version', normalizeKubeVersion(source.kubeVersion))
  // Of two parameters of one name the later one counts; a forced text goes over both.
  const parameters = (forceString: boolean) =>
    new Map(source.parameters.filter(each => each.forceString === forceString).map(each => [each.name, each.value]))
  for (const [name, value] of parameters(false)) args.push('--set', `${name}=${escapeCommas(substitute(value))}`)
  for (const [name, value] of parameters(true)) args.push('--set-string', `${name}=${escapeCommas(substitute(value))}`)
  for (const [name, path] of new Map(source.fileParameters.map(each => [each.name, each.path])))
    args.push('--set-file', `${name}=${escapeCommas(await resolveFile(substitute(path), place))}`)
  const rules = { ignoreMissing: source.ignoreMissingValueFiles, maxBytes: rendering.maxBytes }
  for (const path of await resolveValueFiles(source.valueFiles.map(substitute), place, rules))
    args.push('--values', path)
  if (source.values !== undefined && source.values !== '') {
    const path = join(rendering.temporary, 'values.yaml')
    await writeFile(path, source.values, { mode: 0o600 })
    args.push('--values', path)
  }
  for (const version of source.apiVersions) args.push('--api-versions', version)
  if (!source.skipCrds) args.push('--include-crds')
  if (source.skipSchemaValidation) args.push('--skip-schema-validation')
  if (source.skipTests) args.push('--skip-tests')
  return args
}

/** A comma would begin the next parameter, but in `{a,b}`, which is a list. */
function escapeCommas(value: string): string {
  return value.startsWith('{') && value.endsWith('}') ? value : value.replaceAll(/(?<!\\),/g, '\\,')
}

/**
 * The repositories over HTTPS that a chart's dependencies come from.
 *
 * @throws GateError RENDER_FAILED for a dependency that is a directory outside of the tree
 */
async function dependencyRepositories({ place, shown }: Rendering): Promise<ReadonlySet<string>> {
  const repositories = new Set<string>()
  for (const file of ['Chart.yaml', 'requirements.yaml']) {
    const path = join(place.directory, file)
    if (!(await exists(path))) continue
    const { dependencies } = await readYamlFile(path, shown(path))
    for (const repository of repositoriesOf(dependencies)) {
      const local = /^file:\/\/(.*)$/s.exec(repository)?.[1]
      if (local !== undefined && !isInside(place.root, resolve(place.directory, local))) {
        throw new GateError(
          'RENDER_FAILED',
          `${shown(path)}: the dependency ${repository} is outside of the repository`,
        )
      }
      if (/^https:\/\//i.test(repository)) repositories.add(repository)
    }
  }
  return repositories
}

function repositoriesOf(dependencies: Json | undefined): string[] {
  if (!Array.isArray(dependencies)) return []
  return dependencies
    .map(each => (isJsonObject(each) ? each.repository : undefined))
    .filter(repository => typeof repository === 'string')
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
