import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Decision, Violation } from '../../src/decision-types.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { buildRequest } from '../../src/request.js'
import { groupOf, isWorkload, WORKLOADS } from '../../src/workload.js'
import { corpusDirectory, corpusObjects, type CorpusObject } from '../helpers/corpus.js'
import { ROOT } from '../helpers/repository.js'
import { contextOf } from '../helpers/requests.js'

// What the library would do on its first day: how much of what people really run it denies, and how much of what
// attackers run it lets through without a word. LOCKKEEPER_CORPUS names objects with a `label` (benign, hostile), and of
// hostile ones their `severity` and `family`.

const NOW = '2026-06-01T12:00:00Z'

/**
 * Projects that are part of the machine: they cannot work under the Pod Security Standards, and whoever installs them
 * labels their namespace privileged. A homelab, a chart collection or a monitoring stack is none as a whole, even with
 * a node agent among its objects.
 */
const INFRASTRUCTURE: Readonly<Record<string, string>> = {
  'NVIDIA/k8s-device-plugin': 'a device plug-in: it talks to the kubelet through its socket, and to the devices',
  'aquasecurity/kube-bench': 'it checks the files and processes of the node itself',
  'cilium/tetragon': 'a node agent: it puts eBPF programs into the kernel',
  'kubearmor/KubeArmor': 'a node agent: it loads profiles into the security modules of the kernel',
  'kubernetes-csi/csi-driver-nfs': 'a CSI driver: it mounts volumes for the kubelet, in the network of the node',
  'kubernetes-sigs/security-profiles-operator': 'its node agent installs seccomp, SELinux and AppArmor profiles',
  'kubernetes/cloud-provider-openstack': 'the cloud controller of the control plane, and CSI drivers',
  'projectcalico/calico': 'a CNI plug-in: it writes the network of the node',
  'rook/rook': 'storage on the disks of the nodes, with its CSI drivers',
}
const PRIVILEGED = { 'pod-security.kubernetes.io/enforce': 'privileged' }

const GROUPS = ['workloads', 'RBAC', 'network', 'other'] as const
type Group = (typeof GROUPS)[number]

/** The most of a group that may be denied, outside infrastructure. */
const BARS: Partial<Record<Group, number>> = { workloads: 0.01, RBAC: 0.02, network: 0.02 }
/** The most of the attacks that may go by without a word. */
const MISSED_BAR = 0.05
/** So many at least, or the shares would say little. */
const ENOUGH = 100

const NETWORK_GROUPS = ['discovery.k8s.io', 'gateway.networking.k8s.io', 'networking.k8s.io']
const NETWORK_KINDS: Readonly<Record<string, readonly string[]>> = {
  '': ['Endpoints', 'Service'],
  extensions: ['Ingress', 'NetworkPolicy'],
}

function groupOfKind(group: string, kind: string): Group {
  if (isWorkload(group, kind, WORKLOADS)) return 'workloads'
  if (group === 'rbac.authorization.k8s.io') return 'RBAC'
  return NETWORK_GROUPS.includes(group) || NETWORK_KINDS[group]?.includes(kind) === true ? 'network' : 'other'
}

interface Judged {
  readonly id: string
  readonly source: string
  readonly kind: string
  readonly group: Group
  readonly family: string
  readonly decision: Decision
}

const corpus = corpusDirectory()
const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)

