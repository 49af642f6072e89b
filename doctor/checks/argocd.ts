import type { JsonObject } from '../../src/json.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import { listed } from '../listed.js'
import { memberObjects, memberText, memberTexts, nameOf } from '../members.js'

/** The oldest version that the gate is tested with. */
const FLOOR = [3, 5, 7] as const
/** By minor version, the first one in which a sync that was held back is not told as the success of an earlier one. */
const FIXED: readonly (readonly [number, number, number])[] = [
  [3, 4, 10],
  [3, 5, 2],
]
const SIDECAR = 'lockkeeper'
const CALLER_FLAG = '--api-caller'
const SWITCHES = { helm: 'helm.enable', kustomize: 'kustomize.enable' } as const

type Version = readonly [number, number, number]

/** The gate before the sync: which Argo CD it is in, whether it is there, and what goes past it. */
export function checkArgoCd({ gate, looks }: ClusterFacts): readonly Finding[] {
  const workloads = [...(looks.argoCdDeployments.seen ?? []), ...(looks.argoCdStatefulSets.seen ?? [])]
  if (workloads.length === 0) return []
  const repoServer = workloads.find(each => nameOf(each).endsWith('repo-server'))
  return [
    checkVersion(workloads),
    ...(repoServer === undefined ? [] : checkSidecar(repoServer, gate.version)),
    ...(repoServer === undefined ? [] : checkBase(repoServer, gate.argoCdNamespace, looks.deployments.seen)),
    ...checkBuiltInTools(looks.argoCdSettings.seen ?? null),
  ]
}

function checkVersion(workloads: readonly JsonObject[]): Finding {
  const id = 'argocd.version'
  const images = workloads.flatMap(workload =>
    containersOf(workload)
      .filter(each => memberText(each, 'name') !== SIDECAR && !memberText(each, 'name').startsWith('lockkeeper-'))
      .map(each => memberText(each, 'image')),
  )
  const known = images.map(versionIn).filter(each => each !== null)
  const oldest = [...known].sort(compare)[0]
  const floor = FLOOR.join('.')
  if (oldest === undefined || known.length < images.length) {
    return {
      id,
      level: 'info',
      title: `The version of Argo CD cannot be told from its images: it should be ${floor} or newer`,
      detail: listed(images),
      fix: 'argocd version',
    }
  }
  const text = oldest.join('.')
  if (isAffected(oldest)) {
    return {
      id,
      level: 'error',
      title: `Argo CD ${text} may tell the success of an earlier sync for one that the gate held back`,
      detail: 'Fixed in 3.4.10 and 3.5.2.',
      fix: `Upgrade Argo CD to ${floor} or newer.`,
    }
  }
  const isOlder = compare(oldest, FLOOR) < 0
  return {
    id,
    level: isOlder ? 'info' : 'ok',
    title: `Argo CD ${text}${isOlder ? ` is older than ${floor}, which the gate is tested with` : ''}`,
    detail: '',
    fix: isOlder ? `Upgrade Argo CD to ${floor} or newer.` : '',
  }
}

function checkSidecar(repoServer: JsonObject, version: string): readonly Finding[] {
  const id = 'argocd.plugin'
  const sidecar = containersOf(repoServer).find(each => memberText(each, 'name') === SIDECAR)
  if (sidecar === undefined) {
    return [
      {
        id,
        level: 'info',
        title: 'Argo CD is here without the gate before the sync',
        detail: 'What it syncs is judged at admission alone, and a denial there leaves a sync half done.',
        fix: 'Add the component manifests/argocd/repo-server to the kustomization that installs Argo CD.',
      },
    ]
  }
  const image = memberText(sidecar, 'image')
  const found = versionIn(image)?.join('.') ?? null
  const isOther = found !== version
  return [
    {
      id,
      level: isOther ? 'warn' : 'ok',
      title: isOther
        ? `The gate before the sync is ${found ?? 'of a version that its image does not tell'}, this program is ${version}`
        : `The gate before the sync is there: ${version}`,
      detail: isOther ? image : '',
      fix: isOther ? 'Bring the images of the container lockkeeper and of the webhook to one version.' : '',
    },
  ]
}

/** @param deployments beside the gate; undefined: they could not be seen, and that is said elsewhere */
function checkBase(
  repoServer: JsonObject,
  namespace: string,
  deployments: readonly JsonObject[] | undefined,
): readonly Finding[] {
  const hasSidecar = containersOf(repoServer).some(each => memberText(each, 'name') === SIDECAR)
  if (!hasSidecar || deployments === undefined) return []
  const account = memberText(repoServer, 'spec', 'template', 'spec', 'serviceAccountName') || 'default'
  const caller = `system:serviceaccount:${namespace}:${account}`
  const callers = deployments.flatMap(callersOf)
  const isAnswered = callers.includes(caller)
  return [
    {
      id: 'argocd.base',
      level: isAnswered ? 'ok' : 'warn',
      title: isAnswered
        ? 'The gate before the sync may ask the controller what is live'
        : 'The gate before the sync has nobody to ask what is live: every object is judged as new, and old debt at most warned of',
      detail: isAnswered || callers.length === 0 ? '' : `Who may ask is ${listed(callers)}.`,
      fix: isAnswered
        ? ''
        : callers.length === 0
          ? 'Add the component manifests/argocd/controller to the kustomization that installs the controller.'
          : `Give the controller --api-caller=${caller}.`,
    },
  ]
}

/** Whom a controller answers. */
function callersOf(deployment: JsonObject): readonly string[] {
  const args = containersOf(deployment).flatMap(each => memberTexts(each, 'args'))
  return args.flatMap((arg, index) => {
    if (arg.startsWith(`${CALLER_FLAG}=`)) return [arg.slice(CALLER_FLAG.length + 1)]
    return arg === CALLER_FLAG ? args.slice(index + 1, index + 2) : []
  })
}

/** @param settings argocd-cm; null: it is not there or could not be seen, and that is said elsewhere */
function checkBuiltInTools(settings: JsonObject | null): readonly Finding[] {
  if (settings === null) return []
  const enabled = Object.entries(SWITCHES).flatMap(([tool, key]) =>
    memberText(settings, 'data', key) === 'false' ? [] : [tool],
  )
  return [
    {
      id: 'argocd.built-in-tools',
      level: 'info',
      title: `Applications can be rendered past the gate: ${listed([...enabled, 'plain directories'])}`,
      detail:
        'The policy argocd_application_plugin holds Applications of gated projects to the plugin. A .argocd-source.yaml in Git ' +
        'can still choose another tool: then admission judges alone, and there are no receipts.',
      fix: enabled.length === 0 ? '' : 'Set gatedProjects of the policy argocd_application_plugin in the bundle.',
    },
  ]
}

function isAffected(version: Version): boolean {
  const [major, minor] = version
  const fixed = FIXED.find(each => each[0] === major && each[1] === minor)
  if (fixed !== undefined) return compare(version, fixed) < 0
  return compare(version, FIXED[0] ?? FLOOR) < 0
}

function containersOf(workload: JsonObject): readonly JsonObject[] {
  return memberObjects(workload, 'spec', 'template', 'spec', 'containers')
}

/** From the tag of an image; null for a digest alone, and for other tags. */
function versionIn(image: string): Version | null {
  const [, major, minor, patch] = /:v?(\d+)\.(\d+)\.(\d+)(?:@sha256:[0-9a-f]{64})?$/.exec(image) ?? []
  return major === undefined ? null : [Number(major), Number(minor), Number(patch)]
}

function compare(one: Version, other: Version): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2]
}
