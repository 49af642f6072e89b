import { isJsonObject, type Json, type JsonObject } from '../../../src/json.js'
import type { StoredVersion } from '../artifact/stored-version.js'
import type { KustomizationJudgement, TreeJudgement } from '../judgement/tree-judgement.js'
import { type ArtifactGate, member } from './artifact-gate.js'
import { type Condition, conditionsJson } from './conditions.js'
import type { Problem } from './plan.js'

/** A judgement as a gate remembers and shows it. */
export interface Judged {
  readonly revision: string
  /** Of the source's artifact. */
  readonly digest: string
  readonly action: KustomizationJudgement['action']
  readonly decision: string
  readonly bundle: string
  /** RFC 3339, in whole seconds. */
  readonly judgedAt: string
  /** Why not; '' when allowed. */
  readonly message: string
  readonly counts: TreeJudgement['set']['summary']
  readonly kustomizations: readonly Pick<
    KustomizationJudgement,
    'namespace' | 'name' | 'action' | 'message' | 'objects' | 'notes'
  >[]
}

/** How a gate is: judged, or why it could not be. */
export type Outcome = { readonly judged: Judged } | { readonly problem: Problem } | { readonly suspended: true }

const MAX_MESSAGE_LENGTH = 1024

/** What is kept of a judgement. */
export function judgedOf(
  artifact: { readonly revision: string; readonly digest: string },
  { set, kustomizations }: TreeJudgement,
  now: string,
): Judged {
  const action = set.errors.length > 0 ? 'error' : set.allowed ? set.action : 'deny'
  const why = kustomizations
    .filter(each => each.action === 'deny' || each.action === 'error')
    .map(({ namespace, name, message }) => `${namespace}/${name}: ${message}`)
  const errors = set.errors.map(({ message }) => message)
  const lines = why.length > 0 ? why : errors.length > 0 ? errors : set.violations.map(({ message }) => message)
  return {
    revision: artifact.revision,
    digest: artifact.digest,
    action,
    decision: set.id,
    bundle: set.bundle.digest,
    judgedAt: now,
    message: action === 'deny' || action === 'error' ? cut(lines.join('; ')) : '',
    counts: set.summary,
    kustomizations: kustomizations.map(({ namespace, name, action: of, message, objects, notes }) => ({
      namespace,
      name,
      action: of,
      message: cut(message),
      objects,
      notes,
    })),
  }
}

/** Whether what was judged may be published. */
export function isAllowed({ action }: Judged): boolean {
  return action === 'allow' || action === 'warn'
}

/** The condition Ready, of the gate and of its ExternalArtifact. */
export function readyCondition(outcome: Outcome, kept: StoredVersion | null): Condition {
  const stays = kept === null ? 'nothing was allowed yet' : `${kept.revision} stays in force`
  if ('problem' in outcome) {
    const { reason, message } = outcome.problem
    return { type: 'Ready', status: 'Unknown', reason, message: `${message}; ${stays}` }
  }
  if ('suspended' in outcome) {
    return { type: 'Ready', status: 'Unknown', reason: 'Suspended', message: `suspended; ${stays}` }
  }
  const { action, revision, message, counts } = outcome.judged
  if (action === 'error') {
    return {
      type: 'Ready',
      status: 'False',
      reason: 'NotJudged',
      message: `${revision} could not be judged: ${message}; ${stays}`,
    }
  }
  if (action === 'deny') {
    return { type: 'Ready', status: 'False', reason: 'Denied', message: `${revision} is denied: ${message}; ${stays}` }
  }
  const warned = counts.warned > 0 ? `, ${counts.warned} with warnings` : ''
  const allowed = `${revision} is allowed (${counts.judged} objects${warned})`
  return { type: 'Ready', status: 'True', reason: 'Allowed', message: allowed }
}

/** The whole status of an ArtifactGate. */
export function gateStatus(
  gate: ArtifactGate,
  before: JsonObject,
  { outcome, kept, now }: { readonly outcome: Outcome; readonly kept: StoredVersion | null; readonly now: string },
): JsonObject {
  const status = member(before, 'status')
  const judged = 'judged' in outcome ? outcome.judged : null
  const conditions = [readyCondition(outcome, kept), judgedCondition(outcome)]
  return {
    observedGeneration: gate.generation,
    ...(gate.requestedAt !== '' && { lastHandledReconcileAt: gate.requestedAt }),
    conditions: [...conditionsJson(conditions, status.conditions, gate.generation, now)],
    ...(kept !== null && {
      lastAllowed: {
        revision: kept.revision,
        digest: kept.digest,
        decision: kept.decision,
        allowedAt: kept.allowedAt,
      },
    }),
    ...lastJudged(judged, status.lastJudged),
  }
}

function lastJudged(judged: Judged | null, before: Json | undefined): JsonObject {
  if (judged !== null) {
    const { counts, kustomizations } = judged
    return {
      lastJudged: {
        ...judged,
        counts: { ...counts },
        kustomizations: kustomizations.map(each => ({ ...each, notes: [...each.notes] })),
      },
    }
  }
  return isJsonObject(before) ? { lastJudged: before } : {}
}

function judgedCondition(outcome: Outcome): Condition {
  if ('problem' in outcome) return { type: 'Judged', status: 'Unknown', ...outcome.problem }
  if ('suspended' in outcome) {
    return {
      type: 'Judged',
      status: 'Unknown',
      reason: 'Suspended',
      message: 'nothing is judged while it is suspended',
    }
  }
  const { action, revision, message } = outcome.judged
  return action === 'error'
    ? { type: 'Judged', status: 'False', reason: 'NotJudged', message }
    : { type: 'Judged', status: 'True', reason: 'Judged', message: `${revision} was judged` }
}

function cut(text: string): string {
  return text.length > MAX_MESSAGE_LENGTH ? `${text.slice(0, MAX_MESSAGE_LENGTH)}…` : text
}
