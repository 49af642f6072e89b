import { actionAt } from '../../src/actions.js'
import type { Violation } from '../../src/decision-types.js'
import type { Metrics } from '../metrics.js'

/** Counts the findings of one complete audit, and shows them when it is over. */
export class FindingsCount {
  readonly #counts = new Map<string, { policy: string; action: string; count: number }>()

  begin(): void {
    this.#counts.clear()
  }

  add(violations: readonly Violation[]): void {
    for (const each of violations) {
      const action = actionAt(each, 'audit')
      const key = `${each.policy} ${action}`
      const known = this.#counts.get(key) ?? { policy: each.policy, action, count: 0 }
      known.count += 1
      this.#counts.set(key, known)
    }
  }

  show(metrics: Pick<Metrics, 'findings'>): void {
    metrics.findings.reset()
    for (const { policy, action, count } of this.#counts.values()) metrics.findings.set({ policy, action }, count)
  }
}
