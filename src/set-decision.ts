import { createHash } from 'node:crypto'
import { actionAt, strongest, toAction } from './actions.js'
import type { Config } from './config.js'
import { bySeverity, cardAction } from './decision.js'
import type {
  Action,
  BundleReference,
  Decision,
  GateName,
  ResourceReference,
  SetDecision,
  SetError,
  SetSummary,
  SetViolation,
} from './decision-types.js'
import type { GateError } from './errors.js'
import { isJsonObject, stringifyJson } from './json.js'
import type { Change, Outcome } from './policy/evaluate.js'

/** Adds Decisions up to a SetDecision, one at a time, without keeping them. */
export interface SetBuilder {
  add(decision: Decision): void
  addViolation(violation: SetViolation): void
  addError(error: SetError): void
  /** Everything of the SetDecision but `decisions`, which the caller holds or has written already. */
  finish(): Omit<SetDecision, 'decisions'>
}

export function createSetBuilder(bundle: BundleReference, gate: GateName): SetBuilder {
  const summary: SetSummary = { judged: 0, allowed: 0, warned: 0, denied: 0, errors: 0 }
  const violations: SetViolation[] = []
  const errors: SetError[] = []
  // Hashed as they come: the order of a set is the order of its requests.
  const hash = createHash('sha256').update(`${bundle.digest}\n`)
  let action: Action = 'allow'

  return {
    add(decision) {
      summary.judged += 1
      summary[decision.action === 'deny' ? 'denied' : decision.action === 'warn' ? 'warned' : 'allowed'] += 1
      action = strongest([action, decision.action])
      hash.update(`${decision.id}\n`)
    },
    addViolation(violation) {
      violations.push(violation)
    },
    addError(error) {
      summary.errors += 1
      errors.push(error)
    },
    finish() {
      violations.sort(bySeverity)
      const found = stringifyJson(violations.map(({ policy, path, message }) => [policy, path, message]))
      const setActions = violations.map(each => toAction(actionAt(each, gate)))
      const total = strongest([action, ...setActions, ...(errors.length > 0 ? (['deny'] as const) : [])])
      return {
        id: hash.copy().update(found).digest('hex'),
        allowed: total !== 'deny',
        action: total,
        violations,
        errors,
        bundle,
        summary: { ...summary },
      }
    },
  }
}

/** A GateError as a SetDecision lists it. */
export function setError({ code, message, position }: GateError): SetError {
  return { code, message, ...position }
}

/** Two manifests for one object: the last one wins where they are applied, which is rarely what their authors meant. */
export function duplicateObjectViolation(objects: readonly ResourceReference[]): SetViolation {
  const last = objects.at(-1)
  const name = last === undefined ? '' : [last.kind, [last.namespace, last.name].filter(Boolean).join('/')].join(' ')
  const places = objects.map(({ file, line }) => `${file ?? ''}:${line ?? 0}`).join(', ')
  return {
    policy: 'duplicate_object',
    message: `${name} is defined ${objects.length} times (${places}): only the last one would count`,
    enforcementAction: 'warn',
    severity: 'medium',
    path: '',
    details: null,
    controls: [],
    docs: '',
    objects,
  }
}

/** What set policies found, as violations of the set; a policy points at its objects with `details.objects` indexes. */
export function setViolationsOf(
  outcomes: readonly Outcome[],
  config: Config,
  changes: readonly Change[],
): readonly SetViolation[] {
  return outcomes
    .map(({ card, rule, finding }): SetViolation => {
      const settings = config.policies[card.id]
      return {
        policy: card.id,
        message: finding.message,
        enforcementAction: settings?.enforcementAction ?? cardAction(card, rule),
        ...(settings?.gates ? { gates: settings.gates } : {}),
        severity: card.severity,
        path: finding.path,
        details: finding.details,
        controls: card.controls,
        docs: card.docs,
        objects: objectsOf(finding.details, changes),
      }
    })
    .sort(bySeverity)
}

function objectsOf(details: SetViolation['details'], changes: readonly Change[]): readonly ResourceReference[] {
  const indexes = isJsonObject(details) && Array.isArray(details.objects) ? details.objects : []
  return indexes.flatMap(index => {
    const change = typeof index === 'number' ? changes[index] : undefined
    const object = change?.object ?? change?.oldObject
    const metadata = object?.metadata
    if (!object || !isJsonObject(metadata)) return []
    const text = (value: unknown): string => (typeof value === 'string' ? value : '')
    return {
      apiVersion: text(object.apiVersion),
      kind: text(object.kind),
      ...(typeof metadata.namespace === 'string' ? { namespace: metadata.namespace } : {}),
      name: text(metadata.name) || text(metadata.generateName),
    }
  })
}
