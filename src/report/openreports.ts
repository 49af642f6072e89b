import { createHash } from 'node:crypto'
import { actionAt } from '../actions.js'
import type { Decision, GateName, ResourceReference, SetError, SetViolation, Violation } from '../decision-types.js'
import { jsonText } from './json.js'
import type { Report } from './report.js'
import { errorText } from './text.js'

/** Where and when the reports' judgement was made. */
export interface OpenReportsOptions {
  readonly gate: GateName
  /** RFC 3339 */
  readonly now: string
}

/** One finding, in the words of the API. */
interface Result {
  readonly policy: string
  readonly result: 'fail' | 'warn' | 'error'
  readonly severity?: string
  readonly scored: boolean
  readonly message: string
  readonly timestamp: { readonly seconds: number; readonly nanos: number }
  readonly resources?: readonly object[]
  readonly properties?: Readonly<Record<string, string>>
}

/**
 * A List of openreports.io Reports and ClusterReports, one for each object, that `kubectl apply` takes; findings about the
 * whole set and what could not be judged are in one more ClusterReport.
 *
 * @see github.com/openreports/reports-api v0.2.1, apis/openreports.io/v1alpha1
 */
export function createOpenReports({ gate, now }: OpenReportsOptions): Report {
  const timestamp = { seconds: Math.floor(Date.parse(now) / 1000), nanos: 0 }
  let items = 0
  const item = (report: object) => `${(items += 1) === 1 ? OPENING : ','}\n${jsonText(report)}`

  const violationResult = (each: Violation | SetViolation, failed: ReadonlySet<string>): Result => ({
    policy: each.policy,
    result: failed.has(each.policy) ? 'error' : actionAt(each, gate) === 'deny' ? 'fail' : 'warn',
    severity: each.severity,
    scored: actionAt(each, gate) === 'deny',
    message: each.message,
    timestamp,
    ...('objects' in each && { resources: each.objects.map(reference) }),
    properties: propertiesOf(each, actionAt(each, gate)),
  })
  const errorResult = (error: SetError): Result => ({
    policy: error.code,
    result: 'error',
    scored: false,
    message: errorText(error),
    timestamp,
  })

  return {
    decision({ id, resource, violations, degraded }: Decision) {
      const failed = new Set(degraded.flatMap(each => each.policy ?? []))
      const results = violations.map(each => violationResult(each, failed))
      const name = digest([resource.apiVersion, resource.kind, resource.namespace ?? '', resource.name])
      const scope = reference(resource)
      return item({ ...header(name, resource.namespace, { 'lockkeeper.dev/decision': id }), scope, ...body(results) })
    },
    end({ id, violations, errors }) {
      const results = [...violations.map(each => violationResult(each, new Set())), ...errors.map(errorResult)]
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
      labels: { 'app.kubernetes.io/managed-by': 'lockkeeper' },
      annotations,
    },
    source: 'lockkeeper',
  }
}

function body(results: readonly Result[]): object {
  const count = (result: Result['result']) => results.filter(each => each.result === result).length
  return { summary: { pass: 0, fail: count('fail'), warn: count('warn'), error: count('error'), skip: 0 }, results }
}

function reference({ apiVersion, kind, namespace, name }: ResourceReference): object {
  return { apiVersion, kind, ...(namespace !== undefined && { namespace }), name }
}

function propertiesOf(violation: Violation | SetViolation, action: string): Readonly<Record<string, string>> {
  const { path, controls, docs } = violation
  const remedy = 'remedy' in violation ? violation.remedy : undefined
  return {
    enforcementAction: action,
    ...(path !== '' && { path }),
    ...(controls.length > 0 && { controls: controls.join(', ') }),
    ...(docs !== '' && { docs }),
    ...(remedy !== undefined && { fix: remedy.text }),
    ...('existing' in violation && violation.existing && { existing: 'true' }),
  }
}

/** Short enough for a name, long enough to be nobody else's. */
function digest(parts: readonly string[]): string {
  return createHash('sha256').update(jsonText(parts)).digest('hex').slice(0, 32)
}
