import { createHash } from 'node:crypto'
import type { RecordTruth } from './corpus.js'
import type { Scored } from './scorer.js'

/** A record with what a model said of it. */
export interface ScoredRecord extends Scored {
  readonly id: string
  readonly source: string
  readonly truth: RecordTruth
}

/** A share of what was to be found, with the interval that drawing whole sources again and again gives. */
export interface Recall {
  readonly falsePositiveRate: number
  readonly recall: number
  /** The 5 % and the 95 % point; null where there is nothing to draw from. */
  readonly low: number | null
  readonly high: number | null
  /** How many benign records are above the threshold: with few of them the figure is mostly chance. */
  readonly benignAbove: number
}

/** False positives by the model's own thresholds. */
export interface FalsePositives {
  readonly benign: number
  readonly warned: number
  /** No larger with 90 % confidence (Clopper and Pearson). */
  readonly warnedUpper: number
  readonly denied: number
  readonly deniedUpper: number
}

/** What of one attack or source was found at each rate, and by the model's own thresholds. */
export interface Found {
  readonly count: number
  readonly at: readonly number[]
  readonly warned: number
  readonly denied: number
}

/** The figures of one model on one set of records. */
export interface Figures {
  readonly records: number
  readonly positives: number
  readonly benign: number
  /** Records of neither kind: weaknesses that are not severe. */
  readonly leftOut: number
  readonly recalls: readonly Recall[]
  /** How far scores are from frequencies, over 15 bins of equal width; null without records. */
  readonly calibrationError: number | null
  readonly falsePositives: FalsePositives
  /** By group of kinds; groups with fewer than 100 benign records are one. */
  readonly groups: Readonly<Record<string, FalsePositives>>
  readonly families: Readonly<Record<string, Found>>
  readonly sources: Readonly<Record<string, Found>>
  /** Ordinary edits, by their operator. */
  readonly routine: Readonly<Record<string, FalsePositives>>
}

const RATES: readonly number[] = [0.01, 0.001]
const RESAMPLES = 400
const BINS = 15
const MIN_BENIGN = 100
/** The name of the groups that are too small to be told apart. */
const SMALL_GROUPS = 'smaller groups'

/** True for what a model has to find, false for what it must not, null for what neither holds of. */
export function targetOf({ label, severity }: RecordTruth): boolean | null {
  if (label === 'hostile' || label === 'insecure' || label === 'fail-fixture') return severity === 'high' ? true : null
  return label === 'benign' || label === 'pass-fixture' ? false : null
}

/** Compares what a model said with what is known. */
export function figuresOf(records: readonly ScoredRecord[]): Figures {
  const positives = records.filter(({ truth }) => targetOf(truth) === true)
  const benign = records.filter(({ truth }) => truth.label === 'benign')
  const known = records.filter(({ truth }) => targetOf(truth) !== null)
  const thresholds = RATES.map(rate =>
    thresholdAt(
      benign.map(({ score }) => score),
      rate,
    ),
  )
  return {
    records: records.length,
    positives: positives.length,
    benign: benign.length,
    leftOut: records.length - known.length,
    recalls: recallsOf(positives, benign),
    calibrationError: calibrationError(known),
    falsePositives: falsePositives(benign),
    groups: mapValues(largeGroups(benign), falsePositives),
    families: mapValues(
      by(positives, ({ truth }) => truth.family),
      each => foundOf(each, thresholds),
    ),
    sources: mapValues(
      by(positives, ({ source }) => source),
      each => foundOf(each, thresholds),
    ),
    routine: mapValues(
      by(benign, ({ truth }) => truth.family),
      falsePositives,
    ),
  }
}

/** The score that at most this share of scores is above. */
export function thresholdAt(scores: readonly number[], rate: number): number {
  const ordered = [...scores].sort((a, b) => b - a)
  return ordered[Math.min(Math.floor(rate * ordered.length), ordered.length - 1)] ?? -Infinity
}

function recallsOf(positives: readonly ScoredRecord[], benign: readonly ScoredRecord[]): readonly Recall[] {
  if (positives.length === 0 || benign.length === 0) return []
  const groups = [...new Set([...positives, ...benign].map(groupOf))].sort()
  const numbers = new Map(groups.map((group, index) => [group, index]))
  const entries = (records: readonly ScoredRecord[]): readonly Entry[] =>
    records
      .map(record => ({ score: record.score, group: numbers.get(groupOf(record)) ?? 0 }))
      .sort((a, b) => b.score - a.score)
  const [found, below] = [entries(positives), entries(benign)]
  const once = new Array<number>(groups.length).fill(1)
  const drawn = RATES.map((): number[] => [])
  const random = randomNumbers()
  for (let sample = 0; sample < RESAMPLES; sample += 1) {
    const weights = new Array<number>(groups.length).fill(0)
    groups.forEach(() => {
      const at = Math.floor(random() * groups.length)
      weights[at] = (weights[at] ?? 0) + 1
    })
    RATES.forEach((rate, index) => {
      const recall = weightedRecall(found, below, weights, rate)
      if (recall !== null) drawn[index]?.push(recall)
    })
  }
  return RATES.map((rate, index) => {
    const threshold = weightedThreshold(below, once, rate)
    return {
      falsePositiveRate: rate,
      recall: weightedRecall(found, below, once, rate) ?? 0,
      low: quantile(drawn[index] ?? [], 0.05),
      high: quantile(drawn[index] ?? [], 0.95),
      benignAbove: below.filter(({ score }) => score > threshold).length,
    }
  })
}

