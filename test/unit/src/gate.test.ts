import { join } from 'node:path'
import t from 'tap'
import type { Context, Risk } from '../../../src/decision-types.js'
import { createGate, parseBundle, type BundleFiles } from '../../../src/gate.js'
import type { Assessment, RiskModel } from '../../../src/risk/model.js'
import { loadBundleFiles } from '../../../src/io/bundle-source.js'
import type { JsonObject } from '../../../src/json.js'
import { RarityBuilder, RaritySnapshot } from '../../../src/risk/rarity/snapshot.js'
import { fixtureBundle } from '../../helpers/bundles.js'
import { modelFiles } from '../../helpers/models.js'
import { ROOT } from '../../helpers/repository.js'
import { admissionRequest, contextOf, pod } from '../../helpers/requests.js'

const load = async (files: BundleFiles, riskModel?: RiskModel) =>
  createGate(parseBundle(files, { allowUnsigned: true }), riskModel ? { riskModel } : {})
const config = (text: string) => ({
  'lockkeeper/config.yaml': `apiVersion: lockkeeper.dev/v1alpha1\nkind: Config\n${text}`,
})
const quiet = config('risk: {onDegraded: allow}\n')
const privileged = pod({
  spec: { containers: [{ name: 'web', image: 'registry.example/web:1', securityContext: { privileged: true } }] },
})

t.test('one failing policy leaves the others their word', async t => {
  const gate = await load(await fixtureBundle('mixed', quiet))
  const decision = await gate.review(admissionRequest({ object: privileged }), contextOf())
  t.equal(decision.allowed, false)
  t.strictSame(
    decision.violations.map(({ policy, message, enforcementAction }) => ({ policy, message, enforcementAction })),
    [
      { policy: 'healthy', message: 'container "web" of Pod must not be privileged', enforcementAction: 'deny' },
      {
        policy: 'failing',
        message: decision.violations.find(each => each.policy === 'failing')?.message,
        enforcementAction: 'deny',
      },
      { policy: 'calls', message: 'P0d web: {"app"} and 1 containers', enforcementAction: 'deny' },
      {
        policy: 'text',
        message: 'the policy could not be evaluated: returned a string where a set of violations is expected',
        enforcementAction: 'deny',
      },
      { policy: 'values', message: 'unusual values', enforcementAction: 'deny' },
    ],
  )
  t.match(
    decision.violations.find(each => each.policy === 'failing')?.message ?? '',
    /^the policy could not be evaluated: .*(conflict|must not produce)/,
  )
  t.strictSame(
    decision.degraded.map(({ code, policy }) => [code, policy]),
    [
      ['MODEL_MISSING', undefined],
      ['POLICY_FAILED', 'failing'],
      ['POLICY_FAILED', 'text'],
    ],
  )
  t.strictSame(
    await gate.review(admissionRequest({ object: privileged }), contextOf()),
    decision,
    'and the next request is judged the same',
  )
})

t.test('an undefined entrypoint is a violation, never silence', async t => {
  const gate = await load(await fixtureBundle('undefined', quiet))
  const decision = await gate.review(admissionRequest(), contextOf())
  t.equal(decision.allowed, false)
  t.equal(decision.violations.length, 1)
  t.match(decision.violations[0]?.message ?? '', /^the policy could not be evaluated: .*undefined/)
})

t.test('what matches no policy is allowed', async t => {
  const gate = await load(await fixtureBundle('mixed', quiet))
  const decision = await gate.review(
    admissionRequest({ operation: 'DELETE', object: null, oldObject: pod() }),
    contextOf(),
  )
  t.strictSame([decision.allowed, decision.action, decision.violations], [true, 'allow', []])
})

