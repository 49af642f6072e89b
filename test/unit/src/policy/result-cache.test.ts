import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { AdmissionRequest } from '../../../../src/admission.js'
import { canonicalObject } from '../../../../src/canonical.js'
import type { Context, Risk } from '../../../../src/decision-types.js'
import { compileModule, createGate, parseBundle, type Gate } from '../../../../src/gate.js'
import { loadBundleFiles } from '../../../../src/io/bundle-source.js'
import { isJsonObject, stringifyJson, type Json, type JsonObject } from '../../../../src/json.js'
import { entrypointOf } from '../../../../src/policy/bundle.js'
import { createPolicyHost } from '../../../../src/policy/host.js'
import { createInputParts, preparePath, type KnownTexts } from '../../../../src/policy/input-parts.js'
import { joinPaths, type InputPath } from '../../../../src/policy/input-path.js'
import { ByteCache } from '../../../../src/policy/byte-cache.js'
import { createEvaluator } from '../../../../src/policy/evaluate.js'
import { createResultCache, policyInput } from '../../../../src/policy/result-cache.js'
import { buildRequest } from '../../../../src/request.js'
import type { Assessment, RiskModel } from '../../../../src/risk/model.js'
import { WORKLOADS } from '../../../../src/workload.js'
import { fixtureBundle } from '../../../helpers/bundles.js'
import { ROOT } from '../../../helpers/repository.js'
import { admissionRequest, contextOf, pod } from '../../../helpers/requests.js'
import { requestSamples, samples } from '../../../helpers/samples.js'

// Two gates and many evaluations of the whole library, perhaps on a busy machine.
t.setTimeout(180_000)

const files = await loadBundleFiles(join(ROOT, 'policies/bundle'))
const bundle = parseBundle(files, { allowUnsigned: true })
const text = (value: unknown): string => stringifyJson(value as Json)

/** Why the results of a policy are not kept, for those of the library where that is so. */
const UNCACHED: Record<string, string> = {
  pruned_share: 'judges the changes of a set',
  exposure_opened: 'judges the changes of a set',
  network_opened: 'judges the changes of a set',
  rbac_gained: 'judges the changes of a set',
  selector_moved: 'judges the changes of a set',
  set_scale_to_zero: 'judges the changes of a set',
  stateful_prune: 'judges the changes of a set',
}

t.test('the results of all policies but these are kept', t => {
  const paths = bundle.cards.map(card => [card, pathsOf(card.id)] as const)
  const uncached = paths.filter(([card, found]) => found === null || card.scope === 'changeset')
  t.strictSame(uncached.map(([card]) => card.id).sort(), Object.keys(UNCACHED).sort())
  t.end()
})

function pathsOf(id: string): readonly InputPath[] | null {
  const card = bundle.cards.find(each => each.id === id)
  return card === undefined
    ? null
    : joinPaths(
        bundle.inputs,
        card.rules.map(rule => entrypointOf(card, rule)),
      )
}

interface Case {
  readonly request: AdmissionRequest
  readonly context: Context
}

/** What the samples ask, each manifest as the request that creates it. */
const cases: readonly Case[] = [
  ...samples().flatMap(({ manifests, related }) =>
    manifests.map(({ object }) => {
      const { userInfo } = bundle.config.prediction
      const request = buildRequest({ object, base: null, userInfo, namespace: 'default' })
      const namespace = request.namespace === undefined ? null : { labels: {}, annotations: {} }
      return { request, context: contextOf({ namespace, related }) }
    }),
  ),
  ...requestSamples().map(({ request, namespace, related }) => ({
    request,
    context: contextOf({ namespace, related }),
  })),
]

const someCase = fc.nat(cases.length - 1).map(index => cases[index] as Case)

/** Every place in a value, as keys; to this depth, where the last ones are the values that policies look at. */
function placesIn(value: Json | undefined, depth = 7): readonly string[][] {
  if (depth === 0 || typeof value !== 'object' || value === null) return []
  const entries = Array.isArray(value) ? [...value.entries()] : isJsonObject(value) ? Object.entries(value) : []
  return entries.flatMap(([key, each]) => [[`${key}`], ...placesIn(each, depth - 1).map(keys => [`${key}`, ...keys])])
}

function valueAt(value: Json | undefined, keys: readonly string[]): Json | undefined {
  return keys.reduce<Json | undefined>((each, key) => (each as Record<string, Json> | null | undefined)?.[key], value)
}

