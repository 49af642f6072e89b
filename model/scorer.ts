import type { JsonObject } from '../src/json.js'
import type { RarityCounts } from '../src/risk/rarity/counts.js'

/** What a model says of a record. */
export interface Scored {
  /** Calibrated, 0 to 1. */
  readonly score: number
  readonly anomaly: number | null
  readonly band: 'low' | 'elevated' | 'high'
  /** The group of kinds whose thresholds it was judged by. */
  readonly group: string
}

/** A model as an evaluation asks it; objects are canonical. */
export interface Scorer {
  scoreObject(object: JsonObject): Scored | Promise<Scored>
  scoreChange(old: JsonObject, object: JsonObject, counts: RarityCounts): Scored | Promise<Scored>
}

/** What a module exports that is evaluated. */
export interface ScorerModule {
  readonly createScorer: () => Scorer | Promise<Scorer>
}
