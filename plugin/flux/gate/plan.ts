import type { AdvertisedArtifact } from '../artifact/fetch.js'
import type { StoredVersion } from '../artifact/stored-version.js'

/** What is known of a gate before anything is done about it. */
export interface GateState {
  readonly isSuspended: boolean
  /** Whether somebody asked for a look that was not had yet. */
  readonly isAskedFor: boolean
  readonly paths: readonly string[]
  /** What the source has, and the digest of all inputs; or why there is nothing to judge. */
  readonly reading: { readonly artifact: AdvertisedArtifact; readonly inputs: string } | { readonly problem: Problem }
  /** What this process judged last; null: nothing since it began. */
  readonly judged: { readonly inputs: string; readonly isAllowed: boolean } | null
  /** What was allowed last. */
  readonly kept: { readonly version: StoredVersion; readonly hasFile: boolean } | null
}

/** Why nothing can be judged: a reason for a condition, and a sentence. */
export interface Problem {
  readonly reason: string
  readonly message: string
}

/**
 * What is to be done: `judge` what the source has; `publish` what is kept, since it is what was allowed; `hold` what is kept, and
 * say that the source's is denied; `wait`, for there is nothing that could be judged; `rest`, for nobody wants anything.
 */
export type Plan =
  | { readonly kind: 'judge'; readonly because: JudgeReason }
  | { readonly kind: 'publish' | 'hold' | 'rest' }
  | { readonly kind: 'wait'; readonly problem: Problem }

export type JudgeReason = 'first look' | 'asked for' | 'changed inputs' | 'artifact not kept' | 'artifact lost'

/** Says what a gate needs; whatever it is, what is kept is what stays published. */
export function planFor({ isSuspended, isAskedFor, paths, reading, judged, kept }: GateState): Plan {
  if (isSuspended) return { kind: 'rest' }
  if ('problem' in reading) return { kind: 'wait', problem: reading.problem }
  const { artifact, inputs } = reading
  if (judged === null) return { kind: 'judge', because: 'first look' }
  if (judged.inputs !== inputs) return { kind: 'judge', because: 'changed inputs' }
  if (isAskedFor) return { kind: 'judge', because: 'asked for' }
  const isOfSource = kept !== null && isMadeFrom(kept.version, artifact, paths)
  // The same source makes the same file again, allowed or not today.
  if (isOfSource && !kept.hasFile) return { kind: 'judge', because: 'artifact lost' }
  if (!judged.isAllowed) return { kind: 'hold' }
  return isOfSource ? { kind: 'publish' } : { kind: 'judge', because: 'artifact not kept' }
}

/** Whether a kept artifact is what the source has now, cut to the same paths. */
export function isMadeFrom(version: StoredVersion, artifact: AdvertisedArtifact, paths: readonly string[]): boolean {
  return (
    version.sourceDigest === artifact.digest &&
    version.revision === artifact.revision &&
    JSON.stringify(version.paths) === JSON.stringify(paths)
  )
}
