import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { judgeTree } from '../../../../../plugin/flux/judgement/judge-tree.js'
import type { TreeParts, VariablesReference } from '../../../../../plugin/flux/judgement/tree-judgement.js'
import { createGate, parseBundle } from '../../../../../src/gate.js'
import { loadBundleFiles } from '../../../../../src/io/bundle-source.js'
import { parseJson, stringifyJson, type Json, type JsonObject } from '../../../../../src/json.js'
import { objectKey, type LiveAnswer } from '../../../../../src/live-objects.js'
import type { ReviewItem, SetFindings } from '../../../../../src/review-set.js'
import type { Target } from '../../../../../src/request.js'
import { plainKustomize } from '../../../../helpers/plain-kustomize.js'
import { ROOT } from '../../../../helpers/repository.js'

const NOW = '2026-06-01T12:00:00Z'
const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)

const json = (value: unknown): JsonObject => parseJson(JSON.stringify(value)) as JsonObject

function kustomization(name: string, spec: object = {}): JsonObject {
  return json({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace: 'apps' },
    spec: {
      interval: '1h',
      prune: true,
      path: `./${name}`,
      sourceRef: { kind: 'ExternalArtifact', name: 'shop' },
      targetNamespace: 'shop',
      ...spec,
    },
  })
}

const SETTINGS = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop' },
  data: { a: '1' },
}
const ROOTED = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'rooted', namespace: 'shop' },
  spec: { containers: [{ name: 'main', image: 'nginx:1.29.3', securityContext: { privileged: true } }] },
}

interface Judging {
  readonly files: Readonly<Record<string, readonly object[] | string>>
  readonly kustomizations: readonly JsonObject[]
  /** Not given: nothing is there yet but the namespace. */
  readonly live?: LiveAnswer
  readonly variables?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly isLenient?: boolean
  readonly signal?: AbortSignal
}

function nothingOf(targets: readonly Target[]): LiveAnswer {
  const keys = targets.map(({ group, kind, namespace, name = '' }) => objectKey(group, kind, namespace, name))
  return {
    objects: new Map(keys.map(key => [key, null])),
    pruned: [],
    namespaces: new Map([['shop', { labels: { 'pod-security.kubernetes.io/enforce': 'baseline' }, annotations: {} }]]),
  }
}

/** Judges a tree of manifests, one stream a directory, and keeps what was asked for. */
async function judge(t: Test, { files, kustomizations, live, variables = {}, ...more }: Judging) {
  const directory = t.testdir({ tree: {} })
  const root = join(directory, 'tree')
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name), { recursive: true })
    const text = typeof content === 'string' ? content : content.map(each => `---\n${JSON.stringify(each)}\n`).join('')
    writeFileSync(join(root, name, 'manifests.yaml'), text)
  }
  const asked: {
    variables: VariablesReference[]
    targets: (readonly Target[])[]
    items: ReviewItem[]
    found: SetFindings[]
  } = {
    variables: [],
    targets: [],
    items: [],
    found: [],
  }
  const parts: TreeParts = {
    gate: {
      bundle,
      reviewSet: (items, context, found) => {
        asked.items.push(...(items as ReviewItem[]))
        if (found !== undefined) asked.found.push(found)
        return gate.reviewSet(items, context, found)
      },
    },
    variables: reference => {
      asked.variables.push(reference)
      const data = variables[`${reference.kind}/${reference.name}`]
      return Promise.resolve(data === undefined ? null : new Map(Object.entries(data)))
    },
    live: (_, targets) => {
      asked.targets.push(targets)
      return Promise.resolve(live ?? nothingOf(targets))
    },
    render: {
      binaries: { kustomize: plainKustomize(directory) },
      env: {},
      buildEnvironment: {},
      isLenient: more.isLenient ?? false,
    },
    signal: more.signal ?? new AbortController().signal,
  }
  const before = contents(root)
  const judgement = await judgeTree({ root, kustomizations, now: NOW }, parts)
  t.strictSame(contents(root), before, 'the tree is as it was')
  return { ...judgement, asked }
}

function contents(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(each => each.endsWith('.yaml'))
  return Object.fromEntries(names.sort().map(each => [each, readFileSync(join(root, each), 'utf8')]))
}

