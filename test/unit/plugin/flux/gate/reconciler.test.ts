import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Header } from 'tar'
import t, { type Test } from 'tap'
import { openArtifactStore } from '../../../../../plugin/flux/artifact/store.js'
import { ARTIFACT_GATES } from '../../../../../plugin/flux/gate/artifact-gate.js'
import { EXTERNAL_ARTIFACTS } from '../../../../../plugin/flux/gate/external-artifact.js'
import type { Notice } from '../../../../../plugin/flux/gate/notices.js'
import { KUSTOMIZATIONS } from '../../../../../plugin/flux/gate/read-inputs.js'
import { createReconciler, type ReconcilerOptions } from '../../../../../plugin/flux/gate/reconciler.js'
import type { TreeJudgement, TreeToJudge } from '../../../../../plugin/flux/judgement/tree-judgement.js'
import { createMetrics } from '../../../../../plugin/flux/metrics.js'
import { GateError } from '../../../../../src/errors.js'
import { type JsonObject, stringMembers } from '../../../../../src/json.js'
import { FakeClock } from '../../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../../helpers/fake-cluster.js'
import { filesIn } from '../../../../helpers/files-in.js'
import { silentLog } from '../../../../helpers/silent-log.js'

const SOURCES = { group: 'source.toolkit.fluxcd.io', version: 'v1', resource: 'gitrepositories' }
const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps' }
const GATE = { namespace: 'flux-system', name: 'shop' }
const URL_OF_ARTIFACTS = 'http://lockkeeper-flux'
const BUNDLE = { digest: 'sha256:bundle', revision: 'r1' }

type Action = TreeJudgement['kustomizations'][number]['action']

