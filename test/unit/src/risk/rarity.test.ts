import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { canonicalObject } from '../../../../src/canonical.js'
import { isJsonObject, parseJson, type JsonObject } from '../../../../src/json.js'
import { countLevel, levelCount, type RarityCounts } from '../../../../src/risk/rarity/counts.js'
import { MAX_WIDTH_BITS, Sketch, SKETCH_ROWS, sketchCells } from '../../../../src/risk/rarity/sketch.js'
import { MAX_SNAPSHOT_BYTES, RarityBuilder, RaritySnapshot } from '../../../../src/risk/rarity/snapshot.js'
import { RARITY_FEATURES, rarityFeatures, rarityScore, surprise } from '../../../../src/risk/rarity/surprise.js'
import { rarityTokens, tokenKey } from '../../../../src/risk/rarity/tokens.js'

t.setTimeout(120_000)

function canonical(value: unknown): JsonObject {
  const parsed = parseJson(JSON.stringify(value))
  if (!isJsonObject(parsed)) throw new Error('not an object')
  return canonicalObject(parsed)
}

/** What an object says, with the places in short: `kind context = item @ path`. */
function said(value: unknown): string[] {
  return rarityTokens(canonical(value))
    .filter(({ context }) => context !== 'Deployment' && context !== 'Role')
    .map(({ kind, context, item, sensitive, path }) => `${kind}${sensitive ? '!' : ''} ${context} = ${item} @ ${path}`)
}

const deployment = (
  name: string,
  spec: Record<string, unknown> = {},
  container: Record<string, unknown> = {},
): Record<string, unknown> => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop', labels: { app: name } },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          { name: 'web', image: `quay.io/shop/${name}:1.2`, securityContext: { runAsNonRoot: true }, ...container },
        ],
        ...spec,
      },
    },
  },
})
const role = (name: string, ...rules: unknown[]): Record<string, unknown> => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name, namespace: 'shop' },
  rules,
})
const rule = (resources: string[], verbs: string[], apiGroups = ['']) => ({ apiGroups, resources, verbs })

t.test('an object says what it sets and where, without names, labels, numbers and hashes', t => {
  const pod = '/spec/template/spec'
  t.strictSame(
    said(
      deployment(
        'web-7f9c',
        { hostPID: true, serviceAccountName: 'web2' },
        { command: ['/bin/sh'], args: ['-c', 'x'] },
      ),
    ),
    [
      'path Deployment/metadata = name @ /metadata/name',
      'path Deployment/metadata = namespace @ /metadata/namespace',
      'path Deployment/metadata = labels @ /metadata/labels',
      'path Deployment/spec = selector @ /spec/selector',
      'path Deployment/spec = template @ /spec/template',
      'path Deployment/spec/template = metadata @ /spec/template/metadata',
      'path Deployment/spec/template/metadata = labels @ /spec/template/metadata/labels',
      'path Deployment/spec/template = spec @ /spec/template/spec',

      `path pod = container @ ${pod}/containers`,
      `path pod/container = name @ ${pod}/containers/0/name`,
      `path! pod/container = image @ ${pod}/containers/0/image`,
      `image! image = quay.io @ ${pod}/containers/0/image`,
      `image! image/owner = quay.io/shop @ ${pod}/containers/0/image`,
      `image! image/name = quay.io/shop/web-#f#c @ ${pod}/containers/0/image`,
      `path! pod/container = securityContext @ ${pod}/containers/0/securityContext`,
      `path! pod/container/securityContext = runAsNonRoot @ ${pod}/containers/0/securityContext/runAsNonRoot`,
      `value! pod/container/securityContext/runAsNonRoot = true @ ${pod}/containers/0/securityContext/runAsNonRoot`,
      `path! pod/container = command @ ${pod}/containers/0/command`,
      `value! pod/program = sh @ ${pod}/containers/0/command`,
      `path pod/container = args @ ${pod}/containers/0/args`,
      `path! pod = hostPID @ ${pod}/hostPID`,
      `value! pod/hostPID = true @ ${pod}/hostPID`,
      `path! pod = serviceAccountName @ ${pod}/serviceAccountName`,
      `reference! name/account = web# @ ${pod}/serviceAccountName`,
    ],
  )
  t.end()
})