t.test('all Kustomizations of an artifact are one change', async t => {
  const { set, kustomizations } = await judge(t, {
    files: { good: [SETTINGS], bad: [ROOTED] },
    kustomizations: [kustomization('good'), kustomization('bad')],
  })
  t.equal(set.action, 'deny')
  t.strictSame([set.summary.judged, set.summary.denied, set.errors], [2, 1, []])
  t.strictSame(
    kustomizations.map(each => ({ ...each, digests: each.digests.length, message: each.message.slice(0, 40) })),
    [
      {
        namespace: 'apps',
        name: 'good',
        action: 'allow',
        message: '',
        notes: [],
        objects: 1,
        digests: 1,
        variables: [],
      },
      {
        namespace: 'apps',
        name: 'bad',
        action: 'deny',
        message: 'denied: Pod shop/rooted: [privileged_con',
        notes: [],
        objects: 1,
        digests: 1,
        variables: [],
      },
    ],
  )
})

t.test('what cannot be built is an error, and the rest is judged nevertheless', async t => {
  const { set, kustomizations } = await judge(t, {
    files: { good: [SETTINGS], empty: '# nothing\n', nameless: [{ ...SETTINGS, metadata: {} }] },
    kustomizations: [
      kustomization('good'),
      kustomization('missing'),
      kustomization('empty'),
      kustomization('nameless'),
      kustomization('wrong', { paths: [], images: 'none', postBuild: { substitute: { a: 1 } } }),
      kustomization('variables', {
        postBuild: { substituteFrom: [{ kind: 'Secret', name: 'gone' }], substitute: { 'a-b': '' } },
      }),
    ],
  })
  t.equal(set.allowed, false)
  const said = kustomizations.map(({ name, action, message, objects }) => ({ name, action, message, objects }))
  t.strictSame(said, [
    { name: 'good', action: 'allow', message: '', objects: 1 },
    {
      name: 'missing',
      action: 'error',
      message: 'could not be judged: the path "./missing" is no directory of the artifact',
      objects: 0,
    },
    {
      name: 'empty',
      action: 'error',
      message: 'could not be judged: it renders to no object: applying that would prune everything',
      objects: 0,
    },
    {
      name: 'nameless',
      action: 'error',
      message:
        'could not be judged: an object of kind ConfigMap has no name: kustomize-controller applies none without',
      objects: 0,
    },
    {
      name: 'wrong',
      action: 'error',
      message:
        'could not be judged: Kustomization apps/wrong cannot be built: spec.images: must be a list, is "none" spec.postBuild.substitute.a: must be a string spec.paths: is not known here',
      objects: 0,
    },
    {
      name: 'variables',
      action: 'error',
      message: 'could not be judged: Secret apps/gone of substituteFrom is not there "a-b" is no name of a variable',
      objects: 0,
    },
  ])
  t.strictSame(
    set.errors.map(({ code, file }) => [code, file]),
    [
      ['RENDER_FAILED', 'Kustomization apps/missing'],
      ['MANIFEST_NONE', 'Kustomization apps/empty'],
      ['RENDER_FAILED', 'Kustomization apps/nameless'],
      ['MANIFEST_INVALID', 'Kustomization apps/wrong'],
      ['MANIFEST_INVALID', 'Kustomization apps/variables'],
    ],
  )
})

t.test('objects are judged as kustomize-controller sends them', async t => {
  const { asked } = await judge(t, {
    files: { app: [{ ...SETTINGS, status: {} }] },
    kustomizations: [
      kustomization('app', { commonMetadata: { labels: { team: 'x' }, annotations: { by: 'flux' } } }),
      kustomization('own', { path: './app', serviceAccountName: 'deployer', targetNamespace: 'other' }),
    ],
  })
  const [first, second] = asked.items.map(({ request }) => request)
  t.strictSame(JSON.parse(stringifyJson(first?.object as Json)), {
    ...SETTINGS,
    metadata: {
      ...SETTINGS.metadata,
      labels: {
        'kustomize.toolkit.fluxcd.io/name': 'app',
        'kustomize.toolkit.fluxcd.io/namespace': 'apps',
        team: 'x',
      },
      annotations: { by: 'flux' },
    },
  })
  t.equal(first?.userInfo.username, 'system:serviceaccount:flux-system:kustomize-controller')
  t.strictSame(second?.userInfo, {
    username: 'system:serviceaccount:apps:deployer',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:apps', 'system:authenticated'],
  })
  t.strictSame(
    asked.items.map(({ context }) => [context.gate, context.provenance, context.base]),
    [
      ['flux', { class: 'approved', evidence: ['predicted'] }, 'known'],
      ['flux', { class: 'approved', evidence: ['predicted'] }, 'known'],
    ],
  )
})

