import { type Clock, backoffMs } from '../src/io/cluster/clock.js'
import { ClusterError } from '../src/io/cluster/cluster-client.js'

/** How soon what was deleted or changed by somebody else is right again. */
const POLL_MS = 30_000
const MAX_RETRY_MS = 60_000

/**
 * Settles something in the cluster again and again, until the signal is aborted; later after failures. That somebody else wrote
 * at the same time is no failure to tell of.
 */
export async function settleAgain(
  settle: () => Promise<void>,
  onFailure: (thrown: unknown) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0
  const isOver = () => signal.aborted
  while (!isOver()) {
    try {
      await settle()
      failures = 0
      await clock.wait(POLL_MS, signal)
    } catch (thrown) {
      if (isOver()) return
      failures += 1
      const isRace = thrown instanceof ClusterError && thrown.status === 409
      if (!isRace) onFailure(thrown)
      await clock.wait(backoffMs(failures, clock, MAX_RETRY_MS), signal)
    }
  }
}
