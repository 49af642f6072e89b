import { objectOr } from '../../canonical/drop.js'
import { isJsonObject, type JsonObject } from '../../json.js'
import { capabilityClass } from './capabilities.js'
import type { FeatureSpec, Note } from './feature.js'
import { hostPathClass } from './host-paths.js'
import { isGeneralSoftware, isNodeSoftware } from './node-software.js'
import { objectsAt, textOr, textsOf, type PodPlace } from './places.js'

/** Who gets at the node: a network plugin has to, a web server has no reason to. */
export const NODE_ACCESS_FEATURES = {
  'pod.node_stranger': {
    unit: 'grade',
    weight: 0.75,
    text: 'gives access to its node to an image that is not known to need it',
  },
  'pod.node_general': {
    unit: 'grade',
    weight: 0.75,
    text: 'gives access to its node to a bare system or a common server',
  },
  'pod.node_setup': {
    unit: 'grade',
    weight: 0.25,
    text: 'gives access to its node to an image that is not known to need it, before it starts',
  },
} as const satisfies Record<string, FeatureSpec>

type NodeNote = Note<keyof typeof NODE_ACCESS_FEATURES>

/** How much of the node a container has, from 0 to 5, and what gives it. */
interface Access {
  readonly grade: number
  readonly path: string
}
const MIN_CAPABILITY = 4
const NONE: Access = { grade: 0, path: '' }

/** Notes which containers of a pod get at its node, by what their images are. */
export function noteNodeAccess({ path, spec }: PodPlace, note: NodeNote): void {
  const shared = podAccess(spec, path)
  const volumes = hostVolumes(spec)
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const { item, path: at } of objectsAt(spec[list], `${path}/${list}`)) {
      const access = [...ownAccess(item, at), ...mounts(item, at, volumes)].reduce(worse, shared)
      const image = textOr(item.image)
      if (access.grade === 0 || isNodeSoftware(image)) continue
      note(list === 'initContainers' ? 'pod.node_setup' : 'pod.node_stranger', access.grade, access.path)
      if (list !== 'initContainers' && isGeneralSoftware(image)) note('pod.node_general', access.grade, access.path)
    }
  }
}

function worse(one: Access, other: Access): Access {
  return other.grade > one.grade ? other : one
}

function podAccess(spec: JsonObject, path: string): Access {
  const shared: Access[] = [
    { grade: spec.hostPID === true ? 4 : 0, path: `${path}/hostPID` },
    { grade: spec.hostIPC === true ? 3 : 0, path: `${path}/hostIPC` },
    { grade: spec.hostNetwork === true ? 2 : 0, path: `${path}/hostNetwork` },
  ]
  return shared.reduce(worse, NONE)
}

function ownAccess(container: JsonObject, path: string): Access[] {
  const context = objectOr(container.securityContext)
  return [
    { grade: context.privileged === true ? 4 : 0, path: `${path}/securityContext/privileged` },
    {
      grade: objectOr(context.windowsOptions).hostProcess === true ? 4 : 0,
      path: `${path}/securityContext/windowsOptions/hostProcess`,
    },
    ...textsOf(objectOr(context.capabilities).add).map((name, index) => ({
      // A lesser capability is for the files and the network of the container.
      grade: capabilityClass(name).grade >= MIN_CAPABILITY ? capabilityClass(name).grade : 0,
      path: `${path}/securityContext/capabilities/add/${index}`,
    })),
  ]
}

/** The grade of each volume that is a path of the node. */
function hostVolumes(spec: JsonObject): ReadonlyMap<string, number> {
  return new Map(
    objectsAt(spec.volumes, '')
      .filter(({ item }) => isJsonObject(item.hostPath))
      .map(({ item }) => [textOr(item.name), hostPathClass(textOr(objectOr(item.hostPath).path)).grade]),
  )
}

/** What is mounted to be read only gives a grade less. */
function mounts(container: JsonObject, path: string, volumes: ReadonlyMap<string, number>): Access[] {
  if (volumes.size === 0) return []
  return objectsAt(container.volumeMounts, `${path}/volumeMounts`).map(({ item, path: at }) => {
    const grade = volumes.get(textOr(item.name)) ?? 0
    return { grade: item.readOnly === true ? Math.max(grade - 1, 0) : grade, path: at }
  })
}
