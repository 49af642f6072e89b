import { ENFORCEMENT_ACTIONS, SEVERITIES } from '../decision-types.js'
import { Fields, type Problem } from '../fields.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'
import { optional, readMatch } from './match-fields.js'
import type { PolicyCard, RuleName } from './policy-types.js'

const RULE_NAMES: readonly RuleName[] = ['deny', 'warn', 'violation']

/**
 * Makes the policies' cards from the entrypoints of a bundle's manifest: every `<package path>/<deny|warn|violation>` is a
 * rule of one policy, and its annotations (package scope first) are the METADATA card.
 */
export function readCards(entrypoints: Json | undefined, problems: Problem[]): readonly PolicyCard[] {
  const packages = new Map<string, { rules: RuleName[]; annotation: JsonObject }>()
  for (const [index, entry] of (Array.isArray(entrypoints) ? entrypoints : []).entries()) {
    const path = `.manifest.wasm[${index}]`
    const entrypoint = isJsonObject(entry) ? entry.entrypoint : undefined
    if (!isJsonObject(entry) || typeof entrypoint !== 'string') {
      problems.push({ path, message: 'has no entrypoint' })
      continue
    }
    const segments = entrypoint.split('/')
    const rule = RULE_NAMES.find(name => name === segments.at(-1))
    if (rule === undefined || segments.length < 2) {
      problems.push({
        path,
        message: `entrypoint ${entrypoint}: only rules named deny, warn or violation can be judged`,
      })
      continue
    }
    const name = segments.slice(0, -1).join('.')
    const known = packages.get(name) ?? { rules: [], annotation: {} }
    known.rules.push(rule)
    known.annotation = { ...known.annotation, ...mergedAnnotation(entry.annotations) }
    packages.set(name, known)
  }
  const cards = [...packages].map(([name, { rules, annotation }]) => readCard(name, rules, annotation, problems))
  for (const card of cards) {
    const twin = cards.find(each => each.id === card.id && each.package < card.package)
    if (twin) problems.push({ path: card.package, message: `policy id ${card.id} is already taken by ${twin.package}` })
  }
  return cards.sort((a, b) => (a.id < b.id ? -1 : 1))
}

function mergedAnnotation(annotations: Json | undefined): JsonObject {
  const objects = Array.isArray(annotations) ? annotations.filter(isJsonObject) : []
  return Object.assign({}, ...objects) as JsonObject
}

function readCard(name: string, rules: RuleName[], annotation: JsonObject, problems: Problem[]): PolicyCard {
  const card = new Fields(annotation, name, problems)
  const custom = new Fields(annotation.custom ?? {}, `${name}.custom`, problems)
  const id = name.slice(name.lastIndexOf('.') + 1)
  const severity = custom.optionalOneOf('severity', SEVERITIES) ?? 'medium'
  const match = custom.optionalFields('match')
  const result: PolicyCard = {
    id,
    package: name,
    title: card.optionalString('title') ?? id,
    description: (card.optionalString('description') ?? '').trim(),
    severity,
    controls: custom.optionalStrings('controls') ?? [],
    match: match === undefined ? {} : readMatch(match, problems),
    parameters: custom.optionalObject('parameters') ?? {},
    ratchet: custom.optionalBoolean('ratchet') ?? (severity === 'low' || severity === 'medium'),
    stage: custom.optionalOneOf('stage', ['first', 'last']) ?? 'first',
    scope: custom.optionalOneOf('scope', ['object', 'changeset']) ?? 'object',
    approvable: custom.optionalBoolean('approvable') ?? true,
    ...optional('enforcementAction', custom.optionalOneOf('enforcementAction', ENFORCEMENT_ACTIONS)),
    docs: custom.optionalString('docs') ?? '',
    rules: RULE_NAMES.filter(rule => rules.includes(rule)),
  }
  custom.refuseUnknown()
  return result
}