/** A copy with another value at a place; undefined: without the place. */
function withValue(value: Json, [key = '', ...rest]: readonly string[], changed: Json | undefined): Json {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as JsonObject) }) as JsonObject
  const member = rest.length > 0 ? withValue(copy[key] ?? {}, rest, changed) : changed
  if (member === undefined) Reflect.deleteProperty(copy, key)
  else copy[key] = member
  return copy
}

/** Changes one place of `into`: to what `from` has there, to a plain value, or to nothing. */
function edited(into: Json, from: Json, choice: number, kind: number): Json {
  const places = placesIn(kind % 4 === 0 ? from : into)
  const place = places[choice % Math.max(1, places.length)]
  if (place === undefined) return into
  const above = valueAt(into, place.slice(0, -1))
  if (typeof above !== 'object' || above === null) return into
  const plain = ['', 'x', 'kube-system', 0, true, null, [], {}][kind % 8]
  return withValue(into, place, kind % 4 === 0 ? valueAt(from, place) : kind % 4 === 1 ? undefined : plain)
}

type Edits = readonly { readonly choice: number; readonly kind: number }[]

const edits: fc.Arbitrary<Edits> = fc.array(fc.record({ choice: fc.nat(10_000), kind: fc.nat(31) }), {
  minLength: 1,
  maxLength: 3,
})

t.test('a policy says the same as long as everything that it is said to read is the same', t => {
  const cards = bundle.cards.filter(({ scope }) => scope === 'object')
  const host = createPolicyHost({
    module: compileModule(bundle.wasm),
    data: bundle.data,
    parameters: cards.map(card => card.parameters),
  })
  const known: KnownTexts = new WeakMap()
  const judgeAll = (input: JsonObject) => {
    host.begin(new TextEncoder().encode(text(input)))
    const parts = createInputParts(input, known)
    return cards.map((card, index) => {
      const paths = pathsOf(card.id)
      let said: string
      try {
        said = text(card.rules.map(rule => host.evaluate(entrypointOf(card, rule), index)))
      } catch {
        said = 'failed'
      }
      return {
        id: card.id,
        said,
        key: paths === null ? null : paths.map(path => parts.textOf(preparePath(path))).join('\n'),
      }
    })
  }
  const risk: Risk = {
    score: 0.9,
    band: 'high',
    kind: 'object',
    threshold: 0.8,
    pValue: 0.01,
    contributions: [{ feature: 'f', value: 1, contribution: 2, paths: [], text: 'why' }],
    model: { digest: 'sha256:0', version: '1' },
  }
  const inputOf = ({ request, context }: Case) => policyInput(request as unknown as Json, context, risk)
  let same = 0
  let other = 0
  const noticed = new Set<string>()
  fc.assert(
    fc.property(someCase, someCase, edits, (a, b, changes) => {
      const before = inputOf(a)
      const from = inputOf(b)
      const after = changes.reduce<Json>((input, { choice, kind }) => edited(input, from, choice, kind), before)
      const first = judgeAll(before)
      for (const [index, { id, key, said }] of judgeAll(after as JsonObject).entries()) {
        const known = first[index]
        if (key !== null && key === known?.key) {
          same += 1
          // A conflict between rules is a failure, which is never kept.
          if (known.said !== 'failed' && said !== known.said) throw new Error(`${id}: ${known.said} became ${said}`)
        } else if (said !== known?.said) {
          other += 1
          noticed.add(id)
        }
      }
    }),
    { numRuns: 400 },
  )
  t.comment(`${same} results had to be the same; ${other} of ${noticed.size} policies were not, nor what they read`)
  t.ok(same > 20_000, 'most changes are none for most policies')
  t.ok(noticed.size > 30, 'and many policies have something else to say of some')
  t.end()
})

/** Where the object of a case can be changed without changing which policies see it, as keys. */
function placesToPatch({ request: { object } }: Case): readonly string[][] {
  return placesIn(object ?? undefined).filter(([first]) => first !== 'metadata')
}