function archiveOf(files: Readonly<Record<string, string>>): Buffer {
  const blocks = Object.entries(files).flatMap(([path, text]) => {
    const block = Buffer.alloc(512)
    new Header({ path, size: text.length, mode: 0o644, type: 'File' }).encode(block)
    return [block, Buffer.from(text), Buffer.alloc((512 - (text.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

function judgement(action: Action, message = ''): TreeJudgement {
  const denied = action === 'deny'
  return {
    set: {
      id: `decision-${action}`,
      allowed: action === 'allow' || action === 'warn',
      action: action === 'error' ? 'deny' : action,
      decisions: [],
      violations: [],
      errors: action === 'error' ? [{ code: 'RENDER_FAILED', message, file: '', line: 0, document: 0 }] : [],
      bundle: BUNDLE,
      summary: {
        judged: 1,
        allowed: denied ? 0 : 1,
        warned: 0,
        denied: denied ? 1 : 0,
        errors: action === 'error' ? 1 : 0,
      },
    },
    kustomizations: [
      { namespace: 'flux-system', name: 'shop', action, message, notes: [], objects: 1, digests: [], variables: [] },
    ],
  }
}

/** A cluster with a gate, its source with an artifact, and a Kustomization; and everything around the reconciler. */
async function bed(t: Test) {
  const cluster = new FakeCluster()
  const archives = new Map<string, Buffer>()
  const server = createServer(({ url = '' }, response) => {
    const archive = archives.get(url)
    response.writeHead(archive === undefined ? 404 : 200).end(archive)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const setSource = (revision: string, files: Readonly<Record<string, string>>, more: JsonObject = {}) => {
    const archive = archiveOf(files)
    archives.set(`/${revision}`, archive)
    const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${revision}`
    const artifact = { url, digest, revision, path: '', lastUpdateTime: '', metadata: { origin: 'git' }, ...more }
    cluster.put(SOURCES, { ...named('GitRepository', 'shop'), status: { artifact } })
  }
  const setVariables = (who: string) => cluster.put(CONFIG_MAPS, { ...named('ConfigMap', 'variables'), data: { who } })
  setSource('v1', { 'shop/a.yaml': 'one', 'other/b.yaml': 'two' })
  setVariables('everybody')
  cluster.put(KUSTOMIZATIONS, {
    ...named('Kustomization', 'shop', 'kustomize.toolkit.fluxcd.io/v1', { 'event.toolkit.fluxcd.io/team': 'shop' }),
    spec: { path: 'shop', postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'variables' }] } },
  })
  const setGate = (spec: JsonObject = {}, metadata: JsonObject = {}) => {
    const before = cluster.find(ARTIFACT_GATES, 'flux-system', 'shop')
    cluster.put(ARTIFACT_GATES, {
      ...named('ArtifactGate', 'shop', 'lockkeeper.dev/v1alpha1', {}, { generation: 3, ...metadata }),
      spec: {
        sourceRef: { kind: 'GitRepository', name: 'shop' },
        paths: ['shop'],
        kustomizations: [{ name: 'shop' }],
        ...spec,
      },
      ...(before?.status !== undefined && { status: before.status }),
    })
  }
  setGate()

  const directory = join(t.testdir(), 'artifacts')
  const state = {
    judge: (_tree: TreeToJudge): Promise<TreeJudgement> => Promise.resolve(judgement('allow')),
    bundle: 'b1',
  }
  const trees: Record<string, string>[] = []
  const notices: Notice[] = []
  const logs: string[] = []
  const clock = new FakeClock()
  const begin = async () => {
    const store = await openArtifactStore(directory, () => undefined)
    const options: ReconcilerOptions = {
      client: cluster.client,
      takersOf: () => [],
      bundle: () => state.bundle,
      store,
      judge: tree => {
        trees.push(filesIn(tree.root))
        return state.judge(tree)
      },
      artifactUrl: URL_OF_ARTIFACTS,
      judgeTimeoutMs: 60_000,
      onVariables: () => undefined,
      onNotice: notice => notices.push(notice),
      metrics: createMetrics(),
      log: silentLog(logs),
      clock,
    }
    const reconciler = createReconciler(options)
    return { store, reconciler, look: () => reconciler.reconcile(GATE, new AbortController().signal) }
  }
  const ready = () => {
    const { status } = cluster.find(ARTIFACT_GATES, 'flux-system', 'shop') ?? {}
    const conditions = (status as JsonObject | undefined)?.conditions as JsonObject[] | undefined
    const found = conditions?.find(each => each.type === 'Ready') ?? {}
    return [found.status, found.reason, found.message]
  }
  const published = () => {
    const { status } = cluster.find(EXTERNAL_ARTIFACTS, 'flux-system', 'shop') ?? {}
    return plain(((status as JsonObject | undefined)?.artifact ?? null) as JsonObject | null)
  }
  return {
    cluster,
    setSource,
    setVariables,
    setGate,
    state,
    trees,
    notices,
    logs,
    clock,
    begin,
    ready,
    published,
    directory,
  }
}

/** Objects of the API server have no prototype. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function named(
  kind: string,
  name: string,
  apiVersion = 'v1',
  annotations: Record<string, string> = {},
  more: JsonObject = {},
): JsonObject {
  return { apiVersion, kind, metadata: { name, namespace: 'flux-system', annotations, ...more } }
}

t.test('an artifact that is allowed', async t => {
  const { begin, ready, published, trees, cluster, notices, directory } = await bed(t)
  const { look, store } = await begin()
  t.equal(await look(), 'rest')
  t.strictSame(trees, [{ 'shop/a.yaml': 'one' }], 'what is judged is what is published: cut to the paths')
  t.strictSame(ready(), ['True', 'Allowed', 'v1 is allowed (1 objects)'])
  const artifact = published()
  const { digest = '' } = stringMembers(artifact ?? {})
  const path = `flux-system/shop/${digest.slice(7)}.tar.gz`
  t.strictSame(artifact, {
    url: `${URL_OF_ARTIFACTS}/${path}`,
    path,
    revision: 'v1',
    digest,
    size: readFileSync(store.fileOf(GATE, digest)).length,
    lastUpdateTime: '2026-01-01T00:00:00Z',
    metadata: {
      origin: 'git',
      'lockkeeper.dev/revision': 'v1',
      'lockkeeper.dev/source-digest': store.current(GATE)?.sourceDigest,
      'lockkeeper.dev/decision': 'decision-allow',
    },
  })
  const external = cluster.find(EXTERNAL_ARTIFACTS, 'flux-system', 'shop')
  t.strictSame(plain(external?.spec), {
    sourceRef: { apiVersion: 'lockkeeper.dev/v1alpha1', kind: 'ArtifactGate', name: 'shop' },
  })
  const { uid } = cluster.find(ARTIFACT_GATES, 'flux-system', 'shop')?.metadata as JsonObject
  t.strictSame(plain((external?.metadata as JsonObject).ownerReferences), [
    { apiVersion: 'lockkeeper.dev/v1alpha1', kind: 'ArtifactGate', name: 'shop', uid, controller: true },
  ])
  const { status } = cluster.find(ARTIFACT_GATES, 'flux-system', 'shop') ?? {}
  const transition = { lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 3 }
  t.strictSame(plain(status), {
    observedGeneration: 3,
    conditions: [
      { type: 'Ready', status: 'True', reason: 'Allowed', message: 'v1 is allowed (1 objects)', ...transition },
      { type: 'Judged', status: 'True', reason: 'Judged', message: 'v1 was judged', ...transition },
    ],
    lastAllowed: { revision: 'v1', digest, decision: 'decision-allow', allowedAt: '2026-01-01T00:00:00Z' },
    lastJudged: {
      revision: 'v1',
      digest: store.current(GATE)?.sourceDigest,
      action: 'allow',
      decision: 'decision-allow',
      bundle: 'sha256:bundle',
      judgedAt: '2026-01-01T00:00:00Z',
      message: '',
      counts: { judged: 1, allowed: 1, warned: 0, denied: 0, errors: 0 },
      kustomizations: [{ namespace: 'flux-system', name: 'shop', action: 'allow', message: '', objects: 1, notes: [] }],
    },
  })
  t.strictSame(
    notices.map(({ facts, metadata }) => [facts.regarding.kind, facts.type, facts.reason, metadata]),
    [
      [
        'ArtifactGate',
        'Normal',
        'Allowed',
        { 'lockkeeper.dev/revision': 'v1', 'lockkeeper.dev/digest': store.current(GATE)?.sourceDigest },
      ],
    ],
  )

  await t.test('is not judged again while nothing changes, and nothing is written', async t => {
    const asked = cluster.asked.length
    t.equal(await look(), 'rest')
    t.equal(trees.length, 1)
    t.strictSame(
      cluster.asked.slice(asked).filter(each => !each.startsWith('find')),
      [],
    )
    t.strictSame(readdirSync(join(directory, '.scratch')), [])
  })

  await t.test('is judged again by a process that begins, which tells nobody the same again', async t => {
    const again = await begin()
    t.equal(await again.look(), 'rest')
    t.equal(trees.length, 2)
    t.equal(notices.length, 1)
    t.strictSame(published(), artifact)
  })
})

t.test('an artifact that is denied after an allowed one', async t => {
  const { begin, ready, published, setSource, state, notices, clock } = await bed(t)
  const { look, reconciler } = await begin()
  await look()
  const before = published()
  state.judge = () => Promise.resolve(judgement('deny', 'Pod shop/debug: [node_takeover] no'))
  setSource('v2', { 'shop/a.yaml': 'bad' })
  await clock.advance(5000)
  t.equal(await look(), 'rest')
  t.strictSame(published(), before, 'the artifact is the last allowed one')
  t.strictSame(ready(), [
    'False',
    'Denied',
    'v2 is denied: flux-system/shop: Pod shop/debug: [node_takeover] no; v1 stays in force',
  ])
  t.strictSame(reconciler.conditions(), { ready: 0, held: 1, unknown: 0 })
  t.strictSame(
    notices
      .slice(1)
      .map(({ facts, metadata }) => ({ kind: facts.regarding.kind, type: facts.type, note: facts.note, metadata })),
    [
      {
        kind: 'ArtifactGate',
        type: 'Warning',
        note: 'v2 is denied: flux-system/shop: Pod shop/debug: [node_takeover] no; v1 stays in force',
        metadata: notices[1]?.metadata,
      },
      {
        kind: 'Kustomization',
        type: 'Warning',
        note: 'v2 is held: Pod shop/debug: [node_takeover] no',
        metadata: { 'kustomize.toolkit.fluxcd.io/revision': 'v2', 'event.toolkit.fluxcd.io/team': 'shop' },
      },
    ],
  )
  t.equal(await look(), 'rest')
  t.equal(notices.length, 3, 'it is told once')

  await t.test('is allowed by another bundle', async t => {
    state.judge = () => Promise.resolve(judgement('allow'))
    await look()
    t.equal(ready()[0], 'False', 'nothing changed yet')
    state.bundle = 'b2'
    await look()
    t.equal(ready()[0], 'True')
    t.equal(published()?.revision, 'v2')
  })
})

t.test('what changes while it is judged is never published as approved', async t => {
  const changes: Record<string, (all: Awaited<ReturnType<typeof bed>>) => void> = {
    'a ConfigMap that substituteFrom names': ({ setVariables }) => setVariables('somebody else'),
    'a ConfigMap that goes': ({ cluster }) => {
      cluster.remove(CONFIG_MAPS, 'flux-system', 'variables')
    },
    'the source': ({ setSource }) => {
      setSource('v2', { 'shop/a.yaml': 'other' })
    },
    'the spec of the Kustomization': ({ cluster }) => {
      const object = cluster.find(KUSTOMIZATIONS, 'flux-system', 'shop') ?? {}
      cluster.put(KUSTOMIZATIONS, { ...object, spec: { path: 'elsewhere' } })
    },
    'the paths of the gate': ({ setGate }) => {
      setGate({ paths: ['other'] })
    },
    'the bundle': ({ state }) => {
      state.bundle = 'b2'
    },
  }
  for (const [name, change] of Object.entries(changes)) {
    await t.test(name, async t => {
      const all = await bed(t)
      const { look, store } = await all.begin()
      all.state.judge = () => {
        change(all)
        return Promise.resolve(judgement('allow'))
      }
      t.equal(await look(), 'again')
      t.equal(store.current(GATE), null, 'nothing is kept')
      t.equal(all.published(), null, 'nothing is published')
      all.state.judge = () => Promise.resolve(judgement('deny', 'no'))
      t.equal(await look(), 'rest')
      t.equal(all.published(), null, 'what is judged again may be denied')
      t.equal(all.ready()[1], 'Denied')
    })
  }
})

t.test('what cannot be judged leaves what is in force', async t => {
  const cases: Record<
    string,
    { change: (all: Awaited<ReturnType<typeof bed>>) => void; next: unknown; ready: unknown[] }
  > = {
    'a source that is gone': {
      change: ({ cluster }) => {
        cluster.remove(SOURCES, 'flux-system', 'shop')
      },
      next: 'rest',
      ready: ['Unknown', 'SourceNotFound', 'there is no GitRepository flux-system/shop; v1 stays in force'],
    },
    'a source without an artifact': {
      change: ({ cluster }) => {
        cluster.put(SOURCES, named('GitRepository', 'shop'))
      },
      next: 'rest',
      ready: ['Unknown', 'SourceNotReady', 'GitRepository flux-system/shop has no artifact yet; v1 stays in force'],
    },
    'a Kustomization that is not there': {
      change: ({ cluster }) => {
        cluster.remove(KUSTOMIZATIONS, 'flux-system', 'shop')
      },
      next: 'rest',
      ready: ['Unknown', 'KustomizationNotFound', 'there is no Kustomization flux-system/shop; v1 stays in force'],
    },
    'an artifact with another digest': {
      change: ({ setSource }) => {
        setSource('v2', { 'shop/a.yaml': 'x' }, { digest: `sha256:${'0'.repeat(64)}` })
      },
      next: { retryWithinMs: 600_000 },
      ready: ['Unknown', 'ArtifactInvalid', /has the digest sha256:.*v1 stays in force/],
    },
    'an artifact that leads out of its folder': {
      change: ({ setSource }) => {
        setSource('v2', { '../a.yaml': 'x' })
      },
      next: { retryWithinMs: 600_000 },
      ready: ['Unknown', 'ArtifactInvalid', /v1 stays in force/],
    },
    'a gate that fails': {
      change: ({ setSource, state }) => {
        setSource('v2', { 'shop/a.yaml': 'x' })
        state.judge = () => Promise.reject(new GateError('GATE_OVERLOADED', 'too much to do'))
      },
      next: { retryWithinMs: 600_000 },
      ready: ['Unknown', 'GateOverloaded', 'too much to do; v1 stays in force'],
    },
    'what cannot be rendered': {
      change: ({ setSource, state }) => {
        setSource('v2', { 'shop/a.yaml': 'x' })
        state.judge = () => Promise.resolve(judgement('error', 'kustomize says no'))
      },
      next: { retryWithinMs: 600_000 },
      ready: ['False', 'NotJudged', /v2 could not be judged: .*kustomize says no; v1 stays in force/],
    },
    'a gate that is suspended': {
      change: ({ setSource, setGate }) => {
        setSource('v2', { 'shop/a.yaml': 'x' })
        setGate({ suspend: true })
      },
      next: 'rest',
      ready: ['Unknown', 'Suspended', 'suspended; v1 stays in force'],
    },
  }
  for (const [name, { change, next, ready }] of Object.entries(cases)) {
    await t.test(name, async t => {
      const all = await bed(t)
      const { look, reconciler } = await all.begin()
      await look()
      const before = all.published()
      change(all)
      t.strictSame(await look(), next)
      t.strictSame(all.published(), before)
      t.match(all.ready(), ready)
      const judged = all.trees.length
      await look()
      t.equal(all.trees.length, judged, 'it is not tried again at once')
      reconciler.doubt(GATE)
      await look()
      t.strictSame(all.published(), before)
    })
  }
})

t.test('what others write or break is put right', async t => {
  const all = await bed(t)
  const { look, store } = await all.begin()
  await look()
  const before = all.published()
  const { digest = '' } = stringMembers(before ?? {})
  const external = () => all.cluster.find(EXTERNAL_ARTIFACTS, 'flux-system', 'shop') ?? {}
  const forge = (change: JsonObject) => all.cluster.put(EXTERNAL_ARTIFACTS, { ...external(), ...change })
  const forgeries: Record<string, JsonObject> = {
    'another artifact': { status: { artifact: { ...before, revision: 'forged', url: 'http://elsewhere/x' } } },
    'more metadata': {
      status: { artifact: { ...before, metadata: { ...(before?.metadata as JsonObject), 'a/b': 'c' } } },
    },
    'no status': { status: {} },
    'another source': { spec: { sourceRef: { kind: 'GitRepository', name: 'evil' } } },
    'another owner': { metadata: { ...(external().metadata as JsonObject), ownerReferences: [] } },
  }
  for (const [name, change] of Object.entries(forgeries)) {
    forge(change)
    await look()
    t.strictSame(all.published(), before, name)
    t.strictSame(plain((external().spec as JsonObject).sourceRef), {
      apiVersion: 'lockkeeper.dev/v1alpha1',
      kind: 'ArtifactGate',
      name: 'shop',
    })
    t.equal(((external().metadata as JsonObject).ownerReferences as unknown[]).length, 1)
  }
  all.cluster.remove(EXTERNAL_ARTIFACTS, 'flux-system', 'shop')
  await look()
  t.strictSame(all.published(), before, 'an object that was deleted')
  t.equal(all.trees.length, 1, 'nothing of it needs a judgement')

  await store.lose(GATE, digest)
  all.state.judge = () => Promise.resolve(judgement('deny', 'no'))
  await look()
  t.ok(store.hasFile(GATE, digest), 'the file of what was allowed is made again, though it is denied today')
  t.strictSame(all.published(), before)
  t.equal(all.ready()[0], 'False')
})

t.test('a look that is asked for is had, and said', async t => {
  const all = await bed(t)
  const { look } = await all.begin()
  await look()
  all.setGate({}, { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } })
  await look()
  t.equal(all.trees.length, 2)
  const { status } = all.cluster.find(ARTIFACT_GATES, 'flux-system', 'shop') ?? {}
  t.equal((status as JsonObject).lastHandledReconcileAt, 'now')
  await look()
  t.equal(all.trees.length, 2)
})

t.test('a gate that goes takes its artifacts along', async t => {
  const all = await bed(t)
  const { look, store } = await all.begin()
  await look()
  all.cluster.remove(ARTIFACT_GATES, 'flux-system', 'shop')
  t.equal(await look(), 'rest')
  t.equal(store.current(GATE), null)
  t.strictSame(store.gates(), [])
})

t.test('an API server that fails costs another look, no more', async t => {
  const all = await bed(t)
  const { look } = await all.begin()
  all.cluster.refuse = asked => {
    if (asked.startsWith('replace source.toolkit.fluxcd.io')) throw new GateError('CLUSTER_UNREACHABLE', 'away')
  }
  t.strictSame(await look(), { retryWithinMs: 60_000 })
  t.equal(all.published(), null)
  all.cluster.refuse = () => undefined
  t.equal(await look(), 'rest')
  t.equal(all.published()?.revision, 'v1')
  t.equal(all.trees.length, 1, 'what was judged and kept is only published')
})
