import fc from 'fast-check'
import t from 'tap'
import { equalJson } from '../../../../src/canonical/drop.js'
import { isJsonObject, parseJson, type JsonObject } from '../../../../src/json.js'
import { applyPatch } from '../../../../src/remedy/patch.js'
import { findCounterfactual, type Counterfactual } from '../../../../src/risk/counterfactual.js'
import { CHANGE_FEATURES, changeFeatures, OBJECT_FEATURES, objectFeatures } from '../../../../src/risk/features.js'
import { joinedPatch } from '../../../../src/risk/joined-patch.js'

t.setTimeout(240_000)

function objectOf(value: unknown): JsonObject {
  const object = parseJson(JSON.stringify(value))
  return isJsonObject(object) ? object : {}
}

/** The same as a literal would give: read objects have no prototype. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function pod(spec: Record<string, unknown>, container: Record<string, unknown> = {}): Record<string, unknown> {
  const containers = [{ name: 'web', image: 'ghcr.io/shop/web:1.2', ...container }]
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers, ...spec } }
}

/** A score that rises with what weighs something; of a change, with what came with it as well. */
function scoreOf(weights: Record<string, number>, oldObject: JsonObject | null): (object: JsonObject) => number {
  const columns = Object.entries(weights).map(
    ([name, weight]) => [OBJECT_FEATURES.findIndex(each => each.name === name), weight] as const,
  )
  return object => {
    const before = oldObject === null ? null : objectFeatures(oldObject).values
    const { values } = objectFeatures(object)
    const logit = columns.reduce(
      (sum, [column, weight]) => sum + weight * ((values[column] ?? NaN) - (before?.[column] ?? 0)),
      -4,
    )
    return 1 / (1 + Math.exp(-logit))
  }
}

interface Case {
  readonly old?: unknown
  readonly now: unknown
  /** Features of objects, the strongest first. */
  readonly weights: Record<string, number>
  readonly patch: Counterfactual['patch'] | null
}

const THRESHOLD = 0.5

function contributionsOf(object: JsonObject, weights: Record<string, number>) {
  const vector = objectFeatures(object)
  return Object.entries(weights).map(([name, contribution]) => {
    const column = OBJECT_FEATURES.findIndex(each => each.name === name)
    return { contribution, paths: vector.paths(column) }
  })
}

