import {
  DEGRADED_CODES,
  type Decision,
  type Degraded,
  type DegradedCode,
  type EnforcementAction,
  type GateName,
  type PatchOperation,
  type ResourceReference,
  type SetError,
  type SetSummary,
  type SetViolation,
  type Violation,
} from '../decision-types.js'
import { actionAt } from '../actions.js'
import { stringifyJson } from '../json.js'
import type { Paint } from './paint.js'
import { riskLines } from './risk-text.js'
import { safeLines, safeText } from './safe-text.js'

const MAX_PATCH_VALUE = 120

/** What is true of many objects at once; a scan says each of them once, at its end. */
const SAID_ONCE: ReadonlySet<DegradedCode> = new Set<DegradedCode>([
  'MODEL_MISSING',
  'RARITY_COLD',
  'NAMESPACE_UNKNOWN',
  'INVENTORY_PARTIAL',
  'BASE_UNKNOWN',
])

/** Whether a degraded entry is a property of the scan, not of one object. */
export function isSaidOnce(degraded: Degraded): boolean {
  return SAID_ONCE.has(degraded.code) && degraded.policy === undefined
}

/** How people name an object: `Deployment shop/payments`, `ClusterRole admin`. */
export function resourceText(resource: ResourceReference): string {
  const name = resource.name === '' ? '(no name)' : resource.name
  return safeText(`${resource.kind} ${resource.namespace === undefined ? '' : `${resource.namespace}/`}${name}`)
}

/** `file:line`, or the file alone; '' where an object came from nowhere. */
export function placeText({ file, line }: { readonly file?: string; readonly line?: number }): string {
  if (file === undefined) return ''
  return safeText(line === undefined ? file : `${file}:${line}`)
}

/**
 * One object's Decision as a block of lines; each line ends with a line feed.
 *
 * @param lines the line of each violation's path in the object's file, where known
 * @param isWhole also how a low score comes about
 */
export function decisionText(
  decision: Decision,
  paint: Paint,
  lines: ReadonlyMap<string, number> = new Map(),
  isWhole = false,
): string {
  const out = [headline(decision, paint)]
  for (const { violation, action } of sortedViolations(decision.violations, decision.gate)) {
    out.push(...violationLines(violation, action, paint, violationPlace(decision.resource, violation.path, lines)))
  }
  out.push(...riskLines(decision, paint, isWhole))
  for (const { name, policies, state, reason, notAfter } of decision.exceptions) {
    const until = state === 'applied' ? `applied until ${notAfter}` : `${state} and ignored`
    out.push(safeText(`    exception ${name} for ${policies.join(', ')}: ${until} (${reason})`))
  }
  for (const { name, by, reason, notAfter } of decision.approvals) {
    out.push(safeText(`    approved by ${by} until ${notAfter} (${name}: ${reason})`))
  }
  for (const { name, by, reason, notAfter } of decision.holds) {
    out.push(safeText(`    held by ${by} until ${notAfter} (${name}: ${reason})`))
  }
  // A policy that failed has said so by its violation.
  const hasSpoken = ({ policy }: Degraded): boolean => decision.violations.some(each => each.policy === policy)
  for (const degraded of decision.degraded) {
    if (!isSaidOnce(degraded) && !hasSpoken(degraded)) out.push(paint.dim(degradedLine(degraded)))
  }
  return out.map(line => `${line}\n`).join('')
}

function headline(decision: Decision, paint: Paint): string {
  const place = placeText(decision.resource)
  const name = paint.bold(resourceText(decision.resource))
  return `${mark(decision.action, paint)} ${name}${place === '' ? '' : `  ${paint.dim(place)}`}  ${verdict(decision.action, paint)}`
}

function mark(action: Decision['action'] | EnforcementAction, paint: Paint): string {
  if (action === 'deny') return paint.red('✗')
  if (action === 'warn') return paint.yellow('!')
  return action === 'allow' ? paint.green('✓') : paint.dim('·')
}

function verdict(action: Decision['action'], paint: Paint): string {
  if (action === 'deny') return paint.bold(paint.red('DENIED'))
  return action === 'warn' ? paint.yellow('ALLOWED WITH WARNINGS') : paint.green('ALLOWED')
}

const ORDER: Readonly<Record<EnforcementAction, number>> = { deny: 0, warn: 1, dryrun: 2 }

/** Denials first, then warnings; within them the Decision's own order. */
function sortedViolations(
  violations: readonly Violation[],
  gate: GateName,
): { violation: Violation; action: EnforcementAction }[] {
  return violations
    .map(violation => ({ violation, action: actionAt(violation, gate) }))
    .sort((a, b) => ORDER[a.action] - ORDER[b.action])
}

