import type { GateRecord } from '../../src/provenance/record.js'
import { plural, resourceText } from '../../src/report/text.js'

/** What one render of an Application was warned of. */
export interface RenderWarnings {
  /** As its plugin was told. */
  readonly application: string
  readonly revision: string
  /** When it was judged, in milliseconds since 1970. */
  readonly atMs: number
  /** An object with its policies each, in their order; empty: nothing is left to be warned of. */
  readonly warnings: readonly string[]
}

const MAX_TEXT_LENGTH = 1000
const REVISION_LENGTH = 8

/** The renders that records are of. They have names only: the words of a policy may quote the object. */
export function renderWarnings(records: readonly GateRecord[]): readonly RenderWarnings[] {
  const renders = new Map<string, RenderWarnings>()
  for (const { application, revision, at, resource, decision } of records) {
    if (decision === null) continue
    const key = JSON.stringify([application, revision, at])
    const known = renders.get(key)?.warnings ?? []
    const policies = decision.policies.filter(each => each.enforcementAction !== 'dryrun').map(each => each.policy)
    const { namespace, ...rest } = resource
    const object = resourceText({ ...rest, ...(namespace !== '' && { namespace }) })
    const isWarned = decision.action === 'warn' && policies.length > 0
    const warnings = isWarned ? [...known, `${object}: ${[...new Set(policies)].sort().join(', ')}`] : known
    renders.set(key, { application, revision, atMs: Date.parse(at), warnings })
  }
  return [...renders.values()]
}

/** Two parts of one render, or the later of two renders. */
export function laterWarnings(one: RenderWarnings | undefined, other: RenderWarnings): RenderWarnings {
  if (one === undefined || one.atMs < other.atMs) return other
  if (one.atMs > other.atMs) return one
  // Within one second, which is what records count in: of two revisions the one that came last.
  if (one.revision !== other.revision) return other
  return { ...other, warnings: [...new Set([...one.warnings, ...other.warnings])] }
}

/** The warnings in a thousand characters at most, the same for the same warnings; '' where there are none. */
export function warningsText({ warnings, revision }: RenderWarnings): string {
  if (warnings.length === 0) return ''
  const sorted = [...warnings].sort()
  const head = `${plural(warnings.length, 'object')} with warnings at ${revision.slice(0, REVISION_LENGTH)}: `
  for (let shown = sorted.length; shown > 0; shown -= 1) {
    const left = sorted.length - shown
    const text = `${head}${sorted.slice(0, shown).join('; ')}${left === 0 ? '' : `; and ${left} more`}`
    if (text.length <= MAX_TEXT_LENGTH) return text
  }
  return `${head}too many to name`
}
