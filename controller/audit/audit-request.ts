import type { AdmissionRequest, UserInfo } from '../../src/admission.js'
import type { Context } from '../../src/decision-types.js'
import { bareContext, contextTime, PREDICTED } from '../../src/context.js'
import type { ClusterObject } from '../../src/io/cluster/cluster-client.js'
import { buildRequest } from '../../src/request.js'
import type { AuditedKind } from './audited-kinds.js'

/**
 * The request that would make a live object, by whoever the bundle's configuration predicts: who really made it is not
 * known any more. The resource is what the server calls it, which for custom kinds cannot be guessed.
 *
 * @throws GateError MANIFEST_INVALID
 */
export function auditRequest(object: ClusterObject, kind: AuditedKind, userInfo: UserInfo): AdmissionRequest {
  const request = buildRequest({ object, base: null, userInfo, namespace: 'default' })
  const resource = { group: kind.group, version: kind.version, resource: kind.resource }
  return { ...request, resource, requestResource: resource }
}

/** What is known beside the request. */
export function auditContext(now: Date, namespace: Context['namespace']): Context {
  return bareContext({ gate: 'audit', now: contextTime(now), namespace, provenance: PREDICTED })
}
