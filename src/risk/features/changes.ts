import { equalJson, objectOr } from '../../canonical/drop.js'
import { isJsonObject, type Json, type JsonObject } from '../../json.js'
import type { FeatureSpec, Note } from './feature.js'
import { noteImageChange } from './change-images.js'
import { noteEscalation, noteHardening } from './change-security.js'
import { hostPathClass } from './host-paths.js'
import { imageParts } from './images.js'
import { rightsOf } from './rbac-rules.js'
import { objectsAt, segment, textOr, textsOf, type ContainerPlace, type Places } from './places.js'

/** What only the comparison of the new with the old object shows. */
export const CHANGE_ONLY_FEATURES = {
  'change.image_registry': { unit: 'count', weight: 1, text: 'takes an image from another registry than before' },
  'change.image_owner': { unit: 'count', weight: 0.5, text: 'takes an image from another owner than before' },
  'change.image_other': { unit: 'count', weight: 0.5, text: 'runs another image than before' },
  'change.image_set': { unit: 'count', weight: 0.5, text: 'names an image where none was named' },
  'change.image_impostor': { unit: 'count', weight: 1, text: 'takes an image of the same name from somebody else' },
  'change.image_impostor_moving': {
    unit: 'count',
    weight: 2,
    text: 'takes an image of the same name from somebody else, one that may change',
  },
  'change.pin_dropped': { unit: 'count', weight: 0.5, text: 'names an image no more by a version' },
  'change.digest_dropped': { unit: 'count', weight: 0.5, text: 'names an image no more by its content' },
  'change.command': { unit: 'count', weight: 0.5, text: 'runs another command than before' },
  'change.shell': { unit: 'count', weight: 1, text: 'runs a shell where there was none' },
  'change.hook': { unit: 'count', weight: 0.5, text: 'runs something new at start, stop or in a probe' },
  'change.container': { unit: 'count', weight: 0, text: 'has another container' },
  'change.account': { unit: 'flag', weight: 0.5, text: 'runs as another service account' },
  'change.account_admin': {
    unit: 'flag',
    weight: 1.5,
    text: 'runs as another service account, one that is named like an administrator',
  },
  'change.token': { unit: 'flag', weight: 0.5, text: 'gets the token of its service account' },
  'change.host_path': { unit: 'count', weight: 1, text: 'mounts a path of the node that it did not mount' },
  'change.host_path_grade': {
    unit: 'grade',
    weight: 0.5,
    text: 'mounts a dangerous path of the node that it did not mount',
  },
  'change.node_namespace': { unit: 'count', weight: 1, text: 'enters a namespace of the node that it did not enter' },
  'change.privileged': { unit: 'count', weight: 2, text: 'makes a container privileged that was not' },
  'change.capability': { unit: 'grade', weight: 0.5, text: 'gives a container a capability that it did not have' },
  'change.root_user': { unit: 'count', weight: 0.5, text: 'runs a container as root that did not say so' },
  'change.secret': { unit: 'count', weight: 0.25, text: 'reads a secret that it did not read' },
  'change.hardening_dropped': { unit: 'count', weight: 0.5, text: 'loses protection that it had' },
  'change.role': { unit: 'flag', weight: 1, text: 'gives another role' },
  'change.subject': { unit: 'count', weight: 0.5, text: 'gives its role to somebody else' },
  'change.rights': { unit: 'count', weight: 0.25, text: 'allows more than before' },
  'change.right_grade': { unit: 'grade', weight: 0.5, text: 'allows something dangerous that no rule allowed' },
  'change.rights_named': { unit: 'count', weight: 0.5, text: 'is no more limited to certain objects' },
  'change.selector': { unit: 'flag', weight: 0.25, text: 'leads traffic to other pods' },
  'change.guard_dropped': {
    unit: 'count',
    weight: 0.5,
    text: 'loses authentication, encryption or a limit of who may reach it',
  },
  'change.opened': { unit: 'flag', weight: 0.5, text: 'is reachable from outside now' },
  'change.peers_dropped': { unit: 'count', weight: 1, text: 'does no more say who may connect' },
  'change.destination': { unit: 'flag', weight: 1, text: 'sends requests of the cluster elsewhere' },
} as const satisfies Record<string, FeatureSpec>

type ChangeName = keyof typeof CHANGE_ONLY_FEATURES
/** Takes note of one of them. */
export type ChangeNote = Note<ChangeName>

/** An object and what it runs. */
export interface Side {
  readonly object: JsonObject
  readonly places: Places
}

