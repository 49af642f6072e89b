import { readFile } from 'node:fs/promises'
import type { ApiObject } from './api-objects.js'

/** One event of the API server's audit log (audit.k8s.io/v1), as far as tests read it. */
export interface AuditEvent {
  readonly auditID: string
  readonly level: 'Metadata' | 'Request' | 'RequestResponse'
  readonly stage: string
  readonly requestURI: string
  readonly verb: string
  readonly user: AuditUser
  readonly impersonatedUser?: AuditUser
  readonly userAgent?: string
  readonly objectRef?: {
    readonly resource: string
    readonly namespace?: string
    readonly name?: string
    readonly apiGroup?: string
    readonly apiVersion?: string
    readonly subresource?: string
  }
  readonly responseStatus?: { readonly code: number; readonly reason?: string; readonly message?: string }
  readonly requestObject?: unknown
  readonly responseObject?: ApiObject
  readonly annotations?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** Who sent an audited request. */
export interface AuditUser {
  readonly username: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection']

/**
 * What is logged: writes with what was sent and answered, the rest as metadata. Nothing of what the API server does by
 * itself, of what the controllers only read, of probes, discovery, leases and Events; and never what is in a Secret or a
 * token. The first rule that matches counts.
 */
export const AUDIT_POLICY: object = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', users: ['system:apiserver'] },
    { level: 'None', users: ['system:kube-controller-manager'], verbs: ['get', 'list', 'watch'] },
    {
      level: 'None',
      nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/openapi/*', '/api*', '/apis*'],
    },
    {
      level: 'None',
      resources: [
        { group: '', resources: ['events'] },
        { group: 'events.k8s.io', resources: ['events'] },
        { group: 'coordination.k8s.io', resources: ['leases'] },
      ],
    },
    {
      level: 'Metadata',
      resources: [
        { group: '', resources: ['secrets', 'serviceaccounts/token'] },
        { group: 'authentication.k8s.io' },
        // Some are over a megabyte, and what is in them is known.
        { group: 'apiextensions.k8s.io' },
      ],
    },
    { level: 'RequestResponse', verbs: WRITES },
    { level: 'Metadata' },
  ],
}

/** Reads an audit log that may be written to meanwhile: a last line without its end is left for the next time. */
export async function readAuditLog(file: string): Promise<AuditEvent[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    // The API server makes the file with the first event.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  })
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as AuditEvent)
}
