import type { Decision, ResourceReference, SetDecision, Violation } from '../../src/decision-types.js'

/** An object as a file holds it. */
export const RESOURCE: ResourceReference = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  file: 'envs/prod & test/web.yaml',
  line: 4,
}

/** A violation that denies, with a way out. */
export function violation(change: Partial<Violation> = {}): Violation {
  return {
    policy: 'host_ports',
    message: 'container "web" takes port 80 of the node',
    enforcementAction: 'deny',
    severity: 'high',
    path: '/spec/template/spec/containers/0/ports/0/hostPort',
    details: { container: 'web' },
    controls: ['PSS:baseline:hostPorts', 'CIS:5.2.13'],
    existing: false,
    remedy: { text: 'use a Service' },
    docs: 'https://docs.example/host-ports',
    ...change,
  }
}

/** The Decision of an object with one violation. */
export function decision(change: Partial<Decision> = {}): Decision {
  return {
    id: 'd1',
    subject: 's1',
    gate: 'cli',
    allowed: false,
    action: 'deny',
    actions: { cli: 'deny', argocd: 'deny', flux: 'deny', webhook: 'deny', audit: 'deny' },
    violations: [violation()],
    risk: null,
    anomaly: null,
    provenance: { class: 'approved', evidence: ['predicted'] },
    degraded: [],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle: { digest: 'sha256:12', revision: 'r1' },
    inputs: { related: null, rarity: null },
    resource: RESOURCE,
    ...change,
  }
}

/** The end of a set in which one object was denied. */
export function setEnd(change: Partial<SetDecision> = {}): Omit<SetDecision, 'decisions'> {
  return {
    id: 'set1',
    allowed: false,
    action: 'deny',
    violations: [],
    errors: [],
    bundle: { digest: 'sha256:12', revision: 'r1' },
    summary: { judged: 1, allowed: 0, warned: 0, denied: 1, errors: 0 },
    ...change,
  }
}
