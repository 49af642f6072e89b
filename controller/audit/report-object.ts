import { createHash } from 'node:crypto'
import { canonicalJson } from '../../src/canonical.js'
import type { Decision } from '../../src/decision-types.js'
import type { ClusterObject, Collection } from '../../src/io/cluster/cluster-client.js'
import type { ObjectNames } from '../../src/io/cluster/object-names.js'
import { isJsonObject, type Json, type JsonObject, stringifyJson } from '../../src/json.js'
import {
  DECISION_ANNOTATION,
  decisionResults,
  MANAGED_BY,
  reportSummary,
  reportTimestamp,
} from '../../src/report/report-results.js'

/** The APIs that reports of a cluster are written in. */
export const REPORT_APIS = {
  openreports: {
    group: 'openreports.io',
    version: 'v1alpha1',
    namespaced: { resource: 'reports', kind: 'Report' },
    cluster: { resource: 'clusterreports', kind: 'ClusterReport' },
  },
  wgpolicy: {
    group: 'wgpolicyk8s.io',
    version: 'v1alpha2',
    namespaced: { resource: 'policyreports', kind: 'PolicyReport' },
    cluster: { resource: 'clusterpolicyreports', kind: 'ClusterPolicyReport' },
  },
} as const
export type ReportApi = keyof typeof REPORT_APIS

/** Reports of the audit, as opposed to those that somebody applied from `lockkeeper scan`. */
export const REPORT_LABELS = { ...MANAGED_BY, 'app.kubernetes.io/component': 'audit' } as const

/** How many results did not fit in. */
const OMITTED_ANNOTATION = 'lockkeeper.dev/omitted-results'
/** etcd takes 1.5 MiB, and managedFields come on top. */
const MAX_REPORT_BYTES = 1024 * 1024

/** @param namespace '' for cluster-scoped objects; undefined for the reports of all namespaces */
export function reportCollection(api: ReportApi, namespace: string | undefined): Collection {
  const { group, version, namespaced, cluster } = REPORT_APIS[api]
  if (namespace === '') return { group, version, resource: cluster.resource }
  return { group, version, resource: namespaced.resource, ...(namespace !== undefined && { namespace }) }
}

/** The name of an object's report; as short as a name has to be, and the object's alone for ever. */
export function reportName(uid: string): string {
  return `lockkeeper-${/^[0-9a-f-]{36}$/.test(uid) ? uid : createHash('sha256').update(uid).digest('hex').slice(0, 32)}`
}

/** The report of one object with findings: it belongs to the object, and goes with it. */
export function buildReport(
  api: ReportApi,
  object: Pick<ObjectNames, 'namespace' | 'name' | 'uid'>,
  decision: Decision,
  now: string,
  maxBytes = MAX_REPORT_BYTES,
): ClusterObject {
  const { group, version, namespaced, cluster } = REPORT_APIS[api]
  const { namespace, name, uid } = object
  const { apiVersion, kind } = decision.resource
  // Openreports say once who found it, the older API with each result.
  const own = api === 'wgpolicy' ? { source: 'lockkeeper' } : {}
  const results = decisionResults(decision, 'audit', reportTimestamp(now)).map(each => ({ ...own, ...each }))
  const build = (kept: readonly object[]) => ({
    apiVersion: `${group}/${version}`,
    kind: namespace === '' ? cluster.kind : namespaced.kind,
    metadata: {
      name: reportName(uid),
      ...(namespace !== '' && { namespace }),
      labels: REPORT_LABELS,
      annotations: {
        [DECISION_ANNOTATION]: decision.id,
        ...(kept.length < results.length && { [OMITTED_ANNOTATION]: String(results.length - kept.length) }),
      },
      ownerReferences: [{ apiVersion, kind, name, uid }],
    },
    ...(api === 'openreports' && { source: 'lockkeeper' }),
    scope: { apiVersion, kind, ...(namespace !== '' && { namespace }), name, uid },
    // Of all of them, whatever was left out below.
    summary: reportSummary(results),
    results: kept,
  })
  return build(fitting(results, maxBytes - bytesOf(build([])) - OMITTED_BYTES)) as unknown as ClusterObject
}

const OMITTED_BYTES = 100

/** The first results, which are the worst, as many as fit. */
function fitting(results: readonly object[], maxBytes: number): readonly object[] {
  let left = maxBytes
  const end = results.findIndex(each => (left -= bytesOf(each) + 1) < 0)
  return end < 0 ? results : results.slice(0, end)
}

function bytesOf(value: object): number {
  return Buffer.byteLength(stringifyJson(value as unknown as Json))
}

/** A digest of what a report says, without when it was said: equal ones need not be written again. */
export function reportDigest(report: ClusterObject): string {
  const metadata = isJsonObject(report.metadata) ? report.metadata : {}
  const results = Array.isArray(report.results) ? report.results.map(withoutTimestamp) : []
  const { labels = null, annotations = null, ownerReferences = null } = metadata
  const said = [pick(labels, Object.keys(REPORT_LABELS)), pick(annotations, [DECISION_ANNOTATION, OMITTED_ANNOTATION])]
  const whole: Json = [...said, ownerReferences, report.scope ?? null, report.summary ?? null, results]
  return createHash('sha256').update(canonicalJson(whole)).digest('base64url')
}

function withoutTimestamp(result: Json): Json {
  if (!isJsonObject(result)) return result
  const { timestamp: _, ...rest } = result
  return rest
}

function pick(value: Json, keys: readonly string[]): JsonObject {
  const object = isJsonObject(value) ? value : {}
  return Object.fromEntries(keys.map(key => [key, object[key] ?? null]))
}