t.test('an update that changes nothing that counts asks no model, and keeps the provenance', async t => {
  let asked = 0
  const assess = () => {
    asked += 1
    throw new Error('it was asked')
  }
  // Without an answer of the model a request is denied here.
  const gate = await load(await fixtureBundle('mixed', config('risk: {onDegraded: deny}\n')), { assess })
  const update = admissionRequest({ operation: 'UPDATE', object: privileged, oldObject: privileged })
  const provenance = { class: 'out-of-band-unmanaged', evidence: ['actor'] } as const
  const decision = await gate.review(update, contextOf({ provenance }))
  t.strictSame(
    [asked, decision.unchanged, decision.action, decision.risk, decision.degraded, decision.provenance],
    [0, true, 'allow', null, [], provenance],
  )
  const created = await gate.review(admissionRequest({ object: pod() }), contextOf())
  t.strictSame([asked, created.unchanged, created.degraded.map(each => each.code).includes('SCORE_INVALID')], [1, false, true]) // prettier-ignore
})

t.test('an update that changes nothing that counts is said to be unchanged', async t => {
  const gate = await load(await fixtureBundle('mixed', quiet))
  const managed = pod({ metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' }, managedFields: [] } })
  const same = await gate.review(admissionRequest({ operation: 'UPDATE', oldObject: managed }), contextOf())
  t.strictSame([same.unchanged, same.allowed, same.violations], [true, true, []])
  const changed = await gate.review(
    admissionRequest({ operation: 'UPDATE', object: privileged, oldObject: managed }),
    contextOf(),
  )
  t.strictSame([changed.unchanged, changed.allowed], [false, false])
})

t.test('the status counts where it is what is written', async t => {
  const gate = await load(await fixtureBundle('mixed', quiet))
  const update = { operation: 'UPDATE', object: pod({ status: { a: 'b' } }), oldObject: pod({ status: {} }) } as const
  const judge = async (change: object) => gate.review(admissionRequest({ ...update, ...change }), contextOf())
  const cases = {
    'of the object itself it is not': { change: {}, unchanged: true },
    'of its scale it is not': { change: { subResource: 'scale' }, unchanged: true },
    'of its status it is': { change: { subResource: 'status' }, unchanged: false },
    'of an approval it is': { change: { subResource: 'approval' }, unchanged: false },
    'an equal status is no change': { change: { subResource: 'status', oldObject: update.object }, unchanged: true },
  }
  for (const [name, { change, unchanged }] of Object.entries(cases)) {
    t.equal((await judge(change)).unchanged, unchanged, name)
  }
  const [first, second] = await Promise.all([
    judge({ subResource: 'status' }),
    judge({ subResource: 'status', object: pod({ status: { a: 'c' } }) }),
  ])
  t.not(first.subject, second.subject, 'two statuses are two subjects')
})

t.test('old debt only warns, new debt denies', async t => {
  const gate = await load(await fixtureBundle('mixed', quiet))
  const relabelled = {
    ...privileged,
    metadata: { name: 'web', namespace: 'shop', labels: { app: 'web', tier: 'front' } },
  }
  const decision = await gate.review(
    admissionRequest({ operation: 'UPDATE', object: relabelled, oldObject: privileged }),
    contextOf(),
  )
  t.strictSame(
    decision.violations.map(({ policy, existing, enforcementAction }) => [policy, existing, enforcementAction]),
    [
      ['healthy', true, 'deny'],
      ['failing', false, 'deny'],
      ['calls', false, 'deny'],
      ['text', false, 'deny'],
      ['values', true, 'warn'],
    ],
    'severity high is not ratcheted; failures never are; other details are another violation',
  )
})

t.test('a configured kind is judged like the built-in workloads', async t => {
  const files = new Map(await loadBundleFiles(join(ROOT, 'policies/bundle')))
  const entry = '- {group: batch.example, kind: TrainingJob, path: /spec/workers/*/template}'
  const text = `apiVersion: lockkeeper.dev/v1alpha1\nkind: Config\nworkloads:\n${entry}\nrisk: {onDegraded: allow}\n`
  const template = { spec: (privileged.spec ?? null) as JsonObject }
  const request = admissionRequest({
    kind: { group: 'batch.example', version: 'v1', kind: 'TrainingJob' },
    object: {
      apiVersion: 'batch.example/v1',
      kind: 'TrainingJob',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { workers: [{ template: { spec: { containers: [] } } }, { template }] },
    },
  })
  const baseline = { 'pod-security.kubernetes.io/enforce': 'baseline', 'pod-security.kubernetes.io/warn': 'baseline' }
  const context = contextOf({ namespace: { labels: baseline, annotations: {} } })
  const before = await (await load(files)).review(request, context)
  t.strictSame([before.action, before.violations], ['allow', []])
  files.set('lockkeeper/config.yaml', Buffer.from(text))
  const { allowed, violations } = await (await load(files)).review(request, context)
  const path = '/spec/workers/1/template/spec/containers/0/securityContext/privileged'
  t.equal(allowed, false)
  t.strictSame(
    violations
      .filter(each => each.policy === 'privileged_containers')
      .map(each => [each.policy, each.path, JSON.parse(JSON.stringify(each.remedy?.patch ?? null)) as unknown]),
    [['privileged_containers', path, [{ op: 'replace', path, value: false }]]],
  )
})

t.test('configured parameters reach the policy', async t => {
  const text = 'policies: {echo: {parameters: {registries: [a, b], limit: 3}}}\nrisk: {onDegraded: allow}\n'
  const gate = await load(await fixtureBundle('parameters', config(text)))
  const { violations } = await gate.review(admissionRequest(), contextOf())
  const details = violations.find(each => each.policy === 'echo')?.details as JsonObject
  t.strictSame(JSON.parse(JSON.stringify(details.parameters)), { registries: ['a', 'b'], limit: 3 })
})

t.test('a policy sees the namespace of the object, as far as it is known', async t => {
  const gate = await load(await fixtureBundle('parameters', quiet))
  const known = { labels: { team: 'shop' }, annotations: { owner: 'ann' } }
  for (const namespace of [known, 'unknown', null] as const) {
    const { violations } = await gate.review(admissionRequest(), contextOf({ namespace }))
    const { others } = violations.find(each => each.policy === 'echo')?.details as { others: JsonObject }
    t.strictSame(JSON.parse(JSON.stringify(others)), {
      namespace,
      now: '2026-06-01T12:00:00Z',
      provenance: { class: 'approved', evidence: ['predicted'] },
      related: null,
      risk: null,
      violations: [],
    })
  }
})

const risk: Risk = {
  score: 0.5,
  band: 'elevated',
  kind: 'object',
  threshold: 0.9,
  pValue: 0.1,
  contributions: [],
  model: { digest: 'sha256:11', version: '1' },
}

t.test('a score that cannot be used is never shown', async t => {
  const found = (change: Partial<Risk>, anomaly = 0.5): Assessment => {
    return { risk: { ...risk, ...change }, anomaly: { of: 'object', score: anomaly }, isCold: false }
  }
  const endless = { feature: 'f', value: 1, contribution: Infinity, paths: [], text: '' }
  const scores: Record<string, () => Assessment | Promise<Assessment>> = {
    'not a number': () => found({ score: NaN }),
    infinite: () => found({ score: Infinity }),
    'above one': () => found({ score: 1.01 }),
    'below zero': () => found({ score: -0.01 }),
    'with a p-value that is not a number': () => found({ pValue: NaN }),
    'with a contribution that is not finite': () => found({ contributions: [endless] }),
    'with an anomaly that is not a number': () => found({}, NaN),
    thrown: () => {
      throw new Error('tensor shape')
    },
    'rejected later': () => Promise.reject(new Error('tensor shape')),
  }
  const files = await fixtureBundle('undefined', config(''))
  for (const [name, assess] of Object.entries(scores)) {
    const gate = await load(files, { assess })
    const decision = await gate.review(admissionRequest({ operation: 'CONNECT' }), contextOf())
    t.strictSame(
      [decision.risk, decision.anomaly, decision.action, decision.degraded],
      [
        null,
        null,
        'warn',
        [{ code: 'SCORE_INVALID', text: 'the risk score of this object was unusable: policies alone decided' }],
      ],
      name,
    )
  }
  const decisionOf = async (assessment: Assessment) =>
    (await load(files, { assess: () => assessment })).review(admissionRequest({ operation: 'CONNECT' }), contextOf())
  const fine = await decisionOf(found({}))
  t.strictSame([fine.risk, fine.anomaly, fine.action, fine.degraded], [risk, { of: 'object', score: 0.5 }, 'allow', []])
  const none = await decisionOf({ risk: null, anomaly: null, isCold: false })
  t.strictSame([none.risk, none.action, none.degraded], [null, 'allow', []], 'where there is nothing to score')
  const cold = await decisionOf({ risk, anomaly: null, isCold: true })
  const text = 'there is no rarity snapshot yet'
  t.strictSame([cold.risk, cold.action, cold.degraded], [risk, 'allow', [{ code: 'RARITY_COLD', text }]], 'nor a reason to warn') // prettier-ignore
})

/** A snapshot of so many web servers, by the name that it has in a bundle. */
function snapshotOf(objects: number): { readonly name: string; readonly bytes: Uint8Array; readonly digest: string } {
  const builder = new RarityBuilder({ asOf: 0, halfLifeDays: 90 }, 10)
  for (let index = 0; index < objects; index++) builder.add(pod())
  const bytes = builder.finish()
  const { digest } = new RaritySnapshot(bytes)
  return { name: `rarity/${digest}`, bytes, digest }
}

t.test("the bundle's rarity snapshot says what is usual, and is no part of the bundle's digest", async t => {
  const { name, bytes, digest } = snapshotOf(20)
  const cold = new Map([...(await fixtureBundle('mixed')), ...modelFiles()])
  const warm = new Map([...cold, [name, bytes]])
  const decisionOf = async (files: BundleFiles, context: Partial<Context> = {}) =>
    (await load(files)).review(
      admissionRequest({ operation: 'UPDATE', object: privileged, oldObject: pod() }),
      contextOf(context),
    )
  const [without, decision] = [await decisionOf(cold), await decisionOf(warm)]
  t.strictSame([without.anomaly, without.inputs.rarity], [null, null])
  t.ok(without.degraded.some(({ code }) => code === 'RARITY_COLD'))
  t.equal(decision.anomaly?.of, 'change')
  t.ok((decision.anomaly?.score ?? 0) > 0.2, 'no web server was privileged')
  t.notOk(decision.degraded.some(({ code }) => code === 'RARITY_COLD'))
  t.equal(decision.inputs.rarity, digest)
  t.equal(decision.bundle.digest, without.bundle.digest)
  t.not(decision.id, without.id, 'what was judged with is another thing')
  const other = snapshotOf(40)
  const given = { snapshot: new RaritySnapshot(other.bytes), digest: other.digest }
  t.equal((await decisionOf(warm, { rarity: given })).inputs.rarity, other.digest, 'what a door knows goes before')
})

t.test('a bundle is refused whole', async t => {
  const [few, many] = [snapshotOf(1), snapshotOf(2)]
  const cases: Record<string, { files: BundleFiles; allowUnsigned?: boolean; code: string; message: RegExp }> = {
    'when it is not signed and that was not allowed': {
      files: await fixtureBundle('mixed'),
      allowUnsigned: false,
      code: 'BUNDLE_UNSIGNED',
      message: /not signed/,
    },
    'without a manifest': {
      files: await fixtureBundle('mixed', { '.manifest': null }),
      code: 'BUNDLE_INVALID',
      message: /no \.manifest/,
    },
    'with a manifest that is not JSON': {
      files: await fixtureBundle('mixed', { '.manifest': '{' }),
      code: 'BUNDLE_INVALID',
      message: /^\.manifest of the bundle cannot be read/,
    },
    'without Wasm': {
      files: await fixtureBundle('mixed', { 'policy.wasm': null }),
      code: 'BUNDLE_INVALID',
      message: /no policy\.wasm/,
    },
    'with Wasm that is none': {
      files: await fixtureBundle('mixed', { 'policy.wasm': 'not wasm' }),
      code: 'BUNDLE_INVALID',
      message: /not a WebAssembly module/,
    },
    'without entrypoints': {
      files: await fixtureBundle('mixed', { '.manifest': '{"revision":"","roots":["lockkeeper"],"wasm":[]}' }),
      code: 'BUNDLE_NO_ENTRYPOINTS',
      message: /no entrypoint/,
    },
    'with an entrypoint that its Wasm lacks': {
      files: await fixtureBundle('mixed', {
        '.manifest': '{"wasm":[{"entrypoint":"lockkeeper/absent/deny","module":"/policy.wasm"}]}',
      }),
      code: 'BUNDLE_INVALID',
      message: /lockkeeper\/absent\/deny/,
    },
    'with a missing built-in': {
      files: await fixtureBundle('missing-builtin'),
      code: 'BUNDLE_BUILTIN_MISSING',
      message: /./,
    },
    'with a model that cannot be run': {
      files: await fixtureBundle('mixed', { 'model/model.onnx': 'x' }),
      code: 'BUNDLE_MODEL_INVALID',
      message: /^the bundle has a risk model but no model\/objects\.onnx$/,
    },
    'with two rarity snapshots': {
      files: new Map([...(await fixtureBundle('mixed')), [few.name, few.bytes], [many.name, many.bytes]]),
      code: 'RARITY_INVALID',
      message: /^the bundle has 2 rarity snapshots, and may have one$/,
    },
    'with a rarity snapshot that is another one than its name says': {
      files: new Map([...(await fixtureBundle('mixed')), [few.name, many.bytes]]),
      code: 'RARITY_INVALID',
      message: /^rarity\/[0-9a-f]{64} of the bundle is not named by its content, which is rarity\/[0-9a-f]{64}$/,
    },
    'with a rarity snapshot that is not whole': {
      files: new Map([...(await fixtureBundle('mixed')), [few.name, few.bytes.subarray(1)]]),
      code: 'RARITY_INVALID',
      message: /^the rarity snapshot does not begin as a rarity snapshot does$/,
    },
    'with three mistakes in its configuration': {
      files: await fixtureBundle(
        'mixed',
        config('risk: {onDegraded: perhaps}\npolicies: {nothing: {}, healthy: {ratchet: 1}}\n'),
      ),
      code: 'CONFIG_INVALID',
      message: /policies\.nothing: .*\n.*policies\.healthy\.ratchet: .*\n.*risk\.onDegraded: /,
    },
    'with a configuration that is not YAML': {
      files: await fixtureBundle('mixed', { 'lockkeeper/config.yaml': 'a: [' }),
      code: 'CONFIG_INVALID',
      message: /lockkeeper\/config\.yaml/,
    },
  }
  for (const [name, { files, allowUnsigned = true, code, message }] of Object.entries(cases)) {
    await t.rejects(
      Promise.resolve().then(() => createGate(parseBundle(files, { allowUnsigned }))),
      { code, message },
      name,
    )
  }
})

t.test('an inventory that is not complete is spoken of where a policy that reads it found something', async t => {
  const gate = await load(await loadBundleFiles(join(ROOT, 'policies/bundle')))
  const context = contextOf({ related: { objects: [], digest: 'd', complete: false } })
  const codes = async (change: JsonObject) => {
    const spec = {
      serviceAccountName: 'web',
      containers: [{ name: 'web', image: 'registry.example/web:1.2.3' }],
      ...change,
    }
    const { violations, degraded } = await gate.review(admissionRequest({ object: pod({ spec }) }), context)
    return { policies: violations.map(each => each.policy), degraded: degraded.map(each => each.code) }
  }
  const used = await codes({ serviceAccountName: 'default' })
  t.ok(used.policies.includes('automounted_tokens'))
  t.ok(used.degraded.includes('INVENTORY_PARTIAL'))
  const other = await codes({ hostNetwork: true })
  t.ok(other.policies.includes('host_namespaces'))
  t.notOk(other.degraded.includes('INVENTORY_PARTIAL'))
})

t.test('a set is judged request by request', async t => {
  const gate = await load(await fixtureBundle('undefined', quiet))
  const set = await gate.reviewSet(
    [admissionRequest({ operation: 'CONNECT' }), admissionRequest()],
    contextOf({ gate: 'cli' }),
  )
  t.strictSame(set.summary, { judged: 2, allowed: 1, warned: 0, denied: 1, errors: 0 })
  t.strictSame([set.allowed, set.action, set.decisions.length], [false, 'deny', 2])
})
