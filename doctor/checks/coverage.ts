import type { Json } from '../../src/json.js'
import { askedByPolicies } from '../../webhook/registration/asked.js'
import { buildRules, type Asked } from '../../webhook/registration/rules.js'
import { patchCommand } from '../command.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import { listed } from '../listed.js'
import { COLD_START, type LiveEntries, type LiveEntry } from '../live-entries.js'
import { memberText, nameOf } from '../members.js'
import {
  isAsked,
  type LiveRules,
  requestText,
  scopeOf,
  type ServedRequest,
  servedRequests,
} from '../served-requests.js'

/** What of all that the API server serves is sent to the gate, and what is not. */
export function checkCoverage(facts: ClusterFacts, live: LiveEntries | null): readonly Finding[] {
  const { gate, looks } = facts
  const discovery = looks.discovery.seen
  if (discovery === undefined) return []
  const wanted = { rules: wantedRules(facts), matchPolicy: 'Equivalent' }
  const requests = servedRequests(discovery)
  const gaps =
    live === null
      ? []
      : gapsIn(
          live.entries,
          requests.filter(each => isAsked(wanted, each)),
        )
  const findings = live === null ? [] : checkGaps(gaps, nameOf(live.configuration))
  const isSent = (request: ServedRequest) => (live?.entries ?? []).some(({ entry }) => isAsked(entry, request))
  return [
    ...findings,
    ...checkUnasked(
      requests.filter(request => !isAsked(wanted, request) && !isSent(request)),
      requests.length,
    ),
    ...checkUnanswered(discovery.failures),
    ...checkAggregated(facts, requests),
    ...alwaysOut(gate.namespace),
  ]
}

/** A request that an entry should be asked about, and is not. */
interface Gap {
  readonly request: ServedRequest
  /** The one to add a rule to. */
  readonly entry: LiveEntry
}

/**
 * What the entries that wait for the gate leave out, and what the one for a cold start does: what that is about, the others
 * leave to it.
 */
function gapsIn(entries: readonly LiveEntry[], wanted: readonly ServedRequest[]): readonly Gap[] {
  const waiting = entries.filter(({ entry }) => entry.name !== COLD_START)
  const coldStart = entries.filter(({ entry }) => entry.name === COLD_START)
  return wanted.flatMap(request => {
    const scope = scopeOf(request)
    const fitting = waiting.find(({ entry }) => entry.rules.some(rule => rule.scope === scope)) ?? waiting[0]
    const isLeftOut = fitting !== undefined && !waiting.some(({ entry }) => isAsked(entry, request))
    return [...(isLeftOut ? [fitting] : []), ...coldStart.filter(({ entry }) => !isAsked(entry, request))].map(
      entry => ({
        request,
        entry,
      }),
    )
  })
}

function wantedRules({ gate }: ClusterFacts): LiveRules['rules'] {
  return buildRules(askedByPolicies(gate.cards, gate.workloads)).map(rule => ({ ...rule, scope: '*' }))
}

const PARTS = [
  {
    id: 'coverage.resources',
    fits: ({ operation, subResource }: ServedRequest) => subResource === '' && operation !== 'DELETE',
    title: 'Resources that the policies judge are not sent to the gate',
    ok: 'Every resource that a policy judges is sent to the gate',
  },
  {
    id: 'coverage.subresources',
    fits: ({ subResource }: ServedRequest) => subResource !== '',
    title: 'Subresources that change what runs are not sent to the gate',
    ok: 'Every subresource that changes what runs is sent to the gate',
  },
  {
    id: 'coverage.deletions',
    fits: ({ operation, subResource }: ServedRequest) => subResource === '' && operation === 'DELETE',
    title: 'Deletions that the policies judge are not sent to the gate',
    ok: 'Every deletion that a policy judges is sent to the gate',
  },
] as const

function checkGaps(gaps: readonly Gap[], configuration: string): readonly Finding[] {
  return PARTS.map(({ id, fits, title, ok }): Finding => {
    const part = gaps.filter(({ request }) => fits(request))
    if (part.length === 0) return { id, level: 'ok', title: ok, detail: '', fix: '' }
    const names = [...new Set(part.map(({ entry }) => entry.entry.name))]
    const lines = names.map(name => {
      const its = part.filter(({ entry }) => entry.entry.name === name)
      return `${name}: ${listed(its.map(({ request }) => `${request.operation} ${requestText(request)}`))}`
    })
    const command = patchCommand('validatingwebhookconfiguration', configuration, additions(part))
    return {
      id,
      level: 'error',
      title,
      detail: lines.join('\n'),
      fix: `${command}\nA gate that runs with the same bundle does this by itself: see to it that one does.`,
    }
  })
}

