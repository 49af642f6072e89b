import { dropIfEqual, dropKeys, equalJson, objectOr, objects } from './drop.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'
import { dropPodRequests } from './pod-requests.js'

const DEFAULT_TOLERATION_KEYS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']
const TOKEN_VOLUME = /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/
/** No user's volume can have this name: it is not a DNS label. */
const TOKEN_VOLUME_NAME = 'kube-api-access-'
const TOKEN_SOURCES = [
  { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
  { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
  { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
]

/**
 * Drops what is filled in for a Pod, but not for a pod template: by defaulting and by the admission plug-ins that are always on.
 * The token volume of the ServiceAccount stays, for whether it would have been added is not in the Pod: only its random name goes.
 */
export function dropPodDefaults(spec: JsonObject): void {
  const containers = [...objects(spec.containers), ...objects(spec.initContainers)]
  dropPodRequests(spec)
  for (const container of containers) {
    dropRequestsEqualToLimits(container)
    if (spec.hostNetwork !== true) continue
    for (const port of objects(container.ports)) dropIfEqual(port, 'hostPort', port.containerPort)
  }
  const { terminationGracePeriodSeconds } = spec
  if (typeof terminationGracePeriodSeconds === 'number' && terminationGracePeriodSeconds < 0) {
    spec.terminationGracePeriodSeconds = 1
  }
  dropIfEqual(spec, 'serviceAccountName', 'default')
  dropDefaultTolerations(spec)
  nameTokenVolume(spec, [...containers, ...objects(spec.ephemeralContainers)])
}

function dropRequestsEqualToLimits(container: JsonObject): void {
  const { resources } = container
  if (!isJsonObject(resources)) return
  const limits = objectOr(resources.limits)
  dropKeys(resources, 'requests', (key, value) => equalJson(limits[key], value))
  if (Object.keys(resources).length === 0) delete container.resources
}

/** The plug-in adds these where no other toleration covers the taint; beside another one they are a choice. */
function dropDefaultTolerations(spec: JsonObject): void {
  const tolerations = spec.tolerations
  if (!Array.isArray(tolerations)) return
  let kept = tolerations
  for (const taint of DEFAULT_TOLERATION_KEYS) {
    const added = { key: taint, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }
    const others = kept.filter(each => !equalJson(each, added))
    if (kept.length - others.length === 1 && !objects(others).some(each => covers(each, taint))) kept = others
  }
  if (kept.length === 0) delete spec.tolerations
  else spec.tolerations = kept
}

function covers({ key, effect }: JsonObject, taint: string): boolean {
  return (key === undefined || key === taint) && (effect === undefined || effect === 'NoExecute')
}

function nameTokenVolume(spec: JsonObject, containers: readonly JsonObject[]): void {
  const tokens = objects(spec.volumes).filter(
    volume =>
      typeof volume.name === 'string' &&
      TOKEN_VOLUME.test(volume.name) &&
      equalJson(volume.projected, { sources: TOKEN_SOURCES }),
  )
  const [token] = tokens
  // With two of them the names tell which container mounts which.
  if (token === undefined || tokens.length > 1) return
  const generated = token.name
  token.name = TOKEN_VOLUME_NAME
  for (const mount of containers.flatMap(each => objects(each.volumeMounts))) {
    if (mount.name === generated) mount.name = TOKEN_VOLUME_NAME
  }
}

const APP_ARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/'

/** A profile named by the old annotation is copied to the container, unless the whole Pod has the same one. */
export function dropAppArmorOfAnnotations({ metadata, spec }: JsonObject): void {
  const annotations = objectOr(objectOr(metadata).annotations)
  if (!isJsonObject(spec) || equalJson(spec.os, { name: 'windows' })) return
  const podProfile = objectOr(spec.securityContext).appArmorProfile
  const containers = [spec.containers, spec.initContainers, spec.ephemeralContainers].flatMap(objects)
  for (const container of containers) {
    const { name, securityContext } = container
    const annotation = typeof name === 'string' ? annotations[APP_ARMOR_ANNOTATION + name] : undefined
    const profile = typeof annotation === 'string' ? appArmorProfile(annotation) : null
    if (profile === null || !isJsonObject(securityContext) || equalJson(profile, podProfile)) continue
    dropIfEqual(securityContext, 'appArmorProfile', profile)
    if (Object.keys(securityContext).length === 0) delete container.securityContext
  }
}

function appArmorProfile(annotation: string): Json {
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' }
  if (annotation === 'unconfined') return { type: 'Unconfined' }
  const localhostProfile = /^localhost\/(.+)$/s.exec(annotation)?.[1]
  return localhostProfile === undefined ? null : { type: 'Localhost', localhostProfile }
}