/** Notes what is other in the new object; places are those of the new one. */
export function noteChange(before: Side, after: Side, note: ChangeNote): void {
  noteContainers(before.places.containers, after.places.containers, note)
  notePods(before.places, after.places, note)
  const [old, now] = [before.object, after.object]
  const [oldSpec, nowSpec] = [objectOr(old.spec), objectOr(now.spec)]
  if (!equalJson(objectOr(old.roleRef).name, objectOr(now.roleRef).name)) note('change.role', 1, '/roleRef/name')
  noteNew(old.subjects, now.subjects, '/subjects', 'change.subject', note)
  noteNew(rights(old.rules), rights(now.rules), '/rules', 'change.rights', note)
  noteRights(old.rules, now.rules, note)
  for (const { item, path } of objectsAt(now.rules, '/rules')) {
    const wasNamed = objectsAt(old.rules, '').some(
      ({ item: each }) =>
        textsOf(each.resourceNames).length > 0 &&
        equalJson(each.resources, item.resources) &&
        equalJson(each.apiGroups, item.apiGroups),
    )
    if (wasNamed && textsOf(item.resourceNames).length === 0) note('change.rights_named', 1, path)
  }
  noteTraffic(old, now, note)
  const url = (value: JsonObject): Json => [
    ...objectsAt(value.webhooks, '').map(({ item }) => objectOr(item.clientConfig).url ?? null),
    objectOr(objectOr(value.spec).source).repoURL ?? null,
    objectOr(value.spec).externalName ?? null,
    objectOr(value.spec).url ?? null,
  ]
  if (!equalJson(url(old), url(now))) note('change.destination', 1, '/spec')
  if (now.kind === 'Service' && isJsonObject(oldSpec.selector) && !equalJson(oldSpec.selector, nowSpec.selector)) {
    note('change.selector', 1, '/spec/selector')
  }
}

/** The worst right that no rule gave before; one that only moves to another rule is no news. */
function noteRights(old: Json | undefined, now: Json | undefined, note: ChangeNote): void {
  const before = objectsAt(old, '').map(({ item }) => rightsOf(item))
  const known = new Set(before.flatMap(({ names }) => names))
  for (const { item, path } of objectsAt(now, '/rules')) {
    const { names, grade } = rightsOf(item)
    if (names.some(each => !known.has(each))) note('change.right_grade', grade, path)
  }
}

function rights(rules: Json | undefined): Json {
  return objectsAt(rules, '').map(({ item }) => ({
    verbs: item.verbs ?? [],
    resources: item.resources ?? [],
    apiGroups: item.apiGroups ?? [],
  }))
}

/** Items of a list that the old list did not have. */
function noteNew(old: Json | undefined, now: Json | undefined, path: string, name: ChangeName, note: ChangeNote): void {
  const known = objectsAt(old, '')
  // Beyond this, lists are compared no more: the products of long lists would cost more than they tell.
  if (known.length > MAX_COMPARED || (Array.isArray(now) && now.length > MAX_COMPARED)) return
  for (const { item, path: at } of objectsAt(now, path)) {
    if (!known.some(({ item: each }) => equalJson(each, item))) note(name, 1, at)
  }
}

const MAX_COMPARED = 500

function noteContainers(before: readonly ContainerPlace[], after: readonly ContainerPlace[], note: ChangeNote): void {
  const byName = new Map(before.map(({ container }) => [textOr(container.name), container]))
  const byPath = new Map(before.map(({ path, container }) => [path, container]))
  const registries = new Set(before.map(({ container }) => registryOf(container)))
  for (const { path, container } of after) {
    const old = byName.get(textOr(container.name)) ?? byPath.get(path)
    if (registryOf(container) !== '' && registries.size > 0 && !registries.has(registryOf(container))) {
      note('change.image_registry', 1, `${path}/image`)
    }
    if (old === undefined) {
      note('change.container', 1, path)
      continue
    }
    noteImageChange(textOr(old.image), textOr(container.image), `${path}/image`, note)
    const commandOf = (each: JsonObject): Json => [each.command ?? null, each.script ?? null, each.source ?? null]
    if (!equalJson(commandOf(old), commandOf(container))) note('change.command', 1, `${path}/command`)
    if (isShell(container) && !isShell(old)) note('change.shell', 1, `${path}/command`)
    for (const member of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) {
      const now = container[member]
      if (runs(now) && !equalJson(old[member], now)) note('change.hook', 1, `${path}/${member}`)
    }
    const contexts = [objectOr(old.securityContext), objectOr(container.securityContext)] as const
    noteHardening(...contexts, `${path}/securityContext`, note)
    noteEscalation(...contexts, `${path}/securityContext`, note)
    noteNewSecrets(old, container, path, note)
  }
}

function registryOf(container: JsonObject): string {
  const image = textOr(container.image)
  return image === '' ? '' : imageParts(image).registry
}

function isShell(container: JsonObject): boolean {
  const [first = ''] = [...textsOf(container.command), ...textsOf(container.args)]
  return /^(?:.*\/)?(?:(?:ba|da|a|z)?sh|python[\d.]*|perl)$/.test(first) || textOr(container.script) !== ''
}

function runs(value: Json | undefined): boolean {
  const { exec, postStart, preStop } = objectOr(value)
  return [exec, objectOr(postStart).exec, objectOr(preStop).exec].some(isJsonObject)
}

function noteNewSecrets(old: JsonObject, now: JsonObject, path: string, note: ChangeNote): void {
  const known = new Set(secretsOf(old, '').map(([name]) => name))
  for (const [name, at] of secretsOf(now, path)) if (!known.has(name)) note('change.secret', 1, at)
}

