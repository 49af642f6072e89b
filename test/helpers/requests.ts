import type { AdmissionRequest } from '../../src/admission.js'
import type { Context, ProvenanceClass } from '../../src/decision-types.js'
import type { JsonObject } from '../../src/json.js'

/** A Pod as a team would write it. */
export function pod(change: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image: 'registry.example/web:1.2.3' }] },
    ...change,
  }
}

/** A request as the API server sends it; CREATE of a Pod unless said otherwise. */
export function admissionRequest(change: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: '00000000-0000-0000-0000-000000000001',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    name: 'web',
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: { username: 'alice', groups: ['developers'] },
    object: pod(),
    oldObject: null,
    ...change,
  }
}

/** A context in which everything is known and nothing is special. */
export function contextOf(change: Partial<Context> = {}): Context {
  return {
    gate: 'webhook',
    now: '2026-06-01T12:00:00Z',
    namespace: { labels: {}, annotations: {} },
    base: 'known',
    related: null,
    provenance: { class: 'approved' satisfies ProvenanceClass, evidence: ['predicted'] },
    holds: [],
    approvals: [],
    rarity: null,
    ...change,
  }
}