interface Entry {
  readonly score: number
  readonly group: number
}

/** Records of a repository are alike; those that were written for the corpus are alike by their family. */
function groupOf({ source, truth }: ScoredRecord): string {
  return source === 'authored' ? `authored/${truth.family ?? ''}` : source
}

function weightedThreshold(ordered: readonly Entry[], weights: readonly number[], rate: number): number {
  const total = ordered.reduce((sum, { group }) => sum + (weights[group] ?? 0), 0)
  const above = Math.min(Math.floor(rate * total), total - 1)
  let seen = 0
  for (const { score, group } of ordered) {
    seen += weights[group] ?? 0
    if (seen > above) return score
  }
  return -Infinity
}

/** Ties with the threshold do not count as found. */
function weightedRecall(
  found: readonly Entry[],
  benign: readonly Entry[],
  weights: readonly number[],
  rate: number,
): number | null {
  const threshold = weightedThreshold(benign, weights, rate)
  let [hits, total] = [0, 0]
  for (const { score, group } of found) {
    const weight = weights[group] ?? 0
    total += weight
    if (score > threshold) hits += weight
  }
  return total === 0 || threshold === -Infinity ? null : hits / total
}

function calibrationError(records: readonly ScoredRecord[]): number | null {
  if (records.length === 0) return null
  const gaps = new Array<number>(BINS).fill(0)
  for (const { score, truth } of records) {
    const bin = Math.min(Math.floor(score * BINS), BINS - 1)
    gaps[bin] = (gaps[bin] ?? 0) + score - (targetOf(truth) === true ? 1 : 0)
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / records.length
}

function falsePositives(benign: readonly ScoredRecord[]): FalsePositives {
  const warned = benign.filter(({ band }) => band !== 'low').length
  const denied = benign.filter(({ band }) => band === 'high').length
  return {
    benign: benign.length,
    warned: share(warned, benign.length),
    warnedUpper: upperBound(warned, benign.length),
    denied: share(denied, benign.length),
    deniedUpper: upperBound(denied, benign.length),
  }
}

function foundOf(records: readonly ScoredRecord[], thresholds: readonly number[]): Found {
  const count = (holds: (record: ScoredRecord) => boolean): number =>
    share(records.filter(holds).length, records.length)
  return {
    count: records.length,
    at: thresholds.map(threshold => count(({ score }) => score > threshold)),
    warned: count(({ band }) => band !== 'low'),
    denied: count(({ band }) => band === 'high'),
  }
}

function largeGroups(benign: readonly ScoredRecord[]): Map<string, ScoredRecord[]> {
  const groups = new Map<string, ScoredRecord[]>()
  const small: ScoredRecord[] = []
  for (const [name, records] of by(benign, ({ group }) => group)) {
    if (records.length >= MIN_BENIGN) groups.set(name, records)
    else small.push(...records)
  }
  if (small.length > 0) groups.set(SMALL_GROUPS, small)
  return groups
}

function by(
  records: readonly ScoredRecord[],
  key: (record: ScoredRecord) => string | null,
): Map<string, ScoredRecord[]> {
  const groups = new Map<string, ScoredRecord[]>()
  for (const record of records) {
    const name = key(record)
    if (name === null) continue
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [record])
    else group.push(record)
  }
  return groups
}

function mapValues<Value>(
  groups: ReadonlyMap<string, readonly ScoredRecord[]>,
  value: (records: readonly ScoredRecord[]) => Value,
): Record<string, Value> {
  const names = [...groups.keys()].sort()
  return Object.fromEntries(names.map(name => [name, value(groups.get(name) ?? [])]))
}

function share(count: number, total: number): number {
  return total === 0 ? 0 : count / total
}

/** The largest share with which so few hits are still as likely as one in ten (Clopper and Pearson, one-sided). */
export function upperBound(hits: number, trials: number): number {
  if (hits >= trials) return 1
  let [low, high] = [hits / trials, 1]
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2
    if (atMost(hits, trials, middle) > 0.1) low = middle
    else high = middle
  }
  return high
}

/** The chance of at most so many hits. */
function atMost(hits: number, trials: number, chance: number): number {
  let logTerm = trials * Math.log1p(-chance)
  let sum = Math.exp(logTerm)
  for (let hit = 1; hit <= hits; hit += 1) {
    logTerm += Math.log((trials - hit + 1) / hit) + Math.log(chance) - Math.log1p(-chance)
    sum += Math.exp(logTerm)
  }
  return sum
}

function quantile(values: readonly number[], at: number): number | null {
  if (values.length === 0) return null
  const ordered = [...values].sort((a, b) => a - b)
  const place = at * (ordered.length - 1)
  const [lower, upper] = [ordered[Math.floor(place)] ?? 0, ordered[Math.ceil(place)] ?? 0]
  return lower + (upper - lower) * (place - Math.floor(place))
}

/** Numbers from 0 to 1, the same each time: four bytes each of the digests of counted texts. */
function randomNumbers(): () => number {
  let [block, at] = [0, DIGEST_BYTES]
  let digest = Buffer.alloc(0)
  return () => {
    if (at === DIGEST_BYTES) {
      digest = createHash('sha256').update(`resample ${block}`).digest()
      block += 1
      at = 0
    }
    const number = digest.readUInt32LE(at) / 2 ** 32
    at += 4
    return number
  }
}
const DIGEST_BYTES = 32
