import { checkAccess } from './checks/access.js'
import { checkCertificate } from './checks/certificate.js'
import { checkCluster } from './checks/cluster.js'
import { checkCoverage } from './checks/coverage.js'
import { checkOtherWebhooks } from './checks/other-webhooks.js'
import { checkRegistration } from './checks/registration.js'
import { checkReplicas } from './checks/replicas.js'
import type { ClusterFacts } from './facts.js'
import { type Finding, sortFindings } from './finding.js'

const CHECKS: readonly ((facts: ClusterFacts) => readonly Finding[])[] = [
  checkRegistration,
  checkCoverage,
  checkCertificate,
  checkReplicas,
  checkOtherWebhooks,
  checkCluster,
  checkAccess,
]

/** Everything that can be said about a cluster from what was seen of it: the same facts give the same findings. */
export function examineCluster(facts: ClusterFacts): readonly Finding[] {
  return sortFindings(CHECKS.flatMap(check => check(facts)))
}
