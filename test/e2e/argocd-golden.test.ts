import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { GateError } from '../../src/errors.js'
import { renderSource } from '../../src/io/render/render.js'
import { isJsonObject, parseJson, stringifyJson, type Json, type JsonObject } from '../../src/json.js'
import { readManifests } from '../../src/manifest.js'
import { RECEIPT_ANNOTATION } from '../../src/provenance/receipt.js'
import { argoCDCases, renderSourceOf, type ArgoCDCase, type ArgoCDDefaults } from '../helpers/argocd-cases.js'
import { pluginParameters } from '../helpers/argocd-parameters.js'
import { CLI, ROOT } from '../helpers/repository.js'
import type { Application } from '../helpers/testbed/argocd-applications.js'
import { cachedRenders, READABLE_CACHE, type BuiltInRender } from '../helpers/testbed/argocd-renders.js'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import { startControlPlane, type ControlPlane } from '../helpers/testbed/control-plane.js'
import type { FileChanges } from '../helpers/testbed/git-repository.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { startProcess } from '../helpers/testbed/processes.js'
import { program } from '../helpers/testbed/programs.js'
import { createTestbed, type Testbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

/**
 * Where we mean to answer otherwise than the built-in tools: we refuse what cannot be judged as it was written, or is not
 * rendered here. Nothing else may differ.
 */
const DIFFERENCES: Readonly<Record<string, { readonly code: string; readonly why: string }>> = {
  'directory-duplicate-keys': {
    code: 'MANIFEST_DUPLICATE_KEY',
    why: 'Argo CD takes the last one, other readers the first: what was meant is not known',
  },
  'directory-no-kind': {
    code: 'MANIFEST_INVALID',
    why: 'Argo CD hands an object without an apiVersion on, and the sync fails: nobody can judge it',
  },
  'directory-json-foreign': {
    code: 'MANIFEST_INVALID',
    why: 'Argo CD renders an object without a kind, which its controller cannot read then',
  },
  'directory-jsonnet': { code: 'RENDER_FAILED', why: 'Jsonnet is not evaluated here, and the error says so' },
  'directory-missing-brace': {
    code: 'RENDER_FAILED',
    why: 'Argo CD takes a pattern that it cannot read for one that fits nothing, with a line in its log',
  },
}

type PrintedDifference = { readonly why: string } & ({ readonly code: string } | { readonly without: number })

const NOTHING: PrintedDifference = { code: 'MANIFEST_NONE', why: 'a sync of nothing deletes everything' }
const LARGE_NUMBER: PrintedDifference = {
  code: 'MANIFEST_NUMBER',
  why: 'Argo CD rounds a number beyond 64 bits: what is applied would not be what was judged',
}
const twice = (without: number): PrintedDifference => ({
  without,
  why: 'of two manifests of one object Argo CD applies the last one, so that one is judged and printed',
})

/** Where the plugin means to print something else than it rendered. */
const PRINTED: Readonly<Record<string, PrintedDifference>> = {
  'directory-empty': NOTHING,
  'helm-empty': NOTHING,
  'directory-scalars': LARGE_NUMBER,
  'helm-scalars': LARGE_NUMBER,
  'directory-generated-names': twice(1),
  'helm-dependency-missing': twice(0),
  'helm-dependency-present': twice(0),
}

const CANNOT_JUDGE = /^could not judge: /
const BUILD_OPTIONS = '--enable-helm'
const TRACKING = 'argocd.argoproj.io/tracking-id'

/** What a render gives: objects, or the code of the error. */
type Outcome = readonly Json[] | string

t.test('renders are those of the real repo-server', async t => {
  const bed = createTestbed(t)
  const cases = argoCDCases()
  const [plane, git] = await together([startControlPlane(bed, {}), startGitServer(bed)])
  const tools = [dirname(program('helm')), dirname(program('kustomize'))]
  const path = [join(bed.directory, 'argocd/bin'), ...tools, process.env.PATH ?? ''].join(':')
  const [argocd, base] = await together([
    startArgoCD(bed, plane, {
      settings: { 'kustomize.buildOptions': BUILD_OPTIONS },
      repoServer: { args: READABLE_CACHE, env: { PATH: path } },
      appResyncSeconds: 3600,
    }),
    git.createRepository('base', {
      'base/kustomization.yaml': 'resources: [cm.yaml]\n',
      'base/cm.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: remote\n',
    }),
  ])
  const trees = new Map(cases.map(each => [each.name, withRemote(each.files, base.url)]))

  const built = new Map<
    string,
    { readonly application: Application; readonly revision: string; readonly url: string }
  >()
  for (const { name, path, source } of cases) {
    const repository = await git.createRepository(name, trees.get(name))
    await argocd.applications.create(name, { source: { repoURL: repository.url, path, ...source }, syncPolicy: {} })
    built.set(name, {
      application: await argocd.applications.waitUntil(name, `${name} was compared`, isCompared, { timeoutMs: 60_000 }),
      revision: await repository.resolve('main'),
      url: repository.url,
    })
  }
  const renders = await cachedRenders(argocd.redisPort)
  const cluster = await clusterDefaults(plane)
  const plugin = await startPluginScorer(bed, path)

  for (const each of cases) {
    const { name, shows, refused } = each
    await t.test(`${name}: ${shows}`, async t => {
      const theirs = renders.get(name) ?? { error: 'nothing is in the cache' }
      const app = built.get(name)
      const conditions = (app?.application.status?.conditions ?? []).map(({ message }) => message).join('\n')
      t.equal(
        'error' in theirs,
        refused !== null,
        `Argo CD ${refused === null ? 'renders' : 'refuses'} it: ${conditions}`,
      )
      const root = writeTree(t.testdir({}), trees.get(name) ?? {})
      const circumstances = {
        defaults: { ...cluster, namespace: name },
        path,
        revision: app?.revision ?? '',
        url: app?.url ?? '',
      }
      const ours = await outcome(each, root, circumstances)
      const printed = await plugin.generate(each, writeTree(plugin.copyOf(name), trees.get(name) ?? {}), circumstances)
      const difference = DIFFERENCES[name]
      if (difference !== undefined) t.equal(ours, difference.code, difference.why)
      else if ('error' in theirs) t.equal(ours, refused, 'we refuse it, too')
      else t.strictSame(ours, theirsOf(theirs), theirs.commands.map(String).join('\n').slice(0, 2000))
      const change = PRINTED[name]
      if (difference !== undefined || 'error' in theirs)
        t.match(printed, CANNOT_JUDGE, 'the plugin prints no manifests')
      else if (change === undefined) t.strictSame(printed, theirsOf(theirs), 'the plugin prints them with receipts')
      else if ('code' in change)
        t.match(printed, new RegExp(`${CANNOT_JUDGE.source}.*\\(${change.code}\\)\n$`), change.why)
      else t.strictSame(printed, theirsOf(theirs).toSpliced(change.without, 1), change.why)
    })
  }
})

/** The files with the address of the other repository in the place of its name. */
function withRemote(files: FileChanges, url: string): FileChanges {
  return Object.fromEntries(
    Object.entries(files).map(([path, content]) => [
      path,
      Buffer.isBuffer(content) ? content.toString('utf8').replace('REMOTE', url) : content,
    ]),
  )
}

function isCompared({ status }: Application): boolean {
  return status?.sync?.status !== undefined || (status?.conditions ?? []).length > 0
}

/** The versions that application-controller finds out about the cluster. */
async function clusterDefaults(plane: ControlPlane): Promise<Omit<ArgoCDDefaults, 'namespace'>> {
  const version = (await plane.admin.request('GET', '/version')).body as { gitVersion: string }
  const apiVersions = new Set<string>()
  const groups = (await plane.admin.request('GET', '/apis')).body as {
    groups: { versions: { groupVersion: string }[] }[]
  }
  const paths = groups.groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion))
  for (const groupVersion of ['v1', ...paths]) {
    const base = groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`
    const list = (await plane.admin.request('GET', base)).body as {
      resources: { name: string; kind: string; verbs: string[] }[]
    }
    for (const { kind } of list.resources.filter(({ name, verbs }) => !name.includes('/') && verbs.includes('list'))) {
      apiVersions.add(groupVersion).add(`${groupVersion}/${kind}`)
    }
  }
  return {
    kubeVersion: version.gitVersion,
    apiVersions: [...apiVersions].sort(),
    kustomizeBuildOptions: BUILD_OPTIONS.split(' '),
  }
}

function writeTree(root: string, files: FileChanges): string {
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path)
    mkdirSync(dirname(target), { recursive: true })
    if (typeof content === 'object' && content !== null && 'linkTo' in content) symlinkSync(content.linkTo, target)
    else if (content !== null) writeFileSync(target, content)
  }
  return root
}

interface Circumstances {
  readonly defaults: ArgoCDDefaults
  readonly path: string
  readonly revision: string
  readonly url: string
}

async function outcome(
  each: ArgoCDCase,
  root: string,
  { defaults, path, revision, url }: Circumstances,
): Promise<Outcome> {
  const directory = join(root, each.path)
  const buildEnvironment = buildEnvironmentOf(each, { defaults, path, revision, url })
  const env = { PATH: path, HOME: root, GIT_CONFIG_NOSYSTEM: '1' }
  const objects: Json[] = []
  try {
    const source = await renderSourceOf(each, directory, defaults)
    for (const { file, text } of await renderSource(
      source,
      { root, directory },
      { binaries: {}, env, buildEnvironment },
    )) {
      for (const read of readManifests(text, file)) {
        if (read instanceof GateError) throw read
        objects.push(plain(read.object))
      }
    }
    return objects
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    t.comment(`${each.name}: ${error.message}`)
    return error.code
  }
}

function buildEnvironmentOf(each: ArgoCDCase, { defaults, revision, url }: Circumstances): Record<string, string> {
  return {
    ARGOCD_APP_NAME: each.name,
    ARGOCD_APP_NAMESPACE: defaults.namespace,
    ARGOCD_APP_PROJECT_NAME: 'default',
    ARGOCD_APP_REVISION: revision,
    ARGOCD_APP_REVISION_SHORT: revision.slice(0, 7),
    ARGOCD_APP_REVISION_SHORT_8: revision.slice(0, 8),
    ARGOCD_APP_SOURCE_REPO_URL: url,
    ARGOCD_APP_SOURCE_PATH: each.path,
    ARGOCD_APP_SOURCE_TARGET_REVISION: 'main',
  }
}

/**
 * The plugin with a key and a bundle whose policies all only warn. It is the form with a scorer: another start of the gate for
 * each case would take minutes, and both forms say the same.
 */
async function startPluginScorer(bed: Testbed, path: string) {
  const own = (...names: string[]) => join(bed.directory, 'plugin', ...names)
  mkdirSync(own('keys'), { recursive: true })
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(own('keys', 'signing.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  cpSync(join(ROOT, 'policies/bundle'), own('bundle'), { recursive: true })
  const config = own('bundle', 'lockkeeper/config.yaml')
  // The configuration of the built-in bundle ends with what it says of policies: the risk is watched.
  const policies = readdirSync(join(ROOT, 'policies')).filter(
    name => name !== 'risk_threshold' && existsSync(join(ROOT, 'policies', name, 'policy.rego')),
  )
  const warn = policies.map(name => `  ${name}: {enforcementAction: warn}\n`)
  writeFileSync(config, `${readFileSync(config, 'utf8')}${warn.join('')}`)
  const workDirectory = own('_cmp_server')
  mkdirSync(workDirectory)
  const configuration = {
    apiVersion: 'lockkeeper.dev/v1alpha1',
    kind: 'GenerateConfiguration',
    bundle: { path: own('bundle'), insecureUnsigned: true },
    keys: { directory: own('keys') },
    kustomizeBuildOptions: BUILD_OPTIONS.split(' '),
    limits: { slotsDirectory: own('slots') },
    workDirectory,
  }
  writeFileSync(own('generate.yaml'), JSON.stringify(configuration))
  const socket = own('scorer.sock')
  await startProcess(bed, {
    name: 'lockkeeper-scorer',
    command: process.execPath,
    args: [CLI, 'generate', 'serve', '--socket', socket, '--config', own('generate.yaml')],
    env: { PATH: path, HOME: own(), GIT_CONFIG_NOSYSTEM: '1' },
    ready: () => Promise.resolve(existsSync(socket)),
  })
  const client = join(dirname(CLI), '../../plugin/argocd/client.cjs')
  return {
    copyOf: (name: string) => join(workDirectory, name),
    /** @returns the objects without their receipts, or what is on stderr where it failed */
    async generate(each: ArgoCDCase, root: string, circumstances: Circumstances): Promise<Outcome> {
      const { defaults } = circumstances
      const cwd = join(root, each.path)
      const env = {
        ...buildEnvironmentOf(each, circumstances),
        KUBE_VERSION: defaults.kubeVersion,
        KUBE_API_VERSIONS: defaults.apiVersions.join(','),
        ARGOCD_APP_PARAMETERS: pluginParameters(each, await renderSourceOf(each, cwd, defaults), defaults),
      }
      return new Promise(resolve => {
        execFile(process.execPath, [client, socket], { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
          resolve(error === null ? printedObjects(stdout) : `${stderr}${stdout}`)
        })
      })
    },
  }
}

/** One line of JSON is one object; each one has a receipt. */
function printedObjects(stdout: string): readonly Json[] {
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const object = parseJson(line)
      const receipt = annotationsOf(object)[RECEIPT_ANNOTATION]
      return typeof receipt === 'string' ? withoutAnnotation(object, RECEIPT_ANNOTATION) : 'an object without a receipt'
    })
}

function annotationsOf(object: Json): JsonObject {
  const { metadata } = isJsonObject(object) ? object : { metadata: undefined }
  return isJsonObject(metadata) && isJsonObject(metadata.annotations) ? metadata.annotations : {}
}

/** What Argo CD rendered, without what it puts into every object to find it again. */
function theirsOf({ objects }: Exclude<BuiltInRender, { error: string }>): readonly Json[] {
  return objects.map(object => withoutAnnotation(object, TRACKING))
}

function withoutAnnotation(object: Json, unwanted: string): Json {
  if (!isJsonObject(object)) return object
  const { metadata } = object
  if (!isJsonObject(metadata) || !isJsonObject(metadata.annotations)) return plain(object)
  const { annotations, ...others } = metadata
  const own = Object.fromEntries(Object.entries(annotations).filter(([name]) => name !== unwanted))
  const isEmpty = Object.keys(own).length === 0
  return plain({ ...object, metadata: isEmpty ? others : { ...others, annotations: own } })
}

/** Values as JSON has them: the order of keys does not count, the text of a number does not either. */
function plain(value: Json): Json {
  return JSON.parse(stringifyJson(value)) as Json
}
