import t from 'tap'
import { parseAdmissionReview, type AdmissionRequest } from '../../src/admission.js'
import { buildChangeSet, liveTargets } from '../../src/change-set.js'
import { DEFAULT_CONFIG } from '../../src/config.js'
import { identityOf } from '../../src/decision.js'
import { parseJson, stringifyJson, type JsonObject } from '../../src/json.js'
import { objectKey } from '../../src/live-objects.js'
import { manifestsOf, named } from '../helpers/manifests.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { startRecorder } from '../helpers/testbed/recorder.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

// A manifest over a live object that controllers and other people have written to: the request that is predicted is about
// the same as the one that the API server sends, however it is applied.

/** An application in a namespace of its own. */
function application(namespace: string, { version = '1.4.2', note = true, port = 80 } = {}): readonly JsonObject[] {
  const labels = { app: 'web' }
  const annotated = (object: JsonObject): JsonObject => ({
    ...object,
    metadata: {
      ...(object.metadata as JsonObject),
      namespace,
      labels,
      ...(note ? { annotations: { note: 'kept' } } : {}),
    },
  })
  const template = {
    metadata: { labels },
    spec: {
      containers: [{ name: 'web', image: `registry.example.com/web:${version}`, ports: [{ containerPort: 8080 }] }],
    },
  }
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }]
  const subjects = [{ kind: 'ServiceAccount', name: 'web', namespace }]
  return [
    named('v1', 'ConfigMap', 'web', { data: { version } }),
    named('v1', 'ServiceAccount', 'web'),
    named('v1', 'Service', 'web', { spec: { selector: labels, ports: [{ port }] } }),
    // Replicas are left to others.
    named('apps/v1', 'Deployment', 'web', { spec: { selector: { matchLabels: labels }, template } }),
    named('batch/v1', 'CronJob', 'web', {
      spec: {
        schedule: '0 3 * * *',
        jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
      },
    }),
    named('rbac.authorization.k8s.io/v1', 'Role', 'web', { rules }),
    named('rbac.authorization.k8s.io/v1', 'RoleBinding', 'web', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'web' },
      subjects,
    }),
    named('networking.k8s.io/v1', 'NetworkPolicy', 'web', { spec: { podSelector: {}, policyTypes: ['Ingress'] } }),
    named('policy/v1', 'PodDisruptionBudget', 'web', {
      spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
    }),
  ].map(annotated)
}

const bed = createTestbed(t)
const plane = await startControlPlane(bed)
const recorder = await startRecorder(bed, plane)

async function kubectl(args: readonly string[], objects?: readonly JsonObject[]): Promise<void> {
  const input = objects === undefined ? {} : { input: objects.map(each => stringifyJson(each)).join('\n') }
  const { status, stderr } = await plane.kubectl(args, input)
  if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
}

/** What the controller would answer. */
async function liveObjects(objects: readonly JsonObject[]) {
  const targets = liveTargets(manifestsOf(objects), 'default')
  return Promise.all(
    targets.map(async ({ group, version, kind, namespace, name = '' }): Promise<[string, JsonObject]> => {
      const apiVersion = group === '' ? version : `${group}/${version}`
      const collection = await plane.admin.collectionPath({ apiVersion, kind, namespace: namespace ?? '' })
      const { text } = await plane.admin.request('GET', `${collection}/${name}`)
      return [objectKey(group, kind, namespace, name), parseJson(text) as JsonObject]
    }),
  )
}

const identity = (request: AdmissionRequest) => {
  const { subject, unchanged } = identityOf(request)
  return `${request.operation} ${request.kind.kind} ${subject} ${unchanged ? 'unchanged' : 'changed'}`
}

/** Predicts the application of objects, applies them, and compares with what was sent. */
async function compare(apply: readonly string[], namespace: string, objects: readonly JsonObject[]) {
  const { items, errors } = buildChangeSet({
    manifests: manifestsOf(objects),
    live: { objects: new Map(await liveObjects(objects)), pruned: [], namespaces: new Map() },
    userInfo: { username: 'admin' },
    namespace,
    now: '2026-06-01T12:00:00Z',
    gate: 'argocd',
    bundle: { config: DEFAULT_CONFIG, namespaces: new Map() },
  })
  t.strictSame(errors, [])
  recorder.take()
  await kubectl(apply, objects)
  const sent = recorder
    .take(({ namespace: its, name, subResource, options }) => {
      const isOfKubectl = (options as { fieldManager?: string } | null)?.fieldManager?.startsWith('kubectl') === true
      return isOfKubectl && its === namespace && name === 'web' && subResource === undefined
    })
    .map(({ bytes }) => parseAdmissionReview(parseJson(bytes.toString('utf8'))))
  return { built: items.map(each => identity(each.request)).sort(), sent: sent.map(identity).sort() }
}

for (const { how, namespace, apply } of [
  { how: 'on the client', namespace: 'client', apply: ['apply', '-f', '-'] },
  { how: 'on the server', namespace: 'server', apply: ['apply', '--server-side', '--force-conflicts', '-f', '-'] },
]) {
  t.test(`what is applied ${how} is predicted`, async t => {
    await plane.createNamespace(namespace)
    await kubectl(apply, application(namespace))
    const revision = 'jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}'
    await waitFor('the Deployment has a revision', async () => {
      const { stdout } = await plane.kubectl(['get', 'deployment', 'web', '-n', namespace, '-o', revision])
      return stdout === '1'
    })
    await kubectl(['scale', 'deployment', 'web', '--replicas=3', '-n', namespace])
    await kubectl(['annotate', 'service', 'web', 'other=written', '-n', namespace])
    await kubectl(['label', 'configmap', 'web', 'other=written', '-n', namespace])

    const same = await compare(apply, namespace, application(namespace))
    // Client-side apply sends nothing where nothing changes.
    if (how === 'on the server') t.strictSame(same.built, same.sent)
    t.equal(same.built.length, 9)
    t.strictSame(
      same.built.filter(each => !each.endsWith(' unchanged')),
      [],
      'what others wrote is no change',
    )
    const changed = await compare(
      apply,
      namespace,
      application(namespace, { version: '1.5.0', note: false, port: 8080 }),
    )
    t.strictSame(changed.built, changed.sent)
    t.equal(changed.built.length, 9)
    t.strictSame(
      changed.built.filter(each => !each.endsWith(' changed')),
      [],
    )
  })
}
