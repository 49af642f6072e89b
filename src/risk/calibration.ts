/** What a group of kinds needs so that a score means the same in it as elsewhere. */
export interface Calibration {
  /** How the model's logit becomes a calibrated one; positive, so that no order changes. */
  readonly slope: number
  readonly intercept: number
  /** Calibrated logits that harmless ones of the group had where the model had not seen them, rising. */
  readonly benign: readonly number[]
  /** How many there were; `benign` has quantiles of them where it has fewer. */
  readonly benignCount: number
  /** The calibrated logit from which the band is `elevated`. */
  readonly warn: number
  /** The calibrated logit from which the band is `high`. */
  readonly deny: number
}

/** A logit as people and policies see it. */
export interface Calibrated {
  /** 0 to 1 */
  readonly score: number
  /** The score from which the band is `elevated`. */
  readonly threshold: number
  readonly band: 'low' | 'elevated' | 'high'
  /** The share of harmless ones of the group that score as high, itself counted among them. */
  readonly pValue: number
  readonly logit: number
}

/** One ranking over all kinds: equal scores are equally likely to be harmful, whatever the group. */
export function calibrate(raw: number, { slope, intercept, benign, benignCount, warn, deny }: Calibration): Calibrated {
  const logit = slope * raw + intercept
  return {
    logit,
    score: sigmoid(logit),
    threshold: sigmoid(warn),
    band: logit >= deny ? 'high' : logit >= warn ? 'elevated' : 'low',
    pValue: (1 + shareAbove(benign, logit) * benignCount) / (benignCount + 1),
  }
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit))
}

/** The share of rising numbers that are not below a limit; between two kept quantiles, in proportion. */
function shareAbove(rising: readonly number[], limit: number): number {
  let [low, high] = [0, rising.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rising[middle] ?? 0) < limit) low = middle + 1
    else high = middle
  }
  return (rising.length - low) / rising.length
}
