import type { Decision } from '../../src/decision-types.js'
import type { RecordFacts } from '../../src/provenance/record.js'

/** What records of tests are about. */
export const FACTS: RecordFacts = {
  at: '2026-01-31T12:00:00Z',
  application: 'shop',
  project: 'default',
  revision: 'abc',
}
/** A resource as a Decision names it. */
export const WEB = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  file: 'web.yaml',
  line: 3,
}
/** What no record may have. */
export const PASSWORD = 'hunter2-hunter2'

/** A denial that quotes a password wherever a Decision has text. */
export function quotingDecision(resource: Decision['resource']): Decision {
  const violation = {
    policy: 'run_as_root',
    message: `the password is ${PASSWORD}`,
    enforcementAction: 'deny' as const,
    severity: 'high' as const,
    path: '/data/password',
    details: { value: PASSWORD },
    controls: [],
    existing: false,
    docs: '',
  }
  return {
    id: 'decision-1',
    subject: 'subject-1',
    gate: 'argocd',
    allowed: false,
    action: 'deny',
    actions: { cli: 'deny', argocd: 'deny', flux: 'deny', webhook: 'deny', audit: 'deny' },
    violations: [violation],
    risk: {
      score: 0.5,
      band: 'low',
      kind: 'object',
      threshold: 0.9,
      pValue: 1,
      contributions: [{ feature: 'f', value: 1, contribution: 1, paths: ['/data'], text: PASSWORD }],
      model: { digest: 'sha256:1', version: '1' },
    },
    anomaly: null,
    provenance: { class: 'approved', evidence: ['predicted'] },
    degraded: [{ code: 'POLICY_FAILED', text: PASSWORD }],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle: { digest: 'sha256:2', revision: 'r' },
    inputs: { related: null, rarity: null },
    resource,
  }
}