/** The names of the secrets that a container's environment reads. */
function secretsOf(container: JsonObject, path: string): (readonly [name: string, path: string])[] {
  const env = objectsAt(container.env, `${path}/env`).map(
    ({ item, path: at }) => [textOr(objectOr(objectOr(item.valueFrom).secretKeyRef).name), at] as const,
  )
  const from = objectsAt(container.envFrom, `${path}/envFrom`).map(
    ({ item, path: at }) => [textOr(objectOr(item.secretRef).name), at] as const,
  )
  return [...env, ...from].filter(([name]) => name !== '')
}

function notePods(before: Places, after: Places, note: ChangeNote): void {
  after.pods.forEach(({ spec, path }, index) => {
    const old = before.pods.find(each => each.path === path)?.spec ?? before.pods[index]?.spec
    if (old === undefined) return
    if (textOr(spec.serviceAccountName) !== '' && !equalJson(old.serviceAccountName, spec.serviceAccountName)) {
      note('change.account', 1, `${path}/serviceAccountName`)
      if (/admin|root|super|master|privileged|owner/i.test(textOr(spec.serviceAccountName)))
        note('change.account_admin', 1, `${path}/serviceAccountName`)
    }
    if (
      old.automountServiceAccountToken !== spec.automountServiceAccountToken &&
      spec.automountServiceAccountToken !== false
    ) {
      note('change.token', 1, `${path}/automountServiceAccountToken`)
    }
    noteHardening(objectOr(old.securityContext), objectOr(spec.securityContext), `${path}/securityContext`, note)
    for (const member of ['hostPID', 'hostIPC', 'hostNetwork']) {
      if (spec[member] === true && old[member] !== true) note('change.node_namespace', 1, `${path}/${member}`)
    }
    const known = new Set(objectsAt(old.volumes, '').map(({ item }) => volumeSource(item)))
    for (const { item, path: at } of objectsAt(spec.volumes, `${path}/volumes`)) {
      if (known.has(volumeSource(item))) continue
      if (isJsonObject(item.hostPath)) {
        note('change.host_path', 1, at)
        note('change.host_path_grade', hostPathClass(textOr(item.hostPath.path)).grade, at)
      }
      if (isJsonObject(item.secret)) note('change.secret', 1, at)
    }
  })
}

function volumeSource(volume: JsonObject): string {
  return `${textOr(objectOr(volume.hostPath).path)}\n${textOr(objectOr(volume.secret).secretName)}`
}

const GUARD_ANNOTATION =
  /\/(?:auth-|whitelist-source-range|allowlist-source-range|force-ssl-redirect|ssl-redirect|auth$|limit-|enable-modsecurity|backend-protocol|termination|aws-load-balancer-(?:internal|scheme|ssl-cert)|load-balancer-source-ranges)/

function noteTraffic(old: JsonObject, now: JsonObject, note: ChangeNote): void {
  const [oldSpec, nowSpec] = [objectOr(old.spec), objectOr(now.spec)]
  const [before, after] = [old, now].map(each => objectOr(objectOr(each.metadata).annotations)) as [
    JsonObject,
    JsonObject,
  ]
  for (const key in before) {
    if (GUARD_ANNOTATION.test(key) && after[key] === undefined)
      note('change.guard_dropped', 1, `/metadata/annotations/${segment(key)}`)
  }
  if (now.kind === 'Ingress' && Array.isArray(oldSpec.tls) && !Array.isArray(nowSpec.tls))
    note('change.guard_dropped', 1, '/spec/tls')
  if (now.kind === 'Service') {
    if (Array.isArray(oldSpec.loadBalancerSourceRanges) && !Array.isArray(nowSpec.loadBalancerSourceRanges))
      note('change.guard_dropped', 1, '/spec/loadBalancerSourceRanges')
    const isOutside = (type: Json | undefined): boolean => type === 'NodePort' || type === 'LoadBalancer'
    if (!isOutside(oldSpec.type) && isOutside(nowSpec.type)) note('change.opened', 1, '/spec/type')
  }
  if (now.kind === 'NetworkPolicy') {
    for (const [direction, peers] of [
      ['ingress', 'from'],
      ['egress', 'to'],
    ] as const) {
      const named = (spec: JsonObject): number =>
        objectsAt(spec[direction], '').filter(({ item }) => objectsAt(item[peers], '').length > 0).length
      const open = (spec: JsonObject): number => objectsAt(spec[direction], '').length - named(spec)
      if (open(nowSpec) > open(oldSpec)) note('change.peers_dropped', 1, `/spec/${direction}`)
      const types = (spec: JsonObject): readonly string[] => textsOf(spec.policyTypes)
      const type = direction === 'ingress' ? 'Ingress' : 'Egress'
      if (types(oldSpec).includes(type) && types(nowSpec).length > 0 && !types(nowSpec).includes(type))
        note('change.peers_dropped', 1, '/spec/policyTypes')
    }
  }
}