t.test('policies that read nothing of what a patch changes say what they said', async t => {
  const fixture = parseBundle(await fixtureBundle('inputs'), { allowUnsigned: true })
  let spared = 0
  for (const each of [bundle, fixture]) {
    const paths = each.cards.map(card =>
      joinPaths(
        each.inputs,
        card.rules.map(rule => entrypointOf(card, rule)),
      ),
    )
    const host = createPolicyHost({
      module: compileModule(each.wasm),
      data: each.data,
      parameters: each.cards.map(card => card.parameters),
    })
    const results = createResultCache(paths, new ByteCache(1_000_000))
    const [cached, uncached] = [results, null].map(cache => createEvaluator(each.cards, host, WORKLOADS, cache))
    if (cached === undefined || uncached === undefined) throw new Error('there are two')
    fc.assert(
      fc.property(someCase, fc.nat(10_000), fc.nat(7), (one, choice, kind) => {
        const places = placesToPatch(one)
        const place = places[choice % Math.max(1, places.length)]
        if (place === undefined || one.request.object === null) return
        const plain = ['', 'x', 'kube-system', 0, true, null, [], {}][kind]
        const object = withValue(one.request.object, place, plain) as JsonObject
        const request = { ...one.request, object }
        // Late enough for the policy of the last stage.
        const context = { ...one.context, now: '2026-06-01T12:01:00Z' }
        const input = { context, risk: null, killed: new Map<string, string>() }
        const first = cached.evaluate(one.request, input)
        const pointer = `/review/object/${place.map(key => key.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`
        const after = first.again(object, { changed: [pointer] })
        const whole = uncached.evaluate(request, input)
        if (text(after.outcomes) !== text(whole.outcomes)) throw new Error(`${pointer}: ${text(after.outcomes)}`)
        spared += whole.cache.misses - after.cache.misses - after.cache.hits
        const only = new Set(whole.outcomes.map(({ card }) => card).filter((_, index) => index % 2 === kind % 2))
        const asked = cached
          .evaluate(one.request, input)
          .again(object, { only })
          .outcomes.filter(({ card }) => only.has(card))
        t.equal(text(asked), text(whole.outcomes.filter(({ card }) => only.has(card))))
      }),
      { numRuns: 400 },
    )
  }
  t.ok(spared > 1000, 'which most of them do')
})

/** What the model of the tests says: it reads what a model may. */
function assess({ object }: AdmissionRequest): Assessment & { readonly risk: Risk } {
  const score = (text(object && canonicalObject(object)).length % 100) / 100
  const risk: Risk = {
    score,
    band: 'low',
    kind: 'object',
    threshold: 0.8,
    pValue: 1e-7,
    contributions: [],
    model: { digest: 'sha256:0', version: '1' },
  }
  return { risk, anomaly: { of: 'object', score }, isCold: score < 0.5 }
}

const riskModel: RiskModel = { assess }

interface Variation {
  readonly of: Case
  readonly from: Case
  readonly isOld: boolean
  readonly edits: Edits
  readonly username: string | undefined
  readonly now: string
  readonly level: string | undefined
  readonly hasText: boolean
}

const variation: fc.Arbitrary<Variation> = fc.record({
  of: someCase,
  from: someCase,
  isOld: fc.boolean(),
  edits: fc.oneof(fc.constant<Edits>([]), edits),
  username: fc.constantFrom(undefined, 'alice', 'system:serviceaccount:argocd:argocd-application-controller'),
  now: fc.constantFrom('2026-06-01T12:00:00Z', '2029-06-01T12:00:00Z'),
  level: fc.constantFrom(undefined, 'privileged', 'restricted'),
  hasText: fc.boolean(),
})

/** A few requests, asked again and again. */
const sequence = fc
  .tuple(fc.array(variation, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(3), { minLength: 4, maxLength: 10 }))
  .map(([asked, order]) => order.map(index => asked[index % asked.length] as Variation))

function requestOf({ of, from, isOld, edits: changes, username, now, level }: Variation): Case {
  const { object } = of.request
  const changed = changes.reduce<Json>(
    (each, { choice, kind }) => edited(each, from.request.object, choice, kind),
    object,
  )
  const { userInfo } = of.request
  const request: AdmissionRequest = {
    ...of.request,
    userInfo: username === undefined ? userInfo : { ...userInfo, username },
    ...(isOld && object !== null && of.request.operation === 'CREATE'
      ? { operation: 'UPDATE', object: isJsonObject(changed) ? changed : object, oldObject: object }
      : {}),
  }
  const labels: Record<string, string> = level === undefined ? {} : { 'pod-security.kubernetes.io/enforce': level }
  const namespace = of.context.namespace === null ? null : { labels, annotations: {} }
  return { request, context: { ...of.context, now, namespace } }
}

