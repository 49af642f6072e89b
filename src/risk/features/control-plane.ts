import { Buffer } from 'node:buffer'
import { objectOr } from '../../canonical/drop.js'
import { isJsonObject, type Json, type JsonObject } from '../../json.js'
import type { FeatureSpec, Note } from './feature.js'
import { hostPathClass } from './host-paths.js'
import { objectsAt, segment, textOr, textsOf } from './places.js'

/** What changes how the cluster itself decides, resolves, authenticates or is deployed to. */
export const CONTROL_FEATURES = {
  'control.webhook_url': {
    unit: 'count',
    weight: 2.5,
    text: 'sends admission requests to a URL instead of a service of the cluster',
  },
  'control.webhook_address': {
    unit: 'count',
    weight: 2,
    text: 'sends admission requests to a bare address or an unusual host',
  },
  'control.webhook_mutates': { unit: 'flag', weight: 0.25, text: 'changes objects at admission' },
  'control.webhook_pods': { unit: 'count', weight: 0.25, text: 'is asked about pods' },
  'control.webhook_secrets': { unit: 'count', weight: 1.5, text: 'is shown secrets' },
  'control.webhook_everything': { unit: 'count', weight: 0.75, text: 'is asked about everything' },
  'control.webhook_ignores': { unit: 'count', weight: 0.25, text: 'lets requests pass when it does not answer' },
  'control.webhook_exempts': { unit: 'count', weight: 0.25, text: 'leaves namespaces out by a selector' },
  'control.webhook_url_secrets': { unit: 'count', weight: 1, text: 'sends secrets or everything out of the cluster' },
  'control.api_unverified': { unit: 'flag', weight: 1, text: 'serves an API without a verified certificate' },
  'control.api_built_in': { unit: 'flag', weight: 2, text: 'takes over a built-in API' },
  'control.conversion_url': { unit: 'flag', weight: 2, text: 'converts objects at a URL outside the cluster' },
  'control.psa_privileged': { unit: 'count', weight: 1.5, text: 'allows privileged pods in a namespace' },
  'control.psa_enforced_privileged': { unit: 'flag', weight: 1, text: 'enforces nothing on the pods of a namespace' },
  'control.guard_label': { unit: 'flag', weight: 1.5, text: 'has a label or annotation that switches a guard off' },
  'control.policy_exception': { unit: 'grade', weight: 1.5, text: 'excepts objects from policies' },
  'control.policy_audit': { unit: 'flag', weight: 0.5, text: 'only reports what a policy finds' },
  'control.policy_off': { unit: 'flag', weight: 1.5, text: 'switches a policy off or binds it to nothing' },
  'control.policy_mutates': { unit: 'flag', weight: 0.25, text: 'makes or changes objects by a policy' },
  'control.config_credential': {
    unit: 'flag',
    weight: 0.75,
    text: 'keeps a credential where everybody may read it who reads config maps',
  },
  'control.dns_config': { unit: 'flag', weight: 0.5, text: 'configures the DNS of the cluster' },
  'control.dns_redirect': { unit: 'grade', weight: 1.5, text: 'leads names of the cluster elsewhere' },
  'control.cloud_identity': { unit: 'flag', weight: 1, text: 'maps identities of the cloud to the cluster' },
  'control.cloud_masters': { unit: 'count', weight: 2.5, text: 'maps identities of the cloud to administrators' },
  'control.system_config': { unit: 'flag', weight: 0.75, text: 'configures a component of the control plane' },
  'control.signing_request': { unit: 'grade', weight: 1.5, text: 'asks for a client certificate of the cluster' },
  'control.signing_powerful': {
    unit: 'flag',
    weight: 3,
    text: 'asks for a certificate of an administrator or a component',
  },
  'control.gitops_source': { unit: 'grade', weight: 0.75, text: 'deploys from a place that is not protected' },
  'control.gitops_raw': { unit: 'flag', weight: 1, text: 'deploys from a host without a name, or for passing by' },
  'control.gitops_open': { unit: 'count', weight: 1.25, text: 'may deploy anything anywhere' },
  'control.gitops_system': { unit: 'flag', weight: 0.5, text: 'deploys into a system namespace' },
  'control.gitops_plugin': { unit: 'flag', weight: 0.5, text: 'runs a plugin or script while it renders' },
  'control.volume_host_path': { unit: 'grade', weight: 0.75, text: 'gives a path of a node as a volume' },
  'control.priority': { unit: 'flag', weight: 0.5, text: 'lets pods push others out' },
  'control.psp_privileged': { unit: 'count', weight: 1, text: 'allows pods to be privileged or to use the node' },
  'control.account_cloud_admin': {
    unit: 'flag',
    weight: 1.5,
    text: 'gives an administrator’s role of the cloud to a service account',
  },
  'control.account_token': { unit: 'flag', weight: 1, text: 'makes a token of a service account that does not expire' },
  'control.account_mounts': { unit: 'flag', weight: 0.25, text: 'mounts the token of a service account everywhere' },
  'control.many_replicas': { unit: 'log2', weight: 0.25, text: 'runs more than ten replicas' },
  'control.often': { unit: 'flag', weight: 0.25, text: 'runs every minute' },
} as const satisfies Record<string, FeatureSpec>

