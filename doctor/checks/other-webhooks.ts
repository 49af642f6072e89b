import { isJsonObject, type Json, type JsonObject, stringMembers } from '../../src/json.js'
import { matchesRules } from '../../webhook/registration/rules.js'
import { readEntries } from '../../webhook/registration/entries.js'
import { patchCommand } from '../command.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import { listed } from '../listed.js'
import { NAMESPACE_NAME, namespaceLabels } from '../live-entries.js'
import { member, memberObjects, memberText, nameOf } from '../members.js'
import { selectsLabels } from '../selector.js'

/** As the manifests label the gate's Pods. */
const GATE_LABELS = {
  'app.kubernetes.io/name': 'lockkeeper',
  'app.kubernetes.io/component': 'webhook',
  'app.kubernetes.io/part-of': 'lockkeeper',
}
const SYSTEM = 'kube-system'
const CREATE_POD = { operation: 'CREATE', group: '', version: 'v1', resource: 'pods', subResource: '' }

interface OtherWebhook {
  readonly kind: 'validatingwebhookconfiguration' | 'mutatingwebhookconfiguration'
  readonly configuration: string
  readonly index: number
  readonly webhook: JsonObject
}

/** What other webhooks and admission policies do before the gate sees an object, and whether one can keep the gate from starting. */
export function checkOtherWebhooks(facts: ClusterFacts): readonly Finding[] {
  const { gate, looks } = facts
  const others = [
    ...webhooksOf('mutatingwebhookconfiguration', looks.mutating.seen ?? []),
    ...webhooksOf('validatingwebhookconfiguration', looks.validating.seen ?? []),
  ].filter(each => each.configuration !== gate.configurationName)
  const blocking = others.filter(
    ({ webhook }) => (memberText(webhook, 'failurePolicy') || 'Fail') === 'Fail' && isAskedForPods(webhook),
  )
  const own = {
    labels: namespaceLabels(looks.gateNamespace.seen, gate.namespace),
    pod: gateLabels(facts),
  }
  return [
    ...mutatingFindings(looks.mutating.seen),
    ...blockingFinding(
      'webhooks.gate-pods',
      `Without an answer from another webhook no Pod of the gate can be made in ${gate.namespace}`,
      'The gate does not come back then, and with failurePolicy Fail nobody can change anything.',
      gate.namespace,
      blocking.filter(({ webhook }) => isSelected(webhook, own.labels, own.pod)),
    ),
    ...blockingFinding(
      'webhooks.system-pods',
      `Without an answer from another webhook no Pod can be made in ${SYSTEM}`,
      'The Pods that the network and the DNS of the cluster are made of then do not come back, and nor does the webhook.',
      SYSTEM,
      blocking.filter(({ webhook }) => isSelected(webhook, { [NAMESPACE_NAME]: SYSTEM }, {})),
    ),
    ...policyFinding(looks.admissionPolicies.seen),
  ]
}

function webhooksOf(kind: OtherWebhook['kind'], configurations: readonly JsonObject[]): readonly OtherWebhook[] {
  return configurations.flatMap(configuration =>
    memberObjects(configuration, 'webhooks').map((webhook, index) => ({
      kind,
      configuration: nameOf(configuration),
      index,
      webhook,
    })),
  )
}

function isAskedForPods(webhook: JsonObject): boolean {
  const rules = readEntries({ webhooks: [webhook] }).flatMap(each => each.rules)
  return matchesRules(
    rules.filter(each => each.scope !== 'Cluster'),
    CREATE_POD,
  )
}

function isSelected(
  webhook: JsonObject,
  namespace: Readonly<Record<string, string>>,
  pod: Readonly<Record<string, string>>,
): boolean {
  return selectsLabels(webhook.namespaceSelector, namespace) && selectsLabels(webhook.objectSelector, pod)
}

function gateLabels({ looks }: ClusterFacts): Readonly<Record<string, string>> {
  const deployment = (looks.deployments.seen ?? []).find(each => nameOf(each) === 'lockkeeper-webhook')
  const labels = member(deployment, 'spec', 'template', 'metadata', 'labels')
  return isJsonObject(labels) ? stringMembers(labels) : GATE_LABELS
}

function blockingFinding(
  id: Finding['id'],
  title: string,
  detail: string,
  namespace: string,
  blocking: readonly OtherWebhook[],
): readonly Finding[] {
  if (blocking.length === 0) return []
  const lines = blocking.map(({ configuration, webhook }) => {
    const unless =
      memberObjects(webhook, 'matchConditions').length > 0 ? ' (unless its matchConditions leave them out)' : ''
    return `${configuration}: ${memberText(webhook, 'name')}${unless}`
  })
  return [
    {
      id,
      level: 'warn',
      title,
      detail: [...lines, detail].join('\n'),
      fix: blocking.map(each => exemption(each, namespace)).join('\n'),
    },
  ]
}

function exemption({ kind, configuration, index, webhook }: OtherWebhook, namespace: string): string {
  const value = { key: NAMESPACE_NAME, operator: 'NotIn', values: [namespace] }
  const hasExpressions = Array.isArray(member(webhook, 'namespaceSelector', 'matchExpressions'))
  const path = `/webhooks/${index}/namespaceSelector`
  const operation: Json = hasExpressions
    ? { op: 'add', path: `${path}/matchExpressions/-`, value }
    : isJsonObject(webhook.namespaceSelector)
      ? { op: 'add', path: `${path}/matchExpressions`, value: [value] }
      : { op: 'add', path, value: { matchExpressions: [value] } }
  return patchCommand(kind, configuration, [operation])
}

/** Validating webhooks are asked last, with what will be stored: no order among webhooks changes that. */
function mutatingFindings(mutating: readonly JsonObject[] | undefined): readonly Finding[] {
  if (mutating === undefined) return []
  const webhooks = webhooksOf('mutatingwebhookconfiguration', mutating)
  if (webhooks.length === 0) {
    return [{ id: 'webhooks.mutating', level: 'ok', title: 'No mutating webhook changes objects', detail: '', fix: '' }]
  }
  const names = webhooks.map(({ configuration, webhook }) => `${configuration}: ${memberText(webhook, 'name')}`)
  return [
    {
      id: 'webhooks.mutating',
      level: 'info',
      title: 'Mutating webhooks change objects before the gate sees them; none can after',
      detail: `${listed(names)}\nA gate before the sync has not seen what they change: what it allowed may be denied here.`,
      fix: '',
    },
  ]
}

function policyFinding(policies: readonly JsonObject[] | undefined): readonly Finding[] {
  if (policies === undefined || policies.length === 0) return []
  return [
    {
      id: 'webhooks.admission-policies',
      level: 'info',
      title: 'ValidatingAdmissionPolicies judge as well, beside the gate',
      detail: listed(policies.map(nameOf)),
      fix: '',
    },
  ]
}