async function answer(gate: Gate, { request, context }: Case, hasText: boolean): Promise<string> {
  try {
    return text(await gate.review(request, context, hasText ? { requestText: text(request) } : {}))
  } catch (error) {
    return String(error)
  }
}

t.test('a gate with a cache decides what one without decides', async t => {
  const plain = await createGate(bundle, { riskModel, cacheBytes: 0 })
  const gates = {
    'with room': await createGate(bundle, { riskModel }),
    'with little room': await createGate(bundle, { riskModel, cacheBytes: 40_000 }),
    'with hardly any': await createGate(bundle, { riskModel, cacheBytes: 1_500 }),
  }
  await fc.assert(
    fc.asyncProperty(sequence, async asked => {
      for (const each of asked) {
        const one = requestOf(each)
        const wanted = await answer(plain, one, each.hasText)
        for (const [name, gate] of Object.entries(gates)) {
          const found = await answer(gate, one, each.hasText)
          if (found !== wanted) throw new Error(`${name}: ${found} instead of ${wanted}`)
        }
      }
    }),
    { numRuns: 30 },
  )
  const shares = Object.values(gates).map(({ cache: { hits, misses } }) => hits / (hits + misses))
  t.comment(`shares of hits: ${shares.map(each => each.toFixed(2)).join(', ')}`)
  const [withRoom = 0, withLittle = 0] = shares
  t.ok(withRoom > 0.4, 'results are found again')
  t.ok(withLittle < withRoom, 'less often where there is little room')
  t.ok(gates['with little room'].cache.bytes <= 40_000)
  t.ok(gates['with hardly any'].cache.bytes <= 1_500)
  const { hits, misses, bytes, entries } = plain.cache
  t.strictSame([hits, bytes, entries], [0, 0, 0])
  t.ok(misses > 0)
})

t.test('a request of which every result is known is not even parsed for the policies', async t => {
  const ran: number[] = []
  const gate = await createGate(bundle, { onPolicy: index => ran.push(index) })
  const counts: object[] = []
  const ask = (request: AdmissionRequest) => gate.review(request, contextOf(), { onCache: each => counts.push(each) })
  const first = await ask(admissionRequest())
  t.ok(ran.length > 0)
  const policies = new Set(ran.filter(each => each >= 0)).size
  ran.length = 0
  t.strictSame(text(await ask(admissionRequest({ uid: 'another' }))), text(first))
  t.strictSame(ran, [])
  t.strictSame(counts, [
    { hits: 0, misses: policies },
    { hits: policies, misses: 0 },
  ])
})

t.test('Pods of one ReplicaSet differ for few policies', async t => {
  const gate = await createGate(bundle)
  const of = (name: string): AdmissionRequest =>
    admissionRequest({
      name,
      object: pod({ metadata: { name, namespace: 'shop', labels: { app: 'web' }, uid: name } }),
    })
  await gate.review(of('web-1'), contextOf())
  const counts: { hits: number; misses: number }[] = []
  await gate.review(of('web-2'), contextOf(), { onCache: each => counts.push(each) })
  const [{ hits, misses } = { hits: 0, misses: 0 }] = counts
  t.comment(`${hits} hits, ${misses} misses`)
  t.ok(hits > 4 * misses)
})

t.test('what a patch does is known when the same is asked again', async t => {
  const gate = await createGate(bundle)
  const containers = [{ name: 'web', image: 'registry.example/web:1', securityContext: { privileged: true } }]
  const request = admissionRequest({ object: pod({ spec: { containers } }) })
  const judged = async (uid: string) => {
    const looked = gate.cache.hits + gate.cache.misses
    const counts: number[] = []
    const decision = await gate.review({ ...request, uid }, contextOf(), {
      onCache: ({ hits, misses }) => counts.push(hits + misses),
    })
    return { decision: text(decision), evaluations: (gate.cache.hits + gate.cache.misses - looked) / (counts[0] ?? 0) }
  }
  const first = await judged('one')
  t.match(first.decision, '"patch"')
  t.ok(first.evaluations > 1, 'the patched object is judged, too')
  t.strictSame(await judged('other'), { ...first, evaluations: 1 })
})