async function judge({ source, manifest, record }: CorpusObject): Promise<Judged> {
  const { userInfo } = bundle.config.prediction
  const request = buildRequest({ object: manifest, base: null, userInfo, namespace: 'default' })
  const labels = Object.hasOwn(INFRASTRUCTURE, source) ? PRIVILEGED : {}
  const namespace = request.namespace === undefined ? null : { labels, annotations: {} }
  return {
    id: text(record.id),
    source,
    kind: request.kind.kind,
    group: groupOfKind(groupOf(text(manifest.apiVersion)), request.kind.kind),
    family: text(record.family) || source,
    decision: await gate.review(request, contextOf({ now: NOW, namespace })),
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

async function judgeAll(isWanted: (record: CorpusObject['record']) => boolean): Promise<readonly Judged[]> {
  const judged: Judged[] = []
  for (const each of corpusObjects(corpus ?? '')) if (isWanted(each.record)) judged.push(await judge(each))
  return judged
}

const isDenied = ({ decision }: Judged): boolean => !decision.allowed

/** The policies that deny an object, each once. */
function deniers({ decision }: Judged): readonly string[] {
  const denials = decision.violations.filter(each => each.enforcementAction === 'deny')
  return [...new Set(denials.map(each => each.policy))]
}

/** What failed while it was judged; a missing model is no failure, for this is about the rules alone. */
function failuresOf({ id, decision }: Judged): readonly string[] {
  const failures = decision.degraded.filter(each => each.code !== 'MODEL_MISSING')
  return failures.map(each => `${id}: ${each.code} ${each.policy ?? ''} ${each.text}`)
}

function share(count: number, of: number): string {
  return `${count} of ${of} (${of === 0 ? '–' : ((100 * count) / of).toFixed(2)} %)`
}

/** How often each text stands in the lists, the most frequent first. */
function counted(lists: readonly (readonly string[])[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const each of lists.flat()) counts.set(each, (counts.get(each) ?? 0) + 1)
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
}

/** The share of each group that is denied, and by which policies and from which sources that comes. */
function printDenials(t: Test, title: string, all: readonly Judged[]): void {
  for (const group of GROUPS) {
    const members = all.filter(each => each.group === group)
    const denied = members.filter(isDenied)
    t.comment(`${title}, ${group}: ${share(denied.length, members.length)} denied`)
    for (const [policy, count] of counted(denied.map(deniers))) {
      const alone = denied.filter(each => deniers(each).join() === policy).length
      t.comment(`  by ${policy}: ${share(count, members.length)}, ${alone} by it alone`)
    }
    for (const [source, count] of counted(denied.map(each => [each.source]))) {
      t.comment(`  of ${source}: ${share(count, members.filter(each => each.source === source).length)}`)
    }
    const clean = new Set(members.map(each => each.source)).size - new Set(denied.map(each => each.source)).size
    t.comment(`  of ${clean} more sources: none`)
  }
}

function isSerious({ severity }: Violation): boolean {
  return severity === 'high' || severity === 'critical'
}

/** How far the rules go with an object of an attack. A serious warning is one that is rare for others. */
function outcomeOf(judged: Judged): 'denied' | 'warned seriously' | 'warned' | 'let through without a word' {
  if (isDenied(judged)) return 'denied'
  const { violations } = judged.decision
  if (violations.some(isSerious)) return 'warned seriously'
  return violations.length > 0 ? 'warned' : 'let through without a word'
}

function printOutcomes(t: Test, title: string, all: readonly Judged[]): void {
  const outcomes = counted(all.map(each => [outcomeOf(each)]))
  t.comment(`${title}: ${outcomes.map(([outcome, count]) => `${outcome} ${share(count, all.length)}`).join(', ')}`)
}

const skip = corpus === null && 'LOCKKEEPER_CORPUS names no corpus'

t.test('on its first day the library denies next to nothing of what people run', { skip }, async t => {
  const benign = await judgeAll(({ label }) => label === 'benign')
  t.strictSame(benign.flatMap(failuresOf), [], 'every object was judged by every policy')
  const ordinary = benign.filter(({ source }) => !Object.hasOwn(INFRASTRUCTURE, source))
  const infrastructure = benign.filter(({ source }) => Object.hasOwn(INFRASTRUCTURE, source))
  printDenials(t, 'outside infrastructure', ordinary)
  printDenials(t, 'infrastructure, in privileged namespaces', infrastructure)
  for (const [source, count] of counted(infrastructure.map(each => [each.source]))) {
    t.comment(`infrastructure is ${source} with ${count} objects: ${INFRASTRUCTURE[source] ?? ''}`)
  }
  printOutcomes(t, 'all of them', benign)
  for (const group of GROUPS) {
    const members = ordinary.filter(each => each.group === group)
    const denied = members.filter(isDenied)
    t.ok(members.length >= ENOUGH, `${members.length} objects of ${group}`)
    const bar = BARS[group]
    if (bar === undefined) continue
    t.ok(denied.length <= bar * members.length, `${group}: at most ${100 * bar} % are denied`, {
      denied: denied.map(each => `${each.source} ${each.kind} ${each.id}: ${deniers(each).join(', ')}`),
    })
  }
})

t.test('of what attackers run it lets next to nothing through without a word', { skip }, async t => {
  const hostile = await judgeAll(({ label, severity }) => label === 'hostile' && severity === 'high')
  t.strictSame(hostile.flatMap(failuresOf), [], 'every object was judged by every policy')
  printOutcomes(t, 'all attacks', hostile)
  for (const family of [...new Set(hostile.map(each => each.family))].sort()) {
    printOutcomes(
      t,
      `  ${family}`,
      hostile.filter(each => each.family === family),
    )
  }
  const missed = hostile.filter(each => outcomeOf(each) === 'let through without a word')
  for (const { id, kind, family } of missed) t.comment(`missed: ${id}, ${kind}, ${family}`)
  for (const each of hostile.filter(each => outcomeOf(each) === 'warned')) {
    t.comment(`warned about lesser things only: ${each.id}, ${each.kind}, ${each.family}`)
  }
  t.ok(hostile.length >= ENOUGH, `${hostile.length} objects of attacks`)
  t.ok(missed.length <= MISSED_BAR * hostile.length, `at most ${100 * MISSED_BAR} % go by without a word`)
})
