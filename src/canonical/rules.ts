import { Buffer } from 'node:buffer'
import { dropIfEqual, dropKeys, equalJson, objectOr } from './drop.js'
import { dropAppArmorOfAnnotations, dropPodDefaults } from './pod.js'
import { imageTag } from './image-tag.js'
import { emptyObject, isJsonObject, type Json, type JsonObject } from '../json.js'

/**
 * A default that depends on a neighbour: drops members of `result`, an object in canonical form but for this rule.
 * `input` is the object as it was given; rules never change it.
 */
export type CanonicalRule = (result: JsonObject, input: JsonObject) => void

const RBAC_GROUP = 'rbac.authorization.k8s.io'

/** Labels that the tools of GitOps write on what they own; users may set some of them, the canonical form leaves them out nevertheless. */
const OWNER_LABELS = new Set([
  'app.kubernetes.io/instance',
  'kustomize.toolkit.fluxcd.io/name',
  'kustomize.toolkit.fluxcd.io/namespace',
  'helm.toolkit.fluxcd.io/name',
  'helm.toolkit.fluxcd.io/namespace',
])
const OWNER_ANNOTATIONS = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'argocd.argoproj.io/tracking-id',
  'argocd.argoproj.io/installation-id',
])
const OWN_PREFIX = 'lockkeeper.dev/'

/** The letters of generated name suffixes and how long a name may be before one (apiserver, storage/names). */
const GENERATED_SUFFIX = /^[bcdfghjklmnpqrstvwxz2456789]{5}$/
const MAX_GENERATED_BASE = 58

const INIT_CONTAINER_ANNOTATION = /^pod\.(?:alpha|beta)\.kubernetes\.io\/init-container(?:s|-statuses)$/

