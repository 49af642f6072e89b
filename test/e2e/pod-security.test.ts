// The API server's own plug-in as the oracle of the policies for the Pod Security Standards.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AdmissionRequest } from '../../src/admission.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import type { JsonObject } from '../../src/json.js'
import { buildRequest } from '../../src/request.js'
import {
  createRandom,
  generateEphemeralContainer,
  generatePod,
  manifestOf,
  TEMPLATE_KINDS,
  type GeneratedPod,
  type Random,
} from '../helpers/pod-security-pods.js'
import {
  controlsInMessage,
  controlsInWarnings,
  CONTROL_WORDS,
  POLICY_WORDS,
  wordOf,
} from '../helpers/pod-security-words.js'
import { contextOf } from '../helpers/requests.js'
import { ROOT } from '../helpers/repository.js'
import type { ApiResponse } from '../helpers/testbed/api-connection.js'
import { startControlPlane, type ControlPlane } from '../helpers/testbed/control-plane.js'
import { program } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

/** A level of the standard in a version, as the plug-in writes it: `baseline:v1.37`. */
type LevelVersion = `${'privileged' | 'baseline' | 'restricted'}:v1.${number}`

/** What a namespace asks for by its labels. */
interface Modes {
  readonly enforce: LevelVersion
  readonly warn: LevelVersion
}

/** The version whose standard all Pods are judged by. */
const CURRENT = 37
/** The last versions before a control changed. */
const EARLIER = [0, 7, 18, 21, 22, 24, 26, 28, 30, 31, 33, 34, 36]
const SEED = 20260601
const PODS = 2000
const LANES = 8
const UNLABELLED = 'unlabelled'
/** Ten times what it takes on two cores that do nothing else. */
const TIMEOUT_MS = 900_000

t.setTimeout(2 * TIMEOUT_MS)

const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const controls = bundle.cards.filter(card => card.controls.some(each => each.startsWith('PSS:')))
/** Without the other policies, whose violations would be remedied tens of thousands of times here. */
const gate = await createGate({ ...bundle, cards: controls })
const { userInfo } = bundle.config.prediction

/** The same level for all that a namespace can ask for. */
function uniform(level: 'baseline' | 'restricted', version: number): Modes {
  return { enforce: `${level}:v1.${version}`, warn: `${level}:v1.${version}` }
}

const LEVELS = [uniform('baseline', CURRENT), uniform('restricted', CURRENT)]
const EARLIER_LEVELS = EARLIER.flatMap(version => [uniform('baseline', version), uniform('restricted', version)])
const MIXED: readonly Modes[] = [
  { enforce: 'baseline:v1.37', warn: 'restricted:v1.37' },
  { enforce: 'baseline:v1.24', warn: 'baseline:v1.37' },
  { enforce: 'privileged:v1.37', warn: 'baseline:v1.37' },
  { enforce: 'privileged:v1.37', warn: 'restricted:v1.30' },
  { enforce: 'restricted:v1.20', warn: 'baseline:v1.37' },
  { enforce: 'restricted:v1.37', warn: 'privileged:v1.37' },
]

function labelsOf({ enforce, warn }: Modes): Record<string, string> {
  const modes = Object.entries({ enforce, warn, audit: warn }).flatMap(([mode, each]) => {
    const [level, version] = each.split(':')
    return [
      [`pod-security.kubernetes.io/${mode}`, level],
      [`pod-security.kubernetes.io/${mode}-version`, version],
    ]
  })
  return Object.fromEntries(modes) as Record<string, string>
}

function namespaceOf({ enforce, warn }: Modes): string {
  return `${enforce}-${warn}`.replaceAll(/[:.]/g, '-')
}

/** What the two sides say of an object, in the words of the plug-in. */
interface Verdict {
  readonly denied: readonly string[]
  readonly warned: readonly string[]
}