function violationPlace(resource: ResourceReference, path: string, lines: ReadonlyMap<string, number>): string {
  const line = lines.get(path)
  if (resource.file === undefined || line === undefined) return safeText(path)
  return placeText({ file: resource.file.slice(resource.file.lastIndexOf('/') + 1), line })
}

const NOTES: Readonly<Record<EnforcementAction, string>> = { deny: '', warn: ' (warning)', dryrun: ' (dryrun)' }

function violationLines(
  violation: Violation | SetViolation,
  action: EnforcementAction,
  paint: Paint,
  place: string,
): string[] {
  const { policy, severity, message } = violation
  const notes = NOTES[action] + ('existing' in violation && violation.existing ? ' (not new)' : '')
  const words = [
    paint.bold(safeText(policy)),
    severityText(severity, paint),
    place === '' ? '' : paint.cyan(place),
    safeLines(message, '      '),
  ]
  const lines = [`  ${mark(action, paint)} ${words.filter(word => word !== '').join('  ')}${paint.dim(notes)}`]
  const remedy = 'remedy' in violation ? violation.remedy : undefined
  if (remedy === undefined) return lines
  lines.push(`      ${paint.green('fix:')} ${safeLines(remedy.text, '           ')}`)
  const { patch } = remedy
  if (patch !== undefined && patch.length > 0)
    lines.push(paint.dim(`      patch: ${patch.map(operationText).join('; ')}`))
  return lines
}

function severityText(severity: Violation['severity'], paint: Paint): string {
  if (severity === 'critical' || severity === 'high') return paint.red(severity)
  return severity === 'medium' ? paint.yellow(severity) : paint.dim(severity)
}

/** A patch operation on one line; a long value is cut. */
export function operationText(operation: PatchOperation): string {
  if (operation.op === 'remove') return safeText(`remove ${operation.path}`)
  const value = stringifyJson(operation.value)
  const shown = value.length > MAX_PATCH_VALUE ? `${value.slice(0, MAX_PATCH_VALUE)}…` : value
  return safeText(`${operation.op} ${operation.path} = ${shown}`)
}

function degradedLine({ code, policy, text }: Degraded): string {
  return `    note: ${policy === undefined ? '' : `${safeText(policy)}: `}${safeText(text)} (${code})`
}

/** A violation of the whole set, with every object it is about. */
export function setViolationText(violation: SetViolation, gate: GateName, paint: Paint): string {
  const objects = violation.objects.map(object =>
    `      ${resourceText(object)}  ${paint.dim(placeText(object))}`.trimEnd(),
  )
  return [
    ...violationLines(violation, actionAt(violation, gate), paint, '').map(line => line.replace(/^ {2}/, '')),
    ...objects,
  ]
    .map(line => `${line}\n`)
    .join('')
}

/** What could not be judged, on one line. */
export function errorText({ code, message, ...position }: SetError): string {
  const place = placeText(position)
  const said =
    place === '' || message.startsWith(place) || (position.file !== undefined && message.includes(position.file))
  return `${said ? '' : `${place}: `}${safeText(message)} (${code})`
}

/** What a scan knows at its end, beside the SetDecision. */
export interface ScanTotals {
  readonly summary: SetSummary
  /** The bundle in words: its name for people, digest and revision. */
  readonly bundle: string
  /** Files of a directory that hold no Kubernetes objects. */
  readonly skipped: number
  /** How many objects had each degraded entry that is said once. */
  readonly degraded: ReadonlyMap<DegradedCode, number>
}

/** The last lines of a scan. */
export function summaryText({ summary, bundle, skipped, degraded }: ScanTotals, paint: Paint): string {
  const { judged, allowed, warned, denied, errors } = summary
  const parts = [
    denied > 0 ? paint.red(`${denied} denied`) : '',
    warned > 0 ? paint.yellow(`${warned} allowed with warnings`) : '',
    allowed > 0 ? paint.green(`${allowed} allowed`) : '',
    errors > 0 ? paint.red(errors === 1 ? '1 error' : `${errors} errors`) : '',
  ]
  const counts = parts.filter(part => part !== '').join(', ')
  const lines = [...degraded].map(([code, objects]) =>
    paint.dim(`note: ${DEGRADED_CODES[code]} (${code}, ${plural(objects, 'object')})`),
  )
  if (skipped > 0) lines.push(paint.dim(`note: ${plural(skipped, 'file')} without Kubernetes objects skipped`))
  lines.push(
    `${plural(judged, 'object')} judged${counts === '' ? '' : `: ${counts}`} ${paint.dim(`(bundle ${safeText(bundle)})`)}`,
  )
  return lines.map(line => `${line}\n`).join('')
}

/** `1 file`, `2 files`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