const owned = (name: string, metadata: object = {}, owner = 'app'): JsonObject =>
  json({
    ...SETTINGS,
    metadata: {
      name,
      namespace: 'shop',
      labels: { 'kustomize.toolkit.fluxcd.io/name': owner, 'kustomize.toolkit.fluxcd.io/namespace': 'apps' },
      ...metadata,
    },
  })

t.test('what is live is the base, and what is gone is deleted where it is pruned', async t => {
  const live: LiveAnswer = {
    objects: new Map([[objectKey('', 'ConfigMap', 'shop', 'settings'), json({ ...SETTINGS, data: { a: '0' } })]]),
    pruned: [
      owned('gone'),
      owned('kept', { annotations: { 'kustomize.toolkit.fluxcd.io/prune': 'Disabled' } }),
      owned('foreign', {}, 'another'),
    ],
    namespaces: new Map(),
  }
  const operations = async (spec: object, t: Test) => {
    const { asked } = await judge(t, { files: { app: [SETTINGS] }, kustomizations: [kustomization('app', spec)], live })
    return { asked, said: asked.items.map(({ request }) => `${request.operation} ${request.name ?? ''}`) }
  }
  const pruning = await operations({}, t)
  t.strictSame(pruning.said, ['UPDATE settings', 'DELETE gone'], 'what is marked or of another owner stays')
  const [targets] = pruning.asked.targets
  t.strictSame(
    targets?.map(({ kind, namespace, name }) => `${kind} ${namespace ?? ''}/${name ?? ''}`),
    ['ConfigMap shop/settings'],
  )
  t.strictSame((await operations({ prune: false }, t)).said, ['UPDATE settings'])
  const remote = await operations({ kubeConfig: { secretRef: { name: 'other' } } }, t)
  t.strictSame([remote.said, remote.asked.targets], [['CREATE settings'], []], 'nobody is asked about another cluster')
})

t.test('a namespace that one Kustomization makes is known to the others', async t => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { level: 'high' } } }
  const { asked } = await judge(t, {
    files: { app: [SETTINGS], base: [namespace] },
    kustomizations: [kustomization('app'), kustomization('base')],
  })
  const [app] = asked.items
  t.match(app?.context.namespace, { labels: { level: 'high' } })
})

t.test('variables are put in, and each object that was read is named', async t => {
  const files = { app: [{ ...SETTINGS, data: { a: '${A} ${B:=b}' } }] }
  const spec = {
    postBuild: {
      substitute: { A: 'own' },
      substituteFrom: [
        { kind: 'ConfigMap', name: 'first' },
        { kind: 'Secret', name: 'none', optional: true },
      ],
    },
  }
  const variables = { 'ConfigMap/first': { A: 'first', C: 'c' } }
  const { kustomizations, asked } = await judge(t, { files, kustomizations: [kustomization('app', spec)], variables })
  t.match(asked.items[0]?.request.object, { data: { a: 'own b' } })
  t.strictSame(asked.variables, [
    { kind: 'ConfigMap', namespace: 'apps', name: 'first' },
    { kind: 'Secret', namespace: 'apps', name: 'none' },
  ])
  const read = kustomizations[0]?.variables ?? []
  t.strictSame(
    read.map(({ name, digest }) => [name, digest?.length ?? null]),
    [
      ['first', 64],
      ['none', null],
    ],
  )
  const changed = await judge(t, {
    files,
    kustomizations: [kustomization('app', spec)],
    variables: { 'ConfigMap/first': { A: 'first', C: 'd' } },
  })
  t.not(changed.kustomizations[0]?.variables[0]?.digest, read[0]?.digest)
  t.strictSame(changed.kustomizations[0]?.digests, kustomizations[0]?.digests, 'what is not used changes no object')
})

t.test('a variable that nobody has set', async t => {
  const judging = {
    files: { app: [{ ...SETTINGS, data: { a: '<${B}>' } }] },
    kustomizations: [kustomization('app', { postBuild: { substitute: { A: 'a' } } })],
  }
  const strict = await judge(t, judging)
  const says =
    'could not be judged: variables cannot be substituted in ConfigMap settings: B is not set (line 2 of what is rendered)'
  t.strictSame(
    strict.kustomizations.map(({ message }) => message),
    [says],
  )
  const lenient = await judge(t, { ...judging, isLenient: true })
  t.match(lenient.asked.items[0]?.request.object, { data: { a: '<>' } })
})