type ControlNote = Note<keyof typeof CONTROL_FEATURES>

const BARE_HOST =
  /^https?:\/\/(?:\d{1,3}(?:\.\d{1,3}){3}|\[)|\.(?:ngrok\.\w+|ngrok-free\.app|trycloudflare\.com|duckdns\.org|oast\.\w+|webhook\.site|xyz|top|tk|ru|pw|onion)(?:[:/]|$)/i
const SYSTEM_NAMESPACES: ReadonlySet<string> = new Set(['kube-system', 'kube-public', 'kube-node-lease', 'default'])

/** Notes what an object changes in the control plane of the cluster and in what deploys to it. */
export function noteControlPlane(object: JsonObject, note: ControlNote): void {
  const kind = textOr(object.kind)
  const spec = objectOr(object.spec)
  const metadata = objectOr(object.metadata)
  noteGuardLabels(metadata, note)
  noteScale(kind, spec, note)
  if (Object.hasOwn(BY_KIND, kind)) BY_KIND[kind]?.(object, spec, note)
  if (kind.endsWith('PolicyException')) note('control.policy_exception', exceptionGrade(spec), '/spec')
  if (textOr(object.apiVersion).includes('constraints.gatekeeper.sh')) {
    const action = textOr(spec.enforcementAction)
    if (action !== '' && action !== 'deny') note('control.policy_audit', 1, '/spec/enforcementAction')
  }
}

const BY_KIND: Readonly<Record<string, (object: JsonObject, spec: JsonObject, note: ControlNote) => void>> = {
  MutatingWebhookConfiguration: noteWebhooks,
  ValidatingWebhookConfiguration: noteWebhooks,
  APIService: noteApiService,
  CustomResourceDefinition: noteConversion,
  Namespace: noteNamespace,
  ConfigMap: noteConfig,
  Secret: noteSecret,
  ServiceAccount: noteAccount,
  CertificateSigningRequest: noteSigningRequest,
  Application: noteApplication,
  ApplicationSet: (_, spec, note) =>
    noteApplication(_, objectOr(objectOr(spec.template).spec), note, '/spec/template/spec'),
  AppProject: noteProject,
  GitRepository: noteFluxSource,
  HelmRepository: noteFluxSource,
  OCIRepository: noteFluxSource,
  Bucket: noteFluxSource,
  PersistentVolume: noteVolume,
  PriorityClass: (object, _, note) => {
    if (object.globalDefault === true || Number(object.value) >= 1_000_000_000) note('control.priority', 1, '/value')
  },
  PodSecurityPolicy: (_, spec, note) => notePodPolicy(spec, '/spec', note),
  SecurityContextConstraints: (object, _, note) => notePodPolicy(object, '', note),
  ValidatingAdmissionPolicyBinding: (_, spec, note) => {
    const actions = textsOf(spec.validationActions)
    if (actions.length > 0 && !actions.includes('Deny')) note('control.policy_audit', 1, '/spec/validationActions')
    if (isJsonObject(spec.matchResources))
      note('control.policy_off', hasExclusion(spec.matchResources) ? 1 : 0, '/spec/matchResources')
  },
  ClusterPolicy: notePolicy,
  Policy: notePolicy,
  Config: (object, spec, note) => {
    if (!textOr(object.apiVersion).startsWith('config.gatekeeper.sh/')) return
    objectsAt(spec.match, '/spec/match').forEach(({ item, path }) => {
      note('control.policy_exception', textsOf(item.excludedNamespaces).some(each => each.includes('*')) ? 3 : 1, path)
    })
  },
}

function noteWebhooks(object: JsonObject, _spec: JsonObject, note: ControlNote): void {
  if (object.kind === 'MutatingWebhookConfiguration') note('control.webhook_mutates', 1, '/kind')
  for (const { item, path } of objectsAt(object.webhooks, '/webhooks')) {
    const url = textOr(objectOr(item.clientConfig).url)
    const isOutside =
      url !== '' && !/^https:\/\/(?:[\w-]+\.)*(?:svc|cluster\.local|localhost)(?:[:/]|$)|^https:\/\/127\./.test(url)
    if (isOutside) note('control.webhook_url', 1, `${path}/clientConfig/url`)
    if (BARE_HOST.test(url)) note('control.webhook_address', 1, `${path}/clientConfig/url`)
    if (item.failurePolicy === 'Ignore') note('control.webhook_ignores', 1, `${path}/failurePolicy`)
    if (hasExclusion(item)) note('control.webhook_exempts', 1, `${path}/namespaceSelector`)
    for (const { item: rule, path: at } of objectsAt(item.rules, `${path}/rules`)) {
      const resources = textsOf(rule.resources)
      const all = resources.some(each => each === '*' || each === '*/*')
      if (all || resources.includes('pods')) note('control.webhook_pods', 1, `${at}/resources`)
      if (all || resources.includes('secrets')) note('control.webhook_secrets', 1, `${at}/resources`)
      if (all) note('control.webhook_everything', 1, `${at}/resources`)
      if (isOutside && (all || resources.includes('secrets'))) note('control.webhook_url_secrets', 1, `${at}/resources`)
    }
  }
}

/** A selector that leaves something out: what it does not name is judged as before. */
function hasExclusion(value: JsonObject): boolean {
  const selectors = [value.namespaceSelector, value.objectSelector].map(objectOr)
  return selectors.some(each =>
    objectsAt(each.matchExpressions, '').some(
      ({ item }) => item.operator === 'NotIn' || item.operator === 'DoesNotExist',
    ),
  )
}

function noteApiService(_object: JsonObject, spec: JsonObject, note: ControlNote): void {
  if (!isJsonObject(spec.service)) return
  if (spec.insecureSkipTLSVerify === true) note('control.api_unverified', 1, '/spec/insecureSkipTLSVerify')
  const group = textOr(spec.group)
  const isBuiltIn =
    /^(?:|apps|batch|autoscaling|policy|extensions|(?:rbac\.authorization|authorization|authentication|admissionregistration|apiregistration|certificates|networking|storage|coordination|discovery|events|node|scheduling|apiextensions)\.k8s\.io)$/.test(
      group,
    )
  if (isBuiltIn) note('control.api_built_in', 1, '/spec/group')
}

function noteConversion(_object: JsonObject, spec: JsonObject, note: ControlNote): void {
  const url = textOr(objectOr(objectOr(objectOr(spec.conversion).webhook).clientConfig).url)
  if (url !== '') note('control.conversion_url', 1, '/spec/conversion/webhook/clientConfig/url')
}

const PSA = 'pod-security.kubernetes.io/'

function noteNamespace(object: JsonObject, _spec: JsonObject, note: ControlNote): void {
  const labels = objectOr(objectOr(object.metadata).labels)
  for (const mode of ['enforce', 'audit', 'warn']) {
    if (labels[`${PSA}${mode}`] !== 'privileged') continue
    const path = `/metadata/labels/${segment(`${PSA}${mode}`)}`
    note('control.psa_privileged', 1, path)
    if (mode === 'enforce') note('control.psa_enforced_privileged', 1, path)
  }
}

const GUARD_OFF = [
  /^admission\.gatekeeper\.sh\/ignore$/,
  /^(?:sidecar\.istio\.io\/inject|linkerd\.io\/inject|config\.linkerd\.io\/admission-webhooks|cert-manager\.io\/disable-validation|policy\.sigstore\.dev\/exclude|kyverno\.io\/exclude|kubearmor-policy|kubearmor\.io\/exclude|connaisseur-webhook|webhooks\.\S+\/ignore|trivy-operator\.\S*skip\S*|falco\S*\/ignore|admission-policy\S*)$/,
]
const SWITCHED_OFF = /^(?:|no|false|true|disabled?|ignore|skip|off|audited|exclude)$/i

function noteGuardLabels(metadata: JsonObject, note: ControlNote): void {
  for (const member of ['labels', 'annotations']) {
    const map = objectOr(metadata[member])
    for (const key in map) {
      if (!key.includes('/') && !key.includes('-')) continue
      if (
        SWITCHED_OFF.test(textOr(map[key])) &&
        GUARD_OFF.some(pattern => pattern.test(key)) &&
        !(key.endsWith('/inject') && map[key] === 'true')
      ) {
        note('control.guard_label', 1, `/metadata/${member}/${segment(key)}`)
      }
    }
  }
}

const DNS_CONFIG = /^(?:coredns|coredns-custom|kube-dns|node-local-dns|dns-default|rke2-coredns-rke2-coredns)$/
const SYSTEM_CONFIG =
  /^(?:kubeadm-config|kubelet-config(?:-.*)?|kube-proxy|extension-apiserver-authentication|cluster-info|kube-root-ca\.crt|kube-apiserver-.*|kube-controller-manager-.*|argocd-cm|argocd-rbac-cm|argocd-cmd-params-cm|ingress-nginx-controller|nginx-configuration|calico-config|cilium-config)$/

const CREDENTIAL_KEY =
  /(?:passw(?:or)?d|passphrase|secret|token|(?:api|access|private|secret|signing|encryption|account)[_.-]?key|credential|(?:^|[_.-])(?:pwd|pass))s?$/i
/** A key that ends like a credential and only says where one is, or how it is. */
const NOT_A_CREDENTIAL = /^(?:true|false|none|null|\d{1,4}|[/$<{].*|https?:.*|[\w-]+\.(?:txt|pem|key|yaml|json))$/i

function noteConfig(object: JsonObject, _spec: JsonObject, note: ControlNote): void {
  const metadata = objectOr(object.metadata)
  const name = textOr(metadata.name)
  const isSystem = metadata.namespace === 'kube-system'
  if (SYSTEM_CONFIG.test(name)) note('control.system_config', 1, '/metadata/name')
  for (const [key, value] of Object.entries(objectOr(object.data))) {
    const text = textOr(value)
    const path = `/data/${segment(key)}`
    if (CREDENTIAL_KEY.test(key) && text.length >= 4 && text.length < 200 && !NOT_A_CREDENTIAL.test(text))
      note('control.config_credential', 1, path)
    if (name === 'aws-auth' && (isSystem || /^map(?:Roles|Users|Accounts)$/.test(key))) {
      note('control.cloud_identity', 1, path)
      note(
        'control.cloud_masters',
        text.match(/system:masters|cluster-admin|system:nodes?\b(?=[\s\S]{0,80}:user\/)/g)?.length ?? 0,
        path,
      )
    }
    if (DNS_CONFIG.test(name)) {
      note('control.dns_config', 1, path)
      const redirects = /^\s*(?:rewrite|template)\s/m.test(text) || /^\s*hosts\s/m.test(text)
      const forwards =
        /^\s*(?:forward|proxy)\s+\S+\s+(?:\/\/)?(?:tls:\/\/)?\d+\.\d+/m.test(text) ||
        /upstreamNameservers|stubDomains/.test(key)
      note('control.dns_redirect', (redirects ? 2 : 0) + (forwards ? 1 : 0), path)
    }
    if (
      name === 'argocd-rbac-cm' &&
      (/^\s*g,\s*\S+,\s*role:admin/m.test(text) || (key === 'policy.default' && text.includes('admin')))
    ) {
      note('control.gitops_open', 1, path)
    }
    if (name === 'argocd-cm' && /^(?:users\.anonymous\.enabled|exec\.enabled)$/.test(key) && text === 'true')
      note('control.gitops_open', 1, path)
    if (/allow-snippet-annotations|disable-\w*(?:auth|tls|verification)/.test(key) && text === 'true')
      note('control.policy_off', 1, path)
  }
}

/** Of a Secret only the type: never a value. */
function noteSecret(object: JsonObject, _spec: JsonObject, note: ControlNote): void {
  if (object.type === 'kubernetes.io/service-account-token') note('control.account_token', 1, '/type')
}

const CLOUD_ROLE =
  /^(?:eks\.amazonaws\.com\/role-arn|iam\.gke\.io\/gcp-service-account|azure\.workload\.identity\/client-id)$/

function noteAccount(object: JsonObject, _spec: JsonObject, note: ControlNote): void {
  const annotations = objectOr(objectOr(object.metadata).annotations)
  for (const key in annotations) {
    if (CLOUD_ROLE.test(key) && /admin|poweruser|root|owner|fullaccess/i.test(textOr(annotations[key]))) {
      note('control.account_cloud_admin', 1, `/metadata/annotations/${segment(key)}`)
    }
  }
  if (object.automountServiceAccountToken === true) note('control.account_mounts', 1, '/automountServiceAccountToken')
  objectsAt(object.secrets, '/secrets').forEach(({ item, path }) => {
    if (textOr(item.name).includes('-token-')) note('control.account_token', 1, path)
  })
}

function noteSigningRequest(_object: JsonObject, spec: JsonObject, note: ControlNote): void {
  const signer = textOr(spec.signerName)
  note(
    'control.signing_request',
    signer === '' || signer === 'kubernetes.io/legacy-unknown' ? 2 : signer.endsWith('kube-apiserver-client') ? 3 : 1,
    '/spec/signerName',
  )
  const request = Buffer.from(textOr(spec.request), 'base64').toString('latin1')
  const inner = /-----BEGIN[^-]*-----([\s\S]*?)-----END/.exec(request)?.[1]
  const text = inner === undefined ? request : Buffer.from(inner, 'base64').toString('latin1')
  const groups = textsOf(spec.groups).join(' ')
  if (
    /system:(?:masters|nodes|node:|kube-|serviceaccount)|kubernetes-admin|cluster-admin/.test(
      `${text} ${groups} ${textOr(spec.username)}`,
    )
  ) {
    note('control.signing_powerful', 1, '/spec/request')
  }
}

function noteApplication(_object: JsonObject, spec: JsonObject, note: ControlNote, path = '/spec'): void {
  const sources = [
    { item: objectOr(spec.source), path: `${path}/source` },
    ...objectsAt(spec.sources, `${path}/sources`),
  ]
  for (const { item, path: at } of sources) {
    noteSourceUrl(textOr(item.repoURL), `${at}/repoURL`, note)
    if (isJsonObject(item.plugin)) note('control.gitops_plugin', 1, `${at}/plugin`)
  }
  if (SYSTEM_NAMESPACES.has(textOr(objectOr(spec.destination).namespace)))
    note('control.gitops_system', 1, `${path}/destination/namespace`)
}

function noteProject(_object: JsonObject, spec: JsonObject, note: ControlNote): void {
  textsOf(spec.sourceRepos).forEach((repository, index) => {
    if (repository === '*') note('control.gitops_open', 1, `/spec/sourceRepos/${index}`)
  })
  for (const { item, path } of objectsAt(spec.destinations, '/spec/destinations')) {
    if (item.namespace === '*' && (item.server === '*' || item.name === '*')) note('control.gitops_open', 1, path)
  }
  for (const { item, path } of objectsAt(spec.clusterResourceWhitelist, '/spec/clusterResourceWhitelist')) {
    if (item.group === '*' && item.kind === '*') note('control.gitops_open', 1, path)
  }
}

function noteFluxSource(_object: JsonObject, spec: JsonObject, note: ControlNote): void {
  noteSourceUrl(textOr(spec.url) || textOr(spec.endpoint), '/spec/url', note)
  if (spec.insecure === true) note('control.gitops_source', 2, '/spec/insecure')
}

function noteSourceUrl(url: string, path: string, note: ControlNote): void {
  if (url.startsWith('http://') || url.startsWith('git://')) note('control.gitops_source', 2, path)
  if (BARE_HOST.test(url)) note('control.gitops_raw', 1, path)
}

function noteVolume(_object: JsonObject, spec: JsonObject, note: ControlNote): void {
  const { path } = objectOr(spec.hostPath)
  if (typeof path === 'string') note('control.volume_host_path', hostPathClass(path).grade, '/spec/hostPath/path')
}

function notePodPolicy(policy: JsonObject, path: string, note: ControlNote): void {
  for (const member of [
    'privileged',
    'hostPID',
    'hostIPC',
    'hostNetwork',
    'allowPrivilegedContainer',
    'allowHostPID',
    'allowHostIPC',
    'allowHostNetwork',
    'allowHostDirVolumePlugin',
  ]) {
    if (policy[member] === true) note('control.psp_privileged', 1, `${path}/${member}`)
  }
}

/** Policies of Kyverno. */
function notePolicy(object: JsonObject, spec: JsonObject, note: ControlNote): void {
  if (!textOr(object.apiVersion).startsWith('kyverno.io/')) return
  const action: Json | undefined = spec.validationFailureAction
  if (textOr(action).toLowerCase() === 'audit') note('control.policy_audit', 1, '/spec/validationFailureAction')
  for (const { item, path } of objectsAt(spec.rules, '/spec/rules')) {
    if (isJsonObject(item.generate) || isJsonObject(item.mutate)) note('control.policy_mutates', 1, path)
  }
}

function exceptionGrade(spec: JsonObject): number {
  const names = objectsAt(spec.exceptions, '').flatMap(({ item }) => [
    textOr(item.policyName),
    ...textsOf(item.ruleNames),
  ])
  const isWide = names.some(each => each.includes('*')) || JSON.stringify(spec.match ?? {}).includes('"*"')
  return isWide ? 3 : 2
}

function noteScale(kind: string, spec: JsonObject, note: ControlNote): void {
  const { replicas } = spec
  if (typeof replicas === 'number' && replicas > 10)
    note('control.many_replicas', Math.min(Math.log2(replicas / 10), 10), '/spec/replicas')
  if (kind === 'CronJob' && /^(?:\*|\*\/[1-5]) \* \* \* \*$|^@every (?:[1-9]\d?s|[1-5]m)/.test(textOr(spec.schedule)))
    note('control.often', 1, '/spec/schedule')
}
