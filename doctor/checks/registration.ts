import { parseJson, type Json } from '../../src/json.js'
import { patchCommand, restartCommand } from '../command.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import {
  bootstrapNamespaces,
  COLD_START,
  exemptNames,
  type LiveEntries,
  type LiveEntry,
  NAMESPACE_NAME,
} from '../live-entries.js'
import { memberObjects, memberText, nameOf } from '../members.js'

const KIND = 'validatingwebhookconfiguration'
/** An answer that takes longer holds up every write; the API takes up to 30. */
const MAX_TIMEOUT_SECONDS = 10

/** Whether the API server asks the gate, waits for its answer, and heeds it. */
export function checkRegistration({ gate, looks }: ClusterFacts, live: LiveEntries | null): readonly Finding[] {
  if (looks.configuration.seen === undefined) return []
  if (live === null) {
    return [
      {
        id: 'registration.missing',
        level: 'error',
        title: `There is no ValidatingWebhookConfiguration ${gate.configurationName}: nothing is judged`,
        detail: 'A gate that runs makes it within seconds, unless it runs with --no-registration.',
        fix: restartCommand(gate.namespace),
      },
    ]
  }
  return [
    ...checkOrigin(live, gate.namespace),
    ...checkTargets(live, gate.namespace),
    ...checkStrength(live),
    ...checkSelectors(live),
    ...checkExemptions(live, gate.namespace),
    ...checkConditions(live),
  ]
}

function checkOrigin({ configuration, entries, missing }: LiveEntries, namespace: string): readonly Finding[] {
  const findings: Finding[] = []
  const strangers = entries.filter(({ desired }) => desired === null)
  const isOurs = memberText(configuration, 'metadata', 'labels', 'app.kubernetes.io/part-of') === 'lockkeeper'
  const isForeign = entries.length > 0 && strangers.length === entries.length
  if (!isOurs || isForeign) {
    findings.push({
      id: 'registration.origin',
      level: 'warn',
      title: `The configuration ${nameOf(configuration)} was not written by a gate`,
      detail: 'Nobody puts it right when it changes, and its certificate has to be kept by hand.',
      fix: `kubectl delete ${KIND} ${nameOf(configuration)}\n${restartCommand(namespace)}`,
    })
  }
  // Names say nothing about what somebody else wrote; the checks of its rules do.
  if (isForeign) return findings
  if (missing.length > 0) {
    findings.push({
      id: 'registration.entries',
      level: 'error',
      title: `The configuration has no ${missing.map(each => each.name).join(' and no ')}`,
      detail: 'What these entries ask about is not judged.',
      fix: restartCommand(namespace),
    })
  }
  if (strangers.length > 0) {
    findings.push({
      id: 'registration.other-entries',
      level: 'warn',
      title: `The configuration has entries that this version does not write: ${namesOf(strangers)}`,
      detail: strangers.map(({ entry }) => `${entry.name} sends requests to ${entry.target}`).join('\n'),
      fix: patchCommand(
        KIND,
        nameOf(configuration),
        // From the end, so that the places before do not move.
        strangers.map(({ index }) => ({ op: 'remove', path: `/webhooks/${index}` })).reverse(),
      ),
    })
  }
  if (findings.length > 0) return findings
  return [ok('registration.origin', `The configuration ${nameOf(configuration)} is a gate's own`)]
}

/** All entries ask the same gate; whoever is asked decides, and sees every object. */
function checkTargets({ entries }: LiveEntries, namespace: string): readonly Finding[] {
  const targets = [...new Set(entries.map(({ entry }) => entry.target))]
  const elsewhere = targets.filter(each => each.startsWith('service ') && !each.startsWith(`service ${namespace}/`))
  if (targets.length <= 1 && elsewhere.length === 0) return []
  return [
    {
      id: 'registration.target',
      level: 'error',
      title:
        elsewhere.length > 0 ? 'Reviews are sent to another namespace' : 'Entries send reviews to different places',
      detail: entries.map(({ entry }) => `${entry.name}: ${entry.target}`).join('\n'),
      fix: `${restartCommand(namespace)}\nWhere the gate is in another namespace, name it with --namespace.`,
    },
  ]
}

function checkStrength({ configuration, entries }: LiveEntries): readonly Finding[] {
  const judging = entries.filter(({ entry }) => entry.name !== COLD_START)
  const replaced = (wrong: readonly LiveEntry[], key: string, value: Json) =>
    patchCommand(
      KIND,
      nameOf(configuration),
      wrong.map(({ index }) => ({ op: 'replace', path: `/webhooks/${index}/${key}`, value })),
    )
  const open = judging.filter(({ entry }) => entry.failurePolicy !== 'Fail')
  const slow = entries.filter(({ entry }) => entry.timeoutSeconds > MAX_TIMEOUT_SECONDS || entry.timeoutSeconds < 1)
  const exact = entries.filter(({ entry }) => entry.matchPolicy !== 'Equivalent')
  return [
    open.length === 0
      ? ok('registration.failure-policy', 'What no gate answers is refused (failurePolicy Fail)')
      : {
          id: 'registration.failure-policy',
          level: 'error',
          title: `What no gate answers is let through by ${namesOf(open)}`,
          detail: 'failurePolicy is Ignore: whoever keeps the gate from answering is not judged.',
          fix:
            `${replaced(open, 'failurePolicy', 'Fail')}\n` +
            'Where the gates run with --failure-policy=Ignore, take that away first.',
        },
    slow.length === 0
      ? ok('registration.timeout', `An answer is waited for ${MAX_TIMEOUT_SECONDS} s at most`)
      : {
          id: 'registration.timeout',
          level: 'warn',
          title: `timeoutSeconds is not from 1 to ${MAX_TIMEOUT_SECONDS} in ${namesOf(slow)}`,
          detail: 'While no gate answers, every write to the cluster waits that long.',
          fix: replaced(slow, 'timeoutSeconds', 5),
        },
    exact.length === 0
      ? ok('registration.match-policy', 'Every version of a kind is judged (matchPolicy Equivalent)')
      : {
          id: 'registration.match-policy',
          level: 'error',
          title: `matchPolicy is Exact in ${namesOf(exact)}`,
          detail: 'A kind that is written in a version that no rule names is not judged.',
          fix: replaced(exact, 'matchPolicy', 'Equivalent'),
        },
  ]
}

