import { listed } from '../listed.js'
import type { JsonObject } from '../../src/json.js'
import { patchDeployment } from '../command.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import { memberObjects, memberTexts, nameOf } from '../members.js'

/** What policies/data/defaults.json was recorded from. */
const RECORDED_MINOR = 37
/** matchConditions are there for everybody since then. */
const OLDEST_MINOR = 30
/** Kubernetes itself supports as many versions. */
const SUPPORTED_VERSIONS = 3
const [SKEW_WARN_MS, SKEW_ERROR_MS] = [60_000, 300_000]

/** The API server itself: its version, its clock, and whom it passed over; and what else the gate counts on. */
export function checkCluster(facts: ClusterFacts): readonly Finding[] {
  return [
    checkVersion(facts),
    checkClock(facts),
    ...checkFailOpen(facts),
    ...checkReports(facts),
    ...checkGitOps(facts),
  ]
}

function checkVersion({ serverVersion }: ClusterFacts): Finding {
  const id = 'cluster.version'
  const minor = Number(/^v?1\.(\d+)/.exec(serverVersion)?.[1] ?? Number.NaN)
  if (Number.isNaN(minor)) {
    return {
      id,
      level: 'warn',
      title: `The API server says that its version is "${serverVersion}"`,
      detail: 'That is no version of Kubernetes.',
      fix: 'kubectl version',
    }
  }
  if (minor < OLDEST_MINOR) {
    return {
      id,
      level: 'error',
      title: `Kubernetes 1.${minor} has no matchConditions to count on`,
      detail: `They are in every cluster since 1.${OLDEST_MINOR}. Before, what a cluster needs to start waits for the gate.`,
      fix: `Upgrade to 1.${OLDEST_MINOR} or newer.`,
    }
  }
  if (minor > RECORDED_MINOR || minor < RECORDED_MINOR - SUPPORTED_VERSIONS) {
    return {
      id,
      level: 'warn',
      title: `Kubernetes 1.${minor} fills in other defaults than 1.${RECORDED_MINOR}, which this version knows`,
      detail: 'Fields that differ count as changes: subjects and ids before the sync and at admission may differ.',
      fix:
        minor > RECORDED_MINOR
          ? 'Upgrade lockkeeper where there is a newer one.'
          : `Upgrade to 1.${RECORDED_MINOR - SUPPORTED_VERSIONS} or newer.`,
    }
  }
  return { id, level: 'ok', title: `The API server is ${serverVersion}`, detail: '', fix: '' }
}

function checkClock({ clocks }: ClusterFacts): Finding {
  const skewMs = clocks.serverMs - clocks.localMs
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  const id = 'cluster.clock'
  if (Math.abs(skewMs) <= SKEW_WARN_MS) {
    return { id, level: 'ok', title: 'The clock of the API server agrees with the one here', detail: '', fix: '' }
  }
  return {
    id,
    level: Math.abs(skewMs) > SKEW_ERROR_MS ? 'error' : 'warn',
    title: `The clock of the API server is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the one here`,
    detail: 'Certificates, tokens and exceptions begin and end by clocks.',
    fix: 'On both machines: timedatectl status, and set NTP right.',
  }
}

/** The metric counts from the start of one API server; a cluster may have several. */
function checkFailOpen({ looks }: ClusterFacts): readonly Finding[] {
  const counts = looks.failOpen.seen
  if (counts === undefined) return []
  const open = counts.filter(({ count }) => count > 0)
  if (open.length === 0) {
    return [
      {
        id: 'cluster.fail-open',
        level: 'ok',
        title: 'The API server passed over no webhook of the gate since it started',
        detail: '',
        fix: '',
      },
    ]
  }
  return [
    {
      id: 'cluster.fail-open',
      level: 'warn',
      title: 'The API server let requests through that the gate did not answer',
      detail: open.map(({ name, count }) => `${name}: ${count}`).join('\n'),
      fix:
        'Which they were is in the audit log, by the annotation failed-open.validating.webhook.admission.k8s.io/round_0_index_<n>.\n' +
        'The count is that of one API server, and begins anew when that does.',
    },
  ]
}

/** The audit can only write reports of a kind that is installed. */
function checkReports({ looks, gate }: ClusterFacts): readonly Finding[] {
  const controller = (looks.deployments.seen ?? []).find(each => nameOf(each) === 'lockkeeper-controller')
  if (controller === undefined || looks.discovery.seen === undefined) return []
  const group = reportGroup(controller)
  if (group === null) return []
  if (looks.discovery.seen.groups.some(each => each.group === group)) {
    return [{ id: 'cluster.reports', level: 'ok', title: `The reports of ${group} are installed`, detail: '', fix: '' }]
  }
  return [
    {
      id: 'cluster.reports',
      level: 'warn',
      title: `The controller writes reports of ${group}, which this cluster does not know`,
      detail: 'What the audit finds is written nowhere.',
      fix:
        `Install the CustomResourceDefinitions of ${group}, or do without reports:\n` +
        patchDeployment(gate.namespace, 'lockkeeper-controller', '--reports=none'),
    },
  ]
}

/** The last of two equal options counts. */
function reportGroup(controller: JsonObject): string | null {
  const args = memberObjects(controller, 'spec', 'template', 'spec', 'containers').flatMap(each =>
    memberTexts(each, 'args'),
  )
  const reports = args.findLast(each => each.startsWith('--reports='))?.slice('--reports='.length) ?? 'openreports'
  if (reports === 'none') return null
  return reports === 'wgpolicy' ? 'wgpolicyk8s.io' : 'openreports.io'
}

/** What syncs from Git and was not found where it was looked for, so that its own checks say nothing. */
function checkGitOps({ looks, gate }: ClusterFacts): readonly Finding[] {
  const served = looks.discovery.seen?.resources ?? []
  const serves = (group: string, resource: string) =>
    served.some(each => each.group === group && each.resource === resource)
  const hidden = [
    ...(serves('argoproj.io', 'applications') && looks.argoCdDeployments.seen?.length === 0
      ? [{ name: 'Argo CD', namespace: gate.argoCdNamespace, flag: '--argocd-namespace' }]
      : []),
    ...(serves('kustomize.toolkit.fluxcd.io', 'kustomizations') && looks.fluxDeployments.seen?.length === 0
      ? [{ name: 'Flux', namespace: gate.fluxNamespace, flag: '--flux-namespace' }]
      : []),
  ]
  if (hidden.length === 0) return []
  return [
    {
      id: 'cluster.gitops',
      level: 'info',
      title: `${listed(hidden.map(({ name }) => name))} is here, and was not found where it usually is`,
      detail: `Looked at: ${listed(hidden.map(({ name, namespace }) => `${namespace} for ${name}`))}. At admission its changes are judged like all others.`,
      fix: hidden.map(({ flag }) => `lockkeeper doctor --cluster ${flag} <namespace>`).join('\n'),
    },
  ]
}
