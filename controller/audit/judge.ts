import { actionAt } from '../../src/actions.js'
import type { Decision, Violation } from '../../src/decision-types.js'
import { GateError } from '../../src/errors.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import { ClusterError, type ClusterObject } from '../../src/io/cluster/cluster-client.js'
import type { EventRecorder } from '../../src/io/cluster/event-recorder.js'
import { namesOf, type ObjectNames } from '../../src/io/cluster/object-names.js'
import type { Logger } from '../../src/io/log.js'
import type { Pool } from '../../src/io/pool.js'
import type { Metrics } from '../metrics.js'
import { auditContext, auditRequest } from './audit-request.js'
import type { AuditedKind } from './audited-kinds.js'
import type { Namespaces } from './namespaces.js'
import { buildReport, type ReportApi } from './report-object.js'
import type { ReportStore } from './report-store.js'

/** One object that was listed, or that changed. */
export interface AuditJob {
  readonly kind: AuditedKind
  readonly object: ClusterObject
  readonly isDeleted: boolean
}

export interface JudgeParts {
  readonly pool: Pick<Pool, 'review' | 'bundle'>
  readonly namespaces: Pick<Namespaces, 'find'>
  /** null: no reports are wanted, or the cluster has no such kind. */
  readonly reports: () => { readonly api: ReportApi; readonly store: ReportStore } | null
  readonly events: Pick<EventRecorder, 'record'>
  readonly metrics: Metrics
  readonly exemptNamespaces: readonly string[]
  readonly log: Logger
  readonly clock: Clock
  /** Told of every Decision with findings. */
  readonly onFindings: (violations: readonly Violation[]) => void
}

/** Judges one object, and makes the cluster say what was found. Nothing of the object is kept. */
export function createJudge(parts: JudgeParts): (job: AuditJob) => Promise<void> {
  const { pool, namespaces, events, metrics, log, clock } = parts
  const { userInfo } = pool.bundle.config.prediction

  const decide = async ({ kind, object }: AuditJob): Promise<{ decision: Decision; now: string } | null> => {
    const request = auditRequest(object, kind, userInfo)
    const { namespace } = request
    const info = namespace === undefined ? null : await namespaces.find(namespace)
    // Its namespace is gone, so it is going, too.
    if (namespace !== undefined && info === null) return null
    const context = auditContext(clock.date(), info)
    return { decision: await pool.review(request, context), now: context.now }
  }
  const tell = async (names: ObjectNames, decision: Decision, now: string): Promise<void> => {
    const reports = parts.reports()
    const isNews = reports === null || (await reports.store.write(buildReport(reports.api, names, decision, now)))
    if (decision.allowed || !isNews) return
    const { apiVersion, kind } = decision.resource
    events.record({
      regarding: { apiVersion, kind, namespace: names.namespace, name: names.name, uid: names.uid },
      type: 'Warning',
      reason: 'PolicyViolation',
      action: 'Audit',
      note: noteOf(decision),
    })
  }

  return async job => {
    const names = namesOf(job.object)
    const { namespace, name, uid } = names
    // A Namespace stands for itself: who exempts it means what is in it.
    const isExempt = parts.exemptNamespaces.includes(namespace)
    if (job.isDeleted || isExempt) {
      await parts.reports()?.store.remove(namespace, uid)
      return
    }
    const { group, kind } = job.kind
    try {
      const judged = await decide(job)
      if (judged === null) return
      const { decision, now } = judged
      metrics.objects.inc({ result: decision.violations.length === 0 ? 'clean' : 'findings' })
      if (decision.violations.length === 0) await parts.reports()?.store.remove(namespace, uid)
      else {
        parts.onFindings(decision.violations)
        await tell(names, decision, now)
      }
    } catch (thrown) {
      if (!(thrown instanceof GateError)) throw thrown
      if (thrown.code === 'GATE_CLOSED') return
      metrics.objects.inc({ result: 'failed' })
      // The text may quote the object, and that may be a Secret; what the API server says never does.
      const error = thrown instanceof ClusterError ? { error: thrown.message } : {}
      log.warn('an object could not be judged', { group, kind, namespace, name, code: thrown.code, ...error })
    }
  }
}

/** The worst of what was found: what people read in `kubectl describe`. */
function noteOf({ violations }: Decision): string {
  const denied = violations.filter(each => actionAt(each, 'audit') === 'deny')
  const [worst] = denied
  const more = denied.length > 1 ? ` (and ${denied.length - 1} more)` : ''
  return worst === undefined ? '' : `[${worst.policy}] ${worst.message}${more}`
}