t.test('a role says each right once, and strong ones by their verbs', t => {
  t.strictSame(
    said(
      role(
        'r',
        rule(['secrets'], ['get', 'nothing', 'list', 'get']),
        rule(['leases'], ['get'], ['coordination.k8s.io']),
      ),
    ).filter(each => /^(?:right|reference)/.test(each)),
    [
      'right! right/strong = /secrets @ /rules/0',
      'right! right/secrets = get @ /rules/0',
      'right! right/secrets = list @ /rules/0',
      'right! right = coordination.k#s.io/leases @ /rules/1',
      'reference! name/role = r @ /metadata/name',
    ],
  )
  t.end()
})

t.test('a pod is the same wherever it is', t => {
  const spec = { containers: [{ name: 'a', image: 'nginx', securityContext: { privileged: true } }], hostIPC: true }
  const ofPod = (value: unknown): string[] =>
    rarityTokens(canonical(value))
      .map(tokenKey)
      .filter(key => key.startsWith('pod'))
  const cronJob = { apiVersion: 'batch/v1', kind: 'CronJob', spec: { jobTemplate: { spec: { template: { spec } } } } }
  t.strictSame(ofPod(cronJob), ofPod({ apiVersion: 'v1', kind: 'Pod', spec }))
  t.equal(ofPod(cronJob).length, 8)
  t.end()
})

t.test('a count is kept in one byte', t => {
  t.strictSame(
    [0, 1, 2, 1000].map(count => countLevel(count)),
    [0, 12, 19, 120],
  )
  t.equal(levelCount(countLevel(0)), 0)
  t.equal(levelCount(countLevel(1)), 1)
  t.equal(countLevel(1e9), 255)
  fc.assert(
    fc.property(fc.double({ min: 0, max: 2e6, noNaN: true }), count => {
      const kept = levelCount(countLevel(count))
      return count < 0.03 ? kept < 0.06 : Math.abs(kept - count) <= 0.03 * (1 + count)
    }),
  )
  t.end()
})

t.test('a sketch never counts too little, however narrow it gets', t => {
  const sketch = new Sketch()
  const counts = new Map(Array.from({ length: 2000 }, (_, index) => [`key-${index}`, 1 + (index % 7)]))
  for (const [key, count] of counts) {
    sketch.add('count', key, count)
    sketch.add('count', key, 0.5)
  }
  const { widthBits, cells } = sketch.narrowest(1 / 8)
  t.equal(widthBits, 14, '2,000 of 16,384 cells')
  t.equal(cells.length, SKETCH_ROWS << widthBits)
  let [exact, tooLittle] = [0, 0]
  for (const [key, count] of counts) {
    const kept = Math.min(...sketchCells('count', key, widthBits).map(cell => cells[cell] ?? 0))
    if (kept < count + 0.5) tooLittle += 1
    if (kept === count + 0.5) exact += 1
  }
  t.equal(tooLittle, 0)
  t.ok(exact > 1980, `${exact} of 2,000 are exact`)
  const strangers = Array.from({ length: 2000 }, (_, index) => `stranger-${index}`)
  const known = strangers.filter(key => sketchCells('count', key, widthBits).every(cell => (cells[cell] ?? 0) > 0))
  t.ok(known.length < 20, `${known.length} of 2,000 unknown keys look known`)
  t.equal(sketch.count('distinct', 'key-1'), 0, 'the other question has other cells')
  t.end()
})

const AGE = { asOf: 1_800_000_000, halfLifeDays: 90 }
const DAY = 86_400

function snapshotOf(objects: Iterable<JsonObject>): RaritySnapshot {
  const builder = new RarityBuilder(AGE, 14)
  for (const object of objects) builder.add(object)
  return new RaritySnapshot(builder.finish())
}

