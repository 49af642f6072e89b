import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AdmissionRequest } from '../../src/admission.js'
import type { Context } from '../../src/decision-types.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { stringifyJson, type JsonObject } from '../../src/json.js'
import { namespaceInfo } from '../../src/policy/bundle.js'
import { buildRequest } from '../../src/request.js'
import { permissiveDefinitions } from '../helpers/custom-kinds.js'
import { createPreparation } from '../helpers/prediction.js'
import {
  forAll,
  generatedItems,
  isOfRemovedVersion,
  kindOf,
  sampleItems,
  WEBHOOK_GROUP,
  type Item,
} from '../helpers/prediction-items.js'
import { ROOT } from '../helpers/repository.js'
import { contextOf } from '../helpers/requests.js'
import { ApiError } from '../helpers/testbed/api-error.js'
import { startBalancer } from '../helpers/testbed/balancer.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { createDecisionLogReader, foundPolicies, type JudgedRequest } from '../helpers/testbed/decision-log.js'
import { createDefinitions } from '../helpers/testbed/install.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { installWebhookAccount, startWebhook } from '../helpers/testbed/webhook.js'

// The second parity suite through the real registration: what a gate before the sync says of a manifest is what the webhook decides, asked
// by the API server for what the webhook itself registered.

const GENERATED = 600
const NAMESPACE = 'default'

/** Kinds that the registration leaves out, and those that no webhook is asked about. */
const NOT_ASKED = [
  WEBHOOK_GROUP,
  'coordination.k8s.io/',
  'events.k8s.io/',
  'v1/Event',
  'authentication.k8s.io/',
  'authorization.k8s.io/',
]

const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)
const { userInfo } = bundle.config.prediction

const bed = createTestbed(t)
const plane = await startControlPlane(bed, { controllers: false })
await createDefinitions(plane.admin, permissiveDefinitions(sampleItems.map(({ object }) => object)))
const [, , namespace = '', name = ''] = userInfo.username.split(':')
await plane.createNamespace(namespace)
await plane.admin.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } })
await plane.admin.create({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'deployer' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'ServiceAccount', name, namespace }],
})
const deployer = plane.client(await plane.serviceAccount(namespace, name))
const prepare = createPreparation(plane.admin)

await installWebhookAccount(plane)
const logFile = join(bed.directory, 'decisions.jsonl')
const balancer = await startBalancer(bed)
const webhook = await startWebhook(bed, plane, {
  name: 'webhook',
  urlPort: balancer.port,
  args: ['--decision-log', logFile],
})
balancer.add(webhook.backend)
await waitFor('the webhook is registered', async () => {
  await plane.admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'probe' } }, { dryRun: true })
  return (await createDecisionLogReader(logFile).take()).length > 0
})

/** What became of one manifest. */
interface Sent {
  readonly item: Item
  /** 'unserved': the API server does not know the kind. */
  readonly state: 'sent' | 'unserved'
  readonly auditId: string
  readonly answer: 'accepted' | 'denied by the webhook' | `refused: ${string}`
}

async function send(item: Item): Promise<Sent> {
  const { object } = item
  const { apiVersion, kind, metadata } = object as { apiVersion: string; kind: string; metadata?: JsonObject }
  const unserved: Sent = { item, state: 'unserved', auditId: '', answer: 'accepted' }
  const path = await plane.admin
    .collectionPath({ apiVersion, kind, namespace: (metadata?.namespace as string | undefined) ?? NAMESPACE })
    .catch(() => null)
  if (path === null) return unserved
  await prepare(object, path)
  const response = await deployer.request('POST', path, { body: stringifyJson(object), query: { dryRun: 'All' } })
  const auditId = String(response.headers['audit-id'])
  if (response.status < 400) return { item, state: 'sent', auditId, answer: 'accepted' }
  const { message } = new ApiError('', response)
  const isDenied = message.includes('.lockkeeper.dev" denied the request: ')
  return { item, state: 'sent', auditId, answer: isDenied ? 'denied by the webhook' : `refused: ${message}` }
}

