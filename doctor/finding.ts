/** `info`: nothing is wrong, but somebody should know. */
export type Level = 'ok' | 'info' | 'warn' | 'error'

/** What a finding is about; findings are shown by area. */
export type Area =
  | 'registration'
  | 'coverage'
  | 'certificate'
  | 'replicas'
  | 'webhooks'
  | 'argocd'
  | 'flux'
  | 'cluster'
  | 'access'
  | 'installation'

/** What was looked at, how it is, and what to do. */
export interface Finding {
  /** `<area>.<what>`, stable */
  readonly id: `${Area}.${string}`
  readonly level: Level
  readonly title: string
  /** Lines of text; '' where the title says it all. */
  readonly detail: string
  /** The command or the change that settles it, as lines; '' where there is nothing to do. */
  readonly fix: string
}

/** How many findings of each level. */
export type Summary = Readonly<Record<Level, number>>

const WORST_FIRST: readonly Level[] = ['error', 'warn', 'info', 'ok']

/** What is worse goes first, then what an id says. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const rank = ({ level }: Finding) => WORST_FIRST.indexOf(level)
  return [...findings].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

export function summarize(findings: readonly Finding[]): Summary {
  const count = (level: Level) => findings.filter(each => each.level === level).length
  return { ok: count('ok'), info: count('info'), warn: count('warn'), error: count('error') }
}

/** The exit code of the command: 1 for an error, 3 for warnings where they count, else 0. */
export function exitCodeOf(summary: Summary, failOnWarn: boolean): 0 | 1 | 3 {
  if (summary.error > 0) return 1
  return failOnWarn && summary.warn > 0 ? 3 : 0
}
