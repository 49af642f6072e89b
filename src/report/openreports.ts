import { createHash } from 'node:crypto'
import type { Decision, GateName, SetError } from '../decision-types.js'
import { jsonText } from './json.js'
import type { Report } from './report.js'
import {
  DECISION_ANNOTATION,
  decisionResults,
  MANAGED_BY,
  objectReference,
  reportSummary,
  type ReportResult,
  reportTimestamp,
  violationResult,
} from './report-results.js'
import { errorText } from './text.js'

/** Where and when the reports' judgement was made. */
export interface OpenReportsOptions {
  readonly gate: GateName
  /** RFC 3339 */
  readonly now: string
}

/**
 * A List of openreports.io Reports and ClusterReports, one for each object, that `kubectl apply` takes; findings about the
 * whole set and what could not be judged are in one more ClusterReport.
 *
 * @see github.com/openreports/reports-api v0.2.1, apis/openreports.io/v1alpha1
 */
export function createOpenReports({ gate, now }: OpenReportsOptions): Report {
  const timestamp = reportTimestamp(now)
  let items = 0
  const item = (report: object) => `${(items += 1) === 1 ? OPENING : ','}\n${jsonText(report)}`

  const errorResult = (error: SetError): ReportResult => ({
    policy: error.code,
    result: 'error',
    scored: false,
    message: errorText(error),
    timestamp,
  })

  return {
    decision(decision: Decision) {
      const { id, resource } = decision
      const results = decisionResults(decision, gate, timestamp)
      const name = digest([resource.apiVersion, resource.kind, resource.namespace ?? '', resource.name])
      const scope = objectReference(resource)
      return item({ ...header(name, resource.namespace, { [DECISION_ANNOTATION]: id }), scope, ...body(results) })
    },
    end({ id, violations, errors }) {
      const found = violations.map(each => violationResult(each, { gate, timestamp, isFailed: false }))
      const results = [...found, ...errors.map(errorResult)]
      const last = results.length === 0 ? '' : item({ ...header(digest([id]), undefined, {}), ...body(results) })
      return `${last}${items === 0 ? OPENING : '\n'}]}\n`
    },
  }
}

const OPENING = '{"apiVersion":"v1","kind":"List","items":['

function header(name: string, namespace: string | undefined, annotations: Readonly<Record<string, string>>): object {
  return {
    apiVersion: 'openreports.io/v1alpha1',
    kind: namespace === undefined ? 'ClusterReport' : 'Report',
    metadata: {
      name: `lockkeeper-${name}`,
      ...(namespace !== undefined && { namespace }),
      labels: MANAGED_BY,
      annotations,
    },
    source: 'lockkeeper',
  }
}

function body(results: readonly ReportResult[]): object {
  return { summary: reportSummary(results), results }
}

/** Short enough for a name, long enough to be nobody else's. */
function digest(parts: readonly string[]): string {
  return createHash('sha256').update(jsonText(parts)).digest('hex').slice(0, 32)
}