/** Where a namespace's labels come from at admission; all of them have no label but their name. */
function contextFor(request: AdmissionRequest): Context {
  const { kind, object } = request
  if (request.namespace === undefined) return contextOf({ namespace: null })
  const labels = { 'kubernetes.io/metadata.name': request.namespace }
  if (kind.group !== '' || kind.kind !== 'Namespace') return contextOf({ namespace: { labels, annotations: {} } })
  const own = namespaceInfo(object?.metadata)
  return contextOf({ namespace: { ...own, labels: { ...own.labels, ...labels } } })
}

async function check(t: Test, items: readonly Item[]): Promise<void> {
  const sent = await forAll(items, send)
  const asked = sent.filter(each => each.state === 'sent')
  const judged = await judgedByAuditId(asked.length)
  const wrong: string[] = []
  const unseen: string[] = []
  const refused: string[] = []
  const counts = { compared: 0, denied: 0, warned: 0 }
  for (const { item, auditId, answer } of asked) {
    const found = judged.get(auditId)
    if (found === undefined) {
      if (answer === 'accepted') unseen.push(kindOf(item.object))
      else refused.push(`${item.name}: ${answer}`)
      continue
    }
    const request = buildRequest({ object: item.object, base: null, userInfo, namespace: NAMESPACE })
    const predicted = await gate.review(request, contextFor(request))
    const ours = { actions: predicted.actions, found: foundPolicies(predicted) }
    const theirs = { actions: found.decision.actions, found: foundPolicies(found.decision) }
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
      wrong.push(`${item.name}: predicted ${JSON.stringify(ours)}, decided ${JSON.stringify(theirs)}`)
    }
    // What the webhook lets pass may still be there already.
    if ((answer === 'denied by the webhook') === predicted.allowed) wrong.push(`${item.name}: ${answer}`)
    counts.compared += 1
    if (predicted.action === 'deny') counts.denied += 1
    if (predicted.action === 'warn') counts.warned += 1
  }
  const unserved = sent.filter(each => each.state === 'unserved').map(({ item }) => kindOf(item.object))
  t.comment(`${counts.compared} compared, ${counts.denied} denied, ${counts.warned} warned, ${unseen.length} not asked`)
  t.strictSame(wrong, [])
  t.strictSame(refused, [])
  t.strictSame(
    unserved.filter(each => !isOfRemovedVersion(each)),
    [],
    'all but removed versions are served',
  )
  t.strictSame(
    unseen.filter(each => !NOT_ASKED.some(prefix => each.startsWith(prefix))),
    [],
    'the webhook is asked about all but what it leaves out',
  )
  t.equal(counts.compared + unseen.length + unserved.length, items.length)
  t.ok(counts.compared >= 300 && counts.denied > 0 && counts.warned > 0, `${counts.compared} compared`)
}

/** The Decision about each request, found by the annotation that the webhook left in the audit log. */
async function judgedByAuditId(requests: number): Promise<ReadonlyMap<string, JudgedRequest>> {
  const byDecision = new Map<string, JudgedRequest>()
  const reader = createDecisionLogReader(logFile)
  return waitFor('both logs are written', async () => {
    for (const each of await reader.take()) byDecision.set(each.decision.id, each)
    const found = new Map<string, JudgedRequest>()
    let audited = 0
    for (const { auditID, annotations = {}, user } of await plane.audit()) {
      if (user.username !== userInfo.username) continue
      audited += 1
      const [, id] = Object.entries(annotations).find(([key]) => key.endsWith('.lockkeeper.dev/decision-id')) ?? []
      const judged = id === undefined ? undefined : byDecision.get(id)
      // What is annotated was judged: its event is on its way.
      if (id !== undefined && judged === undefined) return null
      if (judged !== undefined) found.set(auditID, judged)
    }
    return audited >= requests ? found : null
  })
}

t.test('every sample is decided as it was predicted', t => check(t, sampleItems))

t.test('so are objects of all kinds', t => check(t, generatedItems(GENERATED)))

t.test('nothing went past the webhook', async t => {
  const metrics = await webhook.metrics()
  t.notMatch(metrics, /^lockkeeper_decision_log_dropped_total [1-9]/m)
  t.match(metrics, /^lockkeeper_/m)
})