/** Every rule the table of defaults names. */
export const CANONICAL_RULES: Readonly<Record<string, CanonicalRule>> = {
  serverLabels: dropServerLabels,

  /** `serviceAccount` is the deprecated twin of `serviceAccountName`, which wins. */
  podSpec(spec) {
    if (spec.serviceAccount === undefined) return
    spec.serviceAccountName ??= spec.serviceAccount
    delete spec.serviceAccount
  },

  pod: dropPodDefaults,

  appArmorAnnotations: dropAppArmorOfAnnotations,

  /** What was a way to name init containers long ago is thrown away. */
  initContainerAnnotations({ metadata }) {
    if (isJsonObject(metadata)) dropKeys(metadata, 'annotations', key => INIT_CONTAINER_ANNOTATION.test(key))
  },

  imagePullPolicy(container) {
    dropIfEqual(container, 'imagePullPolicy', pullPolicy(container.image))
  },

  volume(volume) {
    const { emptyDir, image } = volume
    if (isJsonObject(image)) dropIfEqual(image, 'pullPolicy', pullPolicy(image.reference))
    const only = Object.keys(volume).every(key => key === 'name' || key === 'emptyDir')
    if (only && isJsonObject(emptyDir) && Object.keys(emptyDir).length === 0) delete volume.emptyDir
  },

  /** The server copies `dataSourceRef` to `dataSource`, and back for the two kinds that both may name. */
  dataSource(claim) {
    const { dataSource, dataSourceRef } = claim
    if (!isJsonObject(dataSource)) return
    if (dataSourceRef === undefined ? !isOldDataSource(dataSource) : !equalJson(dataSource, dataSourceRef)) return
    claim.dataSourceRef = dataSource
    delete claim.dataSource
  },

  /** Addresses are given out by the server; only "None" (headless) is a choice. */
  service(spec) {
    if (spec.sessionAffinity === undefined) delete spec.sessionAffinityConfig
    const { clusterIP, clusterIPs, ipFamilies } = spec
    const first = clusterIP ?? (Array.isArray(clusterIPs) ? clusterIPs[0] : undefined)
    delete spec.clusterIPs
    delete spec.clusterIP
    if (first === 'None') spec.clusterIP = first
    // Whoever fills in the endpoints of a headless Service without a selector may use both families.
    const byDefault = first === 'None' && spec.selector === undefined ? 'RequireDualStack' : 'SingleStack'
    const dualStack = (spec.ipFamilyPolicy ?? byDefault) !== 'SingleStack'
    dropIfEqual(spec, 'ipFamilyPolicy', byDefault)
    if (!Array.isArray(ipFamilies)) return
    if (equalJson(ipFamilies, ['IPv4']) || (dualStack && equalJson(ipFamilies, ['IPv4', 'IPv6'])))
      delete spec.ipFamilies
  },

  /** The first of the ranges is in both members. */
  podCIDR(spec) {
    const { podCIDRs } = spec
    if (!Array.isArray(podCIDRs)) return
    spec.podCIDR ??= podCIDRs[0] ?? ''
    if (equalJson(podCIDRs, [spec.podCIDR])) delete spec.podCIDRs
  },

  targetPort(port) {
    dropIfEqual(port, 'targetPort', port.port)
  },

  namespaceLabel(namespace) {
    const { metadata } = namespace
    if (!isJsonObject(metadata)) return
    const { name } = metadata
    dropKeys(metadata, 'labels', (key, value) => key === 'kubernetes.io/metadata.name' && value === name)
  },

  /** `stringData` is write-only: the server merges it into `data`. */
  stringData(secret) {
    const { data, stringData } = secret
    if (!isJsonObject(stringData) || !Object.values(stringData).every(each => typeof each === 'string')) return
    const merged = emptyObject()
    for (const [key, value] of Object.entries(isJsonObject(data) ? data : {})) merged[key] = value
    for (const [key, value] of Object.entries(stringData)) {
      merged[key] = Buffer.from(value as string, 'utf8').toString('base64')
    }
    secret.data = merged
    delete secret.stringData
  },

  limitRangeItem(item) {
    if (item.type !== 'Container') return
    const { max, min, default: limit } = item
    const limits = { ...objectOr(max), ...objectOr(limit) }
    const requests = { ...objectOr(min), ...limits }
    dropKeys(item, 'defaultRequest', (key, value) => equalJson(requests[key], value))
    dropKeys(item, 'default', (key, value) => equalJson(objectOr(max)[key], value))
  },

  replicationController(controller) {
    const { spec } = controller
    if (!isJsonObject(spec)) return
    const labels = templateLabels(spec)
    if (labels === undefined) return
    dropIfEqual(spec, 'selector', labels)
    dropLabelsOfTemplate(controller, labels)
  },

  /** Tokens that the server made and added, `<name>-token-<suffix>`. */
  serviceAccountTokens(account, input) {
    const name = isJsonObject(input.metadata) ? input.metadata.name : undefined
    if (typeof name !== 'string' || !Array.isArray(account.secrets)) return
    const prefix = `${name}-token-`
    const secrets = account.secrets.filter(each => {
      const secret = isJsonObject(each) && Object.keys(each).length === 1 ? each.name : undefined
      const generated = typeof secret === 'string' && secret.startsWith(prefix)
      return !(generated && GENERATED_SUFFIX.test(secret.slice(prefix.length)))
    })
    if (secrets.length === 0) delete account.secrets
    else account.secrets = secrets
  },

  /** A counter that the server keeps in an annotation. */
  templateGeneration(daemonSet) {
    const { metadata } = daemonSet
    if (isJsonObject(metadata)) {
      dropKeys(metadata, 'annotations', key => key === 'deprecated.daemonset.template.generation')
    }
  },

  jobSpec(spec) {
    dropIfEqual(spec, 'backoffLimit', spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1)
    const policy = spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed'
    dropIfEqual(spec, 'podReplacementPolicy', policy)
    // Without completions a parallelism of 1 means a work queue: only together are they the default.
    if (spec.completions === undefined) return
    dropIfEqual(spec, 'parallelism', 1)
    if (spec.parallelism === undefined) dropIfEqual(spec, 'completions', 1)
  },

  /** The selector and the labels by which the server ties the Pods of a Job to it, and labels taken over from the template. */
  job(job, input) {
    const { spec } = job
    if (!isJsonObject(spec)) return
    dropGeneratedSelector(spec, input)
    // Labels taken over from the template got the generated ones with them.
    const { uid, name } = objectOr(input.metadata)
    dropKeys(objectOr(job.metadata), 'labels', (key, value) => uid !== undefined && isLabelOfJob(key, value, uid, name))
    const labels = templateLabels(spec)
    if (labels !== undefined) dropLabelsOfTemplate(job, labels)
  },

  horizontalPodAutoscalerV1(autoscaler) {
    const { metadata, spec } = autoscaler
    const annotations = isJsonObject(metadata) ? objectOr(metadata.annotations) : {}
    if (annotations['autoscaling.alpha.kubernetes.io/metrics'] !== undefined || !isJsonObject(spec)) return
    dropIfEqual(spec, 'targetCPUUtilizationPercentage', 80)
  },

  subjectApiGroup(subject) {
    if (subject.kind === 'User' || subject.kind === 'Group') dropIfEqual(subject, 'apiGroup', RBAC_GROUP)
  },

  policyTypes(spec) {
    dropIfEqual(spec, 'policyTypes', spec.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress'])
  },

  customResourceNames(names) {
    const { kind } = names
    if (typeof kind !== 'string') return
    dropIfEqual(names, 'singular', kind.toLowerCase())
    dropIfEqual(names, 'listKind', `${kind}List`)
  },
}

function dropServerLabels(metadata: JsonObject): void {
  dropKeys(metadata, 'labels', key => OWNER_LABELS.has(key) || key.startsWith(OWN_PREFIX))
  dropKeys(metadata, 'annotations', key => OWNER_ANNOTATIONS.has(key) || key.startsWith(OWN_PREFIX))
  const { name, generateName } = metadata
  if (typeof name !== 'string' || typeof generateName !== 'string') return
  const base = generateName.slice(0, MAX_GENERATED_BASE)
  if (name.startsWith(base) && GENERATED_SUFFIX.test(name.slice(base.length))) delete metadata.name
}

function pullPolicy(image: Json | undefined): string {
  return typeof image === 'string' && imageTag(image) === 'latest' ? 'Always' : 'IfNotPresent'
}

function isOldDataSource({ apiGroup, kind }: JsonObject): boolean {
  return apiGroup === undefined || apiGroup === ''
    ? kind === 'PersistentVolumeClaim'
    : apiGroup === 'snapshot.storage.k8s.io' && kind === 'VolumeSnapshot'
}

function templateMetadata(spec: JsonObject): JsonObject {
  return objectOr(objectOr(spec.template).metadata)
}

/** The labels of the pod template as the object's own would look in canonical form; undefined where it has none. */
function templateLabels(spec: JsonObject): Json | undefined {
  const { labels } = templateMetadata(spec)
  return isJsonObject(labels) ? labels : undefined
}

/** An object without labels gets those of its template. */
function dropLabelsOfTemplate(object: JsonObject, labels: Json): void {
  const metadata = objectOr(object.metadata)
  const own: JsonObject = { labels }
  dropServerLabels(own)
  dropIfEqual(metadata, 'labels', own.labels)
}

function dropGeneratedSelector(spec: JsonObject, job: JsonObject): void {
  const { uid, name } = objectOr(job.metadata)
  const label = ['batch.kubernetes.io/controller-uid', 'controller-uid'].find(key =>
    equalJson(spec.selector, { matchLabels: { [key]: uid ?? null } }),
  )
  if (label === undefined || spec.manualSelector !== undefined) return
  delete spec.selector
  const metadata = templateMetadata(spec)
  dropKeys(metadata, 'labels', (key, value) => isLabelOfJob(key, value, uid, name))
  if (!isJsonObject(spec.template)) return
  if (Object.keys(metadata).length === 0) delete spec.template.metadata
  if (Object.keys(spec.template).length === 0) delete spec.template
}

function isLabelOfJob(key: string, value: Json, uid: Json | undefined, name: Json | undefined): boolean {
  const short = key.replace(/^batch\.kubernetes\.io\//, '')
  return short === 'controller-uid' ? value === uid : short === 'job-name' && value === name
}
