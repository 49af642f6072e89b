import { cardAction } from '../decision.js'
import type { Bundle } from '../policy/bundle.js'
import type { Match, PolicyCard } from '../policy/policy-types.js'
import { stringifyJson, type Json } from '../json.js'
import type { Paint } from './paint.js'
import { safeLines, safeText } from './safe-text.js'
import { plural } from './text.js'

/** All policies of a bundle, one a line. */
export function policyListText(cards: readonly PolicyCard[], paint: Paint): string {
  const widest = Math.max(...cards.map(({ id }) => id.length), 0)
  const lines = cards.map(
    ({ id, severity, title }) =>
      `${paint.bold(safeText(id.padEnd(widest)))}  ${severity.padEnd('critical'.length)}  ${safeText(title)}`,
  )
  return lines.map(line => `${line}\n`).join('')
}

/** A policy's card as people read it. */
export function policyText(card: PolicyCard, paint: Paint): string {
  const rows: [string, string][] = [
    ['severity', card.severity],
    [
      'action',
      `${[...new Set(card.rules.map(rule => cardAction(card, rule)))].join(' and ')}${card.ratchet ? ', warn for what was there before' : ''}${card.approvable ? '' : ', cannot be approved'}`,
    ],
    ['controls', card.controls.join(', ') || 'none'],
    ['applies to', matchText(card.match)],
    ['parameters', parametersText(card.parameters)],
    [
      'judged',
      `${card.scope === 'changeset' ? 'over a whole change' : 'object by object'}${card.stage === 'last' ? ', after all other policies' : ''}`,
    ],
    ['package', `${card.package} (${card.rules.join(', ')})`],
    ...(card.docs === '' ? [] : ([['more', card.docs]] as [string, string][])),
  ]
  const lines = [
    `${paint.bold(safeText(card.id))}: ${safeText(card.title)}`,
    '',
    ...(card.description === '' ? [] : [`  ${safeLines(card.description, '  ')}`, '']),
    ...rows.map(
      ([name, value]) => `  ${paint.dim(name.padEnd('parameters'.length))}  ${safeLines(value, ' '.repeat(14))}`,
    ),
  ]
  return lines.map(line => `${line.trimEnd()}\n`).join('')
}

function parametersText(parameters: PolicyCard['parameters']): string {
  const entries = Object.entries(parameters)
  return entries.length === 0 ? 'none' : entries.map(([name, value]) => `${name}: ${stringifyJson(value)}`).join('\n')
}

function matchText(match: Match): string {
  const kinds = (match.kinds ?? []).flatMap(({ apiGroups, kinds }) =>
    kinds.map(kind => {
      const groups = apiGroups.map(group => (group === '' ? 'core' : group === '*' ? 'any group' : group))
      return `${kind === '*' ? 'every kind' : kind} (${groups.join(', ')})`
    }),
  )
  if (match.workloads === true) kinds.push('everything with a pod template')
  const limits = Object.entries(match)
    .filter(([name]) => name !== 'kinds' && name !== 'workloads')
    .map(([name, value]) => `${name}: ${stringifyJson(value as Json)}`)
  return [kinds.length === 0 ? 'every kind' : kinds.join(', '), ...limits].join('\n')
}

/** What `bundle inspect` knows beside the bundle itself. */
export interface InspectedBundle {
  readonly name: string
  readonly bundle: Bundle
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
  readonly signed: boolean
  readonly exceptions: readonly {
    readonly name: string
    readonly policies: readonly string[]
    readonly state: string
    readonly notAfter: string
  }[]
}

/** A bundle for people: what it is, what it judges with, and who is excepted. */
export function bundleText({ name, bundle, files, signed, exceptions }: InspectedBundle, paint: Paint): string {
  const { reference, cards, config } = bundle
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const configured = Object.entries(config.policies).map(
    ([id, settings]) => `${id}: ${stringifyJson(settings as unknown as Json)}`,
  )
  const rows: [string, string][] = [
    ['bundle', name],
    ['digest', reference.digest],
    ['revision', reference.revision || 'none'],
    ['signature', signed ? 'present, not checked here' : 'none'],
    ['files', `${plural(files.length, 'file')}, ${Math.ceil(bytes / 1024)} KiB`],
    ['risk model', 'none'],
    ['requester', `${config.prediction.userInfo.username} (predicted before a sync)`],
    ['workloads', config.workloads.map(({ group, kind }) => `${group}/${kind}`).join(', ') || 'the built-in kinds'],
    ['configured', configured.join('\n') || 'no policy is configured'],
    ['namespaces', bundle.namespaces.size === 0 ? 'none are described' : [...bundle.namespaces.keys()].join(', ')],
    [
      'exceptions',
      exceptions
        .map(({ name, policies, state, notAfter }) => `${name}: ${policies.join(', ')}, ${state}, until ${notAfter}`)
        .join('\n') || 'none',
    ],
  ]
  const lines = rows.map(
    ([label, value]) => `${paint.dim(label.padEnd('exceptions'.length))}  ${safeLines(value, ' '.repeat(12))}\n`,
  )
  return `${lines.join('')}\n${plural(cards.length, 'policy').replace('policys', 'policies')}\n${policyListText(cards, paint)}`
}
