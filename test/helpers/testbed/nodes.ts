import { setTimeout as wait } from 'node:timers/promises'
import { ApiError } from './api-error.js'
import type { ApiClient } from './api.js'
import { type ApiObject, member } from './api-objects.js'
import type { ControlPlane } from './control-plane.js'
import { podStatus } from './pod-status.js'
import type { Testbed } from './testbed.js'
import { watchObjects } from './watch.js'

/** Nodes that run nothing: what a scheduler and kubelets write is written, so that controllers see healthy Pods. */
export interface Nodes {
  readonly names: readonly string[]
}

export interface NodesOptions {
  readonly count?: number
}

interface Node {
  readonly name: string
  readonly client: ApiClient
}

const PODS = '/api/v1/pods'
const RETRY_MS = 200
/** Writes under way at a time. */
const MAX_WRITES = 16

/**
 * Registers nodes and takes care of every Pod until the bed closes:
 *
 * - A Pod without a node is bound to the one that its node affinity names (as those of a DaemonSet do), else to the next in turn. Other
 *   wishes, taints and resources are not looked at. Pods of another scheduler wait, and so do those with scheduling gates: the API server
 *   refuses to bind them.
 * - A Pod on one of the nodes gets the status Running and Ready; the Pod of a Job then Succeeded. A Pod that is being deleted goes.
 *
 * The binding is written as `system:kube-scheduler`, all else by the node as `system:node:<name>`, under the Node authorizer and NodeRestriction.
 */
export async function startNodes(bed: Testbed, plane: ControlPlane, options: NodesOptions = {}): Promise<Nodes> {
  const { count = 2 } = options
  const names = Array.from({ length: count }, (_, index) => `node-${index + 1}`)
  const nodes = new Map<string, Node>()
  for (const name of names) {
    const client = plane.client(plane.certificateUser(`system:node:${name}`, ['system:nodes']))
    await register(plane.admin, client, name)
    nodes.set(name, { name, client })
  }
  const scheduler = plane.certificateUser('system:kube-scheduler')
  const closing = new AbortController()
  const caring = careForPods({ plane, nodes, user: scheduler, scheduler: plane.client(scheduler) }, closing.signal)
  bed.onClose('nodes', async () => {
    closing.abort()
    await caring
  })
  return { names }
}

/** As a kubelet does it; taking away the taint is a controller's task. */
async function register(admin: ApiClient, client: ApiClient, name: string): Promise<void> {
  const now = new Date().toISOString()
  const resources = { cpu: '16', memory: '64Gi', pods: '1000', 'ephemeral-storage': '100Gi' }
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } },
  }
  await client.create(node)
  await client.patch(
    node,
    {
      status: {
        capacity: resources,
        allocatable: resources,
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'KubeletReady',
            message: 'ready',
            lastHeartbeatTime: now,
            lastTransitionTime: now,
          },
        ],
      },
    },
    { type: 'strategic', subresource: 'status' },
  )
  await admin.patch(node, { spec: { taints: null } })
}

interface Care {
  readonly plane: ControlPlane
  readonly nodes: ReadonlyMap<string, Node>
  readonly user: ReturnType<ControlPlane['certificateUser']>
  readonly scheduler: ApiClient
}

/** Lists and watches; a watch that ends is resumed, and after anything unexpected, a refused write included, all is listed again. */
async function careForPods(care: Care, closing: AbortSignal): Promise<void> {
  const { plane, scheduler, user } = care
  const step = podStepper(care)
  let resourceVersion: string | null = null
  while (!closing.aborted) {
    const failing = new AbortController()
    const signal = AbortSignal.any([closing, failing.signal])
    const writes = new Set<Promise<void>>()
    const begin = async (pod: ApiObject): Promise<void> => {
      const write = step(pod)
        .catch(() => {
          failing.abort()
        })
        .finally(() => writes.delete(write))
      writes.add(write)
      if (writes.size >= MAX_WRITES) await Promise.race(writes)
    }
    try {
      if (resourceVersion === null) {
        const list = await scheduler.request('GET', PODS, { signal })
        if (list.status !== 200) throw new ApiError(`GET ${PODS}`, list)
        for (const pod of member(list.body, 'items') as ApiObject[]) await begin(pod)
        resourceVersion = member(list.body, 'metadata', 'resourceVersion') as string
      }
      for await (const { type, object } of watchObjects(plane, user, PODS, { resourceVersion, signal })) {
        resourceVersion = object.metadata.resourceVersion
        if (type === 'ADDED' || type === 'MODIFIED') await begin(object)
      }
    } catch {
      failing.abort()
    }
    await Promise.all(writes)
    if (failing.signal.aborted) {
      resourceVersion = null
      await wait(RETRY_MS, null, { signal: closing }).catch(() => null)
    }
  }
}