t.test('a snapshot is named by its content, is small, and what it counts fades', t => {
  const web = canonical(deployment('web'))
  const build = (...ages: number[]): Uint8Array => {
    const builder = new RarityBuilder(AGE)
    for (const age of ages) builder.add(web, AGE.asOf - age * DAY)
    return builder.finish()
  }
  const bytes = build(0, 0, 0)
  const snapshot = new RaritySnapshot(bytes)
  t.equal(snapshot.digest, createHash('sha256').update(bytes).digest('hex'))
  t.equal(new RaritySnapshot(build(0, 0, 0)).digest, snapshot.digest)
  t.equal(snapshot.objects, 3)
  t.equal(snapshot.asOf, AGE.asOf)
  t.ok(bytes.length < 4000, `${bytes.length} bytes`)
  const count = (bytesOf: Uint8Array): number =>
    Math.round(new RaritySnapshot(bytesOf).count('pod\ncontainer') * 100) / 100
  t.equal(count(build(0, 0, 0)), 3)
  t.equal(count(build(-900, 90, 180)), 1.83, 'one, a half and a quarter, as one byte says it')
  t.equal(new RaritySnapshot(build(0, 90)).distinct('pod/container'), 3, 'name, image, securityContext')
  t.equal(MAX_SNAPSHOT_BYTES, 6 * 2 ** 20 + 40)
  t.equal(SKETCH_ROWS << MAX_WIDTH_BITS, 6 * 2 ** 20)
  t.end()
})

t.test('bytes that are no snapshot are refused', t => {
  const good = new RarityBuilder(AGE).finish()
  const changed = (at: number, ...values: number[]): Uint8Array => {
    const bytes = Uint8Array.from(good)
    bytes.set(values, at)
    return bytes
  }
  const cases = {
    nothing: { bytes: new Uint8Array(), says: 'the rarity snapshot does not begin as a rarity snapshot does' },
    'another file': {
      bytes: Buffer.alloc(5000, 'x'),
      says: 'the rarity snapshot does not begin as a rarity snapshot does',
    },
    'other tokens': {
      bytes: changed(20, 9),
      says: 'the rarity snapshot counts tokens of version 9, and this version of lockkeeper has 1: build it again',
    },
    'too wide': {
      bytes: changed(22, 22),
      says: 'the rarity snapshot has rows of 2^22 cells, which is none of its sizes',
    },
    'no number of objects': {
      bytes: changed(24, ...Buffer.from(new Float64Array([NaN]).buffer)),
      says: 'the rarity snapshot has a header that says nothing sensible',
    },
    'half of it': {
      bytes: good.subarray(0, 1000),
      says: 'the rarity snapshot has 1000 bytes instead of 3112: it is not whole',
    },
  }
  for (const [name, { bytes, says }] of Object.entries(cases)) {
    t.throws(() => new RaritySnapshot(bytes), { code: 'RARITY_INVALID', message: says }, name)
  }
  t.end()
})

t.test('what everybody has surprises nobody, and where all is new nothing does', t => {
  const counts = (total: number, seen: number, distinct: number): RarityCounts => ({
    count: key => (key === 'place' ? total : seen),
    distinct: () => distinct,
  })
  const cases = {
    'never seen among 1,000': { is: counts(1000, 0, 3), bits: 7.97 },
    'seen once among 1,000': { is: counts(1000, 1, 3), bits: 7.86 },
    'seen ten times': { is: counts(1000, 10, 3), bits: 6.18 },
    'in every object': { is: counts(1000, 1000, 3), bits: 0 },
    'never seen where every object has another': { is: counts(1000, 0, 1000), bits: 0 },
    'never seen where a tenth has another': { is: counts(1000, 0, 100), bits: 7.65 },
    'a place that is hardly known': { is: counts(15, 0, 1), bits: 0 },
  }
  for (const [name, { is, bits }] of Object.entries(cases)) {
    t.equal(Math.round(surprise({ context: 'place', item: 'item' }, is) * 100) / 100, bits, name)
  }
  t.end()
})

/** Another name for each, without a number in it. */
function letters(index: number): string {
  return String(index).replaceAll(/\d/g, digit => 'abcdefghij'[Number(digit)] ?? '')
}

const SHOP = Array.from({ length: 60 }, (_, index) => canonical(deployment(`app-${letters(index)}`)))
const ROLES = Array.from({ length: 60 }, (_, index) =>
  canonical(role(`r-${index}`, rule(['pods', 'services'], ['get', 'list']))),
)

