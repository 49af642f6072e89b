import { Fields, type Problem } from '../fields.js'
import type { Json } from '../json.js'
import type { LabelSelector, Match } from './policy-types.js'

const SELECTOR_OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const

/** Reads a `match` block of a METADATA card or of the configuration. */
export function readMatch(fields: Fields, problems: Problem[]): Match {
  const match: Match = {
    ...optional(
      'kinds',
      fields.optionalList('kinds', (value, path) => readKinds(value, path, problems)),
    ),
    ...optional('workloads', fields.optionalBoolean('workloads')),
    ...optional('operations', fields.optionalStrings('operations')),
    ...optional('subResources', fields.optionalStrings('subResources')),
    ...optional('namespaces', fields.optionalStrings('namespaces')),
    ...optional('excludedNamespaces', fields.optionalStrings('excludedNamespaces')),
    ...optional('scope', fields.optionalOneOf<'Cluster' | 'Namespaced' | '*'>('scope', ['Cluster', 'Namespaced', '*'])),
    ...optional('labelSelector', readSelector(fields.optionalFields('labelSelector'), problems)),
    ...optional('namespaceSelector', readSelector(fields.optionalFields('namespaceSelector'), problems)),
  }
  fields.refuseUnknown()
  return match
}

function readKinds(
  value: Json,
  path: string,
  problems: Problem[],
): { apiGroups: readonly string[]; kinds: readonly string[] } {
  const fields = new Fields(value, path, problems)
  const apiGroups = fields.optionalStrings('apiGroups') ?? ['*']
  const kinds = fields.optionalStrings('kinds') ?? ['*']
  fields.refuseUnknown()
  return { apiGroups, kinds }
}

function readSelector(fields: Fields | undefined, problems: Problem[]): LabelSelector | undefined {
  if (fields === undefined) return undefined
  const matchLabels = fields.optionalObject('matchLabels')
  for (const [key, value] of Object.entries(matchLabels ?? {})) {
    if (typeof value !== 'string') fields.problem(`matchLabels.${key}`, 'must be a string')
  }
  const matchExpressions = fields.optionalList('matchExpressions', (value, path) => {
    const expression = new Fields(value, path, problems)
    const key = expression.string('key')
    const operator = expression.oneOf('operator', SELECTOR_OPERATORS)
    const values = expression.optionalStrings('values')
    expression.refuseUnknown()
    return key === undefined || operator === undefined ? undefined : { key, operator, ...optional('values', values) }
  })
  fields.refuseUnknown()
  return {
    ...optional('matchLabels', matchLabels as Record<string, string> | undefined),
    ...optional('matchExpressions', matchExpressions),
  }
}

/** `{ [key]: value }`, or nothing when the value is undefined. */
export function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>)
}
