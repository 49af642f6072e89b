import { checkAccess } from './checks/access.js'
import { checkArgoCd } from './checks/argocd.js'
import { checkCertificate } from './checks/certificate.js'
import { checkCluster } from './checks/cluster.js'
import { checkCoverage } from './checks/coverage.js'
import { checkFluxDoors } from './checks/flux-doors.js'
import { checkFlux } from './checks/flux.js'
import { checkOtherWebhooks } from './checks/other-webhooks.js'
import { checkRegistration } from './checks/registration.js'
import { checkReplicas } from './checks/replicas.js'
import type { ClusterFacts } from './facts.js'
import { type Finding, sortFindings } from './finding.js'
import { type LiveEntries, liveEntries } from './live-entries.js'

/** @param live null: there is no configuration that could be seen */
type Check = (facts: ClusterFacts, live: LiveEntries | null) => readonly Finding[]

const CHECKS: readonly Check[] = [
  checkRegistration,
  checkCoverage,
  checkCertificate,
  checkReplicas,
  checkOtherWebhooks,
  checkArgoCd,
  checkFlux,
  checkFluxDoors,
  checkCluster,
  checkAccess,
]

/** Everything that can be said about a cluster from what was seen of it: the same facts give the same findings. */
export function examineCluster(facts: ClusterFacts): readonly Finding[] {
  const live = liveEntries(facts)
  return sortFindings(CHECKS.flatMap(check => check(facts, live)))
}