const mounting = {
  volumes: [
    { name: 'data', emptyDir: {} },
    { name: 'root', hostPath: { path: '/' } },
  ],
  initContainers: [{ name: 'init', image: 'a:1', volumeMounts: [{ name: 'data', mountPath: '/a' }, { name: 'root', mountPath: '/b' }] }], // prettier-ignore
}
const cases: Record<string, Case> = {
  'a switch is turned': {
    now: pod({ hostPID: true, hostNetwork: true }),
    weights: { 'pod.host_pid': 4.5, 'pod.host_network': 0.2 },
    patch: [{ op: 'replace', path: '/spec/hostPID', value: false }],
  },
  'one that weighs enough is better than two': {
    now: pod({ hostPID: true, hostNetwork: true, hostIPC: true }),
    weights: { 'pod.host_pid': 1, 'pod.host_network': 1, 'pod.host_ipc': 3 },
    patch: [{ op: 'replace', path: '/spec/hostIPC', value: false }],
  },
  'two where none is enough': {
    now: pod({ hostPID: true, hostNetwork: true, hostIPC: true }),
    weights: { 'pod.host_pid': 3, 'pod.host_network': 2.5, 'pod.host_ipc': 2 },
    patch: [
      { op: 'replace', path: '/spec/hostPID', value: false },
      { op: 'replace', path: '/spec/hostNetwork', value: false },
    ],
  },
  'a volume goes with its mounts': {
    now: pod(mounting, { volumeMounts: [{ name: 'root', mountPath: '/b' }] }),
    weights: { 'pod.host_path_root': 5 },
    patch: [
      { op: 'remove', path: '/spec/volumes/1' },
      { op: 'remove', path: '/spec/initContainers/0/volumeMounts/1' },
      { op: 'remove', path: '/spec/containers/0/volumeMounts/0' },
    ],
  },
  'elements of a list go from its end on': {
    now: pod({}, { securityContext: { capabilities: { add: ['SYS_ADMIN', 'CHOWN', 'BPF'] } } }),
    weights: { 'pod.capability_kernel': 5 },
    patch: [
      { op: 'remove', path: '/spec/containers/0/securityContext/capabilities/add/2' },
      { op: 'remove', path: '/spec/containers/0/securityContext/capabilities/add/0' },
    ],
  },
  'all places of a feature that counts no places': {
    now: pod({
      containers: ['a', 'b', 'c', 'd'].map(name => ({
        name,
        image: 'a:1',
        securityContext: { allowPrivilegeEscalation: true },
      })),
    }),
    weights: { 'pod.escalation_allowed': 5 },
    patch: [0, 1, 2, 3].map(index => ({
      op: 'replace' as const,
      path: `/spec/containers/${index}/securityContext/allowPrivilegeEscalation`,
      value: false,
    })),
  },
  'more than three places': {
    now: pod({ hostPID: true, hostNetwork: true, hostIPC: true, shareProcessNamespace: true, nodeName: 'a' }),
    weights: {
      'pod.host_pid': 4,
      'pod.host_network': 4,
      'pod.host_ipc': 4,
      'pod.shares_processes': 4,
      'pod.node_chosen': 3,
    },
    patch: [
      { op: 'replace', path: '/spec/hostPID', value: false },
      { op: 'replace', path: '/spec/hostNetwork', value: false },
      { op: 'replace', path: '/spec/hostIPC', value: false },
      { op: 'replace', path: '/spec/shareProcessNamespace', value: false },
    ],
  },
  'no more places of a feature than needed': {
    now: pod({
      containers: ['a', 'b', 'c', 'd', 'e'].map(name => ({
        name,
        image: 'a:1',
        securityContext: { privileged: true },
      })),
    }),
    weights: { 'pod.privileged': 2 },
    patch: [0, 1, 2, 3].map(index => ({
      op: 'replace' as const,
      path: `/spec/containers/${index}/securityContext/privileged`,
      value: false,
    })),
  },
  'a variable goes with its value': {
    now: pod({}, { env: [{ name: 'DB_PASSWORD', value: 'hunter2' }] }),
    weights: { 'pod.literal_credential': 5 },
    patch: [{ op: 'remove', path: '/spec/containers/0/env/0' }],
  },
  'an annotation goes': {
    now: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'web', annotations: { 'nginx.ingress.kubernetes.io/configuration-snippet': 'return 200;' } },
      spec: {},
    },
    weights: { 'network.snippet': 5 },
    patch: [{ op: 'remove', path: '/metadata/annotations/nginx.ingress.kubernetes.io~1configuration-snippet' }],
  },
  'a profile goes with its type': {
    now: pod({ securityContext: { seccompProfile: { type: 'Unconfined' } } }),
    weights: { 'pod.seccomp_unconfined': 5 },
    patch: [{ op: 'remove', path: '/spec/securityContext/seccompProfile' }],
  },
  'no image is known to be better': {
    now: pod({}, { image: 'nginx' }),
    weights: { 'image.moving_tag': 5 },
    patch: null,
  },
  'it is not enough to change what can be changed': {
    now: pod({ hostPID: true }, { image: 'nginx' }),
    weights: { 'image.moving_tag': 5, 'pod.host_pid': 1 },
    patch: null,
  },
  'the only container stays, even if the change added it': {
    old: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: {} },
    now: pod({}, { image: 'nginx' }),
    weights: { 'image.moving_tag': 5 },
    patch: null,
  },
  'a container with another name is the same one where nothing else is left': {
    old: pod({}),
    now: pod({ containers: [{ name: 'other', image: 'nginx' }] }),
    weights: { 'image.moving_tag': 5 },
    patch: [{ op: 'replace', path: '/spec/containers/0/image', value: 'ghcr.io/shop/web:1.2' }],
  },
  'what a change changed is as it was': {
    old: pod({}, { image: 'nginx:1.2' }),
    now: pod({}, { image: 'nginx' }),
    weights: { 'image.moving_tag': 5 },
    patch: [{ op: 'replace', path: '/spec/containers/0/image', value: 'nginx:1.2' }],
  },
  'a volume that had another source has it again': {
    old: pod({ volumes: [{ name: 'a', emptyDir: {} }] }),
    now: pod({ volumes: [{ name: 'a', hostPath: { path: '/' } }] }),
    weights: { 'pod.host_path_root': 5 },
    patch: [{ op: 'replace', path: '/spec/volumes/0', value: { name: 'a', emptyDir: {} } }],
  },
  'a container that a change added goes, if that alone helps': {
    old: pod({}),
    now: pod({ containers: [{ name: 'web', image: 'ghcr.io/shop/web:1.2' }, { name: 'two', image: 'nginx' }] }), // prettier-ignore
    weights: { 'image.moving_tag': 5 },
    patch: [{ op: 'remove', path: '/spec/containers/1' }],
  },
  'a text in a list is not what another text there was before': {
    old: pod({}, { securityContext: { capabilities: { add: ['CHOWN'] } } }),
    now: pod({}, { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }),
    weights: { 'pod.capability_kernel': 5 },
    patch: [{ op: 'remove', path: '/spec/containers/0/securityContext/capabilities/add/0' }],
  },
  'what was there before the change stays': {
    old: pod({ hostPID: true }),
    now: pod({ hostPID: true, hostIPC: true }),
    weights: { 'pod.host_pid': 5, 'pod.host_ipc': 5 },
    patch: [{ op: 'replace', path: '/spec/hostIPC', value: false }],
  },
}

