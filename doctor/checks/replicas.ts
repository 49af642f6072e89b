import { isJsonObject, type JsonObject, stringMembers } from '../../src/json.js'
import { quoted, repairCommands, restartCommand } from '../command.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import { member, memberObjects, memberText, nameOf } from '../members.js'
import { selectsLabels } from '../selector.js'

/** A replica more than can be away at a time. */
const ENOUGH = 2
/** A leader renews every two seconds, and is no leader after fifteen. */
const STALE_LEASE_MS = 60_000

/** Whether there is a gate that answers, and one more for when it does not. */
export function checkReplicas(facts: ClusterFacts): readonly Finding[] {
  return [...checkTarget(facts), ...checkLease(facts)]
}

function checkTarget(facts: ClusterFacts): readonly Finding[] {
  const { target, looks } = facts
  if (target === null) return []
  if ('url' in target) {
    return [
      {
        id: 'replicas.outside',
        level: 'info',
        title: `The gate is called at ${target.url}: its replicas cannot be seen from the cluster`,
        detail: `See to it that at least ${ENOUGH} stand behind that address.`,
        fix: '',
      },
    ]
  }
  const { service } = looks
  const { namespace, name } = target.service
  if (service.seen === undefined) return []
  if (service.seen === null) {
    return [
      {
        id: 'replicas.service',
        level: 'error',
        title: `There is no Service ${namespace}/${name}, which the API server is told to call`,
        detail: 'No call arrives.',
        fix: repairCommands(facts.gate.configurationName, ['kubectl apply -k manifests/webhook']),
      },
    ]
  }
  const selector = member(service.seen, 'spec', 'selector')
  const labels = isJsonObject(selector) ? stringMembers(selector) : {}
  return [
    ...checkEndpoints(facts, namespace, name),
    ...checkImages(facts, namespace),
    ...checkBudget(facts, namespace, labels),
  ]
}

function checkEndpoints({ looks, gate }: ClusterFacts, namespace: string, name: string): readonly Finding[] {
  const slices = looks.endpointSlices.seen
  if (slices === undefined) return []
  const ready = slices
    .flatMap(slice => memberObjects(slice, 'endpoints'))
    // Absent: nobody knows, and then it is called.
    .filter(endpoint => member(endpoint, 'conditions', 'ready') !== false)
  const nodes = new Set(ready.map(endpoint => memberText(endpoint, 'nodeName')))
  const more = [
    `kubectl -n ${quoted(namespace)} describe pods -l app.kubernetes.io/component=webhook`,
    `kubectl -n ${quoted(namespace)} scale deployment/lockkeeper-webhook --replicas=3`,
    'The autoscaler is called lockkeeper-webhook, too: its minReplicas counts.',
  ]
  if (ready.length < ENOUGH) {
    return [
      {
        id: 'replicas.ready',
        level: ready.length === 0 ? 'error' : 'warn',
        title:
          ready.length === 0 ? 'No replica of the gate is ready' : 'One replica of the gate is ready, and no other',
        detail:
          ready.length === 0
            ? 'With failurePolicy Fail nobody can change anything.'
            : 'While it is replaced, nobody can change anything.',
        fix: ready.length === 0 ? repairCommands(gate.configurationName, more) : more.join('\n'),
      },
    ]
  }
  if (nodes.size === 1 && !nodes.has('')) {
    return [
      {
        id: 'replicas.ready',
        level: 'warn',
        title: `All ${ready.length} replicas of the gate are on node ${[...nodes].join()}`,
        detail: 'When that node goes, all of them go.',
        fix: restartCommand(namespace),
      },
    ]
  }
  return [
    {
      id: 'replicas.ready',
      level: 'ok',
      title: `${ready.length} replicas of ${namespace}/${name} are ready`,
      detail: '',
      fix: '',
    },
  ]
}

/** Two versions, or two bundles in the image, judge the same request differently. */
function checkImages({ looks }: ClusterFacts, namespace: string): readonly Finding[] {
  const pods = looks.pods.seen
  if (pods === undefined || pods.length === 0) return []
  const images = new Map<string, string[]>()
  for (const pod of pods) {
    const image = imagesOf(pod)
    images.set(image, [...(images.get(image) ?? []), nameOf(pod)])
  }
  if (images.size === 1) {
    return [
      {
        id: 'replicas.versions',
        level: 'ok',
        title: 'All replicas run the same image',
        detail: [...images.keys()].join(),
        fix: '',
      },
    ]
  }
  return [
    {
      id: 'replicas.versions',
      level: 'warn',
      title: 'The replicas of the gate run different images',
      detail: [...images].map(([image, names]) => `${image}: ${names.join(', ')}`).join('\n'),
      fix: `kubectl -n ${quoted(namespace)} rollout status deployment/lockkeeper-webhook`,
    },
  ]
}

/** By what the kubelet found where it says so: a tag may mean another image by now. */
function imagesOf(pod: JsonObject): string {
  const running = memberObjects(pod, 'status', 'containerStatuses').map(each => memberText(each, 'imageID'))
  const wanted = memberObjects(pod, 'spec', 'containers').map(each => memberText(each, 'image'))
  return (running.length > 0 && running.every(each => each !== '') ? running : wanted).join(', ')
}

function checkBudget({ looks }: ClusterFacts, namespace: string, labels: Record<string, string>): readonly Finding[] {
  const budgets = looks.budgets.seen
  if (budgets === undefined) return []
  const fitting = budgets.find(each => selectsLabels(member(each, 'spec', 'selector'), labels))
  if (fitting !== undefined) {
    return [
      {
        id: 'replicas.budget',
        level: 'ok',
        title: `PodDisruptionBudget ${nameOf(fitting)} keeps drains from taking all replicas`,
        detail: '',
        fix: '',
      },
    ]
  }
  return [
    {
      id: 'replicas.budget',
      level: 'warn',
      title: 'No PodDisruptionBudget is about the gate',
      detail: 'A drain of several nodes may take all replicas at once.',
      fix: `kubectl -n ${quoted(namespace)} create poddisruptionbudget lockkeeper-webhook --max-unavailable=1 --selector=${quoted(
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(','),
      )}`,
    },
  ]
}

/** The holder keeps the registration right. */
function checkLease({ looks, clocks, gate }: ClusterFacts): readonly Finding[] {
  const lease = looks.lease.seen
  if (lease === undefined) return []
  const holder = memberText(lease ?? undefined, 'spec', 'holderIdentity')
  const renewedMs = Date.parse(memberText(lease ?? undefined, 'spec', 'renewTime'))
  const ageMs = clocks.serverMs - renewedMs
  if (holder !== '' && ageMs <= STALE_LEASE_MS) {
    return [
      { id: 'replicas.leader', level: 'ok', title: `${holder} keeps the registration right`, detail: '', fix: '' },
    ]
  }
  return [
    {
      id: 'replicas.leader',
      level: 'warn',
      title: 'Nobody keeps the registration right: who deletes or weakens it is not noticed',
      detail:
        holder === ''
          ? `The Lease ${gate.namespace}/lockkeeper-webhook is held by nobody.`
          : `${holder} held the Lease ${gate.namespace}/lockkeeper-webhook, and renewed it last ${Math.round(ageMs / 1000)} s ago.`,
      fix: `${restartCommand(gate.namespace)}\nWith --no-registration that is as you wanted it.`,
    },
  ]
}
