import type { Context, Provenance } from './decision-types.js'

/** What a door knows beside the request where nothing else reaches it: no related objects, holds, approvals or rarity. */
export function bareContext({
  gate,
  now,
  namespace,
  provenance,
  base = 'known',
}: Pick<Context, 'gate' | 'now' | 'namespace' | 'provenance'> & Partial<Pick<Context, 'base'>>): Context {
  return {
    gate,
    now,
    namespace,
    base,
    related: null,
    provenance,
    holds: [],
    approvals: [],
    rarity: null,
  }
}

/** The provenance of a request that a gate predicts: the deployer will send it. */
export const PREDICTED: Provenance = { class: 'approved', evidence: ['predicted'] }

/** A moment as `Context.now` has it: RFC 3339, UTC, in whole seconds. */
export function contextTime(moment: Date): string {
  return `${moment.toISOString().slice(0, 19)}Z`
}
