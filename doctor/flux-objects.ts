import type { JsonObject } from '../src/json.js'
import type { PolicyCard } from '../src/policy/policy-types.js'
import { member, memberObjects, memberText, memberTexts, nameOf } from './members.js'

/** What a Kustomization, a HelmRelease or an ArtifactGate refers to. */
export interface FluxReference {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** Of an object: a reference without a namespace is to the same one. */
export function namespaceOf(object: JsonObject): string {
  return memberText(object, 'metadata', 'namespace')
}

/** `namespace/name` */
export function placeOf(object: JsonObject): string {
  return `${namespaceOf(object)}/${nameOf(object)}`
}

/** `Kind namespace/name` */
export function referenceText({ kind, namespace, name }: FluxReference): string {
  return `${kind} ${namespace}/${name}`
}

/** The places in which a Kustomization or a HelmRelease names its source. */
const SOURCE_PATHS = [
  ['spec', 'sourceRef'],
  ['spec', 'chartRef'],
  ['spec', 'chart', 'spec', 'sourceRef'],
]

/** Where a Kustomization or a HelmRelease takes what it applies from. */
export function sourcesOf(object: JsonObject): readonly FluxReference[] {
  return SOURCE_PATHS.flatMap(path => {
    const name = memberText(object, ...path, 'name')
    if (name === '') return []
    const namespace = memberText(object, ...path, 'namespace')
    return [{ kind: memberText(object, ...path, 'kind'), namespace: namespace || namespaceOf(object), name }]
  })
}

/** Whether it takes what the gate of this name publishes: its ExternalArtifact is called as the ArtifactGate is. */
export function takesFrom(object: JsonObject, gate: JsonObject): boolean {
  return sourcesOf(object).some(
    ({ kind, namespace, name }) =>
      kind === 'ExternalArtifact' && namespace === namespaceOf(gate) && name === nameOf(gate),
  )
}

/** The Kustomizations that an ArtifactGate names, as `namespace/name`. */
export function namedByGate(gate: JsonObject): readonly string[] {
  return memberObjects(gate, 'spec', 'kustomizations').map(
    each => `${memberText(each, 'namespace') || namespaceOf(gate)}/${memberText(each, 'name')}`,
  )
}

/** The ConfigMaps and Secrets whose values are put into what a Kustomization applies. */
export function substitutesOf(kustomization: JsonObject): readonly FluxReference[] {
  return memberObjects(kustomization, 'spec', 'postBuild', 'substituteFrom').map(each => ({
    kind: memberText(each, 'kind'),
    namespace: namespaceOf(kustomization),
    name: memberText(each, 'name'),
  }))
}

/** A list among the parameters of a policy; empty where the bundle does not have the policy. */
export function parameterOf(cards: readonly PolicyCard[], policy: string, parameter: string): readonly string[] {
  return memberTexts(cards.find(each => each.id === policy)?.parameters, parameter)
}

/** As the policies read `gatedNamespaces`: a `*` at the end stands for any ending. */
export function isGated(namespaces: readonly string[], namespace: string): boolean {
  return namespaces.some(each => (each.endsWith('*') ? namespace.startsWith(each.slice(0, -1)) : namespace === each))
}

/** The arguments of all containers of a Deployment. */
export function argumentsOf(deployment: JsonObject): readonly string[] {
  return memberObjects(deployment, 'spec', 'template', 'spec', 'containers').flatMap(each => memberTexts(each, 'args'))
}

/** The values of a flag in their order: `--flag=value` and `--flag value` are the same. */
export function valuesOf(args: readonly string[], flag: string): readonly string[] {
  return args.flatMap((arg, index) => {
    if (arg.startsWith(`${flag}=`)) return [arg.slice(flag.length + 1)]
    return arg === flag ? args.slice(index + 1, index + 2) : []
  })
}

/** Rules of a role, as far as they can be read. */
export function rulesOf(role: JsonObject): readonly {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}[] {
  return memberObjects(role, 'rules').map(each => ({
    apiGroups: memberTexts(each, 'apiGroups'),
    resources: memberTexts(each, 'resources'),
    verbs: memberTexts(each, 'verbs'),
  }))
}

/** Whether everybody gets the role who may edit or administer a namespace. */
export function isAggregated(role: JsonObject): boolean {
  return ['edit', 'admin'].some(
    each => member(role, 'metadata', 'labels', `rbac.authorization.k8s.io/aggregate-to-${each}`) === 'true',
  )
}