async function ours(request: AdmissionRequest, modes: Modes): Promise<Verdict> {
  const { violations } = await gate.review(
    request,
    contextOf({ namespace: { labels: labelsOf(modes), annotations: {} } }),
  )
  const words = (action: string, mode: LevelVersion) => {
    const found = violations.filter(each => each.enforcementAction === action)
    return [...new Set(found.flatMap(({ policy }) => wordOf(policy, mode) ?? []))].sort()
  }
  return { denied: words('deny', modes.enforce), warned: words('warn', modes.warn) }
}

function creation(object: JsonObject): AdmissionRequest {
  return buildRequest({ object, base: null, userInfo, namespace: 'default' })
}

/** Null: validation refused the object before any plug-in judged it. */
function theirs({ status, text, body, headers }: ApiResponse): Verdict | null {
  if (status === 422) return null
  if (status < 300) return { denied: [], warned: controlsInWarnings(headers.warning) }
  if (status !== 403) throw new Error(`the API server answered ${status}: ${text.slice(0, 1000)}`)
  return { denied: controlsInMessage((body as { message: string }).message), warned: [] }
}

/** Does the same with every item, several at a time. */
async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]()
  const lane = async () => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

/** What was compared and where both sides differed, with enough to see why. */
class Comparison {
  readonly differences: string[] = []
  readonly seen = new Map<string, number>()
  compared = 0
  violating = 0

  add(what: string, expected: readonly string[], found: readonly string[], object: unknown): void {
    this.compared += 1
    if (expected.length > 0) this.violating += 1
    for (const word of expected) this.seen.set(word, (this.seen.get(word) ?? 0) + 1)
    if (expected.join() !== found.join()) {
      this.differences.push(
        `${what}: the API server says [${expected.join(', ')}], we say [${found.join(', ')}]: ${JSON.stringify(object)}`,
      )
    }
  }

  report(t: Test, what: string): void {
    const controls = [...this.seen].sort().map(([word, count]) => `${word} ${count}`)
    const { compared, violating, differences } = this
    t.comment(`${what}: ${compared} compared, ${violating} with violations (${controls.join(', ') || 'none'})`)
    t.ok(violating > 0 && violating < compared, `${what}: some violate the standard and some do not`)
    t.equal(differences.length, 0, `${what}: both say the same`, { differences: differences.slice(0, 5) })
  }
}

/** Posts without keeping the object. */
async function post(plane: ControlPlane, object: JsonObject): Promise<ApiResponse> {
  const { apiVersion, kind, metadata } = object as { apiVersion: string; kind: string; metadata: { namespace: string } }
  const path = await plane.admin.collectionPath({ apiVersion, kind, namespace: metadata.namespace })
  return plane.admin.request('POST', path, { body: object, query: { dryRun: 'All' } })
}

/** Pods that the API server's validation lets pass, and how many others were generated. */
async function validPods(plane: ControlPlane, random: Random, count: number) {
  const pods: { pod: GeneratedPod; defaulted: JsonObject }[] = []
  let refused = 0
  while (pods.length < count) {
    const batch = Array.from({ length: Math.min(200, count - pods.length) }, () => generatePod(random))
    const answers = new Map<GeneratedPod, ApiResponse>()
    await inLanes(batch, async pod => {
      answers.set(pod, await post(plane, manifestOf('Pod', pod, UNLABELLED)))
    })
    // In the order of generation, whatever the order of the answers.
    for (const [pod, { status, body, text }] of batch.map(pod => [pod, answers.get(pod) as ApiResponse] as const)) {
      if (status === 201) pods.push({ pod, defaulted: body as JsonObject })
      else if (status === 422) refused += 1
      else throw new Error(`the API server answered ${status}: ${text.slice(0, 1000)}`)
    }
  }
  return { pods, refused }
}

type ValidPod = Awaited<ReturnType<typeof validPods>>['pods'][number]