/** What surprises in a change, by column. */
function surprising(old: unknown, now: unknown, counts: RarityCounts | null): Record<string, [number, string]> {
  const vector = rarityFeatures(old === null ? null : canonical(old), canonical(now), counts)
  return Object.fromEntries(
    RARITY_FEATURES.flatMap(({ name }, column) => {
      const value = vector.values[column] ?? 0
      return value === 0 ? [] : [[name, [value, vector.paths(column).join(' ')]]]
    }),
  )
}

/** What was never seen in 60 objects: the logarithm of 64 by 4, with what a byte loses. */
const UNSEEN = 3.984375

t.test('only what is added counts, and only where something is known', t => {
  const counts = snapshotOf([...SHOP, ...ROLES])
  const pod = '/spec/template/spec'
  t.strictSame(surprising(deployment('web'), deployment('web', { hostPID: true }), counts), {
    'rarity.path': [UNSEEN, `${pod}/hostPID`],
    'rarity.guarded': [UNSEEN, `${pod}/hostPID`],
    'rarity.guarded_sum': [UNSEEN, `${pod}/hostPID`],
    'rarity.sum': [UNSEEN, `${pod}/hostPID`],
  })
  t.strictSame(surprising(deployment('web'), deployment('web', {}, { image: 'ttl.sh/x7k2/web:1h' }), counts), {
    'rarity.image': [UNSEEN, `${pod}/containers/0/image`],
    'rarity.guarded': [UNSEEN, `${pod}/containers/0/image`],
    'rarity.guarded_sum': [2 * UNSEEN, `${pod}/containers/0/image`],
    'rarity.sum': [2 * UNSEEN, `${pod}/containers/0/image`],
  })
  t.strictSame(
    surprising(
      role('r', rule(['pods'], ['get'])),
      role('r', rule(['pods'], ['get']), rule(['secrets'], ['*'])),
      counts,
    ),
    {
      'rarity.right': [UNSEEN, '/rules/1'],
      'rarity.guarded': [UNSEEN, '/rules/1'],
      'rarity.guarded_sum': [UNSEEN, '/rules/1'],
      'rarity.sum': [UNSEEN, '/rules/1'],
    },
  )
  t.strictSame(surprising(deployment('web', { hostPID: true }), deployment('web', { hostPID: true }), counts), {})
  t.strictSame(surprising(deployment('web'), deployment('web', {}, { image: 'quay.io/shop/other:9' }), counts), {})
  t.strictSame(surprising(null, deployment('new'), counts), {}, 'a new object like the others')
  t.strictSame(surprising(null, deployment('new', { hostPID: true }), counts)['rarity.path'], [
    UNSEEN,
    `${pod}/hostPID`,
  ])
  const hosted = [deployment('web'), deployment('web', { hostPID: true })] as const
  t.strictSame(surprising(...hosted, null), {}, 'without a snapshot')
  t.strictSame(surprising(...hosted, snapshotOf(SHOP.slice(0, 15))), {}, 'with hardly one')
  t.strictSame(surprising(...hosted, snapshotOf([])), {}, 'with an empty one')
  t.end()
})

t.test('a score is between 0 and 1 and rises with the most unusual thing', t => {
  const score = (...bits: number[]): number => rarityScore({ values: Float32Array.from([...bits, 100, 100]) })
  t.strictSame(
    [score(0, 0, 0, 0, 0, 0), score(0, 4, 0, 1, 0, 0), score(8, 0, 0, 0, 0, 0), score(0, 0, 0, 0, 0, 12)],
    [0, 0.5, 0.75, 0.875],
  )
  t.end()
})

// --- Properties ---

