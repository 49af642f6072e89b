/** Writes beyond this within the time are a quarrel between replicas; a rotation takes three. */
const MAX_WRITES = 12
const WITHIN_MS = 600_000

/** Counts the writes of one replica, so that two which disagree do not write in turn without end. */
export interface WriteBudget {
  spend(): void
  isSpent(): boolean
}

/** @param now milliseconds since 1970 */
export function createWriteBudget(now: () => number): WriteBudget {
  let times: number[] = []
  return {
    spend: () => {
      times = [...times.slice(1 - MAX_WRITES), now()]
    },
    isSpent: () => times.length === MAX_WRITES && now() - (times[0] ?? 0) < WITHIN_MS,
  }
}