/** Pods as they were written and as the API server fills them in. A denied one is not warned about. */
async function comparePods(plane: ControlPlane, pods: readonly ValidPod[], namespaces: readonly Modes[]) {
  const comparison = new Comparison()
  await inLanes(pods, async ({ pod, defaulted }) => {
    for (const modes of namespaces) {
      const namespace = namespaceOf(modes)
      const manifest = manifestOf('Pod', pod, namespace)
      const expected = theirs(await post(plane, manifest))
      if (expected === null) throw new Error(`a Pod that was valid is not valid in ${namespace}`)
      for (const object of [manifest, defaulted]) {
        const found = await ours(creation(object), modes)
        comparison.add(`denied in ${namespace}`, expected.denied, found.denied, object)
        if (expected.denied.length > 0) continue
        comparison.add(`warned of in ${namespace}`, expected.warned, found.warned, object)
      }
    }
  })
  return comparison
}

/** The same Pods as templates of workloads: the API server warns of what it would deny, and we deny it. */
async function compareTemplates(plane: ControlPlane, pods: readonly ValidPod[], namespaces: readonly Modes[]) {
  const comparison = new Comparison()
  let refused = 0
  await inLanes([...pods.entries()], async ([index, { pod }]) => {
    const kind = TEMPLATE_KINDS[index % TEMPLATE_KINDS.length] ?? ''
    for (const modes of namespaces) {
      const namespace = namespaceOf(modes)
      const manifest = manifestOf(kind, pod, namespace)
      const answer = await post(plane, manifest)
      const expected = theirs(answer)
      if (expected === null) refused += 1
      if (expected === null) continue
      for (const object of [manifest, answer.body as JsonObject]) {
        const found = await ours(creation(object), modes)
        comparison.add(`${kind} in ${namespace}`, expected.warned, found.denied, object)
      }
    }
  })
  return { comparison, refused }
}

/** Pods that comply with the restricted level in different ways, to which containers are added while they run. */
function runningPods(): readonly JsonObject[] {
  const profile = { seccompProfile: { type: 'RuntimeDefault' } }
  const own = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  const image = 'registry.example.com/shop/web:1.4.2'
  return [
    { securityContext: { runAsNonRoot: true, ...profile }, containers: [{ name: 'web', image, securityContext: own }] },
    { containers: [{ name: 'web', image, securityContext: { ...own, runAsNonRoot: true, ...profile } }] },
    { hostUsers: false, securityContext: profile, containers: [{ name: 'web', image, securityContext: own }] },
    { os: { name: 'windows' }, securityContext: { runAsNonRoot: true }, containers: [{ name: 'web', image }] },
  ]
}