/** Does what is next for a Pod; nothing when there is nothing to do. The change comes back as the next event. */
function podStepper({ nodes, scheduler }: Care): (pod: ApiObject) => Promise<void> {
  const names = [...nodes.keys()]
  let bound = 0
  let started = 0
  const next = async (pod: ApiObject): Promise<void> => {
    const reference = { apiVersion: 'v1', kind: 'Pod', ...namesOf(pod) }
    const { uid, deletionTimestamp } = pod.metadata
    const phase = member(pod, 'status', 'phase')
    const nodeName = member(pod, 'spec', 'nodeName') as string | undefined
    if (nodeName === undefined) {
      if (!isSchedulable(pod)) return
      const target = wantedNode(pod) ?? names[bound++ % names.length]
      const binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { ...namesOf(pod), uid },
        target: { apiVersion: 'v1', kind: 'Node', name: target },
      }
      await scheduler.create(binding, { of: reference, subresource: 'binding' })
      return
    }
    const node = nodes.get(nodeName)
    if (node === undefined) return
    if (deletionTimestamp !== undefined) {
      // The uid: a StatefulSet makes a new Pod with the same name.
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } }
      const path = await node.client.objectPath(reference)
      const response = await node.client.request('DELETE', path, { body })
      if (response.status >= 400) throw new ApiError(`DELETE ${path}`, response)
      return
    }
    const write = async (nextPhase: 'Running' | 'Succeeded'): Promise<void> => {
      started += 1
      const podIP = (member(pod, 'status', 'podIP') as string | undefined) ?? address(started)
      const status = podStatus(pod, nextPhase, podIP, new Date().toISOString())
      const options = { type: 'strategic', subresource: 'status' } as const
      await node.client.patch(reference, { metadata: { uid }, status }, options)
    }
    if (phase === 'Pending') await write('Running')
    else if (phase === 'Running' && isOfJob(pod)) await write('Succeeded')
  }
  return async pod => {
    try {
      await next(pod)
    } catch (error) {
      // The Pod has gone or changed in the meantime: another event tells.
      if (!(error instanceof ApiError && (error.status === 404 || error.status === 409))) throw error
    }
  }
}

function namesOf({ metadata: { name, namespace = 'default' } }: ApiObject): { name: string; namespace: string } {
  return { name, namespace }
}

function isSchedulable(pod: ApiObject): boolean {
  return pod.metadata.deletionTimestamp === undefined && member(pod, 'spec', 'schedulerName') === 'default-scheduler'
}

/** The node that the Pod's affinity names, as the DaemonSet controller writes it. */
function wantedNode(pod: ApiObject): string | undefined {
  const required = ['affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution'] as const
  const field = ['nodeSelectorTerms', 0, 'matchFields', 0] as const
  if (member(pod, 'spec', ...required, ...field, 'key') !== 'metadata.name') return undefined
  return member(pod, 'spec', ...required, ...field, 'values', 0) as string | undefined
}

function isOfJob(pod: ApiObject): boolean {
  const owners = (pod.metadata.ownerReferences ?? []) as readonly { kind: string; controller?: boolean }[]
  return owners.some(({ kind, controller }) => kind === 'Job' && controller === true)
}

function address(index: number): string {
  return `10.244.${(index >> 8) & 0xff}.${index & 0xff}`
}