t.test('an exception ends when it does, whatever was kept before', async t => {
  const config =
    'apiVersion: lockkeeper.dev/v1alpha1\nkind: Exception\nmetadata: {name: legacy}\nspec: {policies: [healthy], ' +
    'scope: {group: "", kind: Pod, namespace: shop, name: web}, reason: legacy, ticket: OPS-1, owner: alice, ' +
    'approvedBy: bob, notAfter: "2026-06-30T00:00:00Z"}\n'
  const gate = await createGate(
    parseBundle(await fixtureBundle('mixed', { 'lockkeeper/exceptions/legacy.yaml': config }), { allowUnsigned: true }),
  )
  const containers = [{ name: 'web', image: 'registry.example/web:1', securityContext: { privileged: true } }]
  const request = admissionRequest({ object: pod({ spec: { containers } }) })
  const states = async (now: string) => {
    const { exceptions, violations } = await gate.review(request, contextOf({ now }))
    return [exceptions.map(each => each.state), violations.find(each => each.policy === 'healthy')?.enforcementAction]
  }
  t.strictSame(await states('2026-06-29T23:59:59Z'), [['applied'], 'dryrun'])
  const { hits } = gate.cache
  t.strictSame(await states('2026-06-30T00:00:01Z'), [['expired'], 'deny'])
  t.ok(gate.cache.hits > hits, 'the finding itself was kept')
})

t.test('a failure is not kept', async t => {
  const gate = await createGate(parseBundle(await fixtureBundle('mixed'), { allowUnsigned: true }))
  const ask = async (killed: ReadonlyMap<string, string>) => {
    const { degraded } = await gate.review(admissionRequest(), contextOf(), { killed })
    return degraded.filter(each => each.code !== 'MODEL_MISSING').map(({ code, policy }) => `${code} ${policy ?? ''}`)
  }
  const failures = ['POLICY_FAILED failing', 'POLICY_FAILED text']
  t.strictSame(await ask(new Map()), failures)
  t.strictSame(await ask(new Map([['healthy', 'it took too long']])), ['POLICY_KILLED healthy', ...failures].sort())
  t.strictSame(await ask(new Map()), failures)
  // healthy and calls were found again, but for the killed one; failing and text were tried each time, and values, which
  // reads the whole input.
  t.strictSame([gate.cache.hits, gate.cache.misses], [3, 11])
})

t.test('a policy of the last stage is asked again when the others found something else', async t => {
  const gate = await createGate(parseBundle(await fixtureBundle('inputs'), { allowUnsigned: true }))
  const late = async (containers: JsonObject[], now: string) => {
    const object = pod({ spec: { containers } })
    const { violations } = await gate.review(admissionRequest({ object }), contextOf({ now }))
    return violations
      .filter(each => each.policy === 'late')
      .map(each => each.message)
      .sort()
  }
  const [early, afterwards] = ['2026-06-01T12:00:00Z', '2026-06-01T12:01:00Z'] as const
  for (const round of ['made', 'kept']) {
    t.strictSame(await late([{ name: 'web', image: 'a' }], early), [], round)
    t.strictSame(await late([{ name: 'web', image: 'a' }], afterwards), ['dynamic', 'reads', 'unknown'], round)
    t.strictSame(await late([], afterwards), ['dynamic', 'unknown'], round)
  }
})

t.test('a score is kept by subject and snapshot, unless it cannot be used', async t => {
  const asked: (string | null)[] = []
  const scores = [0.25, NaN, 0.5, 0.75]
  const model: RiskModel = {
    assess: (request, context) => {
      asked.push(context.rarity?.digest ?? null)
      const assessment = assess(request)
      return { ...assessment, risk: { ...assessment.risk, score: scores[asked.length - 1] ?? 1 } }
    },
  }
  const gate = await createGate(bundle, { riskModel: model })
  const snapshot = { count: () => 0, distinct: () => 0 }
  const rarity = (digest: string) => ({ snapshot, digest })
  const score = async (digest: string, change: Partial<AdmissionRequest> = {}) =>
    (await gate.review(admissionRequest(change), contextOf({ rarity: rarity(digest) }))).risk?.score ?? null
  t.equal(await score('a'), 0.25)
  t.equal(await score('a', { uid: 'another', userInfo: { username: 'bob' } }), 0.25)
  t.equal(await score('b'), null, 'another snapshot, and no usable score')
  t.equal(await score('b'), 0.5, 'which is not kept')
  t.equal(await score('b', { object: pod({ spec: { containers: [] } }) }), 0.75, 'another subject')
  t.strictSame(asked, ['a', 'b', 'b', 'b'])
})