async function compareEphemeralContainers(plane: ControlPlane, random: Random, count: number) {
  const comparison = new Comparison()
  let refused = 0
  for (const modes of LEVELS) {
    const namespace = namespaceOf(modes)
    const running: JsonObject[] = []
    for (const [index, spec] of runningPods().entries()) {
      const metadata = { name: `web-${index}`, namespace }
      running.push((await plane.admin.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec })) as JsonObject)
    }
    for (let left = count; left > 0;) {
      const oldObject = random.pick(running)
      const { spec, metadata } = oldObject as { spec: JsonObject; metadata: { name: string } }
      const ephemeralContainers = [generateEphemeralContainer(random)]
      const object: JsonObject = { ...oldObject, spec: { ...spec, ephemeralContainers } }
      const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}/ephemeralcontainers`
      const expected = theirs(await plane.admin.request('PUT', path, { body: object, query: { dryRun: 'All' } }))
      if (expected === null) {
        refused += 1
        continue
      }
      const subResource = 'ephemeralcontainers'
      const request = { ...buildRequest({ object, base: oldObject, userInfo, namespace }), subResource }
      const found = await ours(request, modes)
      comparison.add(`ephemeral container in ${namespace}`, expected.denied, found.denied, ephemeralContainers)
      left -= 1
    }
  }
  return { comparison, refused }
}

/** The feature gates that have to do with what is compared here, as the running server says. */
async function featureGates(plane: ControlPlane): Promise<Record<string, string>> {
  const { text } = await plane.admin.request('GET', '/metrics')
  const gates = [...text.matchAll(/^kubernetes_feature_enabled\{name="(\w+)",stage="(\w*)"\} ([01])$/gm)]
  const relevant = /^(UserNamespaces|ProcMount|.*AppArmor|.*Seccomp|.*SELinux|.*Sysctl|.*HostNetwork|.*PodSecurity)/
  return Object.fromEntries(
    gates.flatMap(([, name = '', stage = '', on]) =>
      relevant.test(name) ? [[name, `${on === '1' ? 'on' : 'off'}, ${stage === '' ? 'GA' : stage}`]] : [],
    ),
  )
}

t.test('every policy for a control of the standard is compared, and nothing else', t => {
  t.strictSame(controls.map(({ id }) => id).sort(), Object.keys(POLICY_WORDS).sort())
  t.end()
})

async function startWithNamespaces(t: Test, namespaces: readonly Modes[], gates: Record<string, boolean> = {}) {
  const plane = await startControlPlane(createTestbed(t), { featureGates: gates })
  await plane.createNamespace(UNLABELLED)
  for (const modes of namespaces) await plane.createNamespace(namespaceOf(modes), { labels: labelsOf(modes) })
  return plane
}

t.test('the policies and the API server say the same', { timeout: TIMEOUT_MS }, async t => {
  const plane = await startWithNamespaces(t, [...LEVELS, ...EARLIER_LEVELS, ...MIXED])
  const gates = await featureGates(plane)
  t.comment(`feature gates: ${JSON.stringify(gates)}`)
  t.equal(gates.UserNamespacesSupport, 'on, GA', 'hostUsers is not dropped')
  t.equal(gates.ProcMountType, 'on, GA', 'procMount is not dropped')

  const random = createRandom(SEED)
  const { pods, refused } = await validPods(plane, random, PODS)
  t.comment(`${pods.length} Pods of seed ${SEED}; validation refused ${refused} others`)

  const all = await comparePods(plane, pods, LEVELS)
  all.report(t, 'Pods')
  t.strictSame(
    CONTROL_WORDS.filter(word => (all.seen.get(word) ?? 0) < 50),
    [],
    'every control was violated often',
  )
  const templates = await compareTemplates(plane, pods, LEVELS)
  t.comment(`templates: validation refused ${templates.refused}`)
  templates.comparison.report(t, 'templates of workloads')

  const ephemeral = await compareEphemeralContainers(plane, random, 300)
  t.comment(`ephemeral containers: validation refused ${ephemeral.refused} others`)
  ephemeral.comparison.report(t, 'ephemeral containers')

  const some = pods.slice(0, 100)
  ;(await comparePods(plane, some, EARLIER_LEVELS)).report(t, 'Pods, by earlier versions of the standard')
  ;(await comparePods(plane, some, MIXED)).report(t, 'Pods, enforced and warned of by different levels')
})

t.test('the same with user namespaces in the network of the node', { timeout: TIMEOUT_MS }, async t => {
  const plane = await startWithNamespaces(t, LEVELS, { UserNamespacesHostNetworkSupport: true })
  t.equal((await featureGates(plane)).UserNamespacesHostNetworkSupport, 'on, ALPHA')
  const { pods, refused } = await validPods(plane, createRandom(SEED + 1), 500)
  t.comment(`${pods.length} Pods of seed ${SEED + 1}; validation refused ${refused} others`)
  t.ok(
    pods.some(({ pod: { spec } }) => spec.hostNetwork === true && spec.hostUsers === false),
    'the gate makes Pods possible that were not',
  )
  ;(await comparePods(plane, pods, LEVELS)).report(t, 'Pods')
  ;(await compareTemplates(plane, pods, LEVELS)).comparison.report(t, 'templates of workloads')
})

t.test('the relaxation for user namespaces cannot be switched', t => {
  const answer = (gate: string) => {
    const { status, stderr } = spawnSync(program('kube-apiserver'), [`--feature-gates=${gate}`], { encoding: 'utf8' })
    t.not(status, 0)
    return stderr
  }
  t.match(
    answer('UserNamespacesPodSecurityStandards=true'),
    /unrecognized feature gate: UserNamespacesPodSecurityStandards/,
  )
  t.match(
    answer('UserNamespacesSupport=false'),
    /cannot set feature gate UserNamespacesSupport to false, feature is locked to true/,
  )
  t.end()
})
