import type { UserInfo } from './admission.js'
import { ENFORCEMENT_ACTIONS, GATES, type Action, type EnforcementAction, type GateName } from './decision-types.js'
import { Fields, type Problem } from './fields.js'
import type { Json, JsonObject } from './json.js'
import { optional, readMatch } from './policy/match-fields.js'
import type { PolicyCard, PolicySettings } from './policy/policy-types.js'
import { parseWorkloads, type WorkloadEntry } from './workload.js'

/** The bundle's `/lockkeeper/config.yaml`: what a team changes without touching a policy. */
export interface Config {
  /** By policy id. */
  readonly policies: Readonly<Record<string, PolicySettings>>
  /** By name: a value for every policy whose card has a parameter of that name; one policy's own setting goes before. */
  readonly parameters: JsonObject
  /** Custom kinds that carry pod templates, beside the built-in table. */
  readonly workloads: readonly WorkloadEntry[]
  readonly risk: { readonly onDegraded: Action }
  /** Whom the gates before a sync predict as the requester. */
  readonly prediction: { readonly userInfo: UserInfo }
}

const DEPLOYER = 'system:serviceaccount:argocd:argocd-application-controller'

/** What holds where a bundle has no configuration. */
export const DEFAULT_CONFIG: Config = {
  policies: {},
  parameters: {},
  workloads: [],
  risk: { onDegraded: 'warn' },
  prediction: {
    userInfo: {
      username: DEPLOYER,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:argocd', 'system:authenticated'],
    },
  },
}

/** Reads the configuration; every mistake is added to `problems`, with its path. */
export function readConfig(value: Json, cards: readonly PolicyCard[], problems: Problem[]): Config {
  const root = new Fields(value, '', problems)
  root.literal('apiVersion', 'lockkeeper.dev/v1alpha1')
  root.literal('kind', 'Config')
  root.raw('metadata')
  const policies = readPolicies(root.optionalFields('policies'), cards, problems)
  const parameters = root.optionalObject('parameters') ?? {}
  for (const name of Object.keys(parameters)) {
    if (cards.some(card => Object.hasOwn(card.parameters, name))) continue
    problems.push({ path: `parameters.${name}`, message: 'no policy has this parameter' })
  }
  const risk = root.optionalFields('risk')
  const onDegraded = risk?.optionalOneOf('onDegraded', ['allow', 'warn', 'deny'])
  risk?.refuseUnknown()
  const prediction = root.optionalFields('prediction')
  const userInfo = readUserInfo(prediction?.optionalFields('userInfo'))
  prediction?.refuseUnknown()
  const workloads = parseWorkloads(root.raw('workloads') ?? [])
  for (const { path, message } of workloads.problems) problems.push({ path: `workloads${path}`, message })
  root.refuseUnknown()
  return {
    policies,
    parameters,
    workloads: workloads.entries,
    risk: { onDegraded: onDegraded ?? DEFAULT_CONFIG.risk.onDegraded },
    prediction: { userInfo: userInfo ?? DEFAULT_CONFIG.prediction.userInfo },
  }
}

function readPolicies(
  fields: Fields | undefined,
  cards: readonly PolicyCard[],
  problems: Problem[],
): Config['policies'] {
  const settings: Record<string, PolicySettings> = {}
  for (const id of fields?.keys() ?? []) {
    const policy = fields?.optionalFields(id)
    if (fields === undefined || policy === undefined) continue
    if (cards.some(card => card.id === id)) settings[id] = readSettings(policy, problems)
    else fields.problem(id, `no policy has this id (the bundle has ${cards.map(card => card.id).join(', ') || 'none'})`)
  }
  return settings
}

function readSettings(fields: Fields, problems: Problem[]): PolicySettings {
  const match = fields.optionalFields('match')
  const settings: PolicySettings = {
    ...optional('enforcementAction', fields.optionalOneOf('enforcementAction', ENFORCEMENT_ACTIONS)),
    ...optional('parameters', fields.optionalObject('parameters')),
    ...optional('ratchet', fields.optionalBoolean('ratchet')),
    ...optional('match', match === undefined ? undefined : readMatch(match, problems)),
    ...optional(
      'namespaces',
      fields.optionalList('namespaces', (value, path) => readNamespaceAction(value, path, problems)),
    ),
    ...optional('gates', readGates(fields.optionalFields('gates'))),
  }
  fields.refuseUnknown()
  return settings
}

function readNamespaceAction(value: Json, path: string, problems: Problem[]) {
  const fields = new Fields(value, path, problems)
  const names = fields.strings('names')
  const enforcementAction = fields.oneOf('enforcementAction', ENFORCEMENT_ACTIONS)
  fields.refuseUnknown()
  return names === undefined || enforcementAction === undefined ? undefined : { names, enforcementAction }
}

function readGates(fields: Fields | undefined): Partial<Record<GateName, EnforcementAction>> | undefined {
  if (fields === undefined) return undefined
  const gates: Partial<Record<GateName, EnforcementAction>> = {}
  for (const gate of GATES) {
    const action = fields.optionalOneOf(gate, ENFORCEMENT_ACTIONS)
    if (action !== undefined) gates[gate] = action
  }
  fields.refuseUnknown()
  return gates
}

function readUserInfo(fields: Fields | undefined): UserInfo | undefined {
  if (fields === undefined) return undefined
  const username = fields.string('username')
  const groups = fields.optionalStrings('groups')
  const uid = fields.optionalString('uid')
  fields.refuseUnknown()
  return username === undefined ? undefined : { username, ...optional('uid', uid), ...optional('groups', groups) }
}

/** A policy's card with the team's settings on top: what is said for all policies, then what is said for this one. */
export function configuredCard(card: PolicyCard, config: Config): PolicyCard {
  const settings = config.policies[card.id]
  const shared = Object.entries(config.parameters).filter(([name]) => Object.hasOwn(card.parameters, name))
  const parameters: JsonObject = { ...card.parameters, ...Object.fromEntries(shared), ...settings?.parameters }
  return { ...card, parameters, match: settings?.match ?? card.match, ratchet: settings?.ratchet ?? card.ratchet }
}
