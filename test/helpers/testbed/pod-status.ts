import { type ApiObject, member } from './api-objects.js'

interface Container {
  readonly name: string
  readonly image?: string
  readonly restartPolicy?: string
}

/** How a Pod is when its containers run and are ready, or when all have ended well: what a kubelet writes into its status. */
export function podStatus(pod: ApiObject, phase: 'Running' | 'Succeeded', podIP: string, now: string): object {
  const isRunning = phase === 'Running'
  const status = isRunning ? 'True' : 'False'
  const reason = isRunning ? {} : { reason: 'PodCompleted' }
  const condition = (type: string, more: object) => ({ type, lastTransitionTime: now, ...more })
  const isSidecar = ({ restartPolicy }: Container) => restartPolicy === 'Always'
  return {
    phase,
    startTime: member(pod, 'status', 'startTime') ?? now,
    hostIP: '127.0.0.1',
    podIP,
    podIPs: [{ ip: podIP }],
    conditions: [
      condition('PodReadyToStartContainers', { status }),
      condition('Initialized', { status: 'True', ...reason }),
      condition('ContainersReady', { status, ...reason }),
      condition('Ready', { status, ...reason }),
    ],
    containerStatuses: containers(pod, 'containers').map(each => containerStatus(each, isRunning, now)),
    initContainerStatuses: containers(pod, 'initContainers').map(each =>
      containerStatus(each, isRunning && isSidecar(each), now),
    ),
  }
}

function containers(pod: ApiObject, key: string): readonly Container[] {
  return (member(pod, 'spec', key) as readonly Container[] | undefined) ?? []
}

function containerStatus({ name, image = '' }: Container, isRunning: boolean, now: string): object {
  const state = isRunning
    ? { running: { startedAt: now } }
    : { terminated: { exitCode: 0, reason: 'Completed', startedAt: now, finishedAt: now } }
  return { name, image, imageID: '', restartCount: 0, started: isRunning, ready: true, state }
}