/** Rules to add for what is left out. */
function additions(gaps: readonly Gap[]): readonly Json[] {
  const indices = [...new Set(gaps.map(({ entry }) => entry.index))]
  return indices.flatMap(index =>
    (['Namespaced', 'Cluster'] as const).flatMap(scope => {
      const its = gaps.filter(({ entry, request }) => entry.index === index && scopeOf(request) === scope)
      return buildRules(its.map(({ request }) => asked(request))).map(rule => ({
        op: 'add',
        path: `/webhooks/${index}/rules/-`,
        value: {
          apiGroups: [...rule.apiGroups],
          apiVersions: [...rule.apiVersions],
          operations: [...rule.operations],
          resources: [...rule.resources],
          scope,
        },
      }))
    }),
  )
}

function asked({ group, resource, subResource, operation }: ServedRequest): Asked {
  return { group, resource: subResource === '' ? resource : `${resource}/${subResource}`, operations: [operation] }
}

/** Nothing is wrong with these: no policy would have anything to say. */
function checkUnasked(unasked: readonly ServedRequest[], served: number): readonly Finding[] {
  if (unasked.length === 0) return []
  const changed = unasked.filter(({ subResource, operation }) => subResource === '' && operation !== 'DELETE')
  const deleted = unasked.filter(({ subResource, operation }) => subResource === '' && operation === 'DELETE')
  const below = unasked.filter(({ subResource }) => subResource !== '')
  const lines = [
    ...(changed.length === 0 ? [] : [`written: ${listed(changed.map(requestText))}`]),
    ...(below.length === 0 ? [] : [`subresources: ${listed(below.map(({ subResource }) => `*/${subResource}`))}`]),
    ...(deleted.length === 0 ? [] : [`deleted: ${new Set(deleted.map(requestText)).size} kinds of objects`]),
  ]
  return [
    {
      id: 'coverage.not-judged',
      level: 'info',
      title: `Of ${served} ways to write, ${unasked.length} are not judged, because no policy asks for them`,
      detail: lines.join('\n'),
      fix: 'A policy that matches one of them is all it takes: the gate registers what its policies match.',
    },
  ]
}

function checkUnanswered(
  failures: readonly { readonly groupVersion: string; readonly error: string }[],
): readonly Finding[] {
  if (failures.length === 0) return []
  return [
    {
      id: 'coverage.unanswered-groups',
      level: 'warn',
      title: 'What some API groups serve could not be asked',
      detail: failures.map(({ groupVersion, error }) => `${groupVersion}: ${error}`).join('\n'),
      fix: failures
        .map(({ groupVersion }) => {
          const [group = '', version = ''] = groupVersion.split('/')
          return `kubectl describe apiservice ${version}.${group}`
        })
        .join('\n'),
    },
  ]
}

/** A server behind an APIService is handed the request as it is: whether it asks webhooks is its own affair. */
function checkAggregated({ looks }: ClusterFacts, requests: readonly ServedRequest[]): readonly Finding[] {
  const groups = new Set(
    (looks.apiServices.seen ?? [])
      .filter(each => memberText(each, 'spec', 'service', 'name') !== '')
      .map(each => memberText(each, 'spec', 'group')),
  )
  const written = requests.filter(({ group }) => groups.has(group)).map(requestText)
  if (written.length === 0) return []
  return [
    {
      id: 'coverage.aggregated-groups',
      level: 'warn',
      title: 'Some groups are served by servers of their own, which may not ask any webhook',
      detail: listed(written),
      fix: 'Read in the documentation of each whether it runs ValidatingAdmissionWebhook, and restrict by RBAC who may write there.',
    },
  ]
}

/** What no webhook of the API sees, and what this one leaves out by its conditions. */
function alwaysOut(namespace: string): readonly Finding[] {
  return [
    {
      id: 'coverage.left-out',
      level: 'info',
      title: 'Left out on purpose: leases, events, access reviews, heartbeats of nodes, the reports of our own audit',
      detail: `The reports are those that service accounts in ${namespace} write.`,
      fix: '',
    },
    {
      id: 'coverage.admission-control',
      level: 'info',
      title: 'Webhook configurations and admission policies are never sent to a webhook of the API',
      detail:
        'Who may change them can switch the gate off until it notices. Kubernetes 1.37 takes a webhook from a file, which guards them and is out of the API’s reach; whether yours does cannot be seen from here.',
      fix:
        'On each control plane node: grep -e --admission-control-config-file /etc/kubernetes/manifests/kube-apiserver.yaml\n' +
        'Who may change them: kubectl auth can-i update validatingwebhookconfigurations --as=<user>',
    },
  ]
}
