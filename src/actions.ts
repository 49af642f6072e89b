import {
  ENFORCEMENT_ACTIONS,
  type Action,
  type EnforcementAction,
  type GateName,
  type Violation,
} from './decision-types.js'

/** What a violation asks for at one gate: the one place that knows of `gates`. */
export function actionAt(
  { gates, enforcementAction }: Pick<Violation, 'gates' | 'enforcementAction'>,
  gate: GateName,
): EnforcementAction {
  return gates?.[gate] ?? enforcementAction
}

/** What a gate does for it; `dryrun` changes nothing. */
export function toAction(action: EnforcementAction): Action {
  return action === 'dryrun' ? 'allow' : action
}

/** The weaker of two actions. */
export function weaker(a: EnforcementAction, b: EnforcementAction): EnforcementAction {
  return ENFORCEMENT_ACTIONS.indexOf(a) < ENFORCEMENT_ACTIONS.indexOf(b) ? a : b
}

/** The strongest of several actions. */
export function strongest(actions: readonly Action[]): Action {
  return actions.includes('deny') ? 'deny' : actions.includes('warn') ? 'warn' : 'allow'
}