t.test('what a value makes of a document cannot be more than one', async t => {
  const { kustomizations } = await judge(t, {
    files: { app: '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n${X}: {kind: Pod}\n' },
    kustomizations: [kustomization('app', { postBuild: { substitute: { X: '--- ' } } })],
  })
  t.strictSame(
    kustomizations.map(({ message }) => message),
    ['could not be judged: what is substituted in ConfigMap a leaves something else than one document'],
  )
})

t.test('secrets are in no message', async t => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: 'shop' },
    stringData: { p: 'correct-horse' },
  }
  const { set, kustomizations, asked } = await judge(t, {
    files: {
      app: [
        secret,
        { ...SETTINGS, metadata: { name: 'correct-horse' } },
        { ...ROOTED, metadata: { name: 'correct-horse' } },
      ],
      more: [{ ...ROOTED, metadata: { name: '${S}' } }],
      broken: 'a: [battery-staple\n',
    },
    kustomizations: [
      kustomization('app'),
      kustomization('more', { postBuild: { substituteFrom: [{ kind: 'Secret', name: 'more' }] } }),
      kustomization('broken'),
    ],
    variables: { 'Secret/more': { S: 'battery-staple' } },
  })
  const said = JSON.stringify([kustomizations, set.errors])
  t.notMatch(said, /correct-horse|battery-staple/)
  for (const each of kustomizations.slice(0, 2)) t.match(each.message, /denied: Pod .*\[redacted\]/)
  const data = (asked.items[0]?.request.object as JsonObject).data
  t.strictSame({ ...(data as JsonObject) }, { p: Buffer.from('correct-horse').toString('base64') })
  const other = await judge(t, {
    files: { app: [{ ...secret, stringData: { p: 'another-horse' } }] },
    kustomizations: [kustomization('app')],
  })
  const one = await judge(t, { files: { app: [secret] }, kustomizations: [kustomization('app')] })
  t.strictSame(other.kustomizations[0]?.digests, one.kustomizations[0]?.digests, 'a digest tells nothing of a value')
})

t.test('what is not judged is said', async t => {
  const release = {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {},
  }
  const marked = {
    ...SETTINGS,
    metadata: { name: 'own', namespace: 'shop', annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } },
  }
  const encrypted = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'e', namespace: 'shop' },
    data: { a: 'ENC[x]' },
    sops: { mac: 'x' },
  }
  const files = { app: [release, marked, encrypted] }
  const plain = await judge(t, { files, kustomizations: [kustomization('app')] })
  t.strictSame(plain.kustomizations[0]?.notes, [
    'HelmRelease shop/web: what the charts render to is not judged before the sync; admission judges it',
    'ConfigMap shop/own: marked to be left alone, so not applied and not judged',
    'Secret shop/e: encrypted with SOPS, and the Kustomization has no decryption: it will not be applied',
  ])
  t.strictSame(plain.asked.items.map(({ request }) => request.kind.kind).sort(), ['HelmRelease', 'Secret'])
  const spec = { decryption: { provider: 'sops' }, kubeConfig: { secretRef: { name: 'other' } } }
  const decrypted = await judge(t, { files: { app: [encrypted] }, kustomizations: [kustomization('app', spec)] })
  t.strictSame(decrypted.kustomizations[0]?.notes, [
    'values encrypted with SOPS are judged as they stand in the artifact; admission judges what they hold',
    'it is applied to another cluster, whose live objects are not known here',
  ])
  const { sops, data } = decrypted.asked.items[0]?.request.object as JsonObject
  t.strictSame([sops, { ...(data as JsonObject) }], [undefined, { a: 'ENC[x]' }])
})

t.test('it ends when it is aborted', async t => {
  const reason = new Error('no more')
  await t.rejects(
    judge(t, { files: { app: [SETTINGS] }, kustomizations: [kustomization('app')], signal: AbortSignal.abort(reason) }),
    reason,
  )
})

t.test('without a Kustomization there is nothing to judge', async t => {
  const { set, kustomizations } = await judge(t, { files: {}, kustomizations: [] })
  t.strictSame([set.summary.judged, set.allowed, kustomizations], [0, true, []])
})
