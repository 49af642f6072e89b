import type { Scorer } from '../../model/scorer.js'
import { CHANGE_FEATURES, changeFeatures, OBJECT_FEATURES, objectFeatures } from '../../src/risk/features.js'
import { rarityFeatures, rarityScore } from '../../src/risk/rarity/surprise.js'

const OF_OBJECT = OBJECT_FEATURES.findIndex(({ name }) => name === 'prior.sum')
const OF_CHANGE = CHANGE_FEATURES.findIndex(({ name }) => name === 'delta.prior.sum')

function bandOf(score: number): 'low' | 'elevated' | 'high' {
  if (score > 0.9) return 'high'
  return score > 0.5 ? 'elevated' : 'low'
}

/** A scorer without a model: what people would weigh. */
export function createScorer(): Scorer {
  const scored = (sum: number, anomaly: number | null, kind: unknown) => {
    const score = 1 / (1 + Math.exp(4 - sum))
    return { score, anomaly, band: bandOf(score), group: typeof kind === 'string' ? kind : 'other' }
  }
  return {
    scoreObject: object => scored(objectFeatures(object).values[OF_OBJECT] ?? 0, null, object.kind),
    scoreChange: (old, object, counts) =>
      scored(
        changeFeatures(old, object).values[OF_CHANGE] ?? 0,
        rarityScore(rarityFeatures(old, object, counts)),
        object.kind,
      ),
  }
}