function checkSelectors({ configuration, entries }: LiveEntries): readonly Finding[] {
  const wrong = entries.flatMap(({ index, webhook, entry }) => [
    ...(isByNameOnly(entry.namespaceSelector)
      ? []
      : [
          {
            index,
            key: 'namespaceSelector',
            name: entry.name,
            text: entry.namespaceSelector,
            value: keptSelector(exemptNames(webhook)),
          },
        ]),
    ...(entry.objectSelector === '{}'
      ? []
      : [{ index, key: 'objectSelector', name: entry.name, text: entry.objectSelector, value: {} }]),
  ])
  if (wrong.length === 0) return [ok('registration.selectors', 'No label exempts an object or a namespace')]
  return [
    {
      id: 'registration.selectors',
      level: 'error',
      title: 'A label decides what is judged, and whoever sets labels can set that one',
      detail: wrong.map(each => `${each.name}: ${each.key} ${each.text}`).join('\n'),
      fix: patchCommand(
        KIND,
        nameOf(configuration),
        wrong.map(({ index, key, value }) => ({ op: 'replace', path: `/webhooks/${index}/${key}`, value })),
      ),
    },
  ]
}

/** The names stay exempt; any other label of the selector does not. */
function keptSelector(names: readonly string[]): Json {
  if (names.length === 0) return {}
  return { matchExpressions: [{ key: NAMESPACE_NAME, operator: 'NotIn', values: [...names] }] }
}

/** Whether a selector (canonical JSON) leaves out namespaces by their names, and does nothing else. */
function isByNameOnly(selector: string): boolean {
  const value = parseJson(selector)
  const expressions = memberObjects(value, 'matchExpressions')
  const isByName = expressions.every(each => each.key === NAMESPACE_NAME && each.operator === 'NotIn')
  return isByName && memberText(value, 'matchLabels') === '' && !selector.includes('"matchLabels"')
}

function checkExemptions({ entries }: LiveEntries, own: string): readonly Finding[] {
  const names = [...new Set(entries.flatMap(({ webhook }) => exemptNames(webhook)))].sort()
  const waited = bootstrapNamespaces(entries.map(({ webhook }) => webhook)).filter(each => each !== own)
  const findings: Finding[] = [
    {
      id: 'registration.bootstrap-namespaces',
      level: 'info',
      title: `While no gate answers, controllers and nodes may make Pods in ${[own, ...waited].sort().join(', ')}`,
      detail: 'A cluster needs that to start. They are judged as soon as a gate answers.',
      fix: '',
    },
  ]
  if (names.length === 0) return [...findings, ok('registration.exempt-namespaces', 'No namespace is exempt')]
  const isOwn = names.includes(own)
  findings.push({
    id: 'registration.exempt-namespaces',
    level: isOwn ? 'warn' : 'info',
    title: `Nothing is judged in ${names.join(', ')}`,
    detail: isOwn
      ? `The gate's own namespace is among them: whoever writes there can replace the gate.`
      : 'Whoever writes there can do everything that the policies forbid.',
    fix: `take --exempt-namespace=${isOwn ? own : (names[0] ?? '')} from the arguments of the gate's Deployment, and write an Exception for what needs one`,
  })
  return findings
}

/** A condition is the quietest way to leave something out. */
function checkConditions({ configuration, entries }: LiveEntries): readonly Finding[] {
  const foreign = entries.flatMap(({ entry, desired, index }) =>
    entry.matchConditions.flatMap((condition, place) =>
      desired === null || desired.matchConditions.some(each => each.expression === condition.expression)
        ? []
        : [
            {
              entry,
              index,
              place,
              condition,
              original: desired.matchConditions.find(each => each.name === condition.name),
            },
          ],
    ),
  )
  if (foreign.length === 0) {
    return [ok('registration.conditions', 'The matchConditions leave out what this version leaves out, and no more')]
  }
  const patches = foreign.map(({ index, place, original }) => {
    const path = `/webhooks/${index}/matchConditions/${place}`
    return original === undefined
      ? { op: 'remove', path }
      : { op: 'replace', path: `${path}/expression`, value: original.expression }
  })
  return [
    {
      id: 'registration.conditions',
      level: 'error',
      title: 'A matchCondition is not what this version writes: it may leave out anything',
      detail: foreign
        .map(({ entry, condition }) => `${entry.name}: ${condition.name}: ${condition.expression}`)
        .join('\n'),
      fix:
        `${patchCommand(KIND, nameOf(configuration), patches.reverse())}\n` +
        'Where the gates are of another version than this program, use theirs.',
    },
  ]
}

function namesOf(entries: readonly LiveEntry[]): string {
  return entries.map(({ entry }) => entry.name).join(', ')
}

function ok(id: Finding['id'], title: string): Finding {
  return { id, level: 'ok', title, detail: '', fix: '' }
}
