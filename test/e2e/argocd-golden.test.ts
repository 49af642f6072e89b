import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { GateError } from '../../src/errors.js'
import { renderSource } from '../../src/io/render/render.js'
import { isJsonObject, stringifyJson, type Json } from '../../src/json.js'
import { readManifests } from '../../src/manifest.js'
import { argoCDCases, renderSourceOf, type ArgoCDCase, type ArgoCDDefaults } from '../helpers/argocd-cases.js'
import type { Application } from '../helpers/testbed/argocd-applications.js'
import { cachedRenders, READABLE_CACHE, type BuiltInRender } from '../helpers/testbed/argocd-renders.js'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import { startControlPlane, type ControlPlane } from '../helpers/testbed/control-plane.js'
import type { FileChanges } from '../helpers/testbed/git-repository.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { program } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
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
      const ours = await outcome(each, root, {
        defaults: { ...cluster, namespace: name },
        path,
        revision: app?.revision ?? '',
        url: app?.url ?? '',
      })
      const difference = DIFFERENCES[name]
      if (difference !== undefined) t.equal(ours, difference.code, difference.why)
      else if ('error' in theirs) t.equal(ours, refused, 'we refuse it, too')
      else t.strictSame(ours, theirsOf(theirs), theirs.commands.map(String).join('\n').slice(0, 2000))
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
  const buildEnvironment = {
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

/** What Argo CD rendered, without what it puts into every object to find it again. */
function theirsOf({ objects }: Exclude<BuiltInRender, { error: string }>): readonly Json[] {
  return objects.map(object => {
    if (!isJsonObject(object)) return object
    const { metadata } = object
    if (!isJsonObject(metadata) || !isJsonObject(metadata.annotations)) return plain(object)
    const { annotations, ...others } = metadata
    const own = Object.fromEntries(Object.entries(annotations).filter(([name]) => name !== TRACKING))
    const isEmpty = Object.keys(own).length === 0
    return plain({ ...object, metadata: isEmpty ? others : { ...others, annotations: own } })
  })
}

/** Values as JSON has them: the order of keys does not count, the text of a number does not either. */
function plain(value: Json): Json {
  return JSON.parse(stringifyJson(value)) as Json
}