for (const [name, { old, now, weights, patch }] of Object.entries(cases)) {
  t.test(name, t => {
    const object = objectOf(now)
    const oldObject = old === undefined ? null : objectOf(old)
    const score = scoreOf(weights, oldObject)
    const contributions = contributionsOf(object, weights)
    const found = findCounterfactual({ object, oldObject, contributions, threshold: THRESHOLD, score })
    t.strictSame(plain(found?.patch ?? null), patch)
    if (found !== null) {
      t.equal(found.threshold, THRESHOLD)
      t.equal(found.score, score(applyPatch(object, found.patch) ?? {}), 'the patched object has that score')
      t.ok(found.score < THRESHOLD && score(object) >= THRESHOLD, 'which the object itself had not')
    }
    t.end()
  })
}

t.test('protection that a change took away comes back', t => {
  const securityContext = { runAsNonRoot: true, readOnlyRootFilesystem: true }
  const [oldObject, object] = [objectOf(pod({}, { securityContext })), objectOf(pod({}))]
  const column = CHANGE_FEATURES.findIndex(({ name }) => name === 'change.hardening_dropped')
  const lost = (now: JsonObject): number => changeFeatures(oldObject, now).values[column] ?? NaN
  const paths = ['runAsNonRoot', 'readOnlyRootFilesystem'].map(each => `/spec/containers/0/securityContext/${each}`)
  t.equal(lost(object), 2, 'two fields')
  const found = findCounterfactual({
    object,
    oldObject,
    contributions: [{ contribution: 1, paths }],
    threshold: 1,
    score: lost,
  })
  t.strictSame(plain(found), {
    patch: [{ op: 'add', path: '/spec/containers/0/securityContext', value: securityContext }],
    score: 0,
    threshold: 1,
  })
  t.end()
})

t.test('patches of one object become one', t => {
  const remove = (path: string) => ({ op: 'remove', path }) as const
  const restore = { op: 'replace', path: '/b/10', value: 1 } as const
  const cases: Record<string, readonly [Parameters<typeof joinedPatch>[0], ReturnType<typeof joinedPatch>]> = {
    'elements go from the end on': [
      [[remove('/a/9')], [remove('/a/10')], [remove('/a/2'), remove('/a/1/x')]],
      [remove('/a/10'), remove('/a/9'), remove('/a/2'), remove('/a/1/x')],
    ],
    'what stays in its place comes first': [
      [[remove('/b/9')], [restore]],
      [restore, remove('/b/9')],
    ],
    'what is in something that goes needs nothing': [[[remove('/a/1/x')], [remove('/a/1')]], [remove('/a/1')]],
    'what is in something that is restored needs nothing': [[[restore], [remove('/b/10/x')]], [restore]],
    'a name that begins with another one is another one': [
      [[remove('/a/1')], [remove('/a/11')]],
      [remove('/a/11'), remove('/a/1')],
    ],
    'one place changes once': [[[remove('/b/10')], [restore], [remove('/b/10')]], [remove('/b/10')]],
  }
  for (const [name, [patches, joined]] of Object.entries(cases)) t.strictSame(joinedPatch(patches), joined, name)
  t.end()
})

t.test('what lowers the score is no candidate, nor what says which object it is', t => {
  const seen: JsonObject[] = []
  const score = (object: JsonObject): number => {
    seen.push(object)
    return 0
  }
  const contributions = [
    { contribution: -1, paths: ['/spec/hostPID'] },
    { contribution: 0, paths: ['/spec/hostPID'] },
    { contribution: 1, paths: ['', '/kind', '/apiVersion', '/spec', '/metadata', '/metadata/name', '/spec/nowhere'] },
    { contribution: 1, paths: ['/spec/containers/0', '/spec/containers', '/spec/containers/0/name'] },
  ]
  const object = objectOf(pod({ hostPID: true }))
  t.equal(findCounterfactual({ object, oldObject: null, contributions, threshold: 1, score }), null)
  const whole = [{ contribution: 1, paths: ['/spec', '/spec/template', '/spec/template/spec'] }]
  const running = (image: string): JsonObject => objectOf({ kind: 'A', spec: { template: { spec: { image } } } })
  t.equal(
    findCounterfactual({ object: running('a'), oldObject: running('b'), contributions: whole, threshold: 1, score }),
    null,
  )
  const unchanged = [{ contribution: 1, paths: ['/spec/hostPID', '/spec/containers/0/image'] }]
  t.equal(findCounterfactual({ object, oldObject: object, contributions: unchanged, threshold: 1, score }), null)
  t.strictSame(seen, [])
  t.end()
})