const anySpec = fc.record(
  {
    serviceAccountName: fc.constantFrom('web', 'api', 'worker'),
    hostNetwork: fc.boolean(),
    nodeSelector: fc.constantFrom({ disk: 'ssd' }, { zone: 'a' }),
    priorityClassName: fc.constantFrom('high', 'low'),
    securityContext: fc.constantFrom({ runAsNonRoot: true }, { fsGroup: 100 }),
  },
  { requiredKeys: [] },
)
const anyContainer = fc.record(
  {
    image: fc.constantFrom('quay.io/shop/web:1', 'redis:7', 'ghcr.io/a/b:2', 'registry.k8s.io/pause:3'),
    command: fc.constantFrom(['/app'], ['sh', '-c', 'true'], ['java']),
    securityContext: fc.constantFrom({ readOnlyRootFilesystem: true }, { privileged: true }, {}),
  },
  { requiredKeys: ['image'] },
)
const anyRule = fc.record({
  apiGroups: fc.subarray(['', 'apps'], { minLength: 1 }),
  resources: fc.subarray(['pods', 'secrets', 'configmaps', 'leases', 'deployments'], { minLength: 1 }),
  verbs: fc.subarray(['get', 'list', 'create', '*'], { minLength: 1 }),
})
const anyObject = fc
  .oneof(
    fc.tuple(anySpec, anyContainer).map(([spec, container]) => deployment('some', spec, container)),
    fc.array(anyRule, { maxLength: 3 }).map(rules => role('some', ...rules)),
  )
  .map(canonical)
const population = fc.tuple(fc.array(anyObject, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 30 }))

/** Each plants something that no object around it has. */
const PLANTS: Record<string, readonly [before: Record<string, unknown>, after: Record<string, unknown>]> = {
  hostPID: [deployment('some'), deployment('some', { hostPID: true })],
  'a hostPath': [deployment('some'), deployment('some', { volumes: [{ name: 'v', hostPath: { path: '/' } }] })],
  'a field that nobody knows': [deployment('some'), deployment('some', { mining: true })],
  'a capability': [
    deployment('some', {}, { image: 'redis:7' }),
    deployment('some', {}, { image: 'redis:7', securityContext: { capabilities: { add: ['BPF'] } } }),
  ],
  'an image from elsewhere': [deployment('some'), deployment('some', {}, { image: 'ttl.sh/x/y:1h' })],
  'another program': [deployment('some', {}, { command: ['/app'] }), deployment('some', {}, { command: ['nsenter'] })],
  'an account': [
    deployment('some', { serviceAccountName: 'web' }),
    deployment('some', { serviceAccountName: 'cluster-admin' }),
  ],
  'a strong right': [role('some', rule(['pods'], ['get'])), role('some', rule(['pods', 'pods/exec'], ['get']))],
  'a right': [role('some', rule(['leases'], ['get'])), role('some', rule(['leases', 'foos'], ['get']))],
}

t.test('something planted once beforehand lowers the anomaly by 5 % at most', t => {
  let surprisingCases = 0
  fc.assert(
    fc.property(population, fc.constantFrom(...Object.keys(PLANTS)), ([kinds, times], name) => {
      const objects = Array.from({ length: times }, () => kinds).flat()
      const [old, planted] = (PLANTS[name] ?? []).map(canonical)
      if (old === undefined || planted === undefined) throw new Error(name)
      const before = rarityFeatures(old, planted, snapshotOf(objects))
      const after = rarityFeatures(old, planted, snapshotOf([...objects, planted]))
      if (rarityScore(before) > 0.4) surprisingCases += 1
      if (rarityScore(after) < 0.95 * rarityScore(before)) {
        throw new Error(`${name}: ${rarityScore(before)} fell to ${rarityScore(after)}`)
      }
    }),
    { numRuns: 200 },
  )
  t.ok(surprisingCases > 20, `${surprisingCases} cases were surprising`)
  t.end()
})

t.test('nothing that is added makes a change less surprising', t => {
  const counts = snapshotOf([...SHOP, ...ROLES])
  fc.assert(
    fc.property(anyObject, anyObject, anyObject, (old, object, more) => {
      // Both in one: all that either says.
      const both = canonical({
        ...object,
        spec: { ...(object.spec as object), extra: more.spec ?? {} },
        rules: [object.rules ?? [], more.rules ?? []].flat(),
      })
      const one = canonical({ ...object, rules: object.rules ?? [], spec: { ...(object.spec as object) } })
      const [less, all] = [rarityFeatures(old, one, counts).values, rarityFeatures(old, both, counts).values]
      less.forEach((value, column) => {
        if ((all[column] ?? 0) < value)
          throw new Error(`${RARITY_FEATURES[column]?.name} fell from ${value} to ${all[column]}`)
      })
      for (const value of all)
        if (!Number.isInteger(value * 64) || value < 0) throw new Error(`${value} is off the grid`)
    }),
    { numRuns: 500 },
  )
  t.end()
})
