import { Buffer } from 'node:buffer'
import { actionAt } from '../../src/actions.js'
import type { Action, Decision, SetDecision, SetError, SetViolation, Violation } from '../../src/decision-types.js'
import { safeText } from '../../src/report/safe-text.js'
import { riskLine } from '../../src/report/risk-line.js'
import { plural, resourceText } from '../../src/report/text.js'

/** What Argo CD is shown of an answer: it puts all of stderr into one condition of the Application. */
const MAX_LINES = 20
const MAX_BYTES = 4_096
const MAX_LINE_BYTES = 500

/** What a text may need beside the SetDecision. */
export interface AnswerContext {
  /** How everything that was found can be seen, as a command. */
  readonly seeAll: string
  /** Takes out of a text what nobody may see. */
  readonly redact: (text: string) => string
  /** Further lines about the first thing that is said. */
  readonly details?: readonly string[]
}

/** One thing that was found, with the object it is about. */
interface Finding {
  readonly what: string
  readonly policy: string
  readonly message: string
  readonly fix: string | null
}

/**
 * Why a set is denied, for the one error that Argo CD shows: the verdict with its first object and policy, the other findings,
 * each with its fix, the risk, and how to see the rest. At most 20 lines and 4 KiB.
 */
export function denialText(set: SetDecision, action: Exclude<Action, 'allow'>, context: AnswerContext): string {
  const findings = findingsOf(set, action)
  const [first] = findings
  const denied = set.decisions.filter(each => each.action === action)
  const head = first ?? { ...unexplained(denied[0]), fix: null }
  const lines = [
    [`denied: ${findingText(head)}`, ...fixLines(head)],
    ...findings.slice(1).map(each => [`  ${findingText(each)}`, ...fixLines(each)]),
  ]
  const risk = highestRisk(denied)
  return fit(lines, risk === null ? [] : [risk], context)
}

/** The warnings of a set that is allowed; '' where there are none. argocd-cmp-server logs them. */
export function warningText(set: SetDecision, context: AnswerContext): string {
  const findings = findingsOf(set, 'warn')
  if (findings.length === 0) return ''
  const head = `allowed with ${plural(findings.length, 'warning')} (${plural(set.summary.judged, 'object')})`
  return fit([[head], ...findings.map(each => [`  ${findingText(each)}`, ...fixLines(each)])], [], context)
}

/** Why a set could not be judged. */
export function errorsText(errors: readonly SetError[], context: AnswerContext): string {
  const [first, ...rest] = errors.map(({ code, message, file, line }) => {
    const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}`
    const said = place === '' || message.includes(place) || (file !== undefined && message.includes(file))
    return `${said ? '' : `${place}: `}${message} (${code})`
  })
  const lines = [...(context.details ?? []), ...rest]
  return fit([[`could not judge: ${first ?? 'nothing was found'}`], ...lines.map(each => [`  ${each}`])], [], context)
}

function findingsOf(set: SetDecision, action: Exclude<Action, 'allow'>): readonly Finding[] {
  const ofSet = set.violations.flatMap(each => (toFinding(each, set) === action ? [setFinding(each)] : []))
  const ofObjects = set.decisions.flatMap(decision =>
    decision.violations
      .filter(each => actionAt(each, decision.gate) === action)
      .map(each => objectFinding(each, resourceText(decision.resource))),
  )
  const degraded = set.decisions.flatMap(decision =>
    decision.action === action && !decision.violations.some(each => actionAt(each, decision.gate) === action)
      ? [{ ...unexplained(decision), fix: null }]
      : [],
  )
  return [...ofSet, ...ofObjects, ...degraded]
}

function toFinding(violation: SetViolation, set: SetDecision): string {
  return actionAt(violation, set.decisions[0]?.gate ?? 'argocd')
}

function setFinding({ policy, message, objects }: SetViolation): Finding {
  const [first, ...others] = objects
  const what =
    first === undefined
      ? 'the application'
      : resourceText(first) + (others.length === 0 ? '' : ` and ${plural(others.length, 'other')}`)
  return { what, policy, message, fix: null }
}

function objectFinding({ policy, message, remedy }: Violation, what: string): Finding {
  return { what, policy, message, fix: remedy?.text ?? null }
}

/** A Decision that says what it does because something was degraded, not because of a violation. */
function unexplained(decision: Decision | undefined): Omit<Finding, 'fix'> {
  const degraded = decision?.degraded[0]
  return {
    what: decision === undefined ? 'the application' : resourceText(decision.resource),
    policy: degraded?.policy ?? degraded?.code ?? 'no policy',
    message: degraded?.text ?? 'is denied',
  }
}

function findingText({ what, policy, message }: Finding): string {
  return `${what}: [${policy}] ${message}`
}

function fixLines({ fix }: Finding): readonly string[] {
  return fix === null ? [] : [`    fix: ${fix}`]
}

/** The highest risk among the objects that are denied. */
function highestRisk(decisions: readonly Decision[]): string | null {
  const scored = decisions.flatMap(({ risk, resource }) => (risk === null ? [] : [{ risk, resource }]))
  const [highest] = scored.sort((a, b) => b.risk.score - a.risk.score)
  return highest === undefined ? null : riskLine(highest.risk, resourceText(highest.resource))
}

/** As many groups of lines as fit, then `end`; what is left out is counted, and said how to see. */
function fit(
  groups: readonly (readonly string[])[],
  end: readonly string[],
  { redact, seeAll }: AnswerContext,
): string {
  const plain = (line: string): string => {
    const [indent = ''] = /^ */.exec(line) ?? []
    return cut(indent + safeText(redact(line).replace(/\s+/g, ' ').trim()), MAX_LINE_BYTES)
  }
  const ready = groups.map(group => group.map(plain))
  const last = end.map(plain)
  const more = (count: number): string => plain(`and ${count} more; to see all of it: ${seeAll}`)
  const budget = MAX_BYTES - bytes([...last, more(groups.length)])
  const kept: string[] = []
  let count = 0
  for (const group of ready) {
    const next = [...kept, ...group]
    // A line less where something has to be said of the others.
    const room = MAX_LINES - last.length - (count + 1 < ready.length ? 1 : 0)
    if (count > 0 && (next.length > room || bytes(next) > budget)) break
    kept.push(...group)
    count += 1
  }
  const lines = [...kept, ...last, ...(count < groups.length ? [more(groups.length - count)] : [])]
  return lines.map(line => `${line}\n`).join('')
}

function bytes(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0)
}

/** At most so many bytes of UTF-8, cut between characters. */
function cut(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  let size = 3
  let kept = ''
  for (const character of text) {
    size += Buffer.byteLength(character)
    if (size > maxBytes) break
    kept += character
  }
  return `${kept.trimEnd()}…`
}