const SWITCHES = Array.from({ length: 12 }, (_, index) => `switch${index}`)
/** An object of switches, and a score that adds up what those that are on weigh, and more for some of them together. */
const switched = fc.record({
  on: fc.subarray(SWITCHES, { minLength: 1 }),
  weights: fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 12, maxLength: 12 }),
  pairs: fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.integer({ min: 0, max: 6 })), { maxLength: 6 }),
  threshold: fc.integer({ min: 1, max: 30 }),
})

t.test('what is found holds, and nothing smaller was tried that is enough', t => {
  let count = 0
  fc.assert(
    fc.property(switched, ({ on, weights, pairs, threshold }) => {
      const object = objectOf({ kind: 'A', spec: Object.fromEntries(on.map(name => [name, true])) })
      const isOn = (each: JsonObject, index: number): boolean =>
        isJsonObject(each.spec) && each.spec[SWITCHES[index] ?? ''] === true
      const judge = (each: JsonObject): number =>
        weights.reduce((sum, weight, index) => sum + (isOn(each, index) ? weight : 0), 0) +
        pairs.reduce((sum, [a, b, weight]) => sum + (isOn(each, a) && isOn(each, b) ? weight : 0), 0)
      const sizeOf = (each: JsonObject): number => on.filter(name => !isOn(each, SWITCHES.indexOf(name))).length
      const tried: { readonly size: number; readonly score: number }[] = []
      const contributions = on
        .map(name => ({ contribution: weights[SWITCHES.indexOf(name)] ?? 0, paths: [`/spec/${name}`] }))
        .sort((a, b) => b.contribution - a.contribution)
      const found = findCounterfactual({
        object,
        oldObject: null,
        contributions,
        threshold,
        score: each => {
          const score = judge(each)
          tried.push({ size: sizeOf(each), score })
          return score
        },
      })
      if (tried.length > 64) throw new Error(`${tried.length} were tried`)
      const enough = tried.filter(({ score }) => score < threshold)
      if (found === null) {
        if (enough.length > 0) throw new Error('one that was tried is enough')
        return
      }
      count += 1
      const patched = applyPatch(object, found.patch) ?? {}
      if (equalJson(patched, object) || judge(patched) !== found.score)
        throw new Error(`${judge(patched)} is the score`)
      if (found.score >= threshold) throw new Error('it is not enough')
      const smallest = Math.min(...enough.map(({ size }) => size))
      if (sizeOf(patched) !== smallest || found.patch.length !== smallest) throw new Error(`${smallest} are enough`)
      const best = Math.min(...enough.filter(({ size }) => size === smallest).map(({ score }) => score))
      if (found.score !== best) throw new Error(`${best} is possible with as many`)
    }),
    { numRuns: 2_000 },
  )
  t.ok(count > 200, `${count} were found`)
  t.end()
})

t.test('up to three of the strongest places are found where no smaller set is enough', t => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 3 }), chosen => {
      const object = objectOf({ kind: 'A', spec: Object.fromEntries(SWITCHES.map(name => [name, true])) })
      // Nothing but all of the chosen ones together is better than nothing.
      const score = ({ spec }: JsonObject): number => {
        const off = SWITCHES.filter(name => isJsonObject(spec) && spec[name] === false)
        const hits = chosen.filter(index => off.includes(SWITCHES[index] ?? '')).length
        return hits === chosen.length ? 0 : 10
      }
      const contributions = SWITCHES.map((name, index) => ({ contribution: 20 - index, paths: [`/spec/${name}`] }))
      const found = findCounterfactual({ object, oldObject: null, contributions, threshold: 1, score })
      const places = found?.patch.map(({ path }) => path).sort()
      if (places?.join() !== chosen.map(index => `/spec/${SWITCHES[index] ?? ''}`).sort().join()) throw new Error(String(places)) // prettier-ignore
    }),
  )
  t.pass('for random ones')
  t.end()
})
